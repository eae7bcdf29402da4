"""The report: its figures add up, its JSON and its page say the same, and the page is safe and small."""

from __future__ import annotations

import calendar
import datetime
import json
import os
import re
import struct
import sys
import zlib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ifcbscan.core.archive_report import (
    IN_ARCHIVE,
    ArchiveReport,
    ReportSubject,
    ShownBins,
    SurveyedBin,
    build_report,
    to_json,
)
from ifcbscan.core.bins import Pid, parse_pid
from ifcbscan.core.states import WORST_FIRST, BinState
from ifcbscan.demo.sample_bins import bin_contents, write_bin
from ifcbscan.disk.tree import LocalTree
from ifcbscan.errors import LocalFileProblem, UsageError
from ifcbscan.html.legend import legend_of
from ifcbscan.html.page import LISTED_AT_MOST, render, write_page
from ifcbscan.html.thumbnails import SampleImage, grey_png, sample_images

NOW = calendar.timegm((2026, 11, 22, 14, 5, 9))
HOSTILE = "</title><script>alert('1')</script>\" onload=\"x\" & ü 'q' \udcff\x07 {{ 7*7 }}"


def pid(day: datetime.date, second: int = 0, instrument: int = 13) -> Pid:
    """The id of a bin of that day."""
    clock = f"{second // 3600:02d}{second // 60 % 60:02d}{second % 60:02d}"
    made = parse_pid(f"D{day.year:04d}{day:%m%d}T{clock}_IFCB{instrument:03d}")
    assert made is not None
    return made


def report_on(bins: Sequence[SurveyedBin], **more: Any) -> ArchiveReport:
    """A report with everything else as usual."""
    about = {"account": "hablab", "time_series": "nauset", "directory": "/data"}
    about.update({name: more.pop(name) for name in about if name in more})
    return build_report(bins, ReportSubject(**about), **{"now": NOW, **more})


def synced(day: datetime.date, second: int = 0, size: int = 5000000) -> SurveyedBin:
    return SurveyedBin(pid(day, second), BinState.SYNCED, "", size)


def bad(day: datetime.date, state: BinState, reason: str = "because", second: int = 60) -> SurveyedBin:
    return SurveyedBin(pid(day, second), state, reason, 1000)


NOVEMBER = datetime.date(2026, 11, 1)


def day(number: int) -> datetime.date:
    return NOVEMBER + datetime.timedelta(days=number - 1)


DAYS = st.dates(datetime.date(1995, 1, 1), datetime.date(2030, 12, 31))
BINS = st.lists(
    st.builds(
        SurveyedBin,
        pid=st.one_of(
            st.builds(pid, DAYS, st.integers(0, 86399)),
            DAYS.map(lambda date: parse_pid(f"IFCB5_{date:%Y_%j}_081515")),
        ),
        state=st.sampled_from(WORST_FIRST),
        reason=st.text(max_size=20),
        size=st.integers(0, 10**9),
    ),
    max_size=40,
)


# --- the figures


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
        first, last = report.days[0].date, report.days[-1].date
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


def test_gaps_are_listed_from_their_first_to_their_last_day() -> None:
    report = report_on([synced(day(1)), synced(day(2)), synced(day(4)), synced(day(20))])
    assert [(gap.first, gap.last, gap.days) for gap in report.gaps] == [
        (day(3), day(3), 1),
        (day(5), day(19), 15),
    ]


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
    assert "5</data> bins carry a date that cannot be right" in render(report)


def test_a_bin_that_the_dashboard_does_not_show_is_unpublished_and_still_in_the_archive() -> None:
    bins = [
        synced(day(1)),
        synced(day(2)),
        bad(day(3), BinState.ARCHIVED),
        bad(day(3), BinState.HELD, second=9),
    ]
    why = {item.pid: "it is marked as skipped" for item in (bins[0], bins[2], bins[3])}
    report = report_on(bins, published=ShownBins(why, known=True))
    assert report.bins_in((BinState.UNPUBLISHED,)) == 2
    assert report.bins_in(IN_ARCHIVE) == 3
    assert [item.state for item in report.unfinished] == [
        BinState.HELD,
        BinState.UNPUBLISHED,
        BinState.UNPUBLISHED,
    ]
    assert report.unfinished[1].reason == "it is marked as skipped"  # a bin that is held keeps its own reason
    assert report.unfinished[0].reason != "it is marked as skipped"
    assert (
        report.published_known and not report_on(bins, published=ShownBins(why, known=False)).published_known
    )
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


# --- the page


class Page(HTMLParser):
    """What is in a page: figures, texts, every attribute; checks that tags nest."""

    VOID = {"meta", "wbr", "img", "br", "link", "input"}

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.tags: list[str] = []
        self.figures: dict[str, set[str]] = {}
        self.shown: dict[str, set[str]] = {}
        self.text: list[str] = []
        self._figure = ""
        self.feed(text)
        self.close()
        assert self.open == [], self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.extend((tag, name, value or "") for name, value in attrs)
        if tag not in self.VOID:
            self.open.append(tag)
        values = dict(attrs)
        if tag == "data":
            self._figure = values["data-figure"] or ""
            self.figures.setdefault(self._figure, set()).add(values["value"] or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, (tag, self.open)
        self.open.pop()
        if tag == "data":
            self._figure = ""

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        if self._figure:
            self.shown.setdefault(self._figure, set()).add(data)


def at(figures: dict[str, Any], path: str) -> Any:
    """The value of `totals.bins` and the like."""
    found: Any = figures
    for name in path.split("."):
        found = found[name]
    return found


EXAMPLE = [
    synced(day(1)),
    synced(day(2)),
    synced(day(6), size=12345678),
    bad(day(7), BinState.ARCHIVED),
    bad(day(7), BinState.INCOMPLETE, ".roi missing", second=600),
    bad(day(22), BinState.TO_UPLOAD, "not in the archive"),
]


@settings(max_examples=20, deadline=None)
@given(BINS, st.integers(0, 5000))
def test_the_figures_of_the_page_are_those_of_the_json(bins: list[SurveyedBin], excluded: int) -> None:
    report = report_on(bins, excluded=excluded)
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


def test_every_state_has_a_sign_besides_its_colour_and_words_what_to_do() -> None:
    marked = [
        legend_of(state).mark for state in WORST_FIRST if state not in (BinState.SYNCED, BinState.ARCHIVED)
    ]
    assert all(marked) and len(set(marked)) == len(marked)
    # these two differ in shape (a filled cell and a framed one), hence in class
    assert legend_of(BinState.SYNCED).tone != legend_of(BinState.ARCHIVED).tone
    assert all(
        legend_of(state).advice for state in WORST_FIRST if state not in (BinState.SYNCED, BinState.ARCHIVED)
    )
    page = render(report_on([bad(day(index + 1), state) for index, state in enumerate(WORST_FIRST)]))
    text = "".join(Page(page).text)
    for state in WORST_FIRST:
        assert legend_of(state).meaning in text and legend_of(state).advice in text


def test_each_day_of_the_calendar_says_its_bins_and_each_gap_says_so() -> None:
    page = render(report_on(EXAMPLE))
    for title in ("2026-11-01: 1 synced", "2026-11-03: no bins", "2026-11-07: 1 incomplete, 1 archived"):
        assert f"<title>{title}</title>" in page
    assert page.count(": no bins</title>") == 3 + 14
    assert "<title>2026-11-23" not in page
    assert "<li>2026-11-08 to 2026-11-21: 14 days</li>" in page


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


@pytest.mark.parametrize(
    ("bins", "warnings", "text"),
    [
        ([synced(day(1))], [], "Every bin is in the archive"),
        ([synced(day(1)), bad(day(1), BinState.SETTLING)], [], "All is well; 1 bin on its way"),
        ([bad(day(1), BinState.HELD), bad(day(1), BinState.REJECTED, second=1)], [], "2 bins to look at"),
        ([synced(day(1))], ["the folder /x cannot be read"], "Not everything could be seen"),
    ],
)
def test_the_answer_at_a_glance(bins: list[SurveyedBin], warnings: list[str], text: str) -> None:
    assert f'<p class="answer">{text}</p>' in render(report_on(bins, warnings=warnings))


def test_a_hundred_per_cent_means_all_of_them() -> None:
    most = [synced(day(1), second) for second in range(20000)]
    assert "99.99 %" in render(report_on([*most, bad(day(2), BinState.HELD)]))
    assert "100 %" in render(report_on(most))


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


# --- images


def decoded(png: bytes) -> list[bytes]:
    """The rows of a PNG of 8-bit grey pixels, after checking every sum in it."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, position = {}, 8
    while position < len(png):
        length, kind = struct.unpack(">I4s", png[position : position + 8])
        body = png[position + 8 : position + 8 + length]
        assert struct.unpack(">I", png[position + 8 + length :][:4])[0] == zlib.crc32(kind + body)
        chunks[kind] = body
        position += 12 + length
    width, height, depth, colour = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert (depth, colour) == (8, 0) and b"IEND" in chunks
    raw = zlib.decompress(chunks[b"IDAT"])
    rows = [raw[y * (width + 1) : (y + 1) * (width + 1)] for y in range(height)]
    assert all(row[:1] == b"\0" for row in rows) and len(raw) == height * (width + 1)
    return [row[1:] for row in rows]


def fileset_in(folder: Path) -> tuple[LocalTree, Any]:
    tree = LocalTree(str(folder))
    (fileset,) = tree.walk().filesets.values()
    return tree, fileset


@pytest.mark.parametrize(
    ("name", "columns"),
    [("D20130526T095207_IFCB013", (15, 16, 17)), ("IFCB5_2012_028_081515", (11, 12, 13))],
)
def test_sample_images_are_the_pixels_that_the_adc_names(
    tmp_path: Path, name: str, columns: tuple[int, int, int]
) -> None:
    write_bin(tmp_path, name, images=5)
    contents = bin_contents(name, images=5)
    images = sample_images(*fileset_in(tmp_path), count=12)
    rows = [line.split(",") for line in contents.adc.decode().splitlines()]
    places = [tuple(int(row[column]) for column in columns) for row in rows]
    expected = [contents.roi[start : start + w * h] for w, h, start in places if w * h]
    assert [b"".join(decoded(image.png)) for image in images] == expected
    assert all(image.width * image.height == len(pixels) for image, pixels in zip(images, expected))


def test_sample_images_come_from_the_whole_run_and_large_ones_are_thinned_out(tmp_path: Path) -> None:
    write_bin(tmp_path, "D20130526T095207_IFCB013", images=40, roi_bytes=40 * 250000)
    images = sample_images(*fileset_in(tmp_path), count=8)
    assert len(images) == 8
    for image in images:
        rows = decoded(image.png)
        assert max(len(rows), len(rows[0])) <= 160 < max(image.width, image.height)
        assert len(image.png) < 30000


def test_a_damaged_bin_gives_the_images_that_it_has(tmp_path: Path) -> None:
    write_bin(tmp_path, "D20130526T095207_IFCB013", images=5)
    adc = tmp_path / "D20130526T095207_IFCB013.adc"
    line = ["1"] * 24
    line[15:18] = ["-5", "-5", "0"]
    huge = ["1"] * 24
    huge[15:18] = ["100000", "100000", "0"]
    adc.write_bytes(
        b"nan\n" + ",".join(line).encode() + b"\n" + ",".join(huge).encode() + b"\n" + adc.read_bytes()[:-30]
    )
    assert len(sample_images(*fileset_in(tmp_path))) >= 4


def test_a_bin_without_images_has_no_samples_and_one_that_is_gone_says_so(tmp_path: Path) -> None:
    write_bin(tmp_path, "D20130526T095207_IFCB013", images=0)
    tree, fileset = fileset_in(tmp_path)
    assert sample_images(tree, fileset) == ()
    (tmp_path / "D20130526T095207_IFCB013.adc").unlink()
    with pytest.raises(LocalFileProblem):
        sample_images(tree, fileset)


def test_real_bins_have_images(real_bins: Path) -> None:
    tree = LocalTree(str(real_bins / "good"))
    for fileset in tree.walk().filesets.values():
        images = sample_images(tree, fileset, count=4)
        assert len(images) == 4
        assert all(decoded(image.png) for image in images)
