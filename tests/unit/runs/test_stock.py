"""What lies on a disk and what of it is to be sent: by the same decisions as a scan."""

from __future__ import annotations

from typing import Any

import pytest
from support.fakes import FakeBucket, FakeTree, SerialExecutor, StoredObject, VirtualClock

from ifcbscan.core.bins import EXTENSIONS, Pid
from ifcbscan.core.decision import Policy
from ifcbscan.runs.scan_options import ScanOptions
from ifcbscan.runs.stock import count_stock, take_stock

pytestmark = pytest.mark.windows_core

SYNCED = Pid("D20260401T000000_IFCB013")
ABSENT = Pid("D20260402T000000_IFCB013")
SETTLING = Pid("D20260403T000000_IFCB013")
EMPTY = Pid("D20260404T000000_IFCB013")
BROKEN = Pid("D20260405T000000_IFCB013")


@pytest.fixture
def world() -> tuple[Any, Any, VirtualClock]:
    clock = VirtualClock()
    tree, bucket = FakeTree(), FakeBucket(clock)
    for pid in (SYNCED, ABSENT, EMPTY):
        for extension in EXTENSIONS:
            body = b"" if pid == EMPTY else b"content of " + extension.encode()
            tree.write(f"{pid}.{extension}", body, clock.wall() - 3600)
            if pid == SYNCED:
                bucket.objects[pid.key("hablab/nauset/", extension)] = StoredObject(body, clock.now - 3600)
    for extension in EXTENSIONS:
        tree.write(f"{SETTLING}.{extension}", b"being written", clock.wall() - 1)
    tree.write(f"{BROKEN}.hdr", b"alone", clock.wall() - 3600)
    return tree, bucket, clock


def test_what_a_scan_would_send_now_or_soon_is_to_be_sent(world: tuple[Any, Any, VirtualClock]) -> None:
    tree, bucket, clock = world
    options = ScanOptions("hablab", "nauset", Policy())
    stock = take_stock(options, tree, bucket, clock, SerialExecutor())
    (group,) = stock.groups
    assert (group.bins, group.in_archive, group.to_send) == (4, 1, 2)
    assert stock.to_send_since == ABSENT.sample_time and stock.compared
    assert bucket.puts == []


def test_the_disk_alone_is_counted_without_a_question(world: tuple[Any, Any, VirtualClock]) -> None:
    tree, bucket, _ = world
    stock = count_stock(tree)
    assert (stock.bins, stock.to_send, stock.compared) == (4, 4, False)
    assert "archive" not in stock.lines()[0]
    assert bucket.calls == []
