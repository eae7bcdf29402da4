"""What breaks before a scan can begin: the record of the last run, the log, the metrics and the monitor are told all the same.

The settings file is gone or has a bad line, an option in an edited entry of the schedule is misspelt, the log would
destroy something: whatever it is, the job is known from the words of the command line alone, which are read here without
judging them.

Who is told, and when:

- The record, which `status` shows, belongs to the scheduled job. It is written only for a command line that `status` would
  recognise in a schedule (`--once DIR TIME_SERIES`, `--env-file`, `--log-file`) and that is quiet as one of a schedule is.
  Somebody who makes a mistake in a command of their own must not change what `status` says of the scheduled scans.
- The monitor and the metrics are told whenever the words name them; those of the settings (as much of them as can be read),
  like the record, for a command line of a schedule only.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from typing import NamedTuple, NoReturn, Sequence

from ifcbscan.cli.after_run import AfterRun
from ifcbscan.cli.endings import ending_of
from ifcbscan.cli.job import open_log_for_an_error
from ifcbscan.cli.log import check_beside_log, close_log
from ifcbscan.cli.metrics_target import own_file
from ifcbscan.cli.targets import absolute, check_target, current_folder, is_metrics
from ifcbscan.env_file import value_of
from ifcbscan.errors import AlreadyRunning, IfcbscanError, Interrupted, OutputLost, UsageError


class _Words(NamedTuple):
    """What a command line says of who is to be told. `job`: the folder and the time series, None if it names none."""

    job: tuple[str, str] | None
    mode: str
    scheduled: bool
    log_file: str | None
    metrics_file: str | None
    metrics_dir: str | None
    env_file: str | None
    ping_url: str | None


class _Reader(argparse.ArgumentParser):
    """Reads the options that count here, as the command line does (`--log-file=...`, abbreviations), and passes over others."""

    def __init__(self) -> None:
        super().__init__(add_help=False)
        for name in ("--log-file", "--metrics-file", "--metrics-dir", "--env-file", "--ping", "--max-age"):
            self.add_argument(name)
        self.add_argument("--dry-run", action="store_true")
        self.add_argument("--quiet", "-q", action="store_true")

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def tell(given: Sequence[str], error: Exception) -> None:
    """Tell who watches the job of this command line (without the program) that its scan could not begin. Never fails.

    Nothing is done for what is no failure, or has been told by the scan itself.
    """
    if isinstance(error, (AlreadyRunning, Interrupted, OutputLost)) or getattr(error, "recorded", False):
        return
    with contextlib.suppress(Exception):  # the error itself is what matters
        words = _read(list(given))
        if words is not None:
            _tell(words, error)


def _tell(words: _Words, error: Exception) -> None:
    ending = ending_of(error, sends=True)
    after_run = _after_run(words)
    if words.scheduled:
        close_log()
        open_log_for_an_error(words.log_file)
        if isinstance(error, IfcbscanError):
            error.logged = error.recorded = True
        after_run.failed(ending.summary, ending.exit_code)
    else:
        after_run.told_outside(ending.summary, ending.exit_code)


def _after_run(words: _Words) -> AfterRun:
    directory, time_series = words.job or ("", "")
    url = words.ping_url
    if url is None and words.scheduled:
        url = value_of("PING_URL", os.environ, words.env_file, current_folder())
    ping = None
    if url:
        from ifcbscan.monitor.ping import TIME_SERIES, Ping, filled_in

        if time_series or TIME_SERIES not in url:  # else it would be the address of no job
            ping = Ping(filled_in(url, time_series))
    return AfterRun(
        directory=directory,
        time_series=time_series,
        mode=words.mode,
        log_file=words.log_file if words.scheduled else None,
        metrics_file=_metrics_file(words),
        ping=ping,
        quiet=True,  # a person who looks on has the error to think about
        recorded=words.scheduled,
    )


def _metrics_file(words: _Words) -> str | None:
    """The file for metrics; None where it may be what must not be written to (that may be the very error)."""
    path = words.metrics_file
    if words.job is not None and path is None:
        folder = words.metrics_dir or value_of("METRICS_DIR", os.environ, words.env_file, current_folder())
        path = own_file(folder, *words.job) if folder and words.scheduled else None
    if words.job is None or path is None:
        return None
    try:
        check_target("--metrics-file", absolute(path), is_metrics, None)
        check_beside_log(path, "--metrics-file", words.log_file)
    except UsageError:
        return None
    return path


def _read(given: list[str]) -> _Words | None:
    """What the words say; None if they are none of a scan that sends, or cannot be read at all."""
    if "--once" not in given and given[:1] not in (["once"], ["sync"]):
        return None
    options, others = _Reader().parse_known_args(given)
    if options.dry_run:
        return None
    job = _job(given)
    return _Words(
        job,
        "full" if options.max_age is None else "recent",
        options.quiet and job is not None and _is_of_schedule(given),
        options.log_file,
        options.metrics_file,
        options.metrics_dir,
        options.env_file,
        options.ping,
    )


def _job(given: Sequence[str]) -> tuple[str, str] | None:
    """The folder (absolute) and the time series that stand behind the command."""
    begin = given.index("--once") if "--once" in given else 0
    named = given[begin + 1 : begin + 3]
    if len(named) < 2 or any(word.startswith("-") for word in named):
        return None
    return absolute(named[0]), named[1]


def _is_of_schedule(given: Sequence[str]) -> bool:
    from ifcbscan.cli.schedule_view import scheduled_jobs
    from ifcbscan.schedule.jobs import parse_command

    entry = parse_command([sys.executable, "-m", "ifcbscan", *given])
    if entry is None:
        return False
    known = [job for job in scheduled_jobs() if job.id == entry.job.id]
    said = (entry.job.log_file, entry.job.env_file)
    return not known or any((job.log_file, job.env_file) == said for job in known)
