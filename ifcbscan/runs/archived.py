"""What the bucket holds of the complete bins on this disk, and whether it still holds the same later on.

Of a listing only what a verdict needs is kept, one small record a bin. The second listing is compared with
these records while it is read, and nothing of it is kept.
"""

from __future__ import annotations

import math
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Iterable, Mapping, Sequence

from ifcbscan.core.bins import EXTENSIONS, Fileset, Pid, RemoteFileset, server_seconds
from ifcbscan.core.remote_index import KeyRange, ListedObject, list_bins, remote_fileset
from ifcbscan.core.verify_report import Publication
from ifcbscan.disk.tree import Inventory
from ifcbscan.runs.listing import list_ranges, ranges_to_list
from ifcbscan.s3.bucket import Bucket

# XML cannot hold it, so it is in no ETag and in no time.
_BETWEEN = "\0"


class ArchivedBin:
    """A bin whose three objects have the sizes of the local files. There may be many of these records.

    `proven`: its files were read and may be listed as deletable, if it is still so at the end. `unchanged`: the
    bucket was listed again since, and its objects were the same.
    """

    __slots__ = ("_listed", "publication", "unpublished", "proven", "unchanged")

    def __init__(self, objects: Sequence[ListedObject]) -> None:
        self._listed = _listed(objects)
        self.publication: Publication | None = None
        self.unpublished = ""
        self.proven = False
        self.unchanged = False

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
    prefix: str, listing: ArchiveListing, filesets: Mapping[Pid, Fileset], bucket: Bucket, pool: Executor
) -> dict[Pid, str]:
    """List the bucket once more and mark the proven bins of `listing` whose objects are the same as `unchanged`.

    Returns what became of the others, in words. Raises BucketRefused, BucketUnreachable; then nothing is certain.
    """

    def read(objects: Iterable[ListedObject]) -> dict[Pid, str]:
        return _compare_again(objects, prefix, listing.archived, filesets)

    changed: dict[Pid, str] = {}
    for part in list_ranges(bucket, prefix, listing.ranges, read, pool):
        changed.update(part)
    for pid, record in listing.archived.items():
        if record.proven and not record.unchanged and pid not in changed:
            changed[pid] = "none of its files is in the archive any more"
    return changed


def _compare_again(
    objects: Iterable[ListedObject],
    prefix: str,
    archived: Mapping[Pid, ArchivedBin],
    filesets: Mapping[Pid, Fileset],
) -> dict[Pid, str]:
    changed: dict[Pid, str] = {}
    for pid, hdr, adc, roi in list_bins(objects, prefix, archived):
        record = archived[pid]
        if not record.proven:
            continue
        sizes = filesets[pid].sizes
        if hdr and adc and roi and (hdr.size, adc.size, roi.size) == sizes and record.same((hdr, adc, roi)):
            record.unchanged = True
        else:
            changed[pid] = record.differences((hdr, adc, roi)) or "its size in the archive has changed"
    return changed
