"""The charts of the page: bins and megabytes a day, each as one path of bars."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from itertools import groupby
from typing import Iterator, Sequence

from ifcbscan.core.archive_report import Day

#: Bars are drawn in steps of 1/200 of the height of a chart.
_CHART_HEIGHT = 200


@dataclass(frozen=True)
class Tick:
    """A label below a chart, at `at` per cent of its width."""

    at: float
    label: str


@dataclass(frozen=True)
class Chart:
    """What was taken each day, as a drawing of `width` (one unit a day) x 200, with the labels of its axes, and in words.

    `top`, `middle`: what the vertical axis says at its top and at half of its height.
    """

    title: str
    unit: str
    label: str
    width: int
    path: str
    top: str
    middle: str
    ticks: tuple[Tick, ...]


def charts(days: Sequence[Day]) -> list[Chart]:
    """The charts of these days, which are in order and have bins; none for a time series without bins."""
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
    """A path of bars without space between them; days of one height that follow each other are one step.

    `offsets`: days since the first one, increasing; `heights`: of the bar of each, in units of the drawing.
    """
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
    """Increasing numbers (at least one) as half-open ranges of consecutive ones."""
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
    """Up to seven dates for the horizontal axis: the first days of years or of months, or single days."""
    span = (last - first).days + 1
    if span <= 45:
        every = -(-span // 6)
        dates = [first + datetime.timedelta(days=days) for days in range(0, span, every)]
        ticks = [Tick(_place(date, first, span), f"{date:%b} {date.day}") for date in dates]
    else:
        step, form = _step_in_months((last.year - first.year) * 12 + last.month - first.month + 1)
        months = range(first.year * 12, last.year * 12 + 12, step)
        dates = [datetime.date(month // 12, month % 12 + 1, 1) for month in months]
        ticks = [
            Tick(_place(date, first, span), date.strftime(form)) for date in dates if first <= date <= last
        ]
    return tuple(tick for tick in ticks if tick.at <= 90)  # a label needs some room to its right


def _step_in_months(months: int) -> tuple[int, str]:
    """For a time series that touches so many months: how many lie between two labels, and the form of the labels."""
    if months > 18:
        return -(-months // 72) * 12, "%Y"
    return next(step for step in (1, 2, 3, 6) if months <= 7 * step), "%b %Y"


def _place(date: datetime.date, first: datetime.date, span: int) -> float:
    """Where a date is drawn, in per cent of the width."""
    return round((date - first).days * 100 / span, 2)
