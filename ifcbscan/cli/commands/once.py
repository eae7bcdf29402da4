"""`ifcbscan --once` and `ifcbscan sync`: one scan."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Sequence

from ifcbscan.cli import output, scanning
from ifcbscan.cli.job import Job, find_job_with_log
from ifcbscan.cli.log import check_beside_log
from ifcbscan.cli.options import ScanArguments
from ifcbscan.cli.signals import Interruption
from ifcbscan.cli.targets import absolute, is_same_file
from ifcbscan.errors import IfcbscanError, UsageError

if TYPE_CHECKING:
    from ifcbscan.schedule.jobs import ScheduledJob


def run(arguments: ScanArguments, interruption: Interruption) -> int:
    """Scan once; returns the exit code of the report."""
    check_beside_log(arguments.metrics_file, "--metrics-file", arguments.output.log_file)
    job = find_job_with_log(arguments.job, arguments.output.log_file)
    if arguments.max_age is None or not _looks_scheduled(arguments):
        job, arguments = _as_scheduled(job, arguments)
    return scanning.carry_out(job, arguments, interruption)


def _looks_scheduled(arguments: ScanArguments) -> bool:
    """Whether the words are like those of an entry in a schedule, and nobody looks on."""
    return not arguments.by_hand and arguments.output.quiet and not sys.stderr.isatty()


def _as_scheduled(job: Job, arguments: ScanArguments) -> tuple[Job, ScanArguments]:
    """With what the scheduled job of this folder has and the command does not say, and a warning of jobs that send the same
    bins elsewhere.

    By hand, bins that belong to another job are not sent to this time series without --force, unless this one is
    scheduled for them as well. Not for the every-minute run: it would have to read the schedule, and its command says
    everything.
    """
    from ifcbscan.cli.schedule_view import own_jobs, rival_words, rivals, scheduled_jobs, window_by_hand

    jobs = scheduled_jobs()
    own = own_jobs(job, jobs)
    window = window_by_hand(job, jobs, arguments.window)
    # Without a terminal cron would mail it.
    if (
        window != arguments.window
        and (arguments.by_hand or sys.stderr.isatty())
        and not arguments.output.quiet
    ):
        output.say(
            f"Only {window}, as this job is scheduled; give --since, --until or --instrument for other bins."
        )
    found = rivals(job, window, jobs)
    for rival in found if arguments.by_hand and not arguments.force else ():
        if not any(mine.window.overlaps(rival.window) for mine in own):
            raise UsageError(f"{rival_words(rival)} Nothing was sent; --force sends all the same.")
    warnings = tuple(rival_words(rival) for rival in found)
    job = job._replace(warnings=job.warnings + warnings)
    arguments = arguments._replace(window=window)
    if own:
        arguments = _within_limits(arguments, own[0])
    if own and is_same_file(own[0].directory, job.directory):
        return job, _of_scheduled(job, arguments, own[0])
    beside = bool(own) and window != own[0].window
    return job, arguments._replace(beside=beside, watched=_is_watched(job, arguments, jobs))


def _of_scheduled(job: Job, arguments: ScanArguments, scheduled: ScheduledJob) -> ScanArguments:
    """The scan of a folder that is scheduled: with its disk and with how often a bin is expected, where nothing else is said."""
    log_file = arguments.output.log_file
    job_log = log_file is not None and is_same_file(absolute(log_file), scheduled.log_file)
    # What is in an entry of the schedule, somebody wants from it, even if it was not 'start' that wrote it.
    entry = job_log and _looks_scheduled(arguments)
    expected = _expected(scheduled)
    other_window = arguments.window != scheduled.window
    beside = other_window or (not entry and _differs(job, arguments, scheduled, expected))
    if arguments.expect_every is None and not other_window and not arguments.exclude:
        arguments = arguments._replace(expect_every=expected)
    return arguments._replace(
        beside=beside,
        mounted_at=arguments.mounted_at or scheduled.extras.mounted_at,
        scheduled_as=scheduled.directory,
        job_log=job_log,
        watched=not beside,
    )


def _differs(job: Job, arguments: ScanArguments, scheduled: ScheduledJob, expected: float | None) -> bool:
    """Whether the command names something by which its result could differ from that of the scheduled scans."""
    from ifcbscan.core.units import parse_duration
    from ifcbscan.schedule.extras import MAX_AGE

    config = job.config
    max_age = None
    with contextlib.suppress(IfcbscanError):
        max_age = parse_duration(scheduled.extras.max_age or MAX_AGE, "--max-age")
    usual = (
        (arguments.max_age, max_age),
        (arguments.settle, config.settle),
        (arguments.confirm, config.confirm),
        (arguments.expect_every, config.expect_every if expected is None else expected),
        (arguments.mounted_at, scheduled.extras.mounted_at),
    )
    same_settings = config.env_file is not None and is_same_file(config.env_file, scheduled.env_file)
    return bool(arguments.exclude) or not same_settings or any(said not in (None, its) for said, its in usual)


def _within_limits(arguments: ScanArguments, scheduled: ScheduledJob) -> ScanArguments:
    """With the job's limits for its link, where the command names none: a budget of a day that half of the runs do not keep is none."""
    from ifcbscan.cli.options import bandwidth
    from ifcbscan.core.units import parse_daily

    with contextlib.suppress(IfcbscanError):  # an entry that somebody has edited
        if arguments.max_daily is None and scheduled.extras.max_daily is not None:
            arguments = arguments._replace(max_daily=parse_daily(scheduled.extras.max_daily, "--max-daily"))
        if arguments.bandwidth is None:
            arguments = arguments._replace(bandwidth=bandwidth(scheduled.extras.bandwidth))
    return arguments


def _expected(scheduled: ScheduledJob) -> float | None:
    from ifcbscan.core.units import parse_interval

    with contextlib.suppress(IfcbscanError):  # an entry that somebody has edited
        if scheduled.extras.expect_every is not None:
            return parse_interval(scheduled.extras.expect_every, "--expect-every")
    return None


def _is_watched(job: Job, arguments: ScanArguments, jobs: Sequence[ScheduledJob]) -> bool:
    """Whether those whom the settings name are told of a scan of a folder that is not in the schedule.

    A schedule of another kind may have started it. A misspelt folder of somebody at a keyboard is no failure of a job.
    """
    if _looks_scheduled(arguments):
        return True
    if arguments.by_hand or sys.stderr.isatty():
        return False
    return os.path.isdir(job.directory) and all(known.time_series != job.time_series for known in jobs)
