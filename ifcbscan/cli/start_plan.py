"""What `start` makes of the schedule as it is: which window and options the job gets, what is replaced, what is refused.

Asks neither the archive nor the dashboard, and changes nothing, so that `start --print` shows what `start` would install.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import NamedTuple, Sequence

from ifcbscan.cli import output
from ifcbscan.cli.job import Job, unseen_by_schedule
from ifcbscan.cli.more_options import StartArguments
from ifcbscan.cli.program import single_file
from ifcbscan.cli.schedule_view import own_jobs, rival_words, rivals
from ifcbscan.cli.targets import is_same_file
from ifcbscan.core.window import EVERYTHING, Window
from ifcbscan.errors import ConfigError, UsageError
from ifcbscan.schedule.extras import NO_EXTRAS, JobExtras
from ifcbscan.schedule.jobs import InstalledJob, ScheduledJob
from ifcbscan.state import paths


class Plan(NamedTuple):
    """What becomes of a schedule.

    `job`: what is scheduled then. `put_in`: whether it has to be put in, else it stands there already. `remark`: of a job that
    is scheduled already, the sentences about it. `replaced`: the jobs to take out then; `others`: those that feed the same time
    series beside it.
    """

    job: ScheduledJob
    put_in: bool = True
    remark: str = ""
    replaced: Sequence[ScheduledJob] = ()
    others: Sequence[ScheduledJob] = ()


def scheduled_job(job: Job, window: Window, extras: JobExtras) -> ScheduledJob:
    """The job as its entries in a schedule say it. Raises ConfigError, UsageError, and IfcbscanError without a folder for its log."""
    if job.config.env_file is None:
        raise ConfigError(
            "The schedule needs a .env file, because it does not see the environment of this terminal. Nothing was "
            "installed. 'ifcbscan setup' makes one."
        )
    unseen = unseen_by_schedule(job.config.env_file)
    if unseen:
        raise ConfigError(f"Nothing was installed. {unseen}")
    log_file = paths.job_file(job.directory, job.time_series, ".log")
    return ScheduledJob(
        sys.executable,
        job.config.env_file,
        job.directory,
        job.time_series,
        log_file,
        single_file(),
        window,
        extras,
    )


def plan_of(job: ScheduledJob, known: Sequence[InstalledJob], restart: bool) -> Plan:
    """What to do for `job` to be scheduled where `known` is. Raises UsageError if nobody can know what is to be replaced."""
    of_series = [found for found in known if found.job.time_series == job.time_series]
    mine = next((found for found in of_series if found.job.id == job.id), None)
    others = [found.job for found in of_series if found.job.id != job.id]
    if mine is not None and not restart:
        already = f"Already scheduled: {job.directory} to {job.time_series}"
        if mine.up_to_date and mine.job == job:
            return Plan(mine.job, False, f"{already}. Nothing was changed.")
        # Where the disk is mounted was found, and not asked for.
        as_before = replace(job, extras=job.extras._replace(mounted_at=mine.job.extras.mounted_at))
        if (mine.up_to_date or mine.earlier) and mine.job == as_before:
            return Plan(
                job,
                True,
                f"{already}. Its entries were of an earlier version, or of the time before the disk was mounted there; now they "
                "are up to date.",
            )
        if mine.recent and mine.full:
            return Plan(
                mine.job,
                False,
                f"{already}, but not as it would be now (another Python, .env file or log file, or somebody has edited it). "
                f"Nothing was changed; --restart replaces it. It is sent as scheduled, with {mine.job.env_file}.",
            )
    replaced = others if restart and mine is None else []
    if len(replaced) > 1:
        raise UsageError(
            f"{job.time_series} is fed from {folders(replaced)}, and --restart cannot know which of them "
            f"{job.directory} is to replace. Nothing was changed. End the right one with 'ifcbscan stop FOLDER', then "
            "start again without --restart."
        )
    return Plan(job, replaced=replaced, others=[] if replaced else others)


def as_spelt(job: Job, jobs: Sequence[ScheduledJob]) -> str:
    """The folder by the name under which it is scheduled already: by another one it would be a job of its own."""
    spelt = [own.directory for own in own_jobs(job, jobs) if is_same_file(own.directory, job.directory)]
    return spelt[0] if spelt else job.directory


def own_of(job: Job, arguments: StartArguments, jobs: Sequence[ScheduledJob]) -> Sequence[ScheduledJob]:
    """The scheduled jobs whose settings the new one takes over where it names none; the first one counts."""
    return own_jobs(job, jobs) or (
        [known for known in jobs if known.time_series == job.time_series] if arguments.restart else ()
    )


def is_scheduled(job: Job, own: Sequence[ScheduledJob]) -> bool:
    """Whether the first of `own` (see `own_of`) has this very folder, by whatever name."""
    return bool(own) and is_same_file(own[0].directory, job.directory)


def extras_of(
    job: Job, arguments: StartArguments, own: Sequence[ScheduledJob], found: JobExtras
) -> JobExtras:
    """What the job is started with: `found`, and what is not named as it was before. Raises UsageError."""
    before = own[0].extras if own else NO_EXTRAS
    same = is_scheduled(job, own)
    if same and not arguments.restart and found.contradicts(before):
        raise UsageError(
            f"Already scheduled: {job.directory} to {job.time_series}, with {before.words() or 'no options'}. Nothing was "
            "changed, and nothing was sent; --restart replaces what you name of it."
        )
    extras = found.completed_by(before)
    if arguments.restart or not same:
        if same and before.mounted_at and not found.mounted_at:
            output.say(
                f"Note: until now the job was for the disk mounted at {before.mounted_at}. None is mounted there now, and from now on "
                "nobody is told of that. If it should be there, mount it and give the same command again."
            )
        return extras._replace(mounted_at=found.mounted_at)
    # If the disk is not mounted now, it is still one that should be.
    return extras._replace(mounted_at=before.mounted_at or found.mounted_at)


def window_of(
    job: Job,
    arguments: StartArguments,
    jobs: Sequence[ScheduledJob],
    own: Sequence[ScheduledJob],
) -> Window:
    """Which bins the job is to send. Raises UsageError if some of them belong to another job."""
    before = own[0].window if own else EVERYTHING
    if not before.understood and (not arguments.restart or arguments.window == EVERYTHING):
        raise UsageError(
            f"{own[0].directory} is scheduled for {own[0].time_series} with {before}: somebody has edited the entry. Nothing was "
            "changed, and nothing was sent. Say which bins are meant (--since, --until, --instrument) with --restart, or "
            f"end it with 'ifcbscan stop {own[0].time_series}' first."
        )
    same = is_scheduled(job, own)
    if same and not arguments.restart and arguments.window not in (EVERYTHING, before):
        raise UsageError(
            f"Already scheduled: {job.directory} to {job.time_series}, for {before}. Nothing was changed, and nothing "
            "was sent; --restart replaces what you name of it."
        )
    # To start again, or in a folder beside, is no order to send more than before: what is not named stays.
    named = arguments.window if arguments.window == EVERYTHING or arguments.restart else None
    window = arguments.window if named is None or not before.understood else named.completed_by(before)
    if window.since >= window.until:
        raise UsageError(
            f"With what is scheduled now ({before}), no bin could belong there. Nothing was changed."
        )
    if before not in (EVERYTHING, window) and not arguments.show_only:
        output.say(f"Until now the schedule was for {before}; from now on for {window}.")
    for rival in rivals(job, window, jobs):
        if not arguments.force:
            raise UsageError(f"{rival_words(rival)} Nothing was installed; --force installs it all the same.")
        output.say(f"Note: {rival_words(rival)} Going on all the same (--force).")
    return window


def check_rivals(
    job: Job,
    arguments: StartArguments,
    window: Window,
    known: Sequence[ScheduledJob],
    now: Sequence[InstalledJob],
) -> None:
    """Raises UsageError if a job was installed since the schedule was looked at that sends the same bins elsewhere."""
    new = [installed.job for installed in now if installed.job not in known]
    for rival in () if arguments.force else rivals(job, window, new):
        raise UsageError(f"{rival_words(rival)} Nothing was installed; --force installs it all the same.")


def folders(jobs: Sequence[ScheduledJob]) -> str:
    return " and from ".join(job.directory for job in jobs)
