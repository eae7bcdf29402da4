"""Listing a time series in the bucket, several ranges of keys side by side: for scan, verify and report alike.

It asks and hands the objects on, or what of bins they are. Which objects are of a bin is said in core/remote_index.py;
what a listing means is for the caller.
"""

from __future__ import annotations

import itertools
from concurrent.futures import Executor
from typing import Callable, Collection, Iterable, Iterator, NamedTuple, Sequence, TypeVar

from ifcbscan.core.bins import Pid, RemoteFileset
from ifcbscan.core.remote_index import KeyRange, ListedObject, full_ranges, index_objects, range_around
from ifcbscan.core.series import Series
from ifcbscan.disk.tree import Inventory
from ifcbscan.runs.scan_options import ScanOptions
from ifcbscan.s3.bucket import Bucket

_T = TypeVar("_T")


def ranges_to_list(pids: Collection[Pid], prefix: str, recent: bool) -> Sequence[KeyRange]:
    """The keys to list for `pids`: with `recent` the days they are of (at least one pid then), else the whole time series."""
    return [range_around(pids, prefix)] if recent else full_ranges(pids, prefix)


def list_ranges(
    bucket: Bucket,
    prefix: str,
    ranges: Sequence[KeyRange],
    read: Callable[[Iterator[ListedObject]], _T],
    pool: Executor,
) -> Iterable[_T]:
    """What `read` makes of the objects of each range, in the order of `ranges`.

    `read` gets the objects in the order of their keys, and has to take all of them, or keys go unseen. With more
    than one range it is called in the threads of `pool`. Raises BucketRefused, BucketUnreachable, Interrupted
    while the result is iterated over: only what was iterated over to its end is a whole listing.
    """

    def list_one(keys: KeyRange) -> _T:
        return read(bucket.list(prefix, keys.start_after, keys.up_to))

    return pool.map(list_one, ranges) if len(ranges) > 1 else map(list_one, ranges)


class RemoteListing(NamedTuple):
    """What the bucket holds of the bins that were asked for.

    `nothing_seen`: the listing had no object at all, of whatever kind. It may have been of a few days only.
    """

    bins: dict[str, RemoteFileset]
    nothing_seen: bool


def list_remote(options: ScanOptions, inventory: Inventory, bucket: Bucket, pool: Executor) -> RemoteListing:
    """What the bucket holds of the bins of `inventory`. Raises BucketRefused, BucketUnreachable.

    A recent run lists only the days of its bins; a full one everything, in ranges side by side.
    """
    prefix = Series(options.account, options.time_series).prefix
    complete = [pid for pid, fileset in inventory.filesets.items() if fileset.complete]
    if not complete:
        return RemoteListing({}, False)  # nothing that could be sent: the bucket need not be asked
    ranges = ranges_to_list(complete, prefix, recent=options.max_age is not None)

    def read(objects: Iterator[ListedObject]) -> tuple[bool, dict[str, RemoteFileset]]:
        first = list(itertools.islice(objects, 1))
        return not first, index_objects(itertools.chain(first, objects), prefix, inventory.filesets)

    parts = list(list_ranges(bucket, prefix, ranges, read, pool))
    bins: dict[str, RemoteFileset] = {}
    for _, part in parts:
        bins.update(part)
    return RemoteListing(bins, all(nothing for nothing, _ in parts))
