"""What cron runs: the very lines of the crontab in cron's bare environment, and with Debian's cron itself."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Callable, Iterator, Sequence

import pytest
from support.cron import CronUnavailable, daemon, read_table, write_table
from support.dashboard import DashboardStandIn
from support.operator import EVERY_MINUTE, HOURLY, Operator, make_python, run_as_cron
from support.runs import rewrite_env, sizes_of

import ifcbscan
from ifcbscan.demo.sample_bins import write_bin
from ifcbscan.env_file import values_of
from ifcbscan.schedule import crontab_text

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


# --- an upgrade that breaks what cron starts


@dataclass
class Environment:
    """An operator's environment with ifcbscan in it, as a link to the package; `python` is the one that it was made from."""

    folder: Path
    package: Path
    python: Path


def _without_ifcbscan(folder: Path, instead: Path) -> str:
    """A folder of libraries, as links if ifcbscan is installed among them."""
    if not (folder / "ifcbscan").exists():
        return str(folder)
    instead.mkdir()
    for found in folder.iterdir():
        if found.name != "ifcbscan":
            (instead / found.name).symlink_to(found)
    return str(instead)


@pytest.fixture
def environment(operator: Operator, tmp_path: Path) -> Environment:
    """One that a test may break: the program is a copy of a link to this Python, the package a link to this one."""
    package = tmp_path / "site"
    package.mkdir()
    (package / "ifcbscan").symlink_to(Path(ifcbscan.__file__).resolve().parent)
    (libraries,) = (path for path in operator.python.parent.parent.glob("lib/python3*/site-packages/*.pth"))
    others = [
        _without_ifcbscan(Path(folder), tmp_path / f"libraries-{number}")
        for number, folder in enumerate(libraries.read_text(encoding="utf-8").splitlines()[1:])
    ]
    base = tmp_path / "base-python"
    base.symlink_to(os.path.realpath(str(operator.python)))
    python = make_python(tmp_path / "venv 50%", str(package), others)
    python.unlink()
    python.symlink_to(base)
    return Environment(tmp_path / "venv 50%", package / "ifcbscan", base)


def environment_gone(environment: Environment, log: Path) -> None:
    shutil.rmtree(str(environment.folder))


def package_gone(environment: Environment, log: Path) -> None:
    environment.package.unlink()


def python_gone(environment: Environment, log: Path) -> None:
    environment.python.unlink()


def part_of_the_package_gone(environment: Environment, log: Path) -> None:
    environment.package.unlink()
    shutil.copytree(str(Path(ifcbscan.__file__).parent), str(environment.package))
    (environment.package / "cli" / "parser.py").unlink()


NOT_STARTED = r"[0-9-]{10}T[0-9:]{8}Z ERROR " + re.escape(crontab_text.NOT_STARTED)


@pytest.mark.parametrize("s3", ["moto"], indirect=True)
@pytest.mark.parametrize("breaks", [environment_gone, package_gone, python_gone, part_of_the_package_gone])
def test_what_an_upgrade_has_broken_is_told_in_the_log_once_a_day(
    operator: Operator,
    data: Path,
    environment: Environment,
    breaks: Callable[[Environment, Path], None],
) -> None:
    mine = replace(operator, python=environment.folder / "bin" / "python")
    mine.run("start", data, "nauset")
    commands = operator.crontab.commands()
    for command in commands:
        assert run_as_cron(command, operator.home) == 0
    (log,) = state_folder(operator).glob("nauset-*.log")
    before = log.read_text(encoding="utf-8")
    assert "could not be started" not in before
    breaks(environment, log)
    for command in commands * 3:
        assert run_as_cron(command, operator.home) not in (0, 3, 4, 5)
    (line,) = log.read_text(encoding="utf-8")[len(before) :].splitlines()
    assert re.fullmatch(NOT_STARTED, line)


@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_a_log_that_sh_cannot_write_either_mails_nothing(
    operator: Operator, data: Path, environment: Environment
) -> None:
    mine = replace(operator, python=environment.folder / "bin" / "python")
    mine.run("start", data, "nauset", "--no-sync")
    environment_gone(environment, data)
    shutil.rmtree(str(state_folder(operator)))
    for command in operator.crontab.commands():
        assert run_as_cron(command, operator.home) == 127


# --- cron itself


@pytest.fixture
def roots_crontab(tmp_path: Path) -> Iterator[Sequence[str]]:
    """The command for the crontab of root, which is put back at the end; cron runs meanwhile.

    (An account of its own would be better, but could not read the Python of root's tests.)
    """
    if not shutil.which("crontab"):
        pytest.skip("Debian's package cron is not installed")
    command = ["crontab"]
    try:
        with daemon():
            before = read_table(command)
            (tmp_path / "crontab-of-root").write_bytes(before or b"")  # for whoever has to mend it by hand
            try:
                yield command
            finally:
                write_table(command, before)
    except CronUnavailable as reason:
        pytest.skip(f"no cron of root's: {reason}")


@pytest.mark.slow
@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_a_new_user_answers_five_questions_and_cron_does_the_rest(
    s3: Any, operator: Operator, data: Path, env_file: Path, roots_crontab: Sequence[str]
) -> None:
    """From `setup` to the second scan that cron has started, and to `stop`, which leaves the crontab as it was."""
    operator.environment["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin"
    theirs = (
        b'# of somebody else\n MAILTO = ""\nHOME=%s\n15 3 1 1 * /usr/bin/true 50\\%% \xe9\n\n'
        % os.fsencode(str(operator.home))
    )
    write_table(roots_crontab, theirs)
    key = values_of("", env_file.read_text("utf-8"))
    rewrite_env(env_file, AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None, USER_ACCOUNT=None)
    with operator.at_terminal("setup") as terminal:
        for prompt, text in (
            ("Account", "hablab"),
            ("Key id", key["AWS_ACCESS_KEY_ID"]),
            ("Secret key", key["AWS_SECRET_ACCESS_KEY"]),
            ("Folder", str(data)),
            ("  1  nauset\n", "1"),
            ("(ifcbscan start)? [Y/n]", ""),
            ("[a/DAY/n]", "a"),
        ):
            terminal.wait_for(prompt)
            terminal.type(text + "\n")
        assert terminal.end().code == 0
    assert s3.objects() == sizes_of(data.iterdir())

    new_bin(data, 0)
    scheduled = read_table(roots_crontab)
    assert (
        "cron         has run a scan of this folder" in operator.run("check", "--cron", timeout=180.0).stdout
    )
    assert read_table(roots_crontab) == scheduled
    wait_until_sent(s3, data, "the first scan of cron")
    (job,) = json.loads(operator.run("status", "--json").stdout)["jobs"]
    before = job["last_run"]["recent"]
    pid = new_bin(data, 60)
    wait_until_sent(s3, data, "the second scan of cron")

    until = time.monotonic() + 60
    while True:  # the record is written after the bin
        (job,) = json.loads(operator.run("status", "--json").stdout)["jobs"]
        if job["last_run"]["recent"] not in (None, before) and job["last_run"]["recent"]["bins"]["uploaded"]:
            break
        assert time.monotonic() < until, "the scan that sent the bin has left no record"
    assert job["directory"] == str(data) and job["scheduled"] == {"every_minute": True, "hourly": True}
    assert job["last_run"]["recent"]["exit_code"] == 0
    assert job["last_run"]["full"]["bins"]["uploaded"] == 1
    assert pid in Path(job["log_file"]).read_text(encoding="utf-8")

    operator.run("stop", "nauset")
    assert read_table(roots_crontab) == theirs


def new_bin(data: Path, ago: float) -> str:
    """A bin sampled so many seconds ago; returns its pid."""
    pid = time.strftime("D%Y%m%dT%H%M%S_IFCB013", time.gmtime(time.time() - ago))
    write_bin(data / pid[1:5] / pid[:9], pid)
    return pid


def wait_until_sent(s3: Any, data: Path, by: str) -> None:
    bins = sizes_of(path for path in data.rglob("*") if path.is_file())
    until = time.monotonic() + 150
    while s3.objects() != bins:
        assert time.monotonic() < until, f"{by} has not sent the new bin"
        time.sleep(0.5)
