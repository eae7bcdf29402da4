"""Windows' tasks as text: what is registered, and what is read back."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.places import REPOSITORY
from support.windows_tasks import BROKEN, FOREIGN, NASTY, SID, make_job, printed, text_of

from ifcbscan.core.window import EVERYTHING, Window
from ifcbscan.errors import UsageError
from ifcbscan.schedule import task_text
from ifcbscan.schedule.extras import JobExtras
from ifcbscan.schedule.jobs import Mode, ScheduledJob
from ifcbscan.schedule.task_text import (
    SYSTEM,
    read_task,
    split_command_line,
    task_name,
    task_xml,
    tasks_in,
)

pytestmark = pytest.mark.windows_core

SCHEMA = REPOSITORY.parent / "shared" / "windows" / "taskscheduler.xsd"
# What NTFS takes in a name, but for the % that has tests of its own.
_letters = st.characters(blacklist_characters='<>:"/\\|?*%$\ufffe\uffff', blacklist_categories=("Cc", "Cs"))
_names = st.text(_letters, min_size=1, max_size=12)
paths = st.builds(
    lambda drive, names, slash: drive + "\\".join(names) + slash,
    st.sampled_from(["C:\\", "d:\\", "\\\\server\\share\\", "\\\\?\\C:\\"]),
    st.lists(_names, min_size=1, max_size=4),
    st.sampled_from(["", "\\", "\\\\"]),
)
series = st.sampled_from(["nauset", "nauset2", "A" * 53, "_x-y", "nauset.2026", "a..b", "nul.x"])
jobs = st.builds(
    lambda folder, env, data, name, log, window: ScheduledJob(
        folder.rstrip("\\") + "\\python.exe", env, data, name, log, window=window
    ),
    paths,
    paths,
    paths,
    series,
    paths,
    st.sampled_from(
        [EVERYTHING, Window(since=1780272000.0), Window(until=0.0, instruments=frozenset([5, 13]))]
    ),
)


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
        content = task_text.file_bytes(task_xml(job, mode, user_id, name=name))
        schema.assertValid(etree.fromstring(content))


@settings(max_examples=50, deadline=None)
@given(job=jobs)
def test_the_definition_of_any_job_is_valid_by_the_schema(schema: Any, job: ScheduledJob) -> None:
    from lxml import etree

    for mode in Mode:
        schema.assertValid(etree.fromstring(task_text.file_bytes(task_xml(job, mode, SID))))


def test_the_file_is_utf_16_with_a_byte_order_mark_and_says_so() -> None:
    content = task_text.file_bytes(task_xml(NASTY, Mode.FULL, SID))
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
    def definition(length: int) -> str:
        program = "C:\\" + "a" * (length - len("C:\\\\pythonw.exe")) + "\\pythonw.exe"
        return task_xml(make_job(), Mode.FULL, SID, program)

    assert len(text_of(definition(260), "Actions/Exec/Command")) == 260
    with pytest.raises(UsageError, match="260"):
        definition(261)


def test_the_names_of_tasks_are_those_under_which_earlier_versions_registered_them() -> None:
    names = [task_name(make_job(), mode) for mode in (Mode.RECENT, Mode.FULL)]
    assert names == [f"\\ifcbscan\\nauset-43278b4b1db4-{mode}" for mode in ("recent", "full")]


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


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("time_series", ["nauset.2026", "v1.2.3", "a..b", "nul.north", "COM1.a"])
def test_a_point_in_a_time_series_makes_no_name_that_windows_cannot_have(
    time_series: str, mode: Mode
) -> None:
    name = task_name(make_job(time_series=time_series), mode)
    (file,) = re.findall(r"\\ifcbscan\\(.*)", name)
    assert not file.endswith(".") and not re.match(r"(?i)(con|prn|aux|nul|com\d|lpt\d)\.", file)
    assert time_series in file


def test_an_edited_task_is_recognised_and_told() -> None:
    xml = task_xml(make_job(), Mode.RECENT, SID).replace("--time-limit 5m", "--time-limit 9m")
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


def test_what_schtasks_prints_is_read_in_utf_16_or_in_the_code_page_of_the_console() -> None:
    assert task_text.decode_output("<Task> é\r\n".encode("utf-16")) == "<Task> é\r\n"
    assert task_text.decode_output(b"<Task> ?\r\n") == "<Task> ?\r\n"
    # what is in no encoding at all is still text, so that our own tasks, which are ASCII, can be read
    assert task_text.decode_output(b"<Task> \x81\x90\xff").startswith("<Task> ")


def test_the_window_of_an_edited_task_is_that_of_its_command() -> None:
    job = replace(make_job(), window=Window(since=1780272000.0))
    task = read_task(
        task_xml(job, Mode.FULL, SID).replace("--since 2026-06-01T00:00:00Z", "--since 2020-06-01")
    )
    assert task is not None and task.entry.job.window == Window(since=1590969600.0)
    assert not task.exact


def test_what_a_job_was_started_with_is_in_its_task_and_read_back_also_through_a_poor_console() -> None:
    extras = JobExtras(None, "2h", "10d", "500K", "https://hc.example/{time_series}", "D:\\Métriques ☃")
    job = replace(make_job(), extras=extras)
    for mode in Mode:
        xml = task_xml(job, mode, SID)
        assert (
            "--expect-every 2h --bandwidth 500K --ping https://hc.example/{time_series} --metrics-dir" in xml
        )
        wanted = job if mode is Mode.RECENT else replace(job, extras=extras._replace(max_age=None))
        for shown in (xml, xml.replace("é", "?").replace("☃", "?")):
            task = read_task(shown)
            assert task is not None and (task.entry.job, task.exact) == (wanted, True)
    # what runs counts, whatever the record says
    task = read_task(task_xml(job, Mode.FULL, SID).replace("500K", "1M"))
    assert task is not None and task.entry.job.extras.bandwidth == "1M"


def test_a_timetable_is_one_argument_of_a_task_and_read_back() -> None:
    job = replace(make_job(), extras=JobExtras(bandwidth="Mon-08:00,200K 20:00,2M"))
    for mode in Mode:
        xml = task_xml(job, mode, SID)
        assert '--bandwidth "Mon-08:00,200K 20:00,2M"' in xml.replace("&quot;", '"')
        task = read_task(xml)
        assert task is not None and (task.entry.job, task.exact) == (job, True)


def test_a_record_with_a_damaged_part_is_none() -> None:
    xml = task_xml(replace(make_job(), extras=JobExtras(bandwidth="1M")), Mode.FULL, SID)
    for damaged in ('"extras": {"bandwidth": 1}', '"extras": {"speed": "1M"}', '"extras": []'):
        task = read_task(xml.replace('"extras": {"bandwidth": "1M"}', damaged))
        assert task is not None and task.entry.job.extras == JobExtras(bandwidth="1M")
