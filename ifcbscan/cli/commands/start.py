"""`ifcbscan start`: install the schedule, then send what is there already."""

from __future__ import annotations

import os
import sys
from argparse import Namespace

from ifcbscan.cli import output
from ifcbscan.cli.commands import once
from ifcbscan.cli.options import job_of, load_config
from ifcbscan.cli.parser import build_parser
from ifcbscan.cli.signals import Interruption
from ifcbscan.clock import Clock
from ifcbscan.config import Config
from ifcbscan.core.printable import printable
from ifcbscan.core.series import Series
from ifcbscan.dashboard import series
from ifcbscan.errors import AlreadyRunning, ConfigError, ExitCode, Interrupted, UsageError
from ifcbscan.s3.bucket import Bucket
from ifcbscan.s3.client import S3Client
from ifcbscan.schedule.base import Scheduler
from ifcbscan.schedule.choose import for_this_system
from ifcbscan.schedule.jobs import ScheduledJob
from ifcbscan.state import paths


def run(options: Namespace, interruption: Interruption) -> int:
    """Install the schedule, then sync; returns an exit code."""
    config = load_config(options)
    directory, time_series = job_of(options, config)
    _check_directory(directory)
    scheduler = for_this_system(options.system)
    job = _scheduled_job(config, directory, time_series)
    output.check_log_file(job.log_file, directory)
    if options.print:
        _show(scheduler.render(job))
        return ExitCode.DONE
    reason = scheduler.available()
    if reason:
        raise UsageError(f"Nothing was installed. {reason}")
    try:
        wanted_unknown = _check_series(options, config, time_series, interruption)
    except Interrupted:
        output.say("Interrupted. Nothing was installed.")
        return interruption.exit_code
    _install(scheduler, job, options.restart)
    for note in scheduler.notes():
        output.say(f"Please note: {note}")
    if options.no_sync:
        return ExitCode.DONE
    output.say("Now sending what is there already. You may interrupt this: the schedule carries on.")
    return _sync(job, wanted_unknown, interruption)


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


def _scheduled_job(config: Config, directory: str, time_series: str) -> ScheduledJob:
    if config.env_file is None:
        raise ConfigError(
            "The schedule needs a .env file, because it does not see the environment of this terminal. Nothing was "
            "installed. Copy .env.example to .env and fill it in."
        )
    log_file = paths.job_file(directory, time_series, ".log")
    return ScheduledJob(sys.executable, config.env_file, directory, time_series, log_file, _single_file())


def _single_file() -> str | None:
    """The `ifcbscan.pyz` that this process runs from, if it does: then the schedule must run it, too."""
    archive: str | None = getattr(getattr(sys.modules["__main__"], "__loader__", None), "archive", None)
    # The launchers that pip makes on Windows are archives as well, but the package is installed beside them.
    if archive is None or archive.lower().endswith(".exe"):
        return None
    return os.path.abspath(archive)


def _check_series(options: Namespace, config: Config, time_series: str, interruption: Interruption) -> bool:
    """The bucket can be reached and the time series exists, or the operator wants it all the same (True)."""
    bucket = Bucket(config, Clock(), S3Client(config, 1), interruption.requested)
    prefix = Series(config.account, time_series).prefix
    in_archive = next(bucket.list(prefix), None) is not None
    answer = series.ask(config.dashboard_url, config.account, time_series)
    if answer.known is series.Known.YES:
        return False
    line = answer.line
    if answer.known is series.Known.NOT_SAID:
        if in_archive:
            output.say(f"Note: {line} The archive has files of {time_series!r}, so it exists.")
            return False
        line = f"{line} The archive has no file of {time_series!r}, so it may be new, or misspelt."
    where = series.where_to_create(config.dashboard_url, config.account, time_series)
    if options.force:
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
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _install(scheduler: Scheduler, job: ScheduledJob, restart: bool) -> None:
    of_series = [known for known in scheduler.jobs() if known.job.time_series == job.time_series]
    mine = next((known for known in of_series if known.job.id == job.id), None)
    others = [known.job for known in of_series if known.job.id != job.id]
    if mine is not None and not restart:
        if mine.up_to_date and mine.job == job:
            output.say(f"Already scheduled: {job.directory} to {job.time_series}. Nothing was changed.")
            return
        if mine.recent and mine.full:
            output.say(
                f"Already scheduled: {job.directory} to {job.time_series}, but not as it would be now (another Python, "
                ".env file or log file, or somebody has edited it). Nothing was changed; --restart replaces it."
            )
            return
    replaced = others if restart and mine is None else []
    if len(replaced) > 1:
        raise UsageError(
            f"{job.time_series} is fed from {_folders(replaced)}, and --restart cannot know which of them "
            f"{job.directory} is to replace. Nothing was changed. End the right one with 'ifcbscan stop FOLDER', then "
            "start again without --restart."
        )
    # The new one first: if it cannot be installed, the old one goes on.
    scheduler.install(job)
    for old in replaced:
        scheduler.remove(old)
        output.say(f"Removed from {scheduler.name}: {old.directory} to {old.time_series}.")
    output.say(
        f"Scheduled with {scheduler.name}: new bins in {job.directory} are sent to {job.time_series} every minute, and "
        f"whatever else is missing there at minute {job.hourly_minute} of every hour."
    )
    output.say(f"  configuration  {job.env_file}")
    output.say(f"  log            {job.log_file}")
    if others and not replaced:
        output.say(f"Note: {job.time_series} is also fed from {_folders(others)}, and stays so.")
    output.say("'ifcbscan status' shows how it goes, 'ifcbscan stop' ends it.")


def _folders(jobs: list[ScheduledJob]) -> str:
    return " and from ".join(job.directory for job in jobs)


def _sync(job: ScheduledJob, force: bool, interruption: Interruption) -> int:
    words = ["sync", job.directory, job.time_series, "--env-file", job.env_file, "--log-file", job.log_file]
    options = build_parser().parse_args(words + (["--force"] if force else []))
    try:
        code = once.run(options, interruption)
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
