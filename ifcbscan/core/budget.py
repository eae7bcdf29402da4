"""The budget of a day (MAX_DAILY): what has been put today, and which bins may still be begun. Pure.

A day is a UTC day by the archive's clock. What was put is read off the archive's own listing, so no run has to remember it.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Callable, Collection, Iterable, Iterator, Mapping, NamedTuple

from ifcbscan.core.bins import Fileset, RemoteFileset, server_seconds, server_text
from ifcbscan.core.remote_index import ListedObject
from ifcbscan.core.window import Window
from ifcbscan.core.words import counted, human_bytes

#: Bytes, by the day on which they were put: `2026-06-01T`, or whatever else the archive gave for a moment.
PutOn = Mapping[str, int]


class Cost(NamedTuple):
    """What is to be sent of a bin, in bytes. `begun`: its .roi is in the archive, and it must become visible."""

    size: int
    begun: bool


def cost_of(local: Fileset, remote: RemoteFileset, other_content: Collection[str] = ()) -> Cost:
    """The cost of bringing a bin into the archive. `other_content`: files of the right size, but to be sent again."""
    missing = {
        extension
        for extension in ("hdr", "adc", "roi")
        if remote.size(extension) != local.size(extension) or extension in other_content
    }
    if "roi" in missing:
        missing.add("hdr")  # it always follows a .roi
    return Cost(sum(local.size(extension) for extension in missing), "roi" not in missing)


def counted_from(window: Window, prefix: str) -> str:
    """The key behind which objects count: those of the window's first day on. "" if it has none."""
    if not math.isfinite(window.since):
        return ""
    year, month, day = server_text(window.since)[:10].split("-")
    return f"{prefix}{year}/D{year}{month}{day}"  # old-style folders of that year come after all of the new style


def noted(
    objects: Iterable[ListedObject], start_after: str, put_on: dict[str, int]
) -> Iterator[ListedObject]:
    """The objects of a listing, unchanged; the sizes of those behind the key `start_after` are added to `put_on`."""
    for item in objects:
        if item.key > start_after:
            day = item.modified[:11]
            put_on[day] = put_on.get(day, 0) + item.size
        yield item


def put_since(put_on: PutOn, now: float) -> int:
    """Bytes that were put on the day of `now` (seconds since 1970), or of which it cannot be read that they were put before."""
    return sum(size for day, size in put_on.items() if now < _end(day))


@lru_cache(maxsize=8192)
def _end(day: str) -> float:
    """The end of a day of `PutOn`, in seconds since 1970 (UTC, as `server_seconds`); of one that cannot be read infinity."""
    try:
        return server_seconds(day + "00:00:00") + 86400.0
    except ValueError:
        return math.inf


def day_of(now: float) -> str:
    """`2026-06-01`: the UTC day of a moment, seconds since 1970."""
    return server_text(now)[:10]


def may_begin(size: int, spent: int, limit: float) -> bool:
    """Whether a bin of `size` bytes may be begun on a day on which `spent` bytes are spent, all that is under way included.

    One that is larger than the budget may if it is the first of its day: else it would never be sent.
    """
    return spent + size <= limit or spent == 0


def in_turn(
    bins: Iterable[Fileset], cost: Callable[[Fileset], Cost], limit: float
) -> tuple[list[Fileset], list[Fileset], list[Fileset]]:
    """The bins as they come, newest first, in three groups of which none holds another up; an earlier one comes first.

    Those that were begun; those that are larger than the budget, of which one may be begun while nothing is spent of the
    day (`may_begin`); the others.
    """
    begun: list[Fileset] = []
    others: list[Fileset] = []
    oversize: list[Fileset] = []
    for local in bins:
        size, is_begun = cost(local)
        (begun if is_begun else others if size <= limit else oversize).append(local)
    return begun, oversize, others


def wait_words(limit: float, bins: int, oversize: int) -> str:
    """What is said of `bins` bins that wait for the next day, of which `oversize` are larger than the budget."""
    verb = "waits" if bins == 1 else "wait"
    line = f"MAX_DAILY of {human_bytes(limit)} has no more room today: {counted(bins, 'bin')} {verb} for tomorrow (00:00 UTC)"
    return line + (f", {oversize:,} of them larger than MAX_DAILY" if oversize else "")
