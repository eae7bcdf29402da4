"""The claims of the runs on one computer, in memory: what `ifcbscan.claims.SharedClaims` is between processes.

Locks that cannot be had (a file of root's, a network drive without locks) are `ClaimTable.work = False`:
every run is told that it may have the bin, and none sees another one, as `SharedClaims` does then.
"""

from __future__ import annotations

from typing import Callable, NamedTuple

from ifcbscan.claims import Claims


class Held(NamedTuple):
    """A claimed bin: by which run, and since when (seconds since 1970)."""

    run: int
    since: float


class ClaimTable:
    """What the runs on one computer have claimed. One run at a time may use it."""

    def __init__(self) -> None:
        self.work = True
        self.held: dict[str, Held] = {}
        self.under_way: set[int] = set()

    def begin(self, run: int, now: Callable[[], float]) -> MemoryClaims:
        """The claims of a run that begins; `now` gives the time in seconds since 1970."""
        self.under_way.add(run)
        return MemoryClaims(self, run, now)

    def end(self, run: int) -> None:
        """A run has ended, in whatever way: its locks die with its process."""
        self.under_way.discard(run)
        self.held = {pid: held for pid, held in self.held.items() if held.run != run}


class MemoryClaims(Claims):
    """The claims of one run. `denied`: the bins that another run had, with that run's hold."""

    def __init__(self, table: ClaimTable, run: int, now: Callable[[], float]) -> None:
        super().__init__()
        self.denied: dict[str, Held] = {}
        self._table = table
        self._run = run
        self._now = now

    def take(self, pid: str) -> bool:
        if not self._table.work:
            return True
        held = self._table.held.setdefault(pid, Held(self._run, self._now()))
        if held.run != self._run:
            self.denied[pid] = held
            self.refused[pid] = held.run  # the number of the run stands for that of its process
            return False
        return True

    def release(self, pid: str) -> None:
        held = self._table.held.get(pid)
        if held is not None and held.run == self._run:
            del self._table.held[pid]

    def in_company(self) -> bool:
        return self._table.work and bool(self._table.under_way - {self._run})
