"""An instrument that has been at two places: what `start` shows and asks, and what keeps a bin from going to two time series."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from support.dashboard import DashboardStandIn
from support.operator import EVERY_MINUTE, HOURLY, Operator, run_as_cron

from ifcbscan.demo.sample_bins import write_bin

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
    done = operator.run("status")
    assert "bins before 2026-05-01T00:00:00Z" in done.stdout and "1 outside the window" in done.stdout
    assert "WRONG" not in done.stdout


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
    status = operator.run("status").stdout
    assert status.count("WRONG") == 2
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


@pytest.mark.parametrize("answer", ["", "q", "yes", "2026-13-01"])
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
    assert done.code == 0 and "2 in the archive, 0 to be sent" in done.stderr


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


def test_another_window_needs_restart(s3: Any, operator: Operator, data: Path) -> None:
    make(data, *SPRING, *SUMMER)
    operator.run("start", data, "nauset", "--since", "2026-05-01", "--no-sync")
    done = operator.run("start", data, "nauset", "--since", "2026-04-30", code=2)
    assert "bins from 2026-05-01T00:00:00Z" in done.stderr and "--restart" in done.stderr
    assert s3.objects() == {}
    operator.run("start", data, "nauset", "--since", "2026-04-30", "--restart")
    assert in_archive(s3) == {"nauset": {SPRING[1], *SUMMER}}
