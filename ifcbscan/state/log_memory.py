"""What a run writes into the log: what is new. A log is read by people.

A run that did nothing adds no line, except once an hour; what stays as it is, is told once a day. For
that, and for nothing else, a small file beside the lock remembers what was told: without it, all is told
again. Pure but for `read` and `write`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import dataclass

from ifcbscan.atomic import read_small, replace_file
from ifcbscan.core.printable import named
from ifcbscan.core.scan_report import ScanReport, summary
from ifcbscan.errors import IfcbscanError
from ifcbscan.state import locks, run_locks

#: A quiet job says so once in so many seconds.
IDLE_EVERY = 3600.0

#: Beyond so many troubled bins the memory is not worth its size: only counts are told.
MOST_TOLD = 1000

#: A path may have thousands of characters; so many of them, and a sum of all, are enough to know a text again.
_KEY_LIMIT = 200

_FAILURE = "failure "


@dataclass(frozen=True)
class Told:
    """What the log knows already. `day` is that of the last report (UTC), `last_line` seconds since 1970."""

    day: str = ""
    last_line: float = 0.0
    told: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Line:
    """One line for the log; `warning` or merely information."""

    text: str
    warning: bool = False


def lines_of(report: ScanReport, told: Told, day: str, now: float) -> tuple[list[Line], Told]:
    """The lines that a run adds, and what the log knows then. `day` and `now` are the present."""
    troubles = [f"{found.pid} {found.state}: {found.reason}" for found in report.problems[:MOST_TOLD]]
    ended_by = [report.ended_by] if report.ended_by else []
    # The number comes after the colon, so that another one is not news.
    warnings = named(report.warnings, "more warnings than are named here: {} others; --json lists them all")
    news, known = _news([*troubles, *warnings, *ended_by], told, day)
    lines = [Line(text, True) for text in news]
    idle_for_long = not 0 <= now - told.last_line < IDLE_EVERY
    recovered = any(text.startswith(_FAILURE) for text in told.told)
    if report.files_uploaded or news or idle_for_long or recovered:
        lines.append(Line(summary(report)))
    return lines, Told(day, now if lines else told.last_line, known)


def lines_of_failure(text: str, told: Told, day: str, now: float) -> tuple[list[Line], Told]:
    """The same for a run that failed before it had a report: told when it begins, then once an hour."""
    failure = _shortened(_FAILURE + text)
    if failure in told.told and 0 <= now - told.last_line < IDLE_EVERY:
        return [], told
    # The last failure is enough to know, and the day stays that of the last report: its bins are told daily.
    others = frozenset(known for known in told.told if not known.startswith(_FAILURE))
    return [Line(text, True)], Told(told.day, now, others | {failure})


def _news(texts: list[str], told: Told, day: str) -> tuple[list[str], frozenset[str]]:
    known = told.told if told.day == day else frozenset()
    news = [text for text in texts if _key(text) not in known]
    # What is no trouble any more is forgotten, so that it is told if it comes back.
    return news, frozenset(_key(text) for text in texts)


def _key(text: str) -> str:
    # Reasons hold ages and sizes that change from run to run; the bin and its state say what is the same.
    return _shortened(text.partition(": ")[0])


def _shortened(key: str) -> str:
    if len(key) <= _KEY_LIMIT:
        return key
    return key[:_KEY_LIMIT] + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _path(directory: str, time_series: str, mode: str) -> str:
    return run_locks.job_file(directory, time_series, f"-{mode}.told.json")


def read(directory: str, time_series: str, mode: str) -> Told:
    """What the log of this job and mode knows; nothing, if that cannot be read."""
    try:
        fields = json.loads(read_small(_path(directory, time_series, mode)).decode("utf-8"))
        return Told(str(fields["day"]), float(fields["last_line"]), frozenset(map(str, fields["told"])))
    except (OSError, IfcbscanError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return Told()


def write(directory: str, time_series: str, mode: str, told: Told) -> None:
    """Remember what was told; a failure to do so only makes the log longer."""
    fields = {"day": told.day, "last_line": told.last_line, "told": sorted(told.told)}
    with contextlib.suppress(OSError, IfcbscanError):
        path = _path(directory, time_series, mode)
        replace_file(path, json.dumps(fields).encode("ascii"))
        locks.hand_over(path)
