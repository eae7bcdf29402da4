"""The window of a job: which bins belong to its time series, by the time and the instrument in their ids.

An instrument's disk holds the bins of earlier deployments, and the archive forgets nothing that was sent there. So a
job can be bound to a time and to instruments. Each test is one on the pid alone: nothing has to be remembered.

Times are seconds since 1970 (UTC), by the clock of the instrument, which has named the bins.
"""

from __future__ import annotations

import datetime
import math
import re
from typing import NamedTuple

from ifcbscan.core.bins import Pid
from ifcbscan.errors import UsageError

_MOMENT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?)?(?:Z|\+00:00)?"
)
_INSTRUMENT = re.compile(r"(?:IFCB)?0*([0-9]{1,3})", re.IGNORECASE)


class Window(NamedTuple):
    """Bins with since <= sample time < until, of one of the instruments. An empty set of instruments means all of them.

    Because `since` belongs to it and `until` does not, two windows that meet at one moment share no bin and lose none.
    """

    since: float = -math.inf
    until: float = math.inf
    instruments: frozenset[int] = frozenset()

    def holds(self, pid: Pid) -> bool:
        """Whether a bin belongs to it."""
        if self.instruments and pid.instrument not in self.instruments:
            return False
        return self.since <= pid.sample_time < self.until

    def overlaps(self, other: Window) -> bool:
        """Whether a bin could belong to both; of a window that is not understood nobody can say that none could."""
        if not (self.understood and other.understood):
            return True
        if self.instruments and other.instruments and not self.instruments & other.instruments:
            return False
        return max(self.since, other.since) < min(self.until, other.until)

    @property
    def understood(self) -> bool:
        """False for `NOT_UNDERSTOOD` alone."""
        return self.since == self.since  # NaN is not equal to itself

    def completed_by(self, before: Window) -> Window:
        """This window, with the limits of `before` for those that it does not have."""
        return Window(
            before.since if self.since == -math.inf else self.since,
            before.until if self.until == math.inf else self.until,
            self.instruments or before.instruments,
        )

    def options(self) -> list[str]:
        """The words of a command line that say the same; none for a window without limits."""
        if not self.understood:
            return ["--since", "?"]  # what no schedule holds, and no scan takes
        words: list[str] = []
        if self.since != -math.inf:
            words += ["--since", moment_text(self.since)]
        if self.until != math.inf:
            words += ["--until", moment_text(self.until)]
        if self.instruments:
            words += ["--instrument", ",".join(map(str, sorted(self.instruments)))]
        return words

    def __str__(self) -> str:
        """For people: `bins of IFCB013 from 2026-06-01T00:00:00Z, before 2026-09-01T00:00:00Z`; `all bins`."""
        if self == EVERYTHING:
            return "all bins"
        if not self.understood:
            return "a window that cannot be understood"
        text = "bins"
        if self.instruments:
            text += " of " + ", ".join(f"IFCB{number:03d}" for number in sorted(self.instruments))
        if self.since != -math.inf:
            text += f" from {moment_text(self.since)}"
        if self.until != math.inf:
            text += ("," if self.since != -math.inf else "") + f" before {moment_text(self.until)}"
        return text


#: The window of a job that has none.
EVERYTHING = Window()

#: That of a scheduled command which somebody has edited into something that no scan takes. It holds no bin.
NOT_UNDERSTOOD = Window(math.nan, math.nan)


def make_window(since: str | None, until: str | None, instruments: str | None, now: float) -> Window:
    """The window of the options as they were typed, each None if it was not given.

    `now`: what the word `now` means, seconds since 1970 (UTC). Raises UsageError for what cannot be understood, and for
    a window that no bin can be in.
    """
    window = Window(
        -math.inf if since is None else parse_moment(since, "--since", now),
        math.inf if until is None else parse_moment(until, "--until", now),
        frozenset() if instruments is None else parse_instruments(instruments, "--instrument"),
    )
    if window.since >= window.until:
        raise UsageError(
            f"--until {moment_text(window.until)} is not later than --since {moment_text(window.since)}, so no bin could "
            "belong there. Nothing was done; are the two exchanged?"
        )
    return window


def parse_moment(text: str, name: str, now: float) -> float:
    """Seconds since 1970 (UTC) of `2026-06-01`, `2026-06-01T14:30`, `2026-06-01T14:30:00Z` or `now`.

    A day alone is its first second. Raises UsageError naming `name`.
    """
    if text.strip().lower() == "now":
        return float(math.floor(now))
    match = _MOMENT.fullmatch(text.strip())
    try:
        parts = [int(part or 0) for part in match.groups()] if match else []
        moment = datetime.datetime(*parts)  # type: ignore[arg-type]  # six numbers, or none
    except (TypeError, ValueError):
        raise UsageError(
            f"{name}: {text!r} is no time; write a day (UTC) as 2026-06-01, a time as 2026-06-01T14:30:00Z, or now. "
            "Nothing was done."
        ) from None
    return (moment - datetime.datetime(1970, 1, 1)).total_seconds()


def moment_text(seconds: float) -> str:
    """`2026-06-01T00:00:00Z`: the inverse of `parse_moment`, to the second."""
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=math.floor(seconds))
    return moment.isoformat() + "Z"


def parse_instruments(text: str, name: str) -> frozenset[int]:
    """The numbers of `13`, `IFCB013` or `10,13`. Raises UsageError naming `name`."""
    matches = [_INSTRUMENT.fullmatch(part.strip()) for part in text.split(",")]
    if not all(matches):
        raise UsageError(
            f"{name}: {text!r} names no instrument; write the number, as 13 for IFCB013, several as 10,13. Nothing was done."
        )
    return frozenset(int(match.group(1)) for match in matches if match)
