"""Listing a time series in the bucket, several ranges of keys side by side: for scan, verify and report alike.

It asks and hands the objects on. What they mean is said in core/remote_index.py and by the caller.
"""

from __future__ import annotations

from concurrent.futures import Executor
from typing import Callable, Collection, Iterable, Iterator, Sequence, TypeVar

from ifcbscan.core.bins import Pid
from ifcbscan.core.remote_index import KeyRange, ListedObject, full_ranges, range_around
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
