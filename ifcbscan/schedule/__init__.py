"""What runs the scans by themselves: the user's crontab, or the Windows Task Scheduler.

`Scheduler` is all that the commands know of either. Each is text first (pure functions in `cron` and
`taskscheduler`), then a thin acting part that reads and writes that text with the system's own tool.
Nothing here scans, looks at data folders or reads the configuration.
"""

from __future__ import annotations

import abc
import os
import sys

from ifcbscan.errors import UsageError
from ifcbscan.schedule.jobs import InstalledJob, Mode, ScheduledJob, ScheduleError

__all__ = ["InstalledJob", "Mode", "ScheduleError", "ScheduledJob", "Scheduler", "for_this_system"]


class Scheduler(abc.ABC):
    """Installs, shows and removes the two entries of each job.

    Every method but `render` asks the system and raises ScheduleError, with a line for the operator, if
    that does not work. Jobs are told apart by `ScheduledJob.id`: directory and time series.
    """

    #: What operators know it by.
    name: str

    @abc.abstractmethod
    def available(self) -> str | None:
        """None if jobs can be installed here, else the reason why not and what to do."""

    @abc.abstractmethod
    def notes(self) -> list[str]:
        """What an operator must know about jobs installed here, such as when they do not run."""

    @abc.abstractmethod
    def jobs(self) -> list[InstalledJob]:
        """The jobs that are installed, read from the schedule itself, in its order."""

    @abc.abstractmethod
    def render(self, job: ScheduledJob) -> str:
        """The text that `install` would add, for people to read."""

    @abc.abstractmethod
    def install(self, job: ScheduledJob) -> None:
        """Make both entries of `job` be there, as they should be; entries of the same id are replaced."""

    @abc.abstractmethod
    def remove(self, job: ScheduledJob) -> None:
        """Take out the entries of the job with this id; none there is no error."""


def for_this_system(system_account: bool = False) -> Scheduler:
    """Cron, or on Windows the Task Scheduler.

    `system_account` (Windows only): jobs belong to the SYSTEM account and run whether or not anybody is
    logged on. Raises UsageError for it elsewhere.
    """
    if sys.platform == "win32":
        from ifcbscan.schedule.taskscheduler import TaskScheduler

        return TaskScheduler(system_account)
    if system_account:
        raise UsageError(
            f"--system is for Windows; on {os.uname().sysname} cron runs the jobs always, also while nobody is "
            "logged on. Nothing was installed."
        )
    from ifcbscan.schedule.cron import Cron

    return Cron()
