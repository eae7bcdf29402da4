"""The window of a job: whatever the mode and the options, nothing outside of it is ever sent, and all of it is counted."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.fakes import FakeBucket, SerialExecutor, StoredObject, VirtualClock

from ifcbscan.core.bins import EXTENSIONS, Pid, parse_pid
from ifcbscan.core.decision import Policy
from ifcbscan.core.states import BinState
from ifcbscan.core.window import Window
from ifcbscan.demo.sample_bins import write_bin
from ifcbscan.disk.tree import LocalTree
from ifcbscan.runs.backends import Backends
from ifcbscan.runs.content import compare
from ifcbscan.runs.listener import Listener
from ifcbscan.runs.scan import Preparations, ScanOptions, scan
from ifcbscan.runs.survey import survey
from ifcbscan.runs.verify import VerifyListener

PIDS = tuple(
    Pid(name)
    for name in (
        "IFCB5_2012_028_081515",
        "D20251231T235959_IFCB013",
        "D20260101T000000_IFCB013",
        "D20260101T000001_IFCB010",
        "D20260531T235959_IFCB013",
        "D20260601T000000_IFCB010",
    )
)
PREFIX = "hablab/nauset/"
NOW = 1780358400.0  # 2026-06-02T00:00:00Z

_borders = st.sampled_from([float(pid.sample_time + step) for pid in PIDS for step in (-1, 0, 1)])
_windows = st.builds(
    Window,
    st.one_of(st.just(-math.inf), _borders),
    st.one_of(st.just(math.inf), _borders),
    st.frozensets(st.sampled_from([5, 10, 13]), max_size=2),
)
#: What the archive has of a bin: nothing, an old attempt of which the .roi was deleted, all of it, other content.
_remote = st.lists(
    st.sampled_from(["nothing", "rejected", "right", "other content", "larger", "smaller"]),
    min_size=len(PIDS),
    max_size=len(PIDS),
)


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("disk")
    for number, pid in enumerate(PIDS):
        write_bin(folder / str(number % 2), pid, images=2, roi_bytes=400, mtime=1500000000.0)
    return folder


def _stored(disk: Path, remote: list[str]) -> dict[str, StoredObject]:
    found = {}
    for number, (pid, state) in enumerate(zip(PIDS, remote)):
        for extension in EXTENSIONS:
            body = (disk / str(number % 2) / f"{pid}.{extension}").read_bytes()
            if state == "nothing" or (state == "rejected" and extension != "hdr"):
                continue
            if state == "other content":
                body = bytes([body[0] ^ 1]) + body[1:]
            body += b"more" if state == "larger" else b""
            body = body[:-1] if state == "smaller" else body
            found[pid.key(PREFIX, extension)] = StoredObject(body, NOW - 3600)
    return found


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    window=_windows,
    remote=_remote,
    max_age=st.sampled_from([None, 3 * 86400.0, 200 * 86400.0]),
    replace=st.booleans(),
    retry=st.booleans(),
    content=st.booleans(),
    dry_run=st.booleans(),
)
def test_nothing_outside_the_window_is_ever_sent(
    disk: Path,
    window: Window,
    remote: list[str],
    max_age: float | None,
    replace: bool,
    retry: bool,
    content: bool,
    dry_run: bool,
) -> None:
    clock = VirtualClock(NOW)
    bucket: Any = FakeBucket(clock)
    bucket.objects.update(_stored(disk, remote))
    before = dict(bucket.objects)
    options = ScanOptions(
        "hablab", "nauset", Policy(replace=replace), dry_run, max_age, retry_rejected=retry, window=window
    )
    oldest = None if max_age is None else NOW - max_age
    tree = LocalTree(str(disk), (), oldest, window=window)
    prepared = Preparations()
    if content:
        prepared = Preparations(differs=compare(options, tree, bucket, clock, VerifyListener()).differs)
    shown: list[str] = []
    report = scan(
        options, Backends(tree, bucket, clock, SerialExecutor()), Listener(), shown.append, prepared
    )
    outside = [pid for pid in PIDS if not window.holds(pid)]
    touched = {pid for pid in PIDS if any(str(pid) in key for key in bucket.puts)}
    assert not touched & set(outside)
    assert not any(str(pid) in line for pid in outside for line in shown)
    assert all(bucket.objects.get(key) == stored for key, stored in before.items() if _pid(key) in outside)
    seen = [pid for pid in PIDS if oldest is None or pid.sample_time >= oldest]
    assert report.bins[BinState.OUTSIDE] == sum(pid in outside for pid in seen)
    assert sum(report.bins.values()) == len(seen)


def _pid(key: str) -> Pid | None:
    return parse_pid(key.rsplit("/", 1)[-1].partition(".")[0])


@pytest.mark.parametrize(
    "window", [Window(since=float(PIDS[2].sample_time)), Window(instruments=frozenset([13]))]
)
def test_a_survey_leaves_out_what_is_outside_here_and_in_the_archive(disk: Path, window: Window) -> None:
    clock = VirtualClock(NOW)
    bucket: Any = FakeBucket(clock)
    bucket.objects.update(_stored(disk, ["right"] * len(PIDS)))
    gone = "D20200101T000000_IFCB010"
    for extension in EXTENSIONS:
        bucket.objects[Pid(gone).key(PREFIX, extension)] = StoredObject(b"x" * 9, NOW - 3600)
    options = ScanOptions("hablab", "nauset", Policy(), window=window)
    found = survey(options, LocalTree(str(disk), window=window), bucket, clock, SerialExecutor())
    assert {item.pid for item in found.bins} == {pid for pid in PIDS if window.holds(pid)}
    assert found.outside == sum(not window.holds(pid) for pid in PIDS)
