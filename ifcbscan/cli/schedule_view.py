"""What the schedule of this computer says of a job: its window, and other jobs that would send the same bins elsewhere.

A pid has one entry on the dashboard, so a bin that is sent into two time series shows in one of them at most (ifcbdb
dashboard/accession.py).
"""

from __future__ import annotations

import contextlib
import os
from typing import Iterable, Optional, Sequence, Tuple

from ifcbscan.cli.job import Job, scheduled_config
from ifcbscan.cli.targets import absolute, current_folder, is_inside, is_same_file
from ifcbscan.core.window import EVERYTHING, Window
from ifcbscan.errors import IfcbscanError, UsageError
from ifcbscan.schedule.choose import for_this_system
from ifcbscan.schedule.jobs import InstalledJob, ScheduledJob


def scheduled_jobs() -> list[ScheduledJob]:
    """The jobs of this user; none where the schedule cannot be read."""
    return [installed.job for installed in installed_jobs() or ()]


def installed_jobs() -> Sequence[InstalledJob] | None:
    """The same with how they stand in the schedule; None where it cannot be read."""
    with contextlib.suppress(IfcbscanError):
        return for_this_system().jobs()
    return None


def is_about(job: ScheduledJob, what: str) -> bool:
    """Whether `what`, a folder or a time series as somebody has typed it, means this job."""
    if job.time_series == what:
        return True
    if current_folder() is None and not os.path.isabs(os.path.expanduser(what)):
        return False  # a path from a folder that has been deleted leads nowhere
    return os.path.normcase(os.path.realpath(absolute(what))) == os.path.normcase(
        os.path.realpath(job.directory)
    )


def none_about(what: str, known: Sequence[ScheduledJob]) -> UsageError:
    """The error for a folder or time series that no job is about."""
    listing = "Nothing at all is scheduled for this user."
    if known:
        jobs = "; ".join(f"{job.directory} to {job.time_series}" for job in known)
        listing = f"What is scheduled: {jobs}."
    return UsageError(f"Nothing is scheduled for {what}. {listing}")


def own_jobs(job: Job, jobs: Iterable[ScheduledJob]) -> Sequence[ScheduledJob]:
    """The scheduled jobs of the same time series whose folder is this one (first), or lies in it or around it."""
    own = [
        known
        for known in jobs
        if known.time_series == job.time_series and _share_folders(job.directory, known.directory)
    ]
    return sorted(own, key=lambda known: not is_same_file(known.directory, job.directory))


def scheduled_window(job: Job, jobs: Iterable[ScheduledJob]) -> Window:
    """The window (perhaps NOT_UNDERSTOOD) with which this job is scheduled, or one whose folder lies in its folder or around it; else all bins."""
    own = own_jobs(job, jobs)
    return own[0].window if own else EVERYTHING


def window_by_hand(job: Job, jobs: Iterable[ScheduledJob], named: Window) -> Window:
    """The window of a command that names this much of it: the other limits are those with which the job is scheduled.

    Who narrows a command by a day does not mean another instrument's bins as well. Raises UsageError where nobody knows which
    bins the schedule means, or none could be meant.
    """
    scheduled = scheduled_window(job, jobs)
    if not scheduled.understood:
        if named != EVERYTHING:
            return named
        raise UsageError(
            f"This job is scheduled with {scheduled}: somebody has edited the entry. Nothing was done. Say which bins are meant: "
            "--since, --until, --instrument."
        )
    window = named.completed_by(scheduled)
    if window.since >= window.until:
        raise UsageError(
            f"This job is scheduled for {scheduled}, and with what you have named no bin could be meant. Nothing was done. Name "
            "both --since and --until."
        )
    return window


def rivals(job: Job, window: Window, jobs: Iterable[ScheduledJob]) -> Sequence[ScheduledJob]:
    """The scheduled jobs that would send some of the same bins of the same disk into another time series."""
    return [
        other
        for other in jobs
        if other.time_series != job.time_series
        and window.overlaps(other.window)
        and _share_folders(job.directory, other.directory)
        and _same_archive(job, other)
    ]


def rivals_among(jobs: Sequence[ScheduledJob]) -> Sequence[tuple[ScheduledJob, ScheduledJob]]:
    """Pairs of scheduled jobs that are rivals of each other."""
    return [
        (one, other)
        for number, one in enumerate(jobs)
        for other in jobs[number + 1 :]
        if one.time_series != other.time_series
        and one.window.overlaps(other.window)
        and _share_folders(one.directory, other.directory)
        and (
            one.env_file == other.env_file
            or _may_be_one(_archive_of(one.env_file), _archive_of(other.env_file))
        )
    ]


def rival_words(rival: ScheduledJob) -> str:
    """What a rival means and what to do, after the name of the job that it is one of."""
    return (
        f"{rival.directory} is also sent to {rival.time_series} ({rival.window}). The dashboard shows a bin in one time series "
        "only, so each bin must belong to one of the two: give both jobs a window (--since, --until, --instrument), or "
        f"end one with 'ifcbscan stop {rival.time_series}'."
    )


def _share_folders(one: str, other: str) -> bool:
    return is_same_file(one, other) or is_inside(one, other) or is_inside(other, one)


def _same_archive(job: Job, other: ScheduledJob) -> bool:
    if job.config.env_file == other.env_file:
        return True
    return _may_be_one((job.config.endpoint_url, job.config.bucket), _archive_of(other.env_file))


#: Server and bucket of a settings file; None if it cannot be read.
_Archive = Optional[Tuple[Optional[str], str]]


def _may_be_one(one: _Archive, other: _Archive) -> bool:
    return one is None or other is None or one == other


def _archive_of(env_file: str) -> _Archive:
    try:
        config = scheduled_config(env_file)
    except IfcbscanError:
        return None
    return config.endpoint_url, config.bucket
