"""The page of `ifcbscan report` as people meet it: in a browser, narrow and wide, light and dark, by keyboard.

Set IFCBSCAN_SCREENSHOTS to a folder to keep the pictures of docs/images (the first screen of each look):

    IFCBSCAN_SCREENSHOTS=docs/images pytest -m slow tests/integration/html/test_report_browser.py
"""

from __future__ import annotations

import calendar
import datetime
import math
import os
import random
from dataclasses import replace
from pathlib import Path
from typing import Any, Iterator

import pytest
from support.browser import Browser, BrowserUnavailable, axe_source

from ifcbscan.core.archive_report import (
    ArchiveReport,
    NotCounted,
    ReportSubject,
    ShownBins,
    SurveyedBin,
    build_report,
    to_json,
)
from ifcbscan.core.bins import parse_pid
from ifcbscan.core.states import BinState
from ifcbscan.demo.sample_bins import write_bin
from ifcbscan.disk.tree import LocalTree
from ifcbscan.html.index import IndexedJob, render_index, render_problem
from ifcbscan.html.page import render
from ifcbscan.html.thumbnails import sample_images

pytestmark = pytest.mark.slow

NOW = calendar.timegm((2026, 11, 22, 14, 5, 9))
TODAY = datetime.date(2026, 11, 22)
WIDTHS = (400, 1400)
OVER_ALL = ("index", "problem", "index-of-none")
LOOKS = [(width, dark) for width in WIDTHS for dark in (False, True)]
LONG = "/media/ifcb/" + "a_folder_with_a_very_long_name_and_no_space_in_it" * 4
TROUBLES = (
    (
        "conflict",
        "the archive's .roi is larger (9,123,456 bytes) than the one here (9,000,000); not overwritten",
    ),
    ("rejected", "the archive deleted the .roi that was sent 5.3 h ago; next try after 24 h"),
    ("held", "truncated: the .adc names images up to byte 9,123,456 but the .roi ends at 9,000,000"),
    ("held", "empty: .roi has 0 bytes, so no image; the dashboard refuses such a bin"),
    ("incomplete", ".roi missing"),
    ("failed", ".adc in {} cannot be read: Input/output error"),
)


def bins_of(days: int, directory: str) -> list[SurveyedBin]:
    """Made-up years of an instrument: nearly all of it well, some days missing, the last hours on their way."""
    rng = random.Random(days)
    missing: set[int] = set()
    for _ in range(days // 100):
        start = rng.randrange(days - 20)
        missing.update(range(start, start + rng.choice((1, 1, 2, 4, 11))))
    found = []
    for number in sorted(set(range(days)) - missing):
        day = TODAY - datetime.timedelta(days=days - 1 - number)
        count = rng.randrange(57, 63) if rng.random() < 0.94 else rng.randrange(4, 57)
        for index in range(36 if day == TODAY else count):
            minute = index * 23
            pid = parse_pid(f"D{day:%Y%m%d}T{minute // 60:02d}{minute % 60:02d}17_IFCB127")
            if pid is None:
                break
            state, reason = ("archived", "") if number < days // 4 else ("synced", "")
            if number >= days // 4 and rng.random() < 0.0008 / (days / 400):
                state, reason = rng.choice(TROUBLES)
                reason = reason.replace("{}", directory)
            if day == TODAY and index > 28:
                state, reason = "to_upload", "not in the archive"
            if day == TODAY and index == 35:
                state, reason = "settling", "changed in the last 60 s: it may still be written"
            season = 1.2 + math.sin(day.timetuple().tm_yday / 58)
            found.append(SurveyedBin(pid, BinState(state), reason, int(rng.uniform(2e6, 1.6e7) * season)))
    return found


def report_of(days: int, directory: str = "/home/ifcb/ifcbdata/nauset", warnings: Any = ()) -> ArchiveReport:
    bins = bins_of(days, directory)
    hidden = {bins[-2000 % len(bins)].pid, bins[-40 % len(bins)].pid}
    return build_report(
        bins,
        ReportSubject("hablab", "nauset", directory),
        now=NOW,
        not_counted=NotCounted(excluded=214),
        warnings=warnings,
        published=ShownBins(dict.fromkeys(hidden, "the dashboard does not have it"), known=True),
    )


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    try:
        with Browser() as made:
            yield made
    except BrowserUnavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def images(tmp_path_factory: Any) -> Any:
    folder = tmp_path_factory.mktemp("bin")
    write_bin(folder, "D20261122T132517_IFCB127", images=60)
    tree = LocalTree(str(folder))
    (fileset,) = tree.walk().filesets.values()
    return sample_images(tree, fileset)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: Any, images: Any) -> dict[str, tuple[Path, ArchiveReport]]:
    """Pages of many kinds, by name."""
    folder = tmp_path_factory.mktemp("pages")
    reports = {
        "usual": report_of(500),
        "ten-years": report_of(3650),
        "odd": report_of(
            30, LONG, [f"the folder {LONG} cannot be read (Permission denied): bins in it are not seen"]
        ),
        "empty": build_report([], ReportSubject("hablab", "n" * 53, "/data"), now=NOW),
        "silent": replace(
            report_of(30, LONG),
            silence=f"no bin was found in {LONG}, though the archive holds 1,234 of this series. Is the disk mounted?",
            instrument_lines=("41.5 °C inside, 38 % humidity", "212 GB free on the data disk: 96 days left"),
        ),
    }
    made = {}
    for name, report in reports.items():
        path = folder / f"{name}.html"
        path.write_text(render(report, images, "D20261122T132517_IFCB127"), encoding="utf-8")
        made[name] = (path, report)
    jobs = [
        IndexedJob("n" * 53 if name == "empty" else name, report.directory, f"{name}.html", report)
        for name, report in reports.items()
    ]
    problem = IndexedJob("gone", LONG, "problem.html", None, f"The data folder {LONG} does not exist.")
    for name, text in (
        ("index", render_index([*jobs, problem], NOW)),
        ("problem", render_problem(problem, NOW)),
        ("index-of-none", render_index([], NOW)),
    ):
        path = folder / f"{name}.html"
        path.write_text(text, encoding="utf-8")
        made[name] = (path, reports["usual"])
    return made


@pytest.fixture(scope="module")
def axe(tmp_path_factory: Any) -> str:
    try:
        return axe_source(tmp_path_factory.mktemp("npm"))
    except BrowserUnavailable as reason:
        pytest.skip(str(reason))


def at(figures: dict[str, Any], path: str) -> Any:
    found: Any = figures
    for name in path.split("."):
        found = found[name]
    return found


@pytest.mark.parametrize("name", ["usual", "ten-years", "odd", "empty", "silent", *OVER_ALL])
@pytest.mark.parametrize(("width", "dark"), LOOKS)
def test_the_page_never_scrolls_sideways(
    browser: Browser, pages: Any, name: str, width: int, dark: bool
) -> None:
    browser.look(width, dark)
    browser.open(pages[name][0])
    browser.run("for (const details of document.querySelectorAll('details')) details.open = true")
    assert browser.run("return innerWidth") == width
    assert browser.run("return document.documentElement.scrollWidth") <= width
    # and what is wider than its region can be scrolled there, with the keyboard too
    wide = browser.run(
        "return [...document.querySelectorAll('body *')].filter(e => !e.closest('svg') && e.scrollWidth > e.clientWidth + 1"
        " && getComputedStyle(e).display != 'inline').map(e => [e.className, e.tabIndex, e.outerHTML.slice(0, 200)])"
    )
    assert [entry for entry in wide if entry[:2] not in (["scroll", 0], ["xaxis", -1])] == []


@pytest.mark.parametrize(("width", "dark"), LOOKS)
def test_the_figures_in_the_browser_are_those_of_the_json(
    browser: Browser, pages: Any, width: int, dark: bool
) -> None:
    path, report = pages["usual"]
    browser.look(width, dark)
    browser.open(path)
    figures = to_json(report)
    shown = browser.run(
        "return [...document.querySelectorAll('[data-figure]')].map(e => [e.dataset.figure, e.value, e.innerText])"
    )
    assert len(shown) >= 15
    for name, value, text in shown:
        assert value == str(at(figures, name)), name
        assert text.strip(), name
        if name.startswith("bins."):
            assert int(text.replace(",", "")) == at(figures, name)
    assert browser.run("return document.querySelector('[data-text]').textContent") == figures["newest"]["pid"]
    cells = browser.run("return [...document.querySelectorAll('.cal path title')].map(e => e.textContent)")
    days = {entry["day"]: entry["states"] for entry in figures["days"]}
    gaps = sum(gap["days"] for gap in figures["gaps"])
    assert len(cells) == len(days) + gaps
    told = dict(cell.split(": ") for cell in cells)
    for day, states in days.items():
        assert told[day] == ", ".join(f"{count} {state}" for state, count in states.items())
    rows = browser.run("return [...document.querySelectorAll('.bins th.id')].map(e => e.textContent)")
    assert rows == [entry["pid"] for entry in figures["unfinished"]]
    listed = browser.run("return [...document.querySelectorAll('.gaps li')].length")
    assert listed == len(figures["gaps"])


@pytest.mark.parametrize("name", ["usual", "odd", "empty", "silent", *OVER_ALL])
@pytest.mark.parametrize(("width", "dark"), LOOKS)
def test_axe_finds_no_serious_fault(
    browser: Browser, pages: Any, axe: str, name: str, width: int, dark: bool
) -> None:
    browser.look(width, dark)
    browser.open(pages[name][0])
    browser.run("for (const details of document.querySelectorAll('details')) details.open = true")
    browser.run(axe)
    result = browser.run_async("const done = arguments[0]; axe.run().then(done, e => done(String(e)))")
    assert len(result["passes"]) > 15
    faults = [(fault["id"], fault["impact"], fault["nodes"][0]["html"]) for fault in result["violations"]]
    assert [fault for fault in faults if fault[1] in ("serious", "critical")] == []
    assert faults == []  # nor any lesser one


def test_everything_is_readable_with_scripts_switched_off_and_nothing_is_fetched(
    browser: Browser, pages: Any
) -> None:
    browser.look(400)
    browser.scripts(False)
    try:
        browser.open(pages["usual"][0])
        text = browser.run("return document.body.innerText")
        fetched = browser.run("return performance.getEntriesByType('resource').map(e => e.name)")
    finally:
        browser.scripts(True)
    for words in (
        "In the archive",
        "Last bin",
        "Bins not synced",
        "Days without bins",
        "Megabytes per day",
    ):
        assert words in text
    assert [name for name in fetched if not name.startswith("data:")] == []


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (
            "usual",
            [
                "!",
                "NEEDS YOU",
                "{attention} bins to look at; last bin 39 min ago",
                "{waiting} bins on their way",
            ],
        ),
        (
            "silent",
            [
                "!",
                "NEEDS YOU",
                f"no bin was found in {LONG}, though the archive holds 1,234 of this series. Is the disk mounted?",
                "{attention} bins to look at; {waiting} bins on their way; last bin 39 min ago",
            ],
        ),
        ("empty", ["↑", "ON ITS WAY", "No bins found", "Neither this folder nor the archive has any"]),
        ("index", ["!", "NEEDS YOU", "6 jobs: 1 on its way, 5 need you"]),
        ("problem", ["!", "NEEDS YOU", f"The data folder {LONG} does not exist."]),
        (
            "index-of-none",
            [
                "!",
                "NEEDS YOU",
                "Nothing is scheduled for this user",
                "“ifcbscan start DIR TIME_SERIES” does it",
            ],
        ),
    ],
)
def test_the_banner_says_what_it_must(browser: Browser, pages: Any, name: str, shown: list[str]) -> None:
    browser.look(1400)
    browser.open(pages[name][0])
    text = browser.run("return document.querySelector('.verdict').innerText")
    figures = to_json(pages[name][1])["totals"]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    assert lines == [line.format(**figures) for line in shown]
    red, blue = browser.run(
        "const c = getComputedStyle(document.querySelector('.verdict')).borderLeftColor.match(/\\d+/g);"
        " return [Number(c[0]), Number(c[2])]"
    )
    assert red > 150 and red > 2 * blue  # red or yellow
    assert (browser.run("return !!document.querySelector('.verdict.bad')")) == (lines[0] == "!")


def test_all_there_is_green_and_a_bin_without_images_or_being_written_is_never_red(
    browser: Browser, tmp_path: Path
) -> None:
    def banner(*states: BinState) -> list[str]:
        bins = [
            SurveyedBin(found, BinState.SYNCED, "", 1)
            for found in [parse_pid("D20261122T130000_IFCB127")]
            if found
        ]
        for number, state in enumerate(states):
            found = parse_pid(f"D20261122T1301{number:02d}_IFCB127")
            assert found is not None
            bins.append(SurveyedBin(found, state, "because", 1))
        page = tmp_path / "page.html"
        report = build_report(bins, ReportSubject("hablab", "nauset", "/data"), now=NOW)
        page.write_text(render(report), encoding="utf-8")
        browser.open(page)
        text: str = browser.run("return document.querySelector('.verdict').innerText")
        return [line.strip() for line in text.splitlines() if line.strip()]

    browser.look(1400)
    assert banner() == ["✓", "ALL THERE", "Every bin is in the archive; last bin 65 min ago"]
    assert banner(BinState.EMPTY)[1:] == [
        "ALL THERE",
        "Every bin with images is in the archive; last bin 64 min ago",
    ]
    assert banner(BinState.BEING_WRITTEN)[1:] == [
        "ON ITS WAY",
        "All is well; 1 bin on its way; last bin 64 min ago",
    ]


def test_the_index_leads_to_the_pages(browser: Browser, pages: Any) -> None:
    browser.look(400)
    browser.open(pages["index"][0])
    browser.run("document.querySelector('.jobs a[href=\"usual.html\"]').click()")
    assert browser.run("return document.title") == "nauset – IFCB archive report"


def test_dark_and_light_follow_the_reader(browser: Browser, pages: Any) -> None:
    backgrounds = []
    for dark in (False, True):
        browser.look(1400, dark)
        browser.open(pages["usual"][0])
        colour = browser.run("return getComputedStyle(document.body).backgroundColor")
        backgrounds.append([int(part) for part in colour[4:-1].split(",")])
    light, dark_one = (sum(colour) for colour in backgrounds)
    assert light > 3 * 200 and dark_one < 3 * 60


def test_printing_is_light_and_shows_the_figures_that_are_folded_away(browser: Browser, pages: Any) -> None:
    browser.look(794, dark=True, media="print")
    browser.open(pages["usual"][0])
    assert browser.run("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    heights = browser.run(
        "return [...document.querySelectorAll('details table')].map(e => e.getBoundingClientRect().height)"
    )
    assert len(heights) == 2 and min(heights) > 30
    assert browser.run("return document.documentElement.scrollWidth") <= 794  # the width of A4
    cut = browser.run(
        "return [...document.querySelectorAll('table')].filter(e => "
        "e.getBoundingClientRect().right > e.closest('.year, section').getBoundingClientRect().right + 1).length"
    )
    assert cut == 0
    assert browser.pdf().startswith(b"%PDF")


def test_images_are_pictures_with_an_alternative(browser: Browser, pages: Any) -> None:
    browser.look(400)
    browser.open(pages["usual"][0])
    shown = browser.run(
        "return [...document.querySelectorAll('.strip img')].map(e => [e.complete, e.naturalWidth > 1, e.alt])"
    )
    assert len(shown) == 12
    assert all(done and drawn and alt for done, drawn, alt in shown)


def test_the_keyboard_reaches_links_details_and_tables_in_the_order_of_the_page(
    browser: Browser, pages: Any
) -> None:
    browser.look(400)
    browser.open(pages["usual"][0])
    reached = []
    for _ in range(10):
        browser.press("\ue004")
        reached.append(
            browser.run(
                "const e = document.activeElement; return [e.tagName, e.getBoundingClientRect().top + scrollY]"
            )
        )
        visible = browser.run("return getComputedStyle(document.activeElement).outlineStyle")
        assert visible != "none" or reached[-1][0] == "BODY"
    names = [name for name, _ in reached]
    assert names[:8] == ["A"] * 5 + ["SUMMARY"] * 2 + ["DIV"]
    tops = [top for _, top in reached[:8]]
    assert tops == sorted(tops)


@pytest.mark.parametrize(("width", "dark"), LOOKS)
def test_screenshots_show_a_page(
    browser: Browser, pages: Any, tmp_path: Path, width: int, dark: bool
) -> None:
    browser.look(width, dark, height=1250)
    browser.open(pages["usual"][0])
    whole = tmp_path / "whole.png"
    browser.screenshot(whole)
    assert size_of(whole)[0] == width and size_of(whole)[1] > 2000
    folder = Path(os.environ.get("IFCBSCAN_SCREENSHOTS") or str(tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    first_screen = folder / "report-{}-{}.png".format(width, "dark" if dark else "light")
    browser.screenshot(first_screen, whole=False)
    assert size_of(first_screen) == (width, 1250)


def size_of(png: Path) -> tuple[int, int]:
    """Width and height in pixels."""
    head = png.read_bytes()[:24]
    assert head[:4] == b"\x89PNG"
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
