"""The command line as typed records: argv in, one frozen record for each command out.

Durations, rates and counts are parsed here and nowhere else, so what is wrong with one is said before anything is
read or sent. Beyond this module nobody sees argparse or its Namespace. What only the settings can tell (the folder,
the time series) stays None here and is filled in by `job`.
"""

from __future__ import annotations

import os
from argparse import Namespace
from dataclasses import dataclass
from typing import Sequence

from ifcbscan.cli.parser import SCAN_JOBS
from ifcbscan.config import parse_duration, parse_rate
from ifcbscan.errors import ExitCode, UsageError


@dataclass(frozen=True)
class JobArguments:
    """Which bins, and where to: DIR, TIME_SERIES and --env-file, each None if it was not given."""

    directory: str | None
    time_series: str | None
    env_file: str | None


@dataclass(frozen=True)
class OutputArguments:
    """What is told, and where. `log_file` as it was given."""

    as_json: bool = False
    log_file: str | None = None
    verbose: bool = False
    quiet: bool = False


@dataclass(frozen=True)
class Arguments:
    """The options of one command."""

    @property
    def quiet(self) -> bool:
        """Whether only errors are to be printed."""
        return False


@dataclass(frozen=True)
class ScanArguments(Arguments):
    """`--once`, `sync`, and the scan at the end of `start`.

    `by_hand`: a person has asked for this scan and looks on. Times in seconds and `bandwidth` in bytes a second; None is
    what the settings say, of `max_age` and `time_limit` no limit. `jobs`: bins sent at the same time.
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
    bandwidth: float | None = None
    metrics_file: str | None = None
    ping_url: str | None = None

    @property
    def quiet(self) -> bool:
        return self.output.quiet


@dataclass(frozen=True)
class VerifyArguments(Arguments):
    """`verify`. Times in seconds; None is what the settings say, of `max_age` no limit. `jobs`: bins read at the same time.

    `deletable`: the file for the paths, as it was given; `null_separated`: NUL and not a line end after each path.
    """

    job: JobArguments
    output: OutputArguments
    exclude: tuple[str, ...]
    max_age: float | None
    settle: float | None
    jobs: int
    published: bool
    download: bool
    deletable: str | None
    deletable_after: float | None
    null_separated: bool

    @property
    def quiet(self) -> bool:
        return self.output.quiet


@dataclass(frozen=True)
class StartArguments(Arguments):
    """`start`. `show_only`: print what would be installed; `send_now`: then send what is there already."""

    job: JobArguments
    force: bool
    restart: bool
    show_only: bool
    send_now: bool
    system_account: bool


@dataclass(frozen=True)
class StopArguments(Arguments):
    """`stop`. `what` is a folder or a time series."""

    what: str
    system_account: bool


@dataclass(frozen=True)
class StatusArguments(Arguments):
    """`status`."""

    as_json: bool


@dataclass(frozen=True)
class ListArguments(Arguments):
    """`list`."""

    env_file: str | None
    as_json: bool


@dataclass(frozen=True)
class CheckArguments(Arguments):
    """`check`. `write`: also try to write into the bucket."""

    job: JobArguments
    write: bool


@dataclass(frozen=True)
class ReportArguments(Arguments):
    """`report`. `output`: the file for the page, as it was given."""

    job: JobArguments
    exclude: tuple[str, ...]
    output: str | None
    as_json: bool
    published: bool
    images: bool
    open_browser: bool


@dataclass(frozen=True)
class DemoArguments(Arguments):
    """`demo` has no options."""


def parse(argv: Sequence[str]) -> Namespace:
    """The words of a command line, taken apart. Exits with 2 and a usage line if they cannot be understood."""
    from ifcbscan.cli.parser import build_parser

    parser = build_parser()
    if "_ARGCOMPLETE" in os.environ:  # a shell asks what could come next, see docs/completion.md
        import argcomplete

        argcomplete.autocomplete(parser)
    words, left_over = parser.parse_known_args(_once_as_command(argv))
    half = getattr(words, "directory", None) and not getattr(words, "time_series", "")
    if half and left_over:
        # argparse fills optional words only where they stand side by side: DIR --json TIME_SERIES
        words.time_series = left_over.pop(0) if not left_over[0].startswith("-") else None
    if left_over:
        parser.prog = f"ifcbscan {words.command or ''}".rstrip()
        parser.error("unrecognized arguments: {}".format(" ".join(left_over)))
    if words.command is None:
        parser.print_help()
        raise SystemExit(ExitCode.USAGE)
    return words


def _once_as_command(argv: Sequence[str]) -> list[str]:
    """`argv` with `--once`, wherever it stands, turned into the command `once`."""
    given = list(argv)
    before_dashes = given[: given.index("--")] if "--" in given else given
    if "--once" not in before_dashes:
        return given
    given.remove("--once")
    return ["once"] + given


# One function a command: from the Namespace to its record. Each may raise UsageError and ConfigError.


def scan_arguments(words: Namespace) -> ScanArguments:
    """Of `once` and `sync`."""
    return ScanArguments(
        job=_job(words),
        output=_output(words),
        by_hand=words.command == "sync",
        content=words.content,
        dry_run=words.dry_run,
        force=words.force,
        replace=words.replace,
        retry_rejected=words.retry_rejected,
        check_integrity=not words.no_integrity_check,
        exclude=tuple(words.exclude),
        jobs=_count(words.jobs, "--jobs"),
        settle=_duration(words.settle, "--settle"),
        confirm=_duration(words.confirm, "--confirm"),
        max_age=_duration(words.max_age, "--max-age"),
        time_limit=_duration(words.time_limit, "--time-limit"),
        bandwidth=parse_rate(words.bandwidth, "--bandwidth") if words.bandwidth else None,
        metrics_file=words.metrics_file,
        ping_url=words.ping,
    )


def verify_arguments(words: Namespace) -> VerifyArguments:
    """Of `verify`."""
    jobs = _count(words.jobs, "--jobs")
    if words.null and not words.deletable:
        raise UsageError("-0 goes with --deletable FILE.")
    if words.deletable_after is not None and not words.deletable:
        raise UsageError("--deletable-after goes with --deletable FILE.")
    return VerifyArguments(
        job=_job(words),
        output=_output(words),
        exclude=tuple(words.exclude),
        max_age=_duration(words.max_age, "--max-age"),
        settle=_duration(words.settle, "--settle"),
        jobs=jobs,
        published=words.published,
        download=words.download,
        deletable=words.deletable or None,
        deletable_after=_duration(words.deletable_after, "--deletable-after"),
        null_separated=words.null,
    )


def start_arguments(words: Namespace) -> StartArguments:
    """Of `start`."""
    return StartArguments(
        job=_job(words),
        force=words.force,
        restart=words.restart,
        show_only=words.print,
        send_now=not words.no_sync,
        system_account=words.system,
    )


def stop_arguments(words: Namespace) -> StopArguments:
    """Of `stop`."""
    return StopArguments(words.what, words.system)


def status_arguments(words: Namespace) -> StatusArguments:
    """Of `status`."""
    return StatusArguments(words.json)


def list_arguments(words: Namespace) -> ListArguments:
    """Of `list`."""
    return ListArguments(words.env_file, words.json)


def check_arguments(words: Namespace) -> CheckArguments:
    """Of `check`."""
    return CheckArguments(_job(words), words.write)


def report_arguments(words: Namespace) -> ReportArguments:
    """Of `report`."""
    return ReportArguments(
        job=_job(words),
        exclude=tuple(words.exclude),
        output=words.output,
        as_json=words.json,
        published=words.published,
        images=words.images,
        open_browser=words.open,
    )


def demo_arguments(_words: Namespace) -> DemoArguments:
    """Of `demo`."""
    return DemoArguments()


def _job(words: Namespace) -> JobArguments:
    return JobArguments(words.directory, words.time_series, words.env_file)


def _output(words: Namespace) -> OutputArguments:
    return OutputArguments(words.json, words.log_file, words.verbose, words.quiet)


def _duration(text: str | None, option: str) -> float | None:
    return None if text is None else parse_duration(text, option)


def _count(number: int, option: str) -> int:
    if number < 1:
        raise UsageError(f"{option} must be at least 1.")
    return number
