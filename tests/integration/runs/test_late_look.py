"""The `.adc` goes by a look that is a few seconds old at most, also where a try to put it, or this computer's disk, takes long."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable

import pytest
from support.scripted import Act, Request, ScriptedServer, s3_error

from ifcbscan.clock import Clock
from ifcbscan.config import load
from ifcbscan.core.bins import Fileset
from ifcbscan.core.decision import Policy
from ifcbscan.core.scan_report import ScanReport
from ifcbscan.core.states import BinState
from ifcbscan.demo.sample_bins import write_bin
from ifcbscan.disk.tree import LocalTree
from ifcbscan.runs.backends import Backends
from ifcbscan.runs.listener import Listener
from ifcbscan.runs.scan import ScanOptions, scan
from ifcbscan.s3.bucket import Bucket
from ifcbscan.s3.wire import Wire

PID = "D20130526T095207_IFCB013"
KEY = f"hablab/nauset/2013/D20130526/{PID}."


class Stopwatch(Clock):
    """Nobody waits; the time of a wait has gone by all the same. Something may happen during the first one of a retry."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.meanwhile: Callable[[], None] = lambda: None

    def monotonic(self) -> float:
        return super().monotonic() + self.passed

    def sleep(self, seconds: float, unless: threading.Event) -> None:
        self.passed += seconds
        self.meanwhile()


class SlowDisk(LocalTree):
    """Each time the `.roi` is opened something happens, and time goes by."""

    def __init__(self, root: str, on_roi: Callable[[], None]) -> None:
        super().__init__(root)
        self._on_roi = on_roi

    def open(self, fileset: Fileset, extension: str) -> Any:
        if extension == "roi":
            self._on_roi()
        return super().open(fileset, extension)


def run(s3: Any, endpoint: str, tree: LocalTree, clock: Clock) -> ScanReport:
    values = {
        "AWS_ACCESS_KEY_ID": s3.server.access_key,
        "AWS_SECRET_ACCESS_KEY": s3.server.secret_key,
        "USER_ACCOUNT": "hablab",
        "BUCKET_NAME": s3.bucket,
        "S3_ENDPOINT_URL": endpoint,
    }
    settings = load(None, values)
    bucket = Bucket(settings, clock, Wire(settings))
    with ThreadPoolExecutor(2) as pool:
        options = ScanOptions("hablab", "nauset", Policy(settle=0.0, confirm=0.0), jobs=1)
        return scan(options, Backends(tree, bucket, clock, pool), Listener(), print)


def test_before_another_try_of_the_adc_the_other_files_are_looked_at_again(s3: Any, tmp_path: Path) -> None:
    write_bin(tmp_path, PID)
    clock = Stopwatch()
    tries: list[Request] = []

    def late(request: Request) -> None:
        if request.kind == "put" and request.path.endswith(".adc"):
            tries.append(request)
            if len(tries) == 1:
                clock.passed += 10.0  # until it is known that there is no answer
                s3.client.delete_object(Bucket=s3.bucket, Key=KEY + "roi")

    # list, .roi, .hdr, look, .adc
    script = [Act.FORWARD] * 4 + [s3_error(503, "SlowDown")]
    with ScriptedServer(script, upstream=s3.endpoint, watcher=late) as between:
        report = run(s3, between.endpoint, LocalTree(str(tmp_path)), clock)
    assert len(tries) == 1 and report.bins[BinState.UPLOADED] == 0
    assert set(s3.objects()) == {KEY + "hdr"}


def test_where_all_is_as_it_was_the_adc_follows_after_another_look(s3: Any, tmp_path: Path) -> None:
    write_bin(tmp_path, PID)
    clock = Stopwatch()
    kinds: list[str] = []

    def late(request: Request) -> None:
        kinds.append(request.kind)
        if kinds == ["list", "put", "put", "list", "put"]:
            clock.passed += 10.0

    script = [Act.FORWARD] * 4 + [s3_error(503, "SlowDown")]
    with ScriptedServer(script, upstream=s3.endpoint, watcher=late) as between:
        report = run(s3, between.endpoint, LocalTree(str(tmp_path)), clock)
    assert kinds[5:] == ["head"] * 4 + ["put"]  # of the .adc, whether the try has arrived; then of all three
    assert report.bins[BinState.UPLOADED] == 1


@pytest.mark.parametrize("goes", [True, False], ids=["gone", "there"])
def test_where_the_files_here_take_long_to_read_the_archive_is_looked_at_again(
    s3: Any, tmp_path: Path, goes: bool
) -> None:
    write_bin(tmp_path, PID)
    clock = Stopwatch()
    opened: list[str] = []

    def slowly() -> None:
        opened.append("roi")
        clock.passed += 6.0
        # for its examination, to be put, and to be compared with what is there
        if goes and KEY + "hdr" in s3.objects():
            s3.client.delete_object(Bucket=s3.bucket, Key=KEY + "roi")

    report = run(s3, s3.endpoint, SlowDisk(str(tmp_path), slowly), clock)
    assert report.bins[BinState.UPLOADED] == (not goes)
    assert (KEY + "adc" in s3.objects()) is not goes
    assert report.requests.head == 3
