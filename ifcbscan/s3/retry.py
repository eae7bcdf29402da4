"""The one place that tries a request again. It knows nothing of what the request is."""

from __future__ import annotations

import random
import threading
from typing import Any, Callable, NamedTuple, TypeVar

from ifcbscan.clock import Clock
from ifcbscan.errors import FileChanged, IfcbscanError, Interrupted, LocalFileProblem
from ifcbscan.s3.transport import PassingError

#: How often a request is tried in all, and the longest pause between two tries (seconds).
ATTEMPTS = 5
LONGEST_PAUSE = 20.0

_SHORTEST_LAST_PAUSE = 0.1  # seconds

_T = TypeVar("_T")


class Patience(NamedTuple):
    """For how long (seconds) a request is tried beyond its usual number of tries; `tell` gets the error, once a run."""

    seconds: float
    tell: Callable[[PassingError], None]


class Retries:
    """Tries again what raises PassingError. The pauses grow, and are random so that runs do not all try at one moment.

    With `patience`, a server that has answered and does so no longer, as while it starts anew, is tried for longer: so
    many seconds from the first failure of any request on, so that a server that stays away costs them once and not once
    for each thread. The usual tries are for one that has never answered, as its address may be wrong, and for one that
    answers others meanwhile, as a filter may cut off this one request.
    """

    def __init__(self, clock: Clock, cancelled: threading.Event, too_late: Callable[[], bool]) -> None:
        """`cancelled` ends a pause. `too_late`: whether nothing is to be tried again any more."""
        self._clock = clock
        self._cancelled = cancelled
        self._too_late = too_late
        self._lock = threading.Lock()
        self._has_answered = False
        self._away_since: float | None = None  # the first failure that no answer has followed
        self._told = False
        self.patience: Patience | None = None

    def call(self, attempt: Callable[[], _T]) -> _T:
        """What `attempt` returns. Raises what it raises, PassingError only after the last try."""
        try:
            return self._try(attempt)
        except PassingError:
            failed_at = self._note_failure()
            if self._too_late():
                raise
        # Imported only now: most runs need no second try, and one runs every minute.
        import tenacity

        def gives_up(tries: Any) -> bool:
            nonlocal failed_at
            before, failed_at = failed_at, self._note_failure()
            if self._too_late():
                return True
            if tries.attempt_number < ATTEMPTS - 1:
                return False
            return not self._waits_for_server(before, tries.outcome.exception())

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(PassingError),
            stop=gives_up,
            wait=tenacity.wait_random_exponential(multiplier=0.5, max=LONGEST_PAUSE),
            sleep=self._pause,
            reraise=True,
        )
        self._pause(random.uniform(0, 0.5))
        return retrying(lambda: self._try(attempt))

    def _waits_for_server(self, failed_before: float, error: PassingError) -> bool:
        """Whether to go on beyond the usual tries. `failed_before`: when the try before this one had failed."""
        if self.patience is None:
            return False
        with self._lock:
            since = self._away_since
            if not self._has_answered or since is None or since > failed_before:
                return False
            if self._clock.monotonic() - since >= self.patience.seconds:
                return False
            tells, self._told = not self._told, True
        if tells:
            self.patience.tell(error)
        return True

    def _try(self, attempt: Callable[[], _T]) -> _T:
        try:
            answer = attempt()
        except (PassingError, IfcbscanError, Interrupted, FileChanged, LocalFileProblem):
            raise  # no answer, or a file that could not be read: nothing has come of the request
        except Exception:  # it has answered, such as that there is no such object
            self._note_answer()
            raise
        self._note_answer()
        return answer

    def _note_answer(self) -> None:
        with self._lock:
            self._has_answered = True
            self._away_since = None

    def _note_failure(self) -> float:
        """Returns the present moment."""
        with self._lock:
            now = self._clock.monotonic()
            if self._away_since is None:
                self._away_since = now
        return now

    def _pause(self, seconds: float) -> None:
        self._clock.sleep(min(seconds, self._longest_pause()), self._cancelled)

    def _longest_pause(self) -> float:
        """The last try of one who waits comes when the patience ends, and not a long pause later."""
        with self._lock:
            if self.patience is None or self._away_since is None:
                return LONGEST_PAUSE
            left = self.patience.seconds - (self._clock.monotonic() - self._away_since)
        return max(left, _SHORTEST_LAST_PAUSE) if left > 0 else LONGEST_PAUSE
