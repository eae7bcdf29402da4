"""One verification: walk, list, read every complete bin, compare, report. Sends, changes and deletes nothing.

This module is the order of things. The jobs are in modules of their own: archived.py lists the bucket, publication.py
asks the dashboard, verify_workers.py spreads the bins over threads, verify_bin.py gives one bin its result (with
verify_reading.py and verify_proof.py), deletable.py looks at everything again and lists what may be deleted.

Both listings (the bucket's and, where asked for, the dashboard's) are over before the first file is read, so that hours
of reading need no network, unless an object's ETag in the listing proves nothing.
"""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Generator, Iterator, Sequence

from ifcbscan.clock import Clock
from ifcbscan.config import DELETABLE_AFTER
from ifcbscan.core.bins import NOTHING_REMOTE
from ifcbscan.core.decision import Now, Policy
from ifcbscan.core.part import Part
from ifcbscan.core.series import Series
from ifcbscan.core.silence import of_empty_folder
from ifcbscan.core.verify_report import (
    BinResult,
    DeletableReport,
    PartReport,
    Publication,
    VerifyReport,
    VerifyState,
    VerifyTally,
)
from ifcbscan.core.verify_words import fragment_reason
from ifcbscan.core.window import EVERYTHING
from ifcbscan.dashboard.calls import Dashboard
from ifcbscan.disk.tree import Inventory, LocalTree
from ifcbscan.runs.archived import ArchiveListing, list_archive
from ifcbscan.runs.deletable import DeletableLister, DeletableRule
from ifcbscan.runs.examination import predicted_refusal
from ifcbscan.runs.first_look import archived_bins, is_without_bins
from ifcbscan.runs.path_list import PathList
from ifcbscan.runs.publication import ask_dashboard
from ifcbscan.runs.verify_bin import BinToVerify, BinVerifier, bytes_of
from ifcbscan.runs.verify_proof import Prover
from ifcbscan.runs.verify_workers import each_result
from ifcbscan.s3.bucket import Bucket


@dataclass(frozen=True)
class VerifyOptions:
    """How to verify. `max_age` (seconds) None is the whole disk, `part` None all bins; the walk's limits are the tree's.

    `jobs`: bins read at the same time. `deletable`: the file for the paths of proven bins; `null_separated`
    instead of one a line; of bins whose objects were all put at least `deletable_after` seconds ago.
    `download`: read objects back where nothing else proves them.
    """

    account: str
    time_series: str
    policy: Policy
    max_age: float | None = None
    jobs: int = 2
    deletable: str | None = None
    null_separated: bool = False
    deletable_after: float = DELETABLE_AFTER
    download: bool = False
    part: Part | None = None

    @property
    def mode(self) -> str:
        """`recent` or `full`, as a scan names it."""
        return "full" if self.max_age is None else "recent"


@dataclass(frozen=True)
class VerifyBackends:
    """What a verification works with. `dashboard` is None where the dashboard is not asked."""

    tree: LocalTree
    bucket: Bucket
    clock: Clock
    pool: Executor
    dashboard: Dashboard | None = None


class VerifyListener:
    """Is told what happens, in the calling thread. This one does nothing."""

    def begin(self, bins: int, size: int) -> None:
        """`bins` complete bins of together `size` bytes are looked at now."""

    def bin_done(self, result: BinResult) -> None:
        """A complete bin has its result."""


def verify(
    options: VerifyOptions,
    backends: VerifyBackends,
    listener: VerifyListener,
    warnings: Sequence[str] = (),
    silence: str = "",
) -> VerifyReport:
    """Compare every complete bin on the disk with the bucket, bit for bit; and ask the dashboard, if there is one.

    `warnings` are those of the preparations, for the report. `silence`: why what the folder should hold is not seen, ""
    if the caller knows nothing of it; then paths listed now may be those of other files soon, so there is no list.

    Raises UsageError, BucketRefused, BucketUnreachable, Interrupted; the list of deletable files is then not
    written. A dashboard that fails is a warning; so is a bucket that cannot be listed again for the list.
    """
    tree, bucket, pool = backends.tree, backends.bucket, backends.pool
    began = backends.clock.monotonic()
    tally = VerifyTally(warnings=list(warnings))
    prefix = Series(options.account, options.time_series).prefix
    prover = Prover(bucket, prefix, options.download)
    lister = DeletableLister(DeletableRule(prefix, options.deletable_after), tree, bucket, backends.clock)
    # Before anything is read: whether the list can be written must be known hours earlier.
    with PathList(options.deletable, options.null_separated) as paths:
        inventory = tree.walk()
        _count_what_is_not_compared(inventory, tally)
        silence = silence or _of_empty_folder(inventory, prefix, backends)
        if silence:
            tally.warnings.append(silence)
        listing = list_archive(prefix, options.max_age is not None, inventory, bucket, pool)
        if backends.dashboard is not None:
            tally.warnings.extend(
                ask_dashboard(
                    backends.dashboard,
                    options.time_series,
                    listing.archived,
                    lambda pid: predicted_refusal(tree, inventory.filesets[pid]),
                )
            )
        listener.begin(*_extent(inventory))
        with contextlib.closing(_results(options, backends, prover, inventory, listing)) as results:
            for result in results:
                tally.count(result)
                if _may_be_deletable(result):
                    listing.archived[result.pid].proven = True
                    listing.archived[result.pid].replaced = result.pid in prover.replaced
                if result.state is not VerifyState.INCOMPLETE:
                    listener.bin_done(result)
        deletable = None
        if options.deletable is not None:
            no_list = DeletableReport(after=options.deletable_after, written=False)
            deletable = no_list if silence else lister.write(inventory, listing, paths)
    tally.problems.extend(lister.problems)
    tally.warnings.extend(prover.warnings + lister.warnings + paths.warnings)
    return VerifyReport(
        time_series=options.time_series,
        directory=tree.root,
        mode=options.mode,
        bins=dict(tally.bins),
        problems=tuple(sorted(tally.problems, key=lambda problem: problem.pid)),
        warnings=tuple(tally.warnings),
        requests=bucket.requests,
        seconds=backends.clock.monotonic() - began,
        bytes_read=tally.bytes_read,
        proofs=dict(tally.proofs),
        published=None if backends.dashboard is None else dict(tally.published),
        different=tuple(sorted(tally.different, key=lambda different: different.pid)),
        deletable=deletable,
        unreadable=inventory.unreadable,
        out_of_sight=inventory.out_of_sight,
        foreign=inventory.foreign,
        misnamed=inventory.misnamed,
        excluded_copies=inventory.excluded_copies,
        silence=silence,
        part=None
        if options.part is None
        else PartReport(
            options.part, len(inventory.filesets), inventory.other_parts, inventory.others_complete
        ),
    )


def _of_empty_folder(inventory: Inventory, prefix: str, backends: VerifyBackends) -> str:
    """What is to be said of a folder in which nothing looks like a bin; one request."""
    if not is_without_bins(inventory) or inventory.unreadable or inventory.out_of_sight or inventory.misnamed:
        return ""
    archived = archived_bins(backends.bucket, prefix, EVERYTHING)
    return of_empty_folder(backends.tree.root, archived.bins, archived.more)


def _count_what_is_not_compared(inventory: Inventory, tally: VerifyTally) -> None:
    tally.warnings.extend(inventory.warnings)
    tally.bins[VerifyState.EXCLUDED] = inventory.excluded
    tally.bins[VerifyState.OUTSIDE] = inventory.outside
    for fragment in inventory.fragments:
        reason = fragment_reason(fragment, inventory.filesets[fragment.pid].folder)
        tally.count(BinResult(fragment.pid, VerifyState.INCOMPLETE, reason, bytes_of(fragment)))


def _extent(inventory: Inventory) -> tuple[int, int]:
    """How many complete bins there are, and how many bytes they have with their copies."""
    bins = size = 0
    for pid, local in inventory.filesets.items():
        if local.complete:
            bins += 1
            size += sum(map(bytes_of, (local, *inventory.copies.get(pid, ()))))
    return bins, size


def _results(
    options: VerifyOptions,
    backends: VerifyBackends,
    prover: Prover,
    inventory: Inventory,
    listing: ArchiveListing,
) -> Generator[BinResult, None, None]:
    """One result for every fileset of the inventory (its fragments excepted), about in its order."""

    def now() -> Now:
        return Now(backends.bucket.server_clock.now(), backends.clock.wall())

    stop = threading.Event()
    verifier = BinVerifier(backends.tree, prover, options.policy, now, stop)
    bins = _bins(inventory, listing)
    return each_result(bins, verifier.result, backends.pool, options.jobs, stop)


def _bins(inventory: Inventory, listing: ArchiveListing) -> Iterator[BinToVerify]:
    for pid, local in inventory.filesets.items():
        yield BinToVerify(
            local,
            inventory.copies.get(pid, ()),
            listing.archived.get(pid),
            listing.unlike.get(pid, NOTHING_REMOTE),
        )


def _may_be_deletable(result: BinResult) -> bool:
    return result.state is VerifyState.PROVEN and result.publication in (None, Publication.PUBLISHED)
