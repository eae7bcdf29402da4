"""Jobs in the user's crontab: reads it with `crontab -l` and writes it with `crontab -`.

What the table says is crontab_text.py's business. The file of the table is never touched directly.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
from typing import Callable, Iterator, Sequence

from ifcbscan.core.printable import brief
from ifcbscan.errors import IfcbscanError
from ifcbscan.schedule.base import Check, Scheduler, accept_any
from ifcbscan.schedule.crontab_text import (
    has_fallback,
    jobs_in,
    render_block,
    with_job,
    with_trial,
    without_job,
    without_trial,
)
from ifcbscan.schedule.jobs import InstalledJob, Mode, ScheduledJob, ScheduleError
from ifcbscan.schedule.process import Finished, Runner, run
from ifcbscan.state import locks
from ifcbscan.state.paths import state_folder

#: How long a change waits for one by another process. Seconds.
_LOCK_SECONDS = 30.0


def daemon_runs(proc: str = "/proc") -> bool | None:
    """Whether a cron service runs on this Linux, by the names of its processes; None if they cannot be seen.

    `proc`: where Linux lists its processes.
    """
    names = set()
    for pid in os.listdir(proc) if os.path.isdir(proc) else ():
        with contextlib.suppress(OSError), open(f"{proc}/{pid}/comm", "rb") as file:
            names.add(file.read().strip())
    if not os.path.exists(f"{proc}/1/comm"):  # not there, or hides what belongs to others
        return None
    return bool(names & {b"cron", b"crond", b"fcron"})


class Cron(Scheduler):
    """The crontab of the user who runs this process."""

    name = "cron"

    def __init__(
        self,
        crontab: Sequence[str] = ("crontab",),
        runner: Runner = run,
        lock_file: str | None = None,
        platform: str = sys.platform,
        daemon_runs: Callable[[], bool | None] = daemon_runs,
    ) -> None:
        """`crontab`: the command to call. `lock_file` keeps two changes apart (default: one in the state folder).

        `runner` carries the commands out; `platform` (as `sys.platform`) and `daemon_runs` are for the notes.
        """
        self._crontab = tuple(crontab)
        self._run = runner
        self._lock_file = lock_file
        self._platform = platform
        self._daemon_runs = daemon_runs

    def available(self) -> str | None:
        try:
            self.read()
        except ScheduleError as error:
            return str(error)
        return None

    def notes(self) -> list[str]:
        found = []
        if self._platform == "darwin":
            found.append(
                "macOS lets cron read Desktop, Documents, Downloads and other disks only after you have added "
                "/usr/sbin/cron to System Settings > Privacy & Security > Full Disk Access."
            )
        if self._platform.startswith("linux") and self._daemon_runs() is False:
            found.append(
                "The cron service does not seem to run on this computer, so nothing will be started by itself. "
                "Please start it, on most systems with: sudo systemctl enable --now cron"
            )
        return found

    def notes_on(self, job: ScheduledJob) -> list[str]:
        if all(has_fallback(job, mode) for mode in Mode):
            return []
        return [
            "The paths of this job leave no room in cron's line for what tells the log that ifcbscan could not be started. If an "
            "upgrade breaks its Python, only 'ifcbscan check' and a monitor that is not called any more tell. Shorter paths help "
            "(a symbolic link)."
        ]

    def jobs(self) -> list[InstalledJob]:
        return jobs_in(self.read())

    def render(self, job: ScheduledJob) -> str:
        return os.fsdecode(render_block(job))

    def install(self, job: ScheduledJob, check: Check = accept_any) -> None:
        with self._alone():
            text = self.read()
            check(jobs_in(text))
            wanted = with_job(text, job)
            if wanted != text:
                self._write(wanted)
            if not any(found.job == job and found.up_to_date for found in self.jobs()):
                raise ScheduleError(
                    "crontab accepted the new table, but shows another one. Please look at it with "
                    '"crontab -l"; the job may not run.'
                )

    def remove(self, job: ScheduledJob) -> None:
        self._change(lambda text: without_job(text, job))

    @contextlib.contextmanager
    def trial(self, script: str) -> Iterator[None]:
        try:
            self._change(lambda text: with_trial(text, script))
            yield
        finally:
            self._change(lambda text: without_trial(text, script))

    def _change(self, change: Callable[[bytes | None], bytes | None]) -> None:
        with self._alone():
            text = self.read()
            wanted = change(text)
            if wanted != text:
                self._write(wanted)

    def read(self) -> bytes | None:
        """The crontab, byte for byte; None if there is none."""
        done = self._call("-l")
        if done.code == 0:
            return self._exactly(done.stdout)
        # Vixie's and cronie's words for it, then BusyBox's
        if re.search(rb"no crontab|No such file", done.stderr, re.IGNORECASE):
            return None
        raise self._refused(done, "cannot be read")

    def _write(self, text: bytes | None) -> None:
        """Replace the crontab in one step (None: remove it). Raises ScheduleError if crontab refuses."""
        done = self._call("-r") if text is None else self._call("-", stdin=text)
        if done.code != 0 and text and not text.endswith(b"\n"):
            # Debian's refuses a table whose last line has no end, even where it was there before.
            done = self._call("-", stdin=text + b"\n")
        if done.code != 0:
            raise self._refused(done, "was not changed")

    def _exactly(self, shown: bytes) -> bytes:
        r"""The table of which `crontab -l` has shown this.

        Debian's shows `\r` and `\b` for a carriage return and a backspace, and shows the same for these two
        characters written out. To an editor it gives the table as it is, and `cat` is an editor that prints
        it and changes nothing.
        """
        if b"\\r" not in shown and b"\\b" not in shown:
            return shown
        done = self._call("-e", before=("env", "VISUAL=cat", "EDITOR=cat"))
        if done.code == 0 and shown in (done.stdout, _as_debian_shows(done.stdout)):
            return done.stdout
        raise ScheduleError(
            "Your crontab may hold carriage returns, and crontab does not show it exactly, so it was not changed. Please "
            'edit it yourself with "crontab -e"; "ifcbscan start --print" shows the lines of a job.'
        )

    def _call(self, option: str, stdin: bytes = b"", before: Sequence[str] = ()) -> Finished:
        program = shutil.which(self._crontab[0])
        if program is None:
            raise ScheduleError(
                "cron is not installed (there is no command crontab), so nothing can be scheduled. Please "
                "install it, on Debian and Ubuntu with: sudo apt install cron"
            )
        return self._run([*before, program, *self._crontab[1:], option], stdin)

    def _refused(self, done: Finished, what: str) -> ScheduleError:
        said = brief(os.fsdecode(done.stderr)) or f"exit code {done.code}"
        if re.search(rb"not allowed", done.stderr, re.IGNORECASE):
            return ScheduleError(
                f"You may not use cron on this computer ({said}). Nothing was changed. Ask its administrator to "
                "take you into /etc/cron.allow, or out of /etc/cron.deny."
            )
        return ScheduleError(f"Your crontab {what}: {said}.")

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Two changes at once would lose one of them: a crontab is read, changed and written as a whole."""
        with contextlib.ExitStack() as stack:
            try:
                lock = locks.FileLock(self._lock_file or os.path.join(state_folder(), "crontab.lock"))
                lock.acquire(_LOCK_SECONDS)
            except locks.HeldByAnother:
                raise ScheduleError(
                    "Another ifcbscan is changing your crontab; nothing was changed. Please try again."
                ) from None
            except (OSError, IfcbscanError):
                # No lock can be had here. A change without one is better than none: two at once are unlikely.
                pass
            else:
                stack.callback(lock.release)
            yield


def _as_debian_shows(text: bytes) -> bytes:
    return text.replace(b"\r", b"\\r").replace(b"\b", b"\\b")
