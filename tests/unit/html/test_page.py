"""The page: it says what the JSON says, needs nothing from elsewhere, and is safe and small."""

from __future__ import annotations

import datetime
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.reports import BINS, EXAMPLE, Page, bad, day, pid, report_on, synced

from ifcbscan.core.archive_report import NotCounted, SurveyedBin, to_json
from ifcbscan.core.states import BinState
from ifcbscan.errors import UsageError
from ifcbscan.html.page import LISTED_AT_MOST, render, write_page
from ifcbscan.html.thumbnails import SampleImage, grey_png

HOSTILE = "</title><script>alert('1')</script>\" onload=\"x\" & ü 'q' \udcff\x07 {{ 7*7 }}"


def at(figures: dict[str, Any], path: str) -> Any:
    """The value of `totals.bins` and the like."""
    found: Any = figures
    for name in path.split("."):
        found = found[name]
    return found


@settings(max_examples=20, deadline=None)
@given(BINS, st.integers(0, 5000))
def test_the_figures_of_the_page_are_those_of_the_json(bins: list[SurveyedBin], excluded: int) -> None:
    report = report_on(bins, not_counted=NotCounted(excluded, 2 * excluded))
    page, figures = Page(render(report)), to_json(report)
    assert {"totals.bins", "totals.bytes", "totals.days_without_bins"} <= set(page.figures)
    for name, values in page.figures.items():
        assert values == {str(at(figures, name))}, name
        if name.startswith(("bins.", "totals.")) and "bytes" not in name:
            assert page.shown[name] == {f"{at(figures, name):,}"}, name
    for state, count in figures["bins"].items():
        assert (f"bins.{state}" in page.figures) == (count > 0)


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    page = render(report_on(EXAMPLE), [SampleImage(2, 2, grey_png([b"ab", b"cd"]))], EXAMPLE[0].pid)
    parsed = Page(page)
    assert not {"script", "link", "iframe", "object", "form", "base"} & set(parsed.tags)
    assert not [name for _, name, _ in parsed.attributes if name.startswith("on")]
    for tag, name, value in parsed.attributes:
        if name in ("src", "href", "srcset", "action", "data"):
            assert value.startswith("#" if tag == "a" else "data:image/png;base64,"), (tag, name, value)
    assert not re.search(r"https?://|url\(|@import|@font-face", page)


def test_nothing_from_a_file_name_becomes_markup() -> None:
    bins = [synced(day(1)), bad(day(2), BinState.CONFLICT, f"two copies differ: .roi in /data/{HOSTILE}")]
    report = report_on(
        bins,
        time_series=HOSTILE,
        account=HOSTILE,
        directory="/" + HOSTILE,
        warnings=[f"{HOSTILE} unreadable"],
    )
    page = render(report)
    page.encode("utf-8")
    parsed = Page(page)
    assert "script" not in parsed.tags and not [name for _, name, _ in parsed.attributes if name == "onload"]
    cleaned = HOSTILE.replace("\udcff", "\\udcff").replace("\x07", "\\x07")
    assert sum(text.count(cleaned) for text in parsed.text) >= 5
    json.dumps(to_json(report), ensure_ascii=False).encode("utf-8")


def test_of_warnings_without_end_the_page_shows_a_few_and_the_number_of_the_others() -> None:
    report = report_on(EXAMPLE, warnings=[f"the folder {number} cannot be read" for number in range(20000)])
    text = " ".join(Page(render(report)).text)
    assert text.count("cannot be read") == 20
    assert "19,980 more warnings, which “ifcbscan report --json” lists" in text
    assert len(to_json(report)["warnings"]) == 20000


def test_the_page_says_how_many_bins_carry_a_date_that_cannot_be_right() -> None:
    odd = [synced(datetime.date(year, 1, 1)) for year in (1, 1970, 1999, 2099, 9999)]
    report = report_on([*odd, synced(day(1)), synced(day(3))])
    assert "5</data> bins carry a date that cannot be right" in render(report)


def test_tables_have_captions_and_their_headings_a_scope() -> None:
    parsed = Page(render(report_on(EXAMPLE)))
    assert parsed.tags.count("caption") == parsed.tags.count("table") >= 2
    assert parsed.tags.count("th") == sum(
        1 for tag, name, _ in parsed.attributes if (tag, name) == ("th", "scope")
    )
    labelled = [value for tag, name, value in parsed.attributes if (tag, name) == ("svg", "aria-label")]
    assert len(labelled) == parsed.tags.count("svg") and all(labelled)


def test_a_time_series_without_a_bin_gets_a_page_that_says_so() -> None:
    page = render(report_on([]))
    Page(page)
    assert "No bins found" in page and "no calendar" in page


def test_the_answer_at_a_glance_says_the_stage_and_when_the_last_bin_came() -> None:
    page = render(report_on([synced(day(19)), bad(day(19), BinState.HELD)], warnings=["look"]))
    assert '<p class="stage">needs you</p>' in page and 'class="verdict bad"' in page
    assert '<p class="answer">1 bin to look at; last bin 3 days ago</p>\n<p>Read the notes below</p>' in page


def test_a_silent_folder_is_said_first_whatever_is_in_the_archive() -> None:
    report = report_on([bad(day(1), BinState.ARCHIVED)], silence="no bin was found in /data <b>")
    page = render(report)
    assert 'class="verdict bad"' in page
    assert '<p class="answer">no bin was found in /data &lt;b&gt;</p>' in page
    assert "<p>Last bin 21 days ago</p>" in page


def test_lines_of_the_instrument_have_a_place() -> None:
    page = render(report_on(EXAMPLE, instrument_lines=("41.5 °C <inside>",)))
    assert "Notes of the instrument" in page and "<li>41.5 °C &lt;inside&gt;</li>" in page
    assert "Notes of the instrument" not in render(report_on(EXAMPLE))


def test_a_hundred_per_cent_means_all_of_them() -> None:
    most = [synced(day(1), second) for second in range(20000)]
    assert "99.99 %" in render(report_on([*most, bad(day(2), BinState.HELD)]))
    page = render(report_on([*most, bad(day(2), BinState.EMPTY)]))
    assert "100 %" in page and " bins; 1 without images" in page


@pytest.mark.parametrize("state", [BinState.SYNCED, BinState.TO_UPLOAD, BinState.HELD])
def test_ten_years_are_less_than_a_megabyte_whatever_their_state(state: BinState) -> None:
    first = datetime.date(2016, 11, 26)
    reason = "truncated: the .adc names images up to byte 249,123,456 but the .roi ends at 249,000,000"
    bins = [
        SurveyedBin(pid(first + datetime.timedelta(days=index), 100 * hour), state, reason, 5000000 + index)
        for index in range(3650)
        for hour in range(3)
    ]
    report = report_on(bins)
    page = render(report)
    assert len(page.encode("utf-8")) < 1000000
    if state != BinState.SYNCED:
        assert page.count('<th scope="row" class="id">') == LISTED_AT_MOST
        assert f"and {len(bins) - LISTED_AT_MOST:,} more" in page
        assert len(to_json(report)["unfinished"]) == len(bins)


def test_without_jinja2_a_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(UsageError, match=r"pip install jinja2"):
        render(report_on(EXAMPLE))


def test_a_page_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    write_page(str(target), "first ü")
    write_page(str(target), "second")
    assert target.read_text(encoding="utf-8") == "second"
    with pytest.raises(UsageError, match="-o FILE"):
        write_page(str(tmp_path / "none" / "report.html"), "x")
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(UsageError, match="-o FILE"):
        write_page(str(folder), "x")
    assert sorted(os.listdir(str(tmp_path))) == ["folder", "report.html"]
