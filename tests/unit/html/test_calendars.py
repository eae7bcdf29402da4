"""The calendars of the page: every day from the first to the last one is shown, also those without bins."""

from __future__ import annotations

from support.reports import EXAMPLE, report_on

from ifcbscan.html.page import render


def test_each_day_of_the_calendar_says_its_bins_and_each_gap_says_so() -> None:
    page = render(report_on(EXAMPLE))
    for title in ("2026-11-01: 1 synced", "2026-11-03: no bins", "2026-11-07: 1 incomplete, 1 archived"):
        assert f"<title>{title}</title>" in page
    assert page.count(": no bins</title>") == 3 + 14
    assert "<title>2026-11-23" not in page
    assert "<li>2026-11-08 to 2026-11-21: 14 days</li>" in page
