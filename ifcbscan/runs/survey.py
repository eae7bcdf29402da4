"""The verdict on every bin, here and in the archive, without acting: what `ifcbscan report` is made of.

Walks, lists and decides with the same parts as a scan (scan.py), so that a report says what the next
scan will do. Sends nothing.
"""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Callable, Iterator, Mapping

from ifcbscan.clock import Clock
from ifcbscan.core.archive_report import SurveyedBin
from ifcbscan.core.bins import NOTHING_REMOTE, Fileset, Pid, RemoteFileset
from ifcbscan.core.decision import Action, Known, Now, decide, decide_absent, decide_fragment
from ifcbscan.core.remote_index import ListedObject, index_objects
from ifcbscan.core.scan_report import Result
from ifcbscan.core.series import Series
from ifcbscan.core.silence import of_empty_folder
from ifcbscan.core.states import BinState
from ifcbscan.core.vital_signs import VitalSigns
from ifcbscan.disk.tree import Inventory, LocalTree
from ifcbscan.runs.bin_job import BinJob
from ifcbscan.runs.examination import lost_images, predicted_refusal
from ifcbscan.runs.first_look import AHEAD_AT_MOST, is_without_bins, newest_complete, no_new_bin
from ifcbscan.runs.listing import list_ranges, ranges_to_list
from ifcbscan.runs.one_bin import result_if_sent, result_of
from ifcbscan.runs.scan_options import ScanOptions
from ifcbscan.runs.vital import find_vital_signs
from ifcbscan.s3.bucket import Bucket

#: Reading the .adc of ten years of bins takes hours. Where so many wait, it is a first upload, and the
#: scans examine each of them anyway.
EXAMINED_AT_MOST = 5000


@dataclass(frozen=True)
class Survey:
    """Every bin with its verdict; `now` is the bucket's time (seconds since 1970, UTC).

    `newest` is the newest complete fileset on this disk that can hold an image. `outside`: bins on this disk that are
    outside the window; they are not among `bins`, nor are those that only the archive has. `refusal` looks into the files
    of a bin, if it is here, and tells why the dashboard will refuse it; "" if nothing is known. `silence`: why nothing new
    can come of the folder (core/silence.py); also among the warnings. `vital`: what is known of the instrument and its disk.
    """

    bins: tuple[SurveyedBin, ...]
    newest: Fileset | None
    excluded: int
    outside: int
    unreadable: int
    warnings: tuple[str, ...]
    now: float
    silence: str = ""
    vital: VitalSigns = VitalSigns()
    refusal: Callable[[Pid], str] = lambda pid: ""


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
        lost = lost_images(tree, local, decision)
        if lost is not None:
            decision = decide(local, there, now, options.policy, copies, Known(lost))
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
    archive_only = [item for item in _archive_only(inventory, remote) if options.window.holds(item.pid)]
    bins.extend(archive_only)
    silence = of_empty_folder(tree.root, len(archive_only)) if is_without_bins(inventory) else ""
    silence = silence or no_new_bin(inventory, options, now.server)
    if silence:
        warnings.append(silence)

    vital = find_vital_signs(
        inventory.filesets,
        newest_complete(inventory.filesets.values(), now.server + AHEAD_AT_MOST),
        tree,
        now.server,
    )
    warnings.extend(filter(None, [vital.warning(tree.root)]))

    def refusal(pid: Pid) -> str:
        local = inventory.filesets.get(pid)
        return "" if local is None or not local.complete else predicted_refusal(tree, local)

    return Survey(
        bins=tuple(bins),
        newest=_newest(inventory, now.server),
        excluded=inventory.excluded,
        outside=inventory.outside,
        unreadable=inventory.unreadable,
        warnings=tuple(warnings),
        now=now.server,
        silence=silence,
        vital=vital,
        refusal=refusal,
    )


def _list_all(prefix: str, inventory: Inventory, bucket: Bucket, pool: Executor) -> dict[Pid, RemoteFileset]:
    """What the bucket holds of all bins, also of those that are not on this disk."""
    remote: dict[Pid, RemoteFileset] = {}

    def read(objects: Iterator[ListedObject]) -> None:
        index_objects(objects, prefix, inventory.filesets, remote, others=True)

    for _ in list_ranges(
        bucket, prefix, ranges_to_list(inventory.filesets, prefix, recent=False), read, pool
    ):
        pass
    return remote


def _bin(local: Fileset, result: Result) -> SurveyedBin:
    return SurveyedBin(local.pid, result.state, result.reason, sum(size for size in local.sizes if size > 0))


def _archive_only(inventory: Inventory, remote: Mapping[Pid, RemoteFileset]) -> Iterator[SurveyedBin]:
    """Bins that the archive has and this disk has not (any more)."""
    for pid, there in remote.items():
        if pid in inventory.filesets:
            continue
        size = sum(member for member in there.sizes if member > 0)
        decision = decide_absent(there)
        result = Result(BinState.ARCHIVED) if decision is None else result_of(decision)
        yield SurveyedBin(pid, result.state, result.reason, size)


def _newest(inventory: Inventory, now: float) -> Fileset | None:
    # Not one from the future, which tells of a wrong clock (see core/archive_report.py), nor one without images.
    candidates = (
        local
        for local in inventory.filesets.values()
        if local.complete and local.roi > 2 and local.pid.sample_time < now + 86400
    )
    return max(candidates, key=lambda local: (local.pid.sample_time, local.pid), default=None)
