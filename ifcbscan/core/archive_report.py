"""The figures of `ifcbscan report`: what is in the archive, since when, where the gaps are; and their JSON.

Pure: from the verdicts on all bins (runs/survey.py) to one `ArchiveReport`. How it looks as a page is for
html/page.py. All days are UTC days of the bins' ids, so by the instrument's clock.
"""

from __future__ import annotations

import datetime
from collections import Counter
from dataclasses import dataclass
from typing import Any, Container, Iterable, Mapping, NamedTuple, Sequence

from ifcbscan.core.bins import Pid
from ifcbscan.core.printable import printable
from ifcbscan.core.states import WORST_FIRST, BinState, Tone
from ifcbscan.core.window import EVERYTHING, Window

#: States that a person should look at.
ATTENTION = tuple(state for state in WORST_FIRST if state.needs_attention)

#: States that pass by themselves.
WAITING = tuple(state for state in WORST_FIRST if state.tone is Tone.ON_ITS_WAY)

#: States of bins that are whole in the archive.
IN_ARCHIVE = tuple(state for state in WORST_FIRST if state.in_archive)

#: Bins with nothing left to do; the others are listed one by one.
_DONE = (BinState.SYNCED, BinState.ARCHIVED)

_DAY = 86400

#: There were no instruments before. A bin that says otherwise, or comes from the future, tells of a wrong
#: clock; it must not draw a calendar of centuries.
_FIRST_YEAR = 2000


class SurveyedBin(NamedTuple):
    """One bin and the verdict on it: a state of `WORST_FIRST`, a reason in words, its size in bytes."""

    pid: Pid
    state: BinState
    reason: str
    size: int


class ShownBins(NamedTuple):
    """What the dashboard says of the bins in the archive.

    `unpublished`: pid -> why it does not show that bin. `known`: it has said of every bin whether it shows it.
    """

    unpublished: Mapping[Pid, str]
    known: bool


@dataclass(frozen=True)
class StateCount:
    """How many bins are in one state, and their bytes."""

    state: BinState
    bins: int
    size: int


@dataclass(frozen=True)
class Day:
    """One day with bins. `states` as in `WORST_FIRST`, only those that occur; size in bytes."""

    date: datetime.date
    bins: int
    size: int
    states: tuple[tuple[BinState, int], ...]

    @property
    def worst(self) -> BinState:
        """The state that the day is shown by."""
        return self.states[0][0]


@dataclass(frozen=True)
class Gap:
    """Days in a row without a bin, from the first to the last of them, after a day that has some."""

    first: datetime.date
    last: datetime.date

    @property
    def days(self) -> int:
        """How many."""
        return (self.last - self.first).days + 1


@dataclass(frozen=True)
class ListedBin:
    """A bin that is listed by itself. Age in seconds since the sample was taken; negative: a wrong clock."""

    pid: str
    state: BinState
    reason: str
    size: int
    age: float


@dataclass(frozen=True)
class ArchiveReport:
    """One time series against one folder, at one moment. Sizes in bytes; `now` in seconds since 1970 (UTC).

    `bins` and `size` are all bins, `states` the same split up. `misdated` bins (a date that cannot be
    right) are in these figures, but in no day. `newest` is the newest bin here or in the archive. `unreadable`: folders
    and files that the system would not show. `silence`: why the folder brings no bins where it should, in words; "" if
    that is not so; as a rule also among the warnings. `instrument_lines`: what the instrument and its computer say of themselves.
    `unaware`: what the dashboard last said that somebody has to see to; among the warnings, too. "" for nothing.
    `disk_nearly_full`: as in a scan (core/vital_signs.py), with a warning.
    """

    time_series: str
    account: str
    directory: str
    now: float
    bins: int
    size: int
    states: tuple[StateCount, ...]
    days: tuple[Day, ...]
    gaps: tuple[Gap, ...]
    unfinished: tuple[ListedBin, ...]
    newest: ListedBin | None
    newest_in_archive: ListedBin | None
    misdated: int
    misdated_example: str
    excluded: int
    outside: int
    window: str
    published_known: bool
    warnings: tuple[str, ...]
    unreadable: int = 0
    silence: str = ""
    instrument_lines: tuple[str, ...] = ()
    unaware: str = ""
    disk_nearly_full: bool = False

    def bins_in(self, states: Container[BinState]) -> int:
        """How many bins are in one of `states`."""
        return sum(count.bins for count in self.states if count.state in states)

    def size_in(self, states: Container[BinState]) -> int:
        """Bytes of the bins that are in one of `states`."""
        return sum(count.size for count in self.states if count.state in states)

    @property
    def gap_days(self) -> int:
        """Days without bins since the first day."""
        return sum(gap.days for gap in self.gaps)

    @property
    def notes(self) -> tuple[str, ...]:
        """The warnings besides the silence."""
        return tuple(warning for warning in self.warnings if warning != self.silence)

    @property
    def last_day(self) -> datetime.date:
        """The last day of which anything is known: with bins, or without. Only where there is a day with bins."""
        return max([self.days[-1].date, *(gap.last for gap in self.gaps[-1:])])


@dataclass(frozen=True)
class ReportSubject:
    """What a report is about: a time series of an account against a folder, and the bins of a window."""

    account: str
    time_series: str
    directory: str
    window: Window = EVERYTHING


class NotCounted(NamedTuple):
    """What is not in the report: bins in excluded folders, or outside the window, and what lies in unreadable folders."""

    excluded: int = 0
    outside: int = 0
    unreadable: int = 0


NOTHING_LEFT_OUT = NotCounted()


def build_report(
    bins: Iterable[SurveyedBin],
    subject: ReportSubject,
    now: float,
    not_counted: NotCounted = NOTHING_LEFT_OUT,
    warnings: Sequence[str] = (),
    published: ShownBins | None = None,
) -> ArchiveReport:
    """The report on `bins`, at `now` (seconds since 1970, UTC, by the bucket's clock).

    `published`: what the dashboard shows; None if nobody asked it.
    """
    first_day, last_day = _plausible_days(now)
    counts: Counter[BinState] = Counter()
    sizes: Counter[BinState] = Counter()
    day_counts: dict[int, Counter[BinState]] = {}
    day_sizes: Counter[int] = Counter()
    unfinished: list[ListedBin] = []
    newest: SurveyedBin | None = None
    newest_in_archive: SurveyedBin | None = None
    latest = latest_in_archive = (0, "")
    misdated, misdated_example = 0, ""
    for found in bins:
        item = found if published is None else _as_published(found, published)
        counts[item.state] += 1
        sizes[item.state] += item.size
        if item.state not in _DONE:
            unfinished.append(_listed(item, now))
        sampled = item.pid.sample_time
        day = sampled // _DAY
        if not first_day <= day <= last_day:
            misdated += 1
            misdated_example = misdated_example or str(item.pid)
            continue
        day_counts.setdefault(day, Counter())[item.state] += 1
        day_sizes[day] += item.size
        # In one order for bins of the same second, so that the report does not depend on the walk's order.
        moment = sampled, item.pid
        if newest is None or moment > latest:
            newest, latest = item, moment
        if item.state in IN_ARCHIVE and (newest_in_archive is None or moment > latest_in_archive):
            newest_in_archive, latest_in_archive = item, moment
    unfinished.sort(key=lambda listed: (WORST_FIRST.index(listed.state), listed.age, listed.pid))
    days = tuple(_day(day, day_counts[day], day_sizes[day]) for day in sorted(day_counts))
    return ArchiveReport(
        time_series=printable(subject.time_series),
        account=printable(subject.account),
        directory=printable(subject.directory),
        now=now,
        bins=sum(counts.values()),
        size=sum(sizes.values()),
        states=tuple(StateCount(state, counts[state], sizes[state]) for state in WORST_FIRST),
        days=days,
        gaps=_gaps(days, newest.pid.sample_time, min(now, subject.window.until)) if newest else (),
        unfinished=tuple(unfinished),
        newest=_listed(newest, now) if newest else None,
        newest_in_archive=_listed(newest_in_archive, now) if newest_in_archive else None,
        misdated=misdated,
        misdated_example=misdated_example,
        excluded=not_counted.excluded,
        outside=not_counted.outside,
        window=str(subject.window),
        published_known=published is not None and published.known,
        warnings=tuple(printable(warning) for warning in warnings),
        unreadable=not_counted.unreadable,
    )


def _plausible_days(now: float) -> tuple[int, int]:
    """First and last day (days since 1970) that a bin can be of; a day of grace for clocks."""
    epoch = datetime.date(1970, 1, 1)
    return (datetime.date(_FIRST_YEAR, 1, 1) - epoch).days, int(now // _DAY) + 1


def _as_published(item: SurveyedBin, published: ShownBins) -> SurveyedBin:
    reason = published.unpublished.get(item.pid)
    if item.state not in _DONE or reason is None:
        return item
    return SurveyedBin(item.pid, BinState.UNPUBLISHED, reason, item.size)


def _listed(item: SurveyedBin, now: float) -> ListedBin:
    return ListedBin(str(item.pid), item.state, printable(item.reason), item.size, now - item.pid.sample_time)


def _day(day: int, counts: Counter[BinState], size: int) -> Day:
    states = tuple((state, counts[state]) for state in WORST_FIRST if counts[state])
    return Day(_date(day), sum(counts.values()), size, states)


def _date(day: int) -> datetime.date:
    return datetime.date(1970, 1, 1) + datetime.timedelta(days=day)


def _gaps(days: Sequence[Day], newest: int, end: float) -> tuple[Gap, ...]:
    """The gaps from the first of `days` to `end`, a moment, as is `newest`, that of the newest bin (seconds since 1970).

    A day that is not over is one without bins only where the newest one is a whole day old: else, every midnight would
    begin a gap.
    """
    one = datetime.timedelta(days=1)
    counts = end - newest >= _DAY
    after_the_last = _date(-int(-end // _DAY) if counts else int(end // _DAY))
    dates = [*(day.date for day in days), after_the_last]
    return tuple(
        Gap(before + one, after - one) for before, after in zip(dates, dates[1:]) if after - before > one
    )


def utc_text(seconds: float) -> str:
    """`2026-11-22T14:05:09Z`."""
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=int(seconds))
    return moment.isoformat() + "Z"


def to_json(report: ArchiveReport) -> dict[str, Any]:
    """The object that `ifcbscan report --json` prints: the figures of the page, and every bin of its table."""
    return {
        "time_series": report.time_series,
        "account": report.account,
        "directory": report.directory,
        "time": utc_text(report.now),
        "bins": {count.state.value: count.bins for count in report.states},
        "bytes": {count.state.value: count.size for count in report.states},
        "totals": {
            "bins": report.bins,
            "bytes": report.size,
            "bins_in_archive": report.bins_in(IN_ARCHIVE),
            "bytes_in_archive": report.size_in(IN_ARCHIVE),
            "attention": report.bins_in(ATTENTION),
            "waiting": report.bins_in(WAITING),
            "days_with_bins": len(report.days),
            "days_without_bins": report.gap_days,
            "misdated": report.misdated,
            "excluded": report.excluded,
            "outside": report.outside,
            "unreadable": report.unreadable,
        },
        "silence": report.silence,
        "published_known": report.published_known,
        "newest": _newest_json(report.newest),
        "newest_in_archive": _newest_json(report.newest_in_archive),
        "days": [
            {
                "day": day.date.isoformat(),
                "bins": day.bins,
                "bytes": day.size,
                "worst": day.worst.value,
                "states": {state.value: count for state, count in day.states},
            }
            for day in report.days
        ],
        "gaps": [
            {"first": gap.first.isoformat(), "last": gap.last.isoformat(), "days": gap.days}
            for gap in report.gaps
        ],
        "unfinished": [
            {
                "pid": item.pid,
                "state": item.state.value,
                "reason": item.reason,
                "bytes": item.size,
                "age_seconds": round(item.age),
            }
            for item in report.unfinished
        ],
        "warnings": list(report.warnings),
        "instrument": list(report.instrument_lines),
    }


def _newest_json(newest: ListedBin | None) -> dict[str, Any] | None:
    if newest is None:
        return None
    return {"pid": newest.pid, "state": newest.state.value, "age_seconds": round(newest.age)}
