"""From the objects of a listing to what the bucket holds of each bin; and which keys to list at all.

Pure. The ranges of a full listing together are the whole key space of the time series, each key in
exactly one of them, so that listing them side by side gives what one long listing gives.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Collection, Container, Iterable

from ifcbscan.bins import MISSING, NOTHING_REMOTE, Pid, RemoteFileset, parse_pid
from ifcbscan.s3listing import ListedObject

#: S3 lists at most so many keys a page, whoever asks for more.
PAGE = 1000

#: Ranges that are listed side by side: enough to hide the way to the bucket, few for a small computer.
MOST_RANGES = 8

# A range below this many pages is not worth the page that it may add.
_PAGES_A_RANGE = 3


@dataclass(frozen=True)
class KeyRange:
    """The keys with start_after < key <= up_to; an empty string is no limit."""

    start_after: str
    up_to: str


WHOLE = KeyRange("", "")


def full_ranges(pids: Collection[Pid], prefix: str) -> list[KeyRange]:
    """Ranges for a full listing, cut at day folders so that each holds about as many of `pids`.

    The local pids are only a guess at what the bucket holds: whatever it does hold, every key below
    `prefix` lies in exactly one range, and the keys of one bin lie in the same one.
    """
    pages = 1 + 3 * len(pids) // PAGE
    count = max(1, min(MOST_RANGES, pages // _PAGES_A_RANGE))
    if count == 1:
        return [WHOLE]
    bins_a_day = Counter(pid.day_folder for pid in pids)
    cuts: list[str] = []
    seen = 0
    for folder in sorted(bins_a_day):
        if seen >= len(pids) * (len(cuts) + 1) / count:
            # The folder's name without a slash: before every key in it, after every key before it.
            cuts.append(prefix + folder)
        seen += bins_a_day[folder]
    borders = ["", *cuts, ""]
    return [KeyRange(borders[index], borders[index + 1]) for index in range(len(borders) - 1)]


def range_around(pids: Iterable[Pid], prefix: str) -> KeyRange:
    """The smallest range of whole day folders that holds the keys of all `pids` (at least one)."""
    folders = {pid.day_folder for pid in pids}
    # "0" follows "/": so the upper border is behind every key in the last folder.
    return KeyRange(prefix + min(folders), prefix + max(folders) + "0")


def index_objects(
    objects: Iterable[ListedObject], prefix: str, wanted: Container[str]
) -> dict[str, RemoteFileset]:
    """What the bucket holds of each of the `wanted` pids at its computed keys; other keys do not matter.

    The objects should come in the order of their keys, as S3 lists them: then a bin's stand side by side.
    """
    found: dict[str, RemoteFileset] = {}
    stem = ""
    pid = None
    hdr = adc = roi = MISSING
    hdr_put = roi_put = ""
    for key, size, modified, _ in objects:
        if key[:-4] != stem:
            if pid is not None:
                found[pid] = RemoteFileset(hdr, adc, roi, hdr_put, roi_put)
            stem = key[:-4]
            pid = _canonical(stem, prefix, wanted)
            # Mostly nothing, but a foreign key (`<pid>.adc.mod`) can stand between two members of one bin.
            known = NOTHING_REMOTE if pid is None else found.get(pid, NOTHING_REMOTE)
            (hdr, adc, roi), hdr_put, roi_put = known.sizes, known.hdr_put, known.roi_put
        if pid is None:
            continue
        suffix = key[-4:]
        if suffix == ".hdr":
            hdr, hdr_put = size, modified
        elif suffix == ".adc":
            adc = size
        elif suffix == ".roi":
            roi, roi_put = size, modified
    if pid is not None:
        found[pid] = RemoteFileset(hdr, adc, roi, hdr_put, roi_put)
    return found


def _canonical(stem: str, prefix: str, wanted: Container[str]) -> Pid | None:
    """The pid of a key without its extension, if it is wanted and this is its computed place."""
    name = stem[stem.rfind("/") + 1 :]
    if name not in wanted:
        return None
    pid = parse_pid(name)
    if pid is None or stem != f"{prefix}{pid.day_folder}/{pid}":
        return None
    return pid
