"""The claims of the runs on one computer, in memory: what `ifcbscan.state.bin_locks.SharedBinLocks` is between processes.

Locks that cannot be had (a network drive without locks) are `ClaimTable.work = False`: every run is told that it
may have the bin, and as with `SharedBinLocks` it cannot know whether there is another one.
"""

from __future__ import annotations

from typing import Callable

from ifcbscan.core.companions import Companion, Holder, other_runs
from ifcbscan.core.scan_report import ScanReport
from ifcbscan.core.states import BinState
from ifcbscan.state.bin_locks import BinLocks


class ClaimTable:
    """What the runs on one computer have claimed. One run at a time may use it.

    `held`: pid -> the run that has it. `signs`: run under way -> when it last did something (seconds since 1970).
    """

    def __init__(self) -> None:
        self.work = True
        self.held: dict[str, int] = {}
        self.signs: dict[int, float] = {}

    def begin(self, run: int, now: Callable[[], float]) -> BinLocksInMemory:
        """The claims of a run that begins; `now` gives the time in seconds since 1970."""
        self.signs[run] = now()
        return BinLocksInMemory(self, run, now)

    def end(self, run: int) -> None:
        """A run has ended, in whatever way: its locks die with its process."""
        del self.signs[run]
        self.held = {pid: holder for pid, holder in self.held.items() if holder != run}


class BinLocksInMemory(BinLocks):
    """The claims of one run. `refused`: the bins that another run had -> that run, as if it were a process."""

    def __init__(self, table: ClaimTable, run: int, now: Callable[[], float]) -> None:
        super().__init__()
        self.refused: dict[str, int | None] = {}
        self.trouble = ""
        self._table = table
        self._run = run
        self._now = now

    def take(self, pid: str) -> bool:
        if not self._table.work:
            self.trouble = "told to"
            return True
        holder = self._table.held.setdefault(pid, self._run)
        if holder != self._run:
            self.refused[pid] = holder
            return False
        return True

    def release(self, pid: str) -> None:
        if self._table.held.get(pid) == self._run:
            del self._table.held[pid]

    def in_company(self) -> bool:
        return bool(self.trouble) or (self._table.work and len(self._table.signs) > 1)

    def silence(self) -> float:
        """Seconds for which a run that has one of the refused bins has done nothing; 0.0 if there is none."""
        signs = (self._table.signs.get(run) for run in self.refused.values() if run is not None)
        return max((self._now() - sign for sign in signs if sign is not None), default=0.0)

    def tell(self, report: ScanReport) -> ScanReport:
        """The report with what the command adds of the other runs on this computer (commands/once.py)."""
        others = [
            Companion(Holder(run, "here", "", report.directory, report.time_series, ""), self._now() - sign)
            for run, sign in self._table.signs.items()
            if run != self._run
        ]
        found = other_runs(
            report.bins[BinState.TO_UPLOAD], self.refused, others if self.refused else [], None
        )
        warnings = report.warnings + found.warnings
        return report._replace(warnings=warnings, elsewhere=found.elsewhere, stalled=found.stalled)
