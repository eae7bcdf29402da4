"""Acting on decisions: what is put in which order and when, and what becomes of every bin.

The uploader runs on the stand-ins of `support.fakes`: time passes only where it waits.
"""

from __future__ import annotations

import os
import random
import threading
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from typing import Any, Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fakes import (
    CONDITIONS,
    Call,
    FakeBucket,
    FakeTree,
    Killed,
    LocalFile,
    SerialExecutor,
    StoredObject,
    VirtualClock,
)

from ifcbscan.core.bins import MISSING, NOTHING_REMOTE, Pid, RemoteFileset
from ifcbscan.core.decision import Action, Known, Now, Policy, content_marks, decide
from ifcbscan.core.remote_index import index_objects
from ifcbscan.core.scan_report import Tally
from ifcbscan.core.states import BinState
from ifcbscan.errors import (
    BucketRefused,
    BucketUnreachable,
    ConcurrentWrite,
    FileChanged,
    IfcbscanError,
    Interrupted,
    LocalFileProblem,
    PutRefused,
)
from ifcbscan.runs import upload
from ifcbscan.runs.backends import Backends, StopRequest
from ifcbscan.runs.bin_job import BinJob
from ifcbscan.runs.listener import Listener
from ifcbscan.runs.turns import Turns
from ifcbscan.runs.upload import Uploader, UploadOptions
from ifcbscan.state.bin_locks import ALONE, BinLocks

PREFIX = "hablab/nauset/"
FIRST = "D20231114T200000_IFCB013"
SECOND = "D20231114T203000_IFCB013"
THIRD = "D20231114T210000_IFCB013"
DAY = 24 * 3600.0


def _key(pid: str, extension: str) -> str:
    return f"{PREFIX}2023/D20231114/{pid}.{extension}"


class Told(Listener):
    """Keeps what the uploader told."""

    def __init__(self) -> None:
        self.bins = 0
        self.bytes = 0
        self.results: dict[str, tuple[str, str]] = {}
        self.ended = 0
        self.while_sending: list[str] = []

    def begin(self, bins: int, size: int) -> None:
        self.bins, self.bytes = bins, size

    def bin_done(self, job: BinJob, state: BinState, reason: str) -> None:
        assert job.local.pid not in self.results, "told twice"
        self.results[job.local.pid] = (state.value, reason)

    def end(self) -> None:
        self.ended += 1
        self.while_sending = list(self.results)


class World:
    """A disk, a bucket, a time, and runs over them."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.bucket = FakeBucket(self.clock)
        self.tree = FakeTree()
        self.policy = Policy()
        self.cancelled = threading.Event()
        self.claims: BinLocks = ALONE
        self.other_content: dict[str, Sequence[str]] = {}
        self.told = Told()
        self.tally = Tally()
        self.list_again: Callable[[], None] = lambda: None

    def write(self, *pids: str, age: float = 3600.0) -> None:
        """Write whole bins that were last changed `age` seconds ago."""
        for pid in pids:
            self.tree.write_bin(pid, self.clock.wall() - age)

    def change(self, pid: str, extension: str, more: bytes = b"more") -> None:
        """The instrument goes on writing a file."""
        path = f"/data/{pid}.{extension}"
        self.tree.files[path] = LocalFile(self.tree.files[path].body + more, self.clock.wall())

    def run(
        self, jobs: int = 1, time_limit: float | None = None, pool: Executor | None = None
    ) -> IfcbscanError | None:
        """Decide on every bin and carry the decisions out, newest bins first."""
        inventory = self.tree.walk()
        remote: dict[Pid, RemoteFileset] = {}
        index_objects(self.bucket.list(PREFIX), PREFIX, inventory.filesets, remote)
        now = Now(self.bucket.server_clock.now(), self.clock.wall())
        work: dict[str, BinJob] = {}
        for pid, local in sorted(inventory.filesets.items(), reverse=True):
            there = remote.get(pid, NOTHING_REMOTE)
            known = Known(other_content=content_marks(there, self.other_content.get(pid, ())))
            decision = decide(local, there, now, self.policy, (), known)
            if decision.action is not Action.NONE:
                work[local.pid] = BinJob(local, there, (), decision, known, repairs=there.adc != MISSING)
        self.told, self.tally = Told(), Tally()
        backends = Backends(
            self.tree,  # type: ignore[arg-type]
            self.bucket,  # type: ignore[arg-type]
            self.clock,
            pool or SerialExecutor(),
            StopRequest(self.cancelled),
            self.claims,
        )
        uploader = Uploader(UploadOptions(PREFIX, self.policy, jobs, time_limit), backends, self.told)
        turns = Turns([[job.local for job in work.values()]])
        ended_by = uploader.run(turns, lambda local: work[local.pid], self.list_again, self.tally)
        assert len(self.told.results) == len(work) == self.told.bins
        assert sum(self.tally.bins.values()) == len(work)
        assert self.told.ended == 1
        return ended_by

    @property
    def states(self) -> dict[str, str]:
        """Pid -> the state in which the last run left it."""
        return {pid: state for pid, (state, _) in self.told.results.items()}

    def is_whole(self, pid: str) -> bool:
        """Whether the bucket has the bytes of the three local files."""
        return all(
            _key(pid, ext) in self.bucket.objects
            and self.bucket.objects[_key(pid, ext)].body == self.tree.files[f"/data/{pid}.{ext}"].body
            for ext in ("hdr", "adc", "roi")
        )


@pytest.fixture
def world() -> World:
    """A world of its own."""
    return World()


def _on(
    kind: str, key: str, action: Callable[[], None], moment: str = "before"
) -> Callable[[str, Call], None]:
    """A hook that does something around every such request."""

    def hook(when: str, call: Call) -> None:
        if (when, call.kind, call.key) == (moment, kind, key):
            action()

    return hook


def _raise(error: BaseException) -> Callable[[], None]:
    def action() -> None:
        raise error

    return action


def _log_of(world: World) -> list[tuple[str, str]]:
    """All requests but the listing with which a run begins."""
    calls = [(call.kind, call.key) for call in world.bucket.calls]
    return [call for call in calls if call[0] != "list" or "/D2" in call[1]]


def test_a_bin_is_sent_roi_first_then_hdr_and_after_a_look_at_all_three_the_adc(world: World) -> None:
    world.write(FIRST)
    files = dict(world.tree.files)
    assert world.run() is None
    assert _log_of(world) == [
        ("put", _key(FIRST, "roi")),
        ("put", _key(FIRST, "hdr")),
        ("list", _key(FIRST, "")),
        ("put", _key(FIRST, "adc")),
    ]
    assert world.is_whole(FIRST)
    assert world.states == {FIRST: "uploaded"}
    assert (world.tally.files_uploaded, world.tally.bytes_uploaded) == (3, world.told.bytes)
    assert world.told.bytes == sum(world.bucket.sizes().values())
    assert world.tree.files == files


def test_the_adc_follows_no_earlier_than_the_archive_was_given_to_check(world: World) -> None:
    world.write(FIRST)
    world.run()
    put = {key[-3:]: stored.put for key, stored in world.bucket.objects.items()}
    assert put["adc"] - max(put["roi"], put["hdr"]) >= world.policy.confirm
    assert world.clock.monotonic() <= world.policy.confirm + 2


def test_without_a_time_to_confirm_nothing_is_waited_for(world: World) -> None:
    world.policy = Policy(confirm=0)
    world.write(FIRST, SECOND)
    world.run()
    assert world.clock.monotonic() == 0
    assert world.is_whole(FIRST) and world.is_whole(SECOND)


def test_a_second_run_over_an_unchanged_world_asks_for_the_listing_only(world: World) -> None:
    world.write(FIRST, SECOND)
    world.run()
    before = len(world.bucket.calls)
    world.run()
    assert [call.kind for call in world.bucket.calls[before:]] == ["list"]
    assert world.told.bins == 0


@pytest.mark.parametrize("jobs", [1, 2, 4])
def test_the_waiting_of_one_bin_does_not_hold_up_the_others(world: World, jobs: int) -> None:
    world.write(FIRST, SECOND, THIRD)
    world.run(jobs)
    extensions = [key[-3:] for key in world.bucket.puts]
    assert extensions == ["roi", "hdr"] * 3 + ["adc"] * 3
    assert world.clock.monotonic() <= world.policy.confirm + 2


def test_a_bin_whose_waiting_is_over_comes_before_a_new_one(world: World) -> None:
    """One small request makes it visible."""
    world.write(FIRST, SECOND, THIRD)
    # Sending takes long: 35 s a .roi.
    world.bucket.hook = lambda when, call: (
        world.clock.advance(35)
        if when == "after" and call.key.endswith(".roi") and call.kind == "put"
        else None
    )
    world.run()
    order = [key[-3:] for key in world.bucket.puts]
    assert order == ["roi", "hdr", "roi", "hdr", "adc", "roi", "hdr", "adc", "adc"]


def test_bins_are_begun_in_the_order_in_which_they_are_given(world: World) -> None:
    world.write(FIRST, SECOND, THIRD)
    world.run()
    assert [key for key in world.bucket.puts if key.endswith(".roi")] == [
        _key(pid, "roi") for pid in (THIRD, SECOND, FIRST)
    ]
    assert [key for key in world.bucket.puts if key.endswith(".adc")] == [
        _key(pid, "adc") for pid in (THIRD, SECOND, FIRST)
    ]


def test_after_the_time_limit_no_bin_is_begun_and_those_begun_are_finished(world: World) -> None:
    world.write(FIRST, SECOND, THIRD)
    world.bucket.hook = lambda when, call: (
        world.clock.advance(8) if when == "after" and call.kind == "put" else None
    )
    world.run(time_limit=20)
    assert world.states == {THIRD: "uploaded", SECOND: "uploaded", FIRST: "to_upload"}
    assert world.told.results[FIRST] == ("to_upload", "left to a later run")
    assert not world.bucket.sizes(_key(FIRST, "")[:-1])
    world.bucket.hook = None
    world.run()
    assert world.states == {FIRST: "uploaded"}


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_so_many_bins_are_under_way_at_once_and_no_more(world: World, jobs: int) -> None:
    world.policy = Policy(confirm=0)
    world.write(*(f"D20231114T20{minute:02d}00_IFCB013" for minute in range(2 * jobs)))
    together = threading.Barrier(jobs, timeout=20)  # breaks if fewer come
    lock = threading.Lock()
    under_way, most = 0, 0

    def hook(when: str, call: Call) -> None:
        nonlocal under_way, most
        if call.kind != "put" or not call.key.endswith(".roi"):
            return
        with lock:
            under_way += 1 if when == "before" else -1
            most = max(most, under_way)
        if when == "before":
            together.wait()

    world.bucket.hook = hook
    with ThreadPoolExecutor(8) as pool:
        world.run(jobs, pool=pool)
    assert most == jobs
    assert set(world.states.values()) == {"uploaded"}


def test_while_all_workers_are_busy_nobody_spins(world: World) -> None:
    """A bin whose waiting is over has to wait for a worker; the calling thread must sleep meanwhile."""
    asked = 0

    class CountingClock(VirtualClock):
        def monotonic(self) -> float:
            nonlocal asked
            asked += 1
            return super().monotonic()

    world.clock = CountingClock()
    world.bucket = FakeBucket(world.clock)
    world.write(FIRST, SECOND)
    release = threading.Event()

    def hook(when: str, call: Call) -> None:
        if (when, call.kind, call.key) == ("before", "put", _key(FIRST, "roi")):
            world.clock.advance(100)  # SECOND is due by now
            threading.Timer(0.8, release.set).start()
            release.wait(20)

    world.bucket.hook = hook
    with ThreadPoolExecutor(1) as pool:
        world.run(1, pool=pool)
    assert world.states == {FIRST: "uploaded", SECOND: "uploaded"}
    assert asked < 200


# The disk changes under way.


@pytest.mark.parametrize("extension", ["hdr", "adc", "roi"])
def test_a_file_that_grows_between_walk_and_put_is_not_sent(world: World, extension: str) -> None:
    world.write(FIRST, SECOND)
    world.tree.hook = lambda operation, path: (
        world.change(SECOND, extension) if operation == "refresh" and not world.bucket.puts else None
    )
    world.run()
    assert world.states == {SECOND: "settling", FIRST: "uploaded"}
    assert f".{extension} changed" in world.told.results[SECOND][1]
    assert not [key for key in world.bucket.puts if SECOND in key]


def test_a_file_that_is_only_touched_is_not_sent_either(world: World) -> None:
    world.write(FIRST)
    world.tree.hook = lambda operation, path: (
        world.change(FIRST, "roi", b"") if operation == "refresh" else None
    )
    world.run()
    assert world.told.results == {FIRST: ("settling", "changed while it was handled (.roi changed)")}
    assert world.bucket.puts == []


def test_a_file_that_grows_after_its_last_check_is_noticed_when_it_is_opened(world: World) -> None:
    world.write(FIRST)
    world.tree.hook = lambda operation, path: (
        world.change(FIRST, "roi") if operation == "open" and path.endswith(".roi") else None
    )
    world.run()
    assert world.states == {FIRST: "settling"}
    assert world.bucket.puts == []


def test_a_roi_that_grows_while_it_is_sent_stays_without_hdr_and_adc_until_it_is_sent_whole(
    world: World,
) -> None:
    world.write(FIRST)
    world.bucket.hook = _on("put", _key(FIRST, "roi"), lambda: world.change(FIRST, "roi"), "after")
    world.run()
    assert world.states == {FIRST: "settling"}
    assert world.bucket.puts == [_key(FIRST, "roi")]
    world.bucket.hook = None
    world.run()
    assert world.bucket.puts == [_key(FIRST, "roi")], "it still settles"
    world.clock.advance(61)
    world.run()
    assert world.states == {FIRST: "uploaded"}
    assert world.is_whole(FIRST)


def test_a_roi_that_grows_while_it_waits_is_not_published(world: World) -> None:
    world.write(FIRST)
    world.clock.after(10, lambda: world.change(FIRST, "roi"))
    world.run()
    assert world.states == {FIRST: "settling"}
    assert _key(FIRST, "adc") not in world.bucket.objects


def test_a_file_that_becomes_shorter_while_it_is_read_is_not_sent(world: World) -> None:
    world.write(FIRST)
    world.bucket.hook = _on("put", _key(FIRST, "roi"), _raise(FileChanged("it became shorter")))
    world.run()
    assert world.told.results == {FIRST: ("settling", "changed while it was handled (it became shorter)")}


def test_a_bin_that_vanishes_is_no_failure_and_one_that_cannot_be_read_is(world: World) -> None:
    world.write(FIRST, SECOND, THIRD)

    def hook(operation: str, path: str) -> None:
        if operation == "open" and THIRD in path:
            raise LocalFileProblem(".adc in /data cannot be read: Input/output error")
        world.tree.files.pop(f"/data/{SECOND}.roi", None)

    inventory = world.tree.walk()
    assert len(inventory.filesets) == 3
    world.tree.hook = lambda operation, path: hook(operation, path) if operation != "walk" else None
    world.run()
    assert world.states == {THIRD: "failed", SECOND: "settling", FIRST: "uploaded"}
    assert world.told.results[THIRD][1] == ".adc in /data cannot be read: Input/output error"


def test_a_damaged_bin_is_held_with_its_reason_and_nothing_of_it_is_sent(world: World) -> None:
    world.write(FIRST)
    path = f"/data/{FIRST}.roi"
    world.tree.files[path] = LocalFile(world.tree.files[path].body[:-1], world.tree.files[path].changed)
    world.run()
    state, reason = world.told.results[FIRST]
    assert state == "held" and reason.startswith("truncated: the .adc names images up to byte")
    assert world.bucket.puts == []
    world.policy = Policy(check_integrity=False)
    world.run()
    assert world.states == {FIRST: "uploaded"}


# Times that cannot be trusted.


def test_a_bin_dated_in_the_future_is_watched_and_sent_if_it_stands_still(world: World) -> None:
    world.write(FIRST, age=-DAY)
    world.run()
    assert world.states == {FIRST: "uploaded"}
    assert world.bucket.objects[_key(FIRST, "roi")].put - world.clock.now + world.clock.monotonic() >= 60


def test_a_bin_dated_in_the_future_that_changes_while_it_is_watched_is_not_sent(world: World) -> None:
    world.write(FIRST, age=-DAY)
    world.clock.after(30, lambda: world.change(FIRST, "roi"))
    world.run()
    assert world.states == {FIRST: "settling"}
    assert world.bucket.puts == []


def test_watching_one_bin_does_not_hold_up_the_others(world: World) -> None:
    world.write(FIRST, age=-DAY)
    world.write(SECOND, THIRD)
    world.policy = Policy(confirm=0)
    world.run()
    assert list(world.told.results) == [THIRD, SECOND, FIRST]
    assert world.bucket.objects[_key(SECOND, "adc")].put == world.clock.now - world.clock.monotonic()


@pytest.mark.parametrize("error", [-400 * DAY, -5000.0, 5000.0, 400 * DAY])
def test_a_wrong_clock_of_this_computer_changes_nothing_about_the_archives_time(
    world: World, error: float
) -> None:
    world.clock.wall_error = error
    world.write(FIRST)
    world.run()
    assert world.states == {FIRST: "uploaded"}
    put = {key[-3:]: stored.put for key, stored in world.bucket.objects.items()}
    assert put["adc"] - max(put["roi"], put["hdr"]) >= world.policy.confirm


@pytest.mark.parametrize("error", [-400 * DAY, 400 * DAY])
def test_a_clock_that_jumps_during_the_run_changes_nothing_about_the_archives_time(
    world: World, error: float
) -> None:
    world.write(FIRST)
    world.clock.after(5, lambda: setattr(world.clock, "wall_error", error))
    world.run()
    world.policy = Policy(settle=0)
    world.run()
    put = {key[-3:]: stored.put for key, stored in world.bucket.objects.items()}
    assert put["adc"] - max(put["roi"], put["hdr"]) >= 30
    assert world.is_whole(FIRST)


def test_a_run_ends_also_where_the_bucket_dates_its_objects_far_in_the_future(world: World) -> None:
    world.write(FIRST, SECOND)
    for extension in ("roi", "hdr"):
        body = world.tree.files[f"/data/{FIRST}.{extension}"].body
        world.bucket.objects[_key(FIRST, extension)] = StoredObject(body, world.clock.now + 30 * DAY)
    world.run()
    assert world.is_whole(SECOND)
    assert _key(FIRST, "adc") not in world.bucket.objects
    assert world.clock.monotonic() < 600
    world.clock.advance(31 * DAY)
    world.run()
    assert world.states == {FIRST: "uploaded"}


# The archive.


def test_where_the_archive_deletes_the_roi_no_adc_follows_and_it_is_tried_once_a_day(world: World) -> None:
    world.write(FIRST)
    refused = 0

    def archive(when: str, call: Call) -> None:
        nonlocal refused
        if (when, call.kind, call.key) == ("after", "put", _key(FIRST, "roi")):
            refused += 1
            world.clock.after(5, lambda: world.bucket.objects.pop(call.key, None) and None)

    world.bucket.hook = archive
    world.run()
    assert world.states == {FIRST: "rejected"}
    assert "the archive deleted the .roi" in world.told.results[FIRST][1]
    for _ in range(3 * 24 + 1):
        world.run()
        world.clock.advance(3600)
    assert refused == 4
    assert _key(FIRST, "adc") not in world.bucket.puts


def test_a_roi_that_went_between_listing_and_commit_keeps_the_adc_back(world: World) -> None:
    world.write(FIRST)
    for extension in ("roi", "hdr"):
        body = world.tree.files[f"/data/{FIRST}.{extension}"].body
        world.bucket.objects[_key(FIRST, extension)] = StoredObject(body, world.clock.now - 3600)
    world.bucket.hook = _on(
        "head", _key(FIRST, "roi"), lambda: world.bucket.objects.pop(_key(FIRST, "roi")) and None
    )
    world.run()
    assert world.states == {FIRST: "rejected"}
    assert world.bucket.puts == []


def test_what_an_earlier_run_left_uncommitted_needs_the_adc_only(world: World) -> None:
    world.write(FIRST)
    for extension in ("roi", "hdr"):
        body = world.tree.files[f"/data/{FIRST}.{extension}"].body
        world.bucket.objects[_key(FIRST, extension)] = StoredObject(body, world.clock.now - 31)
    world.run()
    assert _log_of(world) == [
        ("head", _key(FIRST, "roi")),
        ("head", _key(FIRST, "hdr")),
        ("head", _key(FIRST, "adc")),
        ("put", _key(FIRST, "adc")),
    ]
    assert world.clock.monotonic() == 0
    assert world.states == {FIRST: "uploaded"}


def test_where_somebody_else_keeps_changing_a_bin_its_roi_is_put_once_a_run(world: World) -> None:
    world.write(FIRST)
    world.clock.after(
        10, lambda: world.bucket.objects.update({_key(FIRST, "roi"): StoredObject(b"x", world.clock.now)})
    )
    world.run()
    assert world.states == {FIRST: "failed"}
    assert "somebody else changed this bin" in world.told.results[FIRST][1]
    assert world.bucket.puts == [_key(FIRST, "roi"), _key(FIRST, "hdr")]


def test_where_the_archive_calls_a_condition_unmet_for_no_reason_that_can_be_seen_that_is_what_is_told(
    world: World,
) -> None:
    world.write(FIRST)
    world.bucket.hook = _on("put", _key(FIRST, "roi"), _raise(ConcurrentWrite("a look shows nothing")))
    world.run()
    assert world.told.results[FIRST] == ("failed", "a look shows nothing")


@pytest.mark.parametrize("conditions", CONDITIONS)
def test_what_another_has_left_half_sent_is_replaced_on_every_kind_of_server(
    world: World, conditions: str
) -> None:
    world.write(FIRST)
    world.bucket.conditions = conditions
    world.bucket.objects[_key(FIRST, "roi")] = StoredObject(b"half", world.clock.now - 3600.0)
    world.run()
    assert world.states == {FIRST: "uploaded"} and world.is_whole(FIRST)


@pytest.mark.parametrize("extension", ["roi", "hdr"])
def test_a_larger_file_that_came_meanwhile_is_not_overwritten_and_no_adc_put_beside_it(
    world: World, extension: str
) -> None:
    world.write(FIRST)
    key = _key(FIRST, extension)
    larger = world.tree.files[f"/data/{FIRST}.{extension}"].body + b"more"
    world.clock.after(10, lambda: world.bucket.objects.update({key: StoredObject(larger, world.clock.now)}))
    world.run()
    assert world.states == {FIRST: "conflict"}
    assert world.bucket.objects[key].body == larger
    assert _key(FIRST, "adc") not in world.bucket.objects


def test_an_hdr_that_vanished_meanwhile_is_put_again_before_the_adc(world: World) -> None:
    world.write(FIRST)
    world.clock.after(10, lambda: world.bucket.objects.pop(_key(FIRST, "hdr")) and None)
    world.run()
    assert world.states == {FIRST: "uploaded"}
    assert [key[-3:] for key in world.bucket.puts] == ["roi", "hdr", "hdr", "adc"]


# The bucket fails.


class _Company(BinLocks):
    """Another run is under way all the time."""

    def in_company(self) -> bool:
        return True


def test_in_company_a_bin_is_looked_at_before_it_is_sent_and_what_is_there_is_not_sent_again(
    world: World,
) -> None:
    world.write(FIRST)
    world.claims = _Company()
    listed = world.bucket.list

    def sent_by_the_other_run_after_the_listing(*arguments: Any, **named: Any) -> Any:
        yield from listed(*arguments, **named)
        for extension in ("roi", "hdr", "adc"):
            body = world.tree.files[f"/data/{FIRST}.{extension}"].body
            world.bucket.objects[_key(FIRST, extension)] = StoredObject(body, world.clock.now)

    world.bucket.list = sent_by_the_other_run_after_the_listing  # type: ignore[method-assign]
    world.run()
    assert world.states == {FIRST: "synced"} and world.bucket.puts == []


def test_company_that_left_before_the_first_bin_was_begun_is_remembered(world: World) -> None:
    class AtFirst(BinLocks):
        def in_company(self) -> bool:
            return not world.told.bins

    world.write(FIRST)
    world.claims = AtFirst()
    world.run()
    assert [kind for kind, _ in _log_of(world)][:4] == ["head", "head", "head", "put"]
    assert world.states == {FIRST: "uploaded"}


def test_in_company_a_bin_of_which_other_content_is_known_is_still_repaired(world: World) -> None:
    world.write(FIRST)
    world.run()
    world.claims = _Company()
    world.bucket.calls.clear()
    roi = world.bucket.objects[_key(FIRST, "roi")]
    world.bucket.objects[_key(FIRST, "roi")] = StoredObject(bytes(len(roi.body)), roi.put)
    world.other_content = {FIRST: ["roi"]}
    world.run()
    # Its .adc is the right one: it is not sent again.
    assert [key[-3:] for key in world.bucket.puts] == ["roi", "hdr"]
    assert world.states == {FIRST: "uploaded"}
    assert world.is_whole(FIRST)


def test_an_odd_answer_about_one_bin_is_the_failure_of_that_bin_only(world: World) -> None:
    world.write(FIRST, SECOND)
    world.bucket.hook = _on("put", _key(SECOND, "roi"), _raise(KeyError("ContentLength")))
    assert world.run() is None
    assert world.states == {SECOND: "failed", FIRST: "uploaded"}
    assert "KeyError" in world.told.results[SECOND][1]


@pytest.mark.parametrize("settle", [0.3, 1.1, 1.3, 60.0, 60.5, 90.1])
def test_a_bin_from_the_future_is_sent_after_one_wait_whatever_the_time_to_settle(
    world: World, settle: float
) -> None:
    world.policy = Policy(settle=settle, confirm=0.0)
    world.write(FIRST)
    world.clock.wall_error = -40 * 86400.0 - 0.123
    world.run()
    assert world.states == {FIRST: "uploaded"}


def test_one_file_that_the_bucket_will_not_have_is_the_failure_of_its_bin_only(world: World) -> None:
    world.write(FIRST, SECOND)
    world.bucket.hook = _on(
        "put", _key(SECOND, "roi"), _raise(PutRefused("the bucket answered EntityTooLarge"))
    )
    assert world.run() is None
    assert world.states == {SECOND: "failed", FIRST: "uploaded"}


def test_a_bucket_that_refuses_ends_the_run_and_leaves_the_rest_to_a_later_one(world: World) -> None:
    world.write(FIRST, SECOND, THIRD)
    refusal = BucketRefused("AccessDenied")
    world.bucket.hook = _on("put", _key(SECOND, "roi"), _raise(refusal))
    assert world.run() is refusal
    # THIRD was sent but for its .adc, and waits.
    assert world.states == {THIRD: "unconfirmed", SECOND: "failed", FIRST: "to_upload"}
    assert world.bucket.puts == [_key(THIRD, "roi"), _key(THIRD, "hdr")]
    assert world.clock.monotonic() == 0


def test_a_request_that_did_not_come_through_fails_its_bin_and_the_others_go_on(world: World) -> None:
    world.write(FIRST, SECOND, THIRD)
    world.bucket.hook = _on("put", _key(SECOND, "hdr"), _raise(BucketUnreachable("timed out")))
    assert world.run(jobs=2) is None
    assert world.states == {THIRD: "uploaded", SECOND: "failed", FIRST: "uploaded"}


def test_requests_that_fail_now_and_then_do_not_end_the_run(world: World) -> None:
    world.policy = Policy(confirm=0)
    pids = [f"D20231114T20{minute:02d}00_IFCB013" for minute in range(12)]
    world.write(*pids)

    def hook(when: str, call: Call) -> None:
        if when == "before" and call.key in [_key(pid, "roi") for pid in pids[::3]]:
            raise BucketUnreachable("timed out")

    world.bucket.hook = hook
    assert world.run(jobs=3) is None
    assert (world.tally.bins[BinState.FAILED], world.tally.bins[BinState.UPLOADED]) == (4, 8)


@pytest.mark.parametrize("jobs", [1, 3])
def test_when_all_workers_in_a_row_cannot_reach_the_bucket_the_run_ends(world: World, jobs: int) -> None:
    world.write(*(f"D20231114T20{minute:02d}00_IFCB013" for minute in range(10)))

    def hook(when: str, call: Call) -> None:
        if call.kind == "put" or world.told.bins:  # nothing gets through once the upload has begun
            raise BucketUnreachable("no route to host")

    world.bucket.hook = hook
    ended_by = world.run(jobs)
    assert isinstance(ended_by, BucketUnreachable)
    assert world.tally.bins[BinState.FAILED] == jobs
    assert world.tally.bins[BinState.TO_UPLOAD] == 10 - jobs


@pytest.mark.parametrize("every", [2, 3, 4])
@pytest.mark.parametrize("jobs", [1, 4])
def test_bins_of_which_nothing_is_asked_do_not_keep_a_run_from_ending_when_the_archive_is_away(
    world: World, jobs: int, every: int
) -> None:
    pids = [f"D20231114T2{number // 60}{number % 60:02d}00_IFCB013" for number in range(100)]
    world.write(*pids)
    for pid in pids[::-every]:
        world.tree.files[f"/data/{pid}.adc"] = LocalFile(b"no numbers\n", world.clock.wall() - 3600)

    def hook(when: str, call: Call) -> None:
        if world.told.bins:
            raise BucketUnreachable("no route to host")

    world.bucket.hook = hook
    assert isinstance(world.run(jobs), BucketUnreachable)
    assert world.tally.bins[BinState.FAILED] <= 2 * jobs


@pytest.mark.parametrize("jobs", [1, 3])
def test_files_that_something_between_cuts_off_do_not_keep_the_others_from_being_sent(
    world: World, jobs: int
) -> None:
    pids = [f"D20231114T20{minute:02d}00_IFCB013" for minute in range(12)]
    world.write(*pids)
    cut_off = pids[-8:]  # the newest, which come first

    def hook(when: str, call: Call) -> None:
        if call.kind == "put" and any(pid in call.key for pid in cut_off):
            raise BucketUnreachable("connection reset")

    world.bucket.hook = hook
    assert world.run(jobs) is None
    assert {pid for pid, state in world.states.items() if state == "failed"} == set(cut_off)
    assert all(world.is_whole(pid) for pid in pids[:-8])


def test_a_run_that_can_ask_but_not_send_ends_and_does_not_try_every_bin(world: World) -> None:
    world.write(*(f"D20231114T2{number // 60}{number % 60:02d}00_IFCB013" for number in range(100)))

    def hook(when: str, call: Call) -> None:
        if call.kind == "put":
            raise BucketUnreachable("timed out")

    world.bucket.hook = hook
    assert isinstance(world.run(4), BucketUnreachable)
    assert 20 <= world.tally.bins[BinState.FAILED] < 24
    assert world.tally.bins[BinState.TO_UPLOAD] == 100 - world.tally.bins[BinState.FAILED]


def test_bins_that_fail_in_every_run_leave_some_of_its_time_to_the_others(world: World) -> None:
    """Each failure takes 40 s of a run of five minutes, and more bins fail than that leaves time for."""
    pids = [f"D20231114T{15 + number // 60}{number % 60:02d}00_IFCB013" for number in range(60)]
    world.write(*pids, age=7200.0)
    cut_off = pids[-30:]

    def hook(when: str, call: Call) -> None:
        if when == "before" and call.kind == "put" and any(pid in call.key for pid in cut_off):
            world.clock.advance(40.0)
            raise PutRefused("403")

    world.bucket.hook = hook
    for _ in range(40):
        world.run(time_limit=300.0)
        world.clock.advance(60.0)
    assert all(world.is_whole(pid) for pid in pids[:-30])


class SideBySide(Executor):
    """Work that takes virtual time, several pieces at once: `take` is called in it, `wait` stands for that of futures."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._taken = 0.0
        self._ends: dict[Any, tuple[float, Future[Any]]] = {}

    def take(self, seconds: float) -> None:
        self._taken += seconds

    def submit(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> Future[Any]:  # type: ignore[override]
        self._taken = 0.0
        done = SerialExecutor().submit(function, *arguments, **named)
        future: Future[Any] = Future()
        self._ends[future] = (self._clock.monotonic() + self._taken, done)
        return future

    def wait(self, futures: Any, timeout: float, _when: str) -> Any:
        """Time passes until one of the futures, or the timeout, is over."""
        self._clock.advance(min(timeout, *(self._ends[one][0] - self._clock.monotonic() for one in futures)))
        for future in list(futures):
            end, done = self._ends[future]
            if end <= self._clock.monotonic():
                error = done.exception()
                future.set_result(None) if error is None else future.set_exception(error)
        return wait(futures, 0.0)


SWALLOWED = 400.0  # seconds until an upload that nobody answers has failed


def _swallowing_world(monkeypatch: pytest.MonkeyPatch, pids: Sequence[str], swallowed: Sequence[str]) -> Any:
    """A world in which the uploads of some bins are never answered, and a pool for it."""
    random.seed(7)
    world = World()
    world.policy = Policy(confirm=0)
    world.write(*pids, age=7200.0)
    pool = SideBySide(world.clock)
    monkeypatch.setattr(upload, "wait", pool.wait)

    def hook(when: str, call: Call) -> None:
        if when == "before" and call.kind == "put":
            if any(pid in call.key for pid in swallowed):
                begun.append(call.key)
                pool.take(SWALLOWED)
                raise BucketUnreachable("timed out")
            if call.key.endswith(".roi"):
                begun.append(call.key)
            pool.take(3.0)

    begun: list[str] = []
    world.bucket.hook = hook
    return world, pool, begun


@pytest.mark.parametrize("extension", ["roi", "hdr"])
def test_a_file_that_is_written_again_with_its_size_and_time_while_its_bin_waits_is_never_published_as_it_was(
    extension: str,
) -> None:
    """As on FAT and on Windows, where nothing else shows it."""
    world = World()
    world.write(FORTY[0])
    path = f"/data/{FORTY[0]}.{extension}"
    written: list[str] = []

    def write_again(when: str, call: Call) -> None:
        if (when, call.kind, call.key[-4:]) == ("after", "put", ".hdr") and not written:
            written.append(path)
            old = world.tree.files[path]
            world.tree.files[path] = old._replace(body=bytes(reversed(old.body)))

    world.bucket.hook = write_again
    world.run()
    assert written
    assert world.is_whole(FORTY[0]) or _key(FORTY[0], "adc") not in world.bucket.objects
    world.bucket.hook = None
    world.run()
    assert world.is_whole(FORTY[0])


FORTY = [f"D20231114T2{number // 60}{number % 60:02d}00_IFCB013" for number in range(40)]


@pytest.mark.any_python
def test_bins_whose_uploads_nobody_answers_do_not_starve_the_others_in_every_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They take all the time of all the workers that take the newest bins."""
    world, pool, _ = _swallowing_world(monkeypatch, FORTY, FORTY[-8:])
    for _ in range(60):
        world.run(4, time_limit=300.0, pool=pool)
        world.clock.advance(60.0)
    assert [pid for pid in FORTY[:-8] if not world.is_whole(pid)] == []


def test_all_workers_but_one_take_the_newest_bins(monkeypatch: pytest.MonkeyPatch) -> None:
    world, pool, begun = _swallowing_world(monkeypatch, FORTY, FORTY)
    world.run(4, time_limit=300.0, pool=pool)
    newest = [_key(pid, "roi") for pid in reversed(FORTY)]
    assert len(begun) == 4
    others = [key for key in begun if key not in newest[:4]]
    assert len(others) == 1
    assert [key for key in begun if key not in others] == newest[:3]


@pytest.mark.parametrize("jobs, time_limit", [(1, 3000.0), (1, None), (4, None)])
def test_with_time_for_all_or_one_worker_the_newest_bins_come_first(
    monkeypatch: pytest.MonkeyPatch, jobs: int, time_limit: float | None
) -> None:
    world, pool, begun = _swallowing_world(monkeypatch, FORTY, [])
    world.run(jobs, time_limit=time_limit, pool=pool)
    assert begun == [_key(pid, "roi") for pid in reversed(FORTY)]


# What is there has the right size, and another content.


@pytest.mark.parametrize("extension", ["roi", "hdr"])
def test_an_adc_never_joins_a_file_of_the_right_size_and_other_content(world: World, extension: str) -> None:
    world.write(FIRST)
    for ext in ("roi", "hdr"):
        body = world.tree.files[f"/data/{FIRST}.{ext}"].body
        body = bytes(len(body)) if ext == extension else body
        world.bucket.objects[_key(FIRST, ext)] = StoredObject(body, world.clock.now - 3600.0)
    world.run()
    assert world.states == {FIRST: "uploaded"}
    assert world.is_whole(FIRST)
    assert [key[-3:] for key in world.bucket.puts] == (["roi"] if extension == "roi" else []) + ["hdr", "adc"]


def test_a_file_that_changes_in_place_before_its_adc_has_gone_is_sent_again_and_not_completed(
    world: World,
) -> None:
    """A copy that sets the size first and writes the content later, and rests longer than the time to settle."""
    world.write(FIRST)
    path = f"/data/{FIRST}.roi"
    whole = world.tree.files[path]
    world.tree.files[path] = LocalFile(bytes(len(whole.body)), whole.changed)
    world.clock.after(
        10.0, lambda: world.tree.files.update({path: LocalFile(whole.body, world.clock.wall())})
    )
    world.run()
    assert world.states == {FIRST: "settling"}
    assert _key(FIRST, "adc") not in world.bucket.objects
    world.clock.advance(120.0)
    world.run()
    assert world.states == {FIRST: "uploaded"}
    assert world.is_whole(FIRST)


def test_a_bucket_whose_etags_are_no_sums_gets_the_adc_all_the_same(world: World) -> None:
    world.bucket.etags_are_md5 = False
    world.write(FIRST)
    world.run()
    assert world.states == {FIRST: "uploaded"}
    assert len(world.bucket.puts) == 3


def test_an_adc_that_another_run_has_put_meanwhile_is_not_put_twice(world: World) -> None:
    """Also where the server knows no conditions: it is looked at before it goes."""
    world.write(FIRST)
    stored = {
        _key(FIRST, ext): world.tree.files[f"/data/{FIRST}.{ext}"].body for ext in ("hdr", "adc", "roi")
    }

    def others_run() -> None:
        adc = _key(FIRST, "adc")
        world.bucket.objects[adc] = StoredObject(stored[adc], world.clock.now)

    for key, body in stored.items():
        if not key.endswith("adc"):
            world.bucket.objects[key] = StoredObject(body, world.clock.now - 3600.0)
    world.bucket.hook = _on("head", _key(FIRST, "roi"), others_run)
    world.run()
    assert world.states == {FIRST: "synced"}
    assert world.bucket.puts == []


# Another computer sends the same bins.


def _others_have_sent(world: World, *keys: str) -> None:
    for key in keys:
        body = world.tree.files["/data/" + key.rsplit("/", 1)[-1]].body
        world.bucket.objects[key] = StoredObject(body, world.clock.now)


def _each(pid: str) -> list[str]:
    return [_key(pid, extension) for extension in ("roi", "hdr", "adc")]


@pytest.mark.parametrize(
    "theirs, state, files",
    [
        (["roi"], "uploaded", 2),
        (["roi", "hdr"], "uploaded", 1),
        (["roi", "hdr", "adc"], "synced", 0),
        (["adc"], "synced", 2),
    ],
)
def test_a_bin_is_uploaded_by_the_run_that_has_put_its_adc_and_synced_for_the_others(
    world: World, theirs: list[str], state: str, files: int
) -> None:
    world.write(FIRST)
    keys = [_key(FIRST, extension) for extension in theirs]
    put = _key(FIRST, theirs[-1] if theirs == ["adc"] else "roi")
    world.bucket.hook = _on("put", put, lambda: _others_have_sent(world, *keys))
    world.run()
    assert world.is_whole(FIRST)
    assert world.states == {FIRST: state}
    assert world.tally.files_uploaded == files
    sizes = [len(world.bucket.objects[key].body) for key in set(_each(FIRST)) - set(keys)]
    assert world.tally.bytes_uploaded == sum(sizes)
    assert (world.tally.sent_elsewhere == [FIRST]) is (state == "synced")


def _pids(count: int) -> list[str]:
    return [f"D20231114T{hour:02d}0000_IFCB013" for hour in range(count)]


def test_after_three_files_in_a_row_that_another_had_sent_the_bucket_is_listed_before_the_next_bin(
    world: World,
) -> None:
    pids = _pids(6)
    world.write(*pids)
    when: list[int] = []
    world.list_again = lambda: when.append(len(world.bucket.puts))
    newest = sorted(pids, reverse=True)
    # Of the third bin only the .hdr was there, and of the fourth and fifth all.
    theirs = [*_each(newest[0])[:2], _key(newest[2], "hdr"), *_each(newest[3]), *_each(newest[4])]
    world.bucket.hook = _on("put", _key(newest[0], "roi"), lambda: _others_have_sent(world, *theirs))
    world.run()
    # two in a row, two that were stored, .roi stored and .hdr not, then two: three in a row
    assert when == [8]
    assert len(world.bucket.puts) == len(set(world.bucket.puts))
    assert all(world.is_whole(pid) for pid in pids)


def test_a_bucket_that_cannot_be_listed_again_does_not_keep_bins_from_being_sent_but_one_that_refuses_ends_the_run(
    world: World,
) -> None:
    pids = _pids(4)
    world.write(*pids)
    theirs = [key for pid in pids[2:] for key in _each(pid)]
    listed: list[int] = []

    def failing() -> None:
        listed.append(1)
        raise BucketUnreachable("away")

    world.list_again = failing
    world.bucket.hook = _on("put", _key(pids[3], "roi"), lambda: _others_have_sent(world, *theirs))
    assert world.run() is None
    assert listed == [1] and all(world.is_whole(pid) for pid in pids)
    assert sorted(world.states.values()) == ["synced", "synced", "uploaded", "uploaded"]
    world.bucket.objects.clear()
    refused = BucketRefused("no right to list")
    world.list_again = _raise(refused)
    assert world.run() is refused
    assert sorted(world.states.values()) == ["to_upload", "to_upload", "unconfirmed", "unconfirmed"]


@pytest.mark.parametrize("extension", ["roi", "hdr", "adc"])
def test_what_arrived_although_its_answer_was_lost_is_not_sent_again(world: World, extension: str) -> None:
    world.write(FIRST)
    world.bucket.hook = _on("put", _key(FIRST, extension), _raise(BucketUnreachable("timed out")), "after")
    world.run()
    assert world.states == {FIRST: "failed"}
    world.bucket.hook = None
    world.run()
    assert world.is_whole(FIRST)
    assert sorted(world.bucket.puts) == sorted(_key(FIRST, ext) for ext in ("roi", "hdr", "adc"))


# The end comes early.


def test_an_interrupted_run_begins_nothing_more_and_counts_every_bin(world: World) -> None:
    world.write(FIRST, SECOND, THIRD)
    world.bucket.hook = _on("put", _key(SECOND, "hdr"), world.cancelled.set)
    world.run()
    assert world.states == {THIRD: "unconfirmed", SECOND: "unconfirmed", FIRST: "to_upload"}
    assert not [key for key in world.bucket.puts if FIRST in key]
    # a bar that counted what is only counted would run to its end
    assert world.told.while_sending == [] and world.told.ended == 1


def test_an_interruption_while_waiting_ends_the_waiting(world: World) -> None:
    world.write(FIRST)
    world.clock.after(7, world.cancelled.set)
    world.run()
    assert world.states == {FIRST: "unconfirmed"}
    assert world.clock.monotonic() == 7


def test_a_put_that_is_interrupted_leaves_its_bin_to_a_later_run(world: World) -> None:
    world.write(FIRST)

    def interrupt() -> None:
        world.cancelled.set()
        raise Interrupted(130)

    world.bucket.hook = _on("put", _key(FIRST, "roi"), interrupt)
    assert world.run() is None
    assert world.told.results == {FIRST: ("to_upload", "left to a later run")}


def _never_an_adc_alone(world: World) -> None:
    for key in world.bucket.objects:
        if key.endswith(".adc"):
            for extension in ("roi", "hdr"):
                pid = key.rsplit("/", 1)[1][:-4]
                there = world.bucket.objects.get(key[:-3] + extension)
                assert there is not None
                assert there.body == world.tree.files[f"/data/{pid}.{extension}"].body


def _killed_at(number: int, when: str) -> World | None:
    """A world in which a run was killed at that request, or None if the run has no more requests."""
    world = World()
    world.write(FIRST, SECOND)
    seen = 0

    def kill(moment: str, call: Call) -> None:
        nonlocal seen
        _never_an_adc_alone(world)
        seen += moment == when
        if moment == when and seen == number:
            raise Killed

    world.bucket.hook = kill
    try:
        world.run()
    except Killed:
        return world
    return None


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(1, 9))
def test_a_process_killed_at_any_request_leaves_what_the_next_run_completes(number: int, when: str) -> None:
    world = _killed_at(number, when)
    assert world is not None
    world.bucket.hook = lambda moment, call: _never_an_adc_alone(world)
    world.clock.advance(60)
    world.run()
    assert world.is_whole(FIRST) and world.is_whole(SECOND)
    # Of the puts that took effect before, none is repeated.
    assert len(world.bucket.puts) == len(set(world.bucket.puts)) == 6


def test_a_run_over_two_bins_is_killed_above_at_each_of_its_requests() -> None:
    """A listing, three puts for each bin, and one look at both: that is eight."""
    assert _killed_at(8, "after") is not None
    assert _killed_at(9, "after") is None


# Whatever fails when.

faults = st.lists(
    st.sampled_from(
        [
            None,
            None,
            None,
            None,
            BucketUnreachable("timed out"),
            PutRefused("EntityTooLarge"),
            FileChanged("it became shorter"),
            LocalFileProblem("Input/output error"),
            BucketRefused("AccessDenied"),
            Interrupted(143),
        ]
    ),
    max_size=25,
)


@given(faults, st.booleans(), st.integers(1, 3))
def test_whatever_fails_every_bin_has_one_result_and_no_adc_stands_alone(
    plan: list[Exception | None], after: bool, jobs: int
) -> None:
    world = World()
    world.write(FIRST, SECOND, THIRD)
    left = list(plan)

    def hook(when: str, call: Call) -> None:
        _never_an_adc_alone(world)
        if call.kind != "list" and (when == "after") == after and left:
            fault = left.pop(0)
            if fault is not None:
                raise fault

    world.bucket.hook = hook
    world.run(jobs)  # asserts that each bin is told and counted once
    left.clear()
    world.clock.advance(60)
    world.run(jobs)
    assert all(world.is_whole(pid) for pid in (FIRST, SECOND, THIRD))
    _never_an_adc_alone(world)


def test_the_files_stay_closed_once_they_are_sent(world: World) -> None:
    """As many bins as there may be, no descriptor is left open."""
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("this system does not list its open files")
    world.write(*(f"D20231114T20{minute:02d}00_IFCB013" for minute in range(20)))
    before = len(os.listdir("/proc/self/fd"))
    world.run(4)
    assert len(os.listdir("/proc/self/fd")) == before


def test_an_interruption_while_it_is_asked_whether_the_bucket_is_away_ends_the_run_in_order(
    world: World,
) -> None:
    world.write(FIRST, SECOND)

    def hook(when: str, call: Call) -> None:
        if when == "before" and call.kind == "put":
            raise BucketUnreachable("no answer")
        if when == "before" and world.told.bins and call.kind == "list":
            world.cancelled.set()
            raise Interrupted(130)

    world.bucket.hook = hook
    assert world.run() is None
    assert world.states == {SECOND: "failed", FIRST: "to_upload"}


def test_a_bin_that_is_being_sent_when_the_run_is_interrupted_is_counted_as_left(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NeverDone(Executor):
        def submit(self, function: Any, *arguments: Any, **named: Any) -> Future[Any]:  # type: ignore[override]
            world.cancelled.set()
            return Future()

    monkeypatch.setattr(upload, "_ATTENTION", 0.01)
    world.write(FIRST, SECOND)
    assert world.run(pool=NeverDone()) is None
    assert world.told.results == dict.fromkeys((FIRST, SECOND), ("to_upload", "left to a later run"))


def test_a_bin_that_becomes_due_while_that_is_looked_up_is_sent_without_more_waiting(world: World) -> None:
    class Ticking(VirtualClock):
        """Each look at the clock takes a quarter of a second, and each waiting ends 0.4 s early."""

        def monotonic(self) -> float:
            self.advance(0.25)
            return super().monotonic()

        def sleep(self, seconds: float, unless: threading.Event) -> None:
            waited.append(seconds)
            super().sleep(seconds - 0.4, unless)

    waited: list[float] = []
    world.clock = Ticking()
    world.bucket = FakeBucket(world.clock)
    world.write(FIRST)
    assert world.run() is None
    assert world.states == {FIRST: "uploaded"} and world.is_whole(FIRST)
    assert min(waited) == 0.0
