"""Who sends a bin: two runs on one computer never send the same one at the same time.

The every-minute and the hourly run of a job (and `sync` beside them) work on the newest bins first, so they
would meet at the same bin. A claim is a lock on one byte of a file in the state folder, at a place computed from
the pid; it dies with its process, nothing is ever written, and where locks do not work there are no claims:
then a bin may be sent twice, and the bucket keeps one.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import zlib
from typing import Callable

#: What another process's lock looks like: EAGAIN or EACCES, on Windows EACCES or EDEADLOCK, under wine 0.
_TAKEN = (errno.EAGAIN, errno.EACCES, getattr(errno, "EDEADLOCK", errno.EDEADLK), 0)


class Claims:
    """The claims of a run that is alone on its computer: it gets whatever it asks for."""

    def take(self, pid: str) -> bool:
        """Claim a bin; False if another run has it now."""
        return True

    def release(self, pid: str) -> None:
        """Give a claimed bin back."""

    def in_company(self) -> bool:
        """Whether another run of the same job is under way."""
        return False


ALONE = Claims()


class SharedClaims(Claims):
    """Claims that all runs of this user see. May be used from any thread."""

    def __init__(self, path: str, in_company: Callable[[], bool]) -> None:
        """`path`: a file that all of them name; it is made if need be."""
        self._in_company = in_company
        self._one_at_a_time = threading.Lock()
        self._path = path
        self._descriptor: int | None = None

    def take(self, pid: str) -> bool:
        try:
            with self._one_at_a_time:
                if self._descriptor is None:  # most runs have nothing to send, and claim nothing
                    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
                    self._descriptor = os.open(self._path, flags, 0o600)
        except OSError:
            return True
        try:
            with self._one_at_a_time:
                _lock(self._descriptor, _place(pid))
        except OSError as error:
            return error.errno not in _TAKEN
        return True

    def release(self, pid: str) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(OSError), self._one_at_a_time:
                _unlock(self._descriptor, _place(pid))

    def in_company(self) -> bool:
        return self._in_company()


def _place(pid: str) -> int:
    # Below 2 GiB for Windows. Two bins at one place only means that one of them waits for a later run.
    return zlib.crc32(pid.encode("ascii")) >> 2


if os.name == "nt":
    import msvcrt

    def _lock(descriptor: int, place: int) -> None:
        os.lseek(descriptor, place, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]

    def _unlock(descriptor: int, place: int) -> None:
        os.lseek(descriptor, place, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)  # type: ignore[attr-defined]

else:
    import fcntl

    def _lock(descriptor: int, place: int) -> None:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)

    def _unlock(descriptor: int, place: int) -> None:
        fcntl.lockf(descriptor, fcntl.LOCK_UN, 1, place)
