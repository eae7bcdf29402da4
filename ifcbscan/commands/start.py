"""`ifcbscan start`: install the schedule, then send what is there already."""

from __future__ import annotations

import os
import sys
from argparse import Namespace

from ifcbscan import console, runlock, schedule, series
from ifcbscan.bins import series_prefix
from ifcbscan.bucket import Bucket
from ifcbscan.clocks import Clock
from ifcbscan.commands import once
from ifcbscan.commands.common import job_of, load_config
from ifcbscan.config import Config
from ifcbscan.errors import AlreadyRunning, ConfigError, ExitCode, UsageError
from ifcbscan.interruption import Interruption
from ifcbscan.parser import build_parser
from ifcbscan.schedule import ScheduledJob, Scheduler


def run(options: Namespace, interruption: Interruption) -> int:
    """Install the schedule, then sync; returns an exit code."""
    config = load_config(options)
    directory, time_series = job_of(options, config)
    _check_directory(directory)
    scheduler = schedule.for_this_system(options.system)
    job = _scheduled_job(config, directory, time_series)
    if options.print:
        console.result(scheduler.render(job).rstrip("\n"))
        return ExitCode.DONE
    reason = scheduler.available()
    if reason:
        raise UsageError(f"{reason} Nothing was installed.")
    _check_series(options, config, time_series, interruption)
    _install(scheduler, job, options.restart)
    for note in scheduler.notes():
        console.say(f"Please note: {note}")
    if options.no_sync:
        return ExitCode.DONE
    console.say("Now sending what is there already. You may interrupt this: the schedule carries on.")
    return _sync(options, config, directory, time_series, interruption)


def _check_directory(directory: str) -> None:
    try:
        os.listdir(directory)
    except OSError as error:
        raise UsageError(
            f"The data folder {directory} cannot be read: {error.strerror}. Nothing was installed."
        ) from None


def _scheduled_job(config: Config, directory: str, time_series: str) -> ScheduledJob:
    if config.env_file is None:
        raise ConfigError(
            "The schedule needs a .env file, because it does not see the environment of this terminal. Nothing was "
            "installed. Copy .env.example to .env and fill it in."
        )
    log_file = runlock.job_file(directory, time_series, ".log")
    return ScheduledJob(sys.executable, config.env_file, directory, time_series, log_file)


def _check_series(options: Namespace, config: Config, time_series: str, interruption: Interruption) -> None:
    """The bucket can be reached and the time series exists, or the operator wants it all the same."""
    bucket = Bucket(config, Clock(), 1, interruption.requested)
    prefix = series_prefix(config.account, time_series)
    in_archive = next(bucket.list(prefix), None) is not None
    answer = series.ask(config.dashboard_url, config.account, time_series)
    if answer.known is series.Known.YES:
        return
    if answer.known is series.Known.NOT_SAID:
        if in_archive:
            console.say(f"Note: {answer.line} The archive has files of {time_series!r}, so it goes on.")
            return
        line = f"{answer.line} The archive has no file of {time_series!r} either."
    else:
        line = answer.line
    where = series.where_to_create(config.dashboard_url, config.account, time_series)
    if options.force:
        console.say(f"Note: {line} Installed all the same (--force).")
    elif not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(f"{line} Nothing was installed. {where}")
    elif not _confirmed(line, where):
        raise UsageError("Nothing was installed.")


def _confirmed(line: str, where: str) -> bool:
    console.say(line)
    console.say(where)
    console.say("Start it all the same? [y/N]")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _install(scheduler: Scheduler, job: ScheduledJob, restart: bool) -> None:
    of_series = [known for known in scheduler.jobs() if known.job.time_series == job.time_series]
    mine = [known for known in of_series if known.job.id == job.id]
    others = [known for known in of_series if known.job.id != job.id]
    if restart:
        for known in of_series:
            scheduler.remove(known.job)
            console.say(f"Removed from {scheduler.name}: {known.job.directory} to {known.job.time_series}.")
    elif mine and mine[0].up_to_date and mine[0].job == job:
        console.say(f"Already scheduled: {job.directory} to {job.time_series}. Nothing was changed.")
        return
    elif mine and mine[0].recent and mine[0].full:
        console.say(
            f"Already scheduled, with other settings: {job.directory} to {job.time_series}. Nothing was changed; "
            "--restart replaces it."
        )
        return
    elif others:
        folders = ", ".join(known.job.directory for known in others)
        console.say(
            f"Note: {job.time_series} is fed from {folders} as well, and stays so; --restart would replace that."
        )
    scheduler.install(job)
    console.say(
        f"Scheduled with {scheduler.name}: {job.directory} to {job.time_series}, every minute the last days, at minute "
        f"{job.hourly_minute} of every hour everything."
    )
    console.say(f"  configuration {job.env_file}")
    console.say(f"  log           {job.log_file}")
    console.say("'ifcbscan status' shows how it goes, 'ifcbscan stop' ends it.")


def _sync(
    options: Namespace, config: Config, directory: str, time_series: str, interruption: Interruption
) -> int:
    words = ["sync", "--env-file", str(config.env_file), *(["--force"] if options.force else [])]
    sync_options = build_parser().parse_args([*words, "--", directory, time_series])
    try:
        code = once.run(sync_options, interruption)
    except AlreadyRunning:
        console.say("A scheduled scan is sending it already; there is nothing more to do here.")
        return ExitCode.DONE
    if interruption.requested.is_set():
        console.say("Interrupted; nothing is lost, the schedule carries on.")
    return code
