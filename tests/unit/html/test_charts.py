"""The charts of the page: each day is drawn at its place and at its height."""

from __future__ import annotations

import datetime
import re

from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.reports import day, pid, report_on, synced

from ifcbscan.core.archive_report import SurveyedBin
from ifcbscan.core.states import WORST_FIRST, BinState
from ifcbscan.html.charts import charts
from ifcbscan.html.page import render


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from(WORST_FIRST),
    st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 10**9)), min_size=1, max_size=30),
)
def test_a_chart_ends_where_the_time_does_and_shows_each_day_at_its_height(
    state: BinState, spots: list[tuple[int, int]]
) -> None:
    first = datetime.date(2014, 1, 1)
    sizes: dict[int, int] = {}
    for offset, size in spots:
        sizes[offset] = sizes.get(offset, 0) + size
    bins = [
        SurveyedBin(pid(first + datetime.timedelta(days=offset), index), state, "", size)
        for index, (offset, size) in enumerate(spots)
    ]
    page = render(report_on(bins))
    drawings = re.findall(r'viewBox="0 0 (\d+) 200".*?<path d="M0 200([^"]*)V200z"/>', page, re.DOTALL)
    assert len(drawings) == 2
    start = min(sizes)
    for width, path in drawings:
        assert int(width) == max(sizes) - start + 1
        heights, at_x, height = {}, 0, 200
        for command, value in re.findall(r"([VH])(\d+)", path):
            if command == "V":
                height = int(value)
            else:
                heights.update(dict.fromkeys(range(at_x, int(value)), height))
                at_x = int(value)
        assert at_x == int(width)
        assert all(heights[x] == 200 for x in heights if x + start not in sizes)
    # the second chart is in bytes: larger is never drawn lower
    drawn = sorted((size, 200 - heights[offset - start]) for offset, size in sizes.items())
    assert [height for _, height in drawn] == sorted(height for _, height in drawn)


@settings(max_examples=200, deadline=None)
@given(st.dates(datetime.date(2005, 1, 1), datetime.date(2026, 11, 22)), st.integers(0, 7900))
@example(datetime.date(2020, 12, 31), 6 * 366)
@example(datetime.date(2025, 1, 31), 44)
def test_an_axis_has_a_few_dates_in_order_each_at_its_place(first: datetime.date, days: int) -> None:
    last = min(first + datetime.timedelta(days=days), datetime.date(2026, 11, 22))
    (chart, _) = charts(report_on([synced(first), synced(last)]).days)
    places = [tick.at for tick in chart.ticks]
    assert len(places) <= 7
    assert places == sorted(set(places))
    assert all(0 <= place <= 90 for place in places)
    assert len({tick.label for tick in chart.ticks}) == len(places)


def test_a_time_series_of_one_day_has_charts_and_one_without_bins_has_none() -> None:
    assert charts(report_on([]).days) == []
    bins, megabytes = charts(report_on([synced(day(1), size=0)]).days)
    assert (bins.width, bins.path, bins.top, bins.middle) == (1, "M0 200V0H1V200z", "1", "0.5")
    assert [(tick.at, tick.label) for tick in bins.ticks] == [(0.0, "Nov 1")]
    assert megabytes.path == "M0 200V200H1V200z"
