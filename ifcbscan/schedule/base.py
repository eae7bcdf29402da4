"""`Scheduler`: all that the commands know of cron and of the Windows Task Scheduler."""

from __future__ import annotations

import abc
from typing import Callable, ContextManager, Sequence

from ifcbscan.schedule.jobs import InstalledJob, ScheduledJob, ScheduleError

#: Looks at the jobs that are installed, and raises an error if another one must not be added to them.
Check = Callable[[Sequence[InstalledJob]], None]


def accept_any(_jobs: Sequence[InstalledJob]) -> None:
    """The check that finds nothing wrong."""


class Scheduler(abc.ABC):
    """Installs, shows and removes the two entries of each job.

    `jobs`, `install`, `remove` and, on Windows, `render` ask the system. They raise ScheduleError if that does not
    work, and UsageError for what cannot be: a job that this schedule cannot hold, a damaged block of a crontab; both with
    a line for the operator. Jobs are told apart by `ScheduledJob.id`: directory and time series.
    """

    #: What operators know it by.
    name: str

    @abc.abstractmethod
    def available(self) -> str | None:
        """None if jobs can be installed here, else the reason why not and what to do."""

    @abc.abstractmethod
    def notes(self) -> list[str]:
        """What an operator must know about jobs installed here, such as when they do not run."""

    def notes_on(self, job: ScheduledJob) -> list[str]:
        """What an operator must know about this one job, beside `notes`."""
        return []

    @abc.abstractmethod
    def jobs(self) -> list[InstalledJob]:
        """The jobs that are installed, read from the schedule itself, in the order in which they stand there."""

    @abc.abstractmethod
    def render(self, job: ScheduledJob) -> str:
        """The text that `install` would add, for people to read."""

    @abc.abstractmethod
    def install(self, job: ScheduledJob, check: Check = accept_any) -> None:
        """Make both entries of `job` be there, as they should be; entries of the same id are replaced.

        `check` is given the jobs that are installed just before the change (with cron, while no other change can
        come between); what it raises ends it, and nothing is changed.
        """

    def trial(self, script: str) -> ContextManager[None]:
        """Within it the schedule runs the shell script in the file `script` every minute, as it runs its jobs.

        Raises ScheduleError and UsageError as `install` does, and where there is no such schedule.
        """
        raise ScheduleError(
            f"{self.name} has no line that could be tried; 'ifcbscan status' shows how its last scans ended."
        )

    @abc.abstractmethod
    def remove(self, job: ScheduledJob) -> None:
        """Take out the entries of the job with this id; none there is no error."""
