"""What `check --cron` makes of a schedule that runs its line, and of one that does not. sh is real; cron is played."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from support.fakes import VirtualClock

from ifcbscan.cli.checked import Item
from ifcbscan.cli.cron_check import check_cron
from ifcbscan.schedule.jobs import ScheduledJob, ScheduleError

pytestmark = pytest.mark.skipif(os.name != "posix", reason="cron is not for Windows")


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Item]:
    """`check(script_of_the_python, cron)`: `cron` is given what the table would run."""
    monkeypatch.setenv("HOME", str(tmp_path / "home of it's"))

    def run(python: str, cron: Callable[[str], object], platform: str = "linux") -> Item:
        program = tmp_path / "python"
        program.write_text("#!/bin/sh\n" + python, encoding="utf-8")
        program.chmod(0o755)
        job = ScheduledJob(str(program), "/settings", "/data of it's", "nauset", "/log")

        class Played:
            @staticmethod
            @contextlib.contextmanager
            def trial(script: str) -> Iterator[None]:
                cron(script)
                yield

        scheduler: Any = Played()
        item = check_cron(job, scheduler, VirtualClock(), threading.Event(), platform)
        state = tmp_path / "home of it's"
        assert not [path for path in state.rglob("*") if path.is_file()]  # nothing is left behind
        return item

    return run


def run_twice(script: str) -> None:
    """As a cron that comes again the next minute."""
    for _ in range(2):
        if os.path.exists(script):
            subprocess.run(["/bin/sh", script], check=True)


def test_a_scan_that_cron_has_run_is_the_proof(check: Callable[..., Item], tmp_path: Path) -> None:
    item = check(f'echo "$@" >>{tmp_path}/words\npwd >>{tmp_path}/words\n', run_twice)
    assert item.good and item.text == "has run a scan of this folder within 0 s (a dry run: nothing was sent)"
    words = (
        "-m ifcbscan --once /data of it's nauset --env-file /settings --max-age 3d --time-limit 5m --dry-run"
    )
    assert (tmp_path / "words").read_text().splitlines() == [words, "/"]


@pytest.mark.parametrize("platform, clicks", [("linux", False), ("darwin", True)])
def test_a_scan_that_fails_under_cron_is_told_with_its_reason(
    check: Callable[..., Item], platform: str, clicks: bool
) -> None:
    said = "echo 'The data folder /data cannot be read: Operation not permitted' >&2; exit 2"
    item = check(said, run_twice, platform)
    assert (
        item.good is False
        and "ended with exit 2: The data folder /data cannot be read: Operation" in item.text
    )
    assert ("Full Disk Access" in item.text and "/usr/sbin/cron" in item.text) is clicks
    assert check("exit 3", run_twice).text.endswith("ended with exit 3: it said nothing")


def test_of_a_scan_that_has_ended_with_3_the_reason_is_told_and_not_the_summary(
    check: Callable[..., Item],
) -> None:
    said = (
        "echo 'nauset: 1 to upload (dry run)' >&2; echo '  warning: sub: Operation not permitted' >&2; exit 3"
    )
    item = check(said, run_twice, "darwin")
    assert "ended with exit 3: warning: sub: Operation not permitted" in item.text
    assert "Full Disk Access" in item.text


def test_a_cron_that_does_not_come_is_told_after_two_minutes(check: Callable[..., Item]) -> None:
    item = check("", lambda script: None)
    assert item.good is False and "cron has not run a line of your crontab within 120 s" in item.text
    assert "systemctl status cron" in item.text
    assert "launchctl" in check("", lambda script: None, "darwin").text


def test_a_scan_that_takes_longer_is_neither_good_nor_bad(check: Callable[..., Item]) -> None:
    item = check("", os.unlink)
    assert item.good is None and "which has not ended within 120 s" in item.text


def test_a_schedule_that_cannot_be_changed_is_told(check: Callable[..., Item]) -> None:
    def refuse(script: str) -> None:
        raise ScheduleError("You may not use cron on this computer.")

    item = check("", refuse)
    assert item.good is False and item.text == "You may not use cron on this computer."
