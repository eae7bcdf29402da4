"""The figures of a report: every bin is counted once, and whatever shows them says the same."""

from __future__ import annotations

import datetime
import json
from typing import Any, Sequence

import pytest
from hypothesis import given, settings
from support.reports import BINS, bad, day, pid, report_on, synced

from ifcbscan.core.archive_report import (
    IN_ARCHIVE,
    ArchiveReport,
    NotCounted,
    ShownBins,
    SurveyedBin,
    to_json,
)
from ifcbscan.core.states import WORST_FIRST, BinState
from ifcbscan.core.window import Window

#: The first second of the 22nd of November 2026.
MIDNIGHT = 1795305600.0


@settings(deadline=None)
@given(BINS)
def test_every_bin_is_in_exactly_one_state_and_every_sum_agrees(bins: list[SurveyedBin]) -> None:
    figures = to_json(report_on(bins))
    assert sum(figures["bins"].values()) == figures["totals"]["bins"] == len(bins)
    assert sum(figures["bytes"].values()) == figures["totals"]["bytes"] == sum(item.size for item in bins)
    for state in WORST_FIRST:
        assert figures["bins"][state.value] == sum(1 for item in bins if item.state == state)
    in_days = sum(entry["bins"] for entry in figures["days"])
    assert in_days + figures["totals"]["misdated"] == len(bins)
    listed = sorted(entry["pid"] for entry in figures["unfinished"])
    assert listed == sorted(
        item.pid for item in bins if item.state not in (BinState.SYNCED, BinState.ARCHIVED)
    )


@settings(deadline=None)
@given(BINS)
def test_days_and_gaps_together_are_the_whole_time_without_overlap(bins: list[SurveyedBin]) -> None:
    report = report_on(bins)
    covered = {entry.date for entry in report.days}
    for gap in report.gaps:
        inside = {gap.first + datetime.timedelta(days=index) for index in range(gap.days)}
        assert max(inside) == gap.last and not inside & covered
        covered |= inside
    if report.days:
        first, last = report.days[0].date, report.last_day
        assert len(covered) == (last - first).days + 1
        assert len(report.days) + report.gap_days == len(covered)
    else:
        assert not covered


@settings(deadline=None)
@given(BINS)
def test_the_order_in_which_bins_are_found_does_not_matter(bins: list[SurveyedBin]) -> None:
    def shown(items: Sequence[SurveyedBin]) -> dict[str, Any]:
        figures = to_json(report_on(items))
        figures["unfinished"].sort(key=lambda entry: json.dumps(entry, sort_keys=True))
        for newest in ("newest", "newest_in_archive"):
            figures[newest] = figures[newest] and figures[newest]["pid"]
        return figures

    assert shown(bins) == shown(bins[::-1])


def test_a_day_is_shown_by_the_worst_state_of_its_bins() -> None:
    for index, worse in enumerate(WORST_FIRST[:-1]):
        for better in WORST_FIRST[index + 1 :]:
            report = report_on([bad(day(3), better, second=1), bad(day(3), worse, second=2)])
            assert report.days[0].worst == worse
            assert report.days[0].states == ((worse, 1), (better, 1))


def spans(report: ArchiveReport) -> list[tuple[datetime.date, datetime.date, int]]:
    return [(gap.first, gap.last, gap.days) for gap in report.gaps]


def test_gaps_are_listed_from_their_first_to_their_last_day_and_the_last_one_goes_on_to_now() -> None:
    report = report_on([synced(day(1)), synced(day(2)), synced(day(4)), synced(day(20))])
    assert spans(report) == [(day(3), day(3), 1), (day(5), day(19), 15), (day(21), day(22), 2)]
    assert report.last_day == day(22)
    figures = to_json(report)
    assert figures["gaps"][-1] == {"first": "2026-11-21", "last": "2026-11-22", "days": 2}
    assert figures["totals"]["days_without_bins"] == 1 + 15 + 2


@pytest.mark.parametrize(
    ("hour", "now", "gaps"),
    [
        (23, MIDNIGHT + 600, []),  # ten minutes after midnight, nobody expects a bin of that day
        (23, MIDNIGHT + 86400 - 600, [(day(22), day(22), 1)]),
        (23, MIDNIGHT + 86400, [(day(22), day(22), 1)]),
        (1, MIDNIGHT, []),
        (1, MIDNIGHT + 86400, [(day(22), day(22), 1)]),
        (1, MIDNIGHT + 86400 + 600, [(day(22), day(23), 2)]),
        (1, MIDNIGHT - 86400, []),  # a clock that is ahead
    ],
)
def test_a_day_that_is_not_over_is_a_gap_once_the_newest_bin_is_a_day_old(
    hour: int, now: float, gaps: list[Any]
) -> None:
    assert spans(report_on([synced(day(21), hour * 3600)], now=now)) == gaps


def test_of_a_window_that_is_over_gaps_are_counted_to_its_end() -> None:
    def of(until: float) -> list[Any]:
        return spans(report_on([synced(day(1)), synced(day(2))], window=Window(until=until)))

    assert of(MIDNIGHT - 16 * 86400) == [(day(3), day(5), 3)]  # before the 6th
    assert of(MIDNIGHT - 16 * 86400 + 3600) == [(day(3), day(6), 4)]
    assert of(MIDNIGHT + 365 * 86400) == [(day(3), day(22), 20)]  # to come: to now
    assert of(MIDNIGHT - 3650 * 86400) == []


def test_the_newest_bin_and_the_newest_in_the_archive_have_their_ages() -> None:
    report = report_on([synced(day(21)), bad(day(22), BinState.SETTLING, second=14 * 3600)])
    assert report.newest is not None and report.newest_in_archive is not None
    assert (report.newest.state, report.newest.age) == (BinState.SETTLING, 309.0)
    assert (report.newest_in_archive.state, report.newest_in_archive.age) == (
        BinState.SYNCED,
        86400 + 14 * 3600 + 309,
    )


def test_a_bin_of_a_wrong_clock_is_counted_but_draws_no_calendar_of_centuries() -> None:
    odd = [synced(datetime.date(year, 1, 1)) for year in (1, 1970, 1999, 2099, 9999)]
    report = report_on([*odd, synced(day(1)), synced(day(3))])
    assert (report.bins, report.misdated, report.misdated_example) == (7, 5, odd[0].pid)
    assert [entry.date for entry in report.days] == [day(1), day(3)]
    assert report.newest is not None and report.newest.pid == pid(day(3))


def test_a_bin_that_the_dashboard_does_not_show_is_unpublished_and_still_in_the_archive() -> None:
    bins = [
        synced(day(1)),
        synced(day(2)),
        bad(day(3), BinState.ARCHIVED),
        bad(day(3), BinState.HELD, second=9),
    ]
    why = {item.pid: "it is marked as skipped" for item in (bins[0], bins[2], bins[3])}
    report = report_on(bins, published=ShownBins(why, known=True))
    assert report.unfinished[1].reason == "it is marked as skipped"  # a bin that is held keeps its own reason
    assert report.unfinished[0].reason != "it is marked as skipped"
    assert report.published_known
    assert not report_on(bins, published=ShownBins(why, known=False)).published_known
    assert report.bins_in((BinState.UNPUBLISHED,)) == 2
    assert report.bins_in(IN_ARCHIVE) == 3
    assert [item.state for item in report.unfinished] == [
        BinState.HELD,
        BinState.UNPUBLISHED,
        BinState.UNPUBLISHED,
    ]
    assert report_on(bins).bins_in((BinState.UNPUBLISHED,)) == 0


def test_the_worst_bins_are_listed_first_and_then_the_newest() -> None:
    report = report_on(
        [
            bad(day(1), BinState.HELD),
            bad(day(5), BinState.TO_UPLOAD),
            bad(day(2), BinState.HELD),
            bad(day(3), BinState.FAILED),
        ]
    )
    assert [(item.state, item.pid[7:9]) for item in report.unfinished] == [
        (BinState.FAILED, "03"),
        (BinState.HELD, "02"),
        (BinState.HELD, "01"),
        (BinState.TO_UPLOAD, "05"),
    ]


def test_what_could_not_be_read_is_a_figure_of_its_own() -> None:
    report = report_on([synced(day(1))], not_counted=NotCounted(unreadable=2))
    assert report.unreadable == to_json(report)["totals"]["unreadable"] == 2
    assert (to_json(report)["silence"], to_json(report)["instrument"]) == ("", [])
