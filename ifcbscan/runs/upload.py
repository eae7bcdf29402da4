"""Acting: carries out decisions, several bins at a time. Decides nothing itself.

Each bin goes from one decision to the next (`plan.decide` is asked again after every step), with its
files read from the local tree and put into the bucket. While one bin waits for the archive's check,
others are sent. Everything that is counted is counted in the calling thread.
"""

from __future__ import annotations

import hashlib
import heapq
import itertools
import logging
import os
import random
import threading
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, field
from typing import Callable, Iterable, Sequence

from ifcbscan.clock import Clock
from ifcbscan.core import adc
from ifcbscan.core.bins import MISSING, OTHER_CONTENT, Fileset, RemoteFileset
from ifcbscan.core.decision import Action, Decision, Now, Policy, State, decide
from ifcbscan.core.scan_report import FAILED, TO_UPLOAD, UPLOADED, Tally
from ifcbscan.disk.tree import LocalTree
from ifcbscan.errors import (
    BucketRefused,
    BucketUnreachable,
    FileChanged,
    IfcbscanError,
    Interrupted,
    LocalFileProblem,
    Overtaken,
    PutRefused,
)
from ifcbscan.s3.bucket import Bucket, Expected
from ifcbscan.s3.object_head import ObjectHead
from ifcbscan.state.bin_locks import ALONE, Claims

log = logging.getLogger("ifcbscan")

_ELSEWHERE = "another scan on this computer is sending it"

#: A run that came and went since this one has listed took longer than that (it waits for the archive's check); the
#: every-minute runs send bins of three days. Seconds.
_STALE = 20.0
_MAY_BE_SENT_ELSEWHERE = 4 * 86400.0

_OVERTAKEN = "somebody else changed this bin in the archive meanwhile; a later run looks again"

#: How long nothing but waiting may go on without telling the listener again. Seconds.
_WAITING_TOLD_EVERY = 20.0

#: How long the calling thread waits at a time, so that signals get through on every system. Seconds.
_ATTENTION = 0.5

#: Uploads that fail for want of an answer, one after the other, after which the run ends though the bucket can be asked.
_MOST_IN_A_ROW = 20

_BLOCK = 1024 * 1024


@dataclass
class BinJob:
    """One bin on its way through its decisions. Belongs to one thread at a time."""

    local: Fileset
    remote: RemoteFileset
    copies: Sequence[Fileset]
    decision: Decision
    files_sent: int = 0
    bytes_sent: int = 0
    repairs: bool = False  # its .adc was in the archive before, beside something else than the local files
    etags: dict[str, str] = field(default_factory=dict)  # by extension, where a look has shown them
    looked_at: bool = True  # what is known of it in the archive was seen there, and is not only what this run has put
    sent_roi: bool = False
    sent_adc: bool = False
    watched: bool = False
    claimed: bool = False
    due: float | None = None  # when to go on, by the monotonic clock
    result: tuple[str, str] | None = None  # state and reason, once it is known

    @property
    def size(self) -> int:
        """Bytes of the whole bin."""
        return sum(self.local.sizes)


class Listener:
    """Is told what happens, in the calling thread. This one does nothing."""

    def begin(self, bins: int, size: int) -> None:
        """`bins` of together `size` bytes may be sent now."""

    def left_alone(self, local: Fileset, state: str, reason: str) -> None:
        """There is nothing to do about a bin, though it is not in the archive."""

    def bin_done(self, job: BinJob, state: str, reason: str) -> None:
        """A bin has its result."""

    def waiting(self, bins: int) -> None:
        """Nothing is being sent: so many bins wait for the archive's check, or to be seen standing still."""

    def end(self) -> None:
        """No bin is left."""


class Uploader:
    """Sends bins. One use each."""

    def __init__(
        self,
        tree: LocalTree,
        bucket: Bucket,
        prefix: str,
        policy: Policy,
        clock: Clock,
        pool: Executor,
        jobs: int,
        listener: Listener,
        cancelled: threading.Event,
        time_limit: float | None = None,
        claims: Claims = ALONE,
    ) -> None:
        """`prefix` is `<account>/<time series>/`; `jobs` bins are under way at once; no new bin is
        begun `time_limit` seconds from now; when `cancelled` is set the rest is left to a later run. A bin
        that another run has claimed is left to it."""
        self._tree = tree
        self._bucket = bucket
        self._prefix = prefix
        self._policy = policy
        self._clock = clock
        self._pool = pool
        self._jobs = jobs
        self._listener = listener
        self._cancelled = cancelled
        self._claims = claims
        self._began = clock.monotonic()
        self._had_company = False  # another run of the job was under way at some time since the listing
        self._last_start = None if time_limit is None else clock.monotonic() + time_limit
        self._ready: deque[Fileset] = deque()
        self._open_job: Callable[[Fileset], BinJob]
        self._waiting: list[tuple[float, int, BinJob]] = []
        self._order = itertools.count()
        self._running: dict[Future[None], BinJob] = {}
        self._failed_in_a_row = 0
        self._unreachable_in_a_row = 0
        self._ended_by: IfcbscanError | None = None

    def run(
        self, bins: Iterable[Fileset], open_job: Callable[[Fileset], BinJob], tally: Tally
    ) -> IfcbscanError | None:
        """Carry out what is decided on each of `bins`, in their order, and count every bin exactly once.

        `open_job` gives a bin its decision. It is called when the bin's turn has come: of a million bins that wait
        for a later run no more is kept than of those that are in the archive.

        Returns a failure of the bucket that ended the run early, or None; the bins that were not begun
        then are counted as `to_upload`, as they are when the time limit is over or somebody interrupts.
        """
        self._open_job = open_job
        self._ready.extend(bins)
        self._had_company = bool(self._ready) and self._claims.in_company()
        self._listener.begin(len(self._ready), sum(sum(local.sizes) for local in self._ready))
        while not self._cancelled.is_set() and (self._start() or self._running or self._waiting):
            self._take_results(tally)
        self._count_the_rest(tally)
        self._listener.end()
        return self._ended_by

    def _start(self) -> bool:
        """Give work to idle workers; True if there was any."""
        started = False
        while len(self._running) < self._jobs:
            job = self._next()
            if job is None:
                break
            self._running[self._pool.submit(self._advance, job)] = job
            started = True
        return started

    def _next(self) -> BinJob | None:
        # A bin whose waiting is over comes first: one small request makes it visible.
        if self._ended_by is None and self._waiting and self._waiting[0][0] <= self._clock.monotonic():
            return heapq.heappop(self._waiting)[2]
        time_is_up = self._last_start is not None and self._clock.monotonic() >= self._last_start
        if self._ended_by is None and self._ready and not time_is_up:
            if self._failed_in_a_row >= self._jobs:
                # What fails now will fail in the next run, too: some of the time goes to bins from anywhere else.
                self._failed_in_a_row = 0
                self._ready.rotate(-random.randrange(len(self._ready)))
            return self._open_job(self._ready.popleft())
        return None

    def _take_results(self, tally: Tally) -> None:
        until_due = self._waiting[0][0] - self._clock.monotonic() if self._waiting else None
        if not self._running:
            if self._ended_by is not None:
                self._waiting_is_over(tally)
            elif until_due is not None and until_due > 0:
                self._listener.waiting(len(self._waiting))
                self._clock.sleep(min(until_due, _WAITING_TOLD_EVERY), self._cancelled)
            return
        timeout = _ATTENTION
        # While all workers are busy nothing can be begun, so there is nothing to be early for.
        if until_due is not None and len(self._running) < self._jobs and self._ended_by is None:
            timeout = min(max(until_due, 0.0), _ATTENTION)
        for future in wait(self._running, timeout, FIRST_COMPLETED).done:
            job = self._running.pop(future)
            try:
                future.result()
            except (BucketRefused, BucketUnreachable) as error:
                self._note_trouble(job, error)
            except Interrupted:
                job.result = _left(job)
            else:
                self._unreachable_in_a_row = 0
            if job.result is None:
                assert job.due is not None
                heapq.heappush(self._waiting, (job.due, next(self._order), job))
            else:
                self._failed_in_a_row = self._failed_in_a_row + 1 if job.result[0] == FAILED else 0
                self._finish(job, tally)

    def _note_trouble(self, job: BinJob, error: IfcbscanError) -> None:
        """A failing bucket ends the run; a request that failed once, or some bins that fail each time, do not."""
        job.result = (FAILED, str(error))
        if isinstance(error, BucketUnreachable):
            self._unreachable_in_a_row += 1
            if self._unreachable_in_a_row < _MOST_IN_A_ROW and not self._is_away():
                return
        self._ended_by = self._ended_by or error

    def _is_away(self) -> bool:
        """Whether the bucket itself cannot be reached: asked with a small question once all workers have failed.

        Something between may cut off certain files only (a virus scanner does); then the question passes.
        """
        if self._ended_by is not None or self._unreachable_in_a_row % self._jobs:
            return False
        try:
            self._bucket.is_empty(self._prefix)
        except (BucketRefused, BucketUnreachable):
            return True
        except Interrupted:
            pass  # the flag is set, and the loop ends by it
        return False

    def _waiting_is_over(self, tally: Tally) -> None:
        while self._waiting:
            job = heapq.heappop(self._waiting)[2]
            job.result = _left(job)
            self._finish(job, tally)

    def _count_the_rest(self, tally: Tally) -> None:
        self._waiting_is_over(tally)
        for job in self._running.values():
            job.result = job.result or _left(job)
            self._finish(job, tally)
        while self._ready:
            job = self._open_job(self._ready.popleft())
            job.result = _left(job)
            self._finish(job, tally)

    def _finish(self, job: BinJob, tally: Tally) -> None:
        assert job.result is not None
        if job.claimed:
            self._claims.release(job.local.pid)
        state, reason = job.result
        tally.count(job.local.pid, state, reason)
        tally.files_uploaded += job.files_sent
        tally.bytes_uploaded += job.bytes_sent
        self._listener.bin_done(job, state, reason)

    # From here on: in a worker's thread, one bin only.

    def _advance(self, job: BinJob) -> None:
        """Take a bin as far as it goes now: to its result, or to a moment for which it has to wait."""
        try:
            while job.result is None:
                if job.decision.action is Action.PUT:
                    self._send(job)
                elif job.decision.action is Action.NONE:
                    self._end(job)
                elif self._must_wait(job):
                    return
        except FileChanged as error:
            job.result = (State.SETTLING.value, f"changed while it was handled ({error})")
        except Overtaken:
            job.result = (FAILED, _OVERTAKEN)
        except (LocalFileProblem, PutRefused) as error:
            job.result = (FAILED, str(error))
        except IfcbscanError:
            raise
        except OSError as error:  # whatever call it was: a disk or a network drive went away
            job.result = (FAILED, f"a file in {job.local.folder} cannot be read: {error.strerror or error}")
        except Exception as error:  # one odd answer or file must not keep the other bins from being sent
            job.result = (
                FAILED,
                f"unexpected error: {type(error).__name__}: {error}; please report this line",
            )

    def _end(self, job: BinJob) -> None:
        """No action is left: what the bin is now is its result."""
        if job.decision.state is State.SYNCED and (job.sent_adc or (job.files_sent and job.repairs)):
            job.result = (UPLOADED, "")
        else:
            job.result = (job.decision.state.value, job.decision.reason)

    def _must_wait(self, job: BinJob) -> bool:
        """For CONFIRM and WATCH: True if it is too early; else decides anew."""
        now = self._clock.monotonic()
        if job.due is None:
            job.due = now + job.decision.wait
        if now < job.due:
            return True
        job.due = None
        if job.decision.action is Action.WATCH:
            for fileset in (job.local, *job.copies):
                self._check_unchanged(fileset)
            job.watched = True
        self._decide(job)
        return False

    def _send(self, job: BinJob) -> None:
        """Put the files that the decision names, in its order."""
        extensions = job.decision.send
        if not job.claimed:
            if not self._claims.take(job.local.pid):
                job.result = (TO_UPLOAD, _ELSEWHERE)
                return
            job.claimed = True
            if self._may_have_changed(job):
                self._look(job)
                self._decide(job)
                return
        if "roi" in extensions and job.sent_roi:
            # Somebody else writes the same bin. Once is enough for one run.
            job.result = (FAILED, _OVERTAKEN)
            return
        self._check_unchanged(job.local)
        # Once is enough for the same files, and a sixth of the CPU time of an upload.
        finding = None if job.sent_roi else self._examine(job.local)
        if finding is not None:
            self._decide(job, finding)
            return
        if "adc" in extensions:
            # What is known of them may be minutes old, and a size is no content: the .adc must not appear beside
            # other files than its own, nor be put where another run has put it meanwhile.
            self._look(job)
            self._decide(job)
            if job.decision.send != extensions:
                return
        for extension in extensions:
            self._put(job, extension)
        job.sent_roi = job.sent_roi or "roi" in extensions
        self._decide(job)

    def _may_have_changed(self, job: BinJob) -> bool:
        """Whether another run on this computer may have sent the bin since this run has listed the bucket."""
        self._had_company = self._had_company or self._claims.in_company()
        if self._had_company:
            return True
        age = self._bucket.server_clock.now() - job.local.pid.sample_time
        return age < _MAY_BE_SENT_ELSEWHERE and self._clock.monotonic() - self._began > _STALE

    def _put(self, job: BinJob, extension: str) -> None:
        size = job.local.size(extension)
        key = job.local.pid.key(self._prefix, extension)
        with self._tree.open(job.local, extension) as file:
            if os.fstat(file.fileno()).st_size != size:
                raise FileChanged(f".{extension} has another size now")
            known = job.remote.size(extension)
            put = self._bucket.put(
                key,
                file,
                size,
                Expected(_expected_size(known, size), job.etags.pop(extension, "")),
                # The bytes are known now; they go only if they and the other files are still those of the walk.
                before_sending=lambda: self._check_unchanged(job.local),
            )
        job.files_sent += 1
        job.bytes_sent += size
        job.sent_adc = job.sent_adc or extension == "adc"
        job.looked_at = job.looked_at and extension == "adc"  # the archive checks the others after they have come
        job.remote = job.remote.after_put(extension, size, put)
        log.debug("put %s (%d bytes)", key, size)
        self._check_unchanged(job.local)

    def _look(self, job: BinJob) -> None:
        """Take in what is there of a bin now, by size and, where the bucket knows it, by content."""
        other: list[str] = []
        for extension in ("roi", "hdr", "adc"):
            known = job.remote.size(extension)
            head = self._bucket.head(job.local.pid.key(self._prefix, extension))
            size, put = (head.size, head.modified) if head else (MISSING, "")
            job.remote = job.remote.after_look(extension, size, put)
            job.etags[extension] = head.etag if head else ""
            if head is not None and self._has_other_content(job.local, extension, head, known):
                other.append(extension)
        job.remote = job.remote.with_other_content(other)
        job.looked_at = True

    def _has_other_content(self, local: Fileset, extension: str, head: ObjectHead, known: int) -> bool:
        """Whether an object of the right size is another file than the local one; `known` is what was thought before."""
        if head.size != local.size(extension):
            return False
        if head.md5 is None:
            return known == OTHER_CONTENT  # a look cannot tell
        return head.md5 != self._md5(local, extension)

    def _md5(self, local: Fileset, extension: str) -> str:
        """MD5 (hex) of a file as it is now. Raises FileChanged, LocalFileProblem, Interrupted."""
        digest = hashlib.md5()
        size = 0
        with self._tree.open(local, extension) as file:
            for block in iter(lambda: file.read(_BLOCK), b""):
                if self._cancelled.is_set():
                    raise Interrupted(130)
                digest.update(block)
                size += len(block)
        if size != local.size(extension):
            raise FileChanged(f".{extension} has another size now")
        return digest.hexdigest()

    def _check_unchanged(self, fileset: Fileset) -> None:
        differing = self._tree.refresh(fileset).differing(fileset)
        if differing:
            raise FileChanged("{} changed".format(", ".join("." + ext for ext in differing)))

    def _examine(self, local: Fileset) -> adc.Finding | None:
        return examine_fileset(self._tree, local) if self._policy.check_integrity else None

    def _decide(self, job: BinJob, finding: adc.Finding | None = None) -> None:
        local_time = self._clock.wall()
        if job.watched:  # all copies have stood still for long enough, whatever their times say
            changed = max(max(fileset.times) for fileset in (job.local, *job.copies))
            local_time = max(local_time, changed + self._policy.settle + 1.0)  # 1: sums of floats fall short
        now = Now(self._bucket.server_clock.now(), local_time)
        job.decision = decide(job.local, job.remote, now, self._policy, job.copies, finding, job.looked_at)


def _left(job: BinJob) -> tuple[str, str]:
    """The result of a bin that this run does not finish."""
    if job.decision.action is Action.PUT:
        return TO_UPLOAD, "left to a later run"
    return job.decision.state.value, job.decision.reason


def examine_fileset(tree: LocalTree, local: Fileset) -> adc.Finding | None:
    """What `adc.examine` says of a fileset on the disk. Raises LocalFileProblem."""
    with tree.open(local, "adc") as file:
        try:
            rows = iter(lambda: file.readline(adc.LONGEST_ROW + 1), b"")
            return adc.examine(rows, local.roi, local.pid.old_style)
        except OSError as error:
            raise LocalFileProblem(f".adc in {local.folder} cannot be read: {error.strerror}") from None


def _expected_size(known: int, size: int) -> int | None:
    """Bytes of what a put of `size` bytes replaces, None for nothing; `known` may be one of the codes of `bins`."""
    if known == OTHER_CONTENT:
        return size
    return None if known == MISSING else known
