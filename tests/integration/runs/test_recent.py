"""What a run costs: requests, folders and files looked at, modules imported, bytes a second."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from benchmarks.trees import day_folder, make_large, make_tiny, pids
from support.places import TESTS
from support.runs import assert_decent, checked, rewrite_env
from support.scripted import ScriptedServer

from ifcbscan.disk.tree import LocalTree

DAY = 86400.0
BENCHMARKS = TESTS / "benchmarks"


@pytest.fixture
def now() -> float:
    """When the newest bin was taken: some minutes ago."""
    return float(int(time.time()) - 600)


@pytest.fixture
def once(ifcbscan_cli: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """`once(directory, series, options...)` runs a scan and gives its JSON."""

    def run(*arguments: Any) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(checked(ifcbscan_cli)("--once", *arguments, "--json").stdout)
        return answer

    return run


@contextlib.contextmanager
def _long_listing(end: float) -> Iterator[str]:
    """The listing server of the benchmarks; its series `k30000` has 30,000 keys."""
    process = subprocess.Popen(
        [sys.executable, str(BENCHMARKS / "listing_server.py"), str(end)], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _without_server(tmp_path: Path, endpoint: str) -> None:
    """A `.env` for tests that need none of the two servers."""
    path = tmp_path / ".env"
    path.touch(mode=0o600)
    path.write_text(
        "AWS_ACCESS_KEY_ID=AKIAIFCBSCANTESTS\nAWS_SECRET_ACCESS_KEY=ifcbscan-tests-secret-key\n"
        f"USER_ACCOUNT=hablab\nS3_ENDPOINT_URL={endpoint}\nSETTLE_SECONDS=0\nCONFIRM_SECONDS=0\n",
        encoding="utf-8",
    )


def _files_of(directory: Path, count: int, size: int, end: float) -> list[Path]:
    make_large(directory, count, size, end)
    return sorted(directory.rglob("*.*"))


# Requests


def test_requests_are_one_list_and_one_put_a_file_and_one_list_for_the_bins_that_are_due_together(
    s3: Any, once: Callable[..., dict[str, Any]], env_file: Path, tmp_path: Path, now: float
) -> None:
    files = _files_of(tmp_path / "data", 7, 2000, now)
    with ScriptedServer(upstream=s3.endpoint) as server:
        rewrite_env(env_file, S3_ENDPOINT_URL=server.endpoint)
        first = once(tmp_path / "data", "nauset", "--max-age", "3d")
        assert first["bins"]["uploaded"] == 7
        # The second listing, of one key, is the question whether the time series is empty; the others are looks at the bins
        # that are due, one for each of their days.
        lists = first["requests"]["list"]
        assert first["requests"] == {"list": lists, "put": len(files), "head": 0} and 3 <= lists <= 9
        assert server.kinds() == {"list": lists, "put": len(files)}
    with ScriptedServer(upstream=s3.endpoint) as server:
        rewrite_env(env_file, S3_ENDPOINT_URL=server.endpoint)
        for options in (["--max-age", "3d"], []):
            assert once(tmp_path / "data", "nauset", *options)["bins"]["synced"] == 7
        assert server.kinds() == {"list": 2}


def test_a_recent_run_asks_for_the_days_of_its_bins_only(
    s3: Any, once: Callable[..., dict[str, Any]], env_file: Path, tmp_path: Path, now: float
) -> None:
    _files_of(tmp_path / "data", 3, 2000, now)
    for back in (400, 40, 10):
        (old,) = pids(1, now - back * DAY)
        key = f"hablab/nauset/{day_folder(old)}/{old}.adc"
        s3.client.put_object(Bucket=s3.bucket, Key=key, Body=b"x")
    with ScriptedServer(upstream=s3.endpoint) as server:
        rewrite_env(env_file, S3_ENDPOINT_URL=server.endpoint)
        assert once(tmp_path / "data", "nauset", "--max-age", "3d")["bins"]["uploaded"] == 3
        assert once(tmp_path / "data", "nauset", "--max-age", "3d")["bins"]["synced"] == 3
        listings = [request for request in server.requests if request.kind == "list"]
        (question,) = [request for request in listings if "max-keys=1" in request.query]
        listings.remove(question)
        newest = list(pids(3, now))
        # the looks at bins are listings within a day
        looks = [one for one in listings if any(f"{pid[:9]}%2F" in one.query for pid in newest)]
        listings = [request for request in listings if request not in looks]
        assert len(listings) == 2 and looks
        assert all("start-after=hablab%2Fnauset%2F" + newest[0][1:5] in request.query for request in listings)


@pytest.mark.parametrize("keys", [3000, 300000])
def test_a_recent_run_makes_one_list_request_however_long_the_time_series_is(
    once: Callable[..., dict[str, Any]], tmp_path: Path, now: float, keys: int
) -> None:
    make_tiny(tmp_path / "data", 400, now)
    with _long_listing(now) as endpoint:
        _without_server(tmp_path, endpoint)
        answer = once(tmp_path / "data", f"k{keys}", "--max-age", "3d")
    assert answer["requests"] == {"list": 1, "head": 0, "put": 0}
    assert 179 <= answer["bins"]["synced"] <= 181
    assert sum(answer["bins"].values()) == answer["bins"]["synced"]


def test_a_full_run_makes_one_list_request_a_page_and_one_more_a_range_at_most(
    once: Callable[..., dict[str, Any]], tmp_path: Path, now: float
) -> None:
    make_tiny(tmp_path / "data", 4000, now)
    with _long_listing(now) as endpoint:
        _without_server(tmp_path, endpoint)
        answer = once(tmp_path / "data", "k12000")
    assert answer["bins"]["synced"] == 4000
    ranges = 4  # of three pages each
    assert 12 <= answer["requests"]["list"] <= 12 + ranges


# The local tree


class _Entry:
    """A folder's entry that writes down when it is asked for a file's size."""

    def __init__(self, entry: Any, asked: list[str]) -> None:
        self._entry, self._asked = entry, asked

    def stat(self, **options: Any) -> os.stat_result:
        self._asked.append(self._entry.name)
        result: os.stat_result = self._entry.stat(**options)
        return result

    def __getattr__(self, name: str) -> Any:
        return getattr(self._entry, name)


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], list[str]]:
    """The folders that were read and the files that were asked for their size."""
    folders: list[str] = []
    files: list[str] = []
    scandir, stat = os.scandir, os.stat

    @contextlib.contextmanager
    def recording_scandir(path: str) -> Iterator[Any]:
        folders.append(os.path.basename(path))
        with scandir(path) as entries:
            yield (_Entry(entry, files) for entry in entries)

    def recording_stat(path: Any, **options: Any) -> os.stat_result:
        if isinstance(path, str) and path[-4:] in (".adc", ".hdr", ".roi"):
            files.append(os.path.basename(path))
        return stat(path, **options)

    monkeypatch.setattr(os, "scandir", recording_scandir)
    monkeypatch.setattr(os, "stat", recording_stat)
    return folders, files


def test_a_recent_walk_reads_no_old_folder_and_asks_for_no_old_file(
    tmp_path: Path, now: float, looked_at: tuple[list[str], list[str]]
) -> None:
    root = tmp_path / "data"
    make_tiny(root, 60 * 40, now)  # forty days in folders by year and day
    make_tiny(root / "old", 60, now - 400 * DAY)
    flat = root / "flat"
    flat.mkdir()
    for pid in pids(60 * 6, now + 60):  # six days in one folder
        for extension in ("adc", "hdr", "roi"):
            (flat / f"{pid}.{extension}").touch()
    folders, files = looked_at
    oldest = now - 3 * DAY
    inventory = LocalTree(str(root), (), oldest).walk()
    wanted = {pid for pid in pids(60 * 40, now) if pid >= next(pids(1, oldest))}
    wanted |= {pid for pid in pids(60 * 6, now + 60) if pid >= next(pids(1, oldest))}
    assert set(inventory.filesets) == wanted
    assert sorted(files) == sorted(f"{pid}.{ext}" for pid in wanted for ext in ("adc", "hdr", "roi"))
    days = {name for name in folders if name.startswith("D2")}
    assert days == {f"D{pid[1:9]}" for pid in pids(60 * 40, now)} & {pid[:9] for pid in wanted}
    assert len(days) in (3, 4, 5)


def test_a_full_walk_asks_for_every_member_once(
    tmp_path: Path, now: float, looked_at: tuple[list[str], list[str]]
) -> None:
    make_tiny(tmp_path / "data", 100, now)
    (tmp_path / "data" / "notes.txt").touch()
    assert len(LocalTree(str(tmp_path / "data")).walk().filesets) == 100
    assert len(looked_at[1]) == len(set(looked_at[1])) == 300


# What is imported

NEVER_IN_A_QUIET_RUN = {
    "boto3",
    "ifcbscan.core.budget",
    "ifcbscan.core.timetable",
    "ifcbscan.dashboard.calls",
    "ifcbscan.demo.show",
    "ifcbscan.html.page",
    "ifcbscan.monitor.metrics",
    "ifcbscan.monitor.ping",
    "ifcbscan.schedule",
    "ifcbscan.dashboard.series",
    "ifcbscan.runs.daily_budget",
    "ifcbscan.runs.one_bin",
    "ifcbscan.runs.sending",
    "ifcbscan.runs.upload",
    "ifcbscan.runs.verify",
    "jinja2",
    "moto",
    "prometheus_client",
    "s3transfer",
    "tenacity",
    "tqdm",
}


def _imported(environment: dict[str, str], folder: Path, *arguments: Any) -> set[str]:
    """The modules that a run of the command line imports."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "ifcbscan"] + [str(argument) for argument in arguments],
        cwd=str(folder),
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    lines = done.stderr.decode("utf-8", "replace").splitlines()
    assert_decent(*lines)
    assert done.returncode == 0, lines[-5:]
    assert all(line.startswith("import time:") for line in lines), "a quiet run must say nothing"
    return {line.rpartition("|")[2].strip() for line in lines}


@pytest.mark.parametrize("tree", ["nothing at all", "old bins"])
def test_a_run_that_sees_no_bin_asks_once_in_case_the_disk_or_the_clock_is_wrong(
    s3: Any, env_file: Path, cli_environment: dict[str, str], tmp_path: Path, now: float, tree: str
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    if tree == "old bins":
        make_tiny(data, 30, now - 30 * DAY)
    with ScriptedServer(upstream=s3.endpoint) as server:
        rewrite_env(env_file, S3_ENDPOINT_URL=server.endpoint)
        modules = _imported(cli_environment, tmp_path, "--once", data, "nauset", "--max-age", "3d", "--quiet")
        assert server.kinds() == {"list": 1}
    assert NEVER_IN_A_QUIET_RUN & modules == set()


def test_no_client_is_imported_and_nothing_asked_when_no_bin_of_the_window_is_complete(
    cli_environment: dict[str, str], tmp_path: Path, now: float
) -> None:
    data = tmp_path / "data"
    make_tiny(data, 1, now)
    next(data.rglob("*.roi")).unlink()
    with ScriptedServer() as server:
        _without_server(tmp_path, server.endpoint)
        modules = _imported(cli_environment, tmp_path, "--once", data, "nauset", "--max-age", "3d", "--quiet")
        assert server.requests == []
    assert "ifcbscan.runs.scan" in modules
    assert not {"boto3", "botocore", "urllib3"} & modules
    assert NEVER_IN_A_QUIET_RUN & modules == set()


def test_a_run_with_nothing_new_imports_only_what_a_listing_needs(
    cli_environment: dict[str, str], tmp_path: Path, now: float
) -> None:
    make_tiny(tmp_path / "data", 30, now)
    with _long_listing(now) as endpoint:
        _without_server(tmp_path, endpoint)
        arguments = ["--once", tmp_path / "data", "k300", "--max-age", "3d", "--quiet"]
        modules = _imported(cli_environment, tmp_path, *arguments, "--log-file", tmp_path / "log")
    assert "botocore" in modules
    assert NEVER_IN_A_QUIET_RUN & modules == set()


# Bandwidth


@pytest.mark.timed
def test_all_workers_together_keep_to_the_bandwidth(
    env_file: Path, once: Callable[..., dict[str, Any]], tmp_path: Path, now: float
) -> None:
    files = _files_of(tmp_path / "data", 6, 250_000, now)
    size = sum(path.stat().st_size for path in files)
    answer = once(tmp_path / "data", "nauset", "--bandwidth", "500K", "--jobs", "4")
    assert answer["bytes_uploaded"] == size
    assert 0.9 * size / 500_000 <= answer["seconds"] <= 1.1 * size / 500_000 + 5


def test_the_env_file_can_set_the_bandwidth(
    env_file: Path, once: Callable[..., dict[str, Any]], tmp_path: Path, now: float
) -> None:
    rewrite_env(env_file, MAX_BANDWIDTH="200K")
    files = _files_of(tmp_path / "data", 2, 200_000, now)
    size = sum(path.stat().st_size for path in files)
    assert once(tmp_path / "data", "nauset")["seconds"] >= 0.9 * size / 200_000


@pytest.mark.matrix  # what the two tests before show of some seconds
@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_over_a_minute_the_bandwidth_holds_within_a_tenth(
    env_file: Path, once: Callable[..., dict[str, Any]], tmp_path: Path, now: float
) -> None:
    files = _files_of(tmp_path / "data", 30, 1_000_000, now)
    size = sum(path.stat().st_size for path in files)
    answer = once(tmp_path / "data", "nauset", "--bandwidth", "500K", "--jobs", "8")
    assert answer["seconds"] > 60
    assert size / answer["seconds"] == pytest.approx(500_000, rel=0.1)
