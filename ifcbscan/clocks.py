"""Time, as arguments: the clocks that a run goes by. Tests pass in clocks of their own."""

from __future__ import annotations

import threading
import time
from datetime import timezone
from email.utils import parsedate_to_datetime


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


class ServerClock:
    """The bucket's time, learnt from the Date headers of its answers and carried on by a monotonic clock.

    So it holds whatever this machine's clock says, and when somebody sets it during a run.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset: float | None = None  # server time minus monotonic time

    @property
    def known(self) -> bool:
        """Whether any answer has carried a usable date yet."""
        return self._offset is not None

    def learn(self, date: str | None) -> None:
        """Take in a Date header (RFC 7231); one that is absent or odd changes nothing."""
        try:
            moment = parsedate_to_datetime(date or "")
            # HTTP dates are UTC, also in the old form that does not say so.
            seconds = moment.replace(tzinfo=moment.tzinfo or timezone.utc).timestamp()
        except (TypeError, ValueError, IndexError):
            return
        self._offset = seconds - self._clock.monotonic()

    def now(self) -> float:
        """Seconds since 1970 (UTC); this machine's time as long as no answer has carried a date."""
        if self._offset is None:
            return self._clock.wall()
        return self._clock.monotonic() + self._offset
