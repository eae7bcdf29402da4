"""A survey of more bins than can be examined, and which bin counts as the newest. States: integration/runs/test_survey.py."""

from __future__ import annotations

from typing import Any

import pytest
from support.fakes import FakeBucket, FakeTree, LocalFile, SerialExecutor, StoredObject, VirtualClock

from ifcbscan.core.bins import Pid
from ifcbscan.core.decision import Policy
from ifcbscan.core.window import Window
from ifcbscan.runs import survey as module
from ifcbscan.runs.scan_options import ScanOptions
from ifcbscan.runs.survey import Survey, survey

PIDS = [f"D20231114T20{minute:02d}00_IFCB013" for minute in range(4)]
FUTURE = "D20400101T000000_IFCB013"


class World:
    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.tree: Any = FakeTree()
        self.bucket: Any = FakeBucket(self.clock)

    def write(self, pid: str, images: int = 3) -> None:
        self.tree.write_bin(pid, self.clock.wall() - 3600, images=images)

    def survey(self, **policy: Any) -> Survey:
        more = {name: policy.pop(name) for name in ("window", "expect_every") if name in policy}
        options = ScanOptions("hablab", "nauset", Policy(**policy), **more)
        return survey(options, self.tree, self.bucket, self.clock, SerialExecutor())


@pytest.fixture
def world() -> World:
    return World()


def test_of_many_bins_that_wait_the_newest_are_examined_and_that_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EXAMINED_AT_MOST", 2)
    for pid in PIDS:
        world.write(pid)
        roi = world.tree.files[f"/data/{pid}.roi"]
        world.tree.files[f"/data/{pid}.roi"] = LocalFile(roi.body[:-1], roi.changed)
    found = world.survey()
    states = {item.pid: item.state.value for item in found.bins}
    assert states == dict(zip(PIDS, ["to_upload", "to_upload", "held", "held"]))
    (warning,) = found.warnings
    assert warning.startswith("4 bins wait to be sent; only the newest 2")
    unexamined = world.survey(check_integrity=False)
    assert {item.state.value for item in unexamined.bins} == {"to_upload"} and unexamined.warnings == ()


def test_a_disk_that_is_full_is_told_though_no_bins_come(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert world.survey().warnings == ()
    monkeypatch.setattr(world.tree, "free_space", lambda: 0)
    found = world.survey()
    assert found.vital.disk_nearly_full and found.warnings == (found.vital.warning("/data"),)


def test_the_newest_bin_is_not_one_from_the_future_nor_one_without_images(world: World) -> None:
    for pid in PIDS[:2]:
        world.write(pid)
    world.write(PIDS[3], images=0)
    world.write(FUTURE)
    newest = world.survey().newest
    assert newest is not None and newest.pid == PIDS[1]


def test_bins_that_only_the_archive_has_are_archived_if_they_are_whole_there(world: World) -> None:
    for pid in PIDS[:2]:
        for extension in ("hdr", "adc", "roi") if pid == PIDS[0] else ("hdr", "roi"):
            key = f"hablab/nauset/2023/D20231114/{pid}.{extension}"
            world.bucket.objects[key] = StoredObject(b"bytes", world.clock.now - 3600)
    found = {item.pid: (item.state.value, item.size) for item in world.survey().bins}
    assert found == {PIDS[0]: ("archived", 15), PIDS[1]: ("incomplete", 10)}


def test_a_part_of_a_bin_beside_a_whole_one_is_told(world: World) -> None:
    world.write(PIDS[0])
    world.tree.write(f"copy/{PIDS[0]}.hdr", b"half a copy", world.clock.wall() - 3600)
    assert sorted(item.state.value for item in world.survey().bins) == ["incomplete", "to_upload"]


def test_a_survey_tells_why_the_dashboard_will_refuse_a_bin_that_is_here(world: World) -> None:
    for pid in PIDS[:2]:
        world.write(pid)
    adc = world.tree.files[f"/data/{PIDS[0]}.adc"]
    names = b",".join([b"name"] * 24) + b"\n"
    world.tree.files[f"/data/{PIDS[0]}.adc"] = LocalFile(names + adc.body, adc.changed)
    del world.tree.files[f"/data/{PIDS[1]}.roi"]
    found = world.survey()
    why = {pid: found.refusal(Pid(pid)) for pid in PIDS[:3]}  # the second is not whole, the third not here
    assert why == {PIDS[0]: "the .adc begins with a row of names", PIDS[1]: "", PIDS[2]: ""}
    reasons = {str(item.pid): item.reason for item in found.bins}
    assert (
        reasons[PIDS[0]]
        == "not in the archive; the dashboard will refuse it: the .adc begins with a row of names"
    )


def test_an_empty_folder_beside_an_archive_with_bins_is_told(world: World) -> None:
    assert (world.survey().silence, world.survey().warnings) == ("", ())
    world.write(PIDS[0])
    for path, file in world.tree.files.items():
        world.bucket.objects["hablab/nauset/2023/D20231114/" + path.rpartition("/")[2]] = StoredObject(
            file.body, 1.0
        )
    assert world.survey().silence == ""
    world.tree.files.clear()
    found = world.survey()
    assert found.silence == (
        "no bin was found in /data, though the archive holds 1 of this series. Is the disk mounted?"
    )
    assert found.warnings == (found.silence,)


def test_bins_that_are_left_out_are_bins_all_the_same(world: World) -> None:
    world.bucket.objects[f"hablab/nauset/2023/D20231114/{PIDS[0]}.roi"] = StoredObject(b"x", 1.0)
    assert world.survey().silence
    world.tree = FakeTree(exclude=["beads"])
    world.tree.write_bin(PIDS[1], world.clock.wall() - 3600, folder="beads")
    assert world.survey().silence == ""


def test_a_bin_is_expected_as_often_as_somebody_has_said(world: World) -> None:
    assert "there is no complete one here" in world.survey(expect_every=7200.0).silence
    world.write(PIDS[0], images=0)  # measured, though there was nothing to be seen
    world.write(FUTURE)
    age = world.survey().now - Pid(PIDS[0]).sample_time
    assert world.survey(expect_every=age).silence == ""
    found = world.survey(expect_every=age - 1)
    assert found.silence.startswith("no new bin: the newest one here was sampled ")
    assert found.silence in found.warnings
    over = Window(until=world.clock.wall())  # nothing is to come any more
    assert world.survey(expect_every=age - 1, window=over).silence == ""
