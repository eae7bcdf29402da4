"""A scan that somebody starts by hand beside a scheduled job: what it takes over, and what of the job it leaves alone."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Iterator

import pytest
from support.monitor import Monitor
from support.operator import EVERY_MINUTE, HOURLY, Operator, run_as_cron
from support.runs import rewrite_env

from ifcbscan.demo.sample_bins import write_bin
from ifcbscan.schedule.crontab_text import with_job
from ifcbscan.schedule.extras import JobExtras

pytestmark = pytest.mark.parametrize("s3", ["moto"], indirect=True)


@pytest.fixture
def monitor() -> Iterator[Monitor]:
    with Monitor() as running:
        yield running


@pytest.fixture
def data(operator: Operator) -> Path:
    """A scheduled folder with one bin of two hours ago, which is in the archive; both scans have been done."""
    folder = operator.folder / "data"
    sampled = time.time() - 7200
    write_bin(folder, time.strftime("D%Y%m%dT%H%M%S_IFCB199", time.gmtime(sampled)), mtime=sampled)
    operator.schedule(folder)
    scheduled_scans(operator, 0)
    return folder


def scheduled_scans(operator: Operator, code: int | None) -> None:
    for when in (HOURLY, EVERY_MINUTE):
        (command,) = operator.crontab.commands(when)
        assert run_as_cron(command, operator.home) in (code, 0 if code is None else code)


def reschedule(operator: Operator, folder: Path, **extras: str) -> None:
    job = replace(operator.schedule(folder), extras=JobExtras(**extras))
    operator.crontab.table.write_bytes(with_job(operator.crontab.text, job))


def known(operator: Operator) -> Any:
    """What status says, whether it is red or green."""
    return json.loads(operator.run("status", "--json", code=None).stdout)["jobs"][0]


@pytest.mark.parametrize("words", [("sync",), ("--once",), ("--once", "-q"), ("--once", "--max-age", "3d")])
def test_the_silence_of_a_scheduled_job_is_said_by_hand_too_and_stays_red(
    operator: Operator, data: Path, words: tuple[str, ...]
) -> None:
    reschedule(operator, data, expect_every="1h")
    scheduled_scans(operator, 3)
    assert known(operator)["state"] != "ok"
    done = operator.run(words[0], data, "nauset", *words[1:], code=3)
    assert "-q" in words or "every" in done.stderr
    assert known(operator)["state"] == "overdue"


def test_a_time_series_alone_is_not_looked_for_as_a_folder(operator: Operator, data: Path) -> None:
    for command in ("sync", "verify", "report"):
        said = operator.run(command, "nauset", code=2).stderr
        assert "the folder comes first: DIR nauset." in said
    assert "does not exist" in operator.run("sync", data / "gone", "nauset", code=2).stderr


def test_a_disk_that_is_not_mounted_is_said_by_hand_too(operator: Operator, data: Path) -> None:
    where = operator.folder / "mnt"
    where.mkdir()
    reschedule(operator, data, mounted_at=str(where))
    scheduled_scans(operator, 3)
    done = operator.run("sync", data, "nauset", code=3)
    assert str(where) in done.stderr
    assert known(operator)["state"] != "ok"


@pytest.mark.parametrize(
    "options",
    [
        ("--exclude", "D2026"),
        ("--expect-every", "1m"),
        ("--mounted-at", "mnt"),
        ("--settle", "86400"),
        ("--confirm", "5"),
        ("--max-age", "1h"),
        ("--since", "2020-01-01"),
        ("--env-file", "other.env"),
    ],
)
@pytest.mark.parametrize("command", ["sync", "--once"])
def test_a_scan_with_options_of_its_own_is_none_of_the_job(
    operator: Operator, data: Path, env_file: Path, monitor: Monitor, command: str, options: tuple[str, str]
) -> None:
    (operator.folder / "mnt").mkdir()
    metrics = operator.folder / "metrics"
    metrics.mkdir()
    rewrite_env(env_file, PING_URL=monitor.url, METRICS_DIR=str(metrics))
    scheduled_scans(operator, 0)
    (operator.folder / "other.env").write_bytes(env_file.read_bytes())
    (file,) = metrics.iterdir()
    before, figures, calls = known(operator), file.read_bytes(), len(monitor.calls)
    operator.run(command, data, "nauset", *options, code=None)
    assert known(operator) == before
    assert (file.read_bytes(), len(monitor.calls)) == (figures, calls)
    assert list(metrics.iterdir()) == [file]


def test_what_is_said_as_the_job_has_it_is_a_scan_of_the_job(
    operator: Operator, data: Path, env_file: Path
) -> None:
    settle = "7"
    rewrite_env(env_file, SETTLE_SECONDS=settle)
    reschedule(operator, data, max_age="10d", expect_every="3h")
    for path in data.rglob("*.*"):
        path.unlink()
    words = {"recent": ("--max-age", "240h"), "full": ("--expect-every", "180m", "--settle", settle)}
    for mode, options in words.items():
        operator.run("sync", data, "nauset", *options, code=3)
        assert known(operator)["last_run"][mode]["exit_code"] == 3


def test_an_entry_that_somebody_gave_options_of_his_own_is_still_the_job(
    operator: Operator, data: Path
) -> None:
    table = (operator.crontab.text or b"").replace(b"--quiet", b"--exclude old --settle 5 --quiet")
    operator.crontab.table.write_bytes(table)
    for path in data.rglob("*.*"):
        path.unlink()
    scheduled_scans(operator, 3)
    assert {run["exit_code"] for run in known(operator)["last_run"].values()} == {3}


def test_the_trouble_of_a_log_that_is_not_the_jobs_is_not_the_jobs(
    operator: Operator, data: Path, env_file: Path, monitor: Monitor
) -> None:
    rewrite_env(env_file, PING_URL=monitor.url)
    for command in ("--once", "sync"):
        done = operator.run(command, data, "nauset", "--log-file", data.parent / ".env" / "a.log", code=3)
        assert "a.log cannot be written" in done.stderr
    found = known(operator)
    assert found["state"] == "ok" and found["last_run"]["full"]["exit_code"] == 0
    assert [path for path, _ in monitor.calls] == ["/ping/start", "/ping"] * 2


def test_a_run_by_hand_does_not_hide_the_trouble_of_the_jobs_log(operator: Operator, data: Path) -> None:
    log = operator.home / ".local" / "state" / "ifcbscan" / "nauset.log"
    log.unlink()
    log.mkdir()
    scheduled_scans(operator, 3)
    said = known(operator)
    assert said["state"] != "ok"
    for options in ((), ("--log-file", operator.folder / "a.log")):
        operator.run("sync", data, "nauset", *options)
        assert known(operator)["state"] == said["state"]


def test_what_another_log_was_told_the_log_of_the_job_is_told_too(operator: Operator, data: Path) -> None:
    (path,) = data.rglob("*.adc")
    for file in data.rglob("*.roi"):
        file.unlink()
    os.utime(str(path), (1.0, 1.0))
    own = operator.home / ".local" / "state" / "ifcbscan" / "nauset.log"
    operator.run("sync", data, "nauset", "--log-file", operator.folder / "a.log", code=None)
    told = [line.partition(" ")[2] for line in (operator.folder / "a.log").read_text("utf-8").splitlines()]
    scheduled_scans(operator, None)
    lines = [line.partition(" ")[2] for line in own.read_text("utf-8").splitlines()]
    assert [line for line in told if line.startswith("WARNING")]
    assert {line for line in told if line.startswith("WARNING")} <= set(lines)


@pytest.mark.parametrize("slug", ["", "/{time_series}"])
@pytest.mark.parametrize(
    "words",
    [
        ("sync", "data", "nauset", "--bogus"),
        ("--once", "data", "nauset", "--bogus"),
        ("--once", "--bogus"),
        ("sync", "dta", "nauset"),
        ("--once", "dta", "nauset"),
        ("sync", "data", "nauset", "--env-file", "nonexistent"),
        ("sync", "data", "nauset", "--settle", "soon"),
    ],
)
def test_a_typing_mistake_is_no_failure_for_the_monitor_of_the_settings(
    operator: Operator, data: Path, env_file: Path, monitor: Monitor, words: tuple[str, ...], slug: str
) -> None:
    rewrite_env(env_file, PING_URL=monitor.url + slug)
    operator.run(*words, code=2)
    assert monitor.calls == []


def test_an_address_for_each_time_series_is_not_called_where_none_is_known(
    operator: Operator, env_file: Path, monitor: Monitor
) -> None:
    operator.run("--once", "--bogus", "--ping", monitor.url + "/{time_series}", code=2)
    assert monitor.calls == []
    operator.run("--once", "--bogus", "--ping", monitor.url, code=2)
    assert [path for path, _ in monitor.calls] == ["/ping/fail"]


def test_the_budget_of_a_job_holds_for_a_run_by_hand_unless_that_says_otherwise(
    operator: Operator, data: Path, s3: Any
) -> None:
    reschedule(operator, data, max_daily="1K", bandwidth="10M")
    for minutes in (10, 40):
        sampled = time.time() - 60 * minutes
        pid = time.strftime("D%Y%m%dT%H%M%S_IFCB199", time.gmtime(sampled))
        write_bin(data, pid, mtime=time.time() - 7200)
    before = len(s3.objects())
    done = operator.run("sync", data, "nauset")
    assert "MAX_DAILY of 1.0 kB has no more room today: 2 bins wait for tomorrow" in done.stderr
    assert len(s3.objects()) == before
    operator.run("sync", data, "nauset", "--max-daily", "off")
    assert len(s3.objects()) == before + 6
