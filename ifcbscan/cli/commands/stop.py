"""`ifcbscan stop`: remove a schedule, and end the scans of its jobs that are under way."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time

from ifcbscan.cli import output
from ifcbscan.cli.metrics_target import remove_own_file
from ifcbscan.cli.more_options import StopArguments
from ifcbscan.cli.schedule_view import is_about, none_about
from ifcbscan.cli.signals import Interruption
from ifcbscan.core.companions import Holder
from ifcbscan.errors import ExitCode, Interrupted, UsageError
from ifcbscan.schedule.base import Scheduler
from ifcbscan.schedule.choose import for_this_system
from ifcbscan.schedule.jobs import ScheduledJob
from ifcbscan.state import run_locks

_PATIENCE = 15.0  # seconds for a scan to end in order
_NAME_PATIENCE = 3.0  # seconds for a scan that has just begun to write its name down


def run(arguments: StopArguments, interruption: Interruption) -> int:
    """Remove what matches; returns an exit code."""
    scheduler = for_this_system(arguments.system_account)
    known = scheduler.jobs()
    matching = [found for found in known if arguments.what is None or is_about(found.job, arguments.what)]
    if not matching and arguments.what is not None:
        raise none_about(arguments.what, [found.job for found in known])
    if not matching:
        raise UsageError("Nothing at all is scheduled for this user.")
    try:
        for installed in matching:
            _stop(scheduler, installed.job)
    except Interrupted:
        output.say("Interrupted. What was removed stays removed; a scan that is under way ends by itself.")
        return interruption.exit_code
    return ExitCode.DONE


def _stop(scheduler: Scheduler, job: ScheduledJob) -> None:
    scheduler.remove(job)
    output.say(
        f"Removed from {scheduler.name}: {job.directory} to {job.time_series}. Nothing of it is sent by itself any more."
    )
    for mode in ("recent", "full"):
        end_scan(run_locks.lock_path(job.directory, job.time_series, mode), job.time_series)
    removed = remove_own_file(job)  # after the last scan that could write it
    if removed:
        output.say(removed)


def end_scan(lock: str, time_series: str) -> None:
    """End the process that holds the lock at the path `lock`, if a living process does; says what became of it."""
    try:
        holder = _holder(lock)
        held = run_locks.is_held(lock)
    except OSError as error:
        output.say(
            f"Whether a scan of {time_series} is under way cannot be found out: {lock}: {error.strerror}. If there is one, it "
            "ends by itself."
        )
        return
    if holder is None:
        if held:
            output.say(
                f"A scan of {time_series} is under way, and which process it is cannot be told; it ends by itself."
            )
        return
    if holder.host != socket.gethostname():
        output.say(
            f"A scan of {time_series} is under way on {holder.host} (process {holder.pid}); please end it there."
        )
        return
    try:
        os.kill(holder.pid, signal.SIGTERM)
        if hasattr(signal, "SIGCONT"):
            os.kill(holder.pid, signal.SIGCONT)  # until then a stopped process (Ctrl-Z) hears of nothing
    except OSError as error:
        output.say(f"The scan of {time_series} (process {holder.pid}) could not be ended: {error.strerror}.")
        return
    if _still_held(lock):
        output.say(
            f"The scan of {time_series} (process {holder.pid}) was asked to end, and has not ended yet."
        )
    else:
        output.say(f"Ended the scan of {time_series} that was under way; nothing is lost.")


def _still_held(lock: str) -> bool:
    """Whether the lock is still held after the time that a scan needs to end in order."""
    until = time.monotonic() + _PATIENCE
    with contextlib.suppress(OSError):  # where it cannot be found out, nobody may be told that it has ended
        while run_locks.is_held(lock):
            if time.monotonic() >= until:
                return True
            time.sleep(0.1)
        return False
    return True


def _holder(lock: str) -> Holder | None:
    until = time.monotonic() + _NAME_PATIENCE
    while run_locks.is_held(lock) and time.monotonic() < until:
        holder = run_locks.living_holder(lock)
        if holder is not None:
            return holder
    return None
