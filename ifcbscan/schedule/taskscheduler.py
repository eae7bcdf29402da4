r"""Jobs in the Windows Task Scheduler, by way of Windows' own `schtasks.exe`.

What a task says is task_text.py's business. Tasks outside the folder `\ifcbscan\` are never touched.
"""

from __future__ import annotations

import os
import re
import tempfile
from typing import Callable

from ifcbscan.core.printable import brief
from ifcbscan.schedule.base import Check, Scheduler, accept_any
from ifcbscan.schedule.jobs import InstalledJob, Mode, ScheduledJob, ScheduleError, Written, installed
from ifcbscan.schedule.process import Finished, Runner, run_with_files
from ifcbscan.schedule.task_text import (
    SYSTEM,
    Task,
    decode_output,
    file_bytes,
    task_name,
    task_xml,
    tasks_in,
    windowless,
)


class TaskScheduler(Scheduler):
    r"""The tasks in `\ifcbscan\`."""

    name = "Task Scheduler"

    def __init__(
        self,
        system_account: bool = False,
        runner: Runner = run_with_files,
        is_file: Callable[[str], bool] = os.path.isfile,
    ) -> None:
        """`system_account`: tasks are made for the SYSTEM account, which needs an administrator.

        `runner` carries the commands out; `is_file` says whether a program is there.
        """
        self._system_account = system_account
        self._run = runner
        self._is_file = is_file

    def available(self) -> str | None:
        if self._system_account and not _is_elevated():
            return (
                "--system needs an administrator. Please run it again in a window that was opened with "
                '"Run as administrator".'
            )
        try:
            self._query()
        except ScheduleError as error:
            return str(error)
        return None

    def notes(self) -> list[str]:
        if self._system_account:
            return [
                "The jobs run under the SYSTEM account, whether or not anybody is logged on. That account sees no "
                r"drive letters of the network: give such a folder as \\server\share. Only an administrator sees "
                "these jobs in status, or can stop them."
            ]
        return [
            "The jobs run only while you are logged on (a locked screen counts as logged on). To have them run "
            "always, run start --system as administrator."
        ]

    def jobs(self) -> list[InstalledJob]:
        return installed(
            [
                (task.entry, Written.AS_NOW if task.exact else Written.OTHERWISE)
                for task in self._query()
                if task.enabled
            ]
        )

    def render(self, job: ScheduledJob) -> str:
        user_id = SYSTEM if self._system_account else self._user_id()
        return "\n".join(
            f"{task_name(job, mode)}\n{task_xml(job, mode, user_id, self._program(job))}" for mode in Mode
        )

    def install(self, job: ScheduledJob, check: Check = accept_any) -> None:
        check(self.jobs())
        user_id = SYSTEM if self._system_account else self._user_id()
        definitions = [
            (task_name(job, mode), task_xml(job, mode, user_id, self._program(job))) for mode in Mode
        ]
        stale = {task.name for task in self._query() if task.entry.job.id == job.id}
        for name, xml in definitions:
            self._create(name, xml)
        for name in sorted(stale - {name for name, _ in definitions}):
            self._delete(name)

    def remove(self, job: ScheduledJob) -> None:
        for task in self._query():
            if task.entry.job.id == job.id:
                self._delete(task.name)

    def _program(self, job: ScheduledJob) -> str:
        program = windowless(job.python)
        return program if self._is_file(program) else job.python

    def _query(self) -> list[Task]:
        done = self._schtasks("/Query", "/XML")
        printed = decode_output(done.stdout)
        # One damaged task of somebody else's makes it fail after it has printed all others.
        if done.code != 0 and "</Task>" not in printed:
            raise self._failed("The tasks of the Task Scheduler cannot be read", done)
        return tasks_in(printed)

    def _create(self, name: str, xml: str) -> None:
        with tempfile.TemporaryDirectory(prefix="ifcbscan-") as folder:
            path = os.path.join(folder, "task.xml")
            with open(path, "wb") as file:
                file.write(file_bytes(xml))
            done = self._schtasks("/Create", "/TN", name, "/XML", path, "/F")
        if done.code != 0:
            raise self._failed(
                f"The Task Scheduler did not take the task {name}",
                done,
                " If an administrator has made tasks in this folder before, run start as administrator.",
            )

    def _delete(self, name: str) -> None:
        done = self._schtasks("/Delete", "/TN", name, "/F")
        if done.code != 0:
            raise self._failed(
                f"The task {name} could not be removed and goes on running",
                done,
                " If an administrator has made it, run stop as administrator.",
            )

    def _schtasks(self, *arguments: str) -> Finished:
        return self._run([_system_program("schtasks.exe"), *arguments], b"")

    def _failed(self, what: str, done: Finished, hint: str = "") -> ScheduleError:
        said = brief(decode_output(done.stderr or done.stdout)) or f"exit code {done.code}"
        return ScheduleError(f"{what}: {said.rstrip('.')}.{hint}")

    def _user_id(self) -> str:
        """The SID of this user. (A name may be ambiguous: over ssh, %USERDOMAIN% is no domain.)"""
        done = self._run([_system_program("whoami.exe"), "/USER", "/FO", "CSV", "/NH"], b"")
        sid = re.search(rb"\bS-1(?:-[0-9]+)+", done.stdout)
        if sid is not None:
            return sid.group().decode("ascii")
        domain, user = os.environ.get("USERDOMAIN"), os.environ.get("USERNAME")
        if not user:
            raise ScheduleError(
                "Windows does not say who you are (whoami /user), so no task can be made for you. Nothing was installed."
            )
        return f"{domain}\\{user}" if domain else user


def _system_program(name: str) -> str:
    """Windows' own program, by its full path: nothing of that name in the current folder is ever run."""
    root = os.environ.get("SYSTEMROOT")
    return os.path.join(root, "System32", name) if root else name


def _is_elevated() -> bool:
    import ctypes

    try:
        return bool(ctypes.windll.shell32.IsUserAnAdmin())  # type: ignore[attr-defined]
    except AttributeError:
        return False
