"""Runs the system's own scheduling tool to its end. The one place here that starts a process."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import Callable, Sequence

from ifcbscan.schedule.jobs import ScheduleError

#: schtasks may wait for a busy Task Scheduler service; crontab answers at once.
TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True)
class Finished:
    """How a tool has ended."""

    code: int
    stdout: bytes
    stderr: bytes


#: Runs a command with this standard input. Raises ScheduleError if it does not start or does not end.
Runner = Callable[[Sequence[str], bytes], Finished]


def run(command: Sequence[str], stdin: bytes) -> Finished:
    """The Runner for everything but tests. Messages come in English where the tool knows how."""
    try:
        done = subprocess.run(
            list(command),
            input=stdin,
            capture_output=True,
            env={**os.environ, "LC_ALL": "C"},
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ScheduleError(
            f"{command[0]} gave no answer within {TIMEOUT_SECONDS:.0f} seconds; the schedule may be as it was. "
            "Please try again."
        ) from None
    except OSError as error:
        raise ScheduleError(f"{command[0]} cannot be started: {error.strerror}.") from None
    return Finished(done.returncode, done.stdout, done.stderr)
