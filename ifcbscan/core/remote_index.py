"""From the objects of a listing to what the bucket holds of each bin; and which keys to list at all.

Pure. The ranges of a full listing together are the whole key space of the time series, each key in
exactly one of them, so that listing them side by side gives what one long listing gives.
"""

from __future__ import annotations

from collections import Counter
from typing import Collection, Iterable, Iterator, Mapping, NamedTuple, Optional, Tuple

from ifcbscan.core.bins import MISSING, Fileset, Pid, RemoteFileset, parse_pid

#: S3 lists at most so many keys a page, also if more are asked for.
PAGE = 1000

#: Ranges that are listed side by side: enough that a slow link is waited for once or twice, few enough for a small computer.
MOST_RANGES = 32

#: Keys that a range should have: fewer than a page has, because it ends with a day, and the next page is one more wait.
_KEYS_A_RANGE = 850

#: Below so many pages in all, side by side is not worth its connections.
_PAGES_ONE_AFTER_THE_OTHER = 3


class ListedObject(NamedTuple):
    """One object of a listing: size in bytes, time in the server's ISO 8601 form, ETag unquoted."""

    key: str
    size: int
    modified: str
    etag: str


class KeyRange(NamedTuple):
    """The keys with start_after < key <= up_to; an empty string is no limit."""

    start_after: str
    up_to: str


WHOLE = KeyRange("", "")


def full_ranges(pids: Collection[Pid], prefix: str) -> list[KeyRange]:
    """Ranges for a full listing, cut at day folders so that each holds about as many of `pids`.

    The local pids are only a guess at what the bucket holds: whatever it does hold, every key below
    `prefix` lies in exactly one range, and the keys of one bin lie in the same one.
    """
    keys = 3 * len(pids)
    if keys < _PAGES_ONE_AFTER_THE_OTHER * PAGE:
        return [WHOLE]
    count = min(MOST_RANGES, keys // _KEYS_A_RANGE)
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


#: A bin of a listing: its pid and its objects in the order of EXTENSIONS, None for one that is not there.
ListedBin = Tuple[Pid, Optional[ListedObject], Optional[ListedObject], Optional[ListedObject]]


def list_bins(
    objects: Iterable[ListedObject], prefix: str, local: Mapping[Pid, Fileset], others: bool = False
) -> Iterator[ListedBin]:
    """The bins of a listing that are `local`, with `others` also all others; other keys do not matter, also among a bin's own.

    One entry a bin, in the order of the objects. Should the objects not come in the order of their keys, as S3
    lists them, a bin can come in several parts, each with some of its members.
    """
    stem = ""
    pid: Pid | None = None
    hdr = adc = roi = None
    for item in objects:
        key = item[0]
        head = key[:-4]
        if head != stem:
            if pid is not None:
                if key.startswith(stem + "."):
                    continue  # a foreign key (`<pid>.adc.mod`, `<pid>.json`) between two members of one bin
                yield pid, hdr, adc, roi
            stem = head
            pid = _canonical(stem, prefix, local, others)
            hdr = adc = roi = None
        if pid is None:
            continue
        suffix = key[-4:]
        if suffix == ".adc":
            adc = item
        elif suffix == ".hdr":
            hdr = item
        elif suffix == ".roi":
            roi = item
    if pid is not None:
        yield pid, hdr, adc, roi


def index_objects(
    objects: Iterable[ListedObject],
    prefix: str,
    local: Mapping[Pid, Fileset],
    found: dict[Pid, RemoteFileset],
    others: bool = False,
) -> None:
    """Put into `found` what the bucket holds of each bin at its computed keys; `local` and `others` as in `list_bins`.

    Ranges of keys that are read side by side share one `found`: each bin lies in one of them only.
    """
    for pid, hdr, adc, roi in list_bins(objects, prefix, local, others):
        remote = remote_fileset(hdr, adc, roi)
        found[pid] = _joined(found[pid], remote) if pid in found else remote


def remote_fileset(
    hdr: ListedObject | None, adc: ListedObject | None, roi: ListedObject | None
) -> RemoteFileset:
    """Sizes and times of one bin's objects; what is not there is MISSING."""
    hdr_put = "" if hdr is None else hdr[2]
    roi_put = "" if roi is None else roi[2]
    return RemoteFileset(
        MISSING if hdr is None else hdr[1],
        MISSING if adc is None else adc[1],
        MISSING if roi is None else roi[1],
        hdr_put,
        # AWS tells whole seconds, in which both often came: one text for both, as there may be a million bins.
        hdr_put if roi_put == hdr_put else roi_put,
    )


def _joined(known: RemoteFileset, more: RemoteFileset) -> RemoteFileset:
    hdr, adc, roi = (max(pair) for pair in zip(known.sizes, more.sizes))
    return RemoteFileset(hdr, adc, roi, max(known.hdr_put, more.hdr_put), max(known.roi_put, more.roi_put))


def _canonical(stem: str, prefix: str, local: Mapping[Pid, Fileset], others: bool) -> Pid | None:
    """The pid of a key without its extension, if it is wanted and this is its computed place."""
    name = stem[stem.rfind("/") + 1 :]
    known = local.get(name)  # type: ignore[call-overload]  # a Pid is equal to its text
    # That of the local bin, as it is in memory already: there may be a million of them.
    pid = known.pid if known is not None else parse_pid(name) if others else None
    if pid is None or stem != f"{prefix}{pid.day_folder}/{pid}":
        return None
    return pid
