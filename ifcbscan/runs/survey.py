"""The verdict on every bin, here and in the archive, without acting: what `ifcbscan report` is made of.

Walks, lists and decides with the same parts as a scan (scan.py), so that a report says what the next
scan will do. Sends nothing.
"""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Callable, Iterator

from ifcbscan.clock import Clock
from ifcbscan.core.archive_report import SurveyedBin
from ifcbscan.core.bins import (
    NOTHING_REMOTE,
    Fileset,
    Pid,
    RemoteFileset,
    parse_pid,
)
from ifcbscan.core.decision import Action, Now, decide, decide_absent, decide_fragment
from ifcbscan.core.remote_index import ListedObject, index_objects
from ifcbscan.core.scan_report import Result
from ifcbscan.core.series import Series
from ifcbscan.core.silence import is_expected, of_empty_folder, of_no_new_bin
from ifcbscan.core.states import BinState
from ifcbscan.core.window import Window
from ifcbscan.disk.tree import Inventory, LocalTree
from ifcbscan.runs.examination import predicted_refusal
from ifcbscan.runs.listing import list_ranges, ranges_to_list
from ifcbscan.runs.one_bin import BinJob, result_if_sent, result_of
from ifcbscan.runs.scan_options import ScanOptions
from ifcbscan.s3.bucket import Bucket

#: Reading the .adc of ten years of bins takes hours. Where so many wait, it is a first upload, and the
#: scans examine each of them anyway.
EXAMINED_AT_MOST = 5000

#: A bin that is dated later than so many seconds from now tells of a wrong clock.
_FUTURE = 86400


@dataclass(frozen=True)
class Survey:
    """Every bin with its verdict; `now` is the bucket's time (seconds since 1970, UTC).

    `newest` is the newest complete fileset on this disk that can hold an image. `outside`: bins on this disk that are
    outside the window; they are not among `bins`, nor are those that only the archive has. `refusal` looks into the files
    of a bin, if it is here, and tells why the dashboard will refuse it; "" if nothing is known.
    `here`: bins of whatever kind that the walk met, also outside the window; `archived`: where there are none, those of which
    the archive has something. `last_complete`: when the newest complete bin of this disk was sampled, also one
    without images.
    """

    bins: tuple[SurveyedBin, ...]
    newest: Fileset | None
    excluded: int
    outside: int
    unreadable: int
    warnings: tuple[str, ...]
    now: float
    refusal: Callable[[Pid], str] = lambda pid: ""
    here: int = 0
    archived: int = 0
    last_complete: int | None = None

    def silence(self, directory: str, window: Window, expect_every: float | None) -> str:
        """Why no new bin can come of the folder, "" if there is no reason to think so (see core/silence.py).

        `expect_every`: a new bin is expected every so many seconds, None if nobody has said so.
        """
        empty = "" if self.here else of_empty_folder(directory, self.archived)
        if empty or expect_every is None or not is_expected(window, self.now):
            return empty
        return of_no_new_bin(self.last_complete, self.now, expect_every)


def survey(options: ScanOptions, tree: LocalTree, bucket: Bucket, clock: Clock, pool: Executor) -> Survey:
    """Look at everything once. Raises UsageError, BucketRefused, BucketUnreachable, Interrupted."""
    inventory = tree.walk()
    remote = _list_all(Series(options.account, options.time_series).prefix, inventory, bucket, pool)
    now = Now(bucket.server_clock.now(), clock.wall())
    warnings = list(inventory.warnings)
    bins: list[SurveyedBin] = [
        _bin(fragment, result_of(decide_fragment(fragment, inventory.filesets[fragment.pid], now)))
        for fragment in inventory.fragments
    ]
    to_send: list[BinJob] = []
    for pid, local in inventory.filesets.items():
        copies = inventory.copies.get(pid, ())
        there = remote.get(pid, NOTHING_REMOTE)
        decision = decide(local, there, now, options.policy, copies)
        if decision.action is Action.PUT:
            to_send.append(BinJob(local, there, copies, decision))
        else:
            bins.append(_bin(local, result_of(decision)))
    to_send.sort(key=lambda job: job.local.pid.sample_time, reverse=True)
    for job in to_send[:EXAMINED_AT_MOST]:
        bins.append(_bin(job.local, result_if_sent(job, tree, now, options.policy)))
    for job in to_send[EXAMINED_AT_MOST:]:
        bins.append(_bin(job.local, result_of(job.decision)))
    if options.policy.check_integrity and len(to_send) > EXAMINED_AT_MOST:
        warnings.append(
            f"{len(to_send):,} bins wait to be sent; only the newest {EXAMINED_AT_MOST:,} of them were "
            "examined for damage"
        )
    archive_only = _archive_only(inventory, remote)
    bins.extend(item for item in archive_only if options.window.holds(item.pid))

    def refusal(pid: Pid) -> str:
        local = inventory.filesets.get(pid)
        return "" if local is None or not local.complete else predicted_refusal(tree, local)

    here = len(inventory.filesets) + inventory.excluded + inventory.outside
    return Survey(
        bins=tuple(bins),
        newest=_newest(inventory, now.server),
        excluded=inventory.excluded,
        outside=inventory.outside,
        unreadable=inventory.unreadable,
        warnings=tuple(warnings),
        now=now.server,
        refusal=refusal,
        here=here,
        archived=0 if here else sum(parse_pid(name) is not None for name in remote),
        last_complete=_last_complete(inventory, now.server),
    )


class _Everything:
    """As `wanted` of index_objects: also the bins that are not on this disk."""

    def __contains__(self, _name: object) -> bool:
        return True


def _list_all(prefix: str, inventory: Inventory, bucket: Bucket, pool: Executor) -> dict[str, RemoteFileset]:
    def read(objects: Iterator[ListedObject]) -> dict[str, RemoteFileset]:
        return index_objects(objects, prefix, _Everything())

    ranges = ranges_to_list(inventory.filesets, prefix, recent=False)
    remote: dict[str, RemoteFileset] = {}
    for part in list_ranges(bucket, prefix, ranges, read, pool):
        remote.update(part)
    return remote


def _bin(local: Fileset, result: Result) -> SurveyedBin:
    return SurveyedBin(local.pid, result.state, result.reason, sum(size for size in local.sizes if size > 0))


def _archive_only(inventory: Inventory, remote: dict[str, RemoteFileset]) -> Iterator[SurveyedBin]:
    """Bins that the archive has and this disk has not (any more)."""
    for name, there in remote.items():
        pid = parse_pid(name)
        if pid is None or pid in inventory.filesets:
            continue
        size = sum(member for member in there.sizes if member > 0)
        decision = decide_absent(there)
        result = Result(BinState.ARCHIVED) if decision is None else result_of(decision)
        yield SurveyedBin(pid, result.state, result.reason, size)


def _last_complete(inventory: Inventory, now: float) -> int | None:
    moments = (local.pid.sample_time for local in inventory.filesets.values() if local.complete)
    return max((moment for moment in moments if moment < now + _FUTURE), default=None)


def _newest(inventory: Inventory, now: float) -> Fileset | None:
    # Not one from the future, which tells of a wrong clock (see core/archive_report.py), nor one without images.
    candidates = (
        local
        for local in inventory.filesets.values()
        if local.complete and local.roi > 2 and local.pid.sample_time < now + _FUTURE
    )
    return max(candidates, key=lambda local: (local.pid.sample_time, local.pid), default=None)
