"""The folder that the instrument writes to: find all bins, look at one again, open a file of one. Changes nothing."""

from __future__ import annotations

import os
import shutil
import stat
from typing import TYPE_CHECKING, BinaryIO, Callable, Iterable

from ifcbscan.core.bins import EXTENSIONS, MISSING, NEVER, Fileset
from ifcbscan.core.window import EVERYTHING, Window
from ifcbscan.disk.files import Member, fileset_of, member, reachable
from ifcbscan.disk.walk import Inventory, Walk
from ifcbscan.errors import LocalFileProblem, UsageError

if TYPE_CHECKING:
    from ifcbscan.core.part import Part

__all__ = ["Inventory", "LocalTree"]

#: FIFOs named like a bin must not block the run; 0 where the system has no such flag.
_OPEN_FLAGS = (
    os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
)

#: Bytes read at a time where rows are read. Named, because a file that is opened without is asked whether it is a terminal.
_BUFFER = 65536


class LocalTree:
    """The folder that the instrument writes to, or a copy of it."""

    def __init__(
        self,
        root: str,
        exclude: Iterable[str] = (),
        not_before: float | None = None,
        getting_on: Callable[[], None] = lambda: None,
        window: Window = EVERYTHING,
        part: Part | None = None,
    ) -> None:
        """`exclude`: names of folders to leave out, in any case of letters. `not_before`: only bins whose
        pid's time is not earlier (seconds since 1970, UTC). `getting_on` is called for every folder and bin that a
        walk has seen: a long walk is no standstill. `window`, `part` (None: all): bins outside are counted and
        otherwise left alone."""
        self.root = reachable(root)
        self._exclude: frozenset[str] = frozenset(name.lower() for name in exclude)
        self._not_before = not_before
        self._getting_on = getting_on
        self._window = window
        self._part = part

    def look_back_to(self, not_before: float) -> None:
        """From now on, only bins whose pid's time is not earlier (seconds since 1970, UTC)."""
        self._not_before = not_before

    def walk(self) -> Inventory:
        """Every fileset below the root. Raises UsageError if the root itself cannot be read.

        A folder further down that cannot be read is a warning, and its bins are not seen.
        """
        if not os.path.isdir(self.root):
            what = "is a file, not a folder" if os.path.exists(self.root) else "does not exist"
            raise UsageError(
                f"The data folder {self.root} {what}. Nothing was sent. Is the disk mounted, the name spelt right?"
            )
        return Walk(
            self.root, self._exclude, self._not_before, self._getting_on, self._window, self._part
        ).walk()

    def free_space(self) -> int | None:
        """Bytes that can still be written to the disk of the root; None if nothing can, or that is not known."""
        try:
            if hasattr(os, "statvfs") and os.statvfs(self.root).f_flag & os.ST_RDONLY:
                return None
            return shutil.disk_usage(self.root).free
        except OSError:
            return None

    def refresh(self, fileset: Fileset) -> Fileset:
        """The same fileset as it is on the disk now; members that are gone are `MISSING`. Raises LocalFileProblem."""
        members: dict[str, Member] = {}
        for extension, suffix in zip(EXTENSIONS, fileset.suffixes):
            try:
                status = os.stat(os.path.join(fileset.folder, fileset.name(extension)))
            except FileNotFoundError:
                members[extension] = (suffix, MISSING, NEVER, 0)
            except OSError as error:
                raise _problem(fileset, extension, error) from None
            else:
                members[extension] = member(suffix, status)
        return fileset_of(fileset.pid, fileset.folder, members)

    def open(self, fileset: Fileset, extension: str) -> BinaryIO:
        """A member, opened for reading. Raises LocalFileProblem if that cannot be done."""
        path = os.path.join(fileset.folder, fileset.name(extension))
        try:
            descriptor = os.open(path, _OPEN_FLAGS)
        except OSError as error:
            raise _problem(fileset, extension, error) from None
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise LocalFileProblem(f"{path} is no regular file any more")
        return open(path, "rb", _BUFFER, opener=lambda *_: descriptor)  # which has the path as its name


def _problem(fileset: Fileset, extension: str, error: OSError) -> LocalFileProblem:
    return LocalFileProblem(f".{extension} in {fileset.folder} cannot be read: {error.strerror or error}")
