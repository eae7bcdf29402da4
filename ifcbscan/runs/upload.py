"""The scheduler of bins: sends several at a time, newest first, and counts each of them exactly once.

In a run with a time limit one worker takes its bins from anywhere, so that no bin is left out in every run; with a budget of
bytes none does, as the newest bins are to have it. (A run without a time limit, as the hourly one, comes to all of them.)

What is done with one bin is in one_bin.py. While one bin waits for the archive's check, others are sent. Decides
nothing but when the run ends. Everything that is counted is counted in the calling thread.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Callable, NamedTuple

from ifcbscan.core.bins import Fileset
from ifcbscan.core.decision import Policy
from ifcbscan.core.scan_report import Result, Tally
from ifcbscan.core.states import BinState
from ifcbscan.errors import BucketRefused, BucketUnreachable, IfcbscanError, Interrupted
from ifcbscan.runs.backends import Backends
from ifcbscan.runs.bin_job import BinJob
from ifcbscan.runs.daily_budget import NO_BUDGET, Budget
from ifcbscan.runs.glance import glances
from ifcbscan.runs.listener import Listener
from ifcbscan.runs.one_bin import BinSteps, result_if_left
from ifcbscan.runs.turns import Turns

#: How long nothing but waiting may go on without telling the listener again. Seconds.
_WAITING_TOLD_EVERY = 20.0

#: Bins that are due are taken up together, at most so often: one look serves all of them. Seconds.
_TOGETHER_EVERY = 1.0

#: How long the calling thread waits at a time, so that signals get through on every system. Seconds.
_ATTENTION = 0.5

#: Uploads that fail for want of an answer, one after the other, after which the run ends though the bucket can be asked.
_MOST_IN_A_ROW = 20

#: With a budget its order is kept while bins fail, until so much of what would end the run is used up by failures in a row.
_ORDER_IS_KEPT = 0.25

#: Files in a row that another computer had stored before this one, after which the bucket is listed again.
_MOST_IN_VAIN = 3


class UploadOptions(NamedTuple):
    """How bins are sent.

    `prefix` is `<account>/<time series>/`; `jobs` bins are under way at once; no new bin is begun `time_limit`
    seconds after the uploader was made.
    """

    prefix: str
    policy: Policy
    jobs: int
    time_limit: float | None = None


class Uploader:
    """Sends bins. One use each."""

    def __init__(
        self, options: UploadOptions, backends: Backends, listener: Listener, budget: Budget = NO_BUDGET
    ) -> None:
        """When `backends.stop` is requested the rest is left to a later run. A bin that another run has locked is
        left to it."""
        self._bucket = backends.bucket
        self._prefix = options.prefix
        self._clock = backends.clock
        self._pool = backends.pool
        self._jobs = options.jobs
        self._listener = listener
        self._budget = budget
        self._cancelled = backends.stop.requested
        self._bin_locks = backends.bin_locks
        self._steps = BinSteps(options.prefix, options.policy, backends)
        self._time_limit = options.time_limit
        self._latest_success = began = self._clock.monotonic()
        self._last_start = None if options.time_limit is None else began + options.time_limit
        self._turns = Turns(())
        self._open_job: Callable[[Fileset], BinJob]
        self._list_again: Callable[[], None]
        self._waiting: list[tuple[float, int, BinJob]] = []
        self._due: deque[BinJob] = deque()
        self._taken_up_next = 0.0  # not before this moment, by the monotonic clock
        self._order = itertools.count()
        self._running: dict[Future[None], BinJob] = {}
        # In a run that may end before its queue does, one bin at a time comes from anywhere in it.
        self._takes_from_anywhere = (
            options.time_limit is not None and options.jobs > 1 and not budget.is_limited
        )
        self._from_anywhere: BinJob | None = None
        self._failed_in_a_row = 0
        self._unreachable_in_a_row = 0
        self._ended_by: IfcbscanError | None = None

    def run(
        self,
        turns: Turns,
        open_job: Callable[[Fileset], BinJob],
        list_again: Callable[[], None],
        tally: Tally,
    ) -> IfcbscanError | None:
        """Carry out what is decided on each bin, in turn, and count every bin exactly once.

        `open_job` gives a bin its decision. It is called when the bin's turn has come: of a million bins that wait
        for a later run no more is kept than of those that are in the archive.

        `list_again` lists the bucket anew, for the jobs that are opened from then on: called where another computer is
        found to send the same bins. It may raise BucketRefused, BucketUnreachable, Interrupted.

        Returns a failure of the bucket that ended the run early, or None; the bins that were not begun
        then are counted as `to_upload`, as they are when the time limit is over or somebody interrupts.
        """
        self._open_job = open_job
        self._list_again = list_again
        self._turns = turns
        self._steps.look_for_company()
        self._listener.begin(len(turns), sum(sum(local.sizes) for local in turns))
        while not self._cancelled.is_set() and (self._start() or self._running or self._due or self._waiting):
            self._take_results(tally)
        self._listener.end()  # what is counted now was not sent
        self._count_the_rest(tally)
        return self._ended_by

    def _start(self) -> bool:
        """Give work to idle workers; True if there was any."""
        started = False
        while len(self._running) < self._jobs:
            job = self._next()
            if job is None:
                break
            self._running[self._pool.submit(self._steps.advance, job)] = job
            started = True
        return started

    def _next(self) -> BinJob | None:
        # A bin whose waiting is over comes first: one small request makes it visible.
        if self._ended_by is None:
            if not self._due:
                self._take_up_what_is_due()
            if self._due:
                return self._due.popleft()
        time_is_up = self._last_start is not None and self._clock.monotonic() >= self._last_start
        if self._ended_by is None and self._turns and not time_is_up:
            if self._steps.in_vain >= _MOST_IN_VAIN and not self._get_out_of_the_way():
                return None
            if self._failed_in_a_row >= self._jobs:
                # What fails now will fail in the next run, too: some of the time goes to bins from anywhere else.
                self._failed_in_a_row = 0
                if not self._budget.is_limited or self._failures_take_up_the_run():
                    self._turns.leave_what_fails()
            return self._begun()
        return None

    def _failures_take_up_the_run(self) -> bool:
        """Whether it will have ended by failures, or by its time limit, before others have their turn."""
        if self._unreachable_in_a_row >= _MOST_IN_A_ROW * _ORDER_IS_KEPT:
            return True
        taken = self._clock.monotonic() - self._latest_success
        return self._time_limit is not None and taken >= self._time_limit * _ORDER_IS_KEPT

    def _begun(self) -> BinJob | None:
        """A new bin, if one may be begun."""
        if self._takes_from_anywhere and self._from_anywhere is None and self._running:
            # Should the newest bins hold their workers up for all of the time of each run, every other bin is still tried
            # in one run or another.
            self._from_anywhere = self._open_job(self._turns.take_any())
            return self._from_anywhere
        try:
            local = self._turns.take()
        except Interrupted:
            return None  # the flag is set by which the loop ends
        except (BucketRefused, BucketUnreachable) as error:
            self._ended_by = error
            return None
        if local is None:
            return None
        job = self._open_job(local)
        self._budget.begin(job)
        return job

    def _take_up_what_is_due(self) -> None:
        """All bins whose waiting is over, with one look at them."""
        now = self._clock.monotonic()
        if not self._waiting or now < self._may_take_up():
            return
        while self._waiting and self._waiting[0][0] <= now:
            self._due.append(heapq.heappop(self._waiting)[2])
        self._taken_up_next = now + _TOGETHER_EVERY
        looks = glances(self._bucket, self._clock, self._prefix, [job.local.pid for job in self._due])
        for job in self._due:
            job.glance = looks.get(job.local.pid)
            job.taken_up = True

    def _may_take_up(self) -> float:
        """From when on (monotonic clock) the bins that are due then are taken up.

        While others are sent that is now and then. Where there is nothing else to do it is once the bins that follow at
        short intervals are due as well, because they have been sent at such.
        """
        first = self._waiting[0][0]
        if self._turns or self._running:
            return max(first, self._taken_up_next)
        return max(due for due, _, _ in self._waiting if due <= first + _TOGETHER_EVERY)

    def _get_out_of_the_way(self) -> bool:
        """Another computer sends the same bins: see what it has sent, and go on somewhere else; False if the run ends.

        From the same place on both would go side by side, and each file would cross the network twice.
        """
        self._steps.in_vain = 0
        try:
            self._list_again()
        except (BucketUnreachable, Interrupted):
            pass  # the next upload tells; and the flag is set by which the loop ends
        except BucketRefused as error:
            self._ended_by = error
        self._turns.go_on_elsewhere()
        return self._ended_by is None and not self._cancelled.is_set()

    def _take_results(self, tally: Tally) -> None:
        if not self._running:
            self._wait_for_the_next(tally)
            return
        timeout = _ATTENTION
        # While all workers are busy nothing can be begun, so there is nothing to be early for.
        if self._waiting and len(self._running) < self._jobs and self._ended_by is None:
            timeout = min(self._until_due(), _ATTENTION)
        done = wait(self._running, timeout, FIRST_COMPLETED).done
        for future in [
            future for future in self._running if future in done
        ]:  # in the order of their beginnings
            job = self._running.pop(future)
            if job is self._from_anywhere:
                self._from_anywhere = None
            try:
                future.result()
            except (BucketRefused, BucketUnreachable) as error:
                self._note_trouble(job, error)
            except Interrupted:
                job.result = result_if_left(job)
            else:
                if job.answered:  # of a bin that is held nothing was asked
                    self._unreachable_in_a_row = 0
            if job.result is None:
                assert job.due is not None
                heapq.heappush(self._waiting, (job.due, next(self._order), job))
            else:
                if job.result.state is BinState.FAILED:
                    self._failed_in_a_row += 1
                else:
                    self._failed_in_a_row = 0
                    self._latest_success = self._clock.monotonic()
                self._finish(job, tally)

    def _wait_for_the_next(self, tally: Tally) -> None:
        """Nothing is under way, so some bins are waiting: wait for the first of them, or end their waiting."""
        if self._ended_by is not None:
            self._waiting_is_over(tally)
            return
        self._listener.waiting(len(self._waiting))
        self._clock.sleep(min(self._until_due(), _WAITING_TOLD_EVERY), self._cancelled)

    def _until_due(self) -> float:
        """Seconds until the first waiting bin can go on; 0 if it can."""
        return max(self._may_take_up() - self._clock.monotonic(), 0.0)

    def _note_trouble(self, job: BinJob, error: IfcbscanError) -> None:
        """A failing bucket ends the run; a request that failed once, or some bins that fail each time, do not."""
        job.result = Result(BinState.FAILED, str(error))
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
        while self._due or self._waiting:
            job = self._due.popleft() if self._due else heapq.heappop(self._waiting)[2]
            job.result = result_if_left(job)
            self._finish(job, tally)

    def _count_the_rest(self, tally: Tally) -> None:
        self._waiting_is_over(tally)
        for job in self._running.values():
            job.result = job.result or result_if_left(job)
            self._finish(job, tally)
        for local in self._turns:
            job = self._open_job(local)
            job.result = result_if_left(job)
            self._finish(job, tally)

    def _finish(self, job: BinJob, tally: Tally) -> None:
        assert job.result is not None
        if job.locked:
            self._bin_locks.release(job.local.pid)
        self._budget.end(job)
        state, reason = job.result
        tally.count(job.local.pid, state, reason)
        if state is BinState.SYNCED:
            tally.sent_elsewhere.append(job.local.pid)
        tally.files_uploaded += job.files_sent
        tally.bytes_uploaded += job.bytes_sent
        self._listener.bin_done(job, state, reason)
