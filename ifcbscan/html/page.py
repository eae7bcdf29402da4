"""The page of `ifcbscan report`: one self-contained HTML file, readable without network and without script.

Draws what archivereport.py has counted and counts nothing itself. Whatever comes from file names goes
through Jinja2's escaping. Needs the extra `report`.
"""

from __future__ import annotations

import base64
import datetime
from dataclasses import dataclass
from itertools import groupby
from typing import Iterator, Sequence

from ifcbscan import __version__
from ifcbscan.atomic import replace_file
from ifcbscan.core.archive_report import (
    ATTENTION,
    IN_ARCHIVE,
    WAITING,
    ArchiveReport,
    Day,
    ListedBin,
    utc_text,
)
from ifcbscan.core.printable import named
from ifcbscan.core.scan_report import human_bytes
from ifcbscan.core.states import WORST_FIRST, BinState
from ifcbscan.errors import UsageError
from ifcbscan.html.thumbnails import SampleImage

#: The page lists so many bins one by one, the worst first; the JSON lists them all.
LISTED_AT_MOST = 1000

#: Bars are drawn in steps of 1/200 of the height of a chart.
_CHART_HEIGHT = 200

#: Distance from one cell of a calendar to the next, in the units of its drawing.
_PITCH = 12

#: Tone of a cell -> its class in the drawing; short, because there are thousands.
_CELL_CLASSES = {"good": "s", "kept": "k", "wait": "w", "bad": "b", "none": "n"}


@dataclass(frozen=True)
class StateWords:
    """How a state is shown: `mark` is its sign, `tone` its colour and the shape of its cell in the calendar."""

    state: BinState
    mark: str
    tone: str
    meaning: str
    advice: str = ""


_WORDS = (
    StateWords(
        BinState.FAILED,
        "F",
        "bad",
        "a file cannot be read",
        "Check the disk and the permissions of the file. Once it can be read, the next scan sends the bin.",
    ),
    StateWords(
        BinState.CONFLICT,
        "C",
        "bad",
        "two versions that differ",
        "Nothing is overwritten by itself. Find out which version is right; if it is the one here, send it with "
        "“ifcbscan sync --replace”, else put the right files in its place.",
    ),
    StateWords(
        BinState.REJECTED,
        "R",
        "bad",
        "deleted by the archive",
        "The archive took the .roi for something else and deleted it. It is sent again once a day. If that "
        "lasts, keep the files and tell the people who run the archive the bin's id.",
    ),
    StateWords(
        BinState.HELD,
        "H",
        "bad",
        "it would be refused or do harm",
        "Sending it would do harm or have no effect; the reason says why. If there is a better copy, put it "
        "in its place. Bins without images need nothing.",
    ),
    StateWords(
        BinState.INCOMPLETE,
        "I",
        "bad",
        "a file is missing",
        "Look for the missing file on the instrument or in other copies and put it beside the others. "
        "What was never written cannot be sent.",
    ),
    StateWords(
        BinState.UNPUBLISHED,
        "P",
        "wait",
        "in the archive, not on the dashboard",
        "Nothing at first: the dashboard copies the archive by and by. Bins older than two days: ask the "
        "people who run the dashboard.",
    ),
    StateWords(
        BinState.TO_UPLOAD,
        "↑",
        "wait",
        "the next scan sends it",
        "Nothing: the next scan sends it. If these grow more and more, see “ifcbscan status”.",
    ),
    StateWords(
        BinState.UNCONFIRMED,
        "…",
        "wait",
        "the archive is checking it",
        "Nothing: as soon as the archive has kept .roi and .hdr, a scan sends the .adc.",
    ),
    StateWords(
        BinState.SETTLING,
        "~",
        "wait",
        "may still be written",
        "Nothing: it is sent once its files stay as they are.",
    ),
    StateWords(BinState.SYNCED, "", "good", "here and in the archive"),
    StateWords(BinState.ARCHIVED, "", "kept", "in the archive, no longer here"),
)
WORDS = {words.state: words for words in _WORDS}


@dataclass(frozen=True)
class Cell:
    """One day of a calendar; `x`, `y` in the units of the drawing."""

    tone: str
    mark: str
    x: int
    y: int
    title: str


@dataclass(frozen=True)
class MonthFigures:
    """A row of the calendar's text alternative."""

    month: str
    days: int
    without: int
    bins: int
    size: int
    unfinished: int


@dataclass(frozen=True)
class YearCalendar:
    """One year, as a drawing of a row a month and a column a day, and in figures."""

    year: int
    label: str
    bins: int
    cells: tuple[Cell, ...]
    empty_path: str
    months: tuple[MonthFigures, ...]


@dataclass(frozen=True)
class Tick:
    """A label below a chart, at `at` per cent of its width."""

    at: float
    label: str


@dataclass(frozen=True)
class Chart:
    """One series as a drawing `width` x 200, with the labels of its axes, and in words."""

    title: str
    unit: str
    label: str
    width: int
    path: str
    top: str
    middle: str
    ticks: tuple[Tick, ...]


@dataclass(frozen=True)
class StateGroup:
    """The bins of one state in the table; `more` of them are not listed."""

    words: StateWords
    count: int
    bins: tuple[ListedBin, ...]
    more: int


@dataclass(frozen=True)
class Verdict:
    """The answer at a glance."""

    tone: str
    mark: str
    text: str
    more: str


def check_jinja2() -> None:
    """Raises UsageError, with what to install, if there is no Jinja2."""
    try:
        import jinja2  # noqa: F401 (only whether it is there)
    except ImportError:
        raise UsageError(
            "The page needs the Python package Jinja2, which is not installed: pip install jinja2. "
            "The same figures without it: ifcbscan report --json."
        ) from None


def render(report: ArchiveReport, images: Sequence[SampleImage] = (), images_of: str = "") -> str:
    """The whole page. `images` are samples of the bin `images_of`. Raises UsageError without Jinja2."""
    check_jinja2()
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("ifcbscan.html"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(bytes=human_bytes, age=human_age, whole="{:,}".format)
    return environment.get_template("report.html").render(
        report=report,
        version=__version__,
        made=utc_text(report.now),
        verdict=_verdict(report),
        per_cent=_per_cent(report.bins_in(IN_ARCHIVE), report.bins),
        in_archive=report.bins_in(IN_ARCHIVE),
        size_in_archive=report.size_in(IN_ARCHIVE),
        states=[(WORDS[count.state], count) for count in reversed(report.states) if count.bins],
        years=[_calendar(year, report) for year in sorted(_years(report), reverse=True)],
        charts=_charts(report.days),
        groups=_groups(report.unfinished),
        warnings=named(report.warnings, "{} more warnings, which “ifcbscan report --json” lists"),
        attention=report.bins_in(ATTENTION),
        waiting=report.bins_in(WAITING),
        classes=_CELL_CLASSES,
        images_of=images_of,
        images=[(image, base64.b64encode(image.png).decode("ascii")) for image in images],
    )


def write_page(path: str, page: str) -> None:
    """Replace the file in one step, so that nobody reads half a page. Raises UsageError."""
    try:
        replace_file(path, page.encode("utf-8"))
    except OSError as error:
        raise UsageError(
            f"The report cannot be written to {path}: {error.strerror}. Choose another place with -o FILE."
        ) from None


def human_age(seconds: float) -> str:
    """`40 s`, `12 min`, `5 h`, `3 days`, `2.4 years`; `in the future` by more than a minute."""
    if seconds < -60:
        return "in the future"
    for limit, unit, size in ((90, "s", 1), (90 * 60, "min", 60), (48 * 3600, "h", 3600)):
        if seconds < limit:
            return f"{max(seconds, 0) // size:.0f} {unit}"
    days = seconds / 86400
    return f"{days:.0f} days" if days < 730 else f"{days / 365.25:.1f} years"


def _per_cent(part: int, whole: int) -> str:
    """Rounded down: 100 % means all of them."""
    hundredths = part * 10000 // whole if whole else 0
    return f"{hundredths / 100:.2f}".rstrip("0").rstrip(".")


def _verdict(report: ArchiveReport) -> Verdict:
    attention, waiting = report.bins_in(ATTENTION), report.bins_in(WAITING)
    their = "its" if waiting == 1 else "their"
    if not report.bins:
        return Verdict("wait", "–", "No bins found", "Neither this folder nor the archive has any.")
    if report.warnings or attention:
        text = f"{attention:,} {_bins(attention)} to look at" if attention else "Not everything could be seen"
        more = [f"{waiting:,} more on {their} way"] if waiting else []
        more += ["read the notes below"] if report.warnings else []
        return Verdict("bad", "!", text, "; ".join(more))
    if waiting:
        return Verdict("wait", "↑", f"All is well; {waiting:,} {_bins(waiting)} on {their} way", "")
    return Verdict("good", "✓", "Every bin is in the archive", "")


def _bins(count: int) -> str:
    return "bin" if count == 1 else "bins"


def _groups(unfinished: Sequence[ListedBin]) -> list[StateGroup]:
    groups = []
    room = LISTED_AT_MOST
    for state, members in groupby(unfinished, key=lambda item: item.state):
        bins = tuple(members)
        groups.append(StateGroup(WORDS[state], len(bins), bins[:room], len(bins[room:])))
        room = max(0, room - len(bins))
    return groups


# --- the calendar


def _years(report: ArchiveReport) -> set[int]:
    return {day.date.year for day in report.days}


def _calendar(year: int, report: ArchiveReport) -> YearCalendar:
    """One year: a cell for each day from the first to the last day of the time series, dots for the others."""
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
    without = sum(1 for cell in cells if cell.tone == "none")
    label = (
        f"{year}: {bins:,} {_bins(bins)} on {_many(len(known), 'day')}, {_many(without, 'day')} without bins"
    )
    return YearCalendar(year, label, bins, tuple(cells), "".join(dots), _months(year, first, last, known))


def _days_of(year: int) -> Iterator[datetime.date]:
    date = datetime.date(year, 1, 1)
    while date.year == year:
        yield date
        date += datetime.timedelta(days=1)


def _cell(date: datetime.date, day: Day | None, x: int, y: int) -> Cell:
    if day is None:
        return Cell("none", "", x, y, f"{date}: no bins")
    words = WORDS[day.worst]
    states = ", ".join(f"{count} {state}" for state, count in day.states)
    return Cell(words.tone, words.mark, x, y, f"{date}: {states}")


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


def _many(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


# --- the charts


def _charts(days: Sequence[Day]) -> list[Chart]:
    if not days:
        return []
    return [
        _chart("Bins per day", "bins", days, [day.bins for day in days]),
        _chart("Megabytes per day", "MB", days, [day.size / 1e6 for day in days]),
    ]


def _chart(title: str, unit: str, days: Sequence[Day], values: Sequence[float]) -> Chart:
    first, last = days[0].date, days[-1].date
    top = _round_up(max(values))
    ordered = sorted(values)
    median, low, high = (_figure(value) for value in (ordered[len(ordered) // 2], ordered[0], ordered[-1]))
    label = (
        f"{title} from {first} to {last}: on days with bins between {low} and {high} {unit}, "
        f"half of these days {median} {unit} or more"
    )
    heights = [round(value / top * _CHART_HEIGHT) for value in values]
    return Chart(
        title=title,
        unit=unit,
        label=label,
        width=(last - first).days + 1,
        path=_bars([(day.date - first).days for day in days], heights),
        top=_figure(top),
        middle=_figure(top / 2),
        ticks=_ticks(first, last),
    )


def _bars(offsets: Sequence[int], heights: Sequence[int]) -> str:
    """A path of bars without space between them; neighbours of one height are one step."""
    parts = [f"M0 {_CHART_HEIGHT}"]
    at = 0
    for height, run in groupby(zip(offsets, heights), key=lambda pair: pair[1]):
        for start, end in _stretches([offset for offset, _ in run]):
            if start > at:
                parts.append(f"V{_CHART_HEIGHT}H{start}")
            parts.append(f"V{_CHART_HEIGHT - height}H{end}")
            at = end
    return "".join(parts) + f"V{_CHART_HEIGHT}z"


def _stretches(offsets: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Half-open ranges of neighbours."""
    start = end = offsets[0]
    for offset in offsets:
        if offset > end:
            yield start, end
            start = offset
        end = offset + 1
    yield start, end


def _round_up(value: float) -> float:
    """The next of 1, 2, 4, 6, 8, 10, 20, 40, ... that is not below `value`; 1 for 0."""
    step = 1.0
    while step * 10 < value:
        step *= 10
    while step > value > 0:
        step /= 10
    return next((step * factor for factor in (1, 2, 4, 6, 8, 10) if step * factor >= value), step * 10)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.2g}"


def _ticks(first: datetime.date, last: datetime.date) -> tuple[Tick, ...]:
    """Up to seven dates that are easy to read: of each year, of some months, or of some days."""
    span = (last - first).days + 1
    months = (last.year - first.year) * 12 + last.month - first.month + 1
    if months > 18:
        step = -(-months // 72) * 12
        form = "%Y"
    else:
        step = next(step for step in (1, 2, 3, 6) if months <= 7 * step)
        form = "%b %Y"
    if span <= 45:
        every = -(-span // 6)
        dates = [first + datetime.timedelta(days=days) for days in range(0, span, every)]
        return tuple(Tick(_place(date, first, span), f"{date:%b} {date.day}") for date in dates)
    ticks = []
    for index in range(first.year * 12, last.year * 12 + 12, step):
        date = datetime.date(index // 12, index % 12 + 1, 1)
        if first <= date <= last:
            ticks.append(Tick(_place(date, first, span), date.strftime(form)))
    return tuple(tick for tick in ticks if tick.at <= 90)  # a label needs some room to its right


def _place(date: datetime.date, first: datetime.date, span: int) -> float:
    return round((date - first).days * 100 / span, 2)


assert set(WORDS) == set(WORST_FIRST)
