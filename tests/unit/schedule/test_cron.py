"""The `crontab` command of this computer: read, changed and written back, or refused in one line."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Sequence

import pytest

from ifcbscan.errors import ExitCode, UsageError
from ifcbscan.schedule import crontab_text
from ifcbscan.schedule.cron import Cron, daemon_runs
from ifcbscan.schedule.crontab_text import jobs_in
from ifcbscan.schedule.jobs import ScheduledJob, ScheduleError
from ifcbscan.schedule.process import Finished

pytestmark = pytest.mark.skipif(os.name != "posix", reason="cron is not for Windows")


def make_job(
    directory: str = "/data/ifcb", time_series: str = "nauset", log: str = "/log/a.log"
) -> ScheduledJob:
    return ScheduledJob("/opt/venv/bin/python", "/etc/ifcb/.env", directory, time_series, log)


NASTY = make_job(directory="/data/50% of 'it' \"all\"\\ \\\\ \\% $HOME `id` #1 \t é\udcff")


BEGIN = crontab_text.BEGIN + b"\n"


class CrontabStandIn:
    """Keeps a table as Debian's crontab does, with its words and its ways of showing a table."""

    def __init__(self, table: bytes | None = None, picky: bool = True) -> None:
        self.table = table
        self.picky = picky
        self.refuses = b""
        self.forgets = False
        self.shows_to_editors = True
        self.writes = 0

    def __call__(self, command: Sequence[str], stdin: bytes) -> Finished:
        option = command[-1]
        if self.refuses:
            return Finished(1, b"", self.refuses)
        if option == "-l":
            if self.table is None:
                return Finished(1, b"", b"no crontab for me\n")
            return Finished(0, self.table.replace(b"\r", b"\\r").replace(b"\b", b"\\b"), b"")
        if option == "-e":
            assert self.table is not None and list(command[:3]) == ["env", "VISUAL=cat", "EDITOR=cat"]
            return Finished(0 if self.shows_to_editors else 1, self.table, b"No modification made\n")
        self.writes += 1
        if option == "-" and self.picky and stdin and not stdin.endswith(b"\n"):
            return Finished(1, b"", b"new crontab file is missing newline before EOF, can't install.\n")
        if not self.forgets:
            self.table = None if option == "-r" else stdin
        return Finished(0, b"", b"")


def scheduler(stand_in: CrontabStandIn, folder: Path) -> Cron:
    # any program that is there; the stand-in answers in its place
    return Cron((sys.executable,), stand_in, str(folder / "lock"), "linux")


@pytest.mark.parametrize(
    "table",
    [
        None,
        b"",
        b"MAILTO=x\n1 2 3 4 5 true\n",
        b"1 2 3 4 5 from windows\r\n",
        b"1 2 3 4 5 printf 'a\\r\\n\b' | grep '\\bword\\b'\r\n",
    ],
)
def test_install_and_remove_leave_the_crontab_as_it_was(tmp_path: Path, table: bytes | None) -> None:
    crontab = CrontabStandIn(table)
    cron_of_user = scheduler(crontab, tmp_path)
    cron_of_user.install(NASTY)
    assert [found.job for found in cron_of_user.jobs()] == [NASTY]
    cron_of_user.install(NASTY)
    assert crontab.writes == 1, "the second time nothing is written"
    cron_of_user.remove(NASTY)
    assert crontab.table == table
    cron_of_user.remove(NASTY)
    assert crontab.writes == 2


def test_a_crontab_command_that_wants_whole_lines_still_gets_the_job_removed(tmp_path: Path) -> None:
    crontab = CrontabStandIn(b"1 2 3 4 5 true")
    cron_of_user = scheduler(crontab, tmp_path)
    cron_of_user.install(NASTY)
    cron_of_user.remove(NASTY)
    assert crontab.table == b"1 2 3 4 5 true\n"


def test_a_crontab_command_that_takes_an_unended_line_gets_it_back(tmp_path: Path) -> None:
    crontab = CrontabStandIn(b"1 2 3 4 5 true", picky=False)
    cron_of_user = scheduler(crontab, tmp_path)
    cron_of_user.install(NASTY)
    cron_of_user.remove(NASTY)
    assert crontab.table == b"1 2 3 4 5 true"


def test_a_table_that_cannot_be_read_exactly_is_not_changed(tmp_path: Path) -> None:
    crontab = CrontabStandIn(b"1 2 3 4 5 from windows\r\n")
    crontab.shows_to_editors = False
    with pytest.raises(ScheduleError, match="not changed"):
        scheduler(crontab, tmp_path).install(NASTY)
    assert crontab.writes == 0


def test_not_permitted_and_not_installed_are_told_with_what_to_do(tmp_path: Path) -> None:
    crontab = CrontabStandIn()
    crontab.refuses = (
        b"You (me) are not allowed to use this program (crontab)\nSee crontab(1) for more information\n"
    )
    refused = scheduler(crontab, tmp_path)
    assert "/etc/cron.allow" in (refused.available() or "")
    missing = Cron(("no-such-crontab-command",), crontab, str(tmp_path / "lock"))
    assert "apt install cron" in (missing.available() or "")
    for ask in (
        refused.jobs,
        missing.jobs,
        lambda: refused.install(NASTY),
        lambda: missing.install(NASTY),
        lambda: refused.remove(NASTY),
        lambda: missing.remove(NASTY),
    ):
        with pytest.raises(ScheduleError) as refusal:
            ask()
        assert refusal.value.exit_code == ExitCode.USAGE
        assert "\n" not in str(refusal.value)


def test_any_other_failure_of_crontab_is_no_empty_table(tmp_path: Path) -> None:
    crontab = CrontabStandIn(b"theirs\n")
    crontab.refuses = b"crontab: input/output error\n"
    with pytest.raises(ScheduleError, match="input/output error"):
        scheduler(crontab, tmp_path).install(make_job())
    assert crontab.table == b"theirs\n"


def test_a_crontab_command_that_keeps_nothing_is_noticed(tmp_path: Path) -> None:
    crontab = CrontabStandIn()
    crontab.forgets = True
    with pytest.raises(ScheduleError, match="shows another one"):
        scheduler(crontab, tmp_path).install(make_job())


def test_a_damaged_block_is_not_written_over(tmp_path: Path) -> None:
    crontab = CrontabStandIn(BEGIN)
    with pytest.raises(UsageError):
        scheduler(crontab, tmp_path).install(make_job())
    assert (crontab.table, crontab.writes) == (BEGIN, 0)


def test_jobs_installed_at_the_same_moment_are_all_there(tmp_path: Path) -> None:
    crontab = CrontabStandIn(b"theirs\n")
    some = [make_job(time_series=f"series{number}") for number in range(8)]
    together = threading.Barrier(len(some))

    def install(job: ScheduledJob) -> None:
        together.wait()
        scheduler(crontab, tmp_path).install(job)

    threads = [threading.Thread(target=install, args=(job,)) for job in some]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {found.job for found in jobs_in(crontab.table)} == set(some)


def test_what_print_shows_is_the_block_that_install_writes(tmp_path: Path) -> None:
    crontab = CrontabStandIn(b"")
    cron_of_user = scheduler(crontab, tmp_path)
    cron_of_user.install(NASTY)
    assert os.fsencode(cron_of_user.render(NASTY)) == crontab.table


# ---- what an operator must know --------------------------------------------------------------------


@pytest.mark.parametrize(
    "platform, runs, told",
    [
        ("linux", True, []),
        ("linux", None, []),
        ("linux", False, ["The cron service does not seem to run"]),
        ("darwin", False, ["Full Disk Access"]),
        ("freebsd14", False, []),
    ],
)
def test_the_operator_is_told_what_keeps_jobs_from_running(
    platform: str, runs: bool | None, told: list[str]
) -> None:
    notes = Cron(platform=platform, daemon_runs=lambda: runs).notes()
    assert len(notes) == len(told)
    assert all(words in note for words, note in zip(told, notes))


@pytest.mark.parametrize(
    "processes, runs",
    [
        ({"1": "systemd", "42": "cron"}, True),
        ({"1": "init", "42": "crond"}, True),
        ({"1": "init", "42": "fcron"}, True),
        ({"1": "init", "42": "cron-like", "43": "bash"}, False),
        ({"42": "bash"}, None),  # those of others are hidden
        ({}, None),
    ],
)
def test_a_cron_service_is_recognised_among_the_processes(
    tmp_path: Path, processes: dict[str, str], runs: bool | None
) -> None:
    for pid, name in processes.items():
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "comm").write_text(name + "\n", encoding="ascii")
    (tmp_path / "meminfo").touch()
    assert daemon_runs(str(tmp_path)) is runs


def test_a_system_without_a_list_of_processes_tells_nothing_of_cron(tmp_path: Path) -> None:
    assert daemon_runs(str(tmp_path / "proc")) is None


def test_a_job_of_long_paths_is_told_that_its_entries_cannot_say_that_they_do_not_start() -> None:
    assert Cron().notes_on(make_job()) == []
    (note,) = Cron().notes_on(make_job(directory="/data/" + "a" * 700))
    assert "leave no room in cron's line" in note
