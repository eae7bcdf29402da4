"""Listing a time series in the bucket, several ranges of keys side by side: for scan, verify and report alike.

It asks and hands the objects on, or what of bins they are. Which objects are of a bin is said in core/remote_index.py;
what a listing means is for the caller.
"""

from __future__ import annotations

import itertools
from concurrent.futures import Executor
from types import MappingProxyType
from typing import Callable, Collection, Iterable, Iterator, Mapping, NamedTuple, Sequence, TypeVar

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

    `nothing_seen`: the listing had no object at all, of whatever kind. It may have been of a few days only. `put_on`: what was
    put on which day, as core/budget.py counts it; empty in a run without a budget.
    """

    bins: dict[Pid, RemoteFileset]
    nothing_seen: bool
    put_on: Mapping[str, int] = MappingProxyType({})


def list_remote(options: ScanOptions, inventory: Inventory, bucket: Bucket, pool: Executor) -> RemoteListing:
    """What the bucket holds of the bins of `inventory`. Raises BucketRefused, BucketUnreachable.

    A recent run lists only the days of its bins; a full one everything, in ranges side by side.
    """
    prefix = Series(options.account, options.time_series).prefix
    complete = _complete(inventory)
    if not complete:
        return RemoteListing({}, False)  # nothing that could be sent: the bucket need not be asked
    ranges = ranges_to_list(complete, prefix, recent=options.max_age is not None)

    bins: dict[Pid, RemoteFileset] = {}

    def read(objects: Iterator[ListedObject]) -> RemoteListing:
        put_on: dict[str, int] = {}
        if options.max_daily is not None:
            from ifcbscan.core.budget import counted_from, noted  # as few runs have a budget

            objects = noted(objects, counted_from(options.window, prefix), put_on)
        first = list(itertools.islice(objects, 1))
        index_objects(itertools.chain(first, objects), prefix, inventory.filesets, bins)
        return RemoteListing(bins, not first, put_on)

    parts = list(list_ranges(bucket, prefix, ranges, read, pool))
    return RemoteListing(bins, all(part.nothing_seen for part in parts), added(part.put_on for part in parts))


def put_on_elsewhere(
    options: ScanOptions, inventory: Inventory, bucket: Bucket, pool: Executor
) -> Mapping[str, int]:
    """What was put on which day (core/budget.py) outside of the days that a recent run lists.

    What was put today may be of any day. Lists all of the time series, or what of it lies behind the first day of the
    window. Raises BucketRefused, BucketUnreachable, Interrupted.
    """
    from ifcbscan.core.budget import counted_from, noted

    prefix = Series(options.account, options.time_series).prefix
    start_after = counted_from(options.window, prefix)
    known = range_around(_complete(inventory), prefix)
    ranges = [KeyRange(start_after, known.start_after), KeyRange(known.up_to, "")]

    def read(objects: Iterator[ListedObject]) -> Mapping[str, int]:
        put_on: dict[str, int] = {}
        for _ in noted(objects, start_after, put_on):
            pass
        return put_on

    return added(
        list_ranges(bucket, prefix, [keys for keys in ranges if keys.start_after != keys.up_to], read, pool)
    )


def added(parts: Iterable[Mapping[str, int]]) -> Mapping[str, int]:
    """The sum of what was put on each day, from listings of different keys."""
    put_on: dict[str, int] = {}
    for part in parts:
        for day, size in part.items():
            put_on[day] = put_on.get(day, 0) + size
    return put_on


def _complete(inventory: Inventory) -> list[Pid]:
    return [pid for pid, fileset in inventory.filesets.items() if fileset.complete]
