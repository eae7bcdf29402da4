"""A list of files that was written for another program to read: whole, or not at all.

It is made beside its place and moved there at the end, so that nobody reads half of one. It lists; it
deletes nothing but its own unfinished copy. A link stays a link: what it leads to is replaced.
"""

from __future__ import annotations

import contextlib
import os
import stat
from types import TracebackType
from typing import BinaryIO, Iterable

from ifcbscan.core.bins import EXTENSIONS, Fileset
from ifcbscan.errors import UsageError


class PathList:
    """Takes filesets, writes the paths of their files. With no path of its own it does nothing.

    One path a line; with `null_separated` each is followed by a NUL instead. Bytes are those of the file
    system, so that any name can be listed.
    """

    def __init__(self, path: str | None, null_separated: bool) -> None:
        """Raises UsageError if there can be no list at `path`."""
        self.warnings: list[str] = []
        self._path = None if path is None else os.path.realpath(path)
        self._end = b"\0" if null_separated else b"\n"
        self._partial = ""
        self._file: BinaryIO | None = None
        self._count = 0
        if self._path is not None:
            self._open(self._path)

    def _open(self, path: str) -> None:
        # Moving a file onto a device, such as /dev/stdout, would replace the device.
        with contextlib.suppress(OSError):
            if not stat.S_ISREG(os.stat(path).st_mode):
                raise UsageError(
                    f"The list of deletable files cannot be written to {path}: it is no plain file."
                )
        self._partial = f"{path}.{os.getpid()}.partial"
        try:
            self._file = open(self._partial, "wb")  # noqa: SIM115
        except OSError as error:
            raise UsageError(
                f"The list of deletable files cannot be written to {path}: {error.strerror}. Nothing was compared."
            ) from None

    def __enter__(self) -> PathList:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._discard()

    def add(self, filesets: Iterable[Fileset]) -> int:
        """List the three files of each copy of a bin, each once; how many paths were listed.

        None of them if one cannot be listed, because the end of a line is in its path.
        """
        named = (
            os.path.join(fileset.folder, fileset.name(extension))
            for fileset in filesets
            for extension in EXTENSIONS
        )
        paths = [
            os.fsencode(path) for path in dict.fromkeys(named)
        ]  # copies may share a file (.roi and .ROI)
        if any(self._end in path for path in paths):
            return 0
        before = self._count
        for path in paths:
            self._write(path + self._end)
        return self._count - before

    def _write(self, line: bytes) -> None:
        if self._file is None:
            return
        try:
            self._file.write(line)
            self._count += 1
        except OSError as error:
            self._fail(error)

    def finish(self) -> int | None:
        """Put the list in its place; how many paths it has, None if there is none."""
        if self._file is None or self._path is None:
            return None
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            os.replace(self._partial, self._path)
        except OSError as error:
            self._fail(error)
            return None
        self._file = None
        return self._count

    def _fail(self, error: OSError) -> None:
        self._discard()
        self.warnings.append(
            f"the list of deletable files {self._path} could not be written ({error.strerror}); what was there "
            "before is unchanged"
        )

    def _discard(self) -> None:
        if self._file is None:
            return
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            os.unlink(self._partial)
        self._file = None
