"""Who sends a bin: two runs on one computer never send the same one at the same time.

The every-minute and the hourly run of a job (and `sync` beside them) work on the newest bins first, so they
would meet at the same bin. A claim is a lock on one byte of a file in the state folder, at a place computed from
the pid; it dies with its process, nothing is ever written, and where locks do not work there are no claims:
then a bin may be sent twice, and the bucket keeps one.
"""

from __future__ import annotations

import contextlib
import threading
import zlib
from typing import Callable

from ifcbscan.state import locks


class Claims:
    """The claims of a run that is alone on its computer: it gets whatever it asks for."""

    def __init__(self) -> None:
        #: Bins that another run had when they were asked for -> its process, None where the system does not say.
        self.refused: dict[str, int | None] = {}
        #: Why bins cannot be claimed, in the system's words; "" as long as they can.
        self.trouble = ""

    def take(self, pid: str) -> bool:
        """Claim a bin; False if another run has it now."""
        return True

    def release(self, pid: str) -> None:
        """Give a claimed bin back."""

    def in_company(self) -> bool:
        """Whether another run of the same job is under way, or may be."""
        return False


ALONE = Claims()


class UnsharedClaims(Claims):
    """The claims of a run that can make none, though others may be under way: each bin is looked at first."""

    def in_company(self) -> bool:
        return True


class SharedClaims(Claims):
    """Claims that all runs of this user see. May be used from any thread."""

    def __init__(self, path: str, in_company: Callable[[], bool]) -> None:
        """`path`: a file that all of them name; it is made if need be."""
        super().__init__()
        self._in_company = in_company
        self._one_at_a_time = threading.Lock()
        self._path = path
        self._descriptor: int | None = None

    def take(self, pid: str) -> bool:
        with self._one_at_a_time:
            try:
                if self._descriptor is None:  # most runs have nothing to send, and claim nothing
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
        # Without claims nothing keeps another run away, so each bin is looked at before it is sent.
        return bool(self.trouble) or self._in_company()


def _place(pid: str) -> int:
    # Below 2 GiB for Windows. Two bins at one place only means that one of them waits for a later run.
    return zlib.crc32(pid.encode("ascii")) >> 2
