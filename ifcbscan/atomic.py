"""Small files of ifcbscan's own, and files that are replaced in one step, so that nobody ever reads half of one.

Somebody may have put something else in the place of such a file: a FIFO that waits for ever for its other side, a
device without end, a folder. Only plain files are opened here, and only so much is read as a file of ours can hold.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import threading

#: No file that ifcbscan keeps for itself comes near this size, bytes. What does is damaged.
MOST_BYTES = 1 << 20

#: Nobody who still writes has taken so long. Seconds.
_LEFT_BEHIND = 86400.0

#: How the name of a file ends that is not whole yet.
_PART = ".part"

_FLAGS = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


def open_plain(path: str, flags: int, mode: int = 0o600) -> int:
    """A descriptor of a plain file, opened (or made) with these `flags`. Raises OSError, also for all other kinds.

    Never waits: opening a FIFO would, until somebody opens its other side.
    """
    with contextlib.suppress(FileNotFoundError):
        _check_plain(os.stat(path))  # before it is opened: merely opening a device can have an effect
    descriptor = os.open(path, flags | _FLAGS, mode)
    try:
        _check_plain(os.fstat(descriptor))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _check_plain(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is no plain file")


def read_small(path: str, most: int = MOST_BYTES) -> bytes:
    """The whole content of a plain file. Raises OSError; also if it has more than `most` bytes."""
    content = read_head(path, most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, "it is too large for what it should be")
    return content


def read_head(path: str, most: int) -> bytes:
    """The first `most` bytes of a plain file. Raises OSError."""
    with os.fdopen(open_plain(path, os.O_RDONLY), "rb") as file:
        return file.read(most)


def read_tail(path: str, most: int) -> bytes:
    """The last `most` bytes of a plain file. Raises OSError."""
    with os.fdopen(open_plain(path, os.O_RDONLY), "rb") as file:
        file.seek(max(os.fstat(file.fileno()).st_size - most, 0))
        return file.read(most)


def replace_file(path: str, content: bytes, private: bool = False) -> None:
    """Make `content` the whole content of the file. Raises OSError; then the file is what it was.

    `private`: nobody but its owner, who stays the same, can read it, and it is on the disk when this returns, because nothing
    makes it again.

    A link stays a link: what it leads to is replaced. A device (/dev/null, /dev/stdout) or a folder is refused.
    What another writer of this file left beside it more than a day ago, because it was killed, is removed.
    """
    path = os.path.realpath(path)
    before: os.stat_result | None = None
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        before = os.stat(path)
        _check_plain(before)
    beside = f"{path}.{os.getpid()}.{threading.get_ident()}{_PART}"  # on the same disk, so that it can take its place
    try:
        with open(beside, "wb", opener=_for_its_owner if private else None) as file:
            file.write(content)
            if private:
                file.flush()
                os.fsync(file.fileno())
                if before is not None and before.st_uid != os.fstat(file.fileno()).st_uid:
                    os.chown(beside, before.st_uid, before.st_gid)
        _remove_what_was_left(path, os.stat(beside))
        os.replace(beside, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _remove_what_was_left(path: str, now: os.stat_result) -> None:
    """`now`: of a file that was written this moment in the same folder, by whose clock and for whose user others are judged."""
    folder, name = os.path.split(path)
    with contextlib.suppress(OSError):
        for other in os.listdir(folder):
            if not (other.startswith(name + ".") and other.endswith(_PART)):
                continue
            numbers = other[len(name) + 1 : -len(_PART)].split(".")
            if len(numbers) != 2 or not all(number.isdigit() for number in numbers):
                continue
            left = os.path.join(folder, other)
            with contextlib.suppress(OSError):
                status = os.lstat(left)
                ours = stat.S_ISREG(status.st_mode) and status.st_uid == now.st_uid
                if ours and now.st_mtime - status.st_mtime > _LEFT_BEHIND:
                    os.unlink(left)
