"""Which bins `sync --content` sends again, and what a person is told of the others."""

from __future__ import annotations

from typing import Any

import pytest
from support.fakes import FakeBucket, FakeTree, StoredObject, VirtualClock

from ifcbscan.core.bins import EXTENSIONS
from ifcbscan.core.decision import Policy
from ifcbscan.runs.content import Comparison, compare
from ifcbscan.runs.scan_options import ScanOptions
from ifcbscan.runs.verify import VerifyListener


class World:
    """Bins here and in the archive."""

    def __init__(self, bins: int) -> None:
        self.pids = [f"D20231114T20{minute:02d}00_IFCB013" for minute in range(bins)]
        self.clock = VirtualClock()
        self.tree: Any = FakeTree()
        self.bucket: Any = FakeBucket(self.clock)
        for pid in self.pids:
            self.tree.write_bin(pid, self.clock.wall() - 3600)
            for extension in EXTENSIONS:
                body = self.tree.files[f"/data/{pid}.{extension}"].body
                self.bucket.objects[self.key(pid, extension)] = StoredObject(body, self.clock.now - 3600)

    @staticmethod
    def key(pid: str, extension: str) -> str:
        return f"hablab/nauset/2023/D20231114/{pid}.{extension}"

    def spoil(self, pid: str, extension: str) -> None:
        stored = self.bucket.objects[self.key(pid, extension)]
        self.bucket.objects[self.key(pid, extension)] = stored._replace(body=bytes(len(stored.body)))

    def compare(self) -> Comparison:
        options = ScanOptions("hablab", "nauset", Policy())
        return compare(options, self.tree, self.bucket, self.clock, VerifyListener())


def test_where_all_is_the_same_nothing_is_sent_again_and_nothing_told() -> None:
    assert World(2).compare() == Comparison({}, ())


@pytest.mark.parametrize("bins, more", [(1, ""), (10, ""), (11, ", ...")])
def test_what_differs_is_named_by_bin_and_file(bins: int, more: str) -> None:
    world = World(bins)
    for pid in world.pids:
        world.spoil(pid, "adc")
    found = world.compare()
    assert {pid: list(extensions) for pid, extensions in found.differs.items()} == dict.fromkeys(
        world.pids, ["adc"]
    )
    (warning,) = found.warnings
    assert f"({', '.join(world.pids[:10])}{more})" in warning and "does not download" in warning


def test_what_cannot_be_compared_is_told_and_not_sent_again() -> None:
    world = World(3)
    world.tree.unreadable.add(f"/data/{world.pids[0]}.roi")
    copy = world.tree.files[f"/data/{world.pids[1]}.hdr"]
    world.tree.write_bin(world.pids[1], world.clock.wall() - 3600, folder="copy")
    world.tree.write(f"copy/{world.pids[1]}.hdr", bytes(len(copy.body)), copy.changed)
    found = world.compare()
    assert found.differs == {}
    unproven, in_conflict = found.warnings
    assert unproven.startswith("the content of 1 bin could not be compared")
    assert in_conflict.startswith("of 1 bin two copies on this disk differ")
