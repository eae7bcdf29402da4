"""Runs the system's own scheduling tool to its end. The one place here that starts a process."""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass
from typing import Any, Callable, Sequence

from ifcbscan.schedule.jobs import ScheduleError

#: How long a tool may take. schtasks may wait for a busy Task Scheduler service; crontab answers at once. Seconds.
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
    """The Runner for crontab. Through pipes, so that a full disk cannot cut off what it prints."""
    done = _run(command, stdin, subprocess.PIPE, subprocess.PIPE)
    return Finished(done.returncode, done.stdout, done.stderr)


def run_with_files(command: Sequence[str], stdin: bytes) -> Finished:
    """The Runner for Windows, where processes that a tool has started may keep its pipes open for ever.

    With files this waits for the tool and for nothing else, and the time-out holds.
    """
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        done = _run(command, stdin, stdout, stderr)
        stdout.seek(0)
        stderr.seek(0)
        return Finished(done.returncode, stdout.read(), stderr.read())


def _run(
    command: Sequence[str], stdin: bytes, stdout: Any, stderr: Any
) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            list(command),
            input=stdin,
            stdout=stdout,
            stderr=stderr,
            env={**os.environ, "LC_ALL": "C"},  # messages in English where the tool knows how
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ScheduleError(
            f"{command[0]} gave no answer within {TIMEOUT_SECONDS:.0f} seconds and was ended, so a change may have been "
            "made or not. 'ifcbscan status' shows what is scheduled; please try again."
        ) from None
    except OSError as error:
        raise ScheduleError(f"{command[0]} cannot be started: {error.strerror}.") from None
