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

    `empty_path` draws a dot for each day before the first or after the last one of the time series.
    """

    year: int
    label: str
    bins: int
    cells: tuple[Cell, ...]
    empty_path: str
    months: tuple[MonthFigures, ...]


def calendars(report: ArchiveReport) -> list[YearCalendar]:
    """Every year that has bins, the latest first."""
    return [_calendar(year, report) for year in sorted({day.date.year for day in report.days}, reverse=True)]


def _calendar(year: int, report: ArchiveReport) -> YearCalendar:
    """A cell for each day from the first to the last one of the time series, a dot for each other day."""
    first, last = report.days[0].date, report.days[-1].date
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
    without = sum(1 for cell in cells if cell.tone == _NO_BINS)
    label = f"{year}: {counted(bins, 'bin')} on {counted(len(known), 'day')}, {counted(without, 'day')} without bins"
    return YearCalendar(year, label, bins, tuple(cells), "".join(dots), _months(year, first, last, known))


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
