"""The list of the files that may be deleted: of bins that are proven, old enough, and the same at this moment.

Hours can lie between the comparison and the list, so everything is looked at again just before: first the
bucket is listed once more, then the files of each bin are looked at, each directly before its paths are
written. What is left is the time from that listing to the end of the list (seconds to minutes): an object
that the archive deletes in it is not noticed, which is why no young bin is listed.
The dashboard is not asked again: whether people see a bin changes nothing about the archive's copy, and that
copy is what makes the local one superfluous.
"""

from __future__ import annotations

import math
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Sequence

from ifcbscan.core.bins import Fileset
from ifcbscan.core.scan_report import Problem
from ifcbscan.core.verify_report import CHANGED, DeletableReport
from ifcbscan.core.words import counted
from ifcbscan.disk.tree import Inventory, LocalTree
from ifcbscan.errors import BucketRefused, BucketUnreachable, LocalFileProblem
from ifcbscan.runs.archived import ArchivedBin, ArchiveListing, list_again
from ifcbscan.runs.path_list import PathList
from ifcbscan.s3.bucket import Bucket


@dataclass(frozen=True)
class DeletableRule:
    """`after`: a bin is old enough once its youngest object was put so many seconds ago, by the server's clock."""

    prefix: str
    after: float


class DeletableLister:
    """Writes the list. One use each."""

    def __init__(self, rule: DeletableRule, tree: LocalTree, bucket: Bucket) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[str] = []
        self._rule = rule
        self._tree = tree
        self._bucket = bucket
        self._now = -math.inf
        self._files = 0
        self._bins = 0
        self._undated = 0
        self._too_young = 0
        # When the first and the last of those are old enough; seconds since 1970, UTC.
        self._first_at = math.inf
        self._all_at = -math.inf

    def write(
        self, inventory: Inventory, listing: ArchiveListing, paths: PathList, pool: Executor
    ) -> DeletableReport:
        """List what may be deleted of the proven bins of `listing`. If the bucket cannot be listed, there is no list."""
        try:
            changed = list_again(self._rule.prefix, listing, inventory.filesets, self._bucket, pool)
        except (BucketRefused, BucketUnreachable) as error:
            self.warnings.append(
                f"{error} So nobody knows whether the archive still has what was proven, and no list of deletable "
                "files was written; what was there before is unchanged"
            )
            return DeletableReport(after=self._rule.after, written=False)
        # As early as this: a bin can only be older when its paths are written.
        self._now = self._server_time()
        for pid, local in inventory.filesets.items():
            record = listing.archived.get(pid)
            if record is None or not record.proven:
                continue
            if not record.unchanged:
                self._left_out(local, changed.get(pid, ""))
            elif self._is_old_enough(record):
                self._list((local, *inventory.copies.get(pid, ())), paths)
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
            first_at=self._first_at if self._too_young else None,
            all_at=self._all_at if self._too_young else None,
        )

    def _server_time(self) -> float:
        if self._bucket.server_clock.known:
            return self._bucket.server_clock.now()
        self.warnings.append(
            "the server does not tell the time, so no bin is known to be old enough to be deleted"
        )
        return -math.inf

    def _is_old_enough(self, record: ArchivedBin) -> bool:
        deletable_from = record.put + self._rule.after
        if deletable_from <= self._now:
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

    def _left_out(self, fileset: Fileset, reason: str) -> None:
        self.problems.append(Problem(fileset.pid, CHANGED, reason))
