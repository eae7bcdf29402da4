"""`status`: what is scheduled and how it goes, read from the schedule itself; no record is needed or believed."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest
from support.operator import EVERY_MINUTE, HOURLY, Operator, run_as_cron
from support.runs import rewrite_env, sizes_of

from ifcbscan.demo.sample_bins import write_bin
from ifcbscan.state import last_runs, paths

pytestmark = pytest.mark.parametrize("s3", ["moto"], indirect=True)

PID = "D20130526T095207_IFCB013"
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
    data: Path, mode: str, exit_code: int = 0, summary: str = "fine", bins: Any = None, age: float = 0.0
) -> Path:
    """Write a last-run record as a scan does, `age` seconds ago."""
    record = last_runs.LastRun.that_ends_now(exit_code, summary, bins if bins is not None else {})
    last_runs.write(str(data), "nauset", mode, record)
    path = Path(paths.job_file(str(data), "nauset", f"-{mode}.last.json"))
    fields = json.loads(path.read_bytes())
    then = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=age)
    fields["finished"] = then.strftime("%Y-%m-%dT%H:%M:%SZ")
    path.write_text(json.dumps(fields), encoding="utf-8")
    return path


def rows(operator: Operator) -> dict[str, str]:
    """The table of the only job: what is before the wide gap -> what is behind it."""
    lines = operator.run("status").stdout.splitlines()
    return {line[:12].strip(): line[12:].strip() for line in lines}


def only_job(operator: Operator) -> dict[str, Any]:
    """The only job of the JSON."""
    (job,) = json.loads(operator.run("status", "--json").stdout)["jobs"]
    return dict(job)


def test_where_nothing_is_scheduled_it_says_how_to_begin(operator: Operator) -> None:
    done = operator.run("status")
    assert "Nothing is scheduled" in done.stdout and "ifcbscan start DIR TIME_SERIES" in done.stdout
    assert json.loads(operator.run("status", "--json").stdout) == {"scheduler": "cron", "jobs": []}


def test_a_job_that_has_not_run_yet_is_shown_from_the_schedule_alone(operator: Operator, data: Path) -> None:
    shown = rows(operator)
    assert shown["time series"] == "nauset" and shown["folder"] == str(data)
    assert shown["schedule"].startswith("every minute, and everything at minute ")
    assert shown["last scan"] == shown["last full"] == "none known of yet"
    assert shown["bins"] == "not known yet"
    assert shown["log"].endswith("nauset.log")
    job = only_job(operator)
    assert job == {
        "directory": str(data),
        "time_series": "nauset",
        "scheduled": {"every_minute": True, "hourly": True},
        "up_to_date": True,
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
    shown = rows(operator)
    for name in "last scan", "last full":
        assert "ago): done" in shown[name]
    assert shown["bins"] == "1 in the archive, 1 incomplete, 1 held back (at the last full scan)"
    last_run = only_job(operator)["last_run"]
    assert last_run["full"]["exit_code"] == 0
    assert {name: count for name, count in last_run["full"]["bins"].items() if count} == {
        "uploaded": 1,
        "incomplete": 1,
        "held": 1,
    }
    assert not any(last_run["recent"]["bins"].values())  # these bins are older than three days


def test_several_jobs_are_shown_one_after_another(operator: Operator, data: Path) -> None:
    operator.schedule(operator.folder / "second", "salt_pond")
    first, second = operator.run("status").stdout.split("\n\n")
    assert "nauset" in first and "salt_pond" in second
    jobs = json.loads(operator.run("status", "--json").stdout)["jobs"]
    assert [job["time_series"] for job in jobs] == ["nauset", "salt_pond"]


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
    shown = rows(operator)
    assert shown["last scan" if mode == "recent" else "last full"].endswith(f"): {said}")


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
        (-7200, "was the clock set?", False),
    ],
)
def test_a_scan_that_has_not_run_for_long_is_called_overdue(
    operator: Operator, data: Path, age: float, said: str, overdue: bool
) -> None:
    record(data, "recent", bins=ALL_GOOD, age=age)
    record(data, "full", bins=ALL_GOOD, age=7200)
    shown = rows(operator)
    assert said in shown["last scan"]
    assert ("OVERDUE" in shown["last scan"]) == overdue
    assert "OVERDUE" not in shown["last full"]


@pytest.mark.parametrize("missing, word", [(b"* * * * *", "every-minute"), (b"/dev/null", "hourly")])
def test_a_job_of_which_half_is_missing_is_called_incomplete(
    operator: Operator, data: Path, missing: bytes, word: str
) -> None:
    lines = (operator.crontab.text or b"").splitlines(True)
    entries = [line for line in lines if b"--once" in line]
    gone = entries[0] if word == "every-minute" else entries[1]
    assert missing in gone
    operator.crontab.table.write_bytes(b"".join(line for line in lines if line != gone))
    schedule = rows(operator)["schedule"]
    assert schedule.startswith(f"INCOMPLETE: the {word} entry is missing") and "ifcbscan start" in schedule
    job = only_job(operator)
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
