"""The every-minute run and a full one of the same job at once, as processes: nothing is sent twice."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any, Iterator

import pytest
from support.archive import STRICT, Archive
from support.runs import assert_adc_last, assert_whole, checked, end, rewrite_env, start
from support.scripted import Request, ScriptedServer

from ifcbscan.demo.sample_bins import write_bin

#: Servers that know conditional puts.
on_moto_and_ceph = pytest.mark.parametrize("s3", ["moto", "ceph"], indirect=True)

PIDS = [f"D20260401T{hour:02d}0000_IFCB199" for hour in range(8)]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Eight bins of a size that takes a moment to send."""
    for pid in PIDS:
        write_bin(tmp_path / "data" / pid[1:5] / pid[:9], pid, images=4, roi_bytes=60000, mtime=1400000000.0)
    return tmp_path / "data"


@on_moto_and_ceph
def test_two_runs_at_once_share_the_bins_and_put_each_file_once(
    s3: Any, data: Path, env_file: Path, cli_environment: dict[str, str], ifcbscan_cli: Any
) -> None:
    with ScriptedServer(upstream=s3.endpoint, delay=0.15) as between:
        rewrite_env(env_file, S3_ENDPOINT_URL=between.endpoint)
        runs = [
            start(cli_environment, data.parent, "--once", data, "nauset", "--json", "--jobs", "2", *mode)
            for mode in ([], ["--max-age", "20000d"])
        ]
        reports = []
        for process in runs:
            code, stdout, stderr = end(process, timeout=120.0)
            assert code == 0, stderr
            reports.append(json.loads(stdout))
        files = sorted(path.name for path in data.rglob("*.???"))
        assert sorted(between.names("put")) == files
        assert_adc_last(between.stored)
    assert_whole(s3, list(data.rglob("*.???")))
    assert [sum(report["bins"].values()) for report in reports] == [len(PIDS)] * 2
    assert sum(report["bins"]["uploaded"] for report in reports) == len(PIDS)
    assert sum(report["files_uploaded"] for report in reports) == len(files)


@on_moto_and_ceph
def test_a_bin_that_a_strict_archive_refuses_is_tried_once_by_two_runs_at_once(
    s3: Any, data: Path, env_file: Path, cli_environment: dict[str, str]
) -> None:
    archive = Archive(s3.client, s3.bucket, STRICT, refuse=lambda *_: True)
    with ScriptedServer(upstream=s3.endpoint, delay=0.15) as between, archive.running(0.1):
        rewrite_env(env_file, S3_ENDPOINT_URL=between.endpoint)
        runs = [
            start(
                cli_environment, data.parent, "--once", data, "nauset", "--confirm", "2", "--jobs", "2", *mode
            )
            for mode in ([], ["--max-age", "20000d"])
        ]
        for process in runs:
            code, _, stderr = end(process, timeout=120.0)
            assert code == 0, stderr
        puts = between.names("put")
    assert len(puts) == len(set(puts)) and not [name for name in puts if name.endswith(".adc")]


# --- two computers with the same bins


@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_the_slower_of_two_computers_calls_synced_what_the_other_has_sent_and_sends_next_to_nothing(
    strict: Any, data: Path, env_file: Path, cli_environment: dict[str, str], ifcbscan_cli: Any
) -> None:
    other_home = env_file.parent / "other-home"
    elsewhere = {
        name: value.replace(cli_environment["HOME"], str(other_home))
        for name, value in cli_environment.items()
    }
    other_home.mkdir()
    begun, overtaken = threading.Event(), threading.Event()

    def hold_back(request: Request) -> None:
        if request.kind == "put":
            begun.set()
            overtaken.wait(60)

    arguments = ["--once", data, "nauset", "--json", "--jobs", "1"]
    with ScriptedServer(upstream=strict.endpoint, filtered=hold_back) as between:
        rewrite_env(env_file, S3_ENDPOINT_URL=between.endpoint)
        slower = start(elsewhere, data.parent, *arguments)
        try:
            assert begun.wait(60)
            rewrite_env(env_file, S3_ENDPOINT_URL=strict.endpoint)
            first = json.loads(checked(ifcbscan_cli)(*arguments).stdout)
        finally:
            overtaken.set()
        code, stdout, stderr = end(slower, 60.0)
        assert code == 0, stderr
        report = json.loads(stdout)
        assert between.stored == []
        assert len(between.names("put")) == 4  # of two bins; then it has looked
    assert first["bins"]["uploaded"] == len(PIDS) and first["files_uploaded"] == 3 * len(PIDS)
    assert report["bins"]["synced"] == len(PIDS) and report["bins"]["uploaded"] == 0
    assert (report["files_uploaded"], report["bytes_uploaded"], report["uploaded_bins"]) == (0, 0, [])
    assert_whole(strict, list(data.rglob("*.???")))


# --- a run that holds bins and does not get on

RECENT = ["--max-age", "20000d"]
posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")


@contextlib.contextmanager
def at_work(
    s3: Any, data: Path, env_file: Path, environment: dict[str, str], *arguments: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """A scan that has claimed two bins and is sending them: until the block ends, its PUTs wait. Others have a way of
    their own to the bucket. At its end the scan goes on, and must come to a good end."""
    opened = threading.Event()

    def hold_back(request: Request) -> None:
        if request.kind == "put":
            opened.wait(60)

    with ScriptedServer(upstream=s3.endpoint, watcher=hold_back) as between:
        rewrite_env(env_file, S3_ENDPOINT_URL=between.endpoint)
        process = start(environment, data.parent, *arguments, "--jobs", "2")
        try:
            between.wait_for("put", 2)
            rewrite_env(env_file, S3_ENDPOINT_URL=s3.endpoint)
            yield process
            opened.set()
            process.send_signal(signal.SIGCONT if os.name == "posix" else 0)
            code, _, stderr = end(process, 60.0)
            assert code == 0, stderr
        finally:
            opened.set()
            process.kill()
            process.communicate()


def age_sign_of_life(environment: dict[str, str], seconds: float) -> None:
    """Let `seconds` go by for the only holder's last sign of life."""
    (holder,) = Path(environment["HOME"]).rglob("*-full.lock.holder")
    then = holder.stat().st_mtime - seconds
    os.utime(str(holder), (then, then))


@posix
@on_moto_and_ceph
def test_a_stopped_sync_is_named_by_the_scans_that_find_its_bins_and_is_a_failure_after_an_hour(
    s3: Any, data: Path, env_file: Path, cli_environment: dict[str, str], ifcbscan_cli: Any
) -> None:
    run = checked(ifcbscan_cli)
    log = env_file.parent / "scan.log"
    every_minute = ["--once", data, "nauset", *RECENT, "--json", "--log-file", log]
    with at_work(s3, data, env_file, cli_environment, "sync", data, "nauset") as stopped:
        stopped.send_signal(signal.SIGSTOP)
        report = json.loads(run(*every_minute).stdout)
        assert report["warnings"] == [] and report["bins"]["to_upload"] == 2  # it may go on in a moment
        age_sign_of_life(cli_environment, 1500)
        for _ in range(2):
            done = run(*every_minute)
            (warning,) = json.loads(done.stdout)["warnings"]
            assert f"process {stopped.pid}," in warning and "for 25 min" in warning
            assert warning in done.stderr
        age_sign_of_life(cli_environment, 5700)
        done = run(*every_minute, code=3)
        (warning,) = json.loads(done.stdout)["warnings"]
        assert f"process {stopped.pid}," in warning and "for 2 h." in warning
        assert "2 to upload (another scan on this computer, process" in done.stderr
        assert log.read_text("utf-8").count("no sign of life: ") == 1  # once a day
    # It has been let go on, and has sent them: all is well again, for everybody.
    report = json.loads(run(*every_minute).stdout)
    assert report["warnings"] == [] and report["bins"]["synced"] == len(PIDS)
    assert_whole(s3, list(data.rglob("*.???")))


@posix
@on_moto_and_ceph
def test_a_stopped_sync_that_has_none_of_the_bins_is_told_of_because_no_full_scan_can_run(
    s3: Any, data: Path, env_file: Path, cli_environment: dict[str, str], ifcbscan_cli: Any
) -> None:
    run = checked(ifcbscan_cli)
    with at_work(s3, data, env_file, cli_environment, "sync", data, "nauset") as stopped:
        stopped.send_signal(signal.SIGSTOP)
        age_sign_of_life(cli_environment, 5700)
        done = run("--once", data, "nauset", "--max-age", "1d", "--json", code=3)
        (warning,) = json.loads(done.stdout)["warnings"]
        assert f"process {stopped.pid}," in warning and "holds bins" not in warning
        # Another time series has nothing to do with it.
        assert json.loads(run("--once", data, "nauset2", "--json").stdout)["warnings"] == []


@posix
@on_moto_and_ceph
def test_a_stopped_scan_that_holds_the_lock_is_told_of_even_to_those_who_want_quiet_after_an_hour(
    s3: Any, data: Path, env_file: Path, cli_environment: dict[str, str], ifcbscan_cli: Any
) -> None:
    run = checked(ifcbscan_cli)
    log = env_file.parent / "scan.log"
    hourly = ["--once", data, "nauset", "--quiet", "--log-file", log]
    with at_work(s3, data, env_file, cli_environment, "sync", data, "nauset") as stopped:
        stopped.send_signal(signal.SIGSTOP)
        age_sign_of_life(cli_environment, 1500)
        assert run(*hourly, code=4).stderr == ""
        assert "for 25 min" in run("--once", data, "nauset", code=4).stderr
        age_sign_of_life(cli_environment, 5700)
        for _ in range(3):
            said = run(*hourly, code=4).stderr
            assert f"process {stopped.pid} " in said and "no sign of life for 2 h" in said
        assert log.read_text("utf-8").count("no sign of life for 2 h") == 1
        (record,) = Path(cli_environment["HOME"]).rglob("*-full.last.json")
        written = json.loads(record.read_text("utf-8"))
        assert written["exit_code"] == 4 and written["summary"] in said
    assert run(*hourly).stderr == ""
    assert_whole(s3, list(data.rglob("*.???")))


@on_moto_and_ceph
def test_a_sync_beside_a_scheduled_scan_says_who_sends_what_it_leaves(
    s3: Any, data: Path, env_file: Path, cli_environment: dict[str, str], ifcbscan_cli: Any
) -> None:
    run = checked(ifcbscan_cli)
    with at_work(s3, data, env_file, cli_environment, "--once", data, "nauset", *RECENT) as scheduled:
        done = run("sync", data, "nauset", "--json")
        who = f"another scan on this computer, process {scheduled.pid}, is sending them"
        assert f"2 to upload ({who})" in done.stderr
        report = json.loads(done.stdout)
        assert report["bins"]["to_upload"] == 2 and report["warnings"] == []
