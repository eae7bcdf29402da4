"""Which scheduler this system has. Loads that one only."""

from __future__ import annotations

import os
import sys

from ifcbscan.errors import UsageError
from ifcbscan.schedule.base import Scheduler


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
            "logged on. Nothing was changed."
        )
    from ifcbscan.schedule.cron import Cron

    return Cron()
