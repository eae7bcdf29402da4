"""The Task Scheduler of Windows: what schtasks is asked, and what is said when it refuses."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Sequence

import pytest
from support.windows_tasks import FOREIGN, NASTY, SID, make_job, printed, text_of

from ifcbscan.schedule.jobs import Mode, ScheduleError
from ifcbscan.schedule.process import Finished
from ifcbscan.schedule.task_text import (
    SYSTEM,
    task_name,
    task_xml,
)
from ifcbscan.schedule.taskscheduler import TaskScheduler

pytestmark = pytest.mark.windows_core


class SchtasksStandIn:
    """Keeps tasks as the Task Scheduler does, and prints them in a console's code page."""

    def __init__(self, code_page: str = "ascii") -> None:
        self.tasks: dict[str, str] = {"\\Microsoft\\Windows\\Defrag": FOREIGN}
        self.code_page = "oem" if os.name == "nt" else code_page
        self.calls: list[str] = []
        self.refuses: tuple[str, bytes] | None = None
        self.whoami = f'"pc\\me","{SID}"\r\n'.encode("ascii")

    def __call__(self, command: Sequence[str], stdin: bytes) -> Finished:
        assert stdin == b""
        program, *words = command
        if program.lower().endswith("whoami.exe"):
            assert words == ["/USER", "/FO", "CSV", "/NH"]
            return Finished(0, self.whoami, b"")
        assert program.lower().endswith("schtasks.exe")
        self.calls.append(words[0])
        if self.refuses and words[0] == self.refuses[0]:
            return Finished(1, b"", self.refuses[1])
        return getattr(self, words[0].strip("/").lower())(*words[1:])  # type: ignore[no-any-return]

    def create(self, tn: str, name: str, xml: str, path: str, force: str) -> Finished:
        assert (tn, xml, force) == ("/TN", "/XML", "/F")
        content = Path(path).read_bytes()
        assert content.startswith(b"\xff\xfe")
        self.tasks[name] = content.decode("utf-16")
        return Finished(0, b"SUCCESS\r\n", b"")

    def delete(self, tn: str, name: str, force: str) -> Finished:
        assert (tn, force) == ("/TN", "/F")
        if self.tasks.pop(name, None) is None:
            return Finished(1, b"", b"ERROR: The system cannot find the file specified.\r\n")
        return Finished(0, b"SUCCESS\r\n", b"")

    def query(self, xml: str) -> Finished:
        assert xml == "/XML"
        text = printed(*(definition for _, definition in sorted(self.tasks.items())))
        # one "?" for each half of a character beyond 16 bits, as Windows does
        halves = re.sub("[\U00010000-\U0010ffff]", "??", text)
        return Finished(0, halves.encode(self.code_page, "replace"), b"")


def scheduler(schtasks: SchtasksStandIn, system: bool = False) -> TaskScheduler:
    return TaskScheduler(system, schtasks, is_file=lambda path: True)


def test_install_makes_two_tasks_and_remove_takes_them_and_no_others() -> None:
    schtasks = SchtasksStandIn()
    windows = scheduler(schtasks)
    before = dict(schtasks.tasks)
    windows.install(make_job())
    windows.install(NASTY)
    assert sorted(set(schtasks.tasks) - set(before)) == sorted(
        task_name(job, mode) for job in (make_job(), NASTY) for mode in Mode
    )
    found = {one.job.id: one for one in windows.jobs()}
    assert found[NASTY.id].job == NASTY
    assert all((one.recent, one.full, one.up_to_date) == (True, True, True) for one in found.values())
    windows.remove(NASTY)
    assert [one.job for one in windows.jobs()] == [make_job()]
    windows.remove(make_job())
    assert schtasks.tasks == before
    windows.remove(make_job())
    assert schtasks.tasks == before


def test_installing_twice_changes_nothing() -> None:
    schtasks = SchtasksStandIn()
    scheduler(schtasks).install(NASTY)
    before = dict(schtasks.tasks)
    scheduler(schtasks).install(NASTY)
    assert schtasks.tasks == before


def test_installing_takes_the_place_of_tasks_made_by_hand_for_the_same_job() -> None:
    schtasks = SchtasksStandIn()
    name = "\\ifcbscan\\by-hand"
    schtasks.tasks[name] = task_xml(make_job(), Mode.FULL, SYSTEM, name=name)
    scheduler(schtasks).install(make_job())
    assert name not in schtasks.tasks
    (found,) = scheduler(schtasks).jobs()
    assert found.up_to_date


def test_tasks_are_made_for_the_user_and_with_system_for_the_system_account() -> None:
    for system, user_id in ((False, SID), (True, SYSTEM)):
        schtasks = SchtasksStandIn()
        scheduler(schtasks, system).install(make_job())
        for mode in Mode:
            assert (
                text_of(schtasks.tasks[task_name(make_job(), mode)], "Principals/Principal/UserId") == user_id
            )


@pytest.mark.parametrize("domain, user_id", [("PC", "PC\\me"), ("", "me")])
def test_where_windows_tells_no_sid_the_name_of_the_user_serves(
    domain: str, user_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USERNAME", "me")
    monkeypatch.setenv("USERDOMAIN", domain)
    schtasks = SchtasksStandIn()
    schtasks.whoami = b"ERROR: Unable to get user claims information.\r\n"
    scheduler(schtasks).install(make_job())
    xml = schtasks.tasks[task_name(make_job(), Mode.FULL)]
    assert text_of(xml, "Principals/Principal/UserId") == user_id


def test_where_windows_does_not_say_who_the_user_is_nothing_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("USERNAME", raising=False)
    schtasks = SchtasksStandIn()
    schtasks.whoami = b""
    before = dict(schtasks.tasks)
    with pytest.raises(ScheduleError, match="Nothing was installed"):
        scheduler(schtasks).install(make_job())
    assert schtasks.tasks == before


def test_where_there_is_no_pythonw_the_jobs_own_python_is_started() -> None:
    schtasks = SchtasksStandIn()
    windows = TaskScheduler(False, schtasks, is_file=lambda path: False)
    windows.install(make_job())
    xml = schtasks.tasks[task_name(make_job(), Mode.FULL)]
    assert text_of(xml, "Actions/Exec/Command") == make_job().python
    (found,) = windows.jobs()
    assert found.up_to_date


def test_a_disabled_task_counts_as_not_there_and_is_removed_all_the_same() -> None:
    schtasks = SchtasksStandIn()
    windows = scheduler(schtasks)
    windows.install(make_job())
    name = task_name(make_job(), Mode.RECENT)
    settings_of = schtasks.tasks[name].partition("<Settings>")
    schtasks.tasks[name] = "".join(settings_of[:2]) + settings_of[2].replace(
        "<Enabled>true", "<Enabled>false", 1
    )
    (found,) = windows.jobs()
    assert (found.recent, found.full, found.up_to_date) == (False, True, False)
    windows.remove(make_job())
    assert name not in schtasks.tasks


@pytest.mark.parametrize("action", ["/Create", "/Delete", "/Query"])
def test_a_refusal_ends_in_one_line_with_what_windows_said(action: str) -> None:
    schtasks = SchtasksStandIn()
    windows = scheduler(schtasks)
    windows.install(make_job())
    schtasks.refuses = (action, b"ERROR: Access is denied.\r\n")
    with pytest.raises(ScheduleError) as refusal:
        windows.install(make_job()) if action == "/Create" else windows.remove(make_job())
    assert "Access is denied" in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert (windows.available() is None) == (action != "/Query")


def test_a_damaged_task_of_somebody_else_does_not_hide_ours() -> None:
    schtasks = SchtasksStandIn()
    scheduler(schtasks).install(make_job())

    def complaining(command: Sequence[str], stdin: bytes) -> Finished:
        done = schtasks(command, stdin)
        return Finished(1, done.stdout, b"ERROR: The task image is corrupt or has been tampered with.\r\n")

    assert [one.job for one in TaskScheduler(False, complaining).jobs()] == [make_job()]


def test_the_operator_is_told_when_the_jobs_run() -> None:
    assert "only while you are logged on" in scheduler(SchtasksStandIn()).notes()[0]
    assert "whether or not anybody is logged on" in scheduler(SchtasksStandIn(), True).notes()[0]


def test_what_print_shows_is_what_install_registers() -> None:
    schtasks = SchtasksStandIn()
    windows = scheduler(schtasks)
    windows.install(NASTY)
    shown = windows.render(NASTY)
    for mode in Mode:
        assert schtasks.tasks[task_name(NASTY, mode)].replace("\r\n", "\n") in shown


@pytest.mark.skipif(os.name != "nt", reason="needs Windows, or wine, for its schtasks.exe")
def test_windows_own_schtasks_takes_the_calls() -> None:
    """On wine schtasks.exe checks the arguments and keeps what it is told; it prints no tasks."""
    windows = TaskScheduler()
    job = make_job(time_series="ifcbscan_test")
    assert windows.available() is None
    windows.install(job)
    try:
        for found in windows.jobs():  # none on wine
            assert found.job.python.endswith("python.exe")
    finally:
        for mode in Mode:
            windows._delete(task_name(job, mode))
    with pytest.raises(ScheduleError):
        windows._delete(task_name(job, Mode.FULL))
