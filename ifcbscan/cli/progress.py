"""How far a long job is: a bar on a terminal, else a line a minute in the log.

The bar is tqdm's: one small package without dependencies, where rich would bring four and their
weight to the instrument. It is imported only when there is a terminal to draw it on.
"""

from __future__ import annotations

import logging
import threading
from typing import Any, Callable

from ifcbscan.cli.output import say
from ifcbscan.clock import Clock
from ifcbscan.core.words import human_bytes

log = logging.getLogger("ifcbscan")

_LOG_EVERY = 60.0  # seconds


class Progress:
    """Counts bins and bytes of a job whose size is known. `moved` may be called from any thread."""

    def __init__(
        self,
        clock: Clock,
        bar: bool,
        verb: str = "sending",
        getting_on: Callable[[], None] = lambda: None,
    ) -> None:
        """`bar`: draw one on stderr. `getting_on` is called, from any thread, whenever the job has got on."""
        self._getting_on = getting_on
        self._clock = clock
        self._draw = bar
        self._verb = verb
        self._lock = threading.Lock()
        self._bar: Any = None
        self._bins = self._bins_done = 0
        self._size = self._moved = 0
        self._began = self._logged = clock.monotonic()

    def begin(self, bins: int, size: int) -> None:
        """The job has `bins` bins of together `size` bytes."""
        self._getting_on()
        self._bins, self._size = bins, size
        self._began = self._logged = self._clock.monotonic()
        if self._draw and bins:
            import tqdm

            self._bar = tqdm.tqdm(
                total=size, unit="B", unit_scale=True, desc=self._title(), leave=False, dynamic_ncols=True
            )

    def moved(self, size: int) -> None:
        """`size` more bytes have been handled."""
        self._getting_on()
        with self._lock:
            self._moved += size
            if self._bar is not None:
                self._bar.update(size)
            elif self._clock.monotonic() - self._logged >= _LOG_EVERY:
                self._logged = self._clock.monotonic()
                log.info("%s", self._line())

    def bin_done(self, name: str) -> None:
        """One more bin has its result."""
        self._getting_on()
        with self._lock:
            self._bins_done += 1
            if self._bar is not None:
                self._bar.set_description_str(self._title(), refresh=False)
                self._bar.set_postfix_str(name)

    def waiting(self, bins: int) -> None:
        """Nothing moves, and that is as it should be: so many bins wait until the archive has checked them."""
        self._getting_on()
        with self._lock:
            if self._bar is not None:
                self._bar.set_postfix_str(f"{bins} wait for the archive's check")

    def say(self, line: str) -> None:
        """A line for the person at the terminal, above the bar if there is one."""
        with self._lock:
            if self._bar is not None:
                self._bar.clear()
            say(line)
            if self._bar is not None:
                self._bar.refresh()

    def end(self) -> None:
        """Take the bar away."""
        with self._lock:
            if self._bar is not None:
                self._bar.close()
                self._bar = None

    def _title(self) -> str:
        return f"{self._verb} {self._bins_done}/{self._bins} bins"

    def _line(self) -> str:
        seconds = self._clock.monotonic() - self._began
        rate = self._moved / seconds if seconds > 0 else 0.0
        left = (self._size - self._moved) / rate if rate > 0 else 0.0
        return (
            f"{self._verb}: {self._bins_done} of {self._bins} bins, {human_bytes(self._moved)} of "
            f"{human_bytes(self._size)}, {human_bytes(rate)}/s, about {max(left, 0.0) / 60:.0f} min left"
        )
