"""One verification: walk, list, read every complete bin, compare, report. Sends, changes and deletes nothing.

The verdicts are those of proof.py, the local states those of plan.py, over the same walk as a scan's.
Both listings (the bucket's and, where asked for, the dashboard's) are over before the first file is
read, so that hours of reading need no network. Where a list of deletable files is asked for, everything
is looked at again at the end (deletable.py).
"""

from __future__ import annotations

import dataclasses
import logging
import math
import threading
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass
from typing import BinaryIO, Callable, Iterator, Sequence

from ifcbscan.clock import Clock
from ifcbscan.config import DELETABLE_AFTER
from ifcbscan.core.bins import (
    EXTENSIONS,
    MISSING,
    NOTHING_REMOTE,
    Fileset,
    RemoteFileset,
)
from ifcbscan.core.checksums import FileSums, Summer, fitting_part_sizes
from ifcbscan.core.content_match import BinVerdict, Outcome, RemoteObject, judge
from ifcbscan.core.decision import Action, Decision, Known, Now, Policy, State, decide
from ifcbscan.core.series import Series
from ifcbscan.core.states import BinState
from ifcbscan.core.verify_report import BinResult, Publication, VerifyReport, VerifyTally
from ifcbscan.core.words import human_duration
from ifcbscan.dashboard.calls import Dashboard
from ifcbscan.disk.tree import Inventory, LocalTree
from ifcbscan.errors import (
    BucketRefused,
    BucketUnreachable,
    FileChanged,
    Interrupted,
    LocalFileProblem,
)
from ifcbscan.runs.archived import ArchivedBin, ArchiveListing, list_archive
from ifcbscan.runs.deletable import DeletableLister, DeletableRule
from ifcbscan.runs.one_bin import examine_fileset
from ifcbscan.runs.path_list import PathList
from ifcbscan.runs.publication import ask_dashboard
from ifcbscan.s3.bucket import Bucket

log = logging.getLogger("ifcbscan")

_BLOCK = 1024 * 1024

#: How long the calling thread waits at a time, so that signals get through on every system. Seconds.
_ATTENTION = 0.5


@dataclass(frozen=True)
class VerifyOptions:
    """How to verify. `max_age` (seconds) None is the whole disk; the walk's limit is the tree's.

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

    @property
    def mode(self) -> str:
        """`recent` or `full`, as a scan names it."""
        return "full" if self.max_age is None else "recent"


class VerifyListener:
    """Is told what happens, in the calling thread. This one does nothing."""

    def begin(self, bins: int, size: int) -> None:
        """`bins` complete bins of together `size` bytes are looked at now."""

    def bin_done(self, result: BinResult) -> None:
        """A complete bin has its result."""


def verify(
    options: VerifyOptions,
    tree: LocalTree,
    bucket: Bucket,
    dashboard: Dashboard | None,
    clock: Clock,
    pool: Executor,
    listener: VerifyListener,
    warnings: Sequence[str] = (),
) -> VerifyReport:
    """Compare every complete bin of `tree` with the bucket, bit for bit; and ask `dashboard`, if given.

    Raises UsageError, BucketRefused, BucketUnreachable, Interrupted; the list of deletable files is then not
    written. A dashboard that fails is a warning; so is a bucket that cannot be listed again for the list.
    """
    began = clock.monotonic()
    tally = VerifyTally(warnings=list(warnings))
    prefix = Series(options.account, options.time_series).prefix
    lister = DeletableLister(DeletableRule(prefix, options.deletable_after), tree, bucket)
    with PathList(options.deletable, options.null_separated) as paths:
        inventory = tree.walk()
        tally.warnings.extend(inventory.warnings)
        tally.bins[BinState.EXCLUDED.value] = inventory.excluded
        for fragment in inventory.fragments:
            tally.count(_fragment(fragment, inventory))
        listing = list_archive(prefix, options.max_age is not None, inventory, bucket, pool)
        if dashboard is not None:
            tally.warnings.extend(ask_dashboard(dashboard, options.time_series, listing.archived))
        verifier = _Verifier(options, tree, bucket, clock, dashboard is not None)
        complete = [fileset for fileset in inventory.filesets.values() if fileset.complete]
        listener.begin(len(complete), sum(_size(fileset, inventory) for fileset in complete))
        del complete
        for result in verifier.results(inventory, listing, pool):
            tally.count(result)
            if _may_be_deletable(result):
                listing.archived[result.pid].proven = True
            if result.state != State.INCOMPLETE.value:
                listener.bin_done(result)
        deletable = lister.write(inventory, listing, paths, pool) if options.deletable is not None else None
    tally.problems.extend(lister.problems)
    tally.warnings.extend(verifier.warnings + lister.warnings + paths.warnings)
    return VerifyReport(
        time_series=options.time_series,
        directory=tree.root,
        mode=options.mode,
        bins=dict(tally.bins),
        problems=tuple(sorted(tally.problems, key=lambda problem: problem.pid)),
        warnings=tuple(tally.warnings),
        requests=bucket.requests,
        seconds=clock.monotonic() - began,
        bytes_read=tally.bytes_read,
        proofs=dict(tally.proofs),
        published=None if dashboard is None else dict(tally.published),
        different=tuple(sorted(tally.different, key=lambda different: different.pid)),
        deletable=deletable,
        unreadable=inventory.unreadable,
        out_of_sight=inventory.out_of_sight,
        foreign=inventory.foreign,
        misnamed=inventory.misnamed,
    )


def _may_be_deletable(result: BinResult) -> bool:
    return result.state == Outcome.PROVEN.value and result.publication in (None, Publication.PUBLISHED)


def _fragment(fragment: Fileset, inventory: Inventory) -> BinResult:
    missing = " and ".join("." + extension for extension in fragment.missing)
    whole = inventory.filesets[fragment.pid].folder
    reason = f"{missing} missing in {fragment.folder}; only the copy in {whole} is compared"
    return BinResult(fragment.pid, State.INCOMPLETE.value, reason, _bytes(fragment))


def _bytes(fileset: Fileset) -> int:
    return sum(size for size in fileset.sizes if size != MISSING)


def _size(fileset: Fileset, inventory: Inventory) -> int:
    return sum(_bytes(copy) for copy in (fileset, *inventory.copies.get(fileset.pid, ())))


class _Verifier:
    """Gives every bin its result. One use each."""

    def __init__(
        self, options: VerifyOptions, tree: LocalTree, bucket: Bucket, clock: Clock, published: bool
    ) -> None:
        self.warnings: list[str] = []
        self._options = options
        self._prefix = Series(options.account, options.time_series).prefix
        self._tree = tree
        self._bucket = bucket
        self._clock = clock
        self._published = published
        # A larger file in the archive is another size here; a conflict is between local copies only.
        self._policy = dataclasses.replace(options.policy, replace=True)
        self._stop = threading.Event()
        self._bucket_is_away = threading.Event()

    def results(self, inventory: Inventory, listing: ArchiveListing, pool: Executor) -> Iterator[BinResult]:
        """One result for every fileset of the inventory (its fragments excepted), about in its order."""
        running: set[Future[BinResult]] = set()
        try:
            for job in self._jobs(inventory, listing):
                # One more than there are workers, so that none waits for this thread.
                while len(running) > self._options.jobs:
                    yield from self._take(running)
                running.add(pool.submit(job))
            while running:
                yield from self._take(running)
        finally:
            self._stop.set()
            for future in running:
                future.cancel()

    @staticmethod
    def _take(running: set[Future[BinResult]]) -> Iterator[BinResult]:
        for future in wait(running, _ATTENTION, FIRST_COMPLETED).done:
            running.remove(future)
            yield future.result()

    def _jobs(self, inventory: Inventory, listing: ArchiveListing) -> Iterator[Callable[[], BinResult]]:
        for pid, local in inventory.filesets.items():
            copies = inventory.copies.get(pid, ())
            size = _size(local, inventory)
            archived = listing.archived.get(pid)
            remote = listing.unlike.get(pid, NOTHING_REMOTE)
            if archived is not None:
                remote = RemoteFileset(local.hdr, local.adc, local.roi, "", "")
            yield _Job(self, local, copies, size, archived, remote)

    def look(self, job: _Job) -> BinResult:
        """The result of one bin; in a worker thread."""
        decision = self._decide(job)
        if decision.state is State.SYNCED and job.archived is not None:
            return self._read_and_compare(job, job.archived)
        state, reason = _state_without_reading(decision, job.local, job.remote)
        return BinResult(job.local.pid, state, reason, job.size)

    def _decide(self, job: _Job) -> Decision:
        now = Now(self._bucket.server_clock.now(), self._clock.wall())
        decision = decide(job.local, job.remote, now, self._policy, job.copies)
        if decision.action is Action.PUT and self._policy.check_integrity:
            try:
                finding = examine_fileset(self._tree, job.local)
            except LocalFileProblem:
                return decision  # it is missing in the archive either way
            decision = decide(job.local, job.remote, now, self._policy, job.copies, Known(finding))
        return decision

    def _read_and_compare(self, job: _Job, archived: ArchivedBin) -> BinResult:
        reading = _Reading(self._tree, self._stop)
        verdict: BinVerdict | None = None
        filesets = (job.local, *job.copies)
        try:
            sums = reading.sums(job.local, archived.etags)
            differing = self._differing_copy(job, sums, reading)
            if differing:
                state, reason = State.CONFLICT.value, differing
            else:
                verdict = self._prove(job.local, sums, archived.etags)
                state, reason = verdict.outcome.value, verdict.reason
            for fileset in filesets:
                if self._tree.refresh(fileset) != fileset:
                    raise FileChanged(f"it changed in {fileset.folder} while it was read")
        except FileChanged as error:
            state, reason, verdict = State.SETTLING.value, str(error), None
        except LocalFileProblem as error:
            state, reason, verdict = Outcome.UNPROVEN.value, str(error), None
        return BinResult(
            pid=job.local.pid,
            state=state,
            reason=reason,
            size=job.size,
            filesets=filesets,
            read=reading.bytes,
            verdict=verdict,
            publication=archived.publication,
            unpublished=self._unpublished(archived),
        )

    @staticmethod
    def _differing_copy(job: _Job, sums: Sequence[FileSums], reading: _Reading) -> str:
        for copy in job.copies:
            for extension, ours, theirs in zip(EXTENSIONS, sums, reading.sums(copy)):
                if ours.md5 != theirs.md5:
                    return (
                        f"two copies differ: .{extension} has other content in {job.local.folder} "
                        f"than in {copy.folder}"
                    )
        return ""

    def _prove(self, local: Fileset, sums: Sequence[FileSums], etags: Sequence[str]) -> BinVerdict:
        """Compare with the listing; where that proves nothing ask the bucket, and at last read back."""
        objects: list[RemoteObject | None] = [
            RemoteObject(size, etag) for size, etag in zip(local.sizes, etags)
        ]
        verdict = judge(sums, objects)
        ways = [self._ask, self._read_back] if self._options.download else [self._ask]
        for way in ways:
            for index, file in enumerate(verdict.files):
                known = objects[index]
                if file.outcome is Outcome.UNPROVEN and known is not None:
                    key = local.pid.key(self._prefix, file.extension)
                    objects[index] = self._unless_away(way, key, known)
            verdict = judge(sums, objects)
        return verdict

    def _unless_away(
        self, way: Callable[[str, RemoteObject], RemoteObject | None], key: str, known: RemoteObject
    ) -> RemoteObject | None:
        if not self._bucket_is_away.is_set():
            try:
                return way(key, known)
            except BucketRefused as error:
                log.info("%s: %s", key, error)
                return dataclasses.replace(known, trouble="the bucket refused to say more about it")
            except BucketUnreachable as error:
                self._bucket_is_away.set()
                self.warnings.append(f"{error} Bins that could only be proven by asking it are not proven.")
        return dataclasses.replace(known, trouble="the bucket could not be asked about it")

    def _ask(self, key: str, known: RemoteObject) -> RemoteObject | None:
        content = self._bucket.content(key)
        if content is None:
            return None
        return RemoteObject(content.size, content.etag.lower(), content.etag_is_sum)

    def _read_back(self, key: str, known: RemoteObject) -> RemoteObject | None:
        downloaded = self._bucket.content_md5(key)
        return None if downloaded is None else dataclasses.replace(known, downloaded=downloaded, trouble="")

    def _unpublished(self, archived: ArchivedBin) -> str:
        if archived.publication is not Publication.UNPUBLISHED:
            return ""
        if archived.put == math.inf:
            return archived.unpublished
        age = self._bucket.server_clock.now() - archived.put
        return f"{archived.unpublished}; in the archive for {human_duration(age)}"


@dataclass(frozen=True)
class _Job:
    """One bin on its way to a worker."""

    verifier: _Verifier
    local: Fileset
    copies: Sequence[Fileset]
    size: int
    archived: ArchivedBin | None
    remote: RemoteFileset

    def __call__(self) -> BinResult:
        return self.verifier.look(self)


class _Reading:
    """Reads files in blocks and counts the bytes. Of one worker thread."""

    def __init__(self, tree: LocalTree, stop: threading.Event) -> None:
        self.bytes = 0
        self._tree = tree
        self._stop = stop

    def sums(self, fileset: Fileset, etags: Sequence[str] = ("", "", "")) -> list[FileSums]:
        """The sums of the three files, in the order of EXTENSIONS, as far as their ETags need them."""
        found = []
        for extension, etag in zip(EXTENSIONS, etags):
            summer = Summer(fitting_part_sizes(etag, fileset.size(extension)))
            self._read(fileset, extension, summer.update)
            found.append(summer.sums())
            if found[-1].size != fileset.size(extension):
                raise FileChanged(f".{extension} changed in {fileset.folder} while it was read")
        return found

    def _read(self, fileset: Fileset, extension: str, take: Callable[[bytes], None]) -> None:
        with self._tree.open(fileset, extension) as file:
            for block in self._blocks(file, fileset, extension):
                self.bytes += len(block)
                take(block)

    def _blocks(self, file: BinaryIO, fileset: Fileset, extension: str) -> Iterator[bytes]:
        while True:
            if self._stop.is_set():
                raise Interrupted(130)
            try:
                block = file.read(_BLOCK)
            except OSError as error:
                raise LocalFileProblem(
                    f".{extension} in {fileset.folder} cannot be read: {error.strerror or error}"
                ) from None
            if not block:
                return
            yield block


def _state_without_reading(decision: Decision, local: Fileset, remote: RemoteFileset) -> tuple[str, str]:
    """State and reason of a bin whose objects do not have the sizes of its files."""
    if decision.state not in (State.UPLOAD, State.COMMIT, State.UNCONFIRMED):
        return decision.state.value, decision.reason
    if remote == NOTHING_REMOTE:
        return Outcome.MISSING.value, "not in the archive"
    parts = []
    for extension, here, there in zip(EXTENSIONS, local.sizes, remote.sizes):
        if there == MISSING:
            parts.append(f".{extension} is not in the archive")
        elif there != here:
            parts.append(f".{extension} has {there:,} bytes in the archive, {here:,} here")
    outcome = Outcome.MISSING if MISSING in remote.sizes else Outcome.SIZE
    return outcome.value, "; ".join(parts)
