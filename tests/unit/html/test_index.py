"""The index over several jobs, and the page of one that could not be looked at: as safe and as self-contained as the page."""

from __future__ import annotations

import re
from dataclasses import replace

from support.reports import EXAMPLE, NOW, Page, bad, day, report_on, synced

from ifcbscan.core.archive_report import ArchiveReport
from ifcbscan.core.archive_verdict import Stage, Verdict
from ifcbscan.core.states import BinState
from ifcbscan.html.index import IndexedJob, render_index, render_problem

HOSTILE = '</title><script>alert(\'1\')</script>" onload="x" & ü {{ 7*7 }}'


def job(name: str, report: ArchiveReport | None, problem: str = "") -> IndexedJob:
    return IndexedJob(name, f"/data/{name}", f"{name}-0123456789ab.html", report, problem)


GOOD = job("good", report_on([synced(day(22))]))
WAITS = job("waits", report_on([synced(day(21)), bad(day(22), BinState.SETTLING)]))
SILENT = job("silent", report_on([synced(day(1))], silence="no new bin: x"))
BROKEN = job("broken", None, "The folder /data/broken does not exist.")
EMPTY = job("empty", report_on([]))


def banner(text: str) -> list[str]:
    """Class, stage and text of the banner."""
    (found,) = re.findall(
        r'class="verdict (\w+)".*?<p class="stage">(.*?)</p>\s*<p class="answer">(.*?)</p>', text, re.S
    )
    return list(found)


def test_the_worst_job_is_first_and_the_banner_sums_up() -> None:
    text = render_index([GOOD, WAITS, SILENT, BROKEN], NOW)
    assert re.findall(r'href="(\w+)-0123456789ab.html"', text) == ["broken", "silent", "waits", "good"]
    assert banner(text) == ["bad", "needs you", "4 jobs: 1 all there, 1 on its way, 2 need you"]
    assert banner(render_index([WAITS, GOOD], NOW)) == [
        "wait",
        "on its way",
        "2 jobs: 1 all there, 1 on its way",
    ]
    assert banner(render_index([GOOD], NOW)) == ["good", "all there", "1 job: 1 all there"]
    assert banner(render_index([BROKEN], NOW)) == ["bad", "needs you", "1 job: 1 needs you"]
    assert banner(render_index([], NOW)) == ["bad", "needs you", "Nothing is scheduled for this user"]


def test_a_row_says_the_share_the_last_bin_the_last_days_and_why() -> None:
    text = render_index([GOOD, SILENT, BROKEN, EMPTY], NOW)
    rows = dict(re.findall(r'<a href="(\w+)-.*?</a>(.*?)</tr>', text, re.S))
    assert '<td class="number">100 %</td>' in rows["good"] and "14 h ago" in rows["good"]
    assert 'aria-label="The last 60 days: bins on 1"' in rows["good"]
    assert (
        "<title>2026-11-22: 1 synced</title>" in rows["good"]
        and "D20261122T<wbr>000000_IFCB013" in rows["good"]
    )
    assert "no new bin: x" in rows["silent"] and "<title>2026-11-22: no bins</title>" in rows["silent"]
    assert "does not exist" in rows["broken"] and rows["broken"].count("not known") == 3
    assert '<td class="number">–</td>' in rows["empty"] and "<td>none</td>" in rows["empty"]


def test_the_index_and_the_page_of_a_problem_load_nothing_and_run_nothing() -> None:
    hostile = IndexedJob(HOSTILE, "/" + HOSTILE, "=con.x-0123456789ab.html", None, HOSTILE)
    for text in (
        render_index([GOOD, hostile, job("x", report_on(EXAMPLE, silence=HOSTILE))], NOW),
        render_problem(hostile, NOW),
    ):
        parsed = Page(text)
        assert not {"script", "link", "iframe", "object", "form", "base"} & set(parsed.tags)
        assert not [name for _, name, _ in parsed.attributes if name.startswith("on")]
        assert sum(part.count(HOSTILE) for part in parsed.text) >= 3
        links = [value for _, name, value in parsed.attributes if name in ("src", "href")]
        assert all(re.fullmatch(r"[\w.%=-]+\.html", link) for link in links)
        assert not re.search(r"https?://|url\(|@import|@font-face", text)
        assert '<meta name="generator" content="ifcbscan ' in text[:65536]


def test_the_page_of_a_problem_is_red_and_says_why() -> None:
    text = render_problem(BROKEN, NOW)
    assert banner(text) == ["bad", "needs you", "The folder /data/broken does not exist."]
    assert "2026-11-22 14:05:09 UTC" in text and "/data/broken" in text


def test_a_schedule_that_is_not_in_order_makes_a_job_red_whatever_its_bins_are() -> None:
    row = render_index([replace(GOOD, schedule="INCOMPLETE: x")], NOW)
    assert banner(row) == ["bad", "needs you", "1 job: 1 needs you"]
    assert "INCOMPLETE: x<br>Every bin is in the archive; last bin 14 h ago" in row
    assert replace(BROKEN, schedule="INCOMPLETE: x").verdict.more == "INCOMPLETE: x"
    assert replace(SILENT, schedule="INCOMPLETE: x").verdict.more == "Last bin 21 days ago; INCOMPLETE: x"


def test_what_status_says_counts_where_it_is_graver_than_the_page() -> None:
    wait = replace(GOOD, schedule="unreachable: x", light=Stage.ON_ITS_WAY).verdict
    assert wait == Verdict(
        Stage.ON_ITS_WAY, "unreachable: x", "Every bin is in the archive; last bin 14 h ago"
    )
    assert replace(WAITS, schedule="on its way: x", light=Stage.ON_ITS_WAY).verdict == WAITS.verdict
    assert replace(SILENT, schedule="on its way: x", light=Stage.ON_ITS_WAY).verdict == SILENT.verdict
    calm = replace(BROKEN, gravity=Stage.ON_ITS_WAY)
    assert banner(render_index([calm], NOW))[:2] == ["wait", "on its way"]
    assert banner(render_problem(calm, NOW))[:2] == ["wait", "on its way"]
