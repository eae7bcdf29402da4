"""A cap on the bytes that all workers together send in a second."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import TYPE_CHECKING

from ifcbscan.clock import Clock

if TYPE_CHECKING:
    from ifcbscan.core.timetable import Timetable


class Throttle:
    """Lets bytes through at the rate of the moment, whoever sends them: each block waits for its turn.

    Nothing is saved up while nobody sends, so that no burst follows a pause.
    """

    def __init__(self, timetable: Timetable, clock: Clock, cancelled: threading.Event) -> None:
        """The timetable goes by this computer's clock and its time zone."""
        self._timetable = timetable
        self._clock = clock
        self._cancelled = cancelled
        self._lock = threading.Lock()
        self._free = clock.monotonic()  # when the link is free again

    def wait_for(self, size: int) -> None:
        """Return once a block of `size` bytes may be sent, or once the run was told to end."""
        rate = self._timetable.rate_at(datetime.fromtimestamp(self._clock.wall()))
        if rate is None:
            return
        with self._lock:
            now = self._clock.monotonic()
            self._free = max(self._free, now) + size / rate
            pause = self._free - now
        if pause > 0:
            self._clock.sleep(pause, self._cancelled)
