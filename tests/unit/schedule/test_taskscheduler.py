r"""Tasks for the Windows Task Scheduler: valid by Microsoft's schema, and read back as they were written."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.places import REPOSITORY

from ifcbscan.errors import UsageError
from ifcbscan.schedule import taskscheduler
from ifcbscan.schedule.jobs import Mode, ScheduledJob, ScheduleError
from ifcbscan.schedule.process import Finished
from ifcbscan.schedule.taskscheduler import (
    SYSTEM,
    TaskScheduler,
    read_task,
    split_command_line,
    task_name,
    task_xml,
    tasks_in,
)

pytestmark = pytest.mark.windows_core

SCHEMA = REPOSITORY.parent / "shared" / "windows" / "taskscheduler.xsd"
SID = "S-1-5-21-1004336348-1177238915-682003330-1001"
NAMESPACE = {"t": "http://schemas.microsoft.com/windows/2004/02/mit/task"}


def make_job(directory: str = "D:\\IFCB data", time_series: str = "nauset") -> ScheduledJob:
    return ScheduledJob(
        python="C:\\Program Files\\ifcbscan\\python.exe",
        env_file="C:\\Users\\me\\.env",
        directory=directory,
        time_series=time_series,
        log_file="C:\\Users\\me\\ifcb.log",
    )


NASTY = make_job(directory="\\\\server\\données & 'a' <b> 100% \U0001f41f 浮游\\")

# What NTFS takes in a name, but for the % that has tests of its own.
_letters = st.characters(blacklist_characters='<>:"/\\|?*%$\ufffe\uffff', blacklist_categories=("Cc", "Cs"))
_names = st.text(_letters, min_size=1, max_size=12)
paths = st.builds(
    lambda drive, names, slash: drive + "\\".join(names) + slash,
    st.sampled_from(["C:\\", "d:\\", "\\\\server\\share\\", "\\\\?\\C:\\"]),
    st.lists(_names, min_size=1, max_size=4),
    st.sampled_from(["", "\\", "\\\\"]),
)
series = st.sampled_from(["nauset", "nauset2", "A" * 53, "_x-y"])
jobs = st.builds(
    lambda folder, env, data, name, log: ScheduledJob(
        folder.rstrip("\\") + "\\python.exe", env, data, name, log
    ),
    paths,
    paths,
    paths,
    series,
    paths,
)


def parsed(xml: str) -> Any:
    return ElementTree.fromstring(re.sub(r"^<\?xml.*?\?>", "", xml))


def text_of(xml: str, path: str) -> str:
    found = parsed(xml).findtext(re.sub(r"(\w+)", r"t:\1", path), namespaces=NAMESPACE)
    assert found is not None, path
    return str(found)


@pytest.fixture(scope="module")
def schema() -> Any:
    """Microsoft's published schema of task definitions."""
    etree = pytest.importorskip("lxml.etree", reason="lxml is not installed")
    if not SCHEMA.is_file():
        pytest.skip("no ../shared/windows/taskscheduler.xsd beside the repository")
    return etree.XMLSchema(etree.parse(str(SCHEMA)))


# ---- the definition ------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("user_id", [SID, "PC\\mé", SYSTEM])
@pytest.mark.parametrize("job", [make_job(), NASTY])
def test_the_file_is_valid_by_the_schema(schema: Any, job: ScheduledJob, user_id: str, mode: Mode) -> None:
    from lxml import etree

    for name in (None, "\\ifcbscan\\by-hand"):
        content = taskscheduler.file_bytes(task_xml(job, mode, user_id, name=name))
        schema.assertValid(etree.fromstring(content))


@settings(max_examples=50, deadline=None)
@given(job=jobs)
def test_the_definition_of_any_job_is_valid_by_the_schema(schema: Any, job: ScheduledJob) -> None:
    from lxml import etree

    for mode in Mode:
        schema.assertValid(etree.fromstring(taskscheduler.file_bytes(task_xml(job, mode, SID))))


def test_the_file_is_utf_16_with_a_byte_order_mark_and_says_so() -> None:
    content = taskscheduler.file_bytes(task_xml(NASTY, Mode.FULL, SID))
    assert content[:2] == b"\xff\xfe"
    text = content.decode("utf-16")
    assert text.startswith('<?xml version="1.0" encoding="UTF-16"?>\r\n<Task version="1.2" ')
    assert text.replace("\r\n", "\n") == task_xml(NASTY, Mode.FULL, SID)


def test_the_recent_scan_is_started_every_minute_and_the_full_one_every_hour_without_end() -> None:
    recent, full = (task_xml(make_job(), mode, SID) for mode in Mode)
    trigger = "Triggers/TimeTrigger/"
    assert text_of(recent, trigger + "Repetition/Interval") == "PT1M"
    assert text_of(full, trigger + "Repetition/Interval") == "PT1H"
    minute = make_job().hourly_minute
    assert text_of(full, trigger + "StartBoundary") == f"2020-01-01T00:{minute:02d}:00Z"
    for xml in (recent, full):
        assert "<Duration>" not in xml, "which would be an end"
        assert "<EndBoundary>" not in xml


@pytest.mark.parametrize(
    "setting, value",
    [
        ("MultipleInstancesPolicy", "IgnoreNew"),
        ("DisallowStartIfOnBatteries", "false"),
        ("StopIfGoingOnBatteries", "false"),
        ("StartWhenAvailable", "true"),
        ("Enabled", "true"),
    ],
)
def test_no_default_of_windows_keeps_a_scan_from_running(setting: str, value: str) -> None:
    for mode in Mode:
        assert text_of(task_xml(make_job(), mode, SID), "Settings/" + setting) == value


def test_a_run_that_hangs_is_ended_before_the_default_of_three_days() -> None:
    limit = text_of(task_xml(make_job(), Mode.RECENT, SID), "Settings/ExecutionTimeLimit")
    match = re.fullmatch(r"PT([0-9]+)H", limit)
    assert match and 1 <= int(match.group(1)) <= 24


def test_a_task_of_a_user_needs_no_password_and_no_rights() -> None:
    xml = task_xml(make_job(), Mode.RECENT, SID)
    principal = "Principals/Principal/"
    assert text_of(xml, principal + "UserId") == SID
    assert text_of(xml, principal + "LogonType") == "InteractiveToken"
    assert text_of(xml, principal + "RunLevel") == "LeastPrivilege"


def test_a_task_of_the_system_account_names_no_logon_type() -> None:
    xml = task_xml(make_job(), Mode.RECENT, SYSTEM)
    assert text_of(xml, "Principals/Principal/UserId") == "S-1-5-18"
    assert "LogonType" not in xml


def test_no_console_window_is_opened() -> None:
    assert text_of(task_xml(make_job(), Mode.RECENT, SID), "Actions/Exec/Command") == (
        "C:\\Program Files\\ifcbscan\\pythonw.exe"
    )


def test_what_is_started_is_the_jobs_command() -> None:
    for mode in Mode:
        arguments = text_of(task_xml(NASTY, mode, SID), "Actions/Exec/Arguments")
        assert split_command_line(arguments) == NASTY.command(mode)[1:]


@pytest.mark.parametrize(
    "directory",
    ["D:\\%TEMP%\\x", "D:\\a %b c% d", "D:\\$(Arg0)", "D:\\a\tb", "D:\\a\rb", "D:\\\ud800", "D:\\\uffff"],
)
def test_a_path_that_would_not_arrive_as_it_is_gets_refused(directory: str) -> None:
    with pytest.raises(UsageError, match="Nothing was installed"):
        task_xml(make_job(directory=directory), Mode.FULL, SID)


@pytest.mark.parametrize("directory", ["D:\\100% IFCB", "D:\\50%\\50%", "D:\\$x(y)"])
def test_a_percent_sign_that_names_no_variable_is_fine(directory: str) -> None:
    xml = task_xml(make_job(directory=directory), Mode.FULL, SID)
    assert directory in split_command_line(text_of(xml, "Actions/Exec/Arguments"))


def test_a_program_path_that_windows_would_refuse_is_refused() -> None:
    job = ScheduledJob("C:\\" + "a" * 250 + "\\python.exe", "C:\\e", "C:\\d", "nauset", "C:\\l")
    with pytest.raises(UsageError, match="260"):
        task_xml(job, Mode.FULL, SID)


# ---- command lines -------------------------------------------------------------------------------


@given(st.lists(st.one_of(st.text('ab \t"\\', max_size=8), st.text(max_size=8))))
def test_splitting_a_command_line_is_the_inverse_of_making_one(words: list[str]) -> None:
    words = [word.replace("\0", "") for word in words]
    assert split_command_line(subprocess.list2cmdline(words)) == words


@pytest.mark.parametrize(
    "line, words",
    [
        # Microsoft's own examples ("Parsing C command-line arguments")
        ('"a b c" d e', ["a b c", "d", "e"]),
        ('"ab\\"c" "\\\\" d', ['ab"c', "\\", "d"]),
        ('a\\\\\\b d"e f"g h', ["a\\\\\\b", "de fg", "h"]),
        ('a\\\\\\"b c d', ['a\\"b', "c", "d"]),
        ('a\\\\\\\\"b c" d e', ["a\\\\b c", "d", "e"]),
        ("", []),
        ("  \t ", []),
        ('""', [""]),
        ('a "" b', ["a", "", "b"]),
    ],
)
def test_a_command_line_is_split_as_windows_splits_it(line: str, words: list[str]) -> None:
    assert split_command_line(line) == words


@pytest.mark.skipif(
    os.name != "nt", reason="needs Windows: programs elsewhere get their arguments one by one"
)
def test_windows_itself_splits_the_arguments_of_a_task_the_same_way() -> None:
    arguments = text_of(task_xml(NASTY, Mode.FULL, SID), "Actions/Exec/Arguments")
    program = "import json, sys; print(json.dumps(sys.argv[1:]))"
    line = subprocess.list2cmdline([sys.executable, "-c", program]) + " " + arguments
    done = subprocess.run(line, stdout=subprocess.PIPE, timeout=60, check=True)
    import json

    assert json.loads(done.stdout.decode("ascii")) == NASTY.command(Mode.FULL)[1:]


# ---- reading tasks back --------------------------------------------------------------------------


def printed(*definitions: str, one: bool = False) -> str:
    """What `schtasks /Query /XML` prints of such tasks, and with `one` what `/XML ONE` does."""
    bodies = [re.sub(r"^<\?xml.*?\?>\s*", "", definition) for definition in definitions]
    declaration = '<?xml version="1.0" encoding="UTF-16"?>\r\n'
    if one:
        return declaration + "<Tasks>" + "".join("<!-- \\x -->" + body for body in bodies) + "</Tasks>"
    return "".join("\r\n<!-- \\x -->\r\n" + declaration + body for body in bodies)


FOREIGN = (
    '<Task version="1.4" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">'
    "<RegistrationInfo><URI>\\Microsoft\\Windows\\Defrag</URI></RegistrationInfo>"
    "<Actions><Exec><Command>%windir%\\defrag.exe</Command></Exec></Actions></Task>"
)
BROKEN = '<Task version="1.2"><URI>\\ifcbscan\\broken</URI><unended></Task>'


@pytest.mark.parametrize("one", [False, True])
def test_our_tasks_are_found_among_those_of_others(one: bool) -> None:
    ours = [task_xml(job, mode, SID) for job in (make_job(), NASTY) for mode in Mode]
    found = tasks_in(printed(FOREIGN, ours[0], ours[1], FOREIGN, BROKEN, ours[2], ours[3], one=one))
    assert [(task.entry.job, task.entry.mode) for task in found] == [
        (job, mode) for job in (make_job(), NASTY) for mode in Mode
    ]
    assert all(task.enabled and task.exact for task in found)


@settings(max_examples=50, deadline=None)
@given(jobs)
def test_any_job_is_read_back_as_it_was(job: ScheduledJob) -> None:
    for mode in Mode:
        task = read_task(task_xml(job, mode, SID))
        assert task is not None
        assert (task.name, task.entry.job, task.entry.mode) == (task_name(job, mode), job, mode)
        assert task.enabled and task.exact


@pytest.mark.parametrize("code_page", ["cp437", "cp1252", "cp932", "ascii"])
def test_a_job_is_read_back_whole_from_a_console_that_lacks_its_letters(code_page: str) -> None:
    shown = task_xml(NASTY, Mode.RECENT, SID).encode(code_page, "replace").decode(code_page)
    assert NASTY.directory not in shown
    # Windows puts a "?" for each half of a character beyond 16 bits; Python one for the whole.
    shown = shown.replace("100% ? ", "100% ?? ")
    (task,) = tasks_in(printed(shown))
    assert task.entry.job == NASTY
    assert task.exact


def test_an_edited_task_is_recognised_and_told() -> None:
    xml = task_xml(make_job(), Mode.RECENT, SID).replace("--max-age 3d", "--max-age 9d")
    task = read_task(xml)
    assert task is not None
    assert (task.entry.job, task.entry.mode, task.exact) == (make_job(), Mode.RECENT, False)


def test_a_task_made_by_hand_is_read_from_its_arguments() -> None:
    xml = task_xml(make_job(), Mode.FULL, SYSTEM, name="\\ifcbscan\\by-hand").replace("nauset", "hampton")
    task = read_task(xml)
    assert task is not None
    assert (task.name, task.entry.job) == ("\\ifcbscan\\by-hand", make_job(time_series="hampton"))
    assert not task.exact


def test_a_record_that_is_not_that_of_the_task_is_not_believed() -> None:
    xml = task_xml(make_job(), Mode.FULL, SID).replace("nauset", "hampton")
    for damaged in (xml, re.sub(r'"directory"', '"folder"', xml), xml.replace("{", "[")):
        task = read_task(damaged)
        assert task is not None
        assert task.entry.job == make_job(time_series="hampton")


def test_a_definition_with_a_document_type_is_not_read() -> None:
    laughs = '<!DOCTYPE Task [<!ENTITY a "nauset">]>'
    xml = (
        task_xml(make_job(), Mode.FULL, SID).replace("<Task ", laughs + "<Task ", 1).replace("nauset", "&a;")
    )
    assert read_task(xml) is None
    assert read_task(laughs + re.sub(r"^<\?xml.*?\?>", "", task_xml(make_job(), Mode.FULL, SID))) is None


def test_a_task_outside_our_folder_is_not_ours() -> None:
    assert read_task(task_xml(make_job(), Mode.FULL, SID, name="\\theirs\\ifcbscan")) is None
    assert read_task(FOREIGN) is None
    assert read_task("no xml") is None


# ---- schtasks ------------------------------------------------------------------------------------


class SchtasksStandIn:
    """Keeps tasks as the Task Scheduler does, and prints them in a console's code page."""

    def __init__(self, code_page: str = "ascii") -> None:
        self.tasks: dict[str, str] = {"\\Microsoft\\Windows\\Defrag": FOREIGN}
        self.code_page = "oem" if os.name == "nt" else code_page
        self.calls: list[str] = []
        self.refuses: tuple[str, bytes] | None = None

    def __call__(self, command: Sequence[str], stdin: bytes) -> Finished:
        assert stdin == b""
        program, *words = command
        if program.lower().endswith("whoami.exe"):
            return Finished(0, f'"pc\\me","{SID}"\r\n'.encode("ascii"), b"")
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
