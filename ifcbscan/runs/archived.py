"""What the bucket holds of the complete bins on this disk, and whether it still holds the same later on.

Of a listing only what a verdict needs is kept, one small record a bin. The second listing is compared with
these records while it is read, and nothing of it is kept.
"""

from __future__ import annotations

import math
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Generator, Iterable, Iterator, Mapping, Sequence

from ifcbscan.clock import Clock
from ifcbscan.core.bins import EXTENSIONS, Fileset, Pid, RemoteFileset, server_seconds
from ifcbscan.core.remote_index import KeyRange, ListedObject, list_bins, remote_fileset
from ifcbscan.core.verify_report import PublicationRecord
from ifcbscan.disk.tree import Inventory
from ifcbscan.runs.listing import list_ranges, ranges_to_list
from ifcbscan.s3.bucket import Bucket

#: A page of the second listing that took longer (seconds) says nothing of the present.
SLOW_PAGE = 60.0

# XML cannot hold it, so it is in no ETag and in no time.
_BETWEEN = "\0"


class ArchivedBin(PublicationRecord):
    """A bin whose three objects have the sizes of the local files. There may be many of these records.

    `proven`: its files were read and may be listed as deletable, if it is still so at the end. `replaced`: an object was
    another one when it was asked about than when it was listed. `listed_again`: the bucket was listed again since, and
    had some of its objects.
    """

    __slots__ = ("_listed", "proven", "replaced", "listed_again")

    def __init__(self, objects: Sequence[ListedObject]) -> None:
        super().__init__()
        self._listed = _listed(objects)
        self.proven = False
        self.replaced = False
        self.listed_again = False

    @property
    def etags(self) -> Sequence[str]:
        """In the order of EXTENSIONS."""
        return self._listed.split(_BETWEEN)[:3]

    @property
    def put(self) -> float:
        """When the youngest of its objects was put: seconds since 1970, UTC, by the server's clock.

        In whole seconds, as the server tells the time: some servers list objects with fractions, and an object would
        be put later than now. Infinity if a time in the listing cannot be read, so that the bin is never old enough.
        """
        return max(map(_seconds, self._listed.split(_BETWEEN)[3:]))

    def remote(self, local: Fileset) -> RemoteFileset:
        """What the listing said of its objects, whose sizes are those of the local files."""
        put = self._listed.split(_BETWEEN)[3:]
        hdr_put, roi_put = put[EXTENSIONS.index("hdr")], put[EXTENSIONS.index("roi")]
        return RemoteFileset(local.hdr, local.adc, local.roi, hdr_put, roi_put)

    def same(self, objects: Sequence[ListedObject]) -> bool:
        """Whether these are the same objects, neither put again nor replaced."""
        return self._listed == _listed(objects)

    def differences(self, objects: Sequence[ListedObject | None]) -> str:
        """In words, what has become of its objects."""
        now = [None if item is None else _listed([item]) for item in objects]
        before = self._listed.split(_BETWEEN)
        parts = []
        for index, extension in enumerate(EXTENSIONS):
            if now[index] is None:
                parts.append(f".{extension} is not in the archive any more")
            elif now[index] != _BETWEEN.join((before[index], before[index + 3])):
                parts.append(f".{extension} was put into the archive again")
        return " and ".join(parts)


def _listed(objects: Sequence[ListedObject]) -> str:
    # One string takes a third of the room of six.
    etags = [item.etag.strip('"').lower() for item in objects]
    return _BETWEEN.join(etags + [item.modified for item in objects])


def _seconds(modified: str) -> float:
    try:
        return math.floor(server_seconds(modified))
    except ValueError:
        return math.inf


@dataclass(frozen=True)
class ArchiveListing:
    """What the bucket holds of the complete local bins: with the same sizes, or otherwise.

    `ranges` are the keys that were listed.
    """

    ranges: Sequence[KeyRange]
    archived: dict[Pid, ArchivedBin]
    unlike: dict[Pid, RemoteFileset]


def list_archive(
    prefix: str, recent: bool, inventory: Inventory, bucket: Bucket, pool: Executor
) -> ArchiveListing:
    """List the bucket. `recent`: only the days of the local bins. Raises BucketRefused, BucketUnreachable."""
    complete = [pid for pid, fileset in inventory.filesets.items() if fileset.complete]
    if not complete:
        return ArchiveListing((), {}, {})
    ranges = ranges_to_list(complete, prefix, recent)
    whole = ArchiveListing(ranges, {}, {})

    def read(objects: Iterable[ListedObject]) -> ArchiveListing:
        return _compare_sizes(objects, prefix, inventory.filesets)

    for part in list_ranges(bucket, prefix, ranges, read, pool):
        whole.archived.update(part.archived)
        whole.unlike.update(part.unlike)
    return whole


def _compare_sizes(
    objects: Iterable[ListedObject], prefix: str, filesets: Mapping[Pid, Fileset]
) -> ArchiveListing:
    """Sort a listing by what it says of the complete local bins; the objects must come in order of keys."""
    found = ArchiveListing((), {}, {})
    for pid, hdr, adc, roi in list_bins(objects, prefix, filesets):
        local = filesets[pid]
        if not local.complete:
            continue
        if hdr and adc and roi and (hdr.size, adc.size, roi.size) == local.sizes:
            found.archived[local.pid] = ArchivedBin((hdr, adc, roi))
        elif hdr or adc or roi:
            found.unlike[local.pid] = remote_fileset(hdr, adc, roi)
    return found


def list_again(
    prefix: str, listing: ArchiveListing, filesets: Mapping[Pid, Fileset], bucket: Bucket, clock: Clock
) -> Iterator[tuple[Pid, str]]:
    """List the bucket once more: of each proven bin of `listing` what has changed in the archive, "" for nothing.

    A bin comes at once when its page has been read, so that what is said of it is as old as that page. A page that
    took long to come says nothing of the present; one that has become old meanwhile, because the caller took long with its
    bins, is asked for again. Raises BucketRefused, BucketUnreachable; then the rest is not certain.
    """
    for keys in listing.ranges:
        left: KeyRange | None = keys
        while left is not None:
            left = yield from _until_old(prefix, left, listing, filesets, _Pages(bucket, clock))
    for pid, record in listing.archived.items():
        if record.proven and not record.listed_again:
            yield pid, "none of its files is in the archive any more"


def _until_old(
    prefix: str, keys: KeyRange, listing: ArchiveListing, filesets: Mapping[Pid, Fileset], pages: _Pages
) -> Generator[tuple[Pid, str], None, KeyRange | None]:
    """The same of the keys of a range until a page has become old; returns the keys that are left then, None if none are."""
    done = ""  # the last key of what was said something of
    for pid, hdr, adc, roi in list_bins(pages.objects(prefix, keys), prefix, filesets):
        if done and pages.is_old:
            return KeyRange(done, keys.up_to)
        record = listing.archived.get(pid)
        if record is None or not record.proven or record.listed_again:
            continue
        record.listed_again = True
        done = max(item.key for item in (hdr, adc, roi) if item is not None)
        if record.replaced:
            yield pid, "it was put again since the archive was listed"
        elif pages.slow:
            yield pid, "the archive took too long to say whether it still has it"
        elif (
            hdr
            and adc
            and roi
            and (hdr.size, adc.size, roi.size) == filesets[pid].sizes
            and record.same((hdr, adc, roi))
        ):
            yield pid, ""
        else:
            yield pid, record.differences((hdr, adc, roi)) or "its size in the archive has changed"
    return None


class _Pages:
    """The objects of one range, page after page. `slow`: the latest page, or the one before it, took long to come.

    (The members of a bin may lie on two pages.)
    """

    def __init__(self, bucket: Bucket, clock: Clock) -> None:
        self.slow = False
        self._bucket = bucket
        self._clock = clock
        self._asked = (0.0, 0.0)  # when the latest page was asked for, and the one before it

    @property
    def is_old(self) -> bool:
        """Whether what the latest page, or the one before it, has said is no word on the present any more."""
        return self._clock.monotonic() - min(self._asked) > SLOW_PAGE

    def objects(self, prefix: str, keys: KeyRange) -> Iterator[ListedObject]:
        objects = self._bucket.list(prefix, keys.start_after, keys.up_to)
        latest_was_slow = False
        while True:
            pages, began = self._bucket.requests.list, self._clock.monotonic()
            item = next(objects, None)
            if self._bucket.requests.list != pages:
                is_slow = self._clock.monotonic() - began > SLOW_PAGE
                self.slow, latest_was_slow = is_slow or latest_was_slow, is_slow
                self._asked = began, (self._asked[0] or began)
            if item is None:
                return
            yield item
