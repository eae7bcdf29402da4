"""The options of every command but the scan, as typed records; see `options`. The every-minute scan does not load this."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass

from ifcbscan.cli.options import (
    JobArguments,
    OutputArguments,
    count,
    duration,
    job_arguments,
    output_arguments,
    window,
)
from ifcbscan.core.units import parse_with_unit
from ifcbscan.core.window import EVERYTHING, Window
from ifcbscan.errors import UsageError


@dataclass(frozen=True)
class VerifyArguments:
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
    window: Window = EVERYTHING


@dataclass(frozen=True)
class StartArguments:
    """`start`. `show_only`: print what would be installed; `send_now`: then send what is there already.

    `answered`: nothing is to be asked about what lies in the folder already.
    """

    job: JobArguments
    force: bool
    restart: bool
    show_only: bool
    send_now: bool
    system_account: bool
    window: Window = EVERYTHING
    answered: bool = False


@dataclass(frozen=True)
class StopArguments:
    """`stop`. `what` is a folder or a time series, None for all jobs."""

    what: str | None
    system_account: bool


@dataclass(frozen=True)
class StatusArguments:
    """`status`. `what` is a folder or a time series, None for all jobs."""

    as_json: bool
    what: str | None = None


@dataclass(frozen=True)
class ListArguments:
    """`list`."""

    env_file: str | None
    as_json: bool


@dataclass(frozen=True)
class CheckArguments:
    """`check`. `write`: also try to write into the bucket."""

    job: JobArguments
    write: bool


@dataclass(frozen=True)
class ReportArguments:
    """`report`. `output`: the file for the page, as it was given."""

    job: JobArguments
    exclude: tuple[str, ...]
    output: str | None
    as_json: bool
    published: bool
    images: bool
    open_browser: bool
    window: Window = EVERYTHING


@dataclass(frozen=True)
class DemoArguments:
    """`demo` has no options."""


# One function a command: from the Namespace to its record. Each may raise UsageError and ConfigError.


def verify_arguments(words: Namespace) -> VerifyArguments:
    """Of `verify`."""
    jobs = count(words.jobs, "--jobs")
    if words.null and not words.deletable:
        raise UsageError("-0 goes with --deletable FILE.")
    if words.deletable_after is not None and not words.deletable:
        raise UsageError("--deletable-after goes with --deletable FILE.")
    return VerifyArguments(
        job=job_arguments(words),
        output=output_arguments(words),
        exclude=tuple(words.exclude),
        max_age=duration(words.max_age, "--max-age"),
        settle=duration(words.settle, "--settle"),
        jobs=jobs,
        published=words.published,
        download=words.download,
        deletable=words.deletable,
        deletable_after=None
        if words.deletable_after is None
        else parse_with_unit(words.deletable_after, "--deletable-after"),
        null_separated=words.null,
        window=window(words),
    )


def start_arguments(words: Namespace) -> StartArguments:
    """Of `start`."""
    return StartArguments(
        job=job_arguments(words),
        force=words.force,
        restart=words.restart,
        show_only=words.print,
        send_now=not words.no_sync,
        system_account=words.system,
        window=window(words),
        answered=words.yes or words.since is not None,
    )


def stop_arguments(words: Namespace) -> StopArguments:
    """Of `stop`. Raises UsageError."""
    if words.all and words.what is not None:
        raise UsageError(
            f"--all ends every job, and {words.what} is one of them. Nothing was done; give one of the two."
        )
    if not words.all and words.what is None:
        raise UsageError("Which job? Please give the folder or the time series, or --all. Nothing was done.")
    return StopArguments(words.what, words.system)


def status_arguments(words: Namespace) -> StatusArguments:
    """Of `status`."""
    return StatusArguments(words.json, words.what)


def list_arguments(words: Namespace) -> ListArguments:
    """Of `list`."""
    return ListArguments(words.env_file, words.json)


def check_arguments(words: Namespace) -> CheckArguments:
    """Of `check`."""
    return CheckArguments(job_arguments(words), words.write)


def report_arguments(words: Namespace) -> ReportArguments:
    """Of `report`."""
    return ReportArguments(
        job=job_arguments(words),
        exclude=tuple(words.exclude),
        output=words.output,
        as_json=words.json,
        published=words.published,
        images=words.images,
        open_browser=words.open,
        window=window(words),
    )


def demo_arguments(_words: Namespace) -> DemoArguments:
    """Of `demo`."""
    return DemoArguments()
