"""Locks on bins: two runs on one computer never send the same bin at the same time.

The every-minute and the hourly run of a job, `sync` beside them, and two jobs of one time series work on the newest bins
first, so they would meet at the same bin. A bin lock is a lock on one byte of a file in the state folder, at a place
computed from the pid. It ends with its process, and nothing is ever written. Where the system has no locks the run goes
on without: then a bin may be sent twice, and the bucket keeps one.
"""

from __future__ import annotations

import contextlib
import os
import threading
import zlib
from typing import Callable

from ifcbscan.core.series import file_name
from ifcbscan.state import locks
from ifcbscan.state.paths import state_folder


class BinLocks:
    """The bin locks of a run that is alone on its computer: it gets every one it asks for."""

    def __init__(self) -> None:
        #: Bins that another run had when they were asked for -> its process, None where the system does not say.
        self.refused: dict[str, int | None] = {}
        #: Why bins cannot be locked, in the system's words; "" as long as they can.
        self.trouble = ""

    def take(self, pid: str) -> bool:
        """Lock a bin (its pid); False if another run has it now."""
        return True

    def release(self, pid: str) -> None:
        """Unlock a bin."""

    def in_company(self) -> bool:
        """Whether another run of the same job is under way, or may be."""
        return False


ALONE = BinLocks()


class CannotLock(BinLocks):
    """For a run that can lock no bin, though other runs may be under way: it looks at each bin before it sends it."""

    def in_company(self) -> bool:
        return True


class SharedBinLocks(BinLocks):
    """Locks that all runs of this user see. May be used from any thread."""

    def __init__(self, path: str, in_company: Callable[[], bool]) -> None:
        """`path`: `bin_locks_path` of the time series; the file is made if need be. `in_company`: see the method."""
        super().__init__()
        self._in_company = in_company
        self._one_at_a_time = threading.Lock()
        self._path = path
        self._descriptor: int | None = None

    def take(self, pid: str) -> bool:
        with self._one_at_a_time:
            try:
                if self._descriptor is None:  # most runs have nothing to send, and lock nothing
                    self._descriptor, replaced = locks.open_lock_file(self._path, to_write=True)
                    if replaced:
                        self.trouble = "the file belonged to another user, and was replaced"
                locks.lock_byte(self._descriptor, _place(pid))
            except OSError as error:
                if self._descriptor is not None and error.errno in locks.TAKEN:
                    self.refused[pid] = locks.holder_of_byte(self._descriptor, _place(pid))
                    return False
                self.trouble = error.strerror or str(error)
        return True

    def release(self, pid: str) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(OSError), self._one_at_a_time:
                locks.unlock_byte(self._descriptor, _place(pid))

    def in_company(self) -> bool:
        # Without locks nothing keeps another run away, so each bin is looked at before it is sent.
        return bool(self.trouble) or self._in_company()


def bin_locks_path(time_series: str) -> str:
    """The file on which all runs of this user that feed one time series lock their bins. Raises IfcbscanError."""
    return os.path.join(state_folder(), file_name(f"{time_series}.claims"))


def _place(pid: str) -> int:
    # Below 2 GiB for Windows. Two bins at one place: of two runs one waits for a later one; within one run both are let go with
    # the first, and at worst another run sends the second as well.
    return zlib.crc32(pid.encode("ascii")) >> 2
