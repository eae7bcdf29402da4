"""Time, as arguments: the clocks that a run goes by. Tests pass in clocks of their own."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime, parsedate_to_datetime

# In seconds: how far a date may be from where it is expected (HTTP's dates are whole seconds, and an answer takes a while),
# how far two answers must be apart to confirm each other, and how long one and the same date may be answered.
_TOLERANCE = 2.0
_APART = 5.0
_STILL = 10.0


class Clock:
    """This machine's clocks. Seconds."""

    def monotonic(self) -> float:
        """For durations; not moved by anybody who sets the clock."""
        return time.monotonic()

    def wall(self) -> float:
        """Seconds since 1970 (UTC) as this machine believes; often wrong on an instrument."""
        return time.time()

    def sleep(self, seconds: float, unless: threading.Event) -> None:
        """Wait, but no longer once `unless` is set, nor than the system can (49 days on Windows)."""
        unless.wait(min(seconds, threading.TIMEOUT_MAX))


def seconds_of(date: str | None) -> float | None:
    """Seconds since 1970 (UTC) of a Date header (RFC 7231); None for one that is absent or odd."""
    try:
        moment = parsedate_to_datetime(date or "")
        # HTTP dates are UTC, also in the old form that does not say so.
        return moment.replace(tzinfo=moment.tzinfo or timezone.utc).timestamp()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


class ServerClock:
    """The bucket's time, learnt from the Date headers of its answers and carried on by a monotonic clock.

    So it holds whatever this machine's clock says, and when somebody sets it during a run. The first date is
    believed. A later one that is not where the monotonic clock expects it is believed once two answers, some
    seconds apart, agree: the server's clock was set, or this computer has slept. One answer alone may have
    been delayed; and a clock that stands still never agrees with itself, so that time goes on all the same.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._offset: float | None = None  # server time minus monotonic time
        self._doubt: tuple[float, float] | None = None  # another offset, and since when it has been answered
        self._same: tuple[float, float] | None = None  # the latest date, and since when it has been answered
        self._still_since: str | None = None

    @property
    def known(self) -> bool:
        """Whether any answer has carried a usable date yet."""
        return self._offset is not None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the report of a run has to say about the server's clock."""
        if self._still_since is None:
            return ()
        return (
            f"the archive's clock stands still at {self._still_since}: ages are measured by this computer's stopwatch "
            "instead; tell the people who run the archive",
        )

    def learn(self, date: str | None) -> None:
        """Take in a Date header (RFC 7231); one that is absent or odd changes nothing."""
        seconds = seconds_of(date)
        if seconds is None:
            return
        with self._lock:
            now = self._clock.monotonic()
            self._notice_standing_still(seconds, now)
            self._believe(seconds - now, now)

    def _believe(self, offset: float, now: float) -> None:
        if self._offset is None or abs(offset - self._offset) <= _TOLERANCE:
            # Not replaced by one that is nearly the same: a clock that stands still would drag it along.
            self._offset = offset if self._offset is None else self._offset
            self._doubt = None
        elif self._doubt is None or abs(offset - self._doubt[0]) > _TOLERANCE:
            self._doubt = offset, now
        elif now - self._doubt[1] >= _APART:
            self._offset = self._doubt[0]
            self._doubt = None

    def _notice_standing_still(self, seconds: float, now: float) -> None:
        if self._same is None or seconds != self._same[0]:
            self._same = seconds, now
            self._still_since = None
        elif now - self._same[1] > _STILL:
            # (Not formatdate, which on Windows ends with the year 3000.)
            moment = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=seconds)
            self._still_since = format_datetime(moment, usegmt=True)

    def now(self) -> float:
        """Seconds since 1970 (UTC); this machine's time as long as no answer has carried a date."""
        if self._offset is None:
            return self._clock.wall()
        return self._clock.monotonic() + self._offset
