"""`status`: what is scheduled and how it goes, read from the schedule itself; no record is needed or believed."""

from __future__ import annotations

import datetime
import json
import os
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.operator import EVERY_MINUTE, HOURLY, Operator, run_as_cron
from support.runs import rewrite_env, sizes_of

from ifcbscan.cli.commands import status
from ifcbscan.cli.more_options import StatusArguments
from ifcbscan.core.last_run import LastRun
from ifcbscan.core.words import human_ago
from ifcbscan.demo.sample_bins import write_bin
from ifcbscan.schedule import system_tables
from ifcbscan.schedule.crontab_text import render_drop_in
from ifcbscan.state import last_runs, paths, run_locks

pytestmark = [pytest.mark.usefixtures("cron_service"), pytest.mark.parametrize("s3", ["moto"], indirect=True)]

PID = "D20130526T095207_IFCB013"
PID_TIME = datetime.datetime(2013, 5, 27, 9, 52, 7, tzinfo=datetime.timezone.utc).timestamp()
ALL_GOOD = {"synced": 5, "uploaded": 1, "held": 0}


@pytest.fixture
def data(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A scheduled folder with one bin. The tests look for the records where the operator's home is."""
    monkeypatch.setenv("HOME", str(operator.home))
    folder = operator.folder / "it's data"
    write_bin(folder, PID, mtime=1.0)
    operator.schedule(folder)
    return folder


def record(
    data: Path,
    mode: str,
    exit_code: int = 0,
    summary: str = "fine",
    bins: Any = None,
    age: float = 0.0,
    time_series: str = "nauset",
) -> Path:
    """Write a last-run record as a scan does, `age` seconds ago."""
    record = LastRun(ago(age), exit_code, summary, bins if bins is not None else {})
    last_runs.write(str(data), time_series, mode, record)
    return Path(paths.job_file(str(data), time_series, f"-{mode}.last.json"))


def installed(operator: Operator, age: float, time_series: str = "nauset") -> None:
    """Make it so many seconds since the job was installed."""
    (log,) = state_folder(operator).glob(f"{time_series}.log")
    log.write_text(f"{ago(age)} INFO installed: from now on a scan is due every minute\n", encoding="utf-8")


def state_folder(operator: Operator) -> Path:
    return operator.home / ".local" / "state" / "ifcbscan"


def ago(age: float) -> str:
    then = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=age)
    return then.strftime("%Y-%m-%dT%H:%M:%SZ")


def pid_of(age: float) -> str:
    """A bin that was sampled so many seconds ago."""
    then = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=age)
    return then.strftime("D%Y%m%dT%H%M%S_IFCB013")


def change(path: Path, **fields: Any) -> None:
    """Change fields of a record."""
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **fields}), encoding="utf-8")


def rows(operator: Operator, *what: Any, code: int | None = 0) -> dict[str, str]:
    """The long form of the only job: what is before the wide gap -> what is behind it."""
    lines = operator.run("status", *what, code=code).stdout.splitlines()
    return {line[:12].strip(): line[12:].strip() for line in lines}


def only_job(operator: Operator, code: int | None = 0) -> dict[str, Any]:
    """The only job of the JSON."""
    (job,) = json.loads(operator.run("status", "--json", code=code).stdout)["jobs"]
    return dict(job)


def test_where_nothing_is_scheduled_it_says_how_to_begin(operator: Operator) -> None:
    done = operator.run("status")
    assert "Nothing is scheduled" in done.stdout and "ifcbscan start DIR TIME_SERIES" in done.stdout
    assert json.loads(operator.run("status", "--json").stdout) == {"scheduler": "cron", "jobs": []}


def test_a_job_that_has_not_run_yet_is_shown_from_the_schedule_alone(operator: Operator, data: Path) -> None:
    shown = rows(operator)
    assert shown["time series"] == "nauset" and shown["folder"] == str(data)
    assert shown["schedule"].startswith("every minute, and everything at minute ")
    assert shown["state"] == "on its way: it has not run yet"
    assert shown["account"] == f"hablab (settings: {operator.folder / '.env'})"
    assert shown["last scan"] == shown["last full"] == shown["last success"] == "none known of yet"
    assert shown["newest bin"] == shown["bins"] == "not known yet"
    assert shown["log"].endswith("nauset.log")
    job = only_job(operator)
    assert ago(60) < job.pop("installed") <= ago(0)
    assert job == {
        "directory": str(data),
        "time_series": "nauset",
        "scheduled": {"every_minute": True, "hourly": True},
        "up_to_date": True,
        "state": "on its way",
        "reason": "it has not run yet",
        "needs_attention": False,
        "last_success": None,
        "failing_since": None,
        "newest_bin": None,
        "last_run": {"recent": None, "full": None},
        "log_file": shown["log"],
        "env_file": str(operator.folder / ".env"),
    }


def test_after_the_scheduled_scans_their_results_and_the_bins_in_trouble_are_shown(
    operator: Operator, data: Path
) -> None:
    write_bin(data, "D20130527T095207_IFCB013", images=0, mtime=1.0)  # held: empty
    write_bin(data, "D20130528T095207_IFCB013", mtime=1.0)[2].unlink()  # no .roi
    for schedule in HOURLY, EVERY_MINUTE:
        (command,) = operator.crontab.commands(schedule)
        assert run_as_cron(command, operator.home) == 0
    shown = rows(operator, code=3)
    for name in "last scan", "last full":
        assert "ago): done" in shown[name]
    assert shown["state"] == "NEEDS YOU: 1 bin needs you"
    assert shown["newest bin"] == f"last bin {human_ago(time.time() - PID_TIME)} (D20130527T095207_IFCB013)"
    assert shown["bins"] == "1 in the archive, 1 incomplete, 1 held back (at the last full scan)"
    assert re.match(r"data disk: .*B free", shown["instrument"])  # of which the hourly scan takes note
    last_run = only_job(operator, code=3)["last_run"]
    assert last_run["full"]["exit_code"] == 0
    assert {name: count for name, count in last_run["full"]["bins"].items() if count} == {
        "uploaded": 1,
        "incomplete": 1,
        "held": 1,
    }
    assert not any(last_run["recent"]["bins"].values())  # these bins are older than three days


def test_several_jobs_are_one_line_each_worst_first_and_a_line_that_sums_up(
    operator: Operator, data: Path
) -> None:
    names = ["salt_pond", "beach", "gulf", "ship"]
    for name in names:
        operator.schedule(operator.folder / name, name)
    bins = {"synced": 1234, "uploaded": 1}
    for name in ["nauset", *names]:
        folder = data if name == "nauset" else operator.folder / name
        change(record(folder, "full", bins=bins, age=130, time_series=name), newest=pid_of(725))
        record(folder, "recent", bins=bins, age=130, time_series=name)
    record(
        operator.folder / "beach", "recent", bins={"synced": 1, "to_upload": 2}, age=125, time_series="beach"
    )
    held = record(
        operator.folder / "gulf", "full", bins={"held": 3, "synced": 5}, age=125, time_series="gulf"
    )
    change(held, attention=3)
    record(operator.folder / "ship", "recent", 2, "The key is refused", age=125, time_series="ship")
    done = operator.run("status", code=3)
    assert done.stdout.splitlines() == [
        "time series  state       in archive  waiting  needs you  newest bin  last success",
        "ship         FAILING     1,235       0        0          12 min ago  2 min ago",
        "gulf         NEEDS YOU   5           0        3          12 min ago  2 min ago",
        "beach        on its way  1,235       2        0          12 min ago  2 min ago",
        "nauset       ok          1,235       0        0          12 min ago  2 min ago",
        "salt_pond    ok          1,235       0        0          12 min ago  2 min ago",
        "5 jobs: 2 ok, 1 on its way, 2 need you",
    ]
    jobs = json.loads(operator.run("status", "--json", code=3).stdout)["jobs"]
    assert [job["time_series"] for job in jobs] == ["nauset", *names]
    assert [job["state"] for job in jobs] == ["ok", "ok", "on its way", "needs you", "failing"]
    assert [job["needs_attention"] for job in jobs] == [False, False, False, True, True]
    # one of them, by its time series or by its folder
    assert rows(operator, "nauset")["state"] == "ok"
    assert rows(operator, operator.folder / "ship", code=3)["state"] == "FAILING: The key is refused"
    (job,) = json.loads(operator.run("status", "beach", "--json").stdout)["jobs"]
    assert job["time_series"] == "beach"


def test_two_folders_of_one_time_series_are_told_apart(operator: Operator, data: Path) -> None:
    operator.schedule(operator.folder / "second")
    lines = operator.run("status").stdout.splitlines()
    assert lines[1].startswith(f"nauset ({data})") and lines[2].startswith(
        f"nauset ({operator.folder}/second)"
    )
    assert lines[3] == "2 jobs: 2 on its way"


def test_a_job_that_is_not_there_is_a_usage_error_that_names_those_that_are(
    operator: Operator, data: Path
) -> None:
    done = operator.run("status", "naust", code=2)
    assert done.stderr == f"ifcbscan: Nothing is scheduled for naust. What is scheduled: {data} to nauset.\n"


@pytest.mark.parametrize(
    "mode, exit_code, summary, said",
    [
        ("recent", 2, "The bucket refused: NoSuchBucket", "not possible: The bucket refused: NoSuchBucket"),
        ("full", 1, "an unexpected error", "unexpected error: an unexpected error"),
        ("full", 3, "counts", "finished, but something failed"),
        ("full", 4, "Another scan is running", "could not begin: Another scan is running"),
        ("full", 77, "?", "exit code 77"),
    ],
)
def test_a_scan_that_did_not_succeed_is_shown_with_its_reason(
    operator: Operator, data: Path, mode: str, exit_code: int, summary: str, said: str
) -> None:
    record(data, mode, exit_code, summary)
    shown = rows(operator, code=3)
    assert shown["last scan" if mode == "recent" else "last full"].endswith(f"): {said}")
    assert shown["state"] == f"FAILING: {summary}"


def test_counts_of_the_recent_scan_are_not_taken_for_those_of_all_bins(
    operator: Operator, data: Path
) -> None:
    record(data, "recent", bins=ALL_GOOD)
    record(data, "full", 5, "no network")
    assert (
        rows(operator)["bins"]
        == "6 in the archive, none waiting (of the last days; a full scan is to follow)"
    )


@pytest.mark.parametrize(
    "age, said, overdue",
    [
        (5, "s ago)", False),
        (300, "(5 min ago)", False),
        (7200, "(2 h ago)", True),
        (-7200, "was the clock set?", True),  # what a clock wrote that was wrong makes nothing green
    ],
)
def test_a_scan_that_has_not_run_for_long_is_called_overdue(
    operator: Operator, data: Path, age: float, said: str, overdue: bool
) -> None:
    record(data, "recent", bins=ALL_GOOD, age=age)
    record(data, "full", bins=ALL_GOOD, age=7200)
    installed(operator, 86400)
    shown = rows(operator, code=3 if overdue else 0)
    assert said in shown["last scan"]
    assert ("OVERDUE" in shown["last scan"]) == overdue
    assert "OVERDUE" not in shown["last full"]


def test_an_hourly_scan_that_has_not_run_for_hours_is_overdue_unless_it_is_under_way(
    operator: Operator, data: Path
) -> None:
    record(data, "recent", bins=ALL_GOOD)
    record(data, "full", bins=ALL_GOOD, age=5 * 3600 + 5)
    installed(operator, 86400)
    shown = rows(operator, code=3)
    why = "the hourly scan should look at everything, and has not for 5 h"
    assert shown["state"] == f"OVERDUE: {why}"
    assert shown["last full"].endswith(
        f" (5 h ago): done -- OVERDUE: {why}; 'ifcbscan check' may say why it does not"
    )
    with run_locks.hold(str(data), "nauset", "full"):
        shown = rows(operator)
    assert shown["state"] == "ok" and shown["last full"].endswith(" (5 h ago): done")


def test_a_scan_that_fails_every_hour_is_red_though_the_others_succeed(
    operator: Operator, data: Path
) -> None:
    record(data, "recent", bins=ALL_GOOD, age=86400)
    for minute in (200, 140, 80, 20):
        record(data, "recent", bins=ALL_GOOD, age=60 * minute + 60)
        record(data, "full", 5, "The bucket could not be reached", age=60 * minute)
    record(data, "recent", bins=ALL_GOOD)
    installed(operator, 86400)
    since = ago(12000)[11:16]
    assert rows(operator, code=3)["state"] == (
        f"FAILING: the archive could not be reached since {since} UTC (3 h)"
    )


def test_an_outage_that_both_kinds_of_run_met_is_over_with_the_next_success_of_one(
    operator: Operator, data: Path
) -> None:
    for minute in (100, 40):
        record(data, "recent", 5, "The bucket could not be reached", age=60 * minute)
        record(data, "full", 5, "The bucket could not be reached", age=60 * minute)
    record(data, "recent", bins=ALL_GOOD, age=60)
    shown = rows(operator)
    assert shown["state"] == "ok" and "failing" not in shown
    since, end = ago(6000)[11:16], ago(60)[11:16]
    assert shown["last full"].endswith(
        f" (40 min ago): the archive could not be reached from {since} to {end} UTC, and can be again"
    )


def test_a_run_that_somebody_has_ended_leaves_the_light_as_it_was(operator: Operator, data: Path) -> None:
    record(data, "recent", bins=ALL_GOOD, age=3600)
    record(data, "recent", bins=ALL_GOOD)
    record(data, "full", 2, "The bucket refused: NoSuchBucket", age=60)
    record(data, "full", 130, "interrupted")
    shown = rows(operator, code=3)
    assert shown["state"] == "FAILING: The bucket refused: NoSuchBucket"
    assert shown["last full"].endswith(": not possible: The bucket refused: NoSuchBucket")


def test_the_reason_of_a_run_that_partly_failed_is_shown(operator: Operator, data: Path) -> None:
    change(record(data, "recent", 3, "nauset: 1 already in the archive"), reason="the disk is nearly full")
    shown = rows(operator, code=3)
    assert shown["state"] == "FAILING: the disk is nearly full"
    assert shown["last scan"].endswith(": finished, but something failed: the disk is nearly full")


def test_bins_that_wait_for_tomorrow_are_shown_and_nobody_has_to_act(operator: Operator, data: Path) -> None:
    waits = "MAX_DAILY of 1.0 GB has no more room today: 2 bins wait for tomorrow (00:00 UTC)"
    change(record(data, "recent", bins={"to_upload": 2, "synced": 5}), waits=waits)
    record(data, "full", bins={"to_upload": 2, "synced": 5})
    shown = rows(operator)
    assert shown["last scan"].endswith(f"ago): done: {waits}") and shown["last full"].endswith("ago): done")
    assert shown["state"] == "on its way: 2 bins on the way"


def test_where_cron_does_not_run_that_is_the_state_of_every_job(
    operator: Operator, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    record(data, "recent", bins=ALL_GOOD, age=3600)
    record(data, "full", bins=ALL_GOOD, age=3600)
    installed(operator, 86400)
    monkeypatch.setenv("PATH", operator.environment["PATH"])
    monkeypatch.setattr("ifcbscan.schedule.cron.Cron.notes", lambda _self: ["cron does not run: start it"])
    why = "cron does not run, so no scan is started by itself"
    assert status.run(StatusArguments(False, None), None) == 3  # type: ignore[arg-type]
    shown = capsys.readouterr()
    assert f"state        NEEDS YOU: {why}" in shown.out.splitlines()
    assert "Please note: cron does not run: start it" in shown.out + shown.err
    assert status.run(StatusArguments(True, None), None) == 3  # type: ignore[arg-type]
    found = json.loads(capsys.readouterr().out)
    assert (found["scheduler_trouble"], found["jobs"][0]["state"]) == (why, "needs you")


def test_while_records_cannot_be_written_every_job_needs_a_person(
    operator: Operator, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    record(data, "recent", bins=ALL_GOOD)
    record(data, "full", bins=ALL_GOOD)
    monkeypatch.setenv("PATH", operator.environment["PATH"])
    monkeypatch.setattr("ifcbscan.cli.known_jobs.records_trouble", lambda: "no room")
    assert status.run(StatusArguments(True, None), None) == 3  # type: ignore[arg-type]
    found = json.loads(capsys.readouterr().out)
    (job,) = found["jobs"]
    assert (job["state"], job["reason"], found["records_trouble"]) == ("needs you", "no room", "no room")


def test_an_empty_folder_does_not_change_the_counts(operator: Operator, data: Path) -> None:
    record(data, "full", bins=ALL_GOOD, age=60)
    silent = LastRun(ago(0), 3, "0 bins", {"synced": 0}, silence="no bin was found in /data")
    last_runs.write(str(data), "nauset", "full", silent)
    shown = rows(operator, code=3)
    assert shown["state"] == "SILENT: no bin was found in /data"
    assert shown["bins"] == "6 in the archive, none waiting (at the last full scan)"


@pytest.mark.parametrize("missing, word", [(b"* * * * *", "every-minute"), (b"/dev/null", "hourly")])
def test_a_job_of_which_half_is_missing_is_called_incomplete(
    operator: Operator, data: Path, missing: bytes, word: str
) -> None:
    lines = (operator.crontab.text or b"").splitlines(True)
    entries = [line for line in lines if b"--once" in line]
    gone = entries[0] if word == "every-minute" else entries[1]
    assert missing in gone
    operator.crontab.table.write_bytes(b"".join(line for line in lines if line != gone))
    schedule = rows(operator, code=3)["schedule"]
    assert schedule.startswith(f"INCOMPLETE: the {word} entry is missing") and "ifcbscan start" in schedule
    job = only_job(operator, code=3)
    assert job["scheduled"] == {"every_minute": word == "hourly", "hourly": word == "every-minute"}
    assert job["up_to_date"] is False


def test_an_entry_that_somebody_has_edited_is_shown_as_such(operator: Operator, data: Path) -> None:
    table = operator.crontab.text or b""
    operator.crontab.table.write_bytes(table.replace(b"--time-limit 5m", b"--time-limit 9m"))
    assert rows(operator)["schedule"].endswith("somebody has edited it")
    assert only_job(operator)["up_to_date"] is False


def test_a_record_that_cannot_be_read_is_as_good_as_none(operator: Operator, data: Path) -> None:
    record(data, "full").write_bytes(b'{"finished": ')
    assert rows(operator)["last full"] == "none known of yet"
    assert only_job(operator)["last_run"] == {"recent": None, "full": None}


def test_no_scan_depends_on_the_record(s3: Any, operator: Operator, data: Path) -> None:
    path = record(data, "full")
    path.unlink()
    path.mkdir()  # so that it can be neither read nor written
    (path / "in the way").touch()
    operator.run("sync", data, "nauset")
    assert s3.objects() == sizes_of(data.iterdir())
    assert rows(operator)["last full"] == "none known of yet"


@pytest.mark.parametrize("trouble", ["not permitted", "not installed"])
def test_where_the_schedule_cannot_be_read_it_says_why(operator: Operator, data: Path, trouble: str) -> None:
    operator.crontab.forbid()
    path = "/nonexistent" if trouble == "not installed" else operator.environment["PATH"]
    done = operator.run("status", code=2, PATH=path)
    assert ("You may not use cron" if trouble == "not permitted" else "cron is not installed") in done.stderr
    assert done.stdout == ""


def test_it_needs_neither_configuration_nor_network(operator: Operator, data: Path, env_file: Path) -> None:
    rewrite_env(env_file, S3_ENDPOINT_URL="http://127.0.0.1:9", USER_ACCOUNT=None)
    assert rows(operator)["time series"] == "nauset"


# --- since when


def test_a_job_that_has_never_run_since_it_was_installed_is_overdue(operator: Operator, data: Path) -> None:
    installed(operator, 3 * 3600 + 5)
    shown = rows(operator, code=3)
    why = "it should run every minute, and has not run since it was installed 3 h ago"
    assert shown["state"] == f"OVERDUE: {why}"
    assert (
        shown["last scan"] == f"none known of yet -- OVERDUE: {why}; 'ifcbscan check' may say why it does not"
    )


def test_a_job_of_which_neither_record_nor_log_is_there_is_overdue(operator: Operator, data: Path) -> None:
    (state_folder(operator) / "nauset.log").unlink()
    assert rows(operator, code=3)["state"] == (
        "OVERDUE: it should run every minute, and no scan has left a record"
    )
    assert only_job(operator, code=3)["installed"] is None


@pytest.mark.parametrize("age, code, state", [(25 * 60, 0, "unreachable"), (2 * 3600, 3, "FAILING")])
def test_an_outage_is_one_short_line_and_needs_nobody_for_an_hour(
    operator: Operator, data: Path, age: float, code: int, state: str
) -> None:
    record(data, "recent", bins=ALL_GOOD, age=age + 60)
    record(data, "recent", 5, "The bucket could not be reached: a long message", age=age)
    record(data, "recent", 5, "The bucket could not be reached: another long message", age=20)
    shown = rows(operator, code=code)
    since, success = ago(age), ago(age + 60)
    words = human_ago(age)[: -len(" ago")]
    line = (
        f"the archive could not be reached since {since[11:16]} UTC ({words}); last success {success[11:16]}"
    )
    assert shown["state"] == f"{state}: {line}"
    assert shown["last scan"].endswith(f" (20 s ago): {line}") or " (2" in shown["last scan"]
    assert shown["failing"].startswith(f"since {since[:16]}")
    assert shown["last success"].startswith(success[:16])
    # what was known before the outage is known still
    assert shown["bins"].startswith("6 in the archive, none waiting")
    job = only_job(operator, code=code)
    assert job["failing_since"][:16] == since[:16] and job["last_success"][:16] == success[:16]


def test_the_end_of_an_outage_is_in_the_log_once_and_status_is_ok_again(
    s3: Any, operator: Operator, data: Path, env_file: Path
) -> None:
    write_bin(data, pid_of(3600), mtime=1.0)
    (hourly,), (minute,) = operator.crontab.commands(HOURLY), operator.crontab.commands(EVERY_MINUTE)
    rewrite_env(env_file, S3_ENDPOINT_URL="http://127.0.0.1:9")
    assert [run_as_cron(command, operator.home) for command in (hourly, minute)] == [5, 5]
    assert rows(operator)["state"].startswith("unreachable: the archive could not be reached since ")
    rewrite_env(env_file, S3_ENDPOINT_URL=s3.endpoint)
    assert [run_as_cron(command, operator.home) for command in (minute, hourly)] == [0, 0]
    log = (state_folder(operator) / "nauset.log").read_text(encoding="utf-8")
    (line,) = [line for line in log.splitlines() if "reachable again" in line]
    assert re.search(r" INFO the archive is reachable again after \d+ s, nothing was lost$", line)
    shown = rows(operator)
    assert shown["state"] == "ok" and "failing" not in shown


def test_a_run_that_asked_nothing_of_the_archive_does_not_end_an_outage(
    s3: Any, operator: Operator, data: Path, env_file: Path
) -> None:
    rewrite_env(env_file, S3_ENDPOINT_URL="http://127.0.0.1:9")
    (hourly,), (minute,) = operator.crontab.commands(HOURLY), operator.crontab.commands(EVERY_MINUTE)
    # of the last three days there is no complete bin, so the second one has nothing to ask for
    write_bin(data, pid_of(3600))[2].unlink()  # it is being written
    assert [run_as_cron(command, operator.home) for command in (hourly, minute)] == [5, 0]
    assert rows(operator)["state"].startswith("unreachable: the archive could not be reached since ")
    assert "reachable again" not in (state_folder(operator) / "nauset.log").read_text(encoding="utf-8")


def test_records_that_cannot_be_written_stay_as_they_are(
    operator: Operator, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = record(data, "recent", bins=ALL_GOOD, age=3600)
    before = path.read_bytes()

    def full(_path: str, _content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ifcbscan.state.files.replace_file", full)
    record(data, "recent", 2, "later")
    assert path.read_bytes() == before


# --- the system's tables


def test_jobs_of_the_systems_tables_are_shown_with_the_account_that_runs_them(
    operator: Operator,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import pwd

    me = pwd.getpwuid(os.geteuid()).pw_name
    job = operator.schedule(data, "gulf")
    operator.crontab.table.unlink()
    folder = tmp_path / "cron.d"
    folder.mkdir()
    (folder / "our-scans").write_bytes(render_drop_in(job, me))
    other = replace(job, time_series="harbor", log_file=str(tmp_path / "harbor.log"))
    (folder / "harbor").write_bytes(render_drop_in(other, "nobody"))
    (folder / "harbor.bak").write_bytes(render_drop_in(other, "nobody"))
    record(data, "recent", bins=ALL_GOOD, time_series="gulf")
    monkeypatch.setenv("PATH", operator.environment["PATH"])
    monkeypatch.setattr(
        "ifcbscan.cli.known_jobs.system_jobs", lambda: system_tables.system_jobs("/nonexistent", str(folder))
    )

    def shown(what: str | None, code: int = 0) -> list[str]:
        assert status.run(StatusArguments(False, what), None) == code  # type: ignore[arg-type]
        return capsys.readouterr().out.splitlines()

    # the two feed two time series from one folder
    assert shown(None, 3)[1:] == [
        "gulf         NEEDS YOU  6           0        0          -           0 s ago",
        "harbor       not known  -           -        -          -           -",
        "2 jobs: 1 needs you, 1 not known",
    ]
    minute = job.hourly_minute
    assert (
        f"schedule     every minute, and everything at minute {minute} of every hour (system: {folder}/our-scans, as user {me})"
        in shown("gulf", 3)
    )
    lines = shown("harbor")
    assert "state        not known: its records belong to another user" in lines
    assert (
        "last scan    not known here: the records belong to nobody. 'sudo -u nobody ifcbscan status' shows them"
        in lines
    )
    (tmp_path / "harbor.log").touch()
    os.utime(tmp_path / "harbor.log", (1.7e9, 1.7e9))
    assert shown("harbor", 3)[1].startswith("state        OVERDUE: its log has had no new line for ")
