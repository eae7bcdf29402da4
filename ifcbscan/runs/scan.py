"""One run: walk, list, decide, act, report. Nothing is remembered from an earlier run."""

from __future__ import annotations

import itertools
import logging
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Callable, Iterable, Iterator, Mapping, Sequence

from ifcbscan.cli.signals import Interruption
from ifcbscan.clock import Clock
from ifcbscan.core.bins import (
    MISSING,
    NOTHING_REMOTE,
    Fileset,
    Pid,
    RemoteFileset,
)
from ifcbscan.core.decision import Action, Decision, Now, Policy, State, decide
from ifcbscan.core.remote_index import KeyRange, full_ranges, index_objects, range_around
from ifcbscan.core.scan_report import EXCLUDED, FAILED, TO_UPLOAD, ScanReport, Tally
from ifcbscan.core.series import Series
from ifcbscan.disk.tree import Inventory, LocalTree
from ifcbscan.errors import ExitCode, IfcbscanError, LocalFileProblem
from ifcbscan.runs.upload import BinJob, Listener, Uploader, examine_fileset
from ifcbscan.s3.bucket import Bucket
from ifcbscan.state.bin_locks import ALONE, Claims

log = logging.getLogger("ifcbscan")

_A_DAY = 86400.0

NOTHING_DIFFERS: Mapping[Pid, Sequence[str]] = {}

#: Says whether files may be sent into a time series that has none: returns warnings, or raises UsageError.
Guard = Callable[[], Sequence[str]]


@dataclass(frozen=True)
class ScanOptions:
    """How to run. Durations in seconds; `max_age` None is a full run."""

    account: str
    time_series: str
    policy: Policy
    dry_run: bool = False
    max_age: float | None = None
    time_limit: float | None = None
    jobs: int = 4
    retry_rejected: bool = False
    find_newest: bool = False

    @property
    def mode(self) -> str:
        """`recent` or `full`, as the JSON and the lock name it."""
        return "full" if self.max_age is None else "recent"

    @property
    def first_policy(self) -> Policy:
        """The policy of the first look. (Later in the same run a refusal is a refusal.)"""
        if not self.retry_rejected:
            return self.policy
        return Policy(**{**self.policy.__dict__, "retry_rejected_after": float("-inf")})


def scan(
    options: ScanOptions,
    tree: LocalTree,
    bucket: Bucket,
    clock: Clock,
    pool: Executor,
    interruption: Interruption,
    listener: Listener,
    show: Callable[[str], None],
    warnings: Sequence[str] = (),
    guard: Guard | None = None,
    differs: Mapping[Pid, Sequence[str]] = NOTHING_DIFFERS,
    claims: Claims = ALONE,
) -> ScanReport:
    """One run over one tree. `show` takes the lines of a dry run; `warnings` are those of the preparations.

    `guard` is asked before anything is sent into a time series in which nothing is yet; it raises
    UsageError to forbid it, or returns warnings. A recent run, which lists a few days, asks the bucket for one
    key of the time series when it has seen none; ordinary runs see some, and pay nothing.

    `differs`: bins of which these files are known to have the right size but other content in the archive
    (`sync --content`); they are sent again. `claims` keep this run and others on this computer apart.

    Raises what makes a run impossible (UsageError, BucketRefused, BucketUnreachable, Interrupted);
    whatever ends it later is in the report.
    """
    began = clock.monotonic()
    tally = Tally(warnings=list(warnings))
    inventory = tree.walk()
    tally.warnings.extend(inventory.warnings)
    tally.unreadable = inventory.unreadable
    tally.bins[EXCLUDED] = inventory.excluded
    for fragment in inventory.fragments:
        tally.count(fragment.pid, State.INCOMPLETE.value, _fragment_reason(fragment, inventory))
    remote = list_remote(options, inventory, bucket, pool)
    now = Now(bucket.server_clock.now(), clock.wall())
    for pid, extensions in differs.items():
        local = inventory.filesets.get(pid)
        # Where the sizes have come to differ meanwhile, the ordinary rules hold.
        if local is not None and remote.bins.get(pid, NOTHING_REMOTE).sizes == local.sizes:
            remote.bins[pid] = remote.bins[pid].with_other_content(extensions)
    to_do = _decide_all(options, inventory, remote.bins, now, tally, listener)
    prefix = Series(options.account, options.time_series).prefix
    if guard is not None and to_do and remote.nothing_seen and (options.max_age is None or bucket.is_empty(prefix)):
        tally.warnings.extend(guard())

    def open_job(local: Fileset) -> BinJob:
        copies = inventory.copies.get(local.pid, ())
        there = remote.bins.get(local.pid, NOTHING_REMOTE)
        decision = decide(local, there, now, options.first_policy, copies)
        return BinJob(local, there, copies, decision, repairs=there.adc != MISSING)

    ended_by: IfcbscanError | None = None
    if options.dry_run:
        _show_all(map(open_job, to_do), tree, options.policy, tally, show)
    else:
        uploader = Uploader(
            tree,
            bucket,
            prefix,
            options.policy,
            clock,
            pool,
            options.jobs,
            listener,
            interruption.requested,
            options.time_limit,
            claims,
        )
        with interruption.deferred():  # a signal must not come between a bin and its count
            ended_by = uploader.run(to_do, open_job, tally)
    return ScanReport(
        time_series=options.time_series,
        directory=tree.root,
        mode=options.mode,
        dry_run=options.dry_run,
        bins=dict(tally.bins),
        files_uploaded=tally.files_uploaded,
        bytes_uploaded=tally.bytes_uploaded,
        requests=bucket.requests,
        problems=tuple(tally.problems),
        warnings=tuple(tally.warnings) + bucket.server_clock.warnings,
        seconds=clock.monotonic() - began,
        unreadable=tally.unreadable,
        ended_by=str(ended_by) if ended_by else None,
        ended_code=_code_of(ended_by),
        ended_at=bucket.server_clock.now(),
        newest_local=_newest(inventory.filesets.values(), now.server) if options.find_newest else None,
        newest_archived=_newest(_archived(inventory, remote.bins, tally.uploaded), now.server)
        if options.find_newest
        else None,
    )


def _newest(filesets: Iterable[Fileset], now: float) -> float | None:
    # A bin from the future (a wrong clock, once) would look new for ever.
    times = (fileset.pid.sample_time for fileset in filesets if fileset.complete)
    return max((time for time in times if time <= now + _A_DAY), default=None)


def _archived(
    inventory: Inventory, remote: dict[str, RemoteFileset], uploaded: Iterable[Pid]
) -> Iterator[Fileset]:
    for pid, fileset in inventory.filesets.items():
        if remote.get(pid, NOTHING_REMOTE).sizes == fileset.sizes:
            yield fileset
    for pid in uploaded:
        yield inventory.filesets[pid]


def _code_of(error: IfcbscanError | None) -> int:
    if error is None:
        return ExitCode.DONE
    # The listing came through, so the bucket was reached: some uploads failed.
    return ExitCode.PARTLY_FAILED if error.exit_code == ExitCode.UNREACHABLE else error.exit_code


def _decide_all(
    options: ScanOptions,
    inventory: Inventory,
    remote: dict[str, RemoteFileset],
    now: Now,
    tally: Tally,
    listener: Listener,
) -> list[Fileset]:
    """Decide on every bin, count those on which there is nothing to do, and return the others, newest first."""
    policy = options.first_policy
    to_do: list[Fileset] = []
    for pid, local in inventory.filesets.items():
        copies = inventory.copies.get(pid, ())
        there = remote.get(pid, NOTHING_REMOTE)
        decision = decide(local, there, now, policy, copies)
        if decision.action is Action.NONE:
            tally.count(pid, decision.state.value, decision.reason)
            if decision.state is not State.SYNCED:
                listener.left_alone(local, decision.state.value, decision.reason)
        else:
            to_do.append(local)
    to_do.sort(key=lambda local: local.pid.sample_time, reverse=True)
    return to_do


@dataclass(frozen=True)
class RemoteListing:
    """What the bucket holds of the bins that were asked for.

    `nothing_seen`: the listing had no object at all, of whatever kind. It may have been of a few days only.
    """

    bins: dict[str, RemoteFileset]
    nothing_seen: bool


def list_remote(options: ScanOptions, inventory: Inventory, bucket: Bucket, pool: Executor) -> RemoteListing:
    """What the bucket holds of the bins of `inventory`. Raises BucketRefused, BucketUnreachable.

    A recent run lists only the days of its bins; a full one everything, in ranges side by side.
    """
    prefix = Series(options.account, options.time_series).prefix
    complete = [pid for pid, fileset in inventory.filesets.items() if fileset.complete]
    if not complete:
        return RemoteListing({}, False)  # nothing that could be sent: the bucket need not be asked
    recent = options.max_age is not None
    ranges = [range_around(complete, prefix)] if recent else full_ranges(complete, prefix)

    def list_one(keys: KeyRange) -> tuple[bool, dict[str, RemoteFileset]]:
        objects = bucket.list(prefix, keys.start_after, keys.up_to)
        first = list(itertools.islice(objects, 1))
        return not first, index_objects(itertools.chain(first, objects), prefix, inventory.filesets)

    parts = list(pool.map(list_one, ranges) if len(ranges) > 1 else map(list_one, ranges))
    bins: dict[str, RemoteFileset] = {}
    for _, part in parts:
        bins.update(part)
    return RemoteListing(bins, all(nothing for nothing, _ in parts))


def _fragment_reason(fragment: Fileset, inventory: Inventory) -> str:
    missing = " and ".join("." + ext for ext in fragment.missing)
    copy = inventory.filesets[fragment.pid]
    if not copy.complete:
        return f"{missing} missing in {fragment.folder}"
    return f"{missing} missing in {fragment.folder}; the copy in {copy.folder} is used"


def _show_all(
    jobs: Iterable[BinJob],
    tree: LocalTree,
    policy: Policy,
    tally: Tally,
    show: Callable[[str], None],
) -> None:
    """The one place where a dry run parts from a real one: says what would be done."""
    for job in jobs:
        state, reason = _would_be(job, tree, policy)
        tally.count(job.local.pid, state, reason)
        if state == TO_UPLOAD:
            files = _to_send(job)
            size = sum(job.local.size(ext) for ext in files)
            names = " ".join("." + ext for ext in files)
            show(f"{job.local.pid:<24}  {size:>12,} bytes  {names}  {reason}")
        else:
            show(f"{job.local.pid}  {state}: {reason}")


def _would_be(job: BinJob, tree: LocalTree, policy: Policy) -> tuple[str, str]:
    decision: Decision = job.decision
    if decision.action is Action.PUT and policy.check_integrity:
        try:
            finding = examine_fileset(tree, job.local)
        except LocalFileProblem as error:
            return FAILED, str(error)
        if finding is not None:
            return State.HELD.value, f"{finding.damage.value}: {finding.detail}"
    return (TO_UPLOAD if decision.action is Action.PUT else decision.state.value), decision.reason


def _to_send(job: BinJob) -> Sequence[str]:
    """What is to be sent of a bin in all: the .adc follows once the archive has kept the rest."""
    if "adc" in job.decision.send or job.remote.adc == job.local.adc:
        return job.decision.send
    return (*job.decision.send, "adc")
