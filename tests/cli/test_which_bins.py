"""An instrument that has been at two places: what `start` shows and asks, and what keeps a bin from going to two time series."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path
from typing import Any

import pytest
from support.dashboard import DashboardStandIn
from support.operator import EVERY_MINUTE, HOURLY, Operator, run_as_cron

from ifcbscan.demo.sample_bins import write_bin
from ifcbscan.errors import UsageError
from ifcbscan.schedule.cron import Cron
from ifcbscan.schedule.jobs import ScheduledJob

pytestmark = pytest.mark.parametrize("s3", ["moto"], indirect=True)

SPRING = ("D20260401T000000_IFCB013", "D20260430T235959_IFCB013")
SUMMER = ("D20260501T000000_IFCB013",)


def _now(instrument: str = "IFCB013", seconds: int = 3600) -> str:
    return time.strftime("D%Y%m%dT%H%M%S_", time.gmtime(time.time() - seconds)) + instrument


@pytest.fixture
def data(operator: Operator, dashboard: DashboardStandIn) -> Path:
    dashboard.teams["hablab"] = ["nauset", "salt"]
    return operator.folder / "data"


def make(data: Path, *pids: str) -> None:
    for pid in pids:
        write_bin(data / pid[:9], pid, images=2, roi_bytes=400, mtime=1.0)


def in_archive(s3: Any) -> dict[str, set[str]]:
    """Time series -> its bins."""
    found: dict[str, set[str]] = {}
    for key in s3.objects():
        found.setdefault(key.split("/")[1], set()).add(key.split("/")[-1][:-4])
    return found


def test_an_instrument_that_was_at_two_places_gets_both_series_right_with_two_commands(
    s3: Any, operator: Operator, data: Path
) -> None:
    make(data, *SPRING, *SUMMER)
    operator.run("start", data, "salt", "--until", "2026-05-01")
    operator.run("start", data, "nauset", "--since", "2026-05-01")
    for command in operator.crontab.commands():
        run_as_cron(command, operator.home)
    assert in_archive(s3) == {"salt": set(SPRING), "nauset": set(SUMMER)}
    assert len(operator.crontab.commands(HOURLY)) == len(operator.crontab.commands(EVERY_MINUTE)) == 2
    said = "".join(operator.run("status", name).stdout for name in ("salt", "nauset"))
    assert "bins before 2026-05-01T00:00:00Z" in said and "1 outside the window" in said
    assert "WRONG" not in said


@pytest.mark.parametrize("window", [[], ["--since", "2026-04-30T23:59:59Z"], ["--instrument", "13"]])
def test_a_second_series_for_the_same_bins_needs_force(
    s3: Any, operator: Operator, data: Path, window: list[str]
) -> None:
    make(data, *SPRING, *SUMMER)
    operator.run("start", data, "salt", "--until", "2026-05-01", "--no-sync")
    table = operator.crontab.text
    done = operator.run("start", data / SPRING[0][:9], "nauset", *window, code=2)
    assert "salt" in done.stderr and "--since" in done.stderr and "--force" in done.stderr
    assert operator.crontab.text == table and s3.objects() == {}
    done = operator.run("start", data / SPRING[0][:9], "nauset", *window, "--no-sync", "--force")
    assert "Note:" in done.stderr
    assert operator.run("status", code=3).stdout.endswith("2 jobs: 2 need you\n")
    status = operator.run("status", "salt", code=3).stdout
    assert status.count("WRONG") == 1
    assert "state        NEEDS YOU: some of its bins are also sent to another time series\n" in status
    check = operator.run("check", data, "salt", code=2).stdout
    assert "one of the two" in check
    done = operator.run("sync", data, "salt")
    assert "also sent to nauset" in done.stderr


def test_two_archives_may_have_the_same_bins(operator: Operator, data: Path, env_file: Path) -> None:
    make(data, *SPRING)
    operator.run("start", data, "salt", "--no-sync")
    other = operator.folder / "other.env"
    other.write_text(env_file.read_text("utf-8").replace("BUCKET_NAME=", "BUCKET_NAME=other-"), "utf-8")
    other.chmod(0o600)
    done = operator.run("start", data, "nauset", "--no-sync", "--env-file", other, code=None)
    assert "also sent" not in done.stderr


def test_without_a_terminal_all_is_sent_and_what_it_is_is_told(
    s3: Any, operator: Operator, data: Path
) -> None:
    make(data, *SPRING)
    done = operator.run("start", data, "nauset")
    assert "2 complete bins." in done.stderr
    assert "older than 7 days" in done.stderr and "--since or --yes" in done.stderr
    assert "IFCB013  2026" in done.stderr and "2026-04-01 to 2026-04-30" in done.stderr
    assert in_archive(s3) == {"nauset": set(SPRING)}


@pytest.mark.parametrize(
    "answer, sent",
    [
        ("a", {*SPRING, *SUMMER}),
        ("2026-05-01", set(SUMMER)),
        ("n", set()),
    ],
)
def test_on_a_terminal_old_bins_are_asked_about(
    s3: Any, operator: Operator, data: Path, answer: str, sent: set[str]
) -> None:
    make(data, *SPRING, *SUMMER)
    with operator.at_terminal("start", data, "nauset") as terminal:
        terminal.wait_for("[a/DAY/n]")
        assert "older than 7 days (from 2026-04-01 on)" in terminal.screen
        terminal.type(answer + "\n")
        done = terminal.end()
    assert done.code == 0
    assert in_archive(s3).get("nauset", set()) == sent
    (hourly,) = operator.crontab.commands(HOURLY)
    assert ("--since" in hourly) is (answer != "a")


@pytest.mark.parametrize("answer", ["", "q", "yes", "now-ish 2026", "\udcff"])
def test_any_other_answer_installs_and_sends_nothing(
    s3: Any, operator: Operator, data: Path, answer: str
) -> None:
    make(data, *SPRING)
    with operator.at_terminal("start", data, "nauset") as terminal:
        terminal.wait_for("[a/DAY/n]")
        terminal.type(answer + "\n")
        done = terminal.end()
    assert done.code == 2 and "Nothing was installed" in done.stderr
    assert operator.crontab.text is None and s3.objects() == {}


@pytest.mark.parametrize(("then", "code"), [("2026-05-01", 0), ("", 2)])
def test_after_a_mistyped_day_it_is_asked_again(
    s3: Any, operator: Operator, data: Path, then: str, code: int
) -> None:
    make(data, *SPRING, *SUMMER)
    with operator.at_terminal("start", data, "nauset") as terminal:
        terminal.wait_for("[a/DAY/n]")
        terminal.type("2026-13-01\n")
        terminal.wait_for("'2026-13-01' is none of the answers. Once more:")
        terminal.type(then + "\n")
        done = terminal.end()
    assert done.code == code and ("Nothing was installed, and nothing was sent" in done.stderr) is (code == 2)
    assert in_archive(s3) == ({"nauset": set(SUMMER)} if code == 0 else {})


@pytest.mark.parametrize("words", [["--yes"], ["--since", "2026-04-01"]])
def test_what_was_answered_beforehand_is_not_asked(
    s3: Any, operator: Operator, data: Path, words: list[str]
) -> None:
    make(data, *SPRING)
    with operator.at_terminal("start", data, "nauset", *words) as terminal:
        done = terminal.end()
    assert done.code == 0 and "[a/DAY/n]" not in done.stderr
    assert in_archive(s3) == {"nauset": set(SPRING)}


def test_young_bins_of_one_instrument_are_sent_without_a_question(
    s3: Any, operator: Operator, data: Path
) -> None:
    make(data, _now())
    with operator.at_terminal("start", data, "nauset") as terminal:
        done = terminal.end()
    assert done.code == 0 and len(in_archive(s3)["nauset"]) == 1


def test_a_second_instrument_is_asked_about(operator: Operator, data: Path) -> None:
    make(data, _now(), _now("IFCB010"))
    with operator.at_terminal("start", data, "nauset", "--no-sync") as terminal:
        terminal.wait_for("[a/DAY/n]")
        assert "2 instruments (IFCB010, IFCB013)" in terminal.screen
        terminal.type("a\n")
        assert terminal.end().code == 0


def test_what_the_archive_has_already_is_no_reason_to_ask(s3: Any, operator: Operator, data: Path) -> None:
    make(data, *SPRING)
    operator.run("sync", data, "nauset")
    with operator.at_terminal("start", data, "nauset", "--no-sync") as terminal:
        done = terminal.end()
    assert done.code == 0 and "2 in the archive, 0 to be sent" in done.stderr and "at most 0" in done.stderr


def test_starting_again_or_by_hand_keeps_the_window(s3: Any, operator: Operator, data: Path) -> None:
    make(data, *SPRING, *SUMMER)
    operator.run("start", data, "nauset", "--since", "2026-05-01", "--no-sync")
    table = operator.crontab.text
    done = operator.run("start", data, "nauset")
    assert "Already scheduled" in done.stderr and operator.crontab.text == table
    operator.run("start", data, "nauset", "--restart")
    assert operator.crontab.text == table
    done = operator.run("sync", data, "nauset")
    assert "Only bins from 2026-05-01T00:00:00Z, as this job is scheduled" in done.stderr
    assert in_archive(s3) == {"nauset": set(SUMMER)}
    done = operator.run("sync", data, "nauset", "--since", "2026-04-30", "--json")
    assert json.loads(done.stdout)["bins"]["uploaded"] == 1


@pytest.mark.parametrize("command", ["sync", "once"])
def test_what_a_command_by_hand_does_not_name_of_the_window_stays(
    s3: Any, operator: Operator, data: Path, command: str
) -> None:
    make(data, *SPRING, *SUMMER, "D20260502T000000_IFCB010")
    operator.run("start", data, "nauset", "--since", "2026-05-01", "--instrument", "13", "--no-sync")
    operator.run("start", data, "dock", "--instrument", "10", "--no-sync", "--yes", "--force")
    done = operator.run(command, data, "nauset", "--since", "2026-04-30")
    note = "Only bins of IFCB013 from 2026-04-30T00:00:00Z, as this job is scheduled"
    assert (note in done.stderr) is (command == "sync")  # cron would mail it
    assert in_archive(s3) == {"nauset": {SPRING[1], *SUMMER}}
    done = operator.run(command, data, "nauset", "--until", "2026-05-01", code=2)
    assert "no bin could be meant" in done.stderr


def test_another_window_needs_restart(s3: Any, operator: Operator, data: Path) -> None:
    make(data, *SPRING, *SUMMER)
    operator.run("start", data, "nauset", "--since", "2026-05-01", "--no-sync")
    done = operator.run("start", data, "nauset", "--since", "2026-04-30", code=2)
    assert "bins from 2026-05-01T00:00:00Z" in done.stderr and "--restart" in done.stderr
    assert s3.objects() == {}
    done = operator.run("start", data, "nauset", "--since", "2026-04-30", "--restart")
    assert "Until now the schedule was for bins from 2026-05-01T00:00:00Z" in done.stderr
    assert in_archive(s3) == {"nauset": {SPRING[1], *SUMMER}}


def test_what_restart_does_not_name_stays(s3: Any, operator: Operator, data: Path) -> None:
    make(data, *SPRING, *SUMMER, "D20260502T000000_IFCB010")
    operator.run("start", data, "nauset", "--since", "2026-05-01", "--instrument", "13", "--no-sync")
    operator.run("start", data, "nauset", "--until", "2026-06-01", "--restart")
    (hourly,) = operator.crontab.commands(HOURLY)
    assert "--since 2026-05-01T00:00:00Z --until 2026-06-01T00:00:00Z --instrument 13" in hourly
    assert in_archive(s3) == {"nauset": set(SUMMER)}
    done = operator.run("start", data, "nauset", "--until", "2026-04-01", "--restart", code=2)
    assert "no bin could belong there" in done.stderr


def test_a_wider_window_is_asked_about_again(s3: Any, operator: Operator, data: Path) -> None:
    make(data, *SPRING, *SUMMER)
    operator.run("start", data, "nauset", "--until", "2026-04-15", "--no-sync")
    with operator.at_terminal("start", data, "nauset", "--until", "2026-06-01", "--restart") as terminal:
        terminal.wait_for("[a/DAY/n]")
        terminal.type("q\n")
        assert terminal.end().code == 2
    assert s3.objects() == {}


@pytest.mark.parametrize("window", [[], ["--since", "2026-04-02"]])
def test_a_scan_by_hand_into_the_series_of_nobody_needs_force(
    s3: Any, operator: Operator, data: Path, window: list[str]
) -> None:
    make(data, *SPRING, *SUMMER)
    operator.run("start", data, "nauset", "--no-sync")
    done = operator.run("sync", data, "salt", *window, code=2)
    assert "also sent to nauset" in done.stderr and "Nothing was sent; --force" in done.stderr
    assert s3.objects() == {}
    operator.run("sync", data, "salt", *window, "--force")
    assert set(in_archive(s3)) == {"salt"}


@pytest.mark.parametrize("folder", ["inside", "around"])
def test_a_folder_inside_or_around_has_the_window_of_the_scheduled_one(
    s3: Any, operator: Operator, data: Path, folder: str
) -> None:
    make(data, *SPRING, *SUMMER)
    operator.run("start", data, "nauset", "--since", "2026-05-01", "--no-sync")
    other = data / SPRING[0][:9] if folder == "inside" else data.parent / "."
    done = operator.run("sync", other, "nauset")
    assert "as this job is scheduled" in done.stderr
    assert in_archive(s3) == ({} if folder == "inside" else {"nauset": set(SUMMER)})
    operator.run("start", other, "nauset", "--no-sync")
    assert all("--since" in command for command in operator.crontab.commands())


def test_a_link_to_a_scheduled_folder_is_the_same_job(operator: Operator, data: Path) -> None:
    make(data, *SPRING)
    operator.run("start", data, "nauset", "--no-sync")
    link = operator.folder / "link"
    link.symlink_to(data)
    done = operator.run("start", link, "nauset", "--no-sync")
    assert "Already scheduled" in done.stderr and operator.crontab.changes == 1


def test_a_window_without_any_bin_is_looked_at_twice(operator: Operator, data: Path) -> None:
    make(data, *SPRING)
    done = operator.run("start", data, "nauset", "--instrument", "31", "--no-sync")
    assert "there are 2 bins" in done.stderr and "none of them is among the bins of IFCB031" in done.stderr


def test_a_scan_of_other_bins_does_not_pass_for_one_of_the_job(
    s3: Any, operator: Operator, data: Path
) -> None:
    make(data, *SPRING, *SUMMER)
    operator.run("start", data, "nauset", "--since", "2026-05-01")
    before = json.loads(operator.run("status", "--json").stdout)["jobs"][0]["last_run"]
    assert before["full"]["bins"]["uploaded"] == 1
    operator.run("sync", data, "nauset", "--since", "2026-04-30")
    assert json.loads(operator.run("status", "--json").stdout)["jobs"][0]["last_run"] == before


def test_what_is_sent_at_once_goes_where_the_schedule_sends_it(
    s3: Any, operator: Operator, data: Path, env_file: Path
) -> None:
    make(data, *SPRING)
    operator.run("start", data, "nauset", "--no-sync")
    other = operator.folder / "other.env"
    other.write_text(
        env_file.read_text("utf-8").replace("USER_ACCOUNT=hablab", "USER_ACCOUNT=other"), "utf-8"
    )
    other.chmod(0o600)
    done = operator.run("start", data, "nauset", "--env-file", other, "--force")
    assert "not as it would be now" in done.stderr and str(env_file) in done.stderr
    assert {key.split("/")[0] for key in s3.objects()} == {"hablab"}


def test_the_page_is_about_the_bins_of_the_job_and_verify_about_all(
    s3: Any, operator: Operator, data: Path
) -> None:
    make(data, *SPRING, *SUMMER)
    operator.run("start", data, "nauset", "--since", "2026-05-01")
    page = json.loads(operator.run("report", data, "nauset", "--json").stdout)
    assert (page["bins"]["synced"], page["bins"]["to_upload"], page["totals"]["outside"]) == (1, 0, 2)
    done = operator.run("verify", data, "nauset", code=3)
    assert "scheduled for bins from 2026-05-01T00:00:00Z" in done.stderr


@pytest.mark.parametrize(
    "edit", ["--since now", "--since 2026-05-01T00:00:00+02:00", "--instrument IFCB013,"]
)
def test_an_entry_edited_into_nonsense_is_seen_and_sends_nothing_else(
    s3: Any, operator: Operator, data: Path, edit: str
) -> None:
    make(data, *SPRING, *SUMMER)
    operator.run("start", data, "nauset", "--since", "2026-05-01", "--no-sync")
    table = operator.crontab.text
    assert table is not None
    operator.crontab.table.write_bytes(table.replace(b"--since 2026-05-01T00:00:00Z", edit.encode()))
    assert "cannot be understood" in operator.run("status").stdout
    for command in (["sync"], ["report"], ["start"], ["start", "--restart"]):
        done = operator.run(command[0], data, "nauset", *command[1:], code=2)
        assert "somebody has edited the entry" in done.stderr
    assert s3.objects() == {}
    operator.run("start", data, "nauset", "--since", "2026-05-01", "--restart", "--no-sync")
    assert operator.crontab.text == table


def test_a_folder_that_takes_the_place_of_another_has_its_window(
    s3: Any, operator: Operator, data: Path
) -> None:
    make(data, *SPRING, *SUMMER)
    operator.run("start", data, "nauset", "--since", "2026-05-01", "--no-sync")
    moved = data.parent / "moved"
    data.rename(moved)
    operator.run("start", moved, "nauset", "--restart")
    assert all("--since" in command for command in operator.crontab.commands())
    assert in_archive(s3) == {"nauset": set(SUMMER)}


def test_of_two_that_start_at_once_only_one_gets_the_bins(
    operator: Operator, data: Path, dashboard: DashboardStandIn
) -> None:
    make(data, *SPRING)
    cron = Cron((str(operator.crontab.program),), lock_file=str(operator.folder / "crontab.lock"))
    rival = ScheduledJob(str(operator.python), str(operator.folder / ".env"), str(data), "salt", "/log")

    def seen_meanwhile(jobs: Any) -> None:
        assert [installed.job for installed in jobs] == [rival]
        raise UsageError("refused")

    cron.install(rival)
    table = operator.crontab.text
    with pytest.raises(UsageError, match="refused"):
        cron.install(dataclasses.replace(rival, time_series="nauset"), seen_meanwhile)
    assert operator.crontab.text == table
