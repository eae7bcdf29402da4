"""`ifcbscan sync --content`: compare contents before the scan, so that it sends again what differs."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Mapping, Sequence

from ifcbscan.clock import Clock
from ifcbscan.core.bins import Pid
from ifcbscan.core.verify_report import VerifyState
from ifcbscan.core.words import counted
from ifcbscan.disk.tree import LocalTree
from ifcbscan.runs.scan_options import ScanOptions
from ifcbscan.runs.verify import VerifyBackends, VerifyListener, VerifyOptions, verify
from ifcbscan.s3.bucket import Bucket

_NAMED = 10  # bins named in a warning at most


@dataclass(frozen=True)
class Comparison:
    """Bins with the names of their files that differ; and what a person must know about them."""

    differs: Mapping[Pid, Sequence[str]]
    warnings: tuple[str, ...]


def compare(
    options: ScanOptions, tree: LocalTree, bucket: Bucket, clock: Clock, listener: VerifyListener
) -> Comparison:
    """Read every complete bin of which the archive has files of the right sizes. Raises as `verify` does."""
    jobs = os.cpu_count() or 2
    how = VerifyOptions(
        options.account, options.time_series, options.policy, max_age=options.max_age, jobs=jobs
    )
    with ThreadPoolExecutor(jobs) as pool:
        report = verify(how, VerifyBackends(tree, bucket, clock, pool), listener)
    differs = {different.pid: different.extensions for different in report.different}
    warnings = []
    if differs:
        names = ", ".join(list(differs)[:_NAMED]) + (", ..." if len(differs) > _NAMED else "")
        warnings.append(
            f"the archive has other content of the same size of {counted(len(differs), 'bin')} ({names}). Sending it "
            "again puts the archive right, but the dashboard does not download a changed file of the same size: ask the "
            "people who run it to fetch it anew"
        )
    unproven, in_conflict = report.bins[VerifyState.UNPROVEN], report.bins[VerifyState.CONFLICT]
    if unproven:
        warnings.append(
            f"the content of {counted(unproven, 'bin')} could not be compared, and is not sent again; "
            "'ifcbscan verify' says why"
        )
    if in_conflict:
        warnings.append(
            f"of {counted(in_conflict, 'bin')} two copies on this disk differ, so neither is sent again; "
            "'ifcbscan verify' names them"
        )
    return Comparison(differs, tuple(warnings))
