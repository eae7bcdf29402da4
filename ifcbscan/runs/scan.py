"""One run: walk, list, decide, act, report. Remembers nothing from an earlier run, and prints nothing.

Deciding on each bin is in compared.py (with core/decision.py), acting on it in sending.py.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Callable, Container, Iterable, Iterator, Mapping, NamedTuple, Sequence

from ifcbscan.core.bins import NOTHING_REMOTE, Fileset, Pid, RemoteFileset
from ifcbscan.core.decision import Action, content_marks, decide_fragment
from ifcbscan.core.scan_report import ScanReport, Tally
from ifcbscan.core.series import Series
from ifcbscan.core.states import BinState, State
from ifcbscan.disk.tree import Inventory, LocalTree
from ifcbscan.errors import ExitCode, IfcbscanError
from ifcbscan.runs.backends import Backends
from ifcbscan.runs.compared import Compared
from ifcbscan.runs.first_look import AHEAD_AT_MOST, first_look, newest_complete, silence_of
from ifcbscan.runs.listener import Listener
from ifcbscan.runs.scan_options import (
    ScanOptions as ScanOptions,  # a part of every scan, so it can be had from here
)

#: Says whether files may be sent into a time series that has none: returns warnings, or raises UsageError.
Guard = Callable[[], Sequence[str]]


class Preparations(NamedTuple):
    """What the caller has found out before the scan.

    `warnings` go into the report. `silence`: why nothing new can come of the folder, "" if that is not known. `guard` is
    asked before anything is sent into a time series in which nothing is yet; it raises UsageError to forbid it, or
    returns warnings. `differs`: bins of which these files are known to have the right size but other content in the
    archive (`sync --content`); they are sent again.
    """

    warnings: Sequence[str] = ()
    guard: Guard | None = None
    differs: Mapping[Pid, Sequence[str]] = MappingProxyType({})
    silence: str = ""


NO_PREPARATIONS = Preparations()


def scan(
    options: ScanOptions,
    backends: Backends,
    listener: Listener,
    show: Callable[[str], None],
    preparations: Preparations = NO_PREPARATIONS,
) -> ScanReport:
    """One run over one tree. `show` takes the lines of a dry run.

    A recent run, which lists a few days, asks the bucket for one key of the time series when it has seen none and is
    about to send (see `Preparations.guard`); ordinary runs see some, and pay nothing.

    Raises what makes a run impossible (UsageError, BucketRefused, BucketUnreachable, Interrupted);
    whatever ends it later is in the report.
    """
    tree, bucket, clock = backends.tree, backends.bucket, backends.clock
    began = clock.monotonic()
    tally = Tally(warnings=list(preparations.warnings))
    look = first_look(options, backends)
    inventory, remote, now = look.inventory, look.remote, look.now
    tally.warnings.extend((*look.warnings, *inventory.warnings))
    silence = preparations.silence or silence_of(look, options, tree.root)
    if silence:
        tally.warnings.append(silence)
    tally.unreadable = inventory.unreadable
    tally.bins[BinState.EXCLUDED] = inventory.excluded
    tally.bins[BinState.OUTSIDE] = inventory.outside
    for fragment in inventory.fragments:
        decision = decide_fragment(fragment, inventory.filesets[fragment.pid], now)
        tally.count(fragment.pid, decision.state.counted, decision.reason)
    marks = _content_marks(preparations.differs, inventory, remote.bins)
    policy, retry = options.policy, options.retry_rejected
    compared = Compared(inventory, remote.bins, now, policy, retry, marks, put_on=remote.put_on)
    to_do = _decide_all(compared, tree, tally, listener)
    prefix = Series(options.account, options.time_series).prefix
    guard = preparations.guard
    may_be_new = guard is not None and to_do and remote.nothing_seen
    if guard is not None and may_be_new and (options.max_age is None or bucket.is_empty(prefix)):
        tally.warnings.extend(guard())

    ended_by: IfcbscanError | None = None
    if to_do:
        # Imported only now: one scan a minute is to start quickly, and most of them have nothing to send.
        from ifcbscan.runs import sending

        if options.dry_run:
            sending.show_what_would_be_sent(to_do, compared, options, backends, show, tally)
        else:
            ended_by = sending.send(to_do, compared, options, backends, listener, tally)
    vital = None
    if options.find_vital and options.max_age is None:
        from ifcbscan.runs.vital import find_vital_signs

        newest = newest_complete(inventory.filesets.values(), now.server + AHEAD_AT_MOST)
        vital = find_vital_signs(inventory.filesets, newest, tree, now.server)
        tally.warnings.extend(filter(None, [vital.warning(tree.root)]))
    find_newest = options.find_newest or tally.uploaded
    came = [*tally.uploaded, *tally.sent_elsewhere]  # since the listing
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
        uploaded=tuple(tally.uploaded),
        silence=silence,
        waits=tally.waits,
        attention=tally.attention,
        max_age=options.max_age,
        newest_local=newest_complete(inventory.filesets.values(), now.server + AHEAD_AT_MOST)
        if find_newest
        else None,
        newest_archived=newest_complete(
            _archived(inventory, remote.bins, marks, came), now.server + AHEAD_AT_MOST
        )
        if find_newest
        else None,
        vital=vital,
    )


def _archived(
    inventory: Inventory,
    remote: Mapping[Pid, RemoteFileset],
    other_content: Container[Pid],
    came: Iterable[Pid],
) -> Iterator[Fileset]:
    for pid, fileset in inventory.filesets.items():
        if remote.get(pid, NOTHING_REMOTE).sizes == fileset.sizes and pid not in other_content:
            yield fileset
    for pid in came:
        yield inventory.filesets[pid]


def _code_of(error: IfcbscanError | None) -> int:
    if error is None:
        return ExitCode.DONE
    # The listing came through, so the bucket was reached: some uploads failed.
    return ExitCode.PARTLY_FAILED if error.exit_code == ExitCode.UNREACHABLE else error.exit_code


def _content_marks(
    differs: Mapping[Pid, Sequence[str]], inventory: Inventory, remote: Mapping[Pid, RemoteFileset]
) -> dict[Pid, frozenset[str]]:
    """The files to be sent again because their content differs; where the sizes differ now, the usual rules do."""
    marks = {}
    for pid, extensions in differs.items():
        local, there = inventory.filesets.get(pid), remote.get(pid, NOTHING_REMOTE)
        if local is not None and there.sizes == local.sizes:
            marks[pid] = content_marks(there, extensions)
    return marks


def _decide_all(compared: Compared, tree: LocalTree, tally: Tally, listener: Listener) -> list[Fileset]:
    """Decide on every bin, count those on which there is nothing to do, and return the others, newest first."""
    to_do: list[Fileset] = []
    for local in compared.inventory.filesets.values():
        decision = compared.decide(local)
        if decision.state is State.EMPTY:
            # Imported only now, as above: hardly any run has such a bin.
            from ifcbscan.runs.examination import lost_images

            decision = compared.decide(local, lost_images(tree, local, decision))
        if decision.action is Action.NONE:
            state = decision.state.counted
            tally.count(local.pid, state, decision.reason)
            if state is not BinState.SYNCED:
                listener.left_alone(local, state.in_scan, decision.reason)
        else:
            to_do.append(local)
    to_do.sort(key=lambda local: local.pid.sample_time, reverse=True)
    return to_do
