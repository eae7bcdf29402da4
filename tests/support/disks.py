"""The disks of the model's world: bins that grow, are written again in place, or are copied piece by piece.

Every bin has, for each of its three files, contents of one size in several versions. A file on a disk shows a
beginning of one version, or as many zeros: so does a copy whose program makes the file as large as it will be
and fills it later.
"""

from __future__ import annotations

import itertools
from functools import lru_cache
from typing import Callable, Iterable, NamedTuple, Tuple

from ifcbscan.core.bins import EXTENSIONS
from ifcbscan.demo.sample_bins import BinContents, bin_contents
from support.fakes import LocalFile

QUARTERS = 4
"""Files grow in quarters of what they are in the end."""

VERSIONS = 10
"""So many contents of equal size a file can have."""

Triple = Tuple[bytes, bytes, bytes]  # hdr, adc, roi


class _Written(NamedTuple):
    """How much of a file is there, of which version; `blank`: zeros so far."""

    quarters: int
    version: int = 0
    blank: bool = False


@lru_cache(maxsize=None)
def contents(pid: str, version: int) -> BinContents:
    """A bin of three images that is whole. Versions differ from the first byte of each file on, not in size."""
    first = bin_contents(pid, 3, roi_bytes=300)
    # An .adc begins with the number of a trigger; which one does not matter to anybody.
    trigger = (int(first.adc[:1]) + version) % VERSIONS
    return BinContents(
        bytes([first.hdr[0] + version]) + first.hdr[1:],
        str(trigger).encode() + first.adc[1:],
        bytes((value + version) % 256 for value in first.roi),
    )


class Disk:
    """The files of one disk, as `FakeTree` wants them: path -> LocalFile."""

    def __init__(self, changed: Callable[[Disk, str, str], None]) -> None:
        """`changed(disk, folder, pid)` is called after every change of a bin's files."""
        self.files: dict[str, LocalFile] = {}
        self._written: dict[tuple[str, str, str], _Written] = {}
        self._stamps = itertools.count(1)
        self._changed = changed

    def quarters(self, folder: str, pid: str, extension: str) -> int:
        """How far a file has been written."""
        return self._written.get((folder, pid, extension), _Written(0)).quarters

    def grow(self, folder: str, pid: str, extension: str, quarters: int, changed: float) -> None:
        """A file is written as far as `quarters`, or has been further already; if it was blank, it is filled."""
        old = self._written.get((folder, pid, extension), _Written(0))
        self._write(folder, pid, extension, _Written(max(old.quarters, quarters), old.version), changed)

    def preallocate(self, folder: str, pid: str, extension: str, changed: float) -> None:
        """A copy makes a file as large as it will be, of zeros; one that was there is copied anew."""
        old = self._written.get((folder, pid, extension), _Written(0))
        self._write(folder, pid, extension, _Written(QUARTERS, old.version, True), changed)

    def rewrite(self, folder: str, pid: str, extensions: Iterable[str], changed: float | None) -> None:
        """Files get other content of equal size, all at once; `changed` None: their times stay (`rsync -t`)."""
        versions = [self._written.get((folder, pid, ext), _Written(0)).version for ext in EXTENSIONS]
        version = (max(versions) + 1) % VERSIONS
        for extension in extensions:
            old = self._written.get((folder, pid, extension))
            if old is not None and not old.blank:
                path = self._path(folder, pid, extension)
                time = self.files[path].changed if changed is None else changed
                self._set(folder, pid, extension, old._replace(version=version), time)
        self._changed(self, folder, pid)

    def remove(self, folder: str, pid: str) -> None:
        """A bin is deleted."""
        for extension in EXTENSIONS:
            self._written.pop((folder, pid, extension), None)
            self.files.pop(self._path(folder, pid, extension), None)
        self._changed(self, folder, pid)

    def write_foreign(self, name: str, changed: float) -> None:
        """A file that is no part of a bin."""
        self.files["/data/" + name] = LocalFile(b"no part of a bin", changed, next(self._stamps))

    def folders(self, pid: str) -> list[str]:
        """The folders that hold any file of a bin."""
        return sorted({folder for folder, other, _ in self._written if other == pid})

    def versions(self, pid: str, extension: str) -> set[tuple[int, bool]]:
        """Which versions (and zeros) of a file lie on this disk."""
        return {
            (written.version, written.blank)
            for (_, other, ext), written in self._written.items()
            if (other, ext) == (pid, extension) and written.quarters
        }

    def triple(self, folder: str, pid: str) -> Triple | None:
        """The bytes of the three files; None if one is not there."""
        found = [self.files.get(self._path(folder, pid, extension)) for extension in EXTENSIONS]
        bodies = tuple(file.body for file in found if file is not None)
        return bodies if len(bodies) == 3 else None

    def is_whole(self, folder: str, pid: str) -> bool:
        """Whether the three files have been written to their ends."""
        written = [self._written.get((folder, pid, extension), _Written(0)) for extension in EXTENSIONS]
        return all(one.quarters == QUARTERS and not one.blank for one in written)

    def _path(self, folder: str, pid: str, extension: str) -> str:
        return f"/data/{folder}/{pid}.{extension}"

    def _write(self, folder: str, pid: str, extension: str, written: _Written, changed: float) -> None:
        self._set(folder, pid, extension, written, changed)
        self._changed(self, folder, pid)

    def _set(self, folder: str, pid: str, extension: str, written: _Written, changed: float) -> None:
        full: bytes = getattr(contents(pid, written.version), extension)
        body = full[: len(full) * written.quarters // QUARTERS]
        self._written[folder, pid, extension] = written
        self.files[self._path(folder, pid, extension)] = LocalFile(
            bytes(len(body)) if written.blank else body, changed, next(self._stamps)
        )
