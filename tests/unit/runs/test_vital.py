"""Vital signs as a run finds them: the newest bin's header, the disk, and no trouble of either."""

from __future__ import annotations

from typing import Any

from support.fakes import FakeBucket, FakeTree, SerialExecutor, VirtualClock

from ifcbscan.core.bins import parse_pid
from ifcbscan.core.decision import Policy
from ifcbscan.core.scan_report import ScanReport
from ifcbscan.core.vital_signs import Readings
from ifcbscan.errors import ExitCode
from ifcbscan.runs.backends import Backends
from ifcbscan.runs.listener import Listener
from ifcbscan.runs.scan import ScanOptions, scan
from ifcbscan.runs.vital import find_vital_signs

#: The virtual clock begins at 2023-11-14T22:13:20Z.
DAYS = ["D20231112T220000_IFCB013", "D20231113T220000_IFCB013", "D20231114T220000_IFCB013"]
HEADER = b"softwareVersion: x\nrunTime: 1200.0\ninhibitTime: 10.0\ntemperature: 30.5\nhumidity: 12\n"


def tree_of(*pids: str, size: int = 1000) -> Any:
    tree = FakeTree()
    for pid in pids:
        tree.write_bin(pid, 1600000000.0, roi_bytes=size)
        tree.write(f"{pid}.hdr", HEADER, 1600000000.0)
    return tree


def run(tree: Any, **more: Any) -> ScanReport:
    clock: Any = VirtualClock()
    bucket: Any = FakeBucket(clock)
    options = ScanOptions("hablab", "nauset", Policy(settle=0.0, confirm=0.0), **more)
    return scan(options, Backends(tree, bucket, clock, SerialExecutor()), Listener(), print)


def test_a_full_run_that_is_asked_tells_the_newest_bins_readings_and_the_days_left() -> None:
    tree = tree_of(*DAYS)
    tree.free = 10**12
    report = run(tree, find_vital=True)
    assert report.vital is not None
    assert (report.vital.pid, report.vital.readings) == (DAYS[-1], Readings(30.5, 12.0))
    assert report.vital.free == 10**12 and (report.vital.days_left or 0) > 1000
    assert report.exit_code == ExitCode.DONE and report.warnings == ()


def test_a_disk_that_is_nearly_full_is_a_warning_and_no_success() -> None:
    tree = tree_of(*DAYS)
    tree.free = 10**6
    report = run(tree, find_vital=True)
    (warning,) = report.warnings
    assert warning.startswith("the disk of /data is nearly full: 1.0 MB free, enough for ")
    assert report.exit_code == ExitCode.PARTLY_FAILED


def test_who_does_not_ask_and_the_every_minute_run_find_none() -> None:
    tree = tree_of(*DAYS)
    tree.free = 0
    for report in (run(tree), run(tree, find_vital=True, max_age=86400.0)):
        assert report.vital is None and report.warnings == () and report.exit_code == ExitCode.DONE


def test_an_empty_folder_has_a_disk_and_nothing_else() -> None:
    report = run(tree_of(), find_vital=True)
    assert report.vital is not None
    assert (report.vital.pid, report.vital.readings, report.vital.days_left) == (None, Readings(), None)


def test_a_header_that_cannot_be_read_and_a_disk_that_does_not_say_are_no_trouble() -> None:
    tree = tree_of(*DAYS)
    newest = parse_pid(DAYS[-1])
    filesets = tree.walk().filesets
    tree.unreadable.add(f"/data/{newest}.hdr")
    tree.free = None
    signs = find_vital_signs(filesets, newest, tree, 1700000000.0)
    assert (signs.readings, signs.free, signs.days_left) == (Readings(), None, None)
