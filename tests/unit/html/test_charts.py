"""The charts of the page: each day is drawn at its place and at its height."""

from __future__ import annotations

import datetime
import re

from hypothesis import given, settings
from hypothesis import strategies as st
from support.reports import pid, report_on

from ifcbscan.core.archive_report import SurveyedBin
from ifcbscan.core.states import WORST_FIRST, BinState
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
    charts = re.findall(r'viewBox="0 0 (\d+) 200".*?<path d="M0 200([^"]*)V200z"/>', page, re.DOTALL)
    assert len(charts) == 2
    start = min(sizes)
    for width, path in charts:
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
