"""What lies on a disk before the first run: sorted, put into words, and whether it is to be looked at twice."""

from __future__ import annotations

import pytest

from ifcbscan.core.bins import Pid
from ifcbscan.core.stock import AN_EARLIER_DEPLOYMENT, Group, StockedBin, stock_of

pytestmark = pytest.mark.windows_core

YOUNG = Pid("D20260601T000000_IFCB013")
OLD = Pid("D20250601T000000_IFCB013")
FOREIGN = Pid("IFCB5_2026_152_000000")


def test_bins_are_sorted_by_year_and_instrument() -> None:
    stock = stock_of(
        [
            StockedBin(YOUNG, False, True),
            StockedBin(Pid("D20260101T120000_IFCB013"), True, False),
            StockedBin(FOREIGN, False, False),
            StockedBin(OLD, True, False),
        ]
    )
    assert stock.groups == [
        Group(13, 2025, 1, 1, 0, OLD.sample_time, OLD.sample_time),
        Group(5, 2026, 1, 0, 0, FOREIGN.sample_time, FOREIGN.sample_time),
        Group(13, 2026, 2, 1, 1, Pid("D20260101T120000_IFCB013").sample_time, YOUNG.sample_time),
    ]
    assert (stock.bins, stock.to_send, stock.to_send_since) == (4, 1, YOUNG.sample_time)
    assert stock.lines()[2].split() == (
        [
            "IFCB013",
            "2026",
            "2",
            "bins,",
            "2026-01-01",
            "to",
            "2026-06-01:",
            "1",
            "in",
            "the",
            "archive,",
            "1",
            "to",
            "be",
            "sent",
        ]
    )


def test_bins_of_one_day_are_of_that_day() -> None:
    (line,) = stock_of([StockedBin(YOUNG, False, True)], compared=False).lines()
    assert line.split()[2:] == ["1", "bin,", "2026-06-01"]


def test_nothing_is_no_reason_for_doubt() -> None:
    stock = stock_of([])
    assert (stock.bins, stock.to_send, stock.to_send_since, stock.lines(), stock.doubts(9e9)) == (
        0,
        0,
        None,
        [],
        [],
    )


@pytest.mark.parametrize(("age", "doubts"), [(-1, 0), (0, 0), (1, 1)])
def test_a_bin_to_be_sent_that_is_older_than_a_week_is_looked_at_twice(age: int, doubts: int) -> None:
    stock = stock_of([StockedBin(YOUNG, False, True)])
    assert len(stock.doubts(YOUNG.sample_time + AN_EARLIER_DEPLOYMENT + age)) == doubts


@pytest.mark.parametrize("to_send", [False, True])
def test_old_bins_that_the_archive_has_are_no_reason_for_doubt(to_send: bool) -> None:
    stock = stock_of([StockedBin(OLD, True, False), StockedBin(YOUNG, False, to_send)])
    assert stock.doubts(YOUNG.sample_time + 1) == []


@pytest.mark.parametrize(("to_send", "doubts"), [(False, 0), (True, 1)])
def test_a_second_instrument_is_looked_at_twice_if_something_would_be_sent(
    to_send: bool, doubts: int
) -> None:
    stock = stock_of([StockedBin(FOREIGN, True, False), StockedBin(YOUNG, False, to_send)])
    found = stock.doubts(YOUNG.sample_time + 1)
    assert len(found) == doubts
    assert all("IFCB005, IFCB013" in text for text in found)
