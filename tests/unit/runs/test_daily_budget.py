"""A budget of bytes a day, in runs over the stand-ins of `support.fakes`: nothing is put that does not fit, and nothing is lost."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from typing import Any, Callable

import pytest
from support.fakes import Call, FakeBucket, FakeTree, Killed, SerialExecutor, StoredObject, VirtualClock

from ifcbscan.core.bins import EXTENSIONS, NOTHING_REMOTE, server_text
from ifcbscan.core.budget import Cost
from ifcbscan.core.decision import Now, Policy, decide
from ifcbscan.core.scan_report import Result, ScanReport, summary, worth_telling
from ifcbscan.core.states import BinState
from ifcbscan.core.window import Window
from ifcbscan.demo.sample_bins import bin_contents
from ifcbscan.errors import (
    BucketRefused,
    BucketUnreachable,
    ExitCode,
    IfcbscanError,
    Interrupted,
    PutRefused,
)
from ifcbscan.runs.backends import Backends, StopRequest
from ifcbscan.runs.bin_job import BinJob
from ifcbscan.runs.daily_budget import DailyBudget
from ifcbscan.runs.listener import Listener
from ifcbscan.runs.scan import ScanOptions, scan

DAY = 86400.0
START = 1780308000.0  # 2026-06-01T10:00:00Z
TODAY, YESTERDAY = "2026-06-01", "2026-05-31"
PREFIX = "hablab/nauset/"


def pid(number: int, day: str = "20260601") -> str:
    """The larger the number, the newer the bin."""
    return f"D{day}T08{number:02d}00_IFCB013"


class World:
    def __init__(self) -> None:
        self.clock = VirtualClock(START)
        self.bucket: Any = FakeBucket(self.clock)
        self.tree: Any = FakeTree()
        self.shown: list[str] = []
        self.stop = StopRequest(threading.Event())

    def write(self, *pids: str, roi_bytes: int = 30_000) -> int:
        """Whole bins, of one size; returns it."""
        contents = bin_contents(pid(0), 3, roi_bytes=roi_bytes)
        for name in pids:
            for extension in EXTENSIONS:
                body = getattr(contents, extension)
                self.tree.write(f"{name}.{extension}", body, self.clock.wall() - 3600)
        return self.size(pids[0])

    def size(self, name: str) -> int:
        return sum(len(self.tree.files[f"/data/{name}.{extension}"].body) for extension in EXTENSIONS)

    def archive(self, name: str, *extensions: str, age: float = 2 * DAY) -> None:
        for extension in extensions or EXTENSIONS:
            body = self.tree.files[f"/data/{name}.{extension}"].body
            key = f"{PREFIX}{name[1:5]}/{name[:9]}/{name}.{extension}"
            self.bucket.objects[key] = StoredObject(body, self.clock.now - age)

    def store(self, key: str, size: int, age: float = 0.0) -> None:
        """Something that another job or somebody else has put."""
        self.bucket.objects[PREFIX + key] = StoredObject(bytes(size), self.clock.now - age)

    def scan(self, max_daily: float | None, **options: Any) -> ScanReport:
        backends = Backends(self.tree, self.bucket, self.clock, SerialExecutor(), self.stop)
        how = ScanOptions("hablab", "nauset", Policy(), **{"jobs": 1, **options}, max_daily=max_daily)
        return scan(how, backends, Listener(), self.shown.append)

    def put_on(self, day: str) -> int:
        """Bytes with a date of that day."""
        stored = self.bucket.objects.values()
        return sum(len(one.body) for one in stored if server_text(one.put).startswith(day))

    def begun(self) -> list[str]:
        """The bins of which a .roi was put, in order."""
        return [key.rpartition("/")[2][:-4] for key in self.bucket.puts if key.endswith(".roi")]

    def when(self, number: int, extension: str, action: Callable[[], None], at: str = "before") -> None:
        """`action` around the put number so many of files of this kind."""
        seen = 0

        def hook(moment: str, call: Call) -> None:
            nonlocal seen
            if moment == at and call.kind == "put" and call.key.endswith(extension):
                seen += 1
                if seen == number:
                    action()

        self.bucket.hook = hook

    def fail(self, error: Exception, *pids: str, after: float = 0.0) -> None:
        """From now on no file of these bins can be put; each attempt takes so many seconds."""

        def hook(moment: str, call: Call) -> None:
            if moment == "before" and call.kind == "put" and call.key.rpartition("/")[2][:-4] in pids:
                self.clock.advance(after)
                raise error

        self.bucket.hook = hook

    def is_whole(self, name: str) -> bool:
        return f"{PREFIX}{name[1:5]}/{name[:9]}/{name}.adc" in self.bucket.objects

    def lists(self) -> int:
        return sum(call.kind == "list" for call in self.bucket.calls)


@pytest.fixture
def world() -> World:
    return World()


#: As the every-minute run and the hourly run.
MODES = pytest.mark.parametrize("max_age", [3 * DAY, None], ids=["recent", "full"])


@MODES
@pytest.mark.parametrize("jobs", [1, 4])
def test_the_newest_bins_go_first_and_the_others_wait_for_tomorrow(
    world: World, max_age: float | None, jobs: int
) -> None:
    size = world.write(*map(pid, range(6)))
    report = world.scan(2.5 * size, max_age=max_age, jobs=jobs, time_limit=300.0)
    assert world.begun() == [pid(5), pid(4)] and world.put_on(TODAY) == 2 * size
    assert (report.bins[BinState.UPLOADED], report.bins[BinState.TO_UPLOAD]) == (2, 4)
    assert report.exit_code == ExitCode.DONE and report.warnings == () and report.problems == ()
    assert "has no more room today: 4 bins wait for tomorrow (00:00 UTC)" in summary(report)

    again = world.scan(2.5 * size, max_age=max_age)
    assert len(world.begun()) == 2 and again.bins[BinState.TO_UPLOAD] == 4
    assert again.waits == report.waits and not worth_telling(again)  # so that cron mails nothing

    world.clock.advance(14 * 3600.0)
    assert world.scan(2.5 * size, max_age=max_age).bins[BinState.UPLOADED] == 2
    assert world.begun()[2:] == [pid(3), pid(2)] and world.put_on("2026-06-02") == 2 * size


@MODES
def test_whatever_was_put_today_counts_of_whatever_day_kind_and_extension(
    world: World, max_age: float | None
) -> None:
    size = world.write(pid(1))
    world.write(pid(1, "20260101"))
    world.archive(pid(1, "20260101"), age=3600.0)
    world.store("2019/D20190101/odd.json", 10, 60.0)
    world.store("D20260601T080000_IFCB013.txt", 10, 60.0)
    world.store("2019/D20190101/yesterday.roi", 10**6, DAY)
    assert world.scan(2 * size + 19, max_age=max_age).bins[BinState.TO_UPLOAD] == 1
    assert world.scan(2 * size + 20, max_age=max_age).bins[BinState.UPLOADED] == 1


@MODES
def test_with_a_window_only_keys_from_its_first_day_on_are_listed_and_count(
    world: World, max_age: float | None
) -> None:
    size = world.write(pid(1))
    world.store("2026/D20260530/before.roi", 10**6)
    world.store("2026/D20260531/within.roi", 10)
    window = Window(since=START - DAY)
    assert world.scan(size + 9, max_age=max_age, window=window).bins[BinState.TO_UPLOAD] == 1
    assert world.scan(size + 10, max_age=max_age, window=window).bins[BinState.UPLOADED] == 1


def test_a_recent_run_with_nothing_to_begin_lists_no_more_than_without_a_budget(world: World) -> None:
    world.write(pid(1), pid(2))
    world.archive(pid(1))
    world.archive(pid(2), "roi", "hdr")
    counts = []
    for max_daily in (None, 1):
        world.archive(pid(2), "roi", "hdr")
        world.bucket.objects.pop(f"{PREFIX}2026/D20260601/{pid(2)}.adc", None)
        before = world.lists()
        assert world.scan(max_daily, max_age=3 * DAY).bins[BinState.UPLOADED] == 1  # what was begun goes on
        counts.append(world.lists() - before)
    assert counts[0] == counts[1]
    before = world.lists()
    assert world.scan(1, max_age=3 * DAY).bins[BinState.SYNCED] == 2
    assert world.lists() - before == 1


def test_where_the_days_of_a_recent_run_have_used_it_up_nothing_else_is_listed(world: World) -> None:
    """Each minute of the rest of a day: a link that is paid by the gigabyte is not to carry listings."""
    size = world.write(pid(1), pid(2))
    assert world.scan(size + 10, max_age=3 * DAY).bins[BinState.UPLOADED] == 1
    before = world.lists()
    report = world.scan(size + 10, max_age=3 * DAY)
    assert report.bins[BinState.TO_UPLOAD] == 1 and "1 bin waits for tomorrow" in report.waits
    assert world.lists() - before == 1


@MODES
def test_a_bin_that_was_begun_is_made_visible_whatever_is_spent_and_before_new_ones(
    world: World, max_age: float | None
) -> None:
    size = world.write(*map(pid, range(3)))
    world.archive(pid(0), "roi", "hdr", age=3600.0)
    world.archive(pid(1), "roi", age=3600.0)
    report = world.scan(1, max_age=max_age)
    assert report.bins[BinState.UPLOADED] == 2 and report.bins[BinState.TO_UPLOAD] == 1
    assert world.begun() == [] and world.put_on(TODAY) == 2 * size


def test_one_that_is_larger_than_the_budget_is_the_first_of_a_day_and_else_holds_up_nobody(
    world: World,
) -> None:
    size = world.write(pid(1), pid(3), pid(5))
    world.write(pid(2), pid(4), roi_bytes=200_000)
    report = world.scan(2 * size)
    assert world.begun() == [pid(4)]
    assert report.waits.endswith("4 bins wait for tomorrow (00:00 UTC), 1 of them larger than MAX_DAILY")
    world.clock.advance(DAY)
    world.store("odd", 1)
    world.scan(2 * size + 1)
    assert world.begun()[1:] == [pid(5), pid(3)]
    world.clock.advance(DAY)
    world.scan(2 * size)
    world.clock.advance(DAY)
    assert world.scan(2 * size).waits == ""
    assert world.begun()[3:] == [pid(2), pid(1)]


# --- bins that fail in every run

REFUSED = PutRefused("403 (a virus scanner)")
CUT_OFF = BucketUnreachable("connection reset")
SEEDS = pytest.mark.parametrize("seed", range(3))


@SEEDS
@MODES
@pytest.mark.parametrize("jobs, time_limit", [(1, None), (1, 300.0), (4, None), (4, 300.0)])
def test_what_was_begun_is_made_visible_though_some_of_it_fails(
    world: World, seed: int, jobs: int, time_limit: float | None, max_age: float | None
) -> None:
    random.seed(seed)
    begun = [pid(number) for number in range(30, 36)]
    world.write(*map(pid, range(40)))
    for name in begun:
        world.archive(name, "roi", "hdr", age=3600.0)
    world.fail(REFUSED, *begun[-jobs:])
    report = world.scan(1, jobs=jobs, time_limit=time_limit, max_age=max_age)
    assert [name for name in begun if world.is_whole(name)] == begun[:-jobs]
    assert world.begun() == [] and "34 bins wait for tomorrow" in report.waits


@SEEDS
@pytest.mark.parametrize("jobs, time_limit", [(1, None), (1, 300.0), (4, None), (4, 300.0)])
def test_the_newest_that_can_be_sent_have_the_budget_though_newer_ones_fail(
    world: World, seed: int, jobs: int, time_limit: float | None
) -> None:
    random.seed(seed)
    size = world.write(*map(pid, range(40)))
    world.fail(REFUSED, *map(pid, range(34, 40)))
    world.scan(2.5 * size, jobs=jobs, time_limit=time_limit)
    assert [name for name in map(pid, range(40)) if world.is_whole(name)] == [pid(32), pid(33)]


@SEEDS
@pytest.mark.parametrize("begun", [False, True])
def test_bins_that_take_up_every_run_and_fail_starve_no_others(world: World, seed: int, begun: bool) -> None:
    """Each failure takes 60 s of a run of five minutes, and more bins fail than that leaves time for."""
    random.seed(seed)
    size = world.write(*map(pid, range(20)))
    for number in range(8, 20) if begun else ():
        world.archive(pid(number), "roi", "hdr", age=3600.0)
    world.fail(REFUSED, *map(pid, range(10, 20)), after=60.0)
    for _ in range(40):
        world.scan(4 * size, time_limit=300.0)
        world.clock.advance(DAY / 2)
    assert [name for name in map(pid, range(20)) if world.is_whole(name)] == list(map(pid, range(10)))


@SEEDS
def test_bins_that_end_every_run_since_nobody_answers_starve_no_others(world: World, seed: int) -> None:
    random.seed(seed)
    size = world.write(*map(pid, range(40)))
    world.fail(CUT_OFF, *map(pid, range(15, 40)))
    for _ in range(20):
        world.scan(10 * size, jobs=4)
        world.clock.advance(DAY)
    assert all(world.is_whole(pid(number)) for number in range(15))


def test_one_that_is_larger_than_the_budget_and_fails_leaves_its_day_to_the_next(world: World) -> None:
    size = world.write(pid(1))
    world.write(pid(2), pid(3), roi_bytes=200_000)
    world.fail(REFUSED, pid(3))
    world.scan(2 * size)
    assert world.begun() == [pid(2)]


def test_where_another_computer_sends_the_same_what_was_begun_comes_first_all_the_same(world: World) -> None:
    size = world.write(*map(pid, range(30)))
    begun = [pid(number) for number in range(20, 30)]
    for name in begun:
        world.archive(name, "roi", "hdr", age=3600.0)

    def hook(moment: str, call: Call) -> None:
        if moment == "before" and call.kind == "put" and call.key.rpartition("/")[2][:-4] in begun[-3:]:
            world.archive(call.key.rpartition("/")[2][:-4], "adc", age=0.0)

    world.bucket.hook = hook
    world.scan(size, time_limit=300.0, max_age=3 * DAY)
    assert all(map(world.is_whole, begun)) and world.begun() == [pid(19)][: len(world.begun())]


def test_what_is_held_back_once_it_is_looked_into_takes_nothing_from_the_budget(world: World) -> None:
    size = world.write(pid(1), pid(2))
    path = f"/data/{pid(2)}.roi"
    world.tree.files[path] = world.tree.files[path]._replace(body=world.tree.files[path].body[:-1])
    report = world.scan(size)
    assert (report.bins[BinState.HELD], report.bins[BinState.UPLOADED], report.waits) == (1, 1, "")


def test_what_another_run_puts_meanwhile_is_seen_after_ten_minutes(world: World) -> None:
    size = world.write(*map(pid, range(4)))

    def another_run() -> None:
        world.store("2020/D20200101/other.roi", 2 * size)
        world.clock.advance(601.0)

    world.when(1, ".roi", another_run)
    report = world.scan(3 * size)
    assert world.begun() == [pid(3)] and report.bins[BinState.TO_UPLOAD] == 3


def test_within_ten_minutes_nobody_counts_again(world: World) -> None:
    size = world.write(*map(pid, range(3)))
    world.when(1, ".roi", lambda: world.clock.advance(500.0))
    assert world.scan(3 * size).bins[BinState.UPLOADED] == 3
    looks = [call.key for call in world.bucket.calls if call.kind == "list"]
    assert looks.count(PREFIX) == 1


def test_a_bin_that_another_run_has_begun_meanwhile_goes_on(world: World) -> None:
    size = world.write(pid(1), pid(2))

    def another_run() -> None:
        world.archive(pid(1), "roi", "hdr", age=0.0)
        world.clock.advance(601.0)

    world.when(1, ".roi", another_run)
    assert world.scan(2 * size).bins[BinState.UPLOADED] == 2
    assert world.begun() == [pid(2)]


@MODES
def test_at_midnight_a_new_budget_begins_within_the_run(world: World, max_age: float | None) -> None:
    size = world.write(*map(pid, range(5)))
    world.clock.advance(14 * 3600.0 - 1.0)  # a second before
    world.when(2, ".roi", lambda: world.clock.advance(2.0))
    report = world.scan(2.5 * size, max_age=max_age)
    assert (report.bins[BinState.UPLOADED], report.bins[BinState.TO_UPLOAD]) == (3, 2)
    # The .adc of the first bin is sent on the second day, and counts there.
    assert world.put_on(TODAY) < size and 2 * size < world.put_on("2026-06-02") <= 2.5 * size


@pytest.mark.parametrize(
    "error, code",
    [
        (BucketUnreachable("gone"), int(ExitCode.PARTLY_FAILED)),
        (BucketRefused("no longer"), int(ExitCode.USAGE)),
    ],
)
def test_where_it_cannot_be_counted_again_no_bin_is_begun(
    world: World, error: IfcbscanError, code: int
) -> None:
    size = world.write(*map(pid, range(3)))

    def no_more_listing() -> None:
        world.clock.advance(601.0)

        def hook(moment: str, call: Call) -> None:
            if moment == "before" and call.kind == "list" and call.key == PREFIX:
                raise error

        world.bucket.hook = hook

    world.when(1, ".hdr", no_more_listing, at="after")
    report = world.scan(3 * size)
    assert world.begun() == [pid(2)]
    assert report.exit_code == code and report.ended_by == str(error) and report.waits == ""


def test_a_count_that_failed_is_no_count() -> None:
    """As where another computer sends the same bins: it is listed again, and an answer that fails to come is passed over."""
    world, moment = World(), [START]
    world.write(pid(1))
    local = world.tree.walk().filesets[pid(1)]
    answers: list[Any] = [{}, BucketUnreachable("gone"), {TODAY + "T": 100}]

    def count(_anew: bool) -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    budget = DailyBudget(100, lambda: moment[0], lambda local: Cost(100, False), {}, count)
    assert budget.may_begin(local)
    moment[0] += 601.0
    with pytest.raises(BucketUnreachable):
        budget.count()
    assert not budget.may_begin(local) and not answers


def test_only_a_count_before_anything_is_sent_goes_by_the_listing_that_the_run_has() -> None:
    """What was sent since, as of bins that go on without a count, is in no older listing."""
    world, moment = World(), [START]
    world.write(pid(1))
    (local,) = world.tree.walk().filesets.values()
    asked: list[bool] = []

    def count(anew: bool) -> Any:
        asked.append(anew)
        return {}

    def budget(listed: Any) -> DailyBudget:
        return DailyBudget(150, lambda: moment[0], lambda _: Cost(100, False), listed, count)

    at_once = budget({})
    list(at_once.in_turn([local]))
    assert at_once.may_begin(local) and asked == [False]
    moment[0] += 601.0
    assert at_once.may_begin(local) and asked == [False, True]
    tomorrow = budget({time.strftime("%Y-%m-%dT", time.gmtime(moment[0])): 100})
    list(tomorrow.in_turn([local]))
    assert not tomorrow.may_begin(local) and asked == [False, True]
    moment[0] += DAY
    assert tomorrow.may_begin(local) and asked == [False, True, True]


def test_what_was_begun_waits_for_no_budget_when_it_is_left() -> None:
    world = World()
    world.write(pid(1), pid(2))
    new, begun = (world.tree.walk().filesets[pid(number)] for number in (1, 2))
    budget = DailyBudget(
        100, lambda: START, lambda local: Cost(100, local is begun), {}, lambda _: {TODAY + "T": 100}
    )
    assert not budget.may_begin(new) and budget.may_begin(begun)
    for local in (new, begun):
        decision = decide(local, NOTHING_REMOTE, Now(START, START), Policy())
        budget.end(BinJob(local, NOTHING_REMOTE, (), decision, result=Result(BinState.TO_UPLOAD, "")))
    assert "no more room today: 1 bin waits" in budget.words()


def test_a_run_that_is_ended_while_it_counts_again_ends(world: World) -> None:
    size = world.write(*map(pid, range(3)))

    def ended() -> None:
        world.clock.advance(601.0)

        def hook(moment: str, call: Call) -> None:
            if moment == "before" and call.kind == "list" and call.key == PREFIX:
                world.stop.requested.set()
                raise Interrupted(130)

        world.bucket.hook = hook

    world.when(1, ".hdr", ended, at="after")
    report = world.scan(3 * size)
    assert world.begun() == [pid(2)] and report.bins[BinState.TO_UPLOAD] == 2 and report.ended_by is None


@MODES
def test_a_dry_run_shows_what_would_be_sent_today(world: World, max_age: float | None) -> None:
    size = world.write(*map(pid, range(4)))
    world.write(pid(0), roi_bytes=100)  # it would fit, and is not in turn
    report = world.scan(2.5 * size, max_age=max_age, dry_run=True)
    assert [line[: len(pid(0))] for line in world.shown] == [pid(3), pid(2), pid(1), pid(0)]
    assert [line.endswith("waits for tomorrow (MAX_DAILY)") for line in world.shown] == [
        False,
        False,
        True,
        True,
    ]
    assert report.bins[BinState.TO_UPLOAD] == 4 and "2 bins wait for tomorrow" in report.waits
    assert world.bucket.puts == []


def test_a_dry_run_takes_nothing_for_what_is_held_back(world: World) -> None:
    size = world.write(pid(1), pid(2))
    path = f"/data/{pid(2)}.roi"
    world.tree.files[path] = world.tree.files[path]._replace(body=world.tree.files[path].body[:-1])
    report = world.scan(size, dry_run=True)
    assert (report.bins[BinState.HELD], report.bins[BinState.TO_UPLOAD], report.waits) == (1, 1, "")


@pytest.mark.parametrize("seed", range(25))
def test_whatever_happens_no_day_has_more_than_its_budget_and_everything_arrives(
    world: World, seed: int
) -> None:
    """New bins come, days pass, runs are killed at any request. (One that is larger than the budget has a day of its own.)"""
    draw = random.Random(seed)
    names = [pid(number) for number in range(12)]
    small = world.write(names[0])
    limit = draw.choice([1.2, 2.5, 5]) * small

    def killed(moment: str, call: Call) -> None:
        if draw.random() < 0.01:
            raise Killed

    for _ in range(12):
        for _ in range(draw.randrange(3)):
            if names:
                world.write(
                    names.pop(draw.randrange(len(names))), roi_bytes=draw.choice([30_000, 9_000, 400_000])
                )
        world.clock.advance(draw.choice([60.0, 3600.0, 10 * 3600.0, DAY]))
        world.bucket.hook = killed
        with contextlib.suppress(Killed):
            world.scan(limit, jobs=draw.choice([1, 4]))
    world.bucket.hook = None
    for _ in range(30):
        report = world.scan(limit)
        world.clock.advance(DAY)
    assert report.bins[BinState.TO_UPLOAD] == 0 and len(world.bucket.objects) == len(world.tree.files)

    spent: dict[str, int] = {}
    begun: dict[str, list[int]] = {}
    for key, stored in world.bucket.objects.items():
        day = server_text(stored.put)[:10]
        spent[day] = spent.get(day, 0) + len(stored.body)
        if key.endswith(".roi"):
            begun.setdefault(day, []).append(world.size(key.rpartition("/")[2][:-4]))
    for day, size in spent.items():
        assert size <= limit or [each for each in begun[day] if each > limit] == begun[day][:1] == begun[day]


def test_where_another_computer_sends_the_same_bins_the_archive_is_listed_before_anything_was_counted() -> (
    None
):
    """Bins that were begun go on without a count, which lists the archive where there is one."""
    world = World()
    names = [pid(number) for number in range(20)]
    world.write(*names)
    for name in names:
        world.archive(name, "roi")
    put = world.bucket.put

    def after_another(*arguments: Any, **named: Any) -> Any:
        for name in names:
            world.archive(name, "hdr", "adc", age=0.0)
        return put(*arguments, **named)

    world.bucket.put = after_another
    report = world.scan(1e12)
    assert len(world.bucket.puts) <= 3
    assert report.bins[BinState.SYNCED] == len(names)


def _of_the_future(world: World, name: str) -> None:
    for extension in EXTENSIONS:
        file = world.tree.files[f"/data/{name}.{extension}"]
        world.tree.write(f"{name}.{extension}", file.body, world.clock.wall() + 7200)


def _with_its_adc_alone(world: World, name: str) -> None:
    world.archive(name, "hdr", "adc")


@pytest.mark.parametrize("what", [_of_the_future, _with_its_adc_alone])
def test_what_a_dry_run_says_of_a_bin_that_has_no_room_is_what_a_run_says(
    what: Callable[[World, str], None],
) -> None:
    reports = []
    for dry_run in (True, False):
        world = World()
        size = world.write(pid(0), pid(1))
        what(world, pid(0))
        reports.append(world.scan(size, dry_run=dry_run))
    dry, real = ((report.bins[BinState.SETTLING], report.bins[BinState.REJECTED]) for report in reports)
    assert dry == real and sum(dry) == 1
    assert reports[0].problems == reports[1].problems and reports[0].attention == reports[1].attention
