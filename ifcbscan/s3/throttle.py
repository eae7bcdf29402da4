"""A cap on the bytes that all workers together send in a second."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import TYPE_CHECKING

from ifcbscan.clock import Clock

if TYPE_CHECKING:
    from ifcbscan.core.timetable import Timetable

#: How long a connection is silent between two pieces of its file while all of them send, in seconds. S3 closes one on which
#: nothing comes for some 20 s.
_SILENCE = 1.0


class Throttle:
    """Lets bytes through at the rate of the moment, whoever sends them: each piece waits for its turn.

    The lower the rate, the smaller the pieces, so that every connection is served all the time, and a change of the rate
    is not slept through. Nothing is saved up while nobody sends, so that no burst follows a pause.
    """

    def __init__(
        self, timetable: Timetable, clock: Clock, cancelled: threading.Event, connections: int
    ) -> None:
        """The timetable goes by this computer's clock and its time zone. `connections`: how many send at once."""
        self._timetable = timetable
        self._clock = clock
        self._cancelled = cancelled
        self._connections = connections
        self._lock = threading.Lock()
        self._free = clock.monotonic()  # when the link is free again

    def grant(self, wanted: int) -> int:
        """How many of `wanted` bytes may be sent now, at least one. Returns once they may, or the run was told to end."""
        rate = self._timetable.rate_at(datetime.fromtimestamp(self._clock.wall()))
        if rate is None:
            return wanted
        size = min(wanted, max(1, int(rate * _SILENCE / self._connections)))
        with self._lock:
            now = self._clock.monotonic()
            self._free = max(self._free, now) + size / rate
            pause = self._free - now
        if pause > 0:
            self._clock.sleep(pause, self._cancelled)
        return size
