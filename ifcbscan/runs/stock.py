"""What lies on a disk, and what of it the archive has already: a walk, a listing and the decisions on them. Sends nothing."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import Iterator

from ifcbscan.clock import Clock
from ifcbscan.core.bins import NOTHING_REMOTE
from ifcbscan.core.decision import Action, Now, decide
from ifcbscan.core.states import State
from ifcbscan.core.stock import Stock, StockedBin, stock_of
from ifcbscan.disk.tree import LocalTree
from ifcbscan.runs.listing import list_remote
from ifcbscan.runs.scan_options import ScanOptions
from ifcbscan.s3.bucket import Bucket

#: What a run will send once a file has settled or the archive has checked it.
_TO_SEND_LATER = (State.UNCONFIRMED, State.SETTLING)


def count_stock(tree: LocalTree) -> Stock:
    """Look at the disk alone. Raises UsageError."""
    inventory = tree.walk()
    bins = (StockedBin(local.pid, False, True) for local in inventory.filesets.values() if local.complete)
    return stock_of(bins, inventory.outside, compared=False)


def take_stock(options: ScanOptions, tree: LocalTree, bucket: Bucket, clock: Clock, pool: Executor) -> Stock:
    """Look at the disk and at the archive. Raises UsageError, BucketRefused, BucketUnreachable, Interrupted."""
    inventory = tree.walk()
    remote = list_remote(options, inventory, bucket, pool).bins
    now = Now(bucket.server_clock.now(), clock.wall())

    def bins() -> Iterator[StockedBin]:
        for pid, local in inventory.filesets.items():
            if not local.complete:
                continue
            there = remote.get(pid, NOTHING_REMOTE)
            decision = decide(local, there, now, options.policy, inventory.copies.get(pid, ()))
            to_send = decision.action is Action.PUT or decision.state in _TO_SEND_LATER
            in_archive = there.sizes == local.sizes
            yield StockedBin(pid, in_archive, to_send and not in_archive)

    return stock_of(bins(), inventory.outside)
