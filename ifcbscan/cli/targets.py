"""Paths that people give, and whether ifcbscan may write there. Writes nothing itself.

Rules that keep every option that names a file to be written from costing data. Nothing is ever written to a file
that is called like a bin's, or that is one of ifcbscan's own records. No page is newly made in a data folder. A file
that would be replaced must be empty, or its beginning must show that ifcbscan has made it. A log, which is appended to,
may go to a file of another kind, but not in the data folder, whatever way leads into it, and never to the settings.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from typing import Callable, Iterable

from ifcbscan.atomic import read_head
from ifcbscan.errors import IfcbscanError, UsageError
from ifcbscan.state import paths

#: So many bytes of a file are looked at.
_LOOKED_AT = 65536

#: The first file in a bundle of `ifcbscan check`, by which it is known again.
BUNDLE_ABOUT = "ifcbscan-bundle.txt"

_SUFFIXES = (".hdr", ".adc", ".roi")

#: What the names of the records have in them that runs keep in their state folder, behind the digest of the job (whose
#: time series may itself be called `a.json`). Logs lie there, too.
_RECORD = re.compile(r"\.(?:lock|named|claims|json)\b(?!.*-[0-9a-f]{12}\b)")

#: How a line of the log begins (log.open_log); after the remains of another one, if the disk was full.
_LOG_LINE = re.compile(rb"[^\n]*?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (?:DEBUG|INFO|WARNING|ERROR|CRITICAL) ")


def absolute(path: str) -> str:
    """`path` with the home folder in the place of `~`, made absolute. Raises UsageError if that cannot be done."""
    try:
        return os.path.abspath(os.path.expanduser(path))
    except FileNotFoundError:
        raise UsageError(
            f"The current folder has been deleted, so there is no telling where {path} is. Nothing was done. Change "
            "into another folder, or write the whole path."
        ) from None


def current_folder() -> str | None:
    """The current folder; None if it has been deleted."""
    try:
        return os.getcwd()
    except FileNotFoundError:
        return None


def is_log(head: bytes) -> bool:
    """Whether a file that begins so is a log of ifcbscan's."""
    return _LOG_LINE.match(head) is not None


def is_page(head: bytes) -> bool:
    """Whether a file that begins so is a page of `ifcbscan report`."""
    return b'<meta name="generator" content="ifcbscan ' in head


def is_metrics(head: bytes) -> bool:
    """Whether a file that begins so is a metrics file of ifcbscan's."""
    return head.startswith(b"# HELP ifcbscan_")


def is_bundle(head: bytes) -> bool:
    """Whether a file that begins so is a bundle of `ifcbscan check`: a zip whose first file is the one that says so."""
    name = BUNDLE_ABOUT.encode("ascii")
    return head[:4] == b"PK\x03\x04" and head[26:28] == bytes([len(name), 0]) and head[30:].startswith(name)


def is_path_list(head: bytes) -> bool:
    """Whether a file that begins so is a list of deletable files: bin after bin, the three paths of each and of its copies.

    Copies may share files (`.roi` and `.ROI` beside one `.hdr`), and each path is there once.
    """
    paths = head.split(b"\0" if b"\0" in head else b"\n")[:-1]  # the last one may be cut off
    suffixes = [path[-4:].lower() for path in paths]
    known = list(map(str.encode, _SUFFIXES))
    one_bin = len({path[:-4] for path in paths[:3]}) == 1
    return suffixes[:3] == known and one_bin and all(suffix in known for suffix in suffixes)


def check_log(option: str, path: str, parts: int, directory: str | None, settings: str | None) -> None:
    """The same as `check_target` for a log that is rotated through `path.1` to `path.<parts>`.

    `settings`: the settings file in use, None if there is none or it is not known.
    """
    for name in log_parts(path, parts):
        if settings is not None and is_same_file(name, settings):
            raise UsageError(
                f"{option}: {name} is the settings file, and no log is ever written to it. Nothing was done; choose "
                "another name."
            )
        check_target(option, name, is_log, directory)


def log_parts(path: str, parts: int) -> list[str]:
    """The files of a log: the one that is written, and those that it becomes in turn."""
    return [path, *(f"{path}.{part}" for part in range(1, parts + 1))]


def check_replaced(option: str, path: str, made_by_us: Callable[[bytes], bool]) -> None:
    """The same as `check_target` for a file that is replaced as a whole, wherever it lies, and not by a stream."""
    if path.startswith(("/dev/", "/proc/")) and not path.startswith("/dev/shm/"):
        raise UsageError(
            f"{option}: {path} cannot be replaced: it is no plain file. Nothing was done; name a file on a disk."
        )
    check_target(option, path, made_by_us, None)


def check_not_new_in(option: str, path: str, directories: Iterable[str]) -> None:
    """Raises UsageError if `path` (absolute) would be made in one of these data folders, whatever links lead there.

    What is there already is judged by `check_target`.
    """
    if os.path.exists(path):
        return
    for directory in directories:
        if is_inside(path, directory):
            raise UsageError(
                f"{option}: {path} lies in the data folder {directory}, where nothing is ever written. Nothing was done; "
                "choose another place."
            )


def is_same_file(path: str, other: str) -> bool:
    """Whether two paths (absolute) are one file, or would be if it were there."""
    with contextlib.suppress(OSError):
        return os.path.samefile(path, other)
    return os.path.normcase(os.path.realpath(path)) == os.path.normcase(os.path.realpath(other))


def check_target(option: str, path: str, made_by_us: Callable[[bytes], bool], directory: str | None) -> None:
    """Raises UsageError if nothing may be written to `path` (absolute), which was given with `option`.

    `made_by_us` judges the beginning of a file. `directory`: the folder in which that counts, None for
    everywhere. What is no plain file is not judged here: it is refused when it is opened.
    """
    for name in (path, os.path.realpath(path)):
        if _is_called_like_a_bins(os.path.basename(name)):
            raise UsageError(
                f"{option}: {path} is called like a file of a bin, and nothing is ever written to one. Nothing was done; "
                "choose another name."
            )
        if _is_record(name):
            raise UsageError(
                f"{option}: {path} is a record that ifcbscan keeps for itself. Nothing was done; choose another name."
            )
    try:
        status = os.stat(path)
    except OSError:
        return  # there is nothing yet
    if not stat.S_ISREG(status.st_mode) or not status.st_size:
        return
    # A file of several names (hard links) may have one of them in the data folder.
    if directory is not None and status.st_nlink <= 1 and not is_inside(path, directory):
        return
    head = b""
    with contextlib.suppress(OSError):
        head = read_head(path, _LOOKED_AT)
    # Of zeros alone is what a power failure leaves of a file.
    if made_by_us(head.lstrip(b"\0")) or (head and not head.strip(b"\0")):
        return
    if directory is None:
        raise UsageError(
            f"{option}: {path} is a file that ifcbscan has not made, so it is not replaced. Nothing was done; choose "
            "another name, or take that file away if nobody needs it."
        )
    raise UsageError(
        f"{option}: {path} lies in the data folder (or is linked with a file there) and was not made by ifcbscan, so it is "
        "not touched. Nothing was done; choose another place."
    )


def _is_record(path: str) -> bool:
    if not _RECORD.search(os.path.basename(path)):
        return False
    with contextlib.suppress(OSError, IfcbscanError):
        return os.path.samefile(os.path.dirname(path), paths.state_folder())
    return False


def _is_called_like_a_bins(name: str) -> bool:
    # Windows drops points and spaces at the end of a name, and writes "a.roi:b" into a.roi.
    return any(part.rstrip(". ").lower().endswith(_SUFFIXES) for part in (name, name.partition(":")[0]))


def is_inside(path: str, directory: str) -> bool:
    """Whether `path` (absolute) lies below `directory`, by name or by whatever links lead there."""
    root = None
    with contextlib.suppress(OSError):
        root = os.stat(directory)
    return any(
        _is_same(folder, directory, root)
        for name in (path, os.path.realpath(path))
        for folder in _folders_above(name)
    )


def _folders_above(path: str) -> Iterable[str]:
    while True:
        folder = os.path.dirname(path)
        if folder == path:
            return
        yield folder
        path = folder


def _is_same(folder: str, directory: str, root: os.stat_result | None) -> bool:
    if os.path.normcase(os.path.realpath(folder)) == os.path.normcase(os.path.realpath(directory)):
        return True
    # Upper and lower case on macOS, a bind mount: the same folder by another name.
    with contextlib.suppress(OSError):
        return root is not None and os.path.samestat(os.stat(folder), root)
    return False
