"""Processes that die, disks that are full or go away, trees that change underfoot.

Complements test_kill.py (kills and signals at chosen moments) and test_cli_scan.py (what a run says).
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO, Callable, Iterator

import pytest
from support.archive import LENIENT, STRICT, Archive, Rules
from support.fakes import START, FakeBucket, SerialExecutor, VirtualClock
from support.operator import EVERY_MINUTE, HOURLY, Operator, run_as_cron
from support.runs import (
    assert_adc_last,
    assert_whole,
    checked,
    end,
    permissions_hold,
    place,
    rewrite_env,
    snapshot,
    start,
    without_privileges,
)
from support.scripted import ScriptedServer

from ifcbscan.core.bins import Fileset
from ifcbscan.core.decision import Policy
from ifcbscan.core.scan_report import ScanReport
from ifcbscan.core.states import BinState
from ifcbscan.demo.sample_bins import write_bin
from ifcbscan.disk.tree import Inventory, LocalTree
from ifcbscan.errors import ExitCode, UsageError
from ifcbscan.runs.backends import Backends
from ifcbscan.runs.listener import Listener
from ifcbscan.runs.scan import ScanOptions, scan
from ifcbscan.schedule.crontab_text import with_job
from ifcbscan.state import run_locks

LONG_AGO = 1400000000.0

on_moto = pytest.mark.parametrize("s3", ["moto"], indirect=True)
posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX")


def pid(number: int) -> str:
    return f"D202605{1 + number // 24 % 28:02d}T{number % 24:02d}{number // 672:02d}00_IFCB199"


def make(folder: Path, *numbers: int, roi_bytes: int = 3000) -> list[Path]:
    files = []
    for number in numbers:
        files += write_bin(folder, pid(number), images=6, roi_bytes=roi_bytes, mtime=LONG_AGO)
    return files


# --- signals at any moment


def die_again_and_again(
    s3: Any,
    ifcbscan_cli: Any,
    environment: dict[str, str],
    env_file: Path,
    times: int,
    seed: int,
    rules: Rules,
) -> None:
    """Start a run, end it at a random moment between its birth and some time after it would be done; repeat."""
    draw = random.Random(seed)
    data = env_file.parent / "data"
    files = make(data, *range(3 + times // 4), roi_bytes=20000)
    before = snapshot(data)
    archive = Archive(s3.client, s3.bucket, rules)
    ended: Counter[int] = Counter()
    rewrite_env(env_file, SETTLE_SECONDS="0", CONFIRM_SECONDS="0")
    with ScriptedServer(upstream=s3.endpoint, delay=0.1) as between, archive.running(0.1):
        rewrite_env(env_file, S3_ENDPOINT_URL=between.endpoint)
        for _ in range(times):
            number = draw.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
            process = start(environment, data.parent, "--once", data, "nauset", "--jobs", "2")
            time.sleep(draw.uniform(0.0, 1.3))
            process.send_signal(number)
            code, _, stderr = end_quietly(process)
            ended[code] += 1
            # before its handlers are there, Python ends by the signal itself (SIGINT: with a traceback)
            assert code in (0, -number, *({130, 1} if number == signal.SIGINT else {143})), (code, stderr)
        run = checked(ifcbscan_cli)
        run("--once", data, "nauset")
        report = json.loads(run("--once", data, "nauset", "--json").stdout)
        stored = between.stored
    assert report["bins"]["synced"] == len(files) // 3 and report["requests"]["put"] == 0
    archive.step()
    assert_adc_last(stored)
    # Nothing is sent twice: a process that died has left in the bucket what the next one needs to know.
    assert sorted(request.name for request in stored) == sorted(path.name for path in files)
    assert_whole(s3, files)
    assert len(archive.registered) == len(files) // 3
    assert not [row for row in archive.registered.values() if row.broken]
    assert snapshot(data) == before
    assert len(ended) > 1, "all runs ended in the same way"


def end_quietly(process: subprocess.Popen[bytes]) -> tuple[int, str, str]:
    """As `end`, for a process that may have been hit while Python itself was starting."""
    stdout, stderr = process.communicate(timeout=60)
    return process.returncode, stdout.decode("utf-8", "replace"), stderr.decode("utf-8", "replace")


@posix
@on_moto
def test_ten_deaths_at_random_moments_leave_nothing_broken_and_send_nothing_twice(
    s3: Any, ifcbscan_cli: Any, cli_environment: dict[str, str], env_file: Path, rules: Rules
) -> None:
    die_again_and_again(s3, ifcbscan_cli, cli_environment, env_file, times=10, seed=10, rules=rules)


@posix
@pytest.mark.slow
@pytest.mark.parametrize(
    "s3, seed, rules",
    [
        pytest.param("moto", 11, STRICT, id="moto-strict", marks=pytest.mark.matrix),
        pytest.param("rclone", 12, LENIENT, id="rclone-lenient"),
        pytest.param("moto", 11, LENIENT, id="moto-lenient", marks=pytest.mark.matrix),
        pytest.param("rclone", 12, STRICT, id="rclone-strict", marks=pytest.mark.matrix),
    ],
    indirect=["s3", "rules"],
)
def test_thirty_deaths_on_each_server_and_under_both_rules_leave_nothing_broken_and_send_nothing_twice(
    s3: Any, ifcbscan_cli: Any, cli_environment: dict[str, str], env_file: Path, seed: int, rules: Rules
) -> None:
    die_again_and_again(s3, ifcbscan_cli, cli_environment, env_file, times=30, seed=seed, rules=rules)


@posix
@on_moto
def test_a_lock_left_by_a_dead_process_keeps_nobody_out_whoever_has_its_number_now(
    s3: Any, ifcbscan_cli: Any, cli_environment: dict[str, str], env_file: Path
) -> None:
    data = env_file.parent / "data"
    files = make(data, 0)
    with ScriptedServer(upstream=s3.endpoint, delay=30.0) as between:
        rewrite_env(env_file, S3_ENDPOINT_URL=between.endpoint)
        process = start(cli_environment, data.parent, "--once", data, "nauset")
        between.wait_for("list", 1)
        process.kill()
        end(process)
    (lock,) = Path(cli_environment["HOME"]).rglob("*.lock")
    holder = json.loads(Path(str(lock) + ".holder").read_text())
    assert holder["pid"] == process.pid
    # The number has been given to another process, which lives.
    Path(str(lock) + ".holder").write_text(json.dumps(dict(holder, pid=os.getpid())))
    rewrite_env(env_file, S3_ENDPOINT_URL=s3.endpoint)
    checked(ifcbscan_cli)("--once", data, "nauset")
    assert_whole(s3, files)
    assert run_locks.living_holder(str(lock)) is None


# --- locks that cannot be had


def json_of(run: Callable[..., Any], data: Path, log: Path) -> dict[str, Any]:
    """The report of an every-hour scan that must end well, and print no warning but its own."""
    done = run("--once", data, "nauset", "--json", "--log-file", log)
    assert "Warning" not in done.stderr and "unexpected" not in done.stderr
    return dict(json.loads(done.stdout))


@posix
@on_moto
def test_locks_that_a_scan_as_another_user_has_left_are_replaced_and_the_scan_goes_on(
    ifcbscan_cli: Any, cli_environment: dict[str, str], env_file: Path, tmp_path: Path
) -> None:
    """As root: the files are somebody else's. As anybody else: nobody may open them, which is the same."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    if os.getuid() == 0 and not permissions_hold(closed):
        pytest.skip("permissions do not concern this user")
    data = env_file.parent / "data"
    make(data, 0)
    checked(ifcbscan_cli)("--once", data, "nauset")
    files = [path for path in Path(cli_environment["HOME"]).rglob("nauset*") if path.suffix != ".json"]
    assert {path.suffix for path in files} == {".lock", ".named", ".holder", ".claims"}
    for path in files:
        path.chmod(0 if os.getuid() else 0o600)
        if os.getuid() == 0:
            os.chown(str(path), 12345, 12345)
    warnings = []
    for number in (1, 2):
        make(data, number)
        code, stdout, stderr = without_privileges(
            cli_environment, tmp_path, "--once", data, "nauset", "--json"
        )
        assert code == 0, stderr
        report = json.loads(stdout)
        assert report["bins"]["uploaded"] == 1
        warnings.append(report["warnings"])
    (warning,) = warnings[0]
    assert "belonged to another user" in warning and "replaced" in warning
    assert warnings[1] == []
    assert not [path for path in files if path.stat().st_uid == 12345]


@on_moto
@pytest.mark.parametrize("endings", [[".lock"], [".claims"], [".lock", ".lock.named", ".claims"]])
def test_a_lock_that_cannot_be_opened_at_all_is_one_warning_and_no_reason_not_to_run(
    ifcbscan_cli: Any, cli_environment: dict[str, str], env_file: Path, endings: list[str]
) -> None:
    run = checked(ifcbscan_cli)
    data = env_file.parent / "data"
    log = env_file.parent / "scan.log"
    make(data, 0)
    run("--once", data, "nauset")
    home = Path(cli_environment["HOME"])
    for path in [path for path in home.rglob("nauset*") if str(path).endswith(tuple(endings))]:
        path.unlink()
        path.mkdir()  # a folder in the place of the file: whoever asks, it cannot be opened
    for number in (1, 2):
        make(data, number)
        report = json_of(run, data, log)
        assert report["bins"]["uploaded"] == 1 and len(report["warnings"]) == 1
        assert ("lock of this job" if ".lock" in endings else "cannot be locked") in report["warnings"][0]
    assert log.read_text("utf-8").count(report["warnings"][0].partition(": ")[0]) == 1  # once a day


_NO_LOCKS = """
import errno, fcntl, os
def refuse(*_):
    raise OSError({number}, os.strerror({number}))
fcntl.flock = fcntl.lockf = refuse
"""


@posix
@on_moto
@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EIO, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_locks_is_one_warning_and_no_reason_not_to_run(
    ifcbscan_cli: Any, cli_environment: dict[str, str], env_file: Path, tmp_path: Path, number: int
) -> None:
    (tmp_path / "sitecustomize.py").write_text(_NO_LOCKS.format(number=number))
    cli_environment["PYTHONPATH"] += os.pathsep + str(tmp_path)
    run = checked(ifcbscan_cli)
    data = env_file.parent / "data"
    log = env_file.parent / "scan.log"
    metrics = tmp_path / "ifcb.prom"
    for scan_number in (0, 1):
        make(data, scan_number)
        done = run("--once", data, "nauset", "--json", "--log-file", log, "--metrics-file", metrics)
        report = json.loads(done.stdout)
        assert report["bins"]["uploaded"] == 1
        (warning,) = report["warnings"]
        assert warning.startswith("the lock of this job cannot be used: " + os.strerror(number))
        assert "UserWarning" not in done.stderr
        assert "the lock of the metrics file cannot be used: " + os.strerror(number) in done.stderr
        assert "ifcbscan_bins" in metrics.read_text("utf-8")
    for line in ("the lock of this job cannot be used", "the lock of the metrics file cannot be used"):
        assert log.read_text("utf-8").count(line) == 1


@posix
@on_moto
def test_two_scans_at_once_without_any_locks_leave_every_bin_whole(
    s3: Any, cli_environment: dict[str, str], env_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(_NO_LOCKS.format(number=errno.ENOLCK))
    cli_environment["PYTHONPATH"] += os.pathsep + str(tmp_path)
    data = env_file.parent / "data"
    files = make(data, *range(6), roi_bytes=30000)
    with ScriptedServer(upstream=s3.endpoint, delay=0.1) as between:
        rewrite_env(env_file, S3_ENDPOINT_URL=between.endpoint)
        scans = [start(cli_environment, data.parent, "--once", data, "nauset") for _ in range(2)]
        for process in scans:
            code, _, stderr = end(process, 120.0)
            assert code in (0, 3), stderr  # 3: the other one was first with some file
        code, _, stderr = end(start(cli_environment, data.parent, "--once", data, "nauset"))
        assert code == 0, stderr
        assert_adc_last(between.stored)
    assert_whole(s3, files)


# --- disks


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk without a free byte."""
    folder = tmp_path / "full"
    folder.mkdir()
    mounted = False
    if sys.platform.startswith("linux") and os.getuid() == 0 and shutil.which("mount"):
        command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    if not mounted:
        pytest.skip("only root may make a small disk")
    try:
        with contextlib.suppress(OSError), open(str(folder / "ballast"), "wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@on_moto
def test_a_full_disk_for_log_lock_and_records_does_not_keep_data_from_being_sent(
    s3: Any, ifcbscan_cli: Any, env_file: Path, full_disk: Path
) -> None:
    data = env_file.parent / "data"
    files = make(data, 0, 1)
    disk = {name: str(full_disk) for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")}
    run = checked(ifcbscan_cli)
    for _ in range(2):
        log = full_disk / "scan.log"
        done = run("--once", data, "nauset", "--log-file", log, "--json", env=disk, code=3)
        report = json.loads(done.stdout)
        assert report["bins"]["failed"] == 0
        warning = (
            f"the log file {log} cannot be written (No space left on device); this run goes on without it"
        )
        assert warning in report["warnings"] and f"warning: {warning}" in done.stderr
    assert_whole(s3, files)


@on_moto
def test_a_log_whose_disk_is_full_is_told_by_a_quiet_run_and_by_status_and_is_written_again_when_there_is_room(
    s3: Any, operator: Operator, env_file: Path, full_disk: Path
) -> None:
    data = env_file.parent / "data"
    make(data, 0, 1)
    log = full_disk / "scan.log"
    job = dataclasses.replace(operator.schedule(data), log_file=str(log))
    operator.crontab.table.write_bytes(with_job(operator.crontab.text, job))
    (every_minute,) = operator.crontab.commands(EVERY_MINUTE)
    (hourly,) = operator.crontab.commands(HOURLY)
    assert [run_as_cron(command, operator.home) for command in (hourly, every_minute)] == [3, 3]
    shown = operator.run("status", code=3).stdout
    assert (
        f"state        NEEDS YOU: the log file {log} cannot be written (No space left on device); this run goes on without it\n"
        in shown
    )
    assert f"log          {log} -- the last scan could not write it\n" in shown
    (full_disk / "ballast").unlink()
    assert [run_as_cron(command, operator.home) for command in (every_minute, hourly)] == [0, 0]
    assert "nauset: 2 already in the archive" in log.read_text(encoding="utf-8")
    assert "state        ok\n" in operator.run("status").stdout


@on_moto
def test_status_says_that_records_cannot_be_written_and_keeps_what_it_last_knew(
    s3: Any, operator: Operator, env_file: Path, full_disk: Path
) -> None:
    data = env_file.parent / "data"
    make(data, 0)
    (full_disk / "ballast").unlink()
    home = str(full_disk)
    operator.schedule(data)
    (every_minute,) = operator.crontab.commands(EVERY_MINUTE)
    (hourly,) = operator.crontab.commands(HOURLY)
    for command in hourly, every_minute:
        run_as_cron(command, full_disk)
    before = operator.run("status", HOME=home).stdout
    with contextlib.suppress(OSError), open(str(full_disk / "ballast"), "wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    make(data, 1)
    run_as_cron(hourly, full_disk)
    done = operator.run("status", HOME=home, code=3)
    bins = "bins         1 in the archive, none waiting (at the last full scan)"
    assert bins in before and bins in done.stdout
    state = full_disk / ".local" / "state" / "ifcbscan"
    said = (
        f"the records of the scans, in {state}, cannot be written (No space left on device), so what stands here may be old; "
        "please make room"
    )
    assert f"state        NEEDS YOU: {said}\n" in done.stdout
    # a table of several jobs has no room for it
    operator.schedule(data, "salt_pond")
    assert f"  warning: {said}\n" in operator.run("status", HOME=home, code=3).stderr


@posix
@on_moto
def test_a_limit_that_shows_only_when_a_line_is_written_is_told_as_well(
    s3: Any, cli_environment: dict[str, str], env_file: Path
) -> None:
    import resource

    data = env_file.parent / "data"
    files = make(data, 0)
    log = env_file.parent / "scan.log"
    log.write_bytes(b"2026-06-02T14:00:00Z INFO earlier\n" * 4000)  # 136 kB
    done = subprocess.run(
        [sys.executable, "-m", "ifcbscan", "--once", str(data), "nauset", "--log-file", str(log)],
        cwd=str(env_file.parent),
        env=cli_environment,
        capture_output=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000)),
    )
    assert done.returncode == 3
    warning = f"warning: the log file {log} cannot be written (File too large); this run goes on without it"
    assert done.stderr.decode("utf-8").count(warning) == 1
    assert_whole(s3, files)


@posix
@on_moto
def test_where_the_report_cannot_be_printed_the_bins_are_sent_and_the_monitors_are_told(
    s3: Any, cli_environment: dict[str, str], env_file: Path
) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    data = env_file.parent / "data"
    files = make(data, 0)
    metrics = env_file.parent / "ifcb.prom"
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "ifcbscan", "--once", str(data), "nauset", "--json"]
            + ["--metrics-file", str(metrics)],
            cwd=str(env_file.parent),
            env=cli_environment,
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    said = done.stderr.decode("utf-8")
    assert done.returncode == 1 and "could not be printed: No space left on device" in said
    assert "unexpected error" not in said and "Traceback" not in said
    assert_whole(s3, files)
    assert "ifcbscan_bins" in metrics.read_text()


@posix
@on_moto
def test_a_log_on_a_device_that_is_full_keeps_nothing_from_being_sent(
    s3: Any, ifcbscan_cli: Any, env_file: Path
) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    data = env_file.parent / "data"
    files = make(data, 0)
    done = checked(ifcbscan_cli)("--once", data, "nauset", "--log-file", "/dev/full", code=3)
    assert "the log file /dev/full cannot be written (it is no plain file)" in done.stderr
    assert_whole(s3, files)


@posix
@on_moto
def test_a_log_folder_that_is_read_only_is_a_warning_and_keeps_nothing_from_being_sent(
    s3: Any, cli_environment: dict[str, str], env_file: Path
) -> None:
    folder = env_file.parent
    files = make(folder / "data", 0)
    logs = folder / "logs"
    logs.mkdir()
    closed = folder / "closed"
    closed.mkdir(mode=0)
    if not permissions_hold(closed):
        pytest.skip("this machine does not let a test give up its privileges")
    logs.chmod(0o500)
    try:
        code, stdout, stderr = without_privileges(
            cli_environment,
            folder,
            "--once",
            folder / "data",
            "nauset",
            "--log-file",
            logs / "a.log",
            "--json",
        )
    finally:
        logs.chmod(0o700)
    assert code == 3 and list(logs.iterdir()) == []
    (warning,) = json.loads(stdout)["warnings"]
    assert "cannot be written (Permission denied); this run goes on without it" in warning
    assert_whole(s3, files)


# --- files that do not stay as they are, between any two looks at them


def grow(path: Path) -> None:
    with open(str(path), "ab") as file:
        file.write(b"9,more of it\n" * 9)


def truncate(path: Path) -> None:
    with open(str(path), "r+b") as file:
        file.truncate(path.stat().st_size // 2)


def replace(path: Path) -> None:
    """By another file, as copying tools do: the old one stays open where it is open."""
    new = path.with_suffix(".copy")
    new.write_bytes(path.read_bytes() + b"9,a later version\n")
    new.replace(path)


CHANGES: dict[str, Callable[[Path], None]] = {
    "grows": grow,
    "is cut": truncate,
    "is replaced": replace,
    "vanishes": Path.unlink,
}
SEIZED = ("refresh", "open", "opened", "read")


class SeizedTree(LocalTree):
    """The real tree, in which at the `at`th call of one kind something happens to one file.

    `opened`: between the opening and the first read; `read`: after the first read.
    """

    def __init__(self, root: Path, moment: str, at: int, happen: Callable[[], None]) -> None:
        super().__init__(str(root))
        self.calls: Counter[str] = Counter()
        self._seized = (moment, at)
        self._happen = happen

    def reach(self, moment: str) -> None:
        if (moment, self.calls[moment]) == self._seized:
            self._happen()
        self.calls[moment] += 1

    def refresh(self, fileset: Fileset) -> Fileset:
        self.reach("refresh")
        return super().refresh(fileset)

    def open(self, fileset: Fileset, extension: str) -> BinaryIO:
        self.reach("open")
        file: Any = super().open(fileset, extension)
        self.reach("opened")
        return _Watched(file, lambda: self.reach("read"))  # type: ignore[return-value]


class _Watched:
    """A file that tells when it has been read from."""

    def __init__(self, file: BinaryIO, tell: Callable[[], None]) -> None:
        self._file = file
        self._tell = tell

    def read(self, amount: int = -1) -> bytes:
        block = self._file.read(amount)
        self._tell()
        return block

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._file)

    def __enter__(self) -> _Watched:
        return self

    def __exit__(self, *_: Any) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class Clocked(VirtualClock):
    """Virtual time that begins long after the files were written."""

    def __init__(self) -> None:
        super().__init__(START + 10 * 365 * 86400)


def scan_in_memory(
    tree: LocalTree, bucket: FakeBucket, clock: VirtualClock, time_limit: float | None = None, jobs: int = 1
) -> ScanReport:
    """The real scan of a real tree into a bucket in memory, without waiting."""
    options = ScanOptions("hablab", "nauset", Policy(), time_limit=time_limit, jobs=jobs)
    return scan(
        options,
        Backends(tree, bucket, clock, SerialExecutor()),  # type: ignore[arg-type]
        Listener(),
        lambda line: None,
    )


def assert_in_memory_whole(bucket: FakeBucket, files: list[Path]) -> None:
    there = {key: stored.body for key, stored in bucket.objects.items()}
    assert there == {f"{place(path.stem)}{path.suffix}": path.read_bytes() for path in files}


@posix
@pytest.mark.parametrize("extension", ["hdr", "adc", "roi"])
@pytest.mark.parametrize("change", list(CHANGES))
@pytest.mark.parametrize("moment", SEIZED)
def test_a_file_that_changes_between_any_two_looks_is_not_published_as_it_was(
    tmp_path: Path, moment: str, change: str, extension: str
) -> None:
    for at in range(20):
        folder = tmp_path / str(at)
        files = make(folder, 0)
        path = folder / f"{pid(0)}.{extension}"
        contents = {file: file.read_bytes() for file in files}
        clock = Clocked()
        bucket = FakeBucket(clock)
        tree = SeizedTree(folder, moment, at, lambda path=path: CHANGES[change](path))  # type: ignore[misc]

        def adc_is_last(
            when: str, call: Any, bucket: FakeBucket = bucket, contents: dict[Path, bytes] = contents
        ) -> None:
            if (when, call.kind, call.key[-3:]) == ("after", "put", "adc"):
                sizes = {key[-3:]: size for key, size in bucket.sizes().items()}
                assert set(sizes) == {"roi", "hdr", "adc"}
                assert sizes["roi"] == len(contents[files_of(contents, "roi")])

        bucket.hook = adc_is_last
        report = scan_in_memory(tree, bucket, clock)
        assert sum(report.bins.values()) == 1
        assert report.exit_code in (ExitCode.DONE, ExitCode.PARTLY_FAILED)
        if tree.calls[moment] <= at:
            assert at > 0, "it never came to this"
            break
        bucket.hook = None
        # What the file became is made good; whatever the run had sent, later runs put it right.
        if change in ("vanishes", "is cut"):
            path.write_bytes(contents[path] + b"\n")
        clock.advance(3600.0)
        later = LocalTree(str(folder))
        for _ in range(2):
            options = Policy(check_integrity=False)
            scan(
                ScanOptions("hablab", "nauset", options, jobs=1),
                Backends(later, bucket, clock, SerialExecutor()),  # type: ignore[arg-type]
                Listener(),
                lambda line: None,
            )
            clock.advance(90000.0)
        assert_in_memory_whole(bucket, files)
    else:
        pytest.fail("more calls than expected")


def files_of(contents: dict[Path, bytes], extension: str) -> Path:
    (found,) = [path for path in contents if path.suffix == "." + extension]
    return found


class BrokenTree(LocalTree):
    """A network drive that has gone away: from the `after`th look at a file on, every call fails."""

    def __init__(self, root: Path, after: int) -> None:
        super().__init__(str(root))
        self._left = after

    def _look(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    def refresh(self, fileset: Fileset) -> Fileset:
        self._look()
        return super().refresh(fileset)

    def open(self, fileset: Fileset, extension: str) -> BinaryIO:
        self._look()
        return super().open(fileset, extension)


@pytest.mark.parametrize("after", [0, 1, 2, 3, 5, 8])
def test_a_network_drive_that_goes_away_fails_its_bins_and_nothing_else(tmp_path: Path, after: int) -> None:
    files = make(tmp_path, 0, 1)
    clock = Clocked()
    bucket = FakeBucket(clock)
    report = scan_in_memory(BrokenTree(tmp_path, after), bucket, clock)
    assert report.exit_code == ExitCode.PARTLY_FAILED and report.bins[BinState.FAILED] == 2
    assert all("cannot be read" in problem.reason for problem in report.problems)
    scan_in_memory(LocalTree(str(tmp_path)), bucket, clock)
    assert_in_memory_whole(bucket, files)


class SlowTree(LocalTree):
    """A network drive on which everything takes 20 seconds."""

    def __init__(self, root: Path, clock: VirtualClock) -> None:
        super().__init__(str(root))
        self._clock = clock

    def walk(self) -> Inventory:
        self._clock.advance(20.0)
        return super().walk()

    def refresh(self, fileset: Fileset) -> Fileset:
        self._clock.advance(20.0)
        return super().refresh(fileset)

    def open(self, fileset: Fileset, extension: str) -> BinaryIO:
        self._clock.advance(20.0)
        return super().open(fileset, extension)


def test_a_slow_network_drive_makes_a_run_longer_and_its_time_limit_still_holds(tmp_path: Path) -> None:
    files = make(tmp_path, *range(8))
    clock = Clocked()
    bucket = FakeBucket(clock)
    report = scan_in_memory(SlowTree(tmp_path, clock), bucket, clock, time_limit=300.0, jobs=2)
    assert report.bins[BinState.UPLOADED] > 0 and report.bins[BinState.TO_UPLOAD] > 0
    assert sum(report.bins.values()) == 8 and report.exit_code == ExitCode.DONE
    # It finishes the bins that it has begun, and begins none after its limit.
    assert 300.0 < report.seconds < 300.0 + 3 * 300.0
    while bucket.puts and report.bins[BinState.TO_UPLOAD]:
        report = scan_in_memory(SlowTree(tmp_path, clock), bucket, clock, time_limit=300.0, jobs=2)
    assert_in_memory_whole(bucket, files)


# --- trees


@posix
def test_a_tree_that_changes_while_it_is_walked_ends_the_walk_and_never_makes_up_a_bin(
    tmp_path: Path,
) -> None:
    """A copying program makes, renames and removes folders and files as fast as it can."""
    root = tmp_path / "data"
    steady = make(root / "2026" / "steady", *range(5))
    stop = threading.Event()
    draw = random.Random(5)

    def trouble() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            folder = root / "2026" / f"moving{number % 7}"
            with contextlib.suppress(OSError):
                write_bin(folder / "deep", pid(100 + number % 50), images=2, roi_bytes=500)
            with contextlib.suppress(OSError):
                if draw.random() < 0.5:
                    folder.rename(root / f"moved{number % 5}")
                else:
                    shutil.rmtree(str(folder), ignore_errors=True)
            if number % 20 == 0:
                for left in root.glob("moved*"):
                    shutil.rmtree(str(left), ignore_errors=True)

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(trouble)
        try:
            for _ in range(150):
                inventory = LocalTree(str(root)).walk()
                for path in steady:
                    fileset = inventory.filesets[path.stem]  # type: ignore[index]
                    assert fileset.complete and fileset.folder == str(path.parent)
        finally:
            stop.set()
        done.result()


def test_a_root_that_goes_away_ends_the_run_with_a_line(tmp_path: Path) -> None:
    root = tmp_path / "data"
    make(root, 0)
    tree = LocalTree(str(root))
    tree.walk()
    root.rename(tmp_path / "unmounted")
    with pytest.raises(UsageError, match="Is the disk mounted"):
        tree.walk()


@pytest.mark.slow
@pytest.mark.timed
def test_ten_thousand_files_in_one_folder_are_sent_once(tmp_path: Path) -> None:
    files = make(tmp_path, *range(3334), roi_bytes=200)
    assert len(files) > 10000
    clock = Clocked()
    bucket = FakeBucket(clock)
    began = time.monotonic()
    report = scan_in_memory(LocalTree(str(tmp_path)), bucket, clock, jobs=4)
    assert report.bins[BinState.UPLOADED] == 3334 and report.files_uploaded == len(files)
    assert len(bucket.objects) == len(bucket.puts) == len(files)
    report = scan_in_memory(LocalTree(str(tmp_path)), bucket, clock, jobs=4)
    assert report.bins[BinState.SYNCED] == 3334 and len(bucket.puts) == len(files)
    assert time.monotonic() - began < 60


@on_moto
def test_a_time_series_whose_name_begins_like_anothers_is_another(
    s3: Any, ifcbscan_cli: Any, env_file: Path
) -> None:
    run = checked(ifcbscan_cli)
    folder = env_file.parent
    here, there = make(folder / "a", 0), make(folder / "b", 0, 1)
    for first, second in (("nauset", "nauset2"), ("ship-1", "ship")):
        one = json.loads(run("--once", folder / "a", first, "--json").stdout)
        two = json.loads(run("--once", folder / "b", second, "--json").stdout)
        assert (one["bins"]["uploaded"], two["bins"]["uploaded"]) == (1, 2)
        for series, files in ((first, here), (second, there)):
            prefix = f"hablab/{series}/"
            assert s3.objects(prefix) == {
                f"{place(path.stem, prefix)}{path.suffix}": path.stat().st_size for path in files
            }
        again = json.loads(run("--once", folder / "a", first, "--json").stdout)
        assert again["bins"]["synced"] == 1 and again["requests"]["put"] == 0
