"""What a job is: its name, its commands, and what cannot be one."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ifcbscan.core.bins import Pid
from ifcbscan.core.window import Window
from ifcbscan.errors import UsageError
from ifcbscan.schedule.extras import JobExtras
from ifcbscan.schedule.jobs import Mode, ScheduledJob, parse_command

pytestmark = pytest.mark.windows_core


def make_job(directory: str = "/data/ifcb", time_series: str = "nauset") -> ScheduledJob:
    return ScheduledJob("/opt/venv/bin/python", "/etc/ifcb/.env", directory, time_series, "/log/a.log")


def test_the_two_commands_are_a_recent_and_a_full_scan() -> None:
    begin = [
        "/opt/venv/bin/python",
        "-m",
        "ifcbscan",
        "--once",
        "/data/ifcb",
        "nauset",
        "--env-file",
        "/etc/ifcb/.env",
    ]
    end = ["--quiet", "--log-file", "/log/a.log"]
    assert make_job().commands() == (begin + ["--max-age", "3d", "--time-limit", "5m"] + end, begin + end)


@pytest.mark.parametrize(
    "python, single_file",
    [
        ("/usr/bin/python3", "/opt/100% it's/ifcbscan.pyz"),
        ("C:\\Program Files\\Python311\\python.exe", "D:\\tools\\ifcbscan.pyz"),
    ],
)
@pytest.mark.parametrize("mode", list(Mode))
def test_a_job_of_the_single_file_runs_that_file_and_is_recognised(
    python: str, single_file: str, mode: Mode
) -> None:
    job = ScheduledJob(python, "/etc/.env", "/data/ifcb", "nauset", "/log/a.log", single_file)
    command = job.command(mode)
    assert command[:4] == [python, single_file, "--once", "/data/ifcb"]
    entry = parse_command(["cd", "/", "&&"] + command + [">/dev/null"])
    assert entry is not None and (entry.job, entry.mode) == (job, mode)
    installed = ScheduledJob(python, "/etc/.env", "/data/ifcb", "nauset", "/log/a.log")
    assert installed.id == job.id and installed != job  # so that start --restart replaces one by the other


def test_the_usual_age_of_bins_makes_no_other_job() -> None:
    """Its entries look the same."""
    job = make_job()
    usual = dataclasses.replace(job, extras=JobExtras(max_age="3d"))
    assert usual == job and usual.commands() == job.commands()


def test_a_single_file_needs_its_full_path() -> None:
    with pytest.raises(UsageError, match="not an absolute path"):
        ScheduledJob("/usr/bin/python3", "/e", "/d", "nauset", "/l", "ifcbscan.pyz")


def test_the_command_line_understands_both_commands() -> None:
    from ifcbscan.cli.options import JobArguments, parse, scan_arguments

    for command in make_job().commands():
        words = parse(command[3:])
        assert words.command == "once"
        arguments = scan_arguments(words)
        assert arguments.job == JobArguments("/data/ifcb", "nauset", "/etc/ifcb/.env")
        assert (arguments.output.log_file, arguments.output.quiet) == ("/log/a.log", True)


@pytest.mark.parametrize("mode", list(Mode))
def test_a_command_is_recognised_whatever_stands_around_it(mode: Mode) -> None:
    job = make_job()
    entry = parse_command(["env", "A=1"] + job.command(mode) + ["--exclude", "x", "2>&1"])
    assert entry is not None
    assert (entry.job, entry.mode) == (job, mode)


@pytest.mark.parametrize(
    "gone", ["-m", "ifcbscan", "--once", "--env-file", "--log-file", "/data/ifcb", "/log/a.log"]
)
def test_a_command_with_a_part_missing_is_not_taken_for_ours(gone: str) -> None:
    assert parse_command([word for word in make_job().command(Mode.FULL) if word != gone]) is None


def test_ids_and_minutes_are_the_same_on_every_python_and_system() -> None:
    assert (make_job().id, make_job().hourly_minute) == ("nauset-0ca268487b68", 10)
    # a name that is not in the encoding of its system
    assert make_job(directory="/data/\udcff").id == "nauset-d0d30d0424a7"
    assert make_job(directory="D:\\IFCB data").id == "nauset-43278b4b1db4"


def test_the_hourly_minutes_of_many_jobs_are_spread_over_the_hour() -> None:
    minutes = [make_job(time_series=f"series{number}").hourly_minute for number in range(1200)]
    assert set(minutes) == set(range(60))
    assert max(minutes.count(minute) for minute in range(60)) < 60  # 20 each on average


def test_windows_folders_that_differ_in_case_only_are_one_job() -> None:
    assert make_job(directory="D:\\Data").id == make_job(directory="d:/data").id
    assert make_job(directory="/Data").id != make_job(directory="/data").id


@pytest.mark.parametrize("path", ["/a\nb", "/a\0b", "relative/path", "", "C:relative"])
@pytest.mark.parametrize("field", ["python", "env_file", "directory", "log_file"])
def test_a_path_that_no_schedule_can_hold_is_refused(field: str, path: str) -> None:
    fields = dict(make_job().__dict__, **{field: path})
    with pytest.raises(UsageError, match="Nothing was installed"):
        ScheduledJob(**fields)


@pytest.mark.parametrize("name", ["-v", "a b", "", "x" * 54])
def test_a_time_series_that_would_not_arrive_as_such_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        make_job(time_series=name)


def test_a_job_whose_time_series_is_refused_by_now_is_still_found_to_be_ended() -> None:
    job = make_job(time_series="beads")
    entry = parse_command(job.command(Mode.RECENT))
    assert entry is not None and entry.job == job


_WITHOUT_STREAMS = """
import os, sys
sys.stdout = sys.stderr = None
from ifcbscan.cli.main import main
os._exit(main(sys.argv[1:]))
"""


def test_the_commands_work_without_a_console_as_under_pythonw(
    tmp_path: Path, cli_environment: dict[str, str]
) -> None:
    """A bin that is not complete, so that no bucket is asked."""
    data, env, log = tmp_path / "data", tmp_path / ".env", tmp_path / "log"
    data.mkdir()
    (data / f"{time.strftime('D%Y%m%dT%H%M%S', time.gmtime())}_IFCB013.hdr").write_bytes(b"x")
    env.write_text("AWS_ACCESS_KEY_ID=a\nAWS_SECRET_ACCESS_KEY=b\nUSER_ACCOUNT=hablab\n", encoding="utf-8")
    env.chmod(0o600)
    job = ScheduledJob(sys.executable, str(env), str(data), "nauset", str(log))
    for command in job.commands():
        done = subprocess.run(
            [sys.executable, "-c", _WITHOUT_STREAMS] + command[3:],
            env=cli_environment,
            stdin=subprocess.DEVNULL,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, log.read_text(encoding="utf-8")


@pytest.mark.parametrize("mode", list(Mode))
def test_a_window_is_part_of_both_commands_and_is_read_back(mode: Mode) -> None:
    window = Window(since=1780272000.0, instruments=frozenset([10, 13]))
    job = dataclasses.replace(make_job(), window=window)
    command = job.command(mode)
    at = command.index("--since")
    assert command[at : at + 4] == ["--since", "2026-06-01T00:00:00Z", "--instrument", "10,13"]
    entry = parse_command(command)
    assert entry is not None and entry.job == job
    assert job.id == make_job().id and job != make_job()


@pytest.mark.parametrize(
    "words",
    [
        ["--since", "now"],
        ["--until", "soon"],
        ["--instrument"],
        ["--since=2026-06-01T00:00:00+02:00"],
        ["--inst", "IFCB013,"],
    ],
)
def test_a_window_that_no_scan_takes_hides_no_job_and_holds_no_bin(words: list[str]) -> None:
    entry = parse_command(make_job().command(Mode.FULL) + words)
    assert entry is not None and entry.job.id == make_job().id
    assert not entry.job.window.understood
    assert not entry.job.window.holds(Pid("D20260601T000000_IFCB013"))
    assert entry.job.window.overlaps(Window(since=1e9)) and Window(until=1.0).overlaps(entry.job.window)
    assert str(entry.job.window) == "a window that cannot be understood"
    assert entry.job.command(Mode.FULL) != make_job().command(Mode.FULL) + words


@pytest.mark.parametrize(
    "words",
    [
        ["--since=2026-06-01"],
        ["--sin", "2026-06-01"],
        ["--since", "2020-01-01", "--since", "2026-06-01"],
        ["--settle", "5", "--since", "2026-06-01"],
    ],
)
def test_a_window_is_read_back_as_the_command_line_reads_it(words: list[str]) -> None:
    entry = parse_command(make_job().command(Mode.FULL) + words)
    assert entry is not None and entry.job.window == Window(since=1780272000.0)
