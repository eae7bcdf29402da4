"""From a listing to what the bucket holds of each bin, and the ranges in which a listing is split."""

from __future__ import annotations

import datetime
import random
import threading
from typing import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fakes import Call, FakeBucket, StoredObject, VirtualClock
from support.wire import WireBucket

from ifcbscan.core.bins import MISSING, Fileset, Pid, RemoteFileset, parse_pid
from ifcbscan.core.remote_index import (
    MOST_RANGES,
    WHOLE,
    KeyRange,
    ListedObject,
    full_ranges,
    index_objects,
    list_bins,
    range_around,
)
from ifcbscan.disk.files import fileset_of

PREFIX = "hablab/nauset/"
FOLDER = PREFIX + "2013/D20130526/"


def _pid(text: str) -> Pid:
    pid = parse_pid(text)
    assert pid is not None
    return pid


NEW = _pid("D20130526T095207_IFCB013")
OLD = _pid("IFCB5_2012_028_081515")


def _indexed(objects: Iterable[ListedObject], *local: Pid) -> dict[Pid, RemoteFileset]:
    """What a listing holds of these local bins."""
    found: dict[Pid, RemoteFileset] = {}
    index_objects(objects, PREFIX, _filesets(*local), found)
    return found


def _filesets(*pids: Pid) -> dict[Pid, Fileset]:
    return {pid: fileset_of(pid, "/data", {}) for pid in pids}


def _objects(*keys: str) -> list[ListedObject]:
    """A listing of these keys in S3's order; each has another size and time."""
    return [
        ListedObject(key, number, f"2026-11-22T13:26:{number:02d}Z", "")
        for number, key in enumerate(sorted(keys), start=1)
    ]


def test_a_bin_is_found_at_its_computed_keys() -> None:
    listing = _objects(FOLDER + NEW + ".adc", FOLDER + NEW + ".hdr", FOLDER + NEW + ".roi")
    assert _indexed(listing, NEW) == {
        NEW: RemoteFileset(
            hdr=2, adc=1, roi=3, hdr_put="2026-11-22T13:26:02Z", roi_put="2026-11-22T13:26:03Z"
        )
    }


@pytest.mark.parametrize(
    "elsewhere",
    [
        PREFIX + NEW,
        PREFIX + "2013/" + NEW,
        PREFIX + "2013/D20130527/" + NEW,
        PREFIX + "raw/2013/D20130526/" + NEW,
        "hablab/nauset2/2013/D20130526/" + NEW,
        FOLDER + "copy of " + NEW,
    ],
)
def test_what_lies_in_another_place_is_not_the_bin(elsewhere: str) -> None:
    assert _indexed(_objects(elsewhere + ".roi", elsewhere + ".hdr"), NEW) == {}


@pytest.mark.parametrize("extension", ["ROI", "Roi", "json", "tmp", "ro", ""])
def test_a_file_with_another_extension_is_no_member(extension: str) -> None:
    found = _indexed(_objects(FOLDER + NEW + ".hdr", f"{FOLDER}{NEW}.{extension}"), NEW)
    assert found[NEW].roi == MISSING and found[NEW].adc == MISSING and found[NEW].hdr != MISSING


@pytest.mark.parametrize("foreign", [".adc.mod", ".adc.tmp", ".hdr.copy", ".b", ".hdrx", ".adc/x.adc"])
def test_a_foreign_key_between_the_members_of_a_bin_hides_none_of_them(foreign: str) -> None:
    members = [FOLDER + NEW + suffix for suffix in (".adc", ".hdr", ".roi")]
    found = _indexed(_objects(*members, FOLDER + NEW + foreign), NEW)
    assert MISSING not in found[NEW].sizes


@pytest.mark.parametrize("foreign", [".adc.mod", ".json", ".hdr.copy", ".b", ".", ".adc/x.adc"])
def test_a_bin_comes_once_with_its_objects_whatever_lies_among_them(foreign: str) -> None:
    members = [FOLDER + NEW + suffix for suffix in (".adc", ".hdr", ".roi")]
    listing = _objects(*members, FOLDER + NEW + foreign)
    ((pid, hdr, adc, roi),) = list_bins(listing, PREFIX, _filesets(NEW))
    assert pid == NEW and [item.key for item in (adc, hdr, roi) if item] == members


def test_a_listing_in_another_order_gives_the_same() -> None:
    listing = _objects(*(FOLDER + NEW + suffix for suffix in (".adc", ".hdr", ".roi")), FOLDER + "x.roi")
    mixed = [listing[2], listing[3], listing[0], listing[1]]
    assert _indexed(mixed, NEW) == _indexed(listing, NEW)


def test_bins_that_nobody_asked_for_are_left_out() -> None:
    assert _indexed(_objects(FOLDER + NEW + ".roi"), OLD) == {}


pids = st.builds(
    lambda day, hour, number: _pid(f"D{day:%Y%m%d}T{hour:02d}0000_IFCB{number:03d}"),
    st.dates(datetime.date(2019, 12, 1), datetime.date(2021, 2, 1)),
    st.integers(0, 23),
    st.sampled_from([1, 13]),
)
old_pids = st.builds(
    lambda day, hour: _pid(f"IFCB5_{day:%Y_%j}_{hour:02d}0000"),
    st.dates(datetime.date(2019, 12, 1), datetime.date(2021, 2, 1)),
    st.integers(0, 23),
)
any_pids = st.one_of(pids, old_pids)
bin_keys = st.builds(
    lambda pid, suffix: f"{PREFIX}{pid.day_folder}/{pid}{suffix}",
    any_pids,
    st.sampled_from([".hdr", ".adc", ".roi", ".adc.mod", ".json"]),
)
odd_keys = st.builds(
    lambda rest: PREFIX + rest,
    st.one_of(
        st.text(st.characters(min_codepoint=1, max_codepoint=0x24F), min_size=1, max_size=12),
        st.sampled_from(
            ["2020", "2020/", "2020/D20200101", "2020/D202001010/x", "2020/D20200101.roi", "~", " "]
        ),
        pids.map(lambda pid: pid + ".roi"),
        pids.map(lambda pid: pid.day_folder + "0"),
    ),
)
keys = st.sets(st.one_of(bin_keys, bin_keys, odd_keys), max_size=40)


@given(keys, st.lists(any_pids, max_size=12, unique=True), st.integers(1, 4))
def test_a_bin_is_known_with_all_its_members_whatever_else_is_there(
    there: set[str], wanted: list[Pid], page_size: int
) -> None:
    bucket = FakeBucket(VirtualClock(), page_size)
    for key in there:
        bucket.objects[key] = StoredObject(key.encode("utf-8"), 1700000000.0)
    found = _indexed(bucket.list(PREFIX), *wanted)
    assert set(found) <= set(wanted)
    for pid in wanted:
        expected = {
            extension: len(bucket.objects[pid.key(PREFIX, extension)].body)
            for extension in ("hdr", "adc", "roi")
            if pid.key(PREFIX, extension) in there
        }
        sizes = found[pid].sizes if pid in found else (MISSING, MISSING, MISSING)
        known = {ext: size for ext, size in zip(("hdr", "adc", "roi"), sizes) if size != MISSING}
        assert known == expected


def _many(count: int, start: datetime.date = datetime.date(2020, 1, 1)) -> list[Pid]:
    return [
        _pid(f"D{start + datetime.timedelta(n // 60):%Y%m%d}T{n % 60 // 3:02d}{n % 3 * 20:02d}00_IFCB013")
        for n in range(count)
    ]


@pytest.mark.parametrize("count", [0, 1, 900, 2000, 7000, 30000])
def test_the_ranges_join_without_gap_or_overlap_and_are_worth_their_requests(count: int) -> None:
    ranges = full_ranges(_many(count), PREFIX)
    assert ranges[0].start_after == "" and ranges[-1].up_to == ""
    assert [r.up_to for r in ranges[:-1]] == [r.start_after for r in ranges[1:]]
    assert all(r.start_after < r.up_to for r in ranges if r.up_to)
    assert len(ranges) <= min(MOST_RANGES, 1 + 3 * count // 850)


def test_a_small_time_series_is_listed_in_one_piece() -> None:
    assert full_ranges(_many(500), PREFIX) == [WHOLE]


@given(keys, st.integers(1, 3))
def test_all_ranges_together_are_the_one_long_listing(there: set[str], page_size: int) -> None:
    """The local bins, by which the ranges are cut, need not be those of the bucket."""
    bucket = FakeBucket(VirtualClock(), page_size)
    for key in there:
        bucket.objects[key] = StoredObject(b"", 1700000000.0)
    parts = [bucket.list(PREFIX, r.start_after, r.up_to) for r in _RANGES]
    assert [item for part in parts for item in part] == list(bucket.list(PREFIX))


_RANGES = full_ranges(_many(20000), PREFIX)


def test_those_ranges_are_several() -> None:
    assert len(_RANGES) == MOST_RANGES


@given(any_pids)
def test_all_members_of_a_bin_lie_in_the_same_range(pid: Pid) -> None:
    places = {
        number
        for extension in ("hdr", "adc", "roi")
        for number, keys in enumerate(_RANGES)
        if _holds(keys, pid.key(PREFIX, extension))
    }
    assert len(places) == 1


@given(st.lists(any_pids, min_size=1, max_size=10))
def test_the_range_of_a_recent_run_holds_every_key_of_its_bins(wanted: list[Pid]) -> None:
    keys = range_around(wanted, PREFIX)
    for pid in wanted:
        assert all(_holds(keys, pid.key(PREFIX, extension)) for extension in ("hdr", "adc", "roi"))


def test_the_range_of_a_recent_run_leaves_the_years_before_alone() -> None:
    keys = range_around(_many(120, datetime.date(2020, 6, 1)), PREFIX)
    for day in ("2019/D20191231", "2020/D20200531", "2020/D20200603", "2021/D20210101"):
        assert not _holds(keys, f"{PREFIX}{day}/D{day[-8:]}T120000_IFCB013.roi")


def _holds(keys: KeyRange, key: str) -> bool:
    return keys.start_after < key and (not keys.up_to or key <= keys.up_to)


def _wired(there: set[str], page_size: int) -> tuple[FakeBucket, WireBucket]:
    """A bucket in memory that holds `there`, and ifcbscan's own way of listing it."""
    clock = VirtualClock()
    store = FakeBucket(clock, page_size)
    for key in there:
        store.objects[key] = StoredObject(b"", 1700000000.0)
    return store, WireBucket(store, clock, lambda: clock.now, threading.Event())


def _listed(bucket: WireBucket, ranges: list[KeyRange]) -> list[str]:
    return [item.key for keys in ranges for item in bucket.list(PREFIX, keys.start_after, keys.up_to)]


@given(keys, st.integers(1, 5))
def test_every_key_is_asked_for_in_exactly_one_range(there: set[str], page_size: int) -> None:
    _, bucket = _wired(there | {"hablab/nauset", "hablab/nauset2/2020/D20200601/x"}, page_size)
    assert _listed(bucket, _RANGES) == sorted(there)


@given(keys, keys, st.integers(1, 5), st.randoms(use_true_random=False))
def test_a_key_that_stays_is_listed_once_whatever_comes_and_goes_meanwhile(
    lasting: set[str], passing: set[str], page_size: int, chance: random.Random
) -> None:
    store, bucket = _wired(lasting, page_size)
    changing = sorted(passing - lasting)

    def change(when: str, call: Call) -> None:
        for key in chance.sample(changing, len(changing) // 2):
            if store.objects.pop(key, None) is None:
                store.objects[key] = StoredObject(b"", 1700000000.0)

    if changing:
        store.hook = change
    found = _listed(bucket, _RANGES)
    assert found == sorted(set(found))
    assert lasting <= set(found) <= lasting | passing


@given(keys, st.lists(any_pids, min_size=1, max_size=4), st.integers(1, 5))
def test_the_range_of_a_recent_run_lists_what_lies_in_it_and_nothing_else(
    there: set[str], wanted: list[Pid], page_size: int
) -> None:
    _, bucket = _wired(there, page_size)
    keys = range_around(wanted, PREFIX)
    assert _listed(bucket, [keys]) == sorted(key for key in there if _holds(keys, key))
