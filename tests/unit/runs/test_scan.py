"""One run from walk to report: what is asked before the first file, what is told as the newest, how it ends.

(Every order of faults is in tests/model, what a user sees in tests/cli/test_scan.py.)
"""

from __future__ import annotations

import random
from typing import Any, Sequence

import pytest
from support.fakes import Call, FakeBucket, FakeTree, LocalFile, SerialExecutor, StoredObject, VirtualClock
from support.world import Interleaver

from ifcbscan.core.bins import EXTENSIONS, Fileset, parse_pid
from ifcbscan.core.decision import Policy
from ifcbscan.core.scan_report import ScanReport
from ifcbscan.core.states import BinState
from ifcbscan.errors import BucketRefused, BucketUnreachable, ExitCode, IfcbscanError, UsageError
from ifcbscan.runs.backends import Backends
from ifcbscan.runs.listener import Listener
from ifcbscan.runs.scan import Preparations, ScanOptions, scan

FIRST = "D20231114T200000_IFCB013"
SECOND = "D20231114T203000_IFCB013"
FUTURE = "D20400101T000000_IFCB013"
EARLIER = "D20231001T000000_IFCB013"
DAY = 86400.0


class Told(Listener):
    def __init__(self) -> None:
        self.begun = 0
        self.left: list[tuple[str, BinState]] = []

    def begin(self, bins: int, size: int) -> None:
        self.begun += 1

    def left_alone(self, local: Fileset, state: BinState, reason: str) -> None:
        self.left.append((local.pid, state))


class World:
    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.bucket: Any = FakeBucket(self.clock)
        self.tree: Any = FakeTree()
        self.told = Told()
        self.shown: list[str] = []

    def write(self, *pids: str, archived: bool = False, extensions: Sequence[str] = EXTENSIONS) -> None:
        for pid in pids:
            self.tree.write_bin(pid, self.clock.wall() - 3600)
            for extension in extensions if archived else ():
                self.archive(pid, extension)

    def archive(self, pid: str, extension: str) -> None:
        parsed = parse_pid(pid)
        assert parsed is not None
        body = self.tree.files[f"/data/{pid}.{extension}"].body
        self.bucket.objects[parsed.key("hablab/nauset/", extension)] = StoredObject(
            body, self.clock.now - 3600
        )

    def scan(self, preparations: Preparations | None = None, **options: Any) -> ScanReport:
        backends = Backends(self.tree, self.bucket, self.clock, SerialExecutor())
        how = ScanOptions("hablab", "nauset", Policy(), jobs=1, **options)
        return scan(
            how, backends, self.told, self.shown.append, preparations or Preparations(["of the settings"])
        )


@pytest.fixture
def world() -> World:
    return World()


def day_of(pid: str) -> float:
    parsed = parse_pid(pid)
    assert parsed is not None
    return parsed.sample_time


# --- a bin without images


@pytest.mark.parametrize("dry_run", [False, True])
def test_an_empty_roi_beside_an_adc_that_names_images_needs_a_person_and_a_real_one_nobody(
    world: World, dry_run: bool
) -> None:
    world.write(FIRST)
    world.tree.files[f"/data/{FIRST}.roi"] = LocalFile(b"", world.clock.wall() - 3600)
    world.tree.write_bin(SECOND, world.clock.wall() - 3600, images=0)
    report = world.scan(dry_run=dry_run)
    assert report.bins[BinState.HELD] == 2 and report.attention == 1
    reasons = {problem.pid: problem.reason for problem in report.problems}
    assert reasons[FIRST].startswith("truncated: the .adc names ")
    assert reasons[FIRST].endswith("and the .roi holds none: was the disk full?")
    assert reasons[SECOND].startswith("empty: ")


# --- the guard before the first file


@pytest.mark.parametrize("max_age", [None, 3 * DAY], ids=["full", "recent"])
@pytest.mark.parametrize("dry_run", [False, True])
def test_the_guard_is_asked_before_the_first_file_of_a_time_series(
    world: World, max_age: float | None, dry_run: bool
) -> None:
    world.write(FIRST)
    puts: list[int] = []

    def guard() -> Sequence[str]:
        puts.append(len(world.bucket.puts))
        return ["of the guard"]

    report = world.scan(Preparations(["of the settings"], guard), max_age=max_age, dry_run=dry_run)
    assert puts == [0] and report.warnings == ("of the settings", "of the guard")
    kinds = [call.kind for call in world.bucket.calls]
    asked = kinds[: len(kinds) if dry_run else kinds.index("put")].count("list")
    assert asked == (1 if max_age is None else 2)  # a recent run has not seen the whole time series yet


def test_a_guard_that_forbids_it_ends_the_run_before_anything_is_sent(world: World) -> None:
    def guard() -> Sequence[str]:
        raise UsageError("There is no such time series.")

    world.write(FIRST)
    with pytest.raises(UsageError):
        world.scan(Preparations(guard=guard))
    assert world.bucket.puts == []


def test_the_guard_is_not_asked_where_something_is_there_or_nothing_is_to_be_sent(world: World) -> None:
    def guard() -> Sequence[str]:
        pytest.fail("asked")

    guarded = Preparations(guard=guard)
    world.scan(guarded)  # nothing on the disk
    world.write(EARLIER, archived=True)
    world.write(FIRST)
    world.scan(guarded, dry_run=True)
    world.tree.files = {path: file for path, file in world.tree.files.items() if FIRST in path}
    world.scan(guarded, dry_run=True, max_age=3 * DAY)  # has seen none, asks, and hears of the one of October
    assert [call for call in world.bucket.calls if call.kind == "list"][-1] == Call("list", "hablab/nauset/")
    world.bucket.objects.clear()
    world.tree.files.clear()
    world.tree.write_bin(FIRST, world.clock.wall() - 1)  # settling
    world.scan(guarded)


# --- what is told


def test_a_scan_that_has_nothing_to_send_tells_of_no_sending(world: World) -> None:
    world.write(FIRST, archived=True)
    world.tree.write_bin(SECOND, world.clock.wall() - 1)
    report = world.scan()
    assert (report.bins[BinState.SYNCED], report.bins[BinState.SETTLING]) == (1, 1)
    assert world.told.begun == 0 and world.told.left == [(SECOND, BinState.SETTLING)]
    assert report.ended_by is None and report.exit_code == ExitCode.DONE


def test_a_part_of_a_bin_beside_a_whole_one_is_incomplete(world: World) -> None:
    world.write(FIRST, archived=True)
    world.tree.write(f"copy/{FIRST}.hdr", b"half a copy", world.clock.wall() - 3600)
    report = world.scan()
    assert (report.bins[BinState.SYNCED], report.bins[BinState.INCOMPLETE]) == (1, 1)


def test_the_newest_here_and_there_are_complete_bins_that_are_not_from_the_future(world: World) -> None:
    world.write(EARLIER, FIRST, archived=True)
    world.tree.write_bin(SECOND, world.clock.wall() - 1)  # settling: it is here, and not there
    world.write(FUTURE, archived=True)
    world.tree.write("D20231114T210000_IFCB013.hdr", b"not all there", world.clock.wall() - 3600)
    report = world.scan(find_newest=True)
    assert (report.newest_local, report.newest_archived) == (SECOND, FIRST)
    unasked = world.scan()
    assert (unasked.newest_local, unasked.newest_archived) == (None, None)


def test_a_bin_is_archived_once_this_run_has_sent_it_and_not_while_other_content_of_it_is_there(
    world: World,
) -> None:
    world.write(EARLIER, FIRST, archived=True)
    pid = parse_pid(FIRST)
    assert pid is not None
    differs = Preparations(differs={pid: ["roi"]})
    assert world.scan(differs, find_newest=True, dry_run=True).newest_archived == EARLIER
    assert world.shown and ".roi .hdr .adc" not in world.shown[0] and ".roi .hdr" in world.shown[0]
    world.write(SECOND)
    assert world.scan(find_newest=True).newest_archived == SECOND


def test_of_content_that_differed_only_bins_of_the_same_sizes_are_sent_again(world: World) -> None:
    world.write(FIRST, archived=True)
    first, gone = parse_pid(FIRST), parse_pid(SECOND)
    assert first is not None and gone is not None
    both = Preparations(differs={gone: ["roi"], first: ["adc"]})
    key = first.key("hablab/nauset/", "adc")
    spoilt = bytes(len(world.bucket.objects[key].body))
    world.bucket.objects[key] = StoredObject(spoilt, world.clock.now - 3600)
    assert world.scan(both).bins[BinState.UPLOADED] == 1
    assert [key[-3:] for key in world.bucket.puts] == ["adc"]
    body = world.tree.files[f"/data/{FIRST}.hdr"].body
    world.tree.write(f"{FIRST}.hdr", body + b"more", world.clock.wall() - 3600)
    world.scan(both, dry_run=True)
    assert "  .hdr  " in world.shown[-1]  # by the sizes, as always: the .adc may have been put right since
    world.scan(both)
    assert [key[-3:] for key in world.bucket.puts] == ["adc", "hdr"]


def test_the_newest_bins_are_sent_first(world: World) -> None:
    world.write(FIRST, EARLIER, SECOND)
    world.scan()
    rois = [key.rpartition("/")[2][:-4] for key in world.bucket.puts if key.endswith(".roi")]
    assert rois == [SECOND, FIRST, EARLIER]


def test_the_report_says_how_long_the_scan_took(world: World) -> None:
    world.clock.advance(1000)
    world.write(FIRST)
    assert Policy().confirm <= world.scan().seconds < Policy().confirm + 5


# --- how it ends


@pytest.mark.parametrize(
    "error, code",
    [
        (BucketUnreachable("no answer"), ExitCode.PARTLY_FAILED),
        (BucketRefused("access denied"), BucketRefused.exit_code),
    ],
    ids=["unreachable", "refused"],
)
def test_what_ends_a_run_is_in_its_report_and_a_bucket_that_was_listed_was_reached(
    world: World, error: IfcbscanError, code: int
) -> None:
    def hook(moment: str, call: Call) -> None:
        if call.kind == "put" or world.bucket.calls[1:]:
            raise error

    world.write(FIRST)
    world.bucket.hook = hook
    report = world.scan()
    assert (report.ended_by, report.ended_code) == (str(error), code)
    assert report.exit_code == code


def test_a_listing_that_fails_ends_the_run_without_a_report(world: World) -> None:
    def hook(moment: str, call: Call) -> None:
        raise BucketUnreachable("no answer")

    world.write(FIRST)
    world.bucket.hook = hook
    with pytest.raises(BucketUnreachable):
        world.scan()


def test_a_scan_without_complete_bins_asks_nothing(world: World) -> None:
    world.tree.write(f"{FIRST}.hdr", b"not all there", world.clock.wall() - 3600)
    report = world.scan()
    assert world.bucket.calls == [] and report.bins[BinState.INCOMPLETE] == 1


# --- two computers with the same bins


def test_the_slower_of_two_computers_with_the_same_bins_lists_again_and_puts_nothing_of_what_is_there(
    world: World,
) -> None:
    pids = [f"D20231001T{hour:02d}0000_IFCB013" for hour in range(12)]
    world.write(*pids)
    faster, slower = world, World()
    slower.clock, slower.tree = world.clock, world.tree
    slower.bucket = FakeBucket(world.clock)
    slower.bucket.objects = world.bucket.objects
    reports: list[ScanReport] = []

    def overtake(when: str, call: Call) -> None:
        if call.kind == "put" and when == "before" and not reports:
            reports.append(faster.scan())

    slower.bucket.hook = overtake
    report = slower.scan(find_newest=True)
    assert reports[0].bins[BinState.UPLOADED] == 12 and reports[0].files_uploaded == 36
    assert report.bins[BinState.SYNCED] == 12 and report.bins[BinState.UPLOADED] == 0
    assert (report.files_uploaded, report.bytes_uploaded, report.uploaded) == (0, 0, ())
    assert report.newest_archived == pids[-1] == report.newest_local
    assert len(slower.bucket.puts) == 4  # the .roi and .hdr of two bins, whose answers told
    assert report.requests.list == 3  # two of all, and one for the look at the two bins
    assert report.exit_code == ExitCode.DONE


def test_two_computers_side_by_side_share_the_bins_between_them(world: World) -> None:
    """They take turns at their requests, so from the first file on each is in the way of the other."""
    pids = [f"D20231001T{hour:02d}{minute:02d}00_IFCB013" for hour in range(12) for minute in (0, 20, 40)]
    world.write(*pids)
    worlds = [world, World()]
    worlds[1].tree = world.tree
    worlds[1].bucket.objects = world.bucket.objects
    interleaver = Interleaver([])
    reports: dict[int, ScanReport] = {}

    def work(number: int) -> None:
        def before_each(when: str, call: Call) -> None:
            if when == "before":
                interleaver.turn(number)

        worlds[number].bucket.hook = before_each
        reports[number] = worlds[number].scan()

    random.seed(1)
    interleaver.run([lambda: work(0), lambda: work(1)])
    both = reports.values()
    assert sum(report.bins[BinState.UPLOADED] for report in both) == len(pids)
    assert sum(report.bins[BinState.SYNCED] for report in both) == len(pids)
    assert sum(report.files_uploaded for report in both) == 3 * len(pids)
    # Side by side to the end it would be nearly every file, and a listing for every other bin.
    assert sum(len(one.bucket.puts) for one in worlds) - 3 * len(pids) <= len(pids)
    assert sum(report.requests.list for report in both) <= 12
    assert min(report.bins[BinState.UPLOADED] for report in both) >= len(pids) // 4
