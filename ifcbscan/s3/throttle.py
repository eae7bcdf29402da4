"""A cap on the bytes that all workers together send in a second."""

from __future__ import annotations

import threading

from ifcbscan.clock import Clock


class Throttle:
    """Lets bytes through at a rate, whoever sends them: each block waits for its turn.

    Nothing is saved up while nobody sends, so that no burst follows a pause.
    """

    def __init__(self, rate: float, clock: Clock, cancelled: threading.Event) -> None:
        """`rate` in bytes a second."""
        self._rate = rate
        self._clock = clock
        self._cancelled = cancelled
        self._lock = threading.Lock()
        self._free = clock.monotonic()  # when the link is free again

    def wait_for(self, size: int) -> None:
        """Return once a block of `size` bytes may be sent, or once the run was told to end."""
        with self._lock:
            now = self._clock.monotonic()
            self._free = max(self._free, now) + size / self._rate
            pause = self._free - now
        if pause > 0:
            self._clock.sleep(pause, self._cancelled)
