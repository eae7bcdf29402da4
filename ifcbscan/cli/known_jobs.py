"""The scheduled jobs of this computer with all that is known of each, and the verdict on it. For every command that shows them."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from dataclasses import dataclass, replace
from typing import Sequence

from ifcbscan.cli.log import installed_at, not_started_at
from ifcbscan.cli.schedule_view import rivals_among
from ifcbscan.core.dashboard_note import DashboardNote
from ifcbscan.core.health import Health, KnownJob, health_of, sort_key
from ifcbscan.core.last_run import LastRun
from ifcbscan.errors import IfcbscanError
from ifcbscan.schedule.base import Scheduler
from ifcbscan.schedule.crontab_text import NOT_STARTED
from ifcbscan.schedule.jobs import InstalledJob, ScheduledJob
from ifcbscan.schedule.system_tables import SystemJob, system_jobs
from ifcbscan.state import dashboard_notes, last_runs, paths, run_locks
from ifcbscan.state.dashboard_notes import NOTHING_KNOWN

#: A disk with less room than this is full. Bytes.
_ROOM = 4096


@dataclass(frozen=True)
class JobStatus:
    """A scheduled job, what is known of it, and the verdict. `system`: where it stands, if that is no schedule of this user."""

    installed: InstalledJob
    known: KnownJob
    health: Health
    dashboard: DashboardNote = NOTHING_KNOWN
    rivals: Sequence[ScheduledJob] = ()  # other jobs that send some of the same bins to another time series
    system: SystemJob | None = None

    @property
    def job(self) -> ScheduledJob:
        """What is scheduled."""
        return self.installed.job


def known_jobs(scheduler: Scheduler, now: float | None = None) -> list[JobStatus]:
    """The jobs of this user, then those of the system's tables. Raises ScheduleError if the schedule cannot be read."""
    now = time.time() if now is None else now
    own: list[tuple[InstalledJob, SystemJob | None]] = [(found, None) for found in scheduler.jobs()]
    all_jobs = own + [(found.installed, found) for found in system_jobs()]
    if not all_jobs:
        return []
    pairs = rivals_among([installed.job for installed, _ in all_jobs])
    down, trouble = scheduler_down(scheduler), records_trouble()
    found = [_status(installed, system, pairs, now) for installed, system in all_jobs]
    return [
        status if status.known.foreign else _with_troubles(status, down, trouble, now) for status in found
    ]


def scheduler_down(scheduler: Scheduler) -> str:
    """Why nothing is started by itself at present, as far as can be seen; "" if nothing tells of it."""
    # On Linux the only note is that cron does not run; elsewhere they say under which conditions jobs run.
    down = sys.platform.startswith("linux") and scheduler.notes()
    return f"{scheduler.name} does not run, so no scan is started by itself" if down else ""


def _with_troubles(status: JobStatus, down: str, trouble: str, now: float) -> JobStatus:
    known = status.known._replace(scheduler_down=down, records_trouble=trouble)
    return replace(status, known=known, health=health_of(known, now))


def worst_first(jobs: Sequence[JobStatus]) -> list[JobStatus]:
    """The jobs, those that need a person most before the others."""
    return sorted(jobs, key=lambda status: sort_key(status.health.light))


def records_trouble() -> str:
    """Why no run can leave a record, so that what is known may be old; "" if it can."""
    try:
        folder = paths.state_folder()
    except IfcbscanError as error:
        return str(error)
    reason = ""
    if hasattr(os, "statvfs"):
        with contextlib.suppress(OSError):
            disk = os.statvfs(folder)
            free = disk.f_bfree if os.geteuid() == 0 else disk.f_bavail
            if disk.f_blocks and free * disk.f_frsize < _ROOM:
                reason = os.strerror(errno.ENOSPC)
    return reason and (
        f"the records of the scans, in {folder}, cannot be written ({reason}), so what stands here may be old; please make room"
    )


def _status(
    installed: InstalledJob,
    system: SystemJob | None,
    pairs: Sequence[tuple[ScheduledJob, ScheduledJob]],
    now: float,
) -> JobStatus:
    job = installed.job
    rivals = [other for pair in pairs for other in pair if job in pair and other != job]
    if system is not None and not _is_this_user(system.user):
        foreign = KnownJob(
            None, None, None, installed.recent, installed.full, foreign=True, log_age=_age(job.log_file, now)
        )
        return JobStatus(installed, foreign, health_of(foreign, now), rivals=rivals, system=system)
    note = dashboard_notes.read(job.directory, job.time_series)
    known = KnownJob(
        _record(job, "recent"),
        _record(job, "full"),
        _installed(job.log_file, system),
        installed.recent,
        installed.full,
        len(rivals),
        dashboard="; ".join(note.warnings()),
        full_under_way=run_locks.in_progress(job.directory, job.time_series, "full"),
    )
    known = known._replace(not_started=_not_started(job.log_file, known))
    return JobStatus(installed, known, health_of(known, now), note, rivals, system)


def _record(job: ScheduledJob, mode: str) -> LastRun | None:
    return last_runs.read(job.directory, job.time_series, mode)


def _installed(log_file: str, system: SystemJob | None) -> float | None:
    noted = installed_at(log_file)
    # Whoever wrote the system's table left no line in the log.
    return noted if noted is not None or system is None else system.changed


def _not_started(log_file: str, known: KnownJob) -> str:
    """What the log says if the schedule could not start ifcbscan, and it has not run since; "" else."""
    when = not_started_at(log_file, NOT_STARTED)
    if when is None or (known.last is not None and known.last.ended > when):
        return ""
    return NOT_STARTED


def _age(path: str, now: float) -> float | None:
    with contextlib.suppress(OSError):
        return now - os.stat(path).st_mtime
    return None


def _is_this_user(name: str) -> bool:
    try:
        import pwd
    except ImportError:  # Windows
        return False
    with contextlib.suppress(KeyError, ValueError):
        return pwd.getpwnam(name).pw_uid == os.geteuid()
    return False
