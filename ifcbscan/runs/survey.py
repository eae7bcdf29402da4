"""The verdict on every bin, here and in the archive, without acting: what `ifcbscan report` is made of.

Walks, lists and decides with the same parts as a scan (scan.py), so that a report says what the next
scan will do. Sends nothing.
"""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Iterator

from ifcbscan.clock import Clock
from ifcbscan.core.archive_report import ARCHIVED, SurveyedBin
from ifcbscan.core.bins import (
    EXTENSIONS,
    NOTHING_REMOTE,
    Fileset,
    RemoteFileset,
    parse_pid,
)
from ifcbscan.core.decision import Action, Decision, Now, State, decide
from ifcbscan.core.remote_index import KeyRange, full_ranges, index_objects
from ifcbscan.core.scan_report import FAILED, TO_UPLOAD
from ifcbscan.core.series import Series
from ifcbscan.disk.tree import Inventory, LocalTree
from ifcbscan.errors import LocalFileProblem
from ifcbscan.runs.scan import ScanOptions
from ifcbscan.runs.upload import examine_fileset
from ifcbscan.s3.bucket import Bucket

#: Reading the .adc of ten years of bins takes hours. Where so many wait, it is a first upload, and the
#: scans examine each of them anyway.
EXAMINED_AT_MOST = 5000


@dataclass(frozen=True)
class Survey:
    """Every bin with its verdict; `now` is the bucket's time (seconds since 1970, UTC).

    `newest` is the newest complete fileset on this disk that can hold an image.
    """

    bins: tuple[SurveyedBin, ...]
    newest: Fileset | None
    excluded: int
    unreadable: int
    warnings: tuple[str, ...]
    now: float


def survey(options: ScanOptions, tree: LocalTree, bucket: Bucket, clock: Clock, pool: Executor) -> Survey:
    """Look at everything once. Raises UsageError, BucketRefused, BucketUnreachable, Interrupted."""
    inventory = tree.walk()
    remote = _list_all(Series(options.account, options.time_series).prefix, inventory, bucket, pool)
    now = Now(bucket.server_clock.now(), clock.wall())
    warnings = list(inventory.warnings)
    bins: list[SurveyedBin] = [_fragment(fragment) for fragment in inventory.fragments]
    to_send: list[tuple[Fileset, Decision]] = []
    for pid, local in inventory.filesets.items():
        copies = inventory.copies.get(pid, ())
        decision = decide(local, remote.get(pid, NOTHING_REMOTE), now, options.policy, copies)
        if decision.action is Action.PUT:
            to_send.append((local, decision))
        else:
            bins.append(_bin(local, decision.state.value, decision.reason))
    to_send.sort(key=lambda pair: pair[0].pid.sample_time, reverse=True)
    for index, (local, decision) in enumerate(to_send):
        look = options.policy.check_integrity and index < EXAMINED_AT_MOST
        bins.append(_examined(tree, local, decision) if look else _bin(local, TO_UPLOAD, decision.reason))
    if options.policy.check_integrity and len(to_send) > EXAMINED_AT_MOST:
        warnings.append(
            f"{len(to_send):,} bins wait to be sent; only the newest {EXAMINED_AT_MOST:,} of them were "
            "examined for damage"
        )
    bins.extend(_archive_only(inventory, remote))
    return Survey(
        bins=tuple(bins),
        newest=_newest(inventory, now.server),
        excluded=inventory.excluded,
        unreadable=inventory.unreadable,
        warnings=tuple(warnings),
        now=now.server,
    )


class _Everything:
    """As `wanted` of index_objects: also the bins that are not on this disk."""

    def __contains__(self, _name: object) -> bool:
        return True


def _list_all(prefix: str, inventory: Inventory, bucket: Bucket, pool: Executor) -> dict[str, RemoteFileset]:
    def list_one(keys: KeyRange) -> dict[str, RemoteFileset]:
        return index_objects(bucket.list(prefix, keys.start_after, keys.up_to), prefix, _Everything())

    remote: dict[str, RemoteFileset] = {}
    for part in pool.map(list_one, full_ranges(inventory.filesets, prefix)):
        remote.update(part)
    return remote


def _bin(local: Fileset, state: str, reason: str) -> SurveyedBin:
    return SurveyedBin(local.pid, state, reason, sum(size for size in local.sizes if size > 0))


def _fragment(fragment: Fileset) -> SurveyedBin:
    missing = " and ".join("." + extension for extension in fragment.missing)
    reason = f"{missing} missing in {fragment.folder}; a complete copy is in another folder"
    return _bin(fragment, State.INCOMPLETE.value, reason)


def _examined(tree: LocalTree, local: Fileset, decision: Decision) -> SurveyedBin:
    try:
        finding = examine_fileset(tree, local)
    except LocalFileProblem as error:
        return _bin(local, FAILED, str(error))
    if finding is not None:
        return _bin(local, State.HELD.value, f"{finding.damage.value}: {finding.detail}")
    return _bin(local, TO_UPLOAD, decision.reason)


def _archive_only(inventory: Inventory, remote: dict[str, RemoteFileset]) -> Iterator[SurveyedBin]:
    """Bins that the archive has and this disk has not (any more)."""
    for name, there in remote.items():
        pid = parse_pid(name)
        if pid is None or pid in inventory.filesets:
            continue
        size = sum(member for member in there.sizes if member > 0)
        absent = [extension for extension, member in zip(EXTENSIONS, there.sizes) if member < 0]
        if absent:
            lacking = " and ".join("." + extension for extension in absent)
            reason = f"not on this disk, and the archive has no {lacking}"
            yield SurveyedBin(pid, State.INCOMPLETE.value, reason, size)
        else:
            yield SurveyedBin(pid, ARCHIVED, "", size)


def _newest(inventory: Inventory, now: float) -> Fileset | None:
    # Not one from the future, which tells of a wrong clock (see archivereport.py), nor one without images.
    candidates = (
        local
        for local in inventory.filesets.values()
        if local.complete and local.roi > 2 and local.pid.sample_time < now + 86400
    )
    return max(candidates, key=lambda local: (local.pid.sample_time, local.pid), default=None)
