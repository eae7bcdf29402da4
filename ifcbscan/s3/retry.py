"""The one place that tries a request again. It knows nothing of what the request is."""

from __future__ import annotations

import random
import threading
from typing import Callable, TypeVar

from ifcbscan.clock import Clock
from ifcbscan.s3.transport import PassingError

#: How often a request is tried in all, and the longest pause between two tries (seconds).
ATTEMPTS = 5
LONGEST_PAUSE = 20.0

_T = TypeVar("_T")


class Retries:
    """Tries again what raises PassingError. The pauses grow, and are random so that runs do not all try at one moment."""

    def __init__(self, clock: Clock, cancelled: threading.Event, too_late: Callable[[], bool]) -> None:
        """`cancelled` ends a pause. `too_late`: whether nothing is to be tried again any more."""
        self._clock = clock
        self._cancelled = cancelled
        self._too_late = too_late

    def call(self, attempt: Callable[[], _T]) -> _T:
        """What `attempt` returns. Raises what it raises, PassingError only after the last try."""
        try:
            return attempt()
        except PassingError:
            if self._too_late():
                raise
        # Imported only now: most runs need no second try, and one runs every minute.
        import tenacity

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(PassingError),
            stop=lambda tries: tries.attempt_number >= ATTEMPTS - 1 or self._too_late(),
            wait=tenacity.wait_random_exponential(multiplier=0.5, max=LONGEST_PAUSE),
            sleep=self._pause,
            reraise=True,
        )
        self._pause(random.uniform(0, 0.5))
        return retrying(attempt)

    def _pause(self, seconds: float) -> None:
        self._clock.sleep(seconds, self._cancelled)
