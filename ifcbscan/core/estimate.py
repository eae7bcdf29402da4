"""How long a job of many bins will still take. Pure: the time is handed in.

Each bin costs some time however small it is (requests, the archive's answers), and each byte costs some. Which of the two
counts more differs: a first upload over a satellite is a matter of bytes, one of many small bins over a fast line a matter of bins.
"""

from __future__ import annotations

#: What was seen so long ago counts half. A link's speed changes with the place and the hour. Seconds.
_HALF_LIFE = 600.0

#: Observations are taken no more often than this. Seconds.
_AT_LEAST = 1.0

#: Nothing is said before this; the first seconds are all connections and small answers. Seconds.
_FIRST = 5.0

# Below this the bytes and bins of all intervals are so much alike that their costs cannot be told apart.
_ALIKE = 1e-3


class Estimator:
    """Watches a job of `bins` bins of together `size` bytes. All times in seconds, by one clock that never goes back."""

    def __init__(self, bins: int, size: int, now: float) -> None:
        self._bins_left, self._bytes_left = bins, size
        self._began = self._last = now
        self._bins = self._bytes = 0  # since `_last`
        # Weighted sums over the intervals: seconds, bytes, bins, and the products that a fit of
        # seconds = a * bytes + b * bins needs.
        self._t = self._m = self._d = 0.0
        self._mm = self._md = self._dd = self._mt = self._dt = 0.0

    def moved(self, size: int) -> None:
        """`size` more bytes have been handled; some may be handled twice."""
        self._bytes += size
        self._bytes_left = max(self._bytes_left - size, 0)

    def bin_done(self, now: float) -> None:
        """One more bin has its result."""
        self._bins += 1
        self._bins_left = max(self._bins_left - 1, 0)
        if now - self._last >= _AT_LEAST:
            self._observe(now)

    def seconds_left(self, now: float) -> float | None:
        """About how long it will take from now on; None while that cannot be known."""
        # what has happened since the last observation counts, and so does that nothing has happened
        passed = now - self._last
        seconds, size, bins = self._t + passed, self._m + self._bytes, self._d + self._bins
        if not bins or now - self._began < _FIRST:
            return None
        by_bins = seconds * self._bins_left / bins
        if not size:
            return by_bins
        by_bytes = seconds * self._bytes_left / size
        # Whatever a byte and a bin cost, the truth lies between the two.
        low, high = min(by_bytes, by_bins), max(by_bytes, by_bins)
        per_byte, per_bin = self._costs()
        known = per_byte * size + per_bin * bins
        if not known:
            return (low + high) / 2
        fitted = seconds * (per_byte * self._bytes_left + per_bin * self._bins_left) / known
        return min(max(fitted, low), high)

    def _observe(self, now: float) -> None:
        passed, size, bins = now - self._last, float(self._bytes), float(self._bins)
        fade = 0.5 ** (passed / _HALF_LIFE)
        self._t = self._t * fade + passed
        self._m = self._m * fade + size
        self._d = self._d * fade + bins
        self._mm = self._mm * fade + size * size
        self._md = self._md * fade + size * bins
        self._dd = self._dd * fade + bins * bins
        self._mt = self._mt * fade + size * passed
        self._dt = self._dt * fade + bins * passed
        self._last = now
        self._bytes = self._bins = 0

    def _costs(self) -> tuple[float, float]:
        """Seconds for a byte and for a bin, by least squares; neither is negative, both are 0 if it cannot be told."""
        apart = self._mm * self._dd - self._md * self._md
        if apart <= _ALIKE * self._mm * self._dd:
            return 0.0, 0.0
        per_byte = (self._mt * self._dd - self._dt * self._md) / apart
        per_bin = (self._dt * self._mm - self._mt * self._md) / apart
        if per_byte < 0:
            return 0.0, self._dt / self._dd
        if per_bin < 0:
            return self._mt / self._mm, 0.0
        return per_byte, per_bin
