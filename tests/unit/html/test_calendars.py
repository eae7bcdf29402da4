"""The calendars of the page: every day from the first to the last one is shown, also those without bins."""

from __future__ import annotations

import datetime

from hypothesis import given, settings
from support.reports import BINS, EXAMPLE, bad, day, report_on, synced

from ifcbscan.core.archive_report import IN_ARCHIVE, SurveyedBin
from ifcbscan.core.states import WORST_FIRST, BinState
from ifcbscan.html.calendars import calendars, strip
from ifcbscan.html.page import render


def test_each_day_of_the_calendar_says_its_bins_and_each_gap_says_so() -> None:
    page = render(report_on(EXAMPLE))
    for title in ("2026-11-01: 1 synced", "2026-11-03: no bins", "2026-11-07: 1 incomplete, 1 archived"):
        assert f"<title>{title}</title>" in page
    assert page.count(": no bins</title>") == 3 + 14
    assert "<title>2026-11-23" not in page
    assert "<li>2026-11-08 to 2026-11-21: 14 days</li>" in page


@settings(max_examples=30, deadline=None)
@given(BINS)
def test_every_day_of_the_time_series_is_drawn_once_and_the_figures_beside_it_add_up(
    bins: list[SurveyedBin],
) -> None:
    report = report_on(bins)
    years = calendars(report)
    with_bins = {day.date.year for day in report.days}
    since = set(range(max(with_bins), report.last_day.year + 1)) if with_bins else set()
    assert [year.year for year in years] == sorted(with_bins | since, reverse=True)
    drawn = [cell.title.partition(":")[0] for year in years for cell in year.cells]
    assert len(drawn) == len(set(drawn))
    assert {str(day.date) for day in report.days} <= set(drawn)
    for year in years:
        days = [day for day in report.days if day.date.year == year.year]
        assert len(year.cells) + year.empty_path.count("M") in (365, 366)
        assert len({(cell.x, cell.y) for cell in year.cells}) == len(year.cells)
        assert sum(month.days for month in year.months) == len(days)
        assert sum(month.days + month.without for month in year.months) == len(year.cells)
        assert year.bins == sum(month.bins for month in year.months) == sum(day.bins for day in days)
        assert sum(month.size for month in year.months) == sum(day.size for day in days)
        assert sum(month.unfinished for month in year.months) == sum(
            count for day in days for state, count in day.states if state not in IN_ARCHIVE
        )


def test_the_calendar_goes_on_to_now_where_the_instrument_is_silent() -> None:
    report = report_on([synced(datetime.date(2025, 12, 30))])
    (this, last) = calendars(report)
    assert (this.year, len(this.cells), this.bins) == (
        2026,
        31 + 28 + 31 + 30 + 31 + 30 + 31 + 31 + 30 + 31 + 22,
        0,
    )
    assert this.label == "2026: 0 bins on 0 days, 326 days without bins"
    assert (last.year, len(last.cells)) == (2025, 2)
    assert "<li>2025-12-31 to 2026-11-22: 327 days</li>" in render(report)


def test_a_day_of_bins_without_images_alone_is_no_day_without_bins() -> None:
    (year,) = calendars(report_on([bad(day(21), BinState.EMPTY), synced(day(22))]))
    assert year.label == "2026: 2 bins on 2 days, 0 days without bins"
    assert [(cell.mark, cell.title) for cell in year.cells] == [
        ("0", "2026-11-21: 1 empty"),
        ("", "2026-11-22: 1 synced"),
    ]


def test_the_strip_shows_the_last_sixty_days_up_to_today() -> None:
    shown = strip(report_on([synced(day(1)), bad(day(20), BinState.HELD)]))
    assert [bar.title for bar in shown.bars[-3:]] == [
        "2026-11-20: 1 held",
        "2026-11-21: no bins",
        "2026-11-22: no bins",
    ]
    assert [bar.height for bar in shown.bars[-3:]] == [20, 5, 5] and shown.bars[0].height == 12
    assert (len(shown.bars), shown.bars[0].x, shown.width) == (22, 38 * 5, 60 * 5)
    assert shown.label == "The last 60 days: bins on 2, on 1 of them some to look at"
    assert strip(report_on([])).label == "The last 60 days: bins on 0"
    old = strip(report_on([synced(datetime.date(2020, 1, 1))]))
    assert len(old.bars) == 60 and {bar.tone for bar in old.bars} == {"none"}


def test_every_tone_but_two_that_are_both_good_has_a_height_of_its_own() -> None:
    bins = [bad(day(number), state) for number, state in enumerate(WORST_FIRST, 1)]
    heights = {bar.tone: bar.height for bar in strip(report_on(bins)).bars}
    assert len(set(heights.values())) == len(heights) - 1 and heights["good"] == heights["kept"]
