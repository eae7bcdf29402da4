"""Which lines a run adds to the log: only what is new, because people read it.

A run that did nothing adds no line, except once an hour. What stays as it is, is logged once a day. To know that, a
small file beside the lock remembers what was logged; without it everything is logged again, and nothing else depends on
it. Pure but for `read` and `write`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from typing import NamedTuple

from ifcbscan.atomic import read_small
from ifcbscan.core.printable import named
from ifcbscan.core.scan_report import Problem, ScanReport, loud, summary, told_once
from ifcbscan.core.words import human_duration
from ifcbscan.errors import IfcbscanError
from ifcbscan.state.files import write_record
from ifcbscan.state.paths import job_file

#: A quiet job says so once in so many seconds.
IDLE_EVERY = 3600.0

#: So many bins with problems are logged one by one; of the others only the counts in the summary.
MOST_TOLD = 1000

#: A path may have thousands of characters; so many of them, and a sum of all, are enough to know a text again.
_KEY_LIMIT = 200

#: An outage that seems to have been longer (seconds) began before the clock was set.
_LONGEST_OUTAGE = 10 * 366 * 86400.0

_FAILURE = "failure "


class AlreadyLogged(NamedTuple):
    """What the log holds already.

    `day`: that of the last report (UTC); `last_line`: when the last line was added, seconds since 1970; `keys`: the
    texts, each shortened to what tells it from others. `outage_since`: when the archive was first found to be out of reach,
    seconds since 1970; 0 if it was reached by the last run that tried.
    """

    day: str
    last_line: float
    keys: frozenset[str]
    outage_since: float = 0.0


#: Nothing is known of the log: everything is new.
NOTHING_LOGGED = AlreadyLogged("", 0.0, frozenset())


class Line(NamedTuple):
    """One line for the log; `warning` or merely information."""

    text: str
    warning: bool = False


def lines_of(
    report: ScanReport, logged: AlreadyLogged, day: str, now: float, reached_by_other: float = 0.0
) -> tuple[list[Line], AlreadyLogged]:
    """The lines that a run adds, and what is logged then. `day` (UTC) and `now` (seconds since 1970) are the present.

    `reached_by_other`: when the other run of the job (the every-minute or the hourly one) last succeeded. If that was after
    this one's outage had begun, it has told its end already.
    """
    problems = loud(report.problems)[:MOST_TOLD]
    ended_by = [report.ended_by] if report.ended_by else []
    # The number comes after the colon, so that another one is not news.
    warnings = named(report.warnings, "more warnings than are named here: {} others; --json lists them all")
    keys = {**{text: _key(text) for text in warnings}, **{text: _key_of_end(text) for text in ended_by}}
    known = frozenset([*(_key(_line(problem)) for problem in problems), *keys.values()])
    # A problem that is gone is forgotten, so that it is logged if it comes back.
    before = logged.keys if logged.day == day else frozenset()
    other_news = [text for text, key in keys.items() if key not in before]
    new_problems = [problem for problem in problems if _key(_line(problem)) not in before]
    # A line may only point at another one that is in the log beside it.
    told = told_once(new_problems, report.ended_by if report.ended_by in other_news else None)
    news = [*map(_line, told), *other_news]
    lines = [Line(text, True) for text in news]
    # A run that sees bins and no complete one has nothing to ask the archive.
    reached = report.requests.list > 0
    if reached and logged.outage_since and reached_by_other <= logged.outage_since:
        lines.insert(0, Line(_back(now - logged.outage_since)))
    idle_for_long = not 0 <= now - logged.last_line < IDLE_EVERY
    recovered = any(text.startswith(_FAILURE) for text in logged.keys)
    if report.files_uploaded or news or idle_for_long or recovered:
        lines.append(Line(summary(report)))
    outage_since = 0.0 if reached else logged.outage_since
    return lines, AlreadyLogged(day, now if lines else logged.last_line, known, outage_since)


def lines_of_failure(
    text: str, logged: AlreadyLogged, now: float, outage: bool = False
) -> tuple[list[Line], AlreadyLogged]:
    """As `lines_of`, for a run that failed before it had a report: logged the first time, then once an hour.

    `outage`: because the archive could not be reached.
    """
    # When an outage became another failure nobody knows, so its end is not told with a time that would be that of both.
    since = (logged.outage_since or now) if outage else 0.0
    failure = _shortened(_FAILURE + text)
    if failure in logged.keys and 0 <= now - logged.last_line < IDLE_EVERY:
        return [], logged
    # Only the last failure is remembered. The day stays that of the last report, whose bins are logged daily.
    others = frozenset(known for known in logged.keys if not known.startswith(_FAILURE))
    return [Line(text, True)], AlreadyLogged(logged.day, now, others | {failure}, since)


def _back(duration: float) -> str:
    """`duration` in seconds. If the clock was set meanwhile, nobody knows how long it was."""
    known = 0 <= duration <= _LONGEST_OUTAGE
    after = f" after {human_duration(duration)}" if known else ""
    return f"the archive is reachable again{after}, nothing was lost"


def _line(problem: Problem) -> str:
    return f"{problem.pid} {problem.state}: {problem.reason}"


def _key(text: str) -> str:
    # Reasons hold ages and sizes that change from run to run; the bin and its state say what is the same.
    return _shortened(text.partition(": ")[0])


def _key_of_end(text: str) -> str:
    # "The bucket ... refused: AccessDenied (HTTP 403): ...": what it has answered comes after the first colon.
    return _shortened(": ".join(text.split(": ")[:2]))


def _shortened(key: str) -> str:
    if len(key) <= _KEY_LIMIT:
        return key
    return key[:_KEY_LIMIT] + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _path(directory: str, time_series: str, mode: str) -> str:
    return job_file(directory, time_series, f"-{mode}.told.json")


def read(directory: str, time_series: str, mode: str) -> AlreadyLogged:
    """What the log of this job and mode holds; NOTHING_LOGGED if that cannot be read."""
    try:
        fields = json.loads(read_small(_path(directory, time_series, mode)).decode("utf-8"))
        return AlreadyLogged(
            str(fields["day"]),
            float(fields["last_line"]),
            frozenset(map(str, fields["told"])),
            float(fields.get("outage_since", 0.0)),
        )
    except (OSError, IfcbscanError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return NOTHING_LOGGED


def write(directory: str, time_series: str, mode: str, logged: AlreadyLogged) -> None:
    """Remember what was logged; a failure to do so only makes the log longer."""
    fields = {
        "day": logged.day,
        "last_line": logged.last_line,
        "told": sorted(logged.keys),
        "outage_since": logged.outage_since,
    }
    with contextlib.suppress(OSError, IfcbscanError):
        write_record(_path(directory, time_series, mode), fields)
