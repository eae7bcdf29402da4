"""Other runs on this computer: which of them has the bins that a run had to leave, and whether it still gets on. Pure.

A process that was stopped (Ctrl-Z, SIGSTOP) or hangs on a dead network drive keeps its lock and its bins, and nobody
may take them away: it can go on at any moment. So people have to be told.
"""

from __future__ import annotations

from typing import Mapping, NamedTuple, Sequence

from ifcbscan.core.words import human_duration
from ifcbscan.errors import AlreadyRunning

#: Seconds without a sign of life after which a run is told of, and after which that is a failure of the job. A run that
#: gets on (walks, lists, sends) leaves one every 30 seconds.
SILENT = 600.0
STALLED = 3600.0


class Holder(NamedTuple):
    """The process that holds a lock, as it has written itself down; the fields are the keys of that file.

    `pid`: the number of the process. `started`: when it began, in ISO 8601 (UTC). `clock_offset`: by how many seconds
    `time.time()` was ahead of `time.monotonic()` then; None if it is not known.
    """

    pid: int
    host: str
    started: str
    directory: str
    time_series: str
    mode: str
    clock_offset: float | None = None


class Companion(NamedTuple):
    """Another run; `silent` are the seconds since its last sign of life, None where that is not known."""

    holder: Holder
    silent: float | None

    @property
    def is_silent(self) -> bool:
        """Whether it has given no sign of life for so long that people are told; False where that is not known."""
        return self.silent is not None and self.silent >= SILENT

    @property
    def is_stalled(self) -> bool:
        """Whether it has given none for so long that the job counts as failed; False where that is not known."""
        return self.silent is not None and self.silent >= STALLED


class OtherRuns(NamedTuple):
    """What a report says of other runs.

    `elsewhere`: who is at the bins that are still to upload ("" for nobody); `stalled`: one of the runs that `warnings`
    tell of is stalled.
    """

    elsewhere: str = ""
    warnings: tuple[str, ...] = ()
    stalled: bool = False


def already_running(companion: Companion | None) -> AlreadyRunning:
    """Why a run cannot begin: this other one holds its lock (None: which one it is, is not known)."""
    if companion is None:
        return AlreadyRunning("Another scan of this directory and time series is running; nothing was done.")
    holder = companion.holder
    who = (
        f"Another scan of {holder.directory} for {holder.time_series} is running: process {holder.pid} on "
        f"{holder.host}, since {holder.started}"
    )
    if companion.silent is None or not companion.is_silent:
        return AlreadyRunning(who + ". Nothing was done here; that scan goes on.")
    return AlreadyRunning(
        f"{who}, and it has given no sign of life for {human_duration(companion.silent)}. Nothing was done here. {_what_to_do(holder)}",
        stalled=companion.is_stalled,
    )


def other_runs(
    to_upload: int,
    refused: Mapping[str, int | None],
    companions: Sequence[Companion],
    other_mode: Companion | None,
) -> OtherRuns:
    """What there is to say of other runs.

    `to_upload`: the bins that this run has left to a later one; `refused`: those of them that another run had, with its
    process where the system says it; `companions`: the runs under way that may have them; `other_mode`: the run
    of the same job in the other mode, if it is silent.
    """
    having = [known for known in companions if known.holder.pid in refused.values()]
    if None in refused.values():
        having = list(companions)
    numbers = {number for number in refused.values() if number is not None}
    numbers |= {known.holder.pid for known in having}
    silent = [known for known in having if known.is_silent]
    told = list(silent)
    if other_mode is not None and other_mode.holder not in [known.holder for known in silent]:
        told.append(other_mode)
    return OtherRuns(
        _elsewhere(to_upload, len(refused), sorted(numbers), silent) if refused else "",
        tuple(_warning(known, known in silent) for known in told),
        any(known.is_stalled for known in told),
    )


def _elsewhere(to_upload: int, refused: int, processes: list[int], silent: list[Companion]) -> str:
    if len(processes) > 1:
        who = "other scans on this computer, processes {},".format(" and ".join(map(str, processes)))
        verb = "are"
    else:
        who = "another scan on this computer" + (f", process {processes[0]}," if processes else "")
        verb = "is"
    which = f"{refused} of them" if to_upload > refused else "it" if refused == 1 else "them"
    if not silent:
        return f"{who} {verb} sending {which}"
    since = max(known.silent or 0.0 for known in silent)
    return f"{who} {verb} holding {which}, without a sign of life for {human_duration(since)}"


def _warning(companion: Companion, has_bins: bool) -> str:
    holder = companion.holder
    bins = "It holds bins that are not sent as long as it does. " if has_bins else ""
    return (
        f"another scan on this computer gives no sign of life: process {holder.pid}, a {holder.mode} scan of "
        f"{holder.directory} since {holder.started}, for {human_duration(companion.silent or 0.0)}. {bins}{_what_to_do(holder)}"
    )


def _what_to_do(holder: Holder) -> str:
    return (
        "If somebody has stopped it with Ctrl-Z, type fg in that terminal. Otherwise end it (kill -KILL "
        f"{holder.pid}, or the Task Manager of Windows): nothing is lost by that, and the next scan goes on."
    )
