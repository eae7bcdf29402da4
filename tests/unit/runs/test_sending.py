"""What a dry run says of each bin on which there is something to do is what a run does with it."""

from __future__ import annotations

from typing import Any

import pytest
from support.fakes import FakeBucket, FakeTree, LocalFile, SerialExecutor, StoredObject, VirtualClock

from ifcbscan.core.bins import Pid, RemoteFileset
from ifcbscan.core.decision import Now, Policy
from ifcbscan.core.remote_index import index_objects
from ifcbscan.core.scan_report import Tally
from ifcbscan.core.states import BinState
from ifcbscan.runs.backends import Backends
from ifcbscan.runs.compared import Compared
from ifcbscan.runs.listener import Listener
from ifcbscan.runs.scan_options import ScanOptions
from ifcbscan.runs.sending import send, show_what_would_be_sent

PREFIX = "hablab/nauset/"
PID = Pid("D20231114T200000_IFCB013")
KEY = f"{PREFIX}2023/D20231114/{PID}."


class Scene:
    """One bin, of which the archive may have some files, or other content."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.bucket: Any = FakeBucket(self.clock)
        self.tree: Any = FakeTree()
        self.tree.write_bin(PID, self.clock.wall() - 3600)
        self.other_content: dict[Pid, frozenset[str]] = {}
        self.tally = Tally()

    def size(self, *extensions: str) -> int:
        return sum(len(self.tree.files[f"/data/{PID}.{extension}"].body) for extension in extensions)

    def store(self, *extensions: str) -> None:
        for extension in extensions:
            body = self.tree.files[f"/data/{PID}.{extension}"].body
            self.bucket.objects[KEY + extension] = StoredObject(body, self.clock.now - 3600)

    def compared(self) -> Compared:
        inventory = self.tree.walk()
        remote: dict[Pid, RemoteFileset] = {}
        index_objects(self.bucket.list(PREFIX), PREFIX, inventory.filesets, remote)
        now = Now(self.bucket.server_clock.now(), self.clock.wall())
        return Compared(inventory, remote, now, Policy(), False, self.other_content)

    def shown(self) -> str:
        compared = self.compared()
        lines: list[str] = []
        backends = Backends(self.tree, self.bucket, self.clock, SerialExecutor())
        options = ScanOptions("hablab", "nauset", Policy())
        filesets = compared.inventory.filesets.values()
        show_what_would_be_sent(filesets, compared, options, backends, lines.append, self.tally)
        assert self.bucket.puts == []
        (line,) = lines
        return line

    def sent(self) -> list[str]:
        compared = self.compared()
        backends = Backends(self.tree, self.bucket, self.clock, SerialExecutor())
        options = ScanOptions("hablab", "nauset", Policy())
        filesets = compared.inventory.filesets.values()
        assert send(filesets, compared, options, backends, Listener(), self.tally) is None
        return [key[-3:] for key in self.bucket.puts]


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.mark.parametrize(
    "there, other, sent",
    [
        ((), (), ("roi", "hdr", "adc")),
        (("roi",), (), ("hdr", "adc")),
        (("roi", "hdr"), (), ("adc",)),
        (("adc",), (), ("roi", "hdr")),
        (("roi", "hdr", "adc"), ("adc",), ("adc",)),
        (("roi", "hdr", "adc"), ("hdr",), ("hdr",)),
        (("roi", "hdr", "adc"), ("roi", "hdr", "adc"), ("roi", "hdr", "adc")),
    ],
    ids=str,
)
def test_the_files_that_a_dry_run_names_are_those_that_a_run_sends(
    scene: Scene, there: tuple[str, ...], other: tuple[str, ...], sent: tuple[str, ...]
) -> None:
    scene.store(*there)
    for extension in other:
        body = scene.bucket.objects[KEY + extension].body
        scene.bucket.objects[KEY + extension] = StoredObject(bytes(len(body)), scene.clock.now - 3600)
    if other:
        scene.other_content = {PID: frozenset(other)}
    line = scene.shown()
    names = " ".join("." + extension for extension in sent)
    assert line.startswith(f"{PID}  {scene.size(*sent):>12,} bytes  {names}  ")
    assert scene.tally.bins[BinState.TO_UPLOAD] == 1
    assert scene.sent() == list(sent) and scene.tally.bins[BinState.UPLOADED] == 1


def test_of_a_bin_that_would_not_be_sent_a_dry_run_says_why(scene: Scene) -> None:
    roi = scene.tree.files[f"/data/{PID}.roi"]
    scene.tree.files[f"/data/{PID}.roi"] = LocalFile(roi.body[:-1], roi.changed)
    assert scene.shown().startswith(f"{PID}  held: truncated")
    assert scene.tally.bins[BinState.HELD] == 1
    assert scene.sent() == []


def test_a_bin_that_the_dashboard_will_refuse_is_sent_and_named(scene: Scene) -> None:
    path = f"/data/{PID}.adc"
    names = b",".join([b"name"] * 24) + b"\n"
    scene.tree.write(f"{PID}.adc", names + scene.tree.files[path].body, scene.clock.wall() - 3600)
    assert scene.sent() == ["roi", "hdr", "adc"]
    (warning,) = scene.tally.warnings
    assert f"the dashboard will refuse it: {PID} (the .adc begins with a row of names)" in warning
