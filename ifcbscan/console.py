"""What people see: lines on stderr, results on stdout, and the log file."""

from __future__ import annotations

import contextlib
import json
import logging
import logging.handlers
import os
import sys
import time
from typing import Any, Sequence

from ifcbscan import locks
from ifcbscan.bins import Fileset
from ifcbscan.errors import OutputLost
from ifcbscan.outcome import Problem, ScanReport, summary, worth_telling
from ifcbscan.progress import Progress
from ifcbscan.uploader import BinJob, Listener

log = logging.getLogger("ifcbscan")

#: The log and four older parts of it together stay below 10 MB.
_LOG_PART = 1900000
_LOG_PARTS = 4

#: So many bins in trouble are named one by one; a thousand lines help nobody.
_MOST_PROBLEMS = 20


def make_streams_forgiving() -> None:
    """A file name that the console cannot show must not end a run (cp1252 on Windows, LANG=C)."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # pythonw.exe, which the Task Scheduler starts, has none
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


class _LogFile(logging.handlers.RotatingFileHandler):
    """A rotating file that only its owner can read, and whose troubles never reach a run."""

    def _open(self) -> Any:
        def private(path: str, flags: int) -> int:
            with contextlib.suppress(FileExistsError):
                return locks.make_file(path, flags, 0o600)
            return os.open(path, flags, 0o600)

        return open(
            self.baseFilename,
            self.mode,
            encoding="utf-8",
            errors="backslashreplace",
            opener=private,
        )

    def doRollover(self) -> None:
        # On Windows a file that another run has open cannot be renamed: then it grows a little longer.
        try:
            super().doRollover()
        except OSError:
            if self.stream is None:
                self.stream = self._open()

    def handleError(self, record: logging.LogRecord) -> None:
        pass  # a full disk must not keep data from being sent


class _UtcFormatter(logging.Formatter):
    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        return _one_line(super().format(record))


def open_log(path: str | None) -> str | None:
    """Log to `path` from now on. Returns a warning if that is not possible; the run goes on without."""
    log.setLevel(logging.INFO)
    log.propagate = False
    log.handlers[:] = [logging.NullHandler()]
    if path is None:
        return None
    full_path = os.path.abspath(os.path.expanduser(path))
    try:
        locks.make_folder(os.path.dirname(full_path))
        handler = _LogFile(full_path, maxBytes=_LOG_PART, backupCount=_LOG_PARTS)
    except OSError as error:
        return f"the log file {full_path} cannot be written ({error.strerror}); this run goes on without it"
    handler.setFormatter(_UtcFormatter("%(asctime)sZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S"))
    log.addHandler(handler)
    return None


def close_log() -> None:
    """Let go of the log file."""
    for handler in log.handlers[:]:
        with contextlib.suppress(OSError):
            handler.close()
        log.removeHandler(handler)


def _one_line(text: str) -> str:
    # The name of a folder or file in it may hold what forges a line or steers a terminal.
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def say(line: str) -> None:
    """A line for the person at the terminal, or for cron's mail."""
    with contextlib.suppress(OSError):  # a closed terminal must not keep data from being sent
        print(_one_line(line), file=sys.stderr, flush=True)


def result(line: str) -> None:
    """A line of what was asked for, on stdout."""
    try:
        print(line, flush=True)
    except BrokenPipeError:
        # Whoever reads it (head, less) has seen enough; Python would complain once more at its end.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    except OSError as error:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        raise OutputLost(
            f"What was asked for could not be printed: {error.strerror}. What was done before is done; print it to a disk "
            "with room."
        ) from None


def say_error(line: str, logged: bool = False) -> None:
    """A line that says why a command ended, on stderr and, unless it is there already, in the log."""
    say("ifcbscan: " + line)
    if not logged:
        log.error("%s", line)


class ScanPrinter(Listener):
    """Tells of each bin of a scan: what was sent in the log, everything on stderr with --verbose."""

    def __init__(self, verbose: bool, progress: Progress) -> None:
        self._verbose = verbose
        self._progress = progress

    def begin(self, bins: int, size: int) -> None:
        self._progress.begin(bins, size)

    def left_alone(self, local: Fileset, state: str, reason: str) -> None:
        if self._verbose:
            say(f"{local.pid} {state}: {reason}")

    def waiting(self, bins: int) -> None:
        self._progress.waiting(bins)

    def bin_done(self, job: BinJob, state: str, reason: str) -> None:
        self._progress.bin_done(job.local.pid)
        text = "{} {}{}".format(job.local.pid, state, ": " + reason if reason else "")
        if job.files_sent:
            log.info("%s (%d files, %d bytes sent)", text, job.files_sent, job.bytes_sent)
        if self._verbose:
            say(text)

    def end(self) -> None:
        self._progress.end()


def say_problems(problems: Sequence[Problem], warnings: Sequence[str]) -> None:
    """The bins in trouble, each with its reason, and the warnings."""
    for problem in problems[:_MOST_PROBLEMS]:
        say(f"  {problem.pid}  {problem.state}: {problem.reason}")
    if len(problems) > _MOST_PROBLEMS:
        say(f"  ... and {len(problems) - _MOST_PROBLEMS:,} more; --json lists them all")
    for warning in warnings:
        say("  warning: " + warning)


def print_report(report: ScanReport, as_json: bool, quiet: bool, interactive: bool) -> None:
    """The end of a run: the summary, each problem with its reason, and the JSON if asked for."""
    if not quiet and (interactive or worth_telling(report)):
        say(summary(report))
        say_problems(report.problems, report.warnings)
    if report.ended_by:
        say("ifcbscan: " + report.ended_by)
    if as_json:
        result(json.dumps(report.to_json(), indent=2))
