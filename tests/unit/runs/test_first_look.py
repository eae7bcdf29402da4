"""What a scan looks at first: when it asks though it sees nothing, by whose time, and what silence it tells of."""

from __future__ import annotations

import pytest
from support.fakes import FakeBucket, FakeTree, SerialExecutor, StoredObject, VirtualClock

from ifcbscan.core.bins import parse_pid
from ifcbscan.core.decision import Policy
from ifcbscan.core.scan_report import ScanReport, summary
from ifcbscan.core.states import BinState
from ifcbscan.core.window import Window
from ifcbscan.errors import BucketUnreachable, ExitCode
from ifcbscan.runs.backends import Backends
from ifcbscan.runs.first_look import archived_bins, is_without_bins
from ifcbscan.runs.listener import Listener
from ifcbscan.runs.scan import Preparations, ScanOptions, scan

# Virtual time begins at 2023-11-14T22:13:20Z.
NEW = "D20231114T200000_IFCB013"
OF_YESTERDAY = "D20231113T200000_IFCB013"
OLD = "D20230601T000000_IFCB013"
LAST_YEAR = "D20220601T000000_IFCB013"
PREFIX = "hablab/nauset/"
HOUR = 3600.0
DAY = 86400.0
RECENT = 3 * DAY


class World:
    """One computer whose clock is `ahead` seconds ahead, and its bucket."""

    def __init__(self, ahead: float = 0.0) -> None:
        self.clock = VirtualClock(wall_error=ahead)
        self.bucket = FakeBucket(self.clock)
        self.tree = FakeTree()

    def archive(self, *pids: str) -> None:
        for pid in pids:
            parsed = parse_pid(pid)
            assert parsed is not None
            for extension in ("hdr", "adc", "roi"):
                self.bucket.objects[parsed.key(PREFIX, extension)] = StoredObject(b"x", self.clock.now - DAY)

    def write(self, *pids: str) -> None:
        for pid in pids:
            self.tree.write_bin(pid, self.clock.wall() - HOUR, folder=pid[:9])

    def scan(
        self,
        max_age: float | None = None,
        expect_every: float | None = None,
        window: Window | None = None,
        dry_run: bool = True,
        silence: str = "",
    ) -> ScanReport:
        self.bucket.calls.clear()
        if max_age is not None:
            self.tree.look_back_to(self.clock.wall() - max_age)
        options = ScanOptions(
            "hablab",
            "nauset",
            Policy(),
            dry_run=dry_run,
            max_age=max_age,
            jobs=1,
            window=window or Window(),
            expect_every=expect_every,
        )
        backends = Backends(self.tree, self.bucket, self.clock, SerialExecutor())  # type: ignore[arg-type]
        return scan(options, backends, Listener(), lambda line: None, Preparations(silence=silence))


EMPTY = "no bin was found in /data, though the archive holds {} of this series. Is the disk mounted?"


# --- what asks the archive


@pytest.mark.parametrize("max_age", [None, RECENT], ids=["full", "recent"])
def test_a_run_that_leaves_all_bins_alone_asks_the_archive_once_because_its_success_says_that_it_answers(
    max_age: float | None,
) -> None:
    world = World()
    world.tree = FakeTree(exclude=["beads"])
    world.tree.write_bin(NEW, world.clock.wall() - HOUR, folder="beads")
    report = world.scan(max_age)
    assert report.exit_code == ExitCode.DONE and report.requests.list == 1
    assert report.bins[BinState.EXCLUDED] == 1

    def hook(moment: str, call: object) -> None:
        raise BucketUnreachable("no answer")

    world.bucket.hook = hook
    with pytest.raises(BucketUnreachable):
        world.scan(max_age)


# --- an empty folder


@pytest.mark.parametrize("max_age", [None, RECENT], ids=["full", "recent"])
@pytest.mark.parametrize("dry_run", [True, False])
def test_an_empty_folder_is_silence_if_the_archive_has_bins_of_the_time_series(
    max_age: float | None, dry_run: bool
) -> None:
    world = World()
    world.archive(NEW, OLD)
    world.tree.write("notes.txt", b"no bin", world.clock.now)
    report = world.scan(max_age, dry_run=dry_run)
    assert report.silence == EMPTY.format(2)
    assert report.warnings == (report.silence,)
    assert report.exit_code == ExitCode.PARTLY_FAILED
    assert report.requests.list == 1


def test_more_than_a_page_is_told_as_at_least() -> None:
    world = World()
    world.bucket = FakeBucket(world.clock, page_size=7)
    world.archive(NEW, OLD, LAST_YEAR, OF_YESTERDAY)
    report = world.scan()
    assert report.silence == EMPTY.format("at least 3") and report.requests.list == 1


@pytest.mark.parametrize("max_age", [None, RECENT], ids=["full", "recent"])
def test_an_empty_folder_of_a_new_time_series_is_no_silence(max_age: float | None) -> None:
    world = World()
    world.bucket.objects[PREFIX + "readme.txt"] = StoredObject(b"x", world.clock.now)
    report = world.scan(max_age)
    assert (report.silence, report.warnings, report.exit_code) == ("", (), ExitCode.DONE)
    assert report.requests.list == 1


def test_a_folder_with_any_bin_is_not_empty() -> None:
    world = World()
    world.archive(NEW)
    world.tree.write(f"{OLD}.hdr", b"no more than this", world.clock.now - DAY)
    assert world.scan().silence == "" and world.bucket.calls == []


def test_a_recent_run_that_passes_over_old_days_has_not_met_an_empty_folder() -> None:
    world = World()
    world.archive(NEW)
    world.write(OLD)
    report = world.scan(RECENT)
    assert report.silence == "" and report.requests.list == 1
    assert summary(report) == "nauset: no bin of the last 3 days (dry run: nothing was sent)"


def test_an_archive_that_cannot_be_asked_about_an_empty_folder_ends_the_run() -> None:
    world = World()

    def hook(moment: str, call: object) -> None:
        raise BucketUnreachable("no answer")

    world.bucket.hook = hook
    with pytest.raises(BucketUnreachable):
        world.scan()


def test_only_archived_bins_of_the_window_count() -> None:
    world = World()
    world.archive(LAST_YEAR, OLD, NEW)
    this_year = Window(since=float(parse_pid(OLD).sample_time))  # type: ignore[union-attr]
    asked: list[str] = []
    page = world.bucket.first_page

    def first_page(prefix: str, start_after: str = "") -> object:
        asked.append(start_after)
        return page(prefix, start_after)

    world.bucket.first_page = first_page  # type: ignore[method-assign,assignment]
    bucket: object = world.bucket
    assert archived_bins(bucket, PREFIX, Window()).bins == 3  # type: ignore[arg-type]
    assert archived_bins(bucket, PREFIX, this_year).bins == 2  # type: ignore[arg-type]
    assert asked == ["", PREFIX + "2023"]
    assert world.scan(window=Window(since=world.clock.now)).silence == ""
    assert archived_bins(bucket, PREFIX, Window(instruments=frozenset([5]))).bins == 0  # type: ignore[arg-type]


def test_bins_that_are_left_out_are_bins() -> None:
    world = World()
    inventory = world.tree.walk()
    assert is_without_bins(inventory)
    for field, value in {"excluded": 1, "outside": 1, "other_parts": 1, "passed_over": True}.items():
        other = world.tree.walk()
        setattr(other, field, value)
        assert not is_without_bins(other)


def test_what_the_caller_knows_of_the_disk_comes_first() -> None:
    world = World()
    world.archive(NEW)
    report = world.scan(silence="/mnt/ifcb is no mount point any more")
    assert report.silence == "/mnt/ifcb is no mount point any more" and report.warnings == (report.silence,)
    assert report.exit_code == ExitCode.PARTLY_FAILED


# --- a silent instrument


@pytest.mark.parametrize("max_age", [None, RECENT], ids=["full", "recent"])
def test_the_newest_bin_is_older_than_expected(max_age: float | None) -> None:
    world = World()
    world.write(OF_YESTERDAY, OLD)
    assert world.scan(max_age, 27 * HOUR).silence == ""
    report = world.scan(max_age, 2 * HOUR)
    assert report.silence == (
        "no new bin: the newest one here was sampled 26 h ago (2023-11-13T20:00:00Z), and one is expected every 2 h. Does the "
        "instrument measure, and is its clock right?"
    )
    assert report.warnings == (report.silence,) and report.exit_code == ExitCode.PARTLY_FAILED
    assert report.bins[BinState.TO_UPLOAD] == (2 if max_age is None else 1)  # the scan does its work
    assert world.scan(max_age).silence == ""


def test_a_bin_from_the_future_or_an_incomplete_one_is_no_new_bin() -> None:
    world = World()
    world.write("D20231115T200000_IFCB013", OF_YESTERDAY)
    world.tree.write(f"{NEW}.hdr", b"not all there", world.clock.now - HOUR)
    assert "sampled 26 h ago" in world.scan(expect_every=3 * HOUR).silence


def test_a_run_of_the_last_days_without_a_bin_knows_no_more_than_these_days() -> None:
    world = World()
    world.write(OLD)
    assert world.scan(RECENT, 2 * HOUR).silence == (
        "no new bin: there is none of the last 3 days, and one is expected every 2 h. Does the instrument measure, and is its "
        "clock right?"
    )
    assert world.scan(RECENT, RECENT).silence != ""
    assert world.scan(RECENT, RECENT + 1).silence == ""


def test_a_new_job_over_an_empty_folder_expects_a_bin_too() -> None:
    assert World().scan(None, HOUR).silence == (
        "no new bin: there is no complete one here, and one is expected every 60 min. Does the instrument measure, and is its "
        "clock right?"
    )


def test_nothing_is_expected_of_a_window_that_has_ended_and_only_bins_of_the_window_count() -> None:
    world = World()
    world.write(OLD)
    assert world.scan(expect_every=HOUR, window=Window(until=world.clock.now)).silence == ""
    assert world.scan(expect_every=HOUR, window=Window(until=world.clock.now + 1)).silence != ""


# --- the clocks


@pytest.mark.parametrize(
    ("ahead", "words"),
    [(5 * DAY, "5 days ahead of"), (-20 * DAY, "20 days behind"), (-1700000000.0, "53 years behind")],
)
def test_a_recent_run_goes_by_the_archives_time_and_says_that_this_computers_is_wrong(
    ahead: float, words: str
) -> None:
    world = World(ahead)
    world.write(NEW, OF_YESTERDAY, OLD)
    report = world.scan(RECENT)
    assert report.bins[BinState.TO_UPLOAD] == 2
    assert report.warnings == (
        f"this computer's clock is {words} the archive's, by which the ages of bins are told instead. Please set it (UTC, "
        "ideally by NTP)",
    )
    assert report.exit_code == ExitCode.DONE and report.requests.list == 2


def test_the_age_of_the_newest_bin_is_told_by_the_archives_time() -> None:
    world = World(5 * DAY)
    world.write(NEW)
    assert world.scan(RECENT, 3 * HOUR).silence == ""
    assert "sampled 2 h ago" in world.scan(RECENT, HOUR).silence


@pytest.mark.parametrize("ahead", [0.0, 3000.0, -3000.0])
def test_a_clock_that_is_nearly_right_costs_nothing_and_is_not_told(ahead: float) -> None:
    world = World(ahead)
    world.write(NEW, OLD)
    report = world.scan(RECENT)
    assert report.warnings == () and report.requests.list == 1


def test_a_full_run_says_so_too() -> None:
    world = World(-2 * DAY)
    world.write(OLD)
    assert "2 days behind the archive's" in world.scan().warnings[0]
