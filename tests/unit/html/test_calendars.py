"""The calendars of the page: every day from the first to the last one is shown, also those without bins."""

from __future__ import annotations

from hypothesis import given, settings
from support.reports import BINS, EXAMPLE, bad, day, report_on, synced

from ifcbscan.core.archive_report import IN_ARCHIVE, SurveyedBin
from ifcbscan.core.states import BinState
from ifcbscan.html.calendars import calendars
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
    assert [year.year for year in years] == sorted({day.date.year for day in report.days}, reverse=True)
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


def test_a_day_with_bins_without_images_alone_is_a_day_with_bins() -> None:
    (year,) = calendars(report_on([bad(day(1), BinState.EMPTY), synced(day(3))]))
    assert year.label == "2026: 2 bins on 2 days, 1 day without bins"
    assert [cell.title for cell in year.cells] == [
        "2026-11-01: 1 empty",
        "2026-11-02: no bins",
        "2026-11-03: 1 synced",
    ]
