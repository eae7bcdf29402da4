"""The list of the files that may be deleted: of bins that are proven, old enough, and the same at this moment.

Hours can lie between the comparison and the list, so everything is looked at again: the bucket is listed once
more, and as soon as a page of it has come, the files of each of its bins are looked at and their paths written. What
is left is the age of that page (a minute at most): an object that the archive deletes in that time is not noticed,
which is why no young bin is listed.
The dashboard is not asked again: whether people see a bin changes nothing about the archive's copy, and that
copy is what makes the local one superfluous.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Sequence

from ifcbscan.clock import Clock
from ifcbscan.core.bins import Fileset
from ifcbscan.core.scan_report import Problem
from ifcbscan.core.verify_report import DeletableReport, Flaw
from ifcbscan.core.words import counted, human_duration, without_nothing_sent
from ifcbscan.disk.tree import Inventory, LocalTree
from ifcbscan.errors import BucketRefused, BucketUnreachable, LocalFileProblem
from ifcbscan.runs.archived import ArchivedBin, ArchiveListing, list_again
from ifcbscan.runs.path_list import PathList
from ifcbscan.s3.bucket import Bucket

#: Two clocks that differ by more (seconds) are told of.
_CLOCKS_DIFFER = 3600.0


@dataclass(frozen=True)
class DeletableRule:
    """`after`: a bin is old enough once its youngest object was put so many seconds ago, by the server's clock."""

    prefix: str
    after: float


class DeletableLister:
    """Writes the list. One use each."""

    def __init__(self, rule: DeletableRule, tree: LocalTree, bucket: Bucket, clock: Clock) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[str] = []
        self._rule = rule
        self._tree = tree
        self._bucket = bucket
        self._clock = clock
        self._unlistable = 0
        self._files = 0
        self._bins = 0
        self._undated = 0
        self._too_young = 0
        # When the first and the last of those are old enough; seconds since 1970, UTC.
        self._first_at = math.inf
        self._all_at = -math.inf

    def write(self, inventory: Inventory, listing: ArchiveListing, paths: PathList) -> DeletableReport:
        """List what may be deleted of the proven bins of `listing`. If the bucket cannot be listed, there is no list."""
        again = list_again(self._rule.prefix, listing, inventory.filesets, self._bucket, self._clock)
        try:
            for pid, change in again:
                local = inventory.filesets[pid]
                if change:
                    self._left_out(local, change)
                elif self._is_old_enough(listing.archived[pid]):
                    self._list((local, *inventory.copies.get(pid, ())), paths)
        except (BucketRefused, BucketUnreachable) as error:
            self.warnings.append(
                f"{without_nothing_sent(str(error))} So nobody knows whether the archive still has what was proven, and no list of deletable "
                "files was written; what was there before is unchanged"
            )
            return DeletableReport(after=self._rule.after, written=False)
        self._warn_of_clocks()
        if self._undated:
            self.warnings.append(
                f"the archive's listing has no date that can be read for {counted(self._undated, 'bin')}: never listed as "
                "deletable"
            )
        written = paths.finish() is not None
        return DeletableReport(
            after=self._rule.after,
            written=written,
            files=self._files if written else 0,
            bins=self._bins if written else 0,
            too_young=self._too_young + self._undated,
            changed=len(self.problems),
            unlistable=self._unlistable,
            first_at=self._first_at if self._too_young else None,
            all_at=self._all_at if self._too_young else None,
        )

    def _now(self) -> float:
        """The earlier of the bucket's time and this computer's: one wrong date must not make a bin look old."""
        clock = self._bucket.server_clock
        return min(clock.now(), self._clock.wall()) if clock.known else -math.inf

    def _warn_of_clocks(self) -> None:
        clock = self._bucket.server_clock
        if not clock.known:
            if self._too_young or self._undated:
                self.warnings.append(
                    "the server does not tell the time, so no bin is known to be old enough to be deleted"
                )
            return
        self.warnings.extend(clock.warnings)
        behind = clock.now() - self._clock.wall()
        if behind > _CLOCKS_DIFFER:
            self.warnings.append(
                f"this computer's clock is {human_duration(behind)} behind the archive's; one of the two is wrong, so the "
                "earlier one counts for the age of a bin. Set this computer's clock, then verify again"
            )

    def _is_old_enough(self, record: ArchivedBin) -> bool:
        deletable_from = record.put + self._rule.after
        if deletable_from <= self._now():
            return True
        if deletable_from == math.inf:
            self._undated += 1
        else:
            self._too_young += 1
            self._first_at = min(self._first_at, deletable_from)
            self._all_at = max(self._all_at, deletable_from)
        return False

    def _list(self, copies: Sequence[Fileset], paths: PathList) -> None:
        for copy in copies:
            try:
                same = self._tree.refresh(copy) == copy
            except LocalFileProblem as error:
                self._left_out(copy, str(error))
                return
            if not same:
                self._left_out(copy, f"it changed in {copy.folder} after it was read")
                return
        listed = paths.add(copies)
        self._files += listed
        self._bins += listed > 0
        self._unlistable += not listed

    def _left_out(self, fileset: Fileset, reason: str) -> None:
        self.problems.append(Problem(fileset.pid, Flaw.CHANGED, reason))
