"""A lock on a file, or on one byte of it, that ends with its process.

A lock has three outcomes that callers must tell apart: it is had, another process holds it (`HeldByAnother`), or it
cannot be had at all (OSError: a file of another user, a file system or a kernel without locks). Only the second is a
reason not to run. The library filelock makes the second out of the third on some systems, which is why it is not used;
on each system its locks and these exclude each other.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time

from ifcbscan.state.files import make_file

_POLL = 0.05  # seconds between two attempts to take a lock
_MOST_VANISHED = 5

#: What the system answers where another process has the lock; on Windows EACCES or EDEADLOCK, under wine 0.
TAKEN = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES, getattr(errno, "EDEADLOCK", errno.EDEADLK), 0)


class HeldByAnother(Exception):
    """Another process has the lock."""


class FileLock:
    """An exclusive lock on one file. Use from one thread."""

    def __init__(self, path: str) -> None:
        """`path`: the file to lock; it is made if need be, and never written to."""
        self._path = path
        self._descriptor: int | None = None
        #: The file could not be opened, because it belongs to another user, and was replaced by a new one. A process
        #: that holds the old file is not noticed then.
        self.replaced = False

    def acquire(self, patience: float = 0.0) -> None:
        """Take the lock, for which `patience` seconds may be waited. Raises HeldByAnother, or OSError where the file
        cannot be locked."""
        until = time.monotonic() + patience
        vanished = 0
        while self._descriptor is None:
            descriptor, replaced = open_lock_file(self._path)
            self.replaced = self.replaced or replaced
            try:
                lock_whole(descriptor)
                # Somebody may have replaced the file between its opening and its locking. (Not believed for ever: a
                # network file system may number its files anew each time.)
                if vanished >= _MOST_VANISHED or _is_at(self._path, descriptor):
                    self._descriptor = descriptor
                vanished += 1
            except OSError as error:
                if error.errno not in TAKEN:
                    raise
                if time.monotonic() >= until:
                    raise HeldByAnother from None
                time.sleep(_POLL)
            finally:
                if self._descriptor is None:
                    os.close(descriptor)

    def release(self) -> None:
        """Let go, if it was had."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            with contextlib.suppress(OSError):
                unlock_whole(descriptor)
            os.close(descriptor)


def is_locked(path: str) -> bool:
    """Whether a process holds the lock on a file. Raises OSError where that cannot be found out.

    While it is being found out, nobody else can take the lock.
    """
    try:
        descriptor = _open_existing(path)
    except FileNotFoundError:
        return False
    try:
        lock_whole(descriptor)
        unlock_whole(descriptor)
    except OSError as error:
        if error.errno in TAKEN:
            return True
        raise
    finally:
        os.close(descriptor)
    return False


def open_lock_file(path: str, to_write: bool = False) -> tuple[int, bool]:
    """A descriptor of a file to lock, and whether it took the place of one that could not be opened. Raises OSError.

    The file that another user has left (a scan as root) is replaced where the folder allows it. Else each run of this
    user would go without a lock, for ever. `to_write`: for a lock on a byte, a file that can only be read is no use.
    """
    with contextlib.suppress(FileExistsError):
        return make_file(path, os.O_RDWR, 0o644), False
    try:
        return _open_existing(path, to_write), False
    except PermissionError as error:
        try:
            os.unlink(path)
            return make_file(path, os.O_RDWR, 0o644), True
        except OSError:
            raise error from None


def _open_existing(path: str, to_write: bool = False) -> int:
    # NOFOLLOW, NONBLOCK: a link or a FIFO is not ours
    flags = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        return os.open(path, os.O_RDWR | flags)
    except PermissionError:
        if to_write:
            raise
        return os.open(path, os.O_RDONLY | flags)  # enough for a lock, except on network file systems


def _is_at(path: str, descriptor: int) -> bool:
    """Whether the name still leads to the file that was opened. (On Windows an open file keeps its name.)"""
    if os.name == "nt":
        return True
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


if os.name == "nt":
    import msvcrt

    def lock_whole(descriptor: int) -> None:
        """Take the lock at once. Raises OSError, with an `errno` of TAKEN where another process has it."""
        lock_byte(descriptor, 0)

    def unlock_whole(descriptor: int) -> None:
        """Let go of it. Raises OSError."""
        unlock_byte(descriptor, 0)

    def lock_byte(descriptor: int, place: int) -> None:
        """As `lock_whole`, for one byte, which need not exist; `place` below 2 GiB."""
        os.lseek(descriptor, place, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError as error:
            # A lock that is not to be had at once is held by another process: the only reason there is. (Under wine the
            # error number is that of whatever failed before.)
            raise OSError(errno.EACCES, error.strerror) from None

    def unlock_byte(descriptor: int, place: int) -> None:
        """Let go of it. Raises OSError."""
        os.lseek(descriptor, place, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)  # type: ignore[attr-defined]

    def holder_of_byte(descriptor: int, place: int) -> int | None:
        """Windows does not say who has a lock."""
        return None

else:
    import fcntl
    import struct
    import sys

    # Beginning of `struct flock`: type, whence, start, length, process (Linux), or start, length, process, type, whence.
    _LINUX = sys.platform.startswith("linux")
    _FLOCK = "hhqqi" if _LINUX else "qqihh"

    def lock_whole(descriptor: int) -> None:
        """Take the lock at once. Raises OSError, with an `errno` of TAKEN where another process has it."""
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def unlock_whole(descriptor: int) -> None:
        """Let go of it. Raises OSError."""
        fcntl.flock(descriptor, fcntl.LOCK_UN)

    def lock_byte(descriptor: int, place: int) -> None:
        """As `lock_whole`, for one byte, which need not exist; `place` below 2 GiB."""
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)

    def unlock_byte(descriptor: int, place: int) -> None:
        """Let go of it. Raises OSError."""
        fcntl.lockf(descriptor, fcntl.LOCK_UN, 1, place)

    def holder_of_byte(descriptor: int, place: int) -> int | None:
        """The number of the process that has the lock on a byte; None if nobody has it, or the system does not say."""
        kind, whence = fcntl.F_WRLCK, os.SEEK_SET
        asked = struct.pack(_FLOCK, *((kind, whence, place, 1, 0) if _LINUX else (place, 1, 0, kind, whence)))
        try:
            answer = struct.unpack(_FLOCK, fcntl.fcntl(descriptor, fcntl.F_GETLK, asked))
        except OSError:
            return None
        kind, process = (answer[0], answer[4]) if _LINUX else (answer[3], answer[2])
        return process if kind == fcntl.F_WRLCK and process > 0 else None
