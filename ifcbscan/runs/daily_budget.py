"""The budget of a day within a run: what is spent, and when that has to be counted again. What fits is said in core/budget.py.

Used in one thread alone: that of the uploader, or of a dry run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Iterable

from ifcbscan.core.bins import Fileset
from ifcbscan.core.budget import Cost, PutOn, day_of, in_turn, may_begin, put_since, wait_words
from ifcbscan.core.states import BinState
from ifcbscan.runs.bin_job import BinJob

#: So long (seconds) a count is believed while bins are still begun: other runs of this computer may send as well.
_COUNT_HOLDS = 600.0


class Budget:
    """How much a run may send; this one has no limit."""

    is_limited = False

    def in_turn(self, bins: Iterable[Fileset]) -> Iterable[Iterable[Fileset]]:
        """The bins in groups, as Turns takes them."""
        return (bins,)

    def may_begin(self, local: Fileset) -> bool:
        """Whether this bin, the next of its group, may be begun now. Raises BucketRefused, BucketUnreachable, Interrupted."""
        return True

    def list_again(self, list_archive: Callable[[], None]) -> None:
        """Another computer sends the same bins: list the archive anew. Raises BucketRefused, BucketUnreachable, Interrupted."""
        list_archive()

    def begin(self, job: BinJob) -> None:
        """A bin is begun."""

    def end(self, job: BinJob) -> None:
        """A bin has its result, whether it was begun or left."""

    def words(self) -> str:
        """What is to be said of the bins that had to be left; "" if none had."""
        return ""


@dataclass
class _UnderWay:
    """A bin that was begun: the bytes that it takes in all, and how many of those it has sent the count has seen."""

    job: BinJob
    size: int
    seen: int = 0

    @property
    def not_seen(self) -> int:
        return max(self.size, self.job.bytes_sent) - self.seen


class DailyBudget(Budget):
    """A budget of so many bytes a day. One use each."""

    is_limited = True

    def __init__(
        self,
        limit: float,
        now: Callable[[], float],
        cost: Callable[[Fileset], Cost],
        listed: PutOn,
        count: Callable[[bool], PutOn],
    ) -> None:
        """`now` is the archive's time (seconds since 1970); `cost` that of a bin as the archive was last listed.

        `listed`: what the run has seen already, which may not be all: a bin that does not fit beside it costs no more requests.
        `count` asks the archive what was put, and on which day; given False it may go by the listing that the run has already.
        It may raise BucketRefused, BucketUnreachable, Interrupted.
        """
        self._limit = limit
        self._now = now
        self._cost = cost
        self._count = count
        self._put_on = listed
        self._counted_at = now()
        self._is_counted = False  # all of it
        self._sent = 0  # since the count, by bins that have ended
        self._under_way: dict[str, _UnderWay] = {}
        self._is_used_up = False
        self._waiting = self._oversize = 0

    def in_turn(self, bins: Iterable[Fileset]) -> Iterable[Iterable[Fileset]]:
        """As above. Counts, if any bin may have to be begun; raises what that raises."""
        groups = in_turn(bins, self._cost, self._limit)
        if any(group and self._fits(group[0]) for group in groups[1:]):
            self.count(anew=False)
        return groups

    def may_begin(self, local: Fileset) -> bool:
        """As above. A bin that was begun in an earlier run may always go on."""
        if self._cost(local).begun:
            return True
        now = self._now()
        is_known = self._is_counted and now - self._counted_at <= _COUNT_HOLDS
        # What does not fit will not fit on this day, so that nobody needs to count again for it.
        if day_of(now) != day_of(self._counted_at) or (self._fits(local) and not is_known):
            self.count()
        self._is_used_up = not self._fits(local)
        return not self._is_used_up

    def count(self, anew: bool = True) -> None:
        """Ask the archive. What bins under way have sent before that is in its answer.

        Not `anew`: nothing was sent since the run has listed the archive.
        """
        seen = {pid: one.job.bytes_sent for pid, one in self._under_way.items()}
        began = self._now()
        self._put_on = self._count(anew)
        self._counted_at, self._is_counted = began, True
        self._sent = 0
        for pid, one in self._under_way.items():
            one.seen = seen[pid]

    def list_again(self, list_archive: Callable[[], None]) -> None:
        self.count()  # which lists it

    def begin(self, job: BinJob) -> None:
        self._under_way[job.local.pid] = _UnderWay(job, self._cost(job.local).size)

    def end(self, job: BinJob) -> None:
        one = self._under_way.pop(job.local.pid, None)
        if one is not None:
            self._sent += job.bytes_sent - one.seen
        elif self._is_used_up and job.result is not None and job.result.state is BinState.TO_UPLOAD:
            cost = self._cost(job.local)
            self._waiting += not cost.begun
            self._oversize += not cost.begun and cost.size > self._limit

    def words(self) -> str:
        return wait_words(self._limit, self._waiting, self._oversize) if self._waiting else ""

    def _fits(self, local: Fileset) -> bool:
        cost = self._cost(local)
        return cost.begun or may_begin(cost.size, self._spent(), self._limit)

    def _spent(self) -> int:
        """Bytes, with all that bins under way have still to send."""
        own = self._sent + sum(one.not_seen for one in self._under_way.values())
        return put_since(self._put_on, self._now()) + own


#: Of a run without a budget.
NO_BUDGET = Budget()
