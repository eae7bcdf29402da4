"""What `ifcbscan check` says of the entries of the schedule: do they start a program that works, are they as they should be?"""

from __future__ import annotations

import os
import sys
from typing import Callable, Iterator, Sequence

from ifcbscan import __version__
from ifcbscan.cli.checked import Item
from ifcbscan.cli.endings import ending_of
from ifcbscan.cli.job import scheduled_config, unseen_by_schedule
from ifcbscan.cli.targets import is_same_file
from ifcbscan.core.timetable import parse_timetable
from ifcbscan.core.units import parse_daily, parse_duration, parse_interval
from ifcbscan.disk.files import reachable
from ifcbscan.disk.mounts import unmounted
from ifcbscan.errors import ConfigError, IfcbscanError
from ifcbscan.schedule.extras import JobExtras
from ifcbscan.schedule.jobs import InstalledJob, ScheduledJob, ScheduleError
from ifcbscan.schedule.program import version_of


def check_entries(
    jobs: Sequence[InstalledJob], version: Callable[[ScheduledJob], str] = version_of
) -> Iterator[Item]:
    """One line for each job. `version` says which version its entries start, or raises ScheduleError."""
    if not jobs:
        yield Item(
            None, "schedule", "nothing is scheduled for this user; 'ifcbscan start DIR TIME_SERIES' does it"
        )
    for installed in jobs:
        job = installed.job
        wrong = list(_wrong(installed))
        try:
            started = version(job)
        except ScheduleError as error:
            started = ""
            wrong.append(
                f"{error} Nothing of it is sent. Mend that Python, or type the same 'ifcbscan start' with --restart, from one "
                "that works."
            )
        text = " ".join(wrong) or _right(installed, started)
        yield Item(not wrong, "schedule", f"{job.directory} to {job.time_series}: {text}")


def _wrong(installed: InstalledJob) -> Iterator[str]:
    if not (installed.recent and installed.full):
        missing = "hourly" if installed.recent else "every-minute"
        yield f"the {missing} entry is missing; the same 'ifcbscan start' again puts it back."
    elif installed.earlier:
        yield f"{installed.remark}. Until then nothing tells if Python does not start any more."
    options = wrong_option(installed.job.extras)
    if options:
        yield f"{options} Nothing of it is sent. The same 'ifcbscan start' with --restart and that option puts it right."
    try:
        scheduled_config(installed.job.env_file)
        yield from filter(None, [unseen_by_schedule(installed.job.env_file)])
    except IfcbscanError as error:
        yield ending_of(error, sends=False).line
    yield from filter(None, [_folder_gone(installed.job)])


def wrong_option(extras: JobExtras) -> str:
    """Why no scan takes the options of an entry, "" if one does: somebody may have edited it."""
    try:
        for text, parse, option in (
            (extras.max_age, parse_duration, "--max-age"),
            (extras.expect_every, parse_interval, "--expect-every"),
            (extras.bandwidth, parse_timetable, "--bandwidth"),
            (extras.max_daily, parse_daily, "--max-daily"),
        ):
            if text is not None:
                parse(text, option)
    except ConfigError as error:
        return str(error)
    return ""


def _folder_gone(job: ScheduledJob) -> str:
    """What is to be said if the folder of a job is not there, or its disk; "" if it is."""
    gone = unmounted(job.directory, job.extras.mounted_at)
    if gone or os.path.isdir(reachable(job.directory)):
        return gone
    return (
        "this folder does not exist, so nothing of it is sent. Is the disk mounted? If the folder was moved, 'ifcbscan start' with "
        f"the new one, {job.time_series} and --restart: that keeps the job's options."
    )


def _right(installed: InstalledJob, started: str) -> str:
    words = [f"its entries start ifcbscan {started}"]
    if started != __version__:
        words.append(f"and this is {__version__}")
    if not is_same_file(installed.job.python, sys.executable):
        words.append(f"with {installed.job.python}")
    if not installed.up_to_date:
        words.append("somebody has edited it, and it runs as edited")
    return ", ".join(words)


def not_on_its_disk(directory: str, time_series: str | None, jobs: Sequence[InstalledJob]) -> str:
    """Why a folder (absolute) is not on the disk on which it was when it was scheduled; "" if nothing is known to be wrong."""
    for installed in jobs:
        job = installed.job
        gone = time_series in (None, job.time_series) and unmounted(directory, job.extras.mounted_at)
        if gone and is_same_file(job.directory, directory):
            return gone
    return ""
