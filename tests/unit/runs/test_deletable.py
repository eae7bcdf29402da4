"""The list of deletable files: whatever happens meanwhile, it names nothing that the archive does not hold at that moment."""

from __future__ import annotations

import hashlib
import os
import posixpath
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.fakes import (
    START,
    Call,
    FakeBucket,
    FakeTree,
    LocalFile,
    SerialExecutor,
    StoredObject,
    VirtualClock,
)

from ifcbscan.core.bins import EXTENSIONS, Fileset, parse_pid, server_seconds
from ifcbscan.core.decision import Policy
from ifcbscan.core.remote_index import ListedObject
from ifcbscan.core.verify_report import VerifyReport, VerifyState
from ifcbscan.errors import BucketRefused, BucketUnreachable, LocalFileProblem
from ifcbscan.runs.verify import VerifyBackends, VerifyListener, VerifyOptions, verify

PREFIX = "hablab/nauset/"
OLD = 1400000000.0  # seconds since 1970: long before any test
DAY = 86400.0
PIDS = ("D20130526T095207_IFCB013", "IFCB5_2012_028_081515", "D20140101T000000_IFCB013")
COPIED = PIDS[0]  # of this one there is a second copy in another folder


def key_of(pid: str, extension: str) -> str:
    parsed = parse_pid(pid)
    assert parsed is not None
    return parsed.key(PREFIX, extension)


class MarkedTree(FakeTree):
    """A tree in which every writing of a file can be seen afterwards, as by a real file's time of last change.

    Keeps what each file was when its bin was last looked at, and when that was.
    """

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self.last_look: dict[str, tuple[LocalFile, float]] = {}
        self._clock = clock
        self._writes = 0

    def write(self, path: str, body: bytes, changed: float) -> None:
        self._writes += 1
        super().write(path, body, changed + self._writes / 1024)

    def refresh(self, fileset: Fileset) -> Fileset:
        found = super().refresh(fileset)
        for extension in EXTENSIONS:
            path = posixpath.join(fileset.folder, fileset.name(extension))
            self.last_look.pop(path, None)
            if path in self.files:
                self.last_look[path] = (self.files[path], self._clock.now)
        return found


class WatchedBucket(FakeBucket):
    """Keeps what the latest listing answered."""

    def __init__(self, clock: VirtualClock, page_size: int) -> None:
        super().__init__(clock, page_size)
        self.answered: dict[str, ListedObject] = {}
        self.listings = 0

    def list(self, prefix: str, start_after: str = "", up_to: str = "") -> Iterator[ListedObject]:
        self.answered = {}
        self.listings += 1
        for item in super().list(prefix, start_after, up_to):
            self.answered[item.key] = item
            yield item


@dataclass
class World:
    """A tree and a bucket that hold the same bins, and the list that a verification makes of them."""

    page_size: int = 1000
    listed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clock = VirtualClock()
        self.tree = MarkedTree(self.clock)
        self.bucket = WatchedBucket(self.clock, self.page_size)

    def archive(self, pid: str, age: float = 10 * DAY, newer: str = "") -> None:
        """A bin here and there, its objects put `age` seconds ago; the member `newer` has a later time here."""
        self.tree.write_bin(pid, OLD)
        if pid == COPIED:
            self.tree.write_bin(pid, OLD, folder="copy")
        if newer:
            self.tree.write(f"{pid}.{newer}", self.tree.files[f"/data/{pid}.{newer}"].body, OLD + DAY)
        for extension in EXTENSIONS:
            self.put(pid, extension, age)

    def put(self, pid: str, extension: str, age: float) -> None:
        body = self.tree.files[f"/data/{pid}.{extension}"].body
        self.bucket.objects[key_of(pid, extension)] = StoredObject(body, self.clock.now - age)

    def verify(self, after: float = DAY, **more: Any) -> VerifyReport:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "list"
            options = VerifyOptions(
                "hablab", "nauset", Policy(), jobs=1, deletable=str(path), deletable_after=after
            )
            tree: Any = self.tree
            bucket: Any = self.bucket
            report = verify(
                options,
                VerifyBackends(tree, bucket, self.clock, SerialExecutor()),
                more.get("listener") or VerifyListener(),
            )
            lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
            self.listed = [line.replace(os.sep, "/") for line in lines]
        return report

    def listed_bins(self) -> set[str]:
        return {posixpath.basename(path)[:-4] for path in self.listed}


def list_of(report: VerifyReport) -> tuple[int, int, int, int]:
    """Files, bins, too young, changed."""
    deletable = report.deletable
    assert deletable is not None
    return deletable.files, deletable.bins, deletable.too_young, deletable.changed


# --- age


@pytest.mark.parametrize(
    "age, after, listed",
    [
        (DAY, DAY, True),
        (DAY - 1, DAY, False),
        (10, DAY, False),
        (10, 10, True),
        (0, 0, True),
        (-1, 0, False),  # dated in the future: whose clock is right?
        (-DAY, DAY, False),
        (30 * DAY, DAY, True),
    ],
)
@pytest.mark.parametrize("youngest", EXTENSIONS)
def test_a_bin_is_listed_once_its_youngest_object_is_old_enough(
    youngest: str, age: float, after: float, listed: bool
) -> None:
    world = World()
    world.archive(PIDS[1], age=100 * DAY)
    world.put(PIDS[1], youngest, age)
    report = world.verify(after)
    assert report.bins[VerifyState.PROVEN] == 1
    assert list_of(report) == ((3, 1, 0, 0) if listed else (0, 0, 1, 0))
    assert report.exit_code == (0 if listed else 3) and len(world.listed) == (3 if listed else 0)


def test_the_age_is_that_by_the_servers_clock_when_the_list_is_written() -> None:
    world = World()
    world.clock.wall_error = 300 * DAY  # of this computer, which is not asked
    world.archive(PIDS[1], age=DAY - 3600)

    class Slow(VerifyListener):
        def bin_done(self, result: Any) -> None:
            world.clock.advance(3600)

    assert list_of(world.verify()) == (0, 0, 1, 0)
    assert list_of(world.verify(listener=Slow())) == (3, 1, 0, 0)


def test_one_wrong_date_of_the_server_makes_no_bin_old() -> None:
    """The first answer of the run comes from a front server whose clock is two days ahead."""
    world = World()
    world.archive(PIDS[1], age=10.0)
    honest = world.bucket.server_now
    answers = iter([honest() + 2 * DAY])
    world.bucket.server_now = lambda: next(answers, honest())
    report = world.verify()
    assert list_of(report) == (0, 0, 1, 0) and world.listed == []
    assert report.exit_code == 3


@pytest.mark.parametrize("ahead", [2 * DAY, 12 * 365 * DAY])
def test_a_server_whose_clock_is_ahead_makes_no_bin_old_and_is_told(ahead: float) -> None:
    world = World()
    world.archive(PIDS[1], age=10.0)
    wrong = world.clock.now + ahead
    world.bucket.server_now = lambda: wrong
    report = world.verify()
    assert list_of(report) == (0, 0, 1, 0) and world.listed == []
    assert any("this computer's clock is" in warning for warning in report.warnings)


def test_a_computer_whose_clock_is_behind_lists_less_and_says_so() -> None:
    world = World()
    world.archive(PIDS[1], age=10 * DAY)
    world.clock.wall_error = -20 * DAY
    report = world.verify()
    assert list_of(report) == (0, 0, 1, 0)
    assert any("20 days behind the archive's" in warning for warning in report.warnings)
    world.clock.wall_error = 20 * DAY
    assert list_of(world.verify()) == (3, 1, 0, 0)


def test_a_bin_is_written_as_soon_as_its_page_has_come() -> None:
    """What the archive deletes while a later page is under way was listed when it was still there, moments before."""
    world = World(page_size=3)
    for pid in PIDS:
        world.archive(pid)
    looks: list[int] = []
    refresh = world.tree.refresh

    def note(fileset: Fileset) -> Fileset:
        looks.append(world.bucket.requests.list)
        return refresh(fileset)

    world.tree.refresh = note  # type: ignore[method-assign]
    world.verify()
    last = looks[-4:]  # of the list: three bins, one of them with a copy
    assert sorted(set(last)) == sorted(last[:1]) + sorted(set(last[1:])) and len(set(last)) > 1


def test_bins_of_a_page_that_took_long_to_come_are_left_out_and_told() -> None:
    world = World(page_size=3)
    for pid in PIDS[1:]:
        world.archive(pid)
    pages = iter([0.0, 0.0, 0.0, 90.0])  # the first page of the second listing comes after 90 s

    def hook(moment: str, call: Call) -> None:
        if moment == "before" and call.kind == "list":
            world.clock.advance(next(pages, 0.0))

    world.bucket.hook = hook
    report = world.verify()
    left_out = [problem for problem in report.problems if "took too long" in problem.reason]
    assert len(left_out) >= 1 and report.exit_code == 3
    assert not world.listed_bins() & {problem.pid for problem in left_out}


def test_it_is_known_from_when_the_bins_that_are_too_young_may_be_listed() -> None:
    world = World()
    world.archive(PIDS[0], age=100)
    world.archive(PIDS[1], age=5000)
    world.archive(PIDS[2])
    report = world.verify(DAY)
    assert list_of(report) == (3, 1, 2, 0) and report.deletable is not None
    assert (report.deletable.first_at, report.deletable.all_at) == (START - 5000 + DAY, START - 100 + DAY)


def test_without_a_server_that_tells_the_time_nothing_is_old_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.archive(PIDS[1])
    monkeypatch.setattr(world.bucket.server_clock, "learn", lambda _date: None)
    report = world.verify(0)
    assert list_of(report) == (0, 0, 1, 0) and report.exit_code == 3
    assert any("does not tell the time" in warning for warning in report.warnings)


def test_an_object_whose_date_cannot_be_read_is_never_old_enough() -> None:
    class Undated(WatchedBucket):
        def list(self, prefix: str, start_after: str = "", up_to: str = "") -> Iterator[ListedObject]:
            for item in super().list(prefix, start_after, up_to):
                yield item._replace(modified="yesterday")

    world = World()
    world.bucket = Undated(world.clock, 1000)
    world.archive(PIDS[1])
    report = world.verify(0)
    assert list_of(report) == (0, 0, 1, 0) and any("no date" in warning for warning in report.warnings)
    assert report.deletable is not None and report.deletable.first_at is None


# --- what happened meanwhile


Change = Callable[[World, str, str], None]


def _path(pid: str, extension: str) -> str:
    return f"/data/{pid}.{extension}"


def _write(world: World, pid: str, extension: str, body: bytes, changed: float) -> None:
    if _path(pid, extension) in world.tree.files:
        world.tree.write(f"{pid}.{extension}", body, changed)


def _body(world: World, pid: str, extension: str) -> bytes:
    return world.tree.files.get(_path(pid, extension), LocalFile(b"?", OLD)).body


def _other(body: bytes) -> bytes:
    """Other content of the same size."""
    return bytes([body[0] ^ 1]) + body[1:]


def rewritten_at_the_same_size(world: World, pid: str, extension: str) -> None:
    _write(world, pid, extension, _other(_body(world, pid, extension)), world.clock.now)


def rewritten_with_its_old_time(world: World, pid: str, extension: str) -> None:
    _write(world, pid, extension, _other(_body(world, pid, extension)), OLD)


def grown(world: World, pid: str, extension: str) -> None:
    _write(world, pid, extension, _body(world, pid, extension) + b"more", OLD)


def removed(world: World, pid: str, extension: str) -> None:
    world.tree.files.pop(_path(pid, extension), None)


def copy_rewritten(world: World, pid: str, extension: str) -> None:
    path = f"/data/copy/{pid}.{extension}"
    if path in world.tree.files:
        world.tree.write(f"copy/{pid}.{extension}", _other(world.tree.files[path].body), OLD)


def object_deleted(world: World, pid: str, extension: str) -> None:
    world.bucket.objects.pop(key_of(pid, extension), None)


def object_replaced(world: World, pid: str, extension: str) -> None:
    body = _other(_body(world, pid, extension))
    world.bucket.objects[key_of(pid, extension)] = StoredObject(body, world.clock.now)


def object_replaced_under_its_old_date(world: World, pid: str, extension: str) -> None:
    stored = world.bucket.objects.get(key_of(pid, extension))
    if stored is not None:
        world.bucket.objects[key_of(pid, extension)] = StoredObject(_other(stored.body), stored.put)


def object_put_again(world: World, pid: str, extension: str) -> None:
    world.bucket.objects[key_of(pid, extension)] = StoredObject(_body(world, pid, extension), world.clock.now)


def an_hour_passes(world: World, pid: str, extension: str) -> None:
    world.clock.advance(3600)


LOCAL = [rewritten_at_the_same_size, rewritten_with_its_old_time, grown, removed]
REMOTE = [object_deleted, object_replaced, object_replaced_under_its_old_date, object_put_again]
CHANGES: list[Change] = [*LOCAL, *REMOTE, copy_rewritten, an_hour_passes]


@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize("change", [*LOCAL, *REMOTE], ids=lambda change: change.__name__)
def test_what_changes_after_it_was_read_is_not_listed_and_is_told(change: Change, extension: str) -> None:
    world = World()
    for pid in PIDS:
        world.archive(pid, newer="hdr")  # so that another member is newer than the one that changes

    class Meddling(VerifyListener):
        def bin_done(self, result: Any) -> None:
            if result.pid == PIDS[1]:
                change(world, PIDS[1], extension)

    report = world.verify(listener=Meddling())
    assert report.bins[VerifyState.PROVEN] == 3 and list_of(report) == (9, 2, 0, 1)
    assert world.listed_bins() == {PIDS[0], PIDS[2]} and report.exit_code == 3 and not report.all_proven
    (problem,) = report.problems
    assert (problem.pid, str(problem.state)) == (PIDS[1], "changed")
    words = f".{extension} " if change in REMOTE else "changed in /data after it was read"
    assert words in problem.reason


def test_a_bin_whose_objects_are_all_gone_is_told_as_that() -> None:
    world = World()
    world.archive(PIDS[1])

    class Emptying(VerifyListener):
        def bin_done(self, result: Any) -> None:
            world.bucket.objects.clear()

    report = world.verify(listener=Emptying())
    assert list_of(report) == (0, 0, 0, 1)
    assert report.problems[0].reason == "none of its files is in the archive any more"


def test_a_copy_in_another_folder_that_changes_keeps_the_whole_bin_from_the_list() -> None:
    world = World()
    world.archive(COPIED)

    class Meddling(VerifyListener):
        def bin_done(self, result: Any) -> None:
            copy_rewritten(world, COPIED, "adc")

    report = world.verify(listener=Meddling())
    assert world.listed == [] and list_of(report) == (0, 0, 0, 1)
    assert "/data/copy" in report.problems[0].reason


@pytest.mark.parametrize("error", [BucketRefused, BucketUnreachable])
def test_without_a_second_listing_there_is_no_list(error: type[Exception]) -> None:
    class Failing(WatchedBucket):
        def list(self, prefix: str, start_after: str = "", up_to: str = "") -> Iterator[ListedObject]:
            if self.listings:
                raise error("The bucket could not be listed. Nothing was sent.")
            return super().list(prefix, start_after, up_to)

    world = World()
    world.bucket = Failing(world.clock, 1000)
    world.archive(PIDS[1])
    report = world.verify()
    assert report.deletable is not None and not report.deletable.written and world.listed == []
    assert report.exit_code == 3 and report.bins[VerifyState.PROVEN] == 1
    (warning,) = report.warnings
    assert "no list of deletable files was written" in warning and "sent" not in warning


# --- whatever happens


class Fate:
    """Lets things happen at given moments, counted in calls to tree and bucket."""

    def __init__(self, world: World, events: list[tuple[int, Change, str, str]]) -> None:
        self._world = world
        self._events = events
        self._moment = 0

    def __call__(self, *_: object) -> None:
        for moment, change, pid, extension in self._events:
            if moment == self._moment:
                change(self._world, pid, extension)
        self._moment += 1


events = st.lists(
    st.tuples(
        st.integers(0, 32), st.sampled_from(CHANGES), st.sampled_from(PIDS), st.sampled_from(EXTENSIONS)
    ),
    max_size=6,
)
#: An object that is another one while the bucket is asked about it, and the listed one again afterwards.
OTHER_WHILE_ASKED = [(moment, object_replaced_under_its_old_date, PIDS[0], "hdr") for moment in (0, 2, 10)]
ages = st.sampled_from([-5.0, 0.0, DAY - 3600, DAY - 1, DAY, DAY + 1, 10 * DAY])


@pytest.mark.any_python
@settings(max_examples=400, deadline=None)
@given(
    st.lists(ages, min_size=3, max_size=3),
    st.lists(st.sampled_from(["", *EXTENSIONS]), min_size=3, max_size=3),
    events,
    st.sampled_from([DAY, DAY, 3600.0, 0.0]),
    st.sampled_from([1, 2, 1000]),
)
@example([DAY, -5.0, -5.0], ["", "", ""], OTHER_WHILE_ASKED, DAY, 1000)
def test_no_listed_file_differs_from_its_object_or_belongs_to_one_that_is_gone_or_young(
    age: list[float],
    newer: list[str],
    happens: list[tuple[int, Change, str, str]],
    after: float,
    page_size: int,
) -> None:
    world = World(page_size)
    for pid, put_ago, member in zip(PIDS, age, newer):
        world.archive(pid, put_ago, member)
    world.tree.hook = world.bucket.hook = Fate(world, happens)
    report = world.verify(after)
    # What counts is the last look at each file, and the last answer of the bucket about its object.
    for path in world.listed:
        file, looked_at = world.tree.last_look[path]
        pid, extension = posixpath.basename(path).split(".")
        answer = world.bucket.answered[key_of(pid, extension)]
        assert answer.etag == hashlib.md5(file.body).hexdigest()
        youngest = max(
            server_seconds(world.bucket.answered[key_of(pid, member)].modified) for member in EXTENSIONS
        )
        assert youngest + after <= looked_at
    files, bins, too_young, changed = list_of(report)
    assert files == len(world.listed) == len(set(world.listed)) and bins == len(world.listed_bins())
    assert bins + too_young + changed == report.bins[VerifyState.PROVEN]
    complete = sum(report.bins.values()) - report.bins[VerifyState.INCOMPLETE]
    assert report.exit_code == (0 if bins and bins == complete else 3)
    # And what nothing happened to is listed, with every copy, once it is old enough. (A page that takes an hour to come
    # says nothing of the present.)
    if any(change is an_hour_passes for _, change, _, _ in happens):
        return
    touched = {pid for _, change, pid, _ in happens if change is not an_hour_passes}
    for pid, put_ago in zip(PIDS, age):
        if pid not in touched and put_ago >= after:
            copies = [path for path in world.listed if posixpath.basename(path).startswith(pid)]
            assert len(copies) == (6 if pid == COPIED else 3)


# --- what cannot be looked at again


def test_a_bin_that_cannot_be_looked_at_again_is_left_out_and_told() -> None:
    world = World()
    for pid in PIDS:
        world.archive(pid)

    def happen() -> None:
        def hook(operation: str, folder: str) -> None:
            if operation == "refresh" and folder == "/data/copy":
                raise LocalFileProblem("the folder /data/copy cannot be read")

        world.tree.hook = hook

    report = world.verify(listener=_AtTheEnd(happen))
    assert list_of(report) == (6, 2, 0, 1) and world.listed_bins() == set(PIDS) - {COPIED}
    (problem,) = report.problems
    assert (problem.pid, problem.reason) == (COPIED, "the folder /data/copy cannot be read")


class _AtTheEnd(VerifyListener):
    """Something happens once all bins have been read."""

    def __init__(self, happens: Callable[[], None]) -> None:
        self._happens = happens
        self._left = 0

    def begin(self, bins: int, size: int) -> None:
        self._left = bins

    def bin_done(self, result: Any) -> None:
        self._left -= 1
        if not self._left:
            self._happens()


def test_without_a_server_that_tells_the_time_nothing_is_told_where_no_bin_depends_on_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    monkeypatch.setattr(world.bucket.server_clock, "learn", lambda _date: None)
    world.tree.write_bin(PIDS[0], OLD)
    report = world.verify(0)
    assert list_of(report) == (0, 0, 0, 0) and report.warnings == ()


@pytest.mark.parametrize("page_size", [1000, 3, 1])
def test_where_this_disk_is_slow_the_archive_is_asked_again_and_nothing_is_listed_by_an_old_answer(
    page_size: int,
) -> None:
    world = World(page_size)
    pids = sorted(f"D201305{day:02d}T095207_IFCB013" for day in range(1, 7))
    for pid in pids:
        world.archive(pid)
    writing: list[str] = []
    refresh = world.tree.refresh

    def slowly(fileset: Fileset) -> Fileset:
        if world.bucket.listings > 1 or writing:  # not when the files were read
            writing.append(fileset.pid)
            world.clock.advance(40.0)
            if len(writing) == 2:
                for pid in (pids[1], pids[4]):
                    del world.bucket.objects[key_of(pid, "roi")]
        return refresh(fileset)

    world.tree.refresh = slowly  # type: ignore[method-assign]
    report = world.verify()
    # the second was looked at a moment before; each answer counts for a minute, and every bin is said something of once
    assert world.listed_bins() == {*pids} - {pids[4]}
    assert writing == [pid for pid in pids if pid != pids[4]]
    assert list_of(report) == (15, 5, 0, 1)
