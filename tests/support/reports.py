"""Made-up reports on a time series of November 2026, and their pages taken apart."""

from __future__ import annotations

import calendar
import datetime
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any, Sequence

from hypothesis import strategies as st

from ifcbscan.core.archive_report import ArchiveReport, ReportSubject, SurveyedBin, build_report
from ifcbscan.core.bins import Pid, parse_pid
from ifcbscan.core.states import WORST_FIRST, BinState

NOW = calendar.timegm((2026, 11, 22, 14, 5, 9))


def pid(day: datetime.date, second: int = 0, instrument: int = 13) -> Pid:
    """The id of a bin of that day; `second` of the day, UTC."""
    clock = f"{second // 3600:02d}{second // 60 % 60:02d}{second % 60:02d}"
    made = parse_pid(f"D{day.year:04d}{day:%m%d}T{clock}_IFCB{instrument:03d}")
    assert made is not None
    return made


def report_on(bins: Sequence[SurveyedBin], **more: Any) -> ArchiveReport:
    """A report with everything else as usual."""
    about: dict[str, Any] = {"account": "hablab", "time_series": "nauset", "directory": "/data"}
    about.update({name: more.pop(name) for name in [*about, "window"] if name in more})
    names = ("silence", "instrument_lines", "unaware", "disk_nearly_full")
    later = {name: more.pop(name) for name in names if name in more}
    return replace(build_report(bins, ReportSubject(**about), **{"now": NOW, **more}), **later)


def synced(day: datetime.date, second: int = 0, size: int = 5000000) -> SurveyedBin:
    """A bin of which nothing is left to do; `size` in bytes."""
    return SurveyedBin(pid(day, second), BinState.SYNCED, "", size)


def bad(day: datetime.date, state: BinState, reason: str = "because", second: int = 60) -> SurveyedBin:
    """A bin of 1,000 bytes in another state."""
    return SurveyedBin(pid(day, second), state, reason, 1000)


NOVEMBER = datetime.date(2026, 11, 1)


def day(number: int) -> datetime.date:
    """The day of that number, counted from the 1st of November 2026."""
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

EXAMPLE = [
    synced(day(1)),
    synced(day(2)),
    synced(day(6), size=12345678),
    bad(day(7), BinState.ARCHIVED),
    bad(day(7), BinState.INCOMPLETE, ".roi missing", second=600),
    bad(day(22), BinState.TO_UPLOAD, "not in the archive"),
]


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
