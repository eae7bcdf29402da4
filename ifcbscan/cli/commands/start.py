"""`ifcbscan start`: install the schedule, then send what is there already."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from typing import Sequence

from ifcbscan.cli import output, scanning
from ifcbscan.cli.job import Job, find_job, find_job_with_log
from ifcbscan.cli.log import check_log_file, note_installed
from ifcbscan.cli.more_options import StartArguments
from ifcbscan.cli.options import JobArguments, OutputArguments, ScanArguments, bandwidth
from ifcbscan.cli.program import typed
from ifcbscan.cli.questions import typed_line
from ifcbscan.cli.schedule_check import wrong_option
from ifcbscan.cli.signals import Interruption
from ifcbscan.cli.start_plan import (
    as_spelt,
    check_rivals,
    extras_of,
    folders,
    is_scheduled,
    own_of,
    plan_of,
    scheduled_job,
    window_of,
)
from ifcbscan.cli.targets import is_same_file
from ifcbscan.cli.which_bins import settle_window
from ifcbscan.clock import Clock
from ifcbscan.core.printable import printable
from ifcbscan.core.remote_index import MOST_RANGES
from ifcbscan.core.series import Series, remark_on_name
from ifcbscan.core.units import parse_daily, parse_interval
from ifcbscan.core.window import EVERYTHING, Window
from ifcbscan.core.words import without_nothing_sent
from ifcbscan.dashboard import series
from ifcbscan.disk.mounts import mount_point_of
from ifcbscan.errors import (
    AlreadyRunning,
    BucketUnreachable,
    ExitCode,
    Interrupted,
    UsageError,
)
from ifcbscan.s3.bucket import Bucket
from ifcbscan.s3.wire import Wire
from ifcbscan.schedule.base import Check, Scheduler
from ifcbscan.schedule.choose import for_this_system
from ifcbscan.schedule.jobs import InstalledJob, ScheduledJob, ScheduleError
from ifcbscan.schedule.program import version_of


def run(arguments: StartArguments, interruption: Interruption) -> int:
    """Install the schedule, then send what is there already; returns an exit code."""
    job = find_job(arguments.job)
    _check_directory(job.directory)
    scheduler = for_this_system(arguments.system_account)
    found = arguments.extras._replace(mounted_at=mount_point_of(job.directory))
    scheduled = scheduled_job(job, arguments.window, found)
    _check_metrics_dir(found.metrics_dir)
    check_log_file(scheduled.log_file, job.directory, job.config.env_file)
    reason = scheduler.available()
    if arguments.show_only:
        _show_plan(scheduler, job, arguments, scheduled, [] if reason else scheduler.jobs())
        return ExitCode.DONE
    scheduler.render(scheduled)  # what cannot be written into a schedule is said before anything is asked
    if reason:
        raise UsageError(f"Nothing was installed. {reason}")
    jobs = [known.job for known in scheduler.jobs()]
    own = own_of(job, arguments, jobs)
    extras = extras_of(job, arguments, own, found)
    wrong = wrong_option(extras)
    if wrong:
        raise UsageError(
            f"The entries of the schedule have an option that no scan takes: {wrong} Nothing was changed. 'ifcbscan start' with "
            "--restart and that option puts it right."
        )
    try:
        asked = _ask(job, arguments, jobs, own, interruption)
    except Interrupted:
        output.say("Interrupted. Nothing was installed.")
        return interruption.exit_code
    scheduled = replace(scheduled, directory=as_spelt(job, jobs), window=asked.window, extras=extras)
    scheduled = _install(
        scheduler,
        scheduled,
        arguments.restart,
        lambda now: check_rivals(job, arguments, asked.window, jobs, now),
    )
    remark = remark_on_name(Series(job.config.account, job.time_series))
    for note in (*scheduler.notes(), *scheduler.notes_on(scheduled), *([remark] if remark else ())):
        output.say(f"Please note: {note}")
    if not arguments.send_now:
        return ExitCode.DONE
    if not asked.reached:
        output.say(
            "Nothing is sent now; the schedule sends what is there as soon as the archive can be reached."
        )
        return ExitCode.DONE
    output.say("Now sending what is there already. You may interrupt this: the schedule carries on.")
    return _send_what_is_there(scheduled, asked.wanted_unknown, interruption)


@dataclass(frozen=True)
class _Asked:
    """What the archive and the dashboard have said, and the operator.

    `wanted_unknown`: the time series is wanted although it may not exist. `reached`: the archive could be asked.
    """

    window: Window
    wanted_unknown: bool
    reached: bool = True


def _ask(
    job: Job,
    arguments: StartArguments,
    jobs: Sequence[ScheduledJob],
    own: Sequence[ScheduledJob],
    interruption: Interruption,
) -> _Asked:
    """Ask what must be known before a job is installed; nothing is installed after any error but one that is overridden.

    Raises UsageError, ConfigError, BucketRefused, BucketUnreachable, Interrupted.
    """
    try:
        bucket = Bucket(job.config, Clock(), Wire(job.config, MOST_RANGES), interruption.requested)
        wanted_unknown = _check_series(job, bucket, arguments.force)
        return _Asked(_settled(job, arguments, jobs, own, bucket), wanted_unknown)
    except BucketUnreachable as error:
        reason = without_nothing_sent(str(error))
        if is_scheduled(job, own) and not arguments.force:
            raise BucketUnreachable(
                f"{own[0].directory} is scheduled for {own[0].time_series} already, and stays so: nothing was changed, and nothing "
                f"is sent now. {reason} The schedule sends what is missing as soon as the archive can be reached. 'ifcbscan "
                "start' with --force goes on without asking the archive and the dashboard."
            ) from None
        if not arguments.force:
            raise BucketUnreachable(
                f"Nothing was installed. {reason} 'ifcbscan start' with --force installs it without asking the archive and the "
                "dashboard."
            ) from None
    output.say(
        f"Note: {reason} So nobody could be asked whether the key is right, whether the dashboard knows {job.time_series!r}, and "
        "what the archive has already. Going on all the same (--force); the first scan that reaches the archive asks, and "
        "'ifcbscan check' does."
    )
    return _Asked(_settled(job, arguments, jobs, own, None), True, reached=False)


def _settled(
    job: Job,
    arguments: StartArguments,
    jobs: Sequence[ScheduledJob],
    own: Sequence[ScheduledJob],
    bucket: Bucket | None,
) -> Window:
    """Which bins the job is to send. Raises UsageError if some of them belong to another job, or the operator wants none."""
    window = window_of(job, arguments, jobs, own)
    if is_scheduled(job, own) and window == own[0].window:
        return window
    return settle_window(job, window, bucket, arguments.answered)


def _show_plan(
    scheduler: Scheduler,
    job: Job,
    arguments: StartArguments,
    scheduled: ScheduledJob,
    known: Sequence[InstalledJob],
) -> None:
    """Print the entries that would stand in the schedule if the same words were said without --print."""
    jobs = [found.job for found in known]
    own = own_of(job, arguments, jobs)
    extras = extras_of(job, arguments, own, scheduled.extras)
    window = window_of(job, arguments, jobs, own)
    wanted = replace(scheduled, directory=as_spelt(job, jobs), window=window, extras=extras)
    plan = plan_of(wanted, known, arguments.restart)
    if plan.remark and not plan.put_in and plan.job != wanted:
        output.say(plan.remark)
    for old in plan.replaced:
        output.say(f"Note: {old.directory} to {old.time_series} would be removed from {scheduler.name}.")
    _show(scheduler.render(plan.job))


def _show(text: str) -> None:
    lines = text.rstrip("\n").split("\n")
    output.result(*lines)
    if any(line != printable(line) for line in lines):
        output.say(
            "Note: some characters in these lines cannot be shown as they are, so the lines must not be copied; "
            "'ifcbscan start' without --print installs them."
        )


def _check_directory(directory: str) -> None:
    try:
        os.listdir(directory)
    except OSError as error:
        raise UsageError(
            f"The data folder {directory} cannot be read: {error.strerror}. Nothing was installed. Is the disk "
            "mounted, and may this user read it?"
        ) from None


def _check_metrics_dir(folder: str | None) -> None:
    if folder is not None and not os.path.isdir(folder):
        raise UsageError(
            f"--metrics-dir: there is no folder {folder}. Nothing was installed; make the folder first, or name the one that "
            "node_exporter reads."
        )


def _check_series(job: Job, bucket: Bucket, force: bool) -> bool:
    """The bucket can be reached and the time series exists, or the operator wants it all the same (True)."""
    config, time_series = job.config, job.time_series
    prefix = Series(config.account, time_series).prefix
    in_archive = next(bucket.list(prefix), None) is not None
    answer = series.ask(config.dashboard_url, config.account, time_series)
    line = answer.line
    if answer.on_dashboard is series.OnDashboard.YES:
        if line:
            output.say(f"Note: {line}")
        return False
    if answer.on_dashboard is series.OnDashboard.NOT_SAID:
        if in_archive:
            output.say(f"Note: {line} The archive has files of {time_series!r}, so it exists.")
            return False
        line = f"{line} The archive has no file of {time_series!r}, so it may be new, or misspelt."
    where = series.where_to_create(config.dashboard_url, config.account, time_series)
    if force:
        output.say(f"Note: {line} Going on all the same (--force).")
    elif not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(f"{line} Nothing was installed. {where}")
    elif not _confirmed(line, where):
        raise UsageError("Nothing was installed.")
    return True


def _confirmed(line: str, where: str) -> bool:
    output.say(line)
    output.say(where)
    output.say("Start it all the same? [y/N]")
    return typed_line().strip().lower() in ("y", "yes")


def _put_in(scheduler: Scheduler, job: ScheduledJob, check: Check) -> None:
    scheduler.install(job, check)
    note_installed(job.log_file)  # a log that cannot be written is told by the scans, and by `check`


def _install(scheduler: Scheduler, job: ScheduledJob, restart: bool, check: Check) -> ScheduledJob:
    """Install the job, unless it is scheduled already and is not to be replaced. Returns the job that is scheduled then."""
    plan = plan_of(job, scheduler.jobs(), restart)
    # The new one first: if it cannot be installed, the old one goes on.
    if plan.put_in:
        _put_in(scheduler, plan.job, check)
    if plan.remark:
        output.say(plan.remark)
        _check_starts(plan.job)
        return plan.job
    for old in plan.replaced:
        scheduler.remove(old)
        output.say(f"Removed from {scheduler.name}: {old.directory} to {old.time_series}.")
    output.say(
        f"Scheduled with {scheduler.name}: new bins in {job.directory} are sent to {job.time_series} every minute, and "
        f"whatever else is missing there at minute {job.hourly_minute} of every hour."
    )
    if job.window != EVERYTHING:
        output.say(f"  which bins     {job.window}")
    if job.extras.words():
        output.say(f"  options        {job.extras.words()}")
    output.say(f"  configuration  {job.env_file}")
    output.say(f"  log            {job.log_file}")
    if plan.others:
        output.say(f"Note: {job.time_series} is also fed from {folders(plan.others)}, and stays so.")
    if job.extras.ping is not None:
        output.say(
            "Note: the address of the monitor stands in the schedule, and while a scan runs everybody on this computer can see "
            "it. PING_URL in the .env file is the safer place."
        )
    stop = typed(["stop", job.directory if plan.others else job.time_series])
    output.say(f"'ifcbscan status' shows how it goes, '{stop}' ends it.")
    return job


def _check_starts(job: ScheduledJob) -> None:
    """What stands in the schedule already may be of a Python that is gone. Raises UsageError."""
    if is_same_file(job.python, sys.executable):
        return
    try:
        version_of(job)
    except ScheduleError as error:
        raise UsageError(
            f"{error} Nothing of it is sent by itself. 'ifcbscan start' with --restart has it started by this Python."
        ) from None


def _send_what_is_there(scheduled: ScheduledJob, force: bool, interruption: Interruption) -> int:
    extras = scheduled.extras
    arguments = ScanArguments(
        job=JobArguments(scheduled.directory, scheduled.time_series, scheduled.env_file),
        output=OutputArguments(log_file=scheduled.log_file),
        by_hand=True,
        force=force,
        window=scheduled.window,
        bandwidth=bandwidth(extras.bandwidth),
        max_daily=None if extras.max_daily is None else parse_daily(extras.max_daily, "--max-daily"),
        expect_every=None
        if extras.expect_every is None
        else parse_interval(extras.expect_every, "--expect-every"),
        mounted_at=extras.mounted_at,
        metrics_dir=extras.metrics_dir,
        ping_url=extras.ping,
    )
    try:
        job = find_job_with_log(arguments.job, arguments.output.log_file)
        code = scanning.carry_out(job, arguments, interruption)
    except AlreadyRunning as error:
        if error.stalled:
            raise
        output.say("Another scan of this folder is under way and sends it; there is nothing more to do here.")
        return ExitCode.DONE
    except Interrupted:
        code = interruption.exit_code
    if interruption.requested.is_set():
        output.say("Interrupted. Nothing is lost: the schedule carries on and sends the rest.")
    return code
