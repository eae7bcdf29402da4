"""The command line as typed records: argv in, one frozen record for each command out.

Durations, rates and counts are parsed here and nowhere else, so what is wrong with one is said before anything is
read or sent. Beyond this module, `more_options` and the table in `main` nobody sees argparse's Namespace. What only the
settings can tell (the folder, the time series) stays None here and is filled in by `job`.

Here are the parsing, what commands share, and the options of a scan; the other commands' are in `more_options`, which
the every-minute scan does not load.
"""

from __future__ import annotations

import os
import time
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Iterable, NamedTuple, Sequence

from ifcbscan.cli.parser import SCAN_JOBS
from ifcbscan.core.units import parse_daily, parse_duration, parse_folder_names, parse_interval
from ifcbscan.core.window import EVERYTHING, Window, make_window
from ifcbscan.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from ifcbscan.core.timetable import Timetable

#: So many bins at the same time, at most: each takes a thread and a connection, and the server slows down who has many.
MOST_JOBS = 64


class JobArguments(NamedTuple):
    """Which bins, and where to: DIR, TIME_SERIES and --env-file, each None if it was not given."""

    directory: str | None
    time_series: str | None
    env_file: str | None


class OutputArguments(NamedTuple):
    """What is told, and where. `log_file` as it was given."""

    as_json: bool = False
    log_file: str | None = None
    verbose: bool = False
    quiet: bool = False


class ScanArguments(NamedTuple):
    """`--once`, `sync`, and the scan at the end of `start`.

    `by_hand`: a person has asked for this scan and looks on. Times in seconds; None is
    what the settings say, of `max_age` and `time_limit` no limit. `max_daily`: bytes, infinite for no limit. `jobs`: bins sent at the same time.
    `expect_every`: a new bin is expected every so many seconds, None is what the settings say. `mounted_at`: the mount point
    that DIR lay on when the schedule was made, None if it is not known or the root's.
    `beside`: another scan than that of the scheduled job (other bins, other settings), so its records stay as they are.
    `scheduled_as`: the name under which DIR stands in the schedule, None if it does not. `job_log`: False where `log_file` is
    not the log of the scheduled job. `watched`: whether those whom the settings name (PING_URL, METRICS_DIR) are told.
    """

    job: JobArguments
    output: OutputArguments = OutputArguments()
    by_hand: bool = False
    content: bool = False
    dry_run: bool = False
    force: bool = False
    replace: bool = False
    retry_rejected: bool = False
    check_integrity: bool = True
    exclude: tuple[str, ...] = ()
    max_age: float | None = None
    time_limit: float | None = None
    settle: float | None = None
    confirm: float | None = None
    jobs: int = SCAN_JOBS
    bandwidth: Timetable | None = None
    max_daily: float | None = None
    metrics_file: str | None = None
    metrics_dir: str | None = None
    ping_url: str | None = None
    window: Window = EVERYTHING
    beside: bool = False
    expect_every: float | None = None
    mounted_at: str | None = None
    scheduled_as: str | None = None
    job_log: bool = True
    watched: bool = True


def parse(argv: Sequence[str]) -> Namespace:
    """The words of a command line, taken apart. Exits with 2 and a usage line if they cannot be understood."""
    from ifcbscan.cli.parser import build_parser

    parser = build_parser()
    if "_ARGCOMPLETE" in os.environ:  # a shell asks what could come next, see docs/completion.md
        import argcomplete

        from ifcbscan.cli import completion

        completion.once_as_command(os.environ)
        completion.prepare(parser, _commands(parser).values())
        argcomplete.autocomplete(parser)
    given = _as_commands(argv)
    _check_first_words(parser, given)
    words, left_over = parser.parse_known_args(given)
    half = getattr(words, "directory", None) and not getattr(words, "time_series", "")
    if half and left_over:
        # argparse fills optional words only where they stand side by side: DIR --json TIME_SERIES
        words.time_series = left_over.pop(0) if not left_over[0].startswith("-") else None
    if left_over:
        parser.prog = f"ifcbscan {words.command or ''}".rstrip()
        _refuse(parser, left_over, _options(_commands(parser).get(words.command, parser)))
    if words.command is None:
        parser.print_help()
        raise SystemExit(ExitCode.USAGE)
    return words


def _check_first_words(parser: ArgumentParser, given: Sequence[str]) -> None:
    """Exits with 2 if the first word is neither a command nor an option of the program; argparse would be long about it."""
    if not given:
        return
    first = given[0]
    if first.startswith("--") and not any(option.startswith(first) for option in _options(parser)):
        _refuse(parser, [first], _options(parser))
    if not first.startswith("-") and first not in _commands(parser):
        from ifcbscan.cli.hints import of_command

        _refuse_with(parser, f"there is no command {first!r}", of_command(first, _commands(parser)))


def _refuse(parser: ArgumentParser, left_over: Sequence[str], options: Sequence[str]) -> None:
    from ifcbscan.cli.hints import of_words

    _refuse_with(
        parser, "unrecognized arguments: {}".format(" ".join(left_over)), of_words(left_over, options)
    )


def _refuse_with(parser: ArgumentParser, message: str, hint: str) -> None:
    # The parser ends what it is told with a full stop.
    ending = hint[:-1] if hint.endswith(".") else hint
    parser.error(f"{message}. {ending}" if hint else message)


def _commands(parser: ArgumentParser) -> dict[str, ArgumentParser]:
    (found,) = (action.choices for action in parser._actions if action.dest == "command")
    return dict(found or {})


def _options(parser: ArgumentParser) -> list[str]:
    return [option for action in parser._actions for option in action.option_strings]


def _as_commands(argv: Sequence[str]) -> list[str]:
    """`argv` with `--once`, wherever it stands, turned into the command `once`; and `help`, `version` into options."""
    given = list(argv)
    if given[:1] == ["version"]:
        return ["--version", *given[1:]]
    if given[:1] == ["help"]:
        return [*given[1:2], "--help"]
    before_dashes = given[: given.index("--")] if "--" in given else given
    if "--once" not in before_dashes:
        return given
    given.remove("--once")
    return ["once"] + given


def scan_arguments(words: Namespace) -> ScanArguments:
    """Of `once` and `sync`."""
    return ScanArguments(
        job=job_arguments(words),
        output=output_arguments(words),
        by_hand=words.command == "sync",
        content=words.content,
        dry_run=words.dry_run,
        force=words.force,
        replace=words.replace,
        retry_rejected=words.retry_rejected,
        check_integrity=not words.no_integrity_check,
        exclude=excluded(words.exclude),
        jobs=count(words.jobs, "--jobs"),
        settle=duration(words.settle, "--settle"),
        confirm=duration(words.confirm, "--confirm"),
        max_age=duration(words.max_age, "--max-age"),
        time_limit=duration(words.time_limit, "--time-limit"),
        bandwidth=bandwidth(words.bandwidth),
        max_daily=None if words.max_daily is None else parse_daily(words.max_daily, "--max-daily"),
        metrics_file=words.metrics_file,
        metrics_dir=words.metrics_dir,
        ping_url=words.ping,
        window=window(words),
        expect_every=parse_interval(words.expect_every, "--expect-every")
        if words.expect_every is not None
        else None,
        mounted_at=words.mounted_at,
    )


def job_arguments(words: Namespace) -> JobArguments:
    """Of every command that is about one job."""
    return JobArguments(words.directory, words.time_series, words.env_file)


def output_arguments(words: Namespace) -> OutputArguments:
    """Of `once`, `sync` and `verify`."""
    return OutputArguments(words.json, words.log_file, words.verbose, words.quiet)


def window(words: Namespace) -> Window:
    """Of the commands that have --since, --until and --instrument. Raises UsageError.

    `now` is this computer's time: on the instrument it is the clock that names the bins.
    """
    return make_window(words.since, words.until, words.instrument, time.time())


def excluded(names: Iterable[str]) -> tuple[str, ...]:
    """What `--exclude` names. Raises ConfigError."""
    return tuple(name for text in names for name in parse_folder_names(text, "--exclude"))


def bandwidth(text: str | None) -> Timetable | None:
    """What `--bandwidth` says, None if it was not given. Raises ConfigError."""
    if not text:
        return None
    from ifcbscan.core.timetable import parse_timetable

    return parse_timetable(text, "--bandwidth")


def duration(text: str | None, option: str) -> float | None:
    """Seconds, None if the option was not given. Raises ConfigError that names the option."""
    return None if text is None else parse_duration(text, option)


def count(number: int, option: str) -> int:
    """`number`, which must be 1 to `MOST_JOBS`. Raises UsageError that names the option."""
    if not 1 <= number <= MOST_JOBS:
        raise UsageError(f"{option} must be at least 1 and at most {MOST_JOBS}.")
    return number
