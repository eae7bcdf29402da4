"""Files and folders that ifcbscan makes for itself, and the small records among them.

Somebody may run ifcbscan as root once, for an account whose scans cron starts: what root makes in the state folder of
that account is given to it. Else those scans could not open their own locks and records any more.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
from typing import Any, Mapping

from ifcbscan.atomic import replace_file


def write_record(path: str, fields: Mapping[str, Any]) -> None:
    """Replace a small JSON file in one step. Raises OSError."""
    replace_file(path, json.dumps(fields).encode("ascii"))
    hand_over(path)


def make_file(path: str, flags: int, mode: int) -> int:
    """A descriptor of a new file; `flags` of os.open. Raises FileExistsError if there is one, or OSError.

    What root makes in the state folder of another user is given to that user.
    """
    descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), mode)
    _hand_over(descriptor, os.path.dirname(path))
    return descriptor


def make_folder(path: str, mode: int = 0o700) -> None:
    """Make a folder that only its owner can look into, with ordinary ones above it; as with `make_file`, root gives it to
    the owner of the folder that it is in. Raises OSError."""
    if os.path.isdir(path):
        return
    above = os.path.dirname(path)
    if above != path:
        make_folder(above, 0o777)
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, mode)
        _hand_over_at(path, getattr(os, "O_DIRECTORY", 0))
    if not os.path.isdir(path):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)


def hand_over(path: str) -> None:
    """Give a file that root has made to the owner of the folder it is in. Never fails."""
    _hand_over_at(path, 0)


def _hand_over_at(path: str, flags: int) -> None:
    if _is_root():
        with contextlib.suppress(OSError):
            # NONBLOCK: somebody else may have put a FIFO there
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | flags)
            try:
                _hand_over(descriptor, os.path.dirname(path))
            finally:
                os.close(descriptor)


def _hand_over(descriptor: int, folder: str) -> None:
    # Nothing but what root has made, under this one name: the owner of the folder may have put a link there.
    if not _is_root():
        return
    with contextlib.suppress(OSError):
        owner, made = os.stat(folder or os.curdir), os.fstat(descriptor)
        plain = stat.S_ISREG(made.st_mode) and made.st_nlink == 1
        if owner.st_uid != 0 and made.st_uid == 0 and (plain or stat.S_ISDIR(made.st_mode)):
            os.fchown(descriptor, owner.st_uid, owner.st_gid)


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0
