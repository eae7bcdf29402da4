"""The budget of a day: what counts as put today, what a bin costs, which bins may be begun, and in which order."""

from __future__ import annotations

import pytest

from ifcbscan.core.bins import MISSING, NOTHING_REMOTE, Fileset, Pid, RemoteFileset, pack_stamps
from ifcbscan.core.budget import (
    Cost,
    cost_of,
    counted_from,
    day_of,
    in_turn,
    may_begin,
    noted,
    put_since,
    wait_words,
)
from ifcbscan.core.remote_index import ListedObject
from ifcbscan.core.window import EVERYTHING, make_window

pytestmark = pytest.mark.any_python

MIDNIGHT = 1780272000.0  # 2026-06-01T00:00:00Z


def fileset(name: str, hdr: int = 10, adc: int = 200, roi: int = 3000) -> Fileset:
    return Fileset(Pid(name), "/data", (".hdr", ".adc", ".roi"), hdr, adc, roi, pack_stamps((0.0, 0.0, 0.0)))


LOCAL = fileset("D20260601T120000_IFCB013")


# --- what counts as put today


@pytest.mark.parametrize(
    "modified, counts",
    [
        ("2026-06-01T00:00:00.000Z", True),
        ("2026-06-01T23:59:59Z", True),
        ("2026-05-31T23:59:59.999Z", False),
        ("2025-12-31T00:00:00Z", False),
        ("2026-06-02T00:00:00Z", True),  # the bucket's clocks disagree
        ("9999-12-31T23:59:59Z", True),
        (
            "2026-05-31T23:59:59+00:00",
            False,
        ),  # of forms that S3 does not write, and that can be read all the same
        ("2026-06-01T00:00:00+00:00", True),
        ("2026-05-31T23:59:59.5", False),
        ("2026-05-32T00:00:00Z", True),  # a day that cannot be read
        ("0000-00-00T00:00:00Z", True),
        ("2026-05-31 23:00:00Z", True),
        ("31 May 2026", True),
        ("0", True),
        ("", True),
    ],
)
def test_all_counts_that_cannot_be_read_to_have_been_put_before_today(modified: str, counts: bool) -> None:
    put_on: dict[str, int] = {}
    listed = [ListedObject("a/b/x", 7, modified, ""), ListedObject("a/b/y.json", 5, modified, "")]
    assert list(noted(listed, "", put_on)) == listed
    for now in (MIDNIGHT, MIDNIGHT + 86399.9):
        assert put_since(put_on, now) == (12 if counts else 0)


def test_no_more_is_kept_of_a_listing_than_one_number_a_day() -> None:
    put_on: dict[str, int] = {}
    times = [f"2026-06-0{day}T{hour:02d}:00:00.000Z" for day in (1, 2) for hour in range(24)]
    for _ in noted((ListedObject(f"k{time}", 1, time, "") for time in times), "", put_on):
        pass
    assert put_on == {"2026-06-01T": 24, "2026-06-02T": 24}
    assert put_since(put_on, MIDNIGHT + 86400) == 24  # a new day begins at midnight, UTC
    assert day_of(MIDNIGHT - 0.002) == "2026-05-31" and day_of(MIDNIGHT) == "2026-06-01"


@pytest.mark.parametrize(
    "since, start",
    [(None, ""), ("2026-06-01T14:30", "a/s/2026/D20260601"), ("0987-01-02", "a/s/0987/D09870102")],
)
def test_keys_count_from_the_first_day_of_the_window_on(since: str | None, start: str) -> None:
    window = EVERYTHING if since is None else make_window(since, None, None, 0.0)
    assert counted_from(window, "a/s/") == start


def test_what_lies_before_the_window_does_not_count() -> None:
    put_on: dict[str, int] = {}
    keys = ["a/s/2025/D20251231/x.roi", "a/s/2026/D20260531/x.roi"]
    keys += [
        "a/s/2026/D20260601/x.roi",
        "a/s/2026/IFCB5_2026_001/x.roi",
        "a/s/2027/D20270101/x.roi",
        "a/s/odd",
    ]
    listed = [ListedObject(key, 1, "2026-06-01T00:00:00Z", "") for key in keys]
    assert list(noted(listed, "a/s/2026/D20260601", put_on)) == listed
    assert put_on == {"2026-06-01T": 4}


# --- what a bin costs


@pytest.mark.parametrize(
    "remote, other, cost",
    [
        (NOTHING_REMOTE, "", Cost(3210, False)),
        (RemoteFileset(MISSING, MISSING, 3000, "", "x"), "", Cost(210, True)),
        (RemoteFileset(10, MISSING, 3000, "x", "x"), "", Cost(200, True)),
        (RemoteFileset(10, MISSING, MISSING, "x", ""), "", Cost(3210, False)),  # rejected, and tried again
        (RemoteFileset(10, 200, MISSING, "x", ""), "", Cost(3010, False)),
        (RemoteFileset(10, MISSING, 2999, "x", "x"), "", Cost(3210, False)),
        (RemoteFileset(10, 200, 3000, "x", "x"), "roi", Cost(3010, False)),
        (RemoteFileset(10, 200, 3000, "x", "x"), "adc", Cost(200, True)),
    ],
)
def test_a_bin_costs_what_is_still_to_be_sent_and_is_begun_once_its_roi_is_there(
    remote: RemoteFileset, other: str, cost: Cost
) -> None:
    assert cost_of(LOCAL, remote, {other}) == cost


# --- which bins may be begun


@pytest.mark.parametrize(
    "size, spent, begins",
    [
        (100, 0, True),
        (60, 40, True),  # to the last byte
        (61, 40, False),
        (0, 100, True),
        (1, 100, False),
        (1, 500, False),  # more than the budget was put, by whomever
        (101, 0, True),  # larger than the whole budget: the first of its day
        (101, 1, False),
    ],
)
def test_a_bin_is_begun_if_it_fits_or_is_the_first_of_its_day(size: int, spent: int, begins: bool) -> None:
    assert may_begin(size, spent, 100) is begins


def test_bins_have_turns_in_groups_of_which_none_holds_another_up() -> None:
    # n: new, b: begun, and the size, which is the .roi's
    bins = [
        fileset(text, roi=int(text[1:])) for text in ["n50", "b10", "n200", "n100", "b200", "n300", "n10"]
    ]
    groups = in_turn(bins, lambda local: Cost(local.roi, local.pid[0] == "b"), 100)
    assert [" ".join(local.pid for local in group) for group in groups] == [
        "b10 b200",  # what is begun becomes visible first
        "n200 n300",  # one that is too large begins the day, if it may
        "n50 n100 n10",  # newest first, also where a later one would fit
    ]


def test_the_words_say_how_many_wait_and_until_when() -> None:
    assert (
        wait_words(1e9, 1, 0)
        == "MAX_DAILY of 1.0 GB has no more room today: 1 bin waits for tomorrow (00:00 UTC)"
    )
    assert wait_words(5e6, 1200, 3) == (
        "MAX_DAILY of 5.0 MB has no more room today: 1,200 bins wait for tomorrow (00:00 UTC), 3 of them larger than MAX_DAILY"
    )
