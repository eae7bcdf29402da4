"""The local tree: which filesets lie below a folder. Reads names, sizes and times; changes nothing.

Symlinked folders are not followed (no loops, nothing from outside the tree); symlinked files are.
"""

from __future__ import annotations

import ntpath
import os
import stat
from dataclasses import dataclass, field
from typing import BinaryIO, Iterable, Tuple

from ifcbscan.bins import EXTENSIONS, MISSING, Fileset, Pid, folder_end, looks_like_a_pid, parse_pid
from ifcbscan.errors import LocalFileProblem, UsageError

_SUFFIXES = (".hdr", ".adc", ".roi")

#: Of one file: its extension as it is spelt on the disk, its size in bytes, its modification time.
_Member = Tuple[str, int, float]
_ABSENT_HDR, _ABSENT_ADC, _ABSENT_ROI = ((suffix, MISSING, 0.0) for suffix in _SUFFIXES)

#: FIFOs named like a bin must not block the run; 0 where the system has no such flag.
_OPEN_FLAGS = (
    os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
)


#: What systems put at the root of a disk; in lower case. Nobody but the system may read most of them.
_SYSTEM_FOLDERS = frozenset(["lost+found", "system volume information", "$recycle.bin"])

#: Windows opens a path of 260 characters and more only if it is told so. The folders of most instruments are
#: shorter, and are shown as people know them; a bin's file name has up to 30 characters.
_LONG_FOLDER = 220


@dataclass
class Inventory:
    """What a walk found.

    `filesets` has one entry a pid: the complete copy, if there is one. `copies` holds further complete
    copies of the same pid, `fragments` incomplete filesets of pids that are complete elsewhere.
    """

    filesets: dict[Pid, Fileset] = field(default_factory=dict)
    copies: dict[Pid, list[Fileset]] = field(default_factory=dict)
    fragments: list[Fileset] = field(default_factory=list)
    excluded: int = 0  # bins in excluded folders
    foreign: int = 0  # files that are no part of a bin
    misnamed: int = 0  # files that look like a bin's but whose name is no pid
    misnamed_example: str = ""
    links: int = 0  # symbolic links to folders, which are not followed
    link_example: str = ""
    unreadable: int = 0  # folders and files that the system would not show
    unexamined_example: str = ""
    out_of_sight: int = 0  # folders that may hold bins and were not looked into
    warnings: list[str] = field(default_factory=list)

    def add(self, fileset: Fileset) -> None:
        """Take in one fileset; folders must come in a fixed order, so that the choice of a copy is one, too."""
        known = self.filesets.get(fileset.pid)
        if known is None:
            self.filesets[fileset.pid] = fileset
        elif not fileset.complete:
            self.fragments.append(fileset)
        elif not known.complete:
            self.fragments.append(known)
            self.filesets[fileset.pid] = fileset
        else:
            self.copies.setdefault(fileset.pid, []).append(fileset)


class LocalTree:
    """The folder that the instrument writes to, or a copy of it."""

    def __init__(self, root: str, exclude: Iterable[str] = (), not_before: float | None = None) -> None:
        """`exclude`: names of folders to leave out, in any case of letters. `not_before`: only bins whose
        pid's time is not earlier (seconds since 1970, UTC)."""
        self.root = _reachable(root)
        self._exclude: frozenset[str] = frozenset(name.lower() for name in exclude)
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
        inventory = Inventory()
        pending: list[tuple[str, bool]] = [(self.root, False)]
        while pending:
            folder, excluded = pending.pop()
            try:
                subfolders = self._read_folder(folder, excluded, inventory)
            except OSError as error:
                if folder == self.root:
                    raise UsageError(
                        f"The data folder {folder} cannot be read: {error.strerror}. Nothing was sent."
                    ) from None
                inventory.unreadable += 1
                inventory.warnings.append(
                    f"the folder {folder} cannot be read ({error.strerror}): bins in it are not seen"
                )
                continue
            for name in sorted(subfolders, reverse=True):
                if self._not_before is not None and folder_end(name) <= self._not_before:
                    continue
                pending.append(
                    (_reachable(os.path.join(folder, name)), excluded or name.lower() in self._exclude)
                )
        if inventory.unexamined_example:
            inventory.warnings.append(
                f"some files cannot be examined, so their bins count as incomplete; the first: {inventory.unexamined_example}"
            )
        if inventory.links:
            inventory.warnings.append(
                f"{inventory.links} symbolic links to folders are not followed, so bins behind them are not seen (the first: "
                f"{inventory.link_example}); give the folder itself as DIR"
            )
        if inventory.misnamed:
            inventory.warnings.append(
                f"{inventory.misnamed} files look like a bin's but their name is no valid bin id, so the dashboard could not show "
                f"them; they are not sent (the first: {inventory.misnamed_example})"
            )
        return inventory

    def _read_folder(self, folder: str, excluded: bool, inventory: Inventory) -> list[str]:
        """Take in the files of one folder and return the names of its subfolders."""
        stems: dict[str, list[os.DirEntry[str]]] = {}
        subfolders: list[str] = []
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                if name[-4:] in _SUFFIXES or name[-4:].lower() in _SUFFIXES:
                    stems.setdefault(name[:-4], []).append(entry)
                elif entry.is_dir(follow_symlinks=False):
                    if name.lower() not in _SYSTEM_FOLDERS and not name.startswith(".Trash"):
                        subfolders.append(name)
                else:
                    inventory.foreign += 1
                    if entry.is_symlink() and _is_folder(entry):
                        inventory.links += 1
                        inventory.link_example = inventory.link_example or entry.path
        for stem in sorted(stems):
            pid = parse_pid(stem)
            if pid is None:
                self._take_foreign(stem, stems[stem], subfolders, inventory)
            elif self._not_before is not None and pid.sample_time < self._not_before:
                continue
            elif excluded:
                inventory.excluded += 1
            else:
                for fileset in _filesets(pid, folder, stems[stem], subfolders, inventory):
                    inventory.add(fileset)
        return subfolders

    @staticmethod
    def _take_foreign(
        stem: str, entries: list[os.DirEntry[str]], subfolders: list[str], inventory: Inventory
    ) -> None:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                subfolders.append(entry.name)
                continue
            inventory.foreign += 1
            if looks_like_a_pid(stem):
                inventory.misnamed += 1
                inventory.misnamed_example = inventory.misnamed_example or entry.path

    def refresh(self, fileset: Fileset) -> Fileset:
        """The same fileset as it is on the disk now; members that are gone are `MISSING`."""
        sizes = []
        changed = 0.0
        for extension in EXTENSIONS:
            try:
                status = os.stat(os.path.join(fileset.folder, fileset.name(extension)))
            except FileNotFoundError:
                sizes.append(MISSING)
                continue
            except OSError as error:
                raise _problem(fileset, extension, error) from None
            sizes.append(status.st_size)
            changed = max(changed, status.st_mtime)
        return Fileset(fileset.pid, fileset.folder, fileset.suffixes, sizes[0], sizes[1], sizes[2], changed)

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
        return os.fdopen(descriptor, "rb")


def _reachable(folder: str) -> str:
    return folder if os.name != "nt" else extended(folder)


def extended(folder: str) -> str:
    r"""An absolute Windows folder as it can be opened however long it is: long ones as `\\?\D:\...`."""
    if len(folder) < _LONG_FOLDER or folder.startswith("\\\\?\\") or not ntpath.splitdrive(folder)[0]:
        return folder
    plain = ntpath.normpath(folder)  # after the prefix "/", "." and ".." mean nothing special
    return "\\\\?\\UNC" + plain[1:] if plain.startswith("\\\\") else "\\\\?\\" + plain


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # links that go round in a circle
        return False


def _problem(fileset: Fileset, extension: str, error: OSError) -> LocalFileProblem:
    return LocalFileProblem(f".{extension} in {fileset.folder} cannot be read: {error.strerror or error}")


def _filesets(
    pid: Pid, folder: str, entries: list[os.DirEntry[str]], subfolders: list[str], inventory: Inventory
) -> list[Fileset]:
    """One fileset; more where a member is there in several spellings (`.roi`, `.ROI`), as if they were copies."""
    spellings: dict[str, list[_Member]] = {}
    if len(entries) > 1:
        entries.sort(key=_lower_case_first, reverse=True)
    for entry in entries:
        try:
            # A folder's own record of a file lags behind on Windows while the file is being written.
            status = entry.stat() if os.name == "posix" else os.stat(entry.path)
        except FileNotFoundError:
            continue  # gone since the folder was read: as if it had never been there
        except OSError as error:
            inventory.unreadable += 1
            inventory.unexamined_example = inventory.unexamined_example or f"{entry.path} ({error.strerror})"
            continue
        if not stat.S_ISREG(status.st_mode):
            if entry.is_dir(follow_symlinks=False):
                subfolders.append(entry.name)  # a folder that is called like a bin's file
            else:
                inventory.foreign += 1
            continue
        suffix = entry.name[-4:]
        spellings.setdefault(suffix[1:].lower(), []).append((suffix, status.st_size, status.st_mtime))
    if not spellings:
        return []
    copies = max(map(len, spellings.values()))
    return [
        _fileset(pid, folder, {ext: found[min(copy, len(found) - 1)] for ext, found in spellings.items()})
        for copy in range(copies)
    ]


def _lower_case_first(entry: os.DirEntry[str]) -> str:
    return entry.name


def _fileset(pid: Pid, folder: str, members: dict[str, _Member]) -> Fileset:
    hdr, hdr_size, hdr_changed = members.get("hdr", _ABSENT_HDR)
    adc, adc_size, adc_changed = members.get("adc", _ABSENT_ADC)
    roi, roi_size, roi_changed = members.get("roi", _ABSENT_ROI)
    changed = max(hdr_changed, adc_changed, roi_changed)
    suffixes = (hdr, adc, roi)
    # One tuple for all filesets that are spelt the usual way.
    return Fileset(
        pid, folder, _SUFFIXES if suffixes == _SUFFIXES else suffixes, hdr_size, adc_size, roi_size, changed
    )
