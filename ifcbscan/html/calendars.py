"""The calendars of the page: each year as a drawing, a row a month and a column a day, and in figures."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from itertools import groupby
from typing import Iterator

from ifcbscan.core.archive_report import IN_ARCHIVE, ArchiveReport, Day
from ifcbscan.core.states import Tone
from ifcbscan.core.words import counted
from ifcbscan.html.legend import legend_of

#: Distance from one cell to the next, in units of the drawing.
_PITCH = 12

#: Tone of a cell -> its class in the drawing; short, because there are thousands.
CELL_CLASSES = {
    Tone.GOOD.value: "s",
    Tone.KEPT.value: "k",
    Tone.ON_ITS_WAY.value: "w",
    Tone.NEEDS_A_PERSON.value: "b",
    Tone.NEUTRAL.value: "n",
}

_NO_BINS = Tone.NEUTRAL.value


@dataclass(frozen=True)
class Cell:
    """One day of a calendar. `x`, `y`: its upper left corner, in units of the drawing; `mark`: the sign of its state."""

    tone: str
    mark: str
    x: int
    y: int
    title: str


@dataclass(frozen=True)
class MonthFigures:
    """A row of the calendar's text alternative: a month in figures.

    `days` with bins and days `without`; `size` in bytes; `unfinished`: bins that are not in the archive.
    """

    month: str
    days: int
    without: int
    bins: int
    size: int
    unfinished: int


@dataclass(frozen=True)
class YearCalendar:
    """One year, as a drawing of a row a month and a column a day, and in figures.

    `empty_path` draws a dot for each day before the first one of the time series, or to come.
    """

    year: int
    label: str
    bins: int
    cells: tuple[Cell, ...]
    empty_path: str
    months: tuple[MonthFigures, ...]


def calendars(report: ArchiveReport) -> list[YearCalendar]:
    """Every year that has bins, and those since, the latest first."""
    if not report.days:
        return []
    years = {day.date.year for day in report.days}
    years.update(range(report.days[-1].date.year, report.last_day.year + 1))
    return [_calendar(year, report) for year in sorted(years, reverse=True)]


def _calendar(year: int, report: ArchiveReport) -> YearCalendar:
    """A cell for each day from the first one of the time series to the last one that is over, a dot for each other day."""
    first, last = report.days[0].date, report.last_day
    known = {day.date: day for day in report.days if day.date.year == year}
    cells = []
    dots = []
    for date in _days_of(year):
        x, y = (date.day - 1) * _PITCH, (date.month - 1) * _PITCH
        if first <= date <= last:
            cells.append(_cell(date, known.get(date), x, y))
        else:
            dots.append(f"M{x + 4} {y + 4}h2v2h-2z")
    bins = sum(day.bins for day in known.values())
    without = len(cells) - len(known)
    label = f"{year}: {counted(bins, 'bin')} on {counted(len(known), 'day')}, {counted(without, 'day')} without bins"
    return YearCalendar(year, label, bins, tuple(cells), "".join(dots), _months(year, first, last, known))


@dataclass(frozen=True)
class Bar:
    """One day of a strip: a bar that stands on its lower edge, at `x`; `height` in units of the drawing."""

    tone: str
    x: int
    height: int
    title: str


@dataclass(frozen=True)
class Strip:
    """The last days as bars side by side, and in words. `width` in units of the drawing, whose height is `STRIP_HEIGHT`."""

    label: str
    bars: tuple[Bar, ...]
    width: int


STRIP_HEIGHT = 20

#: Tone -> how tall the bar is, so that nobody needs to tell colours apart: what needs a person stands out.
_BAR_HEIGHTS = {
    Tone.GOOD.value: 12,
    Tone.KEPT.value: 12,
    Tone.ON_ITS_WAY.value: 16,
    Tone.NEEDS_A_PERSON.value: STRIP_HEIGHT,
    Tone.NEUTRAL.value: 5,
}

_BAR_PITCH = 5


def strip(report: ArchiveReport, days: int = 60) -> Strip:
    """The last so many days up to that of the report; none for those before the first one of the time series."""
    today = datetime.date(1970, 1, 1) + datetime.timedelta(days=int(report.now // 86400))
    dates = [today - datetime.timedelta(days=back) for back in range(days - 1, -1, -1)]
    known = {day.date: day for day in report.days if dates[0] <= day.date <= today}
    bars = []
    for number, date in enumerate(dates):
        if report.days and report.days[0].date <= date <= report.last_day:
            cell = _cell(date, known.get(date), 0, 0)
            bars.append(Bar(cell.tone, number * _BAR_PITCH, _BAR_HEIGHTS[cell.tone], cell.title))
    bad = sum(1 for bar in bars if bar.tone == Tone.NEEDS_A_PERSON.value)
    label = f"The last {days} days: bins on {len(known)}"
    label += f", on {bad} of them some to look at" if bad else ""
    return Strip(label, tuple(bars), days * _BAR_PITCH)


def _days_of(year: int) -> Iterator[datetime.date]:
    date = datetime.date(year, 1, 1)
    while date.year == year:
        yield date
        date += datetime.timedelta(days=1)


def _cell(date: datetime.date, day: Day | None, x: int, y: int) -> Cell:
    if day is None:
        return Cell(_NO_BINS, "", x, y, f"{date}: no bins")
    worst = legend_of(day.worst)
    states = ", ".join(f"{count:,} {legend_of(state).name}" for state, count in day.states)
    return Cell(worst.tone, worst.mark, x, y, f"{date}: {states}")


def _months(
    year: int, first: datetime.date, last: datetime.date, known: dict[datetime.date, Day]
) -> tuple[MonthFigures, ...]:
    rows = []
    for month, dates in groupby(_days_of(year), key=lambda date: date.month):
        covered = [date for date in dates if first <= date <= last]
        days = [known[date] for date in covered if date in known]
        if covered:
            rows.append(
                MonthFigures(
                    month=f"{year}-{month:02d}",
                    days=len(days),
                    without=len(covered) - len(days),
                    bins=sum(day.bins for day in days),
                    size=sum(day.size for day in days),
                    unfinished=sum(
                        count for day in days for state, count in day.states if state not in IN_ARCHIVE
                    ),
                )
            )
    return tuple(rows)
