"""The results of a verification that do not depend on a bucket's ways; the others are in integration/runs/test_verify.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.fakes import FakeBucket, FakeTree, LocalFile, SerialExecutor, StoredObject, VirtualClock

from ifcbscan.core.bins import EXTENSIONS
from ifcbscan.core.decision import Policy
from ifcbscan.core.verify_report import BinResult, VerifyReport, VerifyState
from ifcbscan.errors import LocalFileProblem
from ifcbscan.runs.verify import VerifyBackends, VerifyListener, VerifyOptions, verify

PID = "D20231114T200000_IFCB013"
KEY = f"hablab/nauset/2023/D20231114/{PID}."


class Listening(VerifyListener):
    def __init__(self) -> None:
        self.extent = (0, 0)
        self.results: list[BinResult] = []

    def begin(self, bins: int, size: int) -> None:
        self.extent = (bins, size)

    def bin_done(self, result: BinResult) -> None:
        self.results.append(result)


class World:
    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.tree: Any = FakeTree()
        self.bucket: Any = FakeBucket(self.clock)
        self.listener = Listening()
        self.changed = self.clock.wall() - 3600
        self.tree.write_bin(PID, self.changed)

    def archive(self, *extensions: str) -> None:
        for extension in extensions:
            body = self.tree.files[f"/data/{PID}.{extension}"].body
            self.bucket.objects[KEY + extension] = StoredObject(body, self.clock.now - 3600)

    def verify(self, **policy: Any) -> VerifyReport:
        options = VerifyOptions("hablab", "nauset", Policy(**policy))
        backends = VerifyBackends(self.tree, self.bucket, self.clock, SerialExecutor())
        return verify(options, backends, self.listener, ["of the settings"])

    def reason(self, **policy: Any) -> str:
        (problem,) = self.verify(**policy).problems
        return problem.reason


@pytest.fixture
def world() -> World:
    return World()


def test_a_part_of_a_bin_in_another_folder_is_incomplete_and_the_bin_is_compared(world: World) -> None:
    world.archive(*EXTENSIONS)
    world.tree.write(f"copy/{PID}.hdr", b"half a copy", world.changed)
    report = world.verify()
    assert (report.bins[VerifyState.PROVEN], report.bins[VerifyState.INCOMPLETE]) == (1, 1)
    (problem,) = report.problems
    assert problem.reason == ".adc and .roi missing in /data/copy; only the copy in /data is compared"
    assert world.listener.extent == (1, sum(len(item.body) for item in world.bucket.objects.values()))
    assert [result.pid for result in world.listener.results] == [PID]
    assert report.warnings == ("of the settings",) and report.mode == "full"


def test_what_is_in_both_copies_of_a_bin_counts_towards_what_is_to_be_read(world: World) -> None:
    world.archive(*EXTENSIONS)
    world.tree.write_bin(PID, world.changed, folder="copy")
    report = world.verify()
    size = sum(len(item.body) for item in world.bucket.objects.values())
    assert world.listener.extent == (1, 2 * size) and report.bytes_read == 2 * size


def test_a_bin_that_the_archive_lacks_is_held_if_it_is_damaged_and_missing_if_nobody_can_tell(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert world.verify().bins[VerifyState.MISSING] == 1
    roi = world.tree.files[f"/data/{PID}.roi"]
    world.tree.files[f"/data/{PID}.roi"] = LocalFile(roi.body[:-1], roi.changed)
    assert world.verify().bins[VerifyState.HELD] == 1 and world.reason().startswith("truncated")
    assert world.verify(check_integrity=False).bins[VerifyState.MISSING] == 1

    def cannot(_fileset: Any, _extension: str) -> Any:
        raise LocalFileProblem("gone")

    monkeypatch.setattr(world.tree, "open", cannot)
    assert world.verify().bins[VerifyState.MISSING] == 1


def test_a_bin_whose_images_are_lost_is_held_and_needs_a_person(world: World) -> None:
    world.tree.files[f"/data/{PID}.roi"] = LocalFile(b"", world.changed)
    assert world.verify().bins[VerifyState.HELD] == 1
    assert world.reason().endswith("bytes of images and the .roi holds none: was the disk full?")


def test_a_folder_without_bins_is_told_if_the_archive_holds_some_and_is_no_proof_either_way(
    world: World,
) -> None:
    world.archive(*EXTENSIONS)
    world.tree.files.clear()
    report = world.verify()
    said = "no bin was found in /data, though the archive holds 1 of this series. Is the disk mounted?"
    assert report.warnings[1:] == (said,) and report.silence == said and report.exit_code == 3
    world.bucket.objects.clear()
    report = world.verify()
    assert report.silence == "" and report.warnings == ("of the settings",) and report.exit_code == 3


def test_under_a_disk_that_is_away_nothing_is_listed_as_deletable(world: World, tmp_path: Path) -> None:
    world.archive(*EXTENSIONS)
    options = VerifyOptions("hablab", "nauset", Policy(), deletable=str(tmp_path / "list"), deletable_after=0)
    backends = VerifyBackends(world.tree, world.bucket, world.clock, SerialExecutor())
    seen = verify(options, backends, world.listener)
    assert seen.exit_code == 0 and (tmp_path / "list").read_bytes()
    (tmp_path / "list").write_bytes(b"before")
    away = verify(options, backends, world.listener, silence="/mnt is no mount point any more")
    assert away.exit_code == 3 and away.warnings == ("/mnt is no mount point any more",)
    assert away.deletable is not None and not away.deletable.written
    assert (tmp_path / "list").read_bytes() == b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["list"]


def test_a_bin_that_changes_while_it_is_read_is_settling(world: World) -> None:
    world.archive(*EXTENSIONS)

    def hook(operation: str, path: str) -> None:
        if operation == "open" and path.endswith(".roi"):
            adc = world.tree.files[f"/data/{PID}.adc"]
            world.tree.write(f"{PID}.adc", adc.body, adc.changed)  # anew, with the same bytes and time

    world.tree.hook = hook
    assert world.verify().bins[VerifyState.SETTLING] == 1
    assert "while it was read" in world.reason()


def test_a_bin_that_cannot_be_read_is_unproven(world: World) -> None:
    world.archive(*EXTENSIONS)
    world.tree.unreadable.add(f"/data/{PID}.adc")
    assert world.verify().bins[VerifyState.UNPROVEN] == 1
    assert ".adc in /data cannot be read" in world.reason()
