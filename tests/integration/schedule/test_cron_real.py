"""The crontab command and the cron daemon of this machine, with an account that is made for it and removed."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from pathlib import Path
from typing import Iterator, Sequence

import pytest
from support import cron as real_cron

from ifcbscan.schedule.cron import Cron
from ifcbscan.schedule.crontab_text import LONGEST_COMMAND, NOT_STARTED, command_line
from ifcbscan.schedule.jobs import Mode, ScheduledJob, ScheduleError

pytestmark = pytest.mark.slow

#: cron looks once a minute; on a busy machine it starts its jobs some seconds late.
FIRES_WITHIN_SECONDS = 150.0

NASTY = "50% of 'it' \"all\"\\ \\\\ \\% $HOME `id` #1 \r\b \\r \\b é"


@pytest.fixture(scope="module")
def account() -> Iterator[str]:
    try:
        with real_cron.throw_away_account() as name:
            yield name
    except real_cron.CronUnavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture
def crontab(account: str) -> Iterator[Sequence[str]]:
    """The crontab command for the account, which has no table at the beginning of each test."""
    command = ["crontab", "-u", account]
    real_cron.write_table(command, None)
    yield command
    real_cron.write_table(command, None)


@pytest.fixture
def daemon() -> Iterator[None]:
    try:
        with real_cron.daemon():
            yield
    except real_cron.CronUnavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with an awkward name that every account can use (pytest's own are for one account)."""
    parent = Path(tempfile.mkdtemp(prefix="ifcbscan-cron-"))
    made = parent / NASTY
    made.mkdir()
    for path in (parent, made):
        path.chmod(0o777)
    yield made
    shutil.rmtree(str(parent))


def scheduler(crontab: Sequence[str], tmp_path: Path) -> Cron:
    return Cron(crontab, lock_file=str(tmp_path / "lock"))


def make_job(
    folder: str = "/data/" + NASTY, python: str = "/opt/python", name: str = "nauset"
) -> ScheduledJob:
    return ScheduledJob(python, folder + "/.env", folder, name, folder + "/log")


@pytest.mark.parametrize(
    "table",
    [
        None,
        b"",
        b"\n\n",
        b"# notes\nMAILTO=me@example.org\nA = 1\n\n*/5 * * * * echo 100\\% \xff\xfe \xc3\xa9\n@reboot true\n",
        b"# from Windows\r\n0 1 * * * printf 'a\\r\\n\b' | grep '\\bword\\b'\r\n# no command\n",
    ],
)
def test_install_and_remove_leave_the_table_byte_for_byte(
    crontab: Sequence[str], tmp_path: Path, table: bytes | None
) -> None:
    real_cron.write_table(crontab, table)
    cron = scheduler(crontab, tmp_path)
    assert cron.available() is None
    cron.install(make_job())
    cron.install(make_job(name="other"))
    assert [(one.job, one.up_to_date) for one in cron.jobs()] == [
        (make_job(), True),
        (make_job(name="other"), True),
    ]
    installed = real_cron.read_table(crontab)
    assert installed is not None and installed.startswith(table or b"")
    cron.install(make_job())
    assert real_cron.read_table(crontab) == installed
    cron.remove(make_job())
    cron.remove(make_job(name="other"))
    assert real_cron.read_table(crontab) == table


def test_a_table_whose_last_line_has_no_end_gets_a_job_and_loses_it_again(
    account: str, crontab: Sequence[str], tmp_path: Path
) -> None:
    """crontab itself refuses such a table, so it is put where cron keeps them."""
    real_cron.write_table(crontab, b"0 1 * * * true\n")
    spool = Path("/var/spool/cron/crontabs") / account
    if not spool.is_file():
        pytest.skip("cron keeps its tables elsewhere on this machine")
    spool.write_bytes(spool.read_bytes().rstrip(b"\n"))
    before = real_cron.read_table(crontab)
    assert before is not None and before.endswith(b"true")
    cron = scheduler(crontab, tmp_path)
    cron.install(make_job())
    cron.remove(make_job())
    assert real_cron.read_table(crontab) in (before, before + b"\n")


def test_an_account_that_may_not_use_cron_is_told_so(
    account: str, crontab: Sequence[str], tmp_path: Path
) -> None:
    deny = Path("/etc/cron.deny")
    if shutil.which("runuser") is None or Path("/etc/cron.allow").exists():
        pytest.skip("needs runuser, and no /etc/cron.allow")
    as_account = scheduler(["runuser", "-u", account, "--", "crontab"], tmp_path)
    before = deny.read_bytes() if deny.exists() else None
    deny.write_bytes((before or b"") + account.encode("ascii") + b"\n")
    try:
        assert "/etc/cron.allow" in (as_account.available() or "")
        with pytest.raises(ScheduleError, match="may not use cron"):
            as_account.install(make_job())
    finally:
        if before is None:
            deny.unlink()
        else:
            deny.write_bytes(before)
    assert as_account.available() is None
    assert real_cron.read_table(crontab) is None


def _length(found: tuple[str, ScheduledJob]) -> int:
    return len(found[0])


def test_the_longest_command_that_we_write_is_one_that_cron_takes(
    crontab: Sequence[str], tmp_path: Path
) -> None:
    """With what is done where Python does not start, and where there is no room for that."""
    jobs = [make_job(folder="/" + "a" * length) for length in range(288)]
    commands = [(command_line(job, Mode.RECENT), job) for job in jobs]
    whole = max((found for found in commands if "--version" in found[0]), key=_length)
    plain = max((found for found in commands if "--version" not in found[0]), key=_length)
    for command, job in whole, plain:
        assert LONGEST_COMMAND - 4 < len(command) <= LONGEST_COMMAND
        scheduler(crontab, tmp_path).install(job)
        assert scheduler(crontab, tmp_path).jobs()[-1].up_to_date


def test_the_daemon_runs_both_entries_with_exactly_their_arguments_and_tells_of_a_program_that_is_gone(
    crontab: Sequence[str], daemon: None, folder: Path, tmp_path: Path
) -> None:
    """The program writes down how it was called; the hourly entry is one whose minute is near. That of another job is gone."""
    program = folder / "python"
    program.write_text(
        '#!/bin/sh\n{ pwd; printf "%s\\0" "$0" "$@"; } >"$0.$$" && mv "$0.$$" "$0.$$.done"\necho noise\necho more >&2\n',
        encoding="utf-8",
    )
    program.chmod(0o755)
    soon = time.localtime(time.time() + 75).tm_min
    jobs = (make_job(str(folder), str(program), f"series{number}") for number in range(100000))
    job = next(job for job in jobs if job.hourly_minute == soon)
    cron = scheduler(crontab, tmp_path)
    cron.install(job)
    parent, log = str(folder.parent), folder.parent / "50% 'log'"
    gone = ScheduledJob(parent + "/python 50%", parent + "/.env", parent, "gone", str(log))
    cron.install(gone)
    wanted = {b"/\n" + b"".join(os.fsencode(word) + b"\0" for word in command) for command in job.commands()}

    calls: set[bytes] = set()
    end = time.monotonic() + FIRES_WITHIN_SECONDS
    while (calls != wanted or not log.exists() or not log.stat().st_size) and time.monotonic() < end:
        time.sleep(0.5)
        calls = {path.read_bytes() for path in folder.glob("python.*.done")}
    assert calls == wanted
    lines = log.read_text(encoding="utf-8").splitlines()
    assert len(lines) in (1, 2), "twice at midnight"
    assert all(re.fullmatch("[0-9TZ:-]{20} ERROR " + re.escape(NOT_STARTED), line) for line in lines)
    cron.remove(job)
    cron.remove(gone)
    assert real_cron.read_table(crontab) is None
