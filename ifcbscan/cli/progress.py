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
from ifcbscan.core.estimate import Estimator
from ifcbscan.core.words import counted, human_bytes, human_duration

log = logging.getLogger("ifcbscan")

_LOG_EVERY = 60.0  # seconds
_ESTIMATED_EVERY = 1.0  # seconds

#: tqdm's own, with the time left of ours: it knows of bytes alone.
_BAR = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}LEFT, {rate_fmt}{postfix}]"


class Progress:
    """Counts bins and bytes of a job whose size is known. `moved` may be called from any thread.

    Once the job has been interrupted, the bar goes and nothing is counted any more: what still moves is of bins that end
    under way.
    """

    def __init__(
        self,
        clock: Clock,
        bar: bool,
        verb: str = "sending",
        getting_on: Callable[[], None] = lambda: None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        """`bar`: draw one on stderr. `getting_on` is called, from any thread, whenever the job has got on.

        `stopped`: whether somebody has interrupted the job.
        """
        self._getting_on = getting_on
        self._stopped = stopped
        self._clock = clock
        self._draw = bar
        self._verb = verb
        self._lock = threading.Lock()
        self._bar: Any = None
        self._bins = self._bins_done = 0
        self._size = self._moved = 0
        self._began = self._logged = self._estimated = clock.monotonic()
        self._estimator = Estimator(0, 0, self._began)
        self._under_way = False

    def begin(self, bins: int, size: int) -> None:
        """The job has `bins` bins of together `size` bytes."""
        self._getting_on()
        self._bins, self._size = bins, size
        self._began = self._logged = self._estimated = self._clock.monotonic()
        self._estimator = Estimator(bins, size, self._began)
        self._under_way = True
        if self._draw and bins:
            import tqdm

            self._bar = tqdm.tqdm(
                total=size,
                unit="B",
                unit_scale=True,
                desc=self._title(),
                leave=False,
                dynamic_ncols=True,
                bar_format=_BAR.replace("LEFT", ""),
            )

    def moved(self, size: int) -> None:
        """`size` more bytes have been handled."""
        self._getting_on()
        with self._lock:
            if not self._counts():
                return
            shown = min(self._moved, self._size)
            self._moved += size
            self._estimator.moved(size)
            if self._bar is not None:
                self._estimate()
                # bytes that are sent twice would take the bar beyond its end
                self._bar.update(min(self._moved, self._size) - shown)
            elif self._clock.monotonic() - self._logged >= _LOG_EVERY:
                self._logged = self._clock.monotonic()
                log.info("%s", self._line())

    def bin_done(self, name: str) -> None:
        """One more bin has its result."""
        self._getting_on()
        with self._lock:
            if not self._counts():
                return
            self._bins_done += 1
            self._estimator.bin_done(self._clock.monotonic())
            if self._bar is not None:
                self._estimate()
                self._bar.set_description_str(self._title(), refresh=False)
                self._bar.set_postfix_str(name)

    def waiting(self, bins: int) -> None:
        """Nothing moves, and that is as it should be: so many bins wait until the archive has checked them."""
        self._getting_on()
        with self._lock:
            if self._counts() and self._bar is not None:
                verb = "waits" if bins == 1 else "wait"
                self._bar.set_postfix_str(f"{bins:,} {verb} for the archive's check")

    def say(self, line: str) -> None:
        """A line for the person at the terminal, above the bar if there is one."""
        with self._lock:
            if self._bar is not None:
                self._bar.clear()
            say(line)
            if self._bar is not None:
                self._bar.refresh()

    def end(self) -> None:
        """Take the bar away; nothing is counted any more."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        self._under_way = False
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _counts(self) -> bool:
        """Whether what has happened is to be counted; ends the bar of a job that was interrupted."""
        if self._under_way and self._stopped():
            self._end()
        return self._under_way

    def _title(self) -> str:
        return f"{self._verb} {self._bins_done:,}/{counted(self._bins, 'bin')}"

    def _estimate(self) -> None:
        """Bring the time left in the bar up to date."""
        now = self._clock.monotonic()
        if now - self._estimated >= _ESTIMATED_EVERY:
            self._estimated = now
            left = self._estimator.seconds_left(now)
            words = "" if left is None else f", about {human_duration(left)} left"
            self._bar.bar_format = _BAR.replace("LEFT", words)

    def _line(self) -> str:
        now = self._clock.monotonic()
        seconds = now - self._began
        rate = self._moved / seconds if seconds > 0 else 0.0
        left = self._estimator.seconds_left(now)
        return (
            f"{self._verb}: {self._bins_done:,} of {counted(self._bins, 'bin')}, {human_bytes(self._moved)} of "
            f"{human_bytes(self._size)}, {human_bytes(rate)}/s"
            + ("" if left is None else f", about {human_duration(left)} left")
        )
