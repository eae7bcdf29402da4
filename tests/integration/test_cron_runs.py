"""What cron runs: the very lines of the crontab in cron's bare environment, and with Debian's cron itself."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from support.dashboard import DashboardStandIn
from support.operator import EVERY_MINUTE, HOURLY, Operator, run_as_cron
from support.runs import rewrite_env, sizes_of

from ifcbscan.samplebins import write_bin

PID = "D20130526T095207_IFCB013"
NASTY = "50% of 'it'  \"all\" \\ $HOME \u00e9"


@pytest.fixture
def data(operator: Operator, dashboard: DashboardStandIn) -> Path:
    """A folder with one bin, whose name nothing between here and the shell of cron should change."""
    folder = operator.folder / NASTY
    write_bin(folder, PID, mtime=1.0)
    return folder


def state_folder(operator: Operator) -> Path:
    return operator.home / ".local" / "state" / "ifcbscan"


def test_the_entries_work_in_the_environment_of_cron(s3: Any, operator: Operator, data: Path) -> None:
    operator.run("start", data, "nauset", "--no-sync")
    assert s3.objects() == {}
    (hourly,) = operator.crontab.commands(HOURLY)
    (every_minute,) = operator.crontab.commands(EVERY_MINUTE)
    assert run_as_cron(hourly, operator.home) == 0
    assert s3.objects() == sizes_of(data.iterdir())
    today = time.strftime("D%Y%m%dT%H%M%S_IFCB013", time.gmtime())
    write_bin(data / today[1:5] / today[:9], today, mtime=1.0)
    assert run_as_cron(every_minute, operator.home) == 0
    assert s3.objects() == sizes_of(path for path in data.rglob("*") if path.is_file())
    (log,) = state_folder(operator).glob("nauset-*.log")
    assert today in log.read_text(encoding="utf-8")
    assert log.stat().st_mode & 0o077 == 0
    # A terminal may have set what cron does not know of: the records are found all the same.
    status = json.loads(operator.run("status", "--json", XDG_STATE_HOME=str(operator.folder)).stdout)
    (job,) = status["jobs"]
    assert job["last_run"]["full"]["bins"]["uploaded"] == 1
    assert job["last_run"]["recent"]["bins"]["uploaded"] == 1


@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_a_scan_that_fails_under_cron_says_so_in_the_log_and_mails_nothing(
    operator: Operator, data: Path, env_file: Path
) -> None:
    operator.run("start", data, "nauset", "--no-sync")
    rewrite_env(env_file, BUCKET_NAME="no.such.bucket")
    (every_minute,) = operator.crontab.commands(EVERY_MINUTE)
    today = time.strftime("D%Y%m%dT%H%M%S_IFCB013", time.gmtime())
    write_bin(data, today, mtime=1.0)
    assert run_as_cron(every_minute, operator.home) == 2
    (log,) = state_folder(operator).glob("nauset-*.log")
    assert "NoSuchBucket" in log.read_text(encoding="utf-8")
