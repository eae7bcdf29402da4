"""`start` and `stop`: from a subprocess, with a real S3 server, a dashboard over HTTP and a crontab that is a file."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Iterator

import filelock
import pytest
from support.dashboard import Behaviour, DashboardStandIn
from support.operator import EVERY_MINUTE, HOURLY, Operator, run_as_cron, start_as_cron
from support.runs import end, rewrite_env, sizes_of, snapshot
from support.scripted import Act, ScriptedServer

from ifcbscan.demo.sample_bins import write_bin
from ifcbscan.disk.mounts import mount_point_of
from ifcbscan.schedule.crontab_text import with_job

pytestmark = pytest.mark.parametrize("s3", ["moto"], indirect=True)

PID = "D20130526T095207_IFCB013"
LATER_PID = "D20130527T095207_IFCB013"
THEIRS = b'MAILTO=""\n# nightly\n15 3 * * * /usr/bin/true 50\\% \xe9\n'
NASTY = "50% of 'it'  \"all\" \\ $HOME \u00e9"


@pytest.fixture
def data(operator: Operator, dashboard: DashboardStandIn) -> Path:
    """A folder with one bin, whose name nothing between here and the shell of cron should change."""
    folder = operator.folder / NASTY
    write_bin(folder, PID, mtime=1.0)
    return folder


class Gate:
    """Stands before the S3 server; while it is shut, whoever sends a file waits for the answer."""

    def __init__(self, upstream: str) -> None:
        self.opened = threading.Event()
        self.server = ScriptedServer(upstream=upstream, watcher=self._watch)

    def _watch(self, request: Any) -> None:
        if request.kind == "put":
            self.opened.wait(60)


@pytest.fixture
def gate(s3: Any, env_file: Path) -> Iterator[Gate]:
    """A shut gate, which the `.env` file names in the place of the S3 server."""
    shut = Gate(s3.endpoint)
    with shut.server as server:
        rewrite_env(env_file, S3_ENDPOINT_URL=server.endpoint)
        yield shut
        shut.opened.set()


def state_folder(operator: Operator) -> Path:
    return operator.home / ".local" / "state" / "ifcbscan"


def the_lock(operator: Operator, mode: str) -> Path:
    (path,) = state_folder(operator).glob(f"nauset-*-{mode}.lock")
    return path


def written_bin(operator: Operator, name: str) -> Path:
    write_bin(operator.folder / name, PID, mtime=1.0)
    return operator.folder / name


# --- start


def test_start_installs_two_entries_and_sends_what_is_there(
    s3: Any, operator: Operator, data: Path, env_file: Path
) -> None:
    before = snapshot(data)
    done = operator.run("start", data, "nauset")
    (every_minute,) = operator.crontab.commands(EVERY_MINUTE)
    (hourly,) = operator.crontab.commands(HOURLY)
    assert "--max-age 3d --time-limit 5m" in every_minute and "--max-age" not in hourly
    log = str(next(state_folder(operator).glob("nauset-*.log")))
    for command in every_minute, hourly:
        words = shlex.split(command)
        assert words[4:9] == [str(operator.python), "-m", "ifcbscan", "--once", str(data)]
        for path in (str(env_file), log):
            assert path in words
    for text in (str(data), str(env_file), log, "status", "stop"):
        assert text in done.stderr
    assert done.stdout == ""
    assert s3.objects() == sizes_of(data.iterdir())
    assert snapshot(data) == before


@pytest.mark.parametrize("name", ["nauset.2026", "hablab.json"])
def test_a_time_series_with_a_point_is_started_run_by_cron_shown_and_stopped(
    s3: Any, operator: Operator, dashboard: DashboardStandIn, data: Path, name: str
) -> None:
    dashboard.teams["hablab"].append(name)
    started = operator.run("start", data, name)
    assert ("Please note: The name 'hablab.json' begins" in started.stderr) == name.startswith("hablab")
    assert s3.objects() == sizes_of(data.iterdir(), f"hablab/{name}/")
    write_bin(data, LATER_PID, mtime=1.0)
    (command,) = operator.crontab.commands(HOURLY)
    assert run_as_cron(command, operator.home) == 0
    assert s3.objects() == sizes_of(data.iterdir(), f"hablab/{name}/")
    (shown,) = json.loads(operator.run("status", "--json").stdout)["jobs"]
    assert shown["time_series"] == name and shown["last_run"]["full"]["exit_code"] == 0
    operator.run("stop", name)
    assert operator.crontab.text is None


@pytest.mark.parametrize("table", [None, THEIRS, THEIRS[:-1]])
def test_stop_leaves_the_crontab_byte_for_byte_as_it_was_before_start(
    operator: Operator, data: Path, table: bytes | None
) -> None:
    if table is not None:
        operator.crontab.table.write_bytes(table)
    operator.run("start", data, "nauset", "--no-sync")
    assert operator.crontab.text is not None and operator.crontab.text.startswith(table or b"")
    operator.run("stop", data)
    # The crontab program of Debian takes no table whose last line has no end.
    assert operator.crontab.text == (THEIRS if table == THEIRS[:-1] else table)


def test_a_lock_that_cannot_be_had_is_no_reason_not_to_schedule(operator: Operator, data: Path) -> None:
    (state_folder(operator) / "crontab.lock").mkdir(parents=True)
    operator.run("start", data, "nauset", "--no-sync")
    assert len(operator.crontab.commands()) == 2
    operator.run("stop", "nauset")
    assert operator.crontab.text is None


def test_starting_twice_changes_nothing(operator: Operator, data: Path) -> None:
    operator.run("start", data, "nauset", "--no-sync")
    table, changes = operator.crontab.text, operator.crontab.changes
    done = operator.run("start", data, "nauset", "--no-sync")
    assert (operator.crontab.text, operator.crontab.changes) == (table, changes)
    assert "Already scheduled" in done.stderr and "Nothing was changed" in done.stderr


def test_start_works_from_any_folder_and_writes_absolute_paths(operator: Operator, data: Path) -> None:
    operator.run("start", ".", "nauset", "--no-sync", "--env-file", "../.env", folder=data)
    done = operator.run("start", data, "nauset", "--no-sync")
    assert "Already scheduled" in done.stderr and operator.crontab.changes == 1


def test_print_shows_what_would_be_installed_and_installs_nothing(
    operator: Operator, data: Path, env_file: Path
) -> None:
    operator.run("start", data, "nauset", "--no-sync")
    installed = operator.crontab.text
    assert installed is not None
    rewrite_env(env_file, S3_ENDPOINT_URL="http://127.0.0.1:9")  # neither a bucket nor cron is needed
    done = operator.run("start", data, "nauset", "--print", PATH="/nonexistent")
    assert done.stderr == ""
    lines = os.fsdecode(installed).splitlines()
    assert done.stdout.splitlines() == [line for line in lines if "no crontab before" not in line]
    assert operator.crontab.changes == 1


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--restart"],
        ["--restart", "--expect-every", "5h"],
        ["--restart", "--until", "2100-01-01"],
        ["--expect-every", "5h"],
        ["--until", "2100-01-01"],
        ["--max-age", "10d", "--since", "2013-01-01"],
    ],
)
def test_print_of_a_scheduled_job_shows_what_start_would_make_of_it(
    s3: Any, operator: Operator, data: Path, words: list[str]
) -> None:
    more = ["--max-age", "10d", "--bandwidth", "80M", "--since", "2013-01-01"]
    operator.run("start", data, "nauset", *more, "--no-sync", "--yes")
    before = operator.crontab.text
    printed = operator.run("start", data, "nauset", *words, "--print", code=None)
    assert operator.crontab.text == before
    done = operator.run("start", data, "nauset", *words, "--no-sync", "--yes", code=None)
    assert printed.code == done.code
    if done.code:
        assert printed.stderr == done.stderr and printed.stdout == "" and "Already scheduled" in done.stderr
        return
    assert printed.stderr == ""
    (block,) = (text.decode() for text in [operator.crontab.text or b""])
    lines = [line for line in block.splitlines() if "no crontab before" not in line]
    assert printed.stdout.splitlines() == lines
    assert "80M" in printed.stdout and "--since" in printed.stdout


def test_print_of_a_job_that_start_leaves_as_it_is_shows_that(
    s3: Any, operator: Operator, data: Path
) -> None:
    job = replace(operator.schedule(data), env_file=str(operator.folder / "other.env"))
    operator.crontab.table.write_bytes(with_job(None, job))
    printed = operator.run("start", data, "nauset", "--print")
    assert "Already scheduled" in printed.stderr and f"with {job.env_file}." in printed.stderr
    assert str(job.env_file) in printed.stdout
    printed = operator.run("start", data, "nauset", "--restart", "--print")
    assert printed.stderr == "" and str(job.env_file) not in printed.stdout


def test_print_says_which_folder_would_be_replaced_and_refuses_a_rival(
    s3: Any, operator: Operator, data: Path
) -> None:
    old = operator.folder / "old"
    old.mkdir()
    operator.schedule(old)
    before = operator.crontab.text
    printed = operator.run("start", data, "nauset", "--restart", "--print")
    assert printed.stderr == f"Note: {old} to nauset would be removed from cron.\n"
    assert '"all"' in printed.stdout and str(old) not in printed.stdout
    refused = operator.run("start", old, "salt_pond", "--print", code=2)
    assert "is also sent to nauset" in refused.stderr and refused.stdout == ""
    assert operator.crontab.text == before


# --- start: the checks


def no_env_file(operator: Operator, env_file: Path) -> None:
    env_file.unlink()


def placeholders(operator: Operator, env_file: Path) -> None:
    rewrite_env(env_file, AWS_ACCESS_KEY_ID="your-access-key-id")


def no_such_bucket(operator: Operator, env_file: Path) -> None:
    rewrite_env(env_file, BUCKET_NAME="no.such.bucket")


def not_permitted(operator: Operator, env_file: Path) -> None:
    operator.crontab.forbid()


def no_crontab_program(operator: Operator, env_file: Path) -> None:
    operator.environment["PATH"] = "/nonexistent"


def a_damaged_block(operator: Operator, env_file: Path) -> None:
    operator.crontab.table.write_bytes(THEIRS + b"# BEGIN ifcbscan\n")


@pytest.mark.parametrize(
    "prepare, said",
    [
        (no_env_file, ["No .env file found", "ifcbscan setup"]),
        (placeholders, ["placeholder for AWS_ACCESS_KEY_ID"]),
        (no_such_bucket, ["NoSuchBucket", "Check BUCKET_NAME"]),
        (not_permitted, ["You may not use cron", "/etc/cron.allow", "Nothing was installed."]),
        (no_crontab_program, ["cron is not installed", "apt install cron", "Nothing was installed."]),
        (a_damaged_block, ["damaged", "crontab -e"]),
    ],
)
def test_a_check_that_fails_installs_nothing(
    s3: Any,
    operator: Operator,
    data: Path,
    env_file: Path,
    prepare: Callable[[Operator, Path], None],
    said: list[str],
) -> None:
    prepare(operator, env_file)
    before = operator.crontab.text
    done = operator.run("start", data, "nauset", code=2)
    assert len(done.stderr.splitlines()) == 1
    for text in said:
        assert text in done.stderr
    assert operator.crontab.text == before and operator.crontab.changes == 0
    assert s3.objects() == {}


@pytest.mark.parametrize(
    "folder, time_series, said",
    [
        ("missing", "nauset", "cannot be read: No such file or directory"),
        (".env", "nauset", "cannot be read: Not a directory"),
        ("broken\nname", "nauset", "has a line break in it"),
        ("x" * 240 + "/" + "y" * 240 + "/" + "z" * 240, "nauset", "symbolic link with a short name"),
        ("good", "salt pond", "1 to 53 of the characters"),
        ("good", "beads", "archive deletes every file"),
        ("good", "-nauset", "begins with a hyphen"),
    ],
)
def test_what_cannot_be_scheduled_installs_nothing(
    s3: Any, operator: Operator, dashboard: DashboardStandIn, folder: str, time_series: str, said: str
) -> None:
    if folder not in ("missing", ".env"):
        (operator.folder / folder).mkdir(parents=True)
    dashboard.teams["hablab"].append(time_series)
    done = operator.run("start", "--", operator.folder / folder, time_series, code=2)
    assert said in done.stderr and len(done.stderr.splitlines()) == 1
    assert operator.crontab.changes == 0


NOWHERE = "http://127.0.0.1:9"  # nothing answers there


def test_a_bucket_that_cannot_be_reached_installs_nothing_and_no_later_run_is_promised(
    operator: Operator, data: Path, env_file: Path
) -> None:
    rewrite_env(env_file, S3_ENDPOINT_URL=NOWHERE)
    (line,) = operator.run("start", data, "nauset", code=5).stderr.splitlines()
    assert line.startswith("ifcbscan: Nothing was installed. The bucket ")
    assert "could not be reached" in line and "later run" not in line
    assert line.endswith(
        " Please check the network if this lasts. 'ifcbscan start' with --force installs it without asking the archive "
        "and the dashboard."
    )
    assert operator.crontab.changes == 0


def test_a_job_that_is_scheduled_stays_so_while_the_bucket_cannot_be_reached(
    operator: Operator, data: Path, env_file: Path
) -> None:
    operator.schedule(data)
    before = operator.crontab.text
    rewrite_env(env_file, S3_ENDPOINT_URL=NOWHERE)
    for words in ([], ["--restart"]):
        (line,) = operator.run("start", data, "nauset", *words, code=5).stderr.splitlines()
        assert line.startswith(
            f"ifcbscan: {data} is scheduled for nauset already, and stays so: nothing was changed, and nothing is sent now. The bucket "
        )
        assert line.endswith(
            " The schedule sends what is missing as soon as the archive can be reached. 'ifcbscan start' with --force goes on "
            "without asking the archive and the dashboard."
        )
    assert operator.crontab.text == before


def test_force_installs_without_a_network_and_says_what_could_not_be_asked(
    s3: Any, operator: Operator, data: Path, env_file: Path
) -> None:
    rewrite_env(env_file, S3_ENDPOINT_URL=NOWHERE)
    lines = operator.run("start", data, "nauset", "--force").stderr.splitlines()
    assert lines[0].startswith("Note: The bucket ") and "later run" not in lines[0]
    assert lines[0].endswith(
        " So nobody could be asked whether the key is right, whether the dashboard knows 'nauset', and what the archive has "
        "already. Going on all the same (--force); the first scan that reaches the archive asks, and 'ifcbscan check' does."
    )
    assert lines[1] == f"Found in {data}: 1 complete bin."
    assert (
        lines[-1]
        == "Nothing is sent now; the schedule sends what is there as soon as the archive can be reached."
    )
    assert len(operator.crontab.commands()) == 2
    rewrite_env(env_file, S3_ENDPOINT_URL=s3.endpoint)
    (hourly,) = operator.crontab.commands(HOURLY)
    assert run_as_cron(hourly, operator.home) == 0
    assert s3.objects() == sizes_of(data.iterdir())


@pytest.mark.parametrize(
    "words, said",
    [
        (["--max-age", "soon"], "--max-age: 'soon' is no duration"),
        (["--max-age", "10"], "--max-age: '10' would be seconds; give a unit"),
        (["--expect-every", "0"], "--expect-every: '0' is no time in which something can be expected"),
        (["--bandwidth", "fast"], "--bandwidth: 'fast' is no rate"),
        (["--max-daily", "much"], "--max-daily: 'much' is no size; write bytes a day as 500M or 1G, or off."),
        (
            ["--ping", "hc.example/x"],
            "--ping: 'hc.example/x' is no address that can be called; it begins with https:",
        ),
        (["--metrics-dir", "none"], "--metrics-dir: there is no folder "),
        (["--ping", "https://x/\n"], "--ping: 'https://x/\\n' cannot be written into a schedule."),
    ],
)
def test_an_option_that_no_scan_would_take_installs_nothing(
    operator: Operator, data: Path, words: list[str], said: str
) -> None:
    (line,) = operator.run("start", data, "nauset", "--force", *words, code=2).stderr.splitlines()
    assert said in line
    assert operator.crontab.changes == 0


# --- start: what the scans are given besides


ALL = [
    "--max-age",
    "10d",
    "--expect-every",
    "9000d",
    "--bandwidth",
    "80M",
    "--ping",
    f"{NOWHERE}/{{time_series}}",
]


def test_what_a_job_is_started_with_is_printed_installed_used_and_kept(
    s3: Any, operator: Operator, data: Path
) -> None:
    metrics = operator.folder / "metrics"
    metrics.mkdir()
    options = [*ALL, "--metrics-dir", "metrics"]
    printed = operator.run("start", data, "nauset", *options, "--print").stdout
    wanted = [*ALL[2:], "--metrics-dir", str(metrics)]
    done = operator.run("start", data, "nauset", *options, "--no-sync")
    assert (
        "  options        every minute bins up to 10d old; a new bin expected every 9000d; at most 80M bytes a second; "
        in (done.stderr)
    )
    assert (
        "Note: the address of the monitor stands in the schedule, and while a scan runs everybody on this computer can see it. "
        "PING_URL in the .env file is the safer place." in done.stderr.splitlines()
    )
    assert set(printed.splitlines()) <= set(os.fsdecode(operator.crontab.text or b"").splitlines())
    (every_minute,) = operator.crontab.commands(EVERY_MINUTE)
    (hourly,) = operator.crontab.commands(HOURLY)
    place = mount_point_of(str(data))
    mounted = [] if place is None else ["--mounted-at", place]
    for command, age in ((every_minute, ["--max-age", "10d", "--time-limit", "5m"]), (hourly, [])):
        words = shlex.split(command)
        words = words[words.index("--env-file") + 2 : words.index("--quiet")]
        assert words == age + mounted + wanted
    before = operator.crontab.text
    for again in ([], ["--bandwidth", "80M"]):  # what is not named stays
        assert "Nothing was changed" in operator.run("start", data, "nauset", "--no-sync", *again).stderr
        assert operator.crontab.text == before
    refused = operator.run("start", data, "nauset", "--no-sync", "--bandwidth", "1M", code=2)
    (line,) = refused.stderr.splitlines()
    assert f"Already scheduled: {data} to nauset, with every minute bins up to 10d old; a new bin" in line
    assert line.endswith("Nothing was changed, and nothing was sent; --restart replaces what you name of it.")
    assert operator.crontab.text == before
    operator.run("start", data, "nauset", "--no-sync", "--bandwidth", "1M", "--restart")
    assert operator.crontab.text == (before or b"").replace(b"--bandwidth 80M", b"--bandwidth 1M")


def test_entries_of_an_earlier_version_are_brought_up_to_date_by_the_same_start(
    operator: Operator, data: Path
) -> None:
    operator.run("start", data, "nauset", "--no-sync")
    now = operator.crontab.text or b""
    earlier = re.sub(rb"&& \{ (.*) \|\| \{ r=.*; \} >/dev/null", rb"&& \1 >/dev/null", now)
    assert earlier != now and b"--version" not in earlier
    operator.crontab.table.write_bytes(earlier)
    status = operator.run("status").stdout
    assert "; installed by an earlier version; the same 'ifcbscan start' again brings it up to date" in status
    done = operator.run("start", data, "nauset", "--no-sync")
    assert (
        f"Already scheduled: {data} to nauset. Its entries were of an earlier version, or of the time before the disk was "
        "mounted there; now they are up to date." in done.stderr.splitlines()
    )
    assert operator.crontab.text == now


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk, mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no root, so no disk can be mounted")
    yield place
    while os.path.ismount(str(place)):
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def unmount(place: Path) -> None:
    subprocess.run(["umount", str(place)], check=True)


def test_where_the_disk_is_mounted_is_part_of_the_job_and_stays_while_it_is_not(
    operator: Operator, dashboard: DashboardStandIn, disk: Path
) -> None:
    folder = disk / "data"
    write_bin(folder, PID, mtime=1.0)
    operator.run("start", folder, "nauset", "--no-sync")
    before = operator.crontab.text
    for command in operator.crontab.commands():
        assert f" --mounted-at {disk} " in command
    unmount(disk)
    folder.mkdir()
    assert "Nothing was changed" in operator.run("start", folder, "nauset", "--no-sync").stderr
    assert operator.crontab.text == before
    done = operator.run("start", folder, "nauset", "--no-sync", "--restart")
    assert f"until now the job was for the disk mounted at {disk}. None is mounted there now" in done.stderr
    for command in operator.crontab.commands():
        assert f" --mounted-at {disk} " not in command


def test_a_disk_that_was_mounted_later_is_taken_over_by_the_same_start(
    operator: Operator, dashboard: DashboardStandIn, disk: Path
) -> None:
    folder = disk / "data"
    write_bin(folder, PID, mtime=1.0)
    operator.run("start", folder, "nauset", "--no-sync")
    mounted = operator.crontab.text or b""
    operator.crontab.table.write_bytes(mounted.replace(b" --mounted-at " + os.fsencode(str(disk)), b""))
    done = operator.run("start", folder, "nauset", "--no-sync")
    assert "now they are up to date." in done.stderr
    assert operator.crontab.text == mounted


def test_system_is_only_for_windows(operator: Operator, data: Path) -> None:
    done = operator.run("start", data, "nauset", "--system", code=2)
    assert "--system is for Windows" in done.stderr
    assert operator.crontab.changes == 0


# --- start: a time series that nobody knows


def test_without_a_terminal_a_new_time_series_is_refused_with_where_to_create_it(
    s3: Any, operator: Operator, data: Path, dashboard: DashboardStandIn
) -> None:
    done = operator.run("start", data, "naust", code=2)
    for text in ("'naust'", "It knows nauset.", "Nothing was installed.", dashboard.url, "--force"):
        assert text in done.stderr
    assert operator.crontab.changes == 0 and s3.objects() == {}


def test_force_installs_and_sends_into_a_new_time_series(s3: Any, operator: Operator, data: Path) -> None:
    done = operator.run("start", data, "naust", "--force")
    assert "does not know a time series 'naust'" in done.stderr
    assert len(operator.crontab.commands()) == 2
    assert s3.objects() == sizes_of(data.iterdir(), "hablab/naust/")


def test_on_a_terminal_yes_installs_and_sends(s3: Any, operator: Operator, data: Path) -> None:
    with operator.at_terminal("start", data, "naust", "--yes") as terminal:
        terminal.wait_for("[y/N]")
        assert "'naust'" in terminal.screen and "create it for 'hablab'" in terminal.screen
        assert operator.crontab.changes == 0
        terminal.type("y\n")
        done = terminal.end()
    assert done.code == 0, done.stderr
    assert len(operator.crontab.commands()) == 2
    assert s3.objects() == sizes_of(data.iterdir(), "hablab/naust/")


@pytest.mark.parametrize("answer, code", [("n\n", 2), ("\n", 2), ("\udcff\n", 2), ("\x04", 2), ("\x03", 130)])
def test_on_a_terminal_anything_else_installs_nothing(
    s3: Any, operator: Operator, data: Path, answer: str, code: int
) -> None:
    with operator.at_terminal("start", data, "naust") as terminal:
        terminal.wait_for("[y/N]")
        if answer == "\x03":
            done = terminal.interrupt()
        else:
            terminal.type(answer)
            done = terminal.end()
    assert done.code == code and "Nothing was installed." in done.stderr
    assert operator.crontab.changes == 0 and s3.objects() == {}


def test_a_known_time_series_asks_no_question(s3: Any, operator: Operator, data: Path) -> None:
    with operator.at_terminal("start", data, "nauset", "--yes") as terminal:
        done = terminal.end()
    assert done.code == 0 and "[y/N]" not in done.stderr
    assert s3.objects() == sizes_of(data.iterdir())


@pytest.mark.parametrize("how", [Behaviour.CLOSE, Behaviour.HTML])
def test_where_the_dashboard_does_not_answer_the_bucket_is_asked(
    s3: Any, operator: Operator, data: Path, dashboard: DashboardStandIn, how: Behaviour
) -> None:
    dashboard.behaviour["/api/"] = how
    done = operator.run("start", data, "nauset", "--no-sync", code=2)
    assert dashboard.url in done.stderr and "The archive has no file of 'nauset'" in done.stderr
    assert operator.crontab.changes == 0
    s3.client.put_object(Bucket=s3.bucket, Key="hablab/nauset/2013/x.adc", Body=b"x")
    done = operator.run("start", data, "nauset", "--no-sync")
    assert dashboard.url in done.stderr and "The archive has files of 'nauset'" in done.stderr
    assert len(operator.crontab.commands()) == 2


# --- start: more than one job


def test_one_time_series_from_two_folders_and_two_from_one_folder_are_jobs_of_their_own(
    operator: Operator, dashboard: DashboardStandIn
) -> None:
    dashboard.teams["hablab"].append("salt_pond")
    a, b = written_bin(operator, "a"), written_bin(operator, "b")
    operator.schedule(a)
    done = operator.run("start", b, "nauset", "--no-sync")
    assert f"also fed from {a}" in done.stderr and f"'ifcbscan stop {b}' ends it" in done.stderr
    operator.run("start", a, "salt_pond", "--no-sync", "--force")
    assert len(operator.crontab.commands(EVERY_MINUTE)) == len(operator.crontab.commands(HOURLY)) == 3
    done = operator.run("stop", "nauset")  # both folders of it
    assert str(a) in done.stderr and str(b) in done.stderr
    assert all(" salt_pond " in command for command in operator.crontab.commands())
    assert len(operator.crontab.commands()) == 2


def test_stop_with_a_folder_ends_all_its_time_series_and_no_other_folder(operator: Operator) -> None:
    a, b = written_bin(operator, "a"), written_bin(operator, "b")
    for folder, time_series in ((a, "nauset"), (a, "salt_pond"), (b, "nauset")):
        operator.schedule(folder, time_series)
    (operator.folder / "link").symlink_to(a)
    operator.run("stop", "link/")  # relative, and by another name
    assert len(operator.crontab.commands()) == 2
    assert all(str(b) in command for command in operator.crontab.commands())


def test_restart_replaces_the_folder(operator: Operator, data: Path) -> None:
    other = written_bin(operator, "other")
    operator.schedule(data)
    done = operator.run("start", other, "nauset", "--no-sync", "--restart")
    assert f"Removed from cron: {data}" in done.stderr
    assert len(operator.crontab.commands()) == 2
    assert all(f" {other} " in command for command in operator.crontab.commands())


def test_other_settings_are_taken_over_only_with_restart(
    operator: Operator, data: Path, env_file: Path
) -> None:
    other = operator.folder / "other.env"
    other.write_bytes(env_file.read_bytes())
    other.chmod(0o600)
    operator.run("start", data, "nauset", "--no-sync")
    before = operator.crontab.text
    done = operator.run("start", data, "nauset", "--no-sync", "--env-file", other)
    assert operator.crontab.text == before and "--restart" in done.stderr
    operator.run("start", data, "nauset", "--no-sync", "--env-file", other, "--restart")
    assert len(operator.crontab.commands()) == 2
    assert all(f"--env-file {other} " in command for command in operator.crontab.commands())


def test_the_age_of_bins_can_be_set_and_be_made_the_usual_one_again(operator: Operator, data: Path) -> None:
    for age in ("10d", "3d"):
        operator.run("start", data, "nauset", "--no-sync", "--restart", "--max-age", age)
        (every_minute,) = operator.crontab.commands(EVERY_MINUTE)
        assert f"--max-age {age} " in every_minute


def test_a_job_whose_python_is_gone_is_not_said_to_be_sent(operator: Operator, data: Path) -> None:
    operator.run("start", data, "nauset", "--no-sync")
    gone = operator.crontab.table.read_bytes().replace(os.fsencode(str(operator.python)), b"/gone/bin/python")
    operator.crontab.table.write_bytes(gone)
    done = operator.run("start", data, "nauset", "--no-sync", code=2)
    assert "cannot be started" in done.stderr and "Nothing of it is sent by itself." in done.stderr
    operator.run("start", data, "nauset", "--no-sync", "--restart")
    assert operator.crontab.text != gone


def test_an_option_of_an_edited_entry_that_no_scan_takes_is_told_and_put_right(
    operator: Operator, data: Path, cron_service: None
) -> None:
    operator.run("start", data, "nauset", "--no-sync")
    operator.crontab.table.write_bytes(
        operator.crontab.table.read_bytes().replace(b"--max-age 3d", b"--max-age 3x")
    )
    checked = operator.run("check", data, "nauset", code=2)
    assert "NOT  schedule" in checked.stdout and "'3x' is no duration" in checked.stdout
    for words in ([], ["--restart"]):
        done = operator.run("start", data, "nauset", "--no-sync", *words, code=2)
        assert "'3x' is no duration" in done.stderr and "Nothing was changed." in done.stderr
    operator.run("start", data, "nauset", "--no-sync", "--restart", "--max-age", "3d")
    (every_minute,) = operator.crontab.commands(EVERY_MINUTE)
    assert "--max-age 3d " in every_minute


def test_a_damaged_block_of_the_crontab_is_red_in_check(
    operator: Operator, data: Path, cron_service: None
) -> None:
    operator.run("start", data, "nauset", "--no-sync")
    operator.crontab.table.write_bytes(operator.crontab.table.read_bytes().replace(b"# END ifcbscan\n", b""))
    checked = operator.run("check", data, "nauset", code=2)
    assert re.search("^NOT  schedule .*block of your crontab is damaged", checked.stdout, re.MULTILINE)


def test_restart_of_one_of_two_folders_leaves_the_other_alone(operator: Operator, data: Path) -> None:
    other = written_bin(operator, "other")
    for folder in data, other:
        operator.schedule(folder)
    operator.run("start", other, "nauset", "--no-sync", "--restart")
    commands = operator.crontab.commands()
    assert len(commands) == 4 and sum(f" {other} " in command for command in commands) == 2
    # and which of the two a third one is to replace, nobody can know
    third = written_bin(operator, "third")
    done = operator.run("start", third, "nauset", "--no-sync", "--restart", code=2)
    assert operator.crontab.commands() == commands
    assert str(data) in done.stderr and str(other) in done.stderr and "ifcbscan stop" in done.stderr


def test_a_restart_that_is_not_possible_keeps_the_old_schedule(operator: Operator, data: Path) -> None:
    operator.schedule(data)
    before = operator.crontab.text
    long = operator.folder / ("x" * 240) / ("y" * 240) / ("z" * 240)
    long.mkdir(parents=True)
    operator.run("start", long, "nauset", "--no-sync", "--restart", code=2)
    assert operator.crontab.text == before


def test_start_completes_a_job_of_which_half_is_missing(operator: Operator, data: Path) -> None:
    operator.run("start", data, "nauset", "--no-sync")
    whole = operator.crontab.text
    assert whole is not None
    operator.crontab.table.write_bytes(
        b"".join(line for line in whole.splitlines(True) if not line.startswith(b"* *"))
    )
    operator.run("start", data, "nauset", "--no-sync")
    assert operator.crontab.text == whole


# --- two scans at once


def test_the_hourly_scan_does_not_lock_out_the_every_minute_scan_but_a_second_hourly_one(
    s3: Any, operator: Operator, data: Path, gate: Gate
) -> None:
    operator.schedule(data)
    (hourly,) = operator.crontab.commands(HOURLY)
    (every_minute,) = operator.crontab.commands(EVERY_MINUTE)
    under_way = start_as_cron(hourly, operator.home)
    gate.server.wait_for("put")
    assert run_as_cron(every_minute, operator.home) == 0
    assert run_as_cron(hourly, operator.home) == 4
    gate.opened.set()
    assert end(under_way)[0] == 0
    assert s3.objects() == sizes_of(data.iterdir())


# --- the first sync


@pytest.mark.parametrize("moment", ["list", "put"])
def test_interrupting_the_first_sync_says_that_the_schedule_carries_on(
    s3: Any, operator: Operator, data: Path, env_file: Path, moment: str
) -> None:
    asked_first = [Act.FORWARD]  # start's own question to the bucket
    until_put = [Act.FORWARD] * (0 if moment == "list" else 1)
    with ScriptedServer(asked_first + until_put, then=Act.STALL, upstream=s3.endpoint) as server:
        rewrite_env(env_file, S3_ENDPOINT_URL=server.endpoint)
        process = operator.start("start", data, "nauset")
        server.wait_for(moment, 2 if moment == "list" else 1)
        process.send_signal(signal.SIGINT)
        code, _, stderr = end(process)
    assert code == 130
    assert "Nothing is lost: the schedule carries on" in stderr
    assert len(operator.crontab.commands()) == 2


def test_where_a_scan_is_under_way_already_start_leaves_the_sending_to_it(
    s3: Any, operator: Operator, data: Path, gate: Gate
) -> None:
    process = operator.start("sync", data, "nauset")
    gate.server.wait_for("put")
    done = operator.run("start", data, "nauset")
    assert "under way" in done.stderr
    assert len(operator.crontab.commands()) == 2
    gate.opened.set()
    assert end(process)[0] == 0


# --- stop


@pytest.mark.parametrize("jobs", [0, 1])
def test_where_nothing_matches_stop_lists_the_jobs(operator: Operator, data: Path, jobs: int) -> None:
    if jobs:
        operator.schedule(data)
    before = operator.crontab.text
    done = operator.run("stop", "naust", code=2)
    assert "Nothing is scheduled for naust" in done.stderr
    assert (f"{data} to nauset" if jobs else "Nothing at all is scheduled") in done.stderr
    assert operator.crontab.text == before


def test_stop_works_when_the_folder_is_gone(operator: Operator, data: Path) -> None:
    operator.schedule(data)
    data.rename(operator.folder / "moved")
    operator.run("stop", data)
    assert operator.crontab.text is None


def test_stop_needs_neither_configuration_nor_network(operator: Operator, data: Path, env_file: Path) -> None:
    operator.schedule(data)
    env_file.unlink()
    operator.run("stop", "nauset")
    assert operator.crontab.text is None


@pytest.mark.parametrize("mode", ["full", "recent"])
def test_stop_ends_the_scan_that_is_under_way_and_nothing_is_lost(
    s3: Any, operator: Operator, data: Path, gate: Gate, mode: str
) -> None:
    today = time.strftime("D%Y%m%dT%H%M%S_IFCB013", time.gmtime())
    write_bin(data, today, mtime=1.0)
    operator.schedule(data)
    (command,) = operator.crontab.commands(HOURLY if mode == "full" else EVERY_MINUTE)
    under_way = start_as_cron(command, operator.home)
    gate.server.wait_for("put")
    done = operator.run("stop", "nauset")
    assert "Ended the scan of nauset" in done.stderr
    assert end(under_way)[0] == 143
    assert not [key for key in s3.objects() if key.endswith(".adc")]
    gate.opened.set()
    operator.run("sync", data, "nauset")
    assert s3.objects() == sizes_of(data.iterdir())


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """A process that has nothing to do with ifcbscan."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.wait()
    assert process.stdin is not None
    process.stdin.close()


def name_as_holder(lock: Path, pid: int, host: str = "") -> None:
    """Write down, as a scan does, that this process holds the lock."""
    record = {
        "pid": pid,
        "host": host or socket.gethostname(),
        "started": "2026-01-01T00:00:00Z",
        "directory": "/data",
        "time_series": "nauset",
        "mode": "full",
    }
    lock.with_name(lock.name + ".holder").write_text(json.dumps(record), encoding="utf-8")


@pytest.mark.parametrize("held", [False, True])
def test_stop_never_ends_a_process_that_only_a_file_names(
    operator: Operator, data: Path, bystander: subprocess.Popen[bytes], held: bool
) -> None:
    """The number in a file that a killed scan has left may be that of anybody by now."""
    operator.schedule(data)
    operator.run("sync", data, "nauset")
    lock = the_lock(operator, "full")
    name_as_holder(lock, bystander.pid)
    # Held: by a scan that has not yet, or because the disk is full could not, write its own name.
    other = filelock.FileLock(str(lock))
    if held:
        other.acquire()
    try:
        done = operator.run("stop", "nauset")
    finally:
        other.release()
    assert bystander.poll() is None
    assert ("cannot be told" in done.stderr) == held
    assert operator.crontab.text is None


def test_stop_leaves_a_scan_on_another_computer_to_the_people_there(
    operator: Operator, data: Path, gate: Gate
) -> None:
    operator.schedule(data)
    process = operator.start("sync", data, "nauset")
    gate.server.wait_for("put")
    name_as_holder(the_lock(operator, "full"), process.pid, "lab-server")
    done = operator.run("stop", "nauset")
    assert f"on lab-server (process {process.pid})" in done.stderr
    assert process.poll() is None
    gate.opened.set()
    assert end(process)[0] == 0


def test_stop_ends_a_scan_that_somebody_has_stopped_with_ctrl_z(
    operator: Operator, data: Path, gate: Gate
) -> None:
    operator.schedule(data)
    process = operator.start("sync", data, "nauset")
    gate.server.wait_for("put")
    process.send_signal(signal.SIGSTOP)
    done = operator.run("stop", "nauset")
    assert "Ended the scan of nauset that was under way; nothing is lost" in done.stderr
    assert end(process)[0] == 143


@pytest.fixture
def stubborn(operator: Operator, data: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Holds the lock of a full scan and does not end when it is asked to."""
    program = (
        "import signal, sys; from ifcbscan.state import run_locks; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "with run_locks.hold(sys.argv[1], 'nauset', 'full'): print(flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [*operator.command()[:1], "-c", program, str(data)],
        env=operator.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None and process.stdout.readline()
    yield process
    process.communicate()


def test_interrupting_stop_says_what_stays_as_it_is(
    operator: Operator, data: Path, stubborn: subprocess.Popen[bytes]
) -> None:
    operator.schedule(data)
    process = operator.start("stop", "nauset")
    assert process.stderr is not None
    first = process.stderr.readline()
    assert b"Removed from" in first and operator.crontab.commands() == []
    process.send_signal(signal.SIGINT)
    code, _, stderr = end(process)
    assert code == 130 and stubborn.poll() is None
    assert stderr.strip().endswith("What was removed stays removed; a scan that is under way ends by itself.")


def test_a_scan_that_was_killed_leaves_no_lock_behind(operator: Operator, data: Path, gate: Gate) -> None:
    operator.schedule(data)
    process = operator.start("sync", data, "nauset")
    gate.server.wait_for("put")
    refused = operator.run("sync", data, "nauset", code=4)
    assert f"process {process.pid} on" in refused.stderr
    process.kill()
    end(process)
    gate.opened.set()
    operator.run("sync", data, "nauset")
    assert "Ended" not in operator.run("stop", "nauset").stderr


# --- stop --all


def test_stop_all_ends_every_job_of_this_user(operator: Operator, data: Path) -> None:
    operator.schedule(data)
    operator.schedule(operator.folder / "second", "salt_pond")
    done = operator.run("stop", "--all")
    assert done.stderr.splitlines() == [
        f"Removed from cron: {folder} to {name}. Nothing of it is sent by itself any more."
        for folder, name in ((data, "nauset"), (operator.folder / "second", "salt_pond"))
    ]
    assert json.loads(operator.run("status", "--json").stdout)["jobs"] == []
    operator.schedule(data)
    for word in ("--al", "--a", "--all=yes"):
        operator.run("stop", word, code=2)
    assert operator.crontab.commands()
    operator.run("stop", "--all")
    done = operator.run("stop", "--all", code=2)
    assert done.stderr == "ifcbscan: Nothing at all is scheduled for this user.\n"


@pytest.mark.parametrize(
    "words, said",
    [
        (
            ["nauset", "--all"],
            "--all ends every job, and nauset is one of them. Nothing was done; give one of the two.",
        ),
        ([], "Which job? Please give the folder or the time series, or --all. Nothing was done."),
    ],
)
def test_stop_is_told_either_one_job_or_all(
    operator: Operator, data: Path, words: list[str], said: str
) -> None:
    operator.schedule(data)
    before = operator.crontab.text
    assert operator.run("stop", *words, code=2).stderr == f"ifcbscan: {said}\n"
    assert operator.crontab.text == before


@pytest.mark.parametrize("words", [[], ["--print"]])
def test_what_a_schedule_would_not_see_is_not_started(
    s3: Any, operator: Operator, data: Path, words: list[str]
) -> None:
    done = operator.run("start", data, "nauset", *words, MAX_DAILY="5G", code=2)
    assert "Nothing was installed. MAX_DAILY is set in this terminal's environment and not in" in done.stderr
    assert operator.crontab.changes == 0 and s3.objects() == {}


def test_a_scheduled_job_that_does_not_see_the_environment_of_check_is_red(
    operator: Operator, dashboard: DashboardStandIn, data: Path
) -> None:
    operator.run("start", data, "nauset", "--no-sync")
    done = operator.run("check", data, "nauset", MAX_DAILY="5G", code=None)
    assert "MAX_DAILY is set in this terminal's environment" in done.stdout
