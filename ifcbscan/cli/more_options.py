"""The options of every command but the scan, as typed records; see `options`. The every-minute scan does not load this."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass

from ifcbscan.cli.options import (
    JobArguments,
    OutputArguments,
    count,
    duration,
    excluded,
    job_arguments,
    output_arguments,
    window,
)
from ifcbscan.cli.targets import absolute
from ifcbscan.core.part import Part, parse_part
from ifcbscan.core.timetable import parse_timetable
from ifcbscan.core.units import parse_daily, parse_interval, parse_size, parse_with_unit
from ifcbscan.core.window import EVERYTHING, Window
from ifcbscan.core.words import human_bytes
from ifcbscan.errors import UsageError
from ifcbscan.schedule.extras import NO_EXTRAS, JobExtras

#: Bytes: the largest .roi of a bloom has some 100 MB, and a trial is held in memory.
_LARGEST_TRIAL = 500 * 1000 * 1000


@dataclass(frozen=True)
class VerifyArguments:
    """`verify`. Times in seconds; None is what the settings say, of `max_age` no limit. `jobs`: bins read at the same time.

    `deletable`: the file for the paths, as it was given; `null_separated`: NUL and not a line end after each path.
    `part`: the bins of this part alone, None is all.
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
    part: Part | None = None


@dataclass(frozen=True)
class SetupArguments:
    """`setup`. The answers that were given beforehand, each None if it was not; `secret_file` holds the secret.

    `yes`: nothing is to be asked. `force`: the time series is wanted although the dashboard may not know it. `window`: which
    bins the job is for. `answered`: `start`, which follows, is to ask nothing about what lies in the folder already.
    """

    job: JobArguments
    account: str | None
    key_id: str | None
    secret_file: str | None
    window: Window
    force: bool
    yes: bool
    answered: bool
    no_start: bool
    print_template: bool


@dataclass(frozen=True)
class StartArguments:
    """`start`. `show_only`: print what would be installed; `send_now`: then send what is there already.

    `answered`: nothing is to be asked about what lies in the folder already. `extras`: what the schedule's scans are to be
    given besides, as it was typed; a folder in it is absolute.
    """

    job: JobArguments
    force: bool
    restart: bool
    show_only: bool
    send_now: bool
    system_account: bool
    window: Window = EVERYTHING
    answered: bool = False
    extras: JobExtras = NO_EXTRAS


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
    """`check`. `write`: also try to write into the bucket. `write_size`: and a file of so many bytes, None is no such.

    `cron`: also let cron run a scan that sends nothing, and wait for its answer.
    `bundle`: the file for what the maintainers need, as it was given.
    """

    job: JobArguments
    write: bool
    write_size: int | None = None
    cron: bool = False
    bundle: str | None = None


@dataclass(frozen=True)
class ReportArguments:
    """`report`. `output`: the file for the page, as it was given; with `all_jobs` the folder for those of all scheduled jobs.

    `expect_every`: a new bin is expected every so many seconds, None is what the schedule and the settings say.
    """

    job: JobArguments
    exclude: tuple[str, ...]
    output: str | None
    as_json: bool
    published: bool
    images: bool
    open_browser: bool
    window: Window = EVERYTHING
    all_jobs: bool = False
    expect_every: float | None = None


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
        exclude=excluded(words.exclude),
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
        part=None if words.part is None else parse_part(words.part, "--part"),
    )


def setup_arguments(words: Namespace) -> SetupArguments:
    """Of `setup`."""
    return SetupArguments(
        job=job_arguments(words),
        account=words.account,
        key_id=words.key_id,
        secret_file=words.secret_file,
        window=window(words),
        force=words.force,
        yes=words.yes,
        answered=words.yes or words.since is not None,
        no_start=words.no_start,
        print_template=words.print_template,
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
        extras=_extras(words),
    )


def _extras(words: Namespace) -> JobExtras:
    """Of `start`. What a scan would not take is refused here, and not by each of the scans; so is an age without a unit.

    Raises UsageError and ConfigError.
    """
    for text, option in ((words.expect_every, "--expect-every"), (words.max_age, "--max-age")):
        if text is not None:
            parse_interval(text, option)
    if words.bandwidth is not None:
        parse_timetable(words.bandwidth, "--bandwidth")
    if words.max_daily is not None:
        parse_daily(words.max_daily, "--max-daily")
    if words.ping is not None and not words.ping.lower().startswith(("http://", "https://")):
        raise UsageError(
            f"--ping: {words.ping!r} is no address that can be called; it begins with https:// or http://. Nothing was "
            "installed."
        )
    return JobExtras(
        expect_every=words.expect_every,
        max_age=words.max_age,
        bandwidth=words.bandwidth,
        max_daily=words.max_daily,
        ping=words.ping,
        metrics_dir=None if words.metrics_dir is None else absolute(words.metrics_dir),
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
    if words.write_size is None:
        return CheckArguments(job_arguments(words), words.write, cron=words.cron, bundle=words.bundle)
    size = parse_size(words.write_size, "--write-size")
    if size > _LARGEST_TRIAL:
        raise UsageError(
            f"--write-size: no file of a bin is as large as {human_bytes(size)}; 5M tells what a proxy lets through."
        )
    return CheckArguments(job_arguments(words), True, size, words.cron, words.bundle)


def report_arguments(words: Namespace) -> ReportArguments:
    """Of `report`."""
    if words.all:
        _check_all(words)
    return ReportArguments(
        job=job_arguments(words),
        exclude=excluded(words.exclude),
        output=words.output,
        as_json=words.json,
        published=words.published,
        images=words.images,
        open_browser=words.open,
        window=window(words),
        all_jobs=words.all,
        expect_every=None
        if words.expect_every is None
        else parse_interval(words.expect_every, "--expect-every"),
    )


def _check_all(words: Namespace) -> None:
    of_one_job = (
        ("DIR", words.directory),
        ("--env-file", words.env_file),
        ("--since", words.since),
        ("--until", words.until),
        ("--instrument", words.instrument),
    )
    for name, value in of_one_job:
        if value is not None:
            raise UsageError(
                f"--all is about every scheduled job, each with its own folder, settings and window, so {name} does not go "
                "with it. Nothing was done."
            )
    if words.output is None and not words.json:
        raise UsageError("--all: where are the pages to be written? Please give -o FOLDER (or --json).")


def demo_arguments(_words: Namespace) -> DemoArguments:
    """Of `demo`."""
    return DemoArguments()
