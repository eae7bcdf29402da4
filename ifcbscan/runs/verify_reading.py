"""Reading the files of a bin from the disk and summing them. Opens files for reading only."""

from __future__ import annotations

import threading
from typing import BinaryIO, Iterator, Sequence

from ifcbscan.core.bins import EXTENSIONS, Fileset
from ifcbscan.core.checksums import FileSums, Summer, fitting_part_sizes
from ifcbscan.disk.tree import LocalTree
from ifcbscan.errors import FileChanged, Interrupted, LocalFileProblem

_BLOCK = 1024 * 1024

_NO_ETAGS = ("",) * len(EXTENSIONS)


class FileReader:
    """Reads files in blocks and counts the bytes. One for each bin, used by one thread."""

    def __init__(self, tree: LocalTree, stop: threading.Event) -> None:
        """`stop`: set it to end all reading soon, with `Interrupted`."""
        self.bytes = 0
        self._tree = tree
        self._stop = stop

    def sums(self, fileset: Fileset, etags: Sequence[str] = _NO_ETAGS) -> list[FileSums]:
        """The sums of the three files, in the order of EXTENSIONS, of the kinds that can be compared with `etags`.

        Raises FileChanged if a file has not the size any more with which it was found; LocalFileProblem; Interrupted.
        """
        return [self._sums(fileset, extension, etag) for extension, etag in zip(EXTENSIONS, etags)]

    def _sums(self, fileset: Fileset, extension: str, etag: str) -> FileSums:
        summer = Summer(fitting_part_sizes(etag, fileset.size(extension)))
        with self._tree.open(fileset, extension) as file:
            for block in self._blocks(file, fileset, extension):
                self.bytes += len(block)
                summer.update(block)
        sums = summer.sums()
        if sums.size != fileset.size(extension):
            raise FileChanged(f".{extension} changed in {fileset.folder} while it was read")
        return sums

    def _blocks(self, file: BinaryIO, fileset: Fileset, extension: str) -> Iterator[bytes]:
        while True:
            if self._stop.is_set():
                raise Interrupted(130)
            try:
                block = file.read(_BLOCK)
            except OSError as error:
                raise LocalFileProblem(
                    f".{extension} in {fileset.folder} cannot be read: {error.strerror or error}"
                ) from None
            if not block:
                return
            yield block
