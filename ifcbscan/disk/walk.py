"""One walk through the local tree: which filesets lie below a folder. Reads names, sizes and times; opens no file.

Symlinked folders are not followed (no loops, nothing from outside the tree); symlinked files are.
"""

from __future__ import annotations

import datetime
import enum
import itertools
import operator
import os
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Callable, Iterator

from ifcbscan.core.bins import Fileset, Pid, folder_end, looks_like_a_copy, looks_like_a_pid, parse_pid
from ifcbscan.core.window import EVERYTHING, Window
from ifcbscan.core.words import counted
from ifcbscan.disk.files import SUFFIXES, Member, fileset_of, member, reachable
from ifcbscan.errors import UsageError

if TYPE_CHECKING:
    from ifcbscan.core.part import Part

#: What systems put at the root of a disk; in lower case. Nobody but the system may read most of them.
_SYSTEM_FOLDERS = frozenset(["lost+found", "system volume information", "$recycle.bin"])

#: So many unreadable folders are named one by one.
_MOST_NAMED = 3

#: The last second of the year 9999, the last that Python's calendar knows.
_END_OF_TIME = 253402300799


@dataclass
class Inventory:
    """What a walk found.

    `filesets` has one entry a pid: the complete copy, if there is one. `copies` holds further complete
    copies of the same pid, `fragments` further incomplete filesets of a pid.
    """

    filesets: dict[Pid, Fileset] = field(default_factory=dict)
    copies: dict[Pid, list[Fileset]] = field(default_factory=dict)
    fragments: list[Fileset] = field(default_factory=list)
    excluded: int = 0  # bins that lie in excluded folders and nowhere else
    excluded_copies: int = 0  # bins that lie in excluded folders and elsewhere, too
    outside: int = (
        0  # bins outside the window, in folders that are not excluded; their files were not looked at
    )
    other_parts: int = (
        0  # bins of the window in other parts than the one wanted; their files were not looked at
    )
    others_complete: bool = False  # a bin of these others has all its files in one folder, by their names
    passed_over: bool = False  # bins, or folders of days, that are older than what was wanted
    foreign: int = 0  # files that are no part of a bin
    misnamed: int = 0  # files that look like a bin's but whose name is no pid
    unreadable: int = 0  # folders and files that the system would not show
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


class _Place(enum.Enum):
    """What becomes of the bins in a folder."""

    COUNTED = "counted"
    EXCLUDED = "excluded"  # counted, and otherwise left alone
    SYSTEM = "system"  # belongs to the system: only looked for bins that would be lost to view


class _Examples:
    """Counts cases, and keeps the first few of them by name: a thousand lines help nobody."""

    def __init__(self) -> None:
        self.count = 0
        self.first: list[str] = []

    def add(self, text: str) -> None:
        self.count += 1
        if len(self.first) < _MOST_NAMED:
            self.first.append(text)


class Walk:
    """One walk. Keeps of a folder no more than the names of the files that count: there may be a million in one."""

    def __init__(
        self,
        root: str,
        exclude: frozenset[str],
        not_before: float | None,
        getting_on: Callable[[], None],
        window: Window = EVERYTHING,
        part: Part | None = None,
    ) -> None:
        self._root = root
        self._getting_on = getting_on
        self._exclude = exclude
        self._not_before = not_before
        self._oldest_day = "" if not_before is None or not_before < 0 else _day(not_before)
        self._found = Inventory()
        self._window = window
        self._is_windowed = window != EVERYTHING
        self._part = part
        self._excluded: set[Pid] = set()
        self._outside: set[Pid] = set()
        self._other_parts: set[Pid] = set()
        self._pending: list[tuple[str, _Place]] = [(root, _Place.COUNTED)]
        self._unreadable = _Examples()
        self._unexamined = _Examples()
        self._misnamed = _Examples()
        self._links = _Examples()
        self._system = _Examples()
        self._last_system = ""  # the last folder counted there

    def walk(self) -> Inventory:
        """Look into every folder. Raises UsageError if the root cannot be read."""
        while self._pending:
            folder, place = self._pending.pop()
            self._getting_on()
            try:
                subfolders = self._read_folder(folder, place)
            except OSError as error:
                self._cannot_read(folder, place, error)
                continue
            for name in sorted(subfolders, reverse=True):
                if self._not_before is not None and folder_end(name) <= self._not_before:
                    self._found.passed_over = True
                    continue
                inside = (
                    _Place.EXCLUDED if place is _Place.COUNTED and name.lower() in self._exclude else place
                )
                self._pending.append((reachable(os.path.join(folder, name)), inside))
        found = self._found
        # Each bin is in one count: an excluded folder is looked at after all others.
        found.excluded = len(self._excluded.difference(found.filesets, self._outside, self._other_parts))
        found.excluded_copies = sum(pid in found.filesets for pid in self._excluded)
        found.outside = len(self._outside)
        found.other_parts = len(self._other_parts)
        found.misnamed = self._misnamed.count
        found.unreadable = self._unreadable.count + self._unexamined.count
        found.out_of_sight = self._links.count + self._system.count
        found.warnings.extend(self._warnings())
        return found

    def _cannot_read(self, folder: str, place: _Place, error: OSError) -> None:
        if folder == self._root:
            raise UsageError(
                f"The data folder {folder} cannot be read: {error.strerror}. Nothing was sent."
            ) from None
        if place is not _Place.SYSTEM:  # such as lost+found, which only root may read
            self._unreadable.add(
                f"the folder {folder} cannot be read ({error.strerror}): bins in it are not seen"
            )

    def _warnings(self) -> Iterator[str]:
        yield from self._unreadable.first
        if self._unreadable.count > len(self._unreadable.first):
            more = self._unreadable.count - len(self._unreadable.first)
            them = "it" if more == 1 else "them"
            yield f"{counted(more, 'more folder')} cannot be read: bins in {them} are not seen"
        if self._unexamined.count:
            yield (
                f"some files cannot be examined, so their bins count as incomplete; the first: {self._unexamined.first[0]}"
            )
        if self._links.count == 1:
            yield (
                "1 symbolic link leads to a folder elsewhere, or to nothing, and is not followed, so bins behind it are not seen "
                f"({self._links.first[0]}); give the folder itself as DIR"
            )
        elif self._links.count:
            yield (
                f"{self._links.count:,} symbolic links lead to folders elsewhere, or to nothing, and are not followed, so bins "
                f"behind them are not seen (the first: {self._links.first[0]}); give the folder itself as DIR"
            )
        for folder in self._system.first:
            yield (
                f"bins lie in {folder}, a folder of the system that is not looked into, so they are left out; move them out of "
                "it if they are needed"
            )
        if self._misnamed.count == 1:
            yield (
                "1 file looks like a bin's but its name is no valid bin id, so the dashboard could not show it; it is left out "
                f"({self._misnamed.first[0]})"
            )
        elif self._misnamed.count:
            yield (
                f"{self._misnamed.count:,} files look like a bin's but their name is no valid bin id, so the dashboard could not show "
                f"them; they are left out (the first: {self._misnamed.first[0]})"
            )

    def _read_folder(self, folder: str, place: _Place) -> list[str]:
        """Take in the files of one folder and return the names of its subfolders."""
        names: list[str] = []
        subfolders: list[str] = []
        oldest_day = self._oldest_day
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                if name[-4:] in SUFFIXES or name[-4:].lower() in SUFFIXES:
                    if oldest_day and self._is_older(name):
                        self._found.passed_over = True
                    else:
                        names.append(name)
                elif entry.is_dir(follow_symlinks=False):
                    if not _belongs_to_system(name):
                        subfolders.append(name)
                    elif self._not_before is None and place is _Place.COUNTED:
                        self._pending.append((reachable(entry.path), _Place.SYSTEM))
                else:
                    self._found.foreign += place is not _Place.SYSTEM
                    if place is _Place.COUNTED and looks_like_a_copy(name) and not self._is_older(name):
                        self._misnamed.add(entry.path)
                    elif entry.is_symlink():
                        self._look_at_link(entry.path)
        names.sort(key=_stem)
        for stem, members in itertools.groupby(names, key=_stem):
            self._take(folder, place, stem, list(members), subfolders)
        return subfolders

    def _is_older(self, name: str) -> bool:
        """Whether a file's name says that its bin is of a day before the first one wanted. Quick, for a million."""
        return name[1:9] < self._oldest_day and name[0] == "D" and name[1:9].isdigit()

    def _look_at_link(self, path: str) -> None:
        if _may_hide_a_folder(path) and not self._is_inside(path):
            self._links.add(path)

    def _is_inside(self, link: str) -> bool:
        """Whether a link leads to a place in this tree, which the walk comes to by itself."""
        root, target = (os.path.normcase(os.path.realpath(path)) for path in (self._root, link))
        return target == root or target.startswith(os.path.join(root, ""))

    def _take(self, folder: str, place: _Place, stem: str, names: list[str], subfolders: list[str]) -> None:
        pid = parse_pid(stem)
        if place is _Place.SYSTEM:
            self._take_in_system(folder, names, subfolders)
        elif pid is None:
            self._take_foreign(folder, place, stem, names, subfolders)
        elif self._not_before is not None and pid.sample_time < self._not_before:
            self._found.passed_over = True
        elif place is _Place.EXCLUDED:
            self._excluded.add(pid)
        elif self._is_windowed and not self._window.holds(pid):
            self._outside.add(pid)
        elif self._part is not None and not self._part.holds(pid):
            self._other_parts.add(pid)
            if not self._found.others_complete:
                self._found.others_complete = len({name[-4:].lower() for name in names}) == len(SUFFIXES)
        else:
            self._getting_on()
            for fileset in self._filesets(pid, folder, names, subfolders):
                self._found.add(fileset)

    def _take_in_system(self, folder: str, names: list[str], subfolders: list[str]) -> None:
        for name in names:
            if _is_real_folder(os.path.join(folder, name)):
                subfolders.append(name)
            elif folder != self._last_system:
                # Whatever the stem: Windows gives a file in its trash a name of its own, with the old extension.
                self._system.add(folder)
                self._last_system = folder

    def _take_foreign(
        self, folder: str, place: _Place, stem: str, names: list[str], subfolders: list[str]
    ) -> None:
        for name in names:
            path = os.path.join(folder, name)
            if _is_real_folder(path):
                subfolders.append(name)
                continue
            self._found.foreign += 1
            if looks_like_a_pid(stem):
                if place is _Place.COUNTED:  # what lies in an excluded folder was left out on purpose
                    self._misnamed.add(path)
            elif os.path.islink(path):
                self._look_at_link(path)

    def _filesets(self, pid: Pid, folder: str, names: list[str], subfolders: list[str]) -> list[Fileset]:
        """One fileset; more where a member is there in several spellings (`.roi`, `.ROI`), as if they were copies."""
        first: dict[str, Member] = {}
        further: dict[str, list[Member]] = {}
        names.sort(reverse=True)  # lower case first
        inside = os.path.join(folder, "")
        for name in names:
            path = inside + name
            try:
                # Not from the folder's own record of the file, which lags behind on Windows while it is being written.
                status = os.stat(path)
            except FileNotFoundError:
                # Gone since the folder was read: as if it had never been there. But the link to a file on a disk that
                # is not mounted is there.
                if os.path.islink(path):
                    self._unexamined.add(f"{path} (a link that leads to nothing)")
                continue
            except OSError as error:
                self._unexamined.add(f"{path} ({error.strerror})")
                continue
            if not stat.S_ISREG(status.st_mode):
                if stat.S_ISDIR(status.st_mode) and not os.path.islink(path):
                    subfolders.append(name)  # a folder that is called like a bin's file
                else:
                    self._found.foreign += 1
                continue
            suffix = name[-4:]
            extension = suffix[1:].lower()
            if extension in first:
                further.setdefault(extension, []).append(member(suffix, status))
            else:
                first[extension] = member(suffix, status)
        if not first:
            return []
        found = [fileset_of(pid, folder, first)]
        for copy in range(max(map(len, further.values()), default=0)):
            others = {
                extension: members[min(copy, len(members) - 1)] for extension, members in further.items()
            }
            found.append(fileset_of(pid, folder, {**first, **others}))
        return found


#: A name without its extension. (In C: it is asked for twice for every file.)
_stem = operator.itemgetter(slice(None, -4))


def _day(seconds: float) -> str:
    """`20130526`: the day of a moment (seconds since 1970, UTC), as pids of the new style name it."""
    return (datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=min(seconds, _END_OF_TIME))).strftime(
        "%Y%m%d"
    )


def _belongs_to_system(name: str) -> bool:
    return name.lower() in _SYSTEM_FOLDERS or name.startswith(".Trash")


def _is_real_folder(path: str) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)


def _may_hide_a_folder(link: str) -> bool:
    """Whether a link leads to a folder, or to nothing: perhaps to a folder on a disk that is not mounted."""
    try:
        return stat.S_ISDIR(os.stat(link).st_mode)
    except FileNotFoundError:
        return True
    except OSError:  # links that go round in a circle
        return False
