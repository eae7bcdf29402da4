"""The files of one bin as the system shows them: from `os.stat` to a Fileset. Opens nothing and finds nothing."""

from __future__ import annotations

import ntpath
import os
from typing import Mapping, Tuple

from ifcbscan.core.bins import MISSING, NEVER, Fileset, Pid, pack_stamps

#: The ends of the names of a bin's files, in the order of `bins.EXTENSIONS`.
SUFFIXES = (".hdr", ".adc", ".roi")

#: Of one file: its extension as it is spelt on the disk, its size in bytes, its modification time, its mark.
Member = Tuple[str, int, float, int]
_ABSENT_HDR, _ABSENT_ADC, _ABSENT_ROI = ((suffix, MISSING, NEVER, 0) for suffix in SUFFIXES)

#: Windows opens a path of 260 characters and more only if it is told so. The folders of most instruments are
#: shorter, and are shown as people know them; a bin's file name has up to 30 characters.
_LONG_FOLDER = 220


def reachable(folder: str) -> str:
    """A folder as this system can open it, however long its path is."""
    return folder if os.name != "nt" else extended(folder)


def extended(folder: str) -> str:
    r"""An absolute Windows folder as it can be opened however long it is: long ones as `\\?\D:\...`."""
    if len(folder) < _LONG_FOLDER or folder.startswith("\\\\?\\") or not ntpath.splitdrive(folder)[0]:
        return folder
    plain = ntpath.normpath(folder)  # after the prefix "/", "." and ".." mean nothing special
    return "\\\\?\\UNC" + plain[1:] if plain.startswith("\\\\") else "\\\\?\\" + plain


if os.name == "posix":

    def member(suffix: str, status: os.stat_result) -> Member:
        """One file, of what `os.stat` says of it."""
        # The time of the last change of the inode: nobody can set it back, as `rsync -t` does with the other one.
        return suffix, status.st_size, status.st_mtime, status.st_ctime_ns

else:

    def member(suffix: str, status: os.stat_result) -> Member:
        """One file, of what `os.stat` says of it."""
        # On Windows st_ctime is when the file was made; the file's number tells a file that took another's place.
        return suffix, status.st_size, status.st_mtime, status.st_ino


def fileset_of(pid: Pid, folder: str, members: Mapping[str, Member]) -> Fileset:
    """A fileset of the members that are there, by extension (`hdr`, `adc`, `roi`)."""
    hdr, hdr_size, hdr_time, hdr_mark = members.get("hdr", _ABSENT_HDR)
    adc, adc_size, adc_time, adc_mark = members.get("adc", _ABSENT_ADC)
    roi, roi_size, roi_time, roi_mark = members.get("roi", _ABSENT_ROI)
    suffixes = (hdr, adc, roi)
    # One tuple for all filesets that are spelt the usual way.
    return Fileset(
        pid,
        folder,
        SUFFIXES if suffixes == SUFFIXES else suffixes,
        hdr_size,
        adc_size,
        roi_size,
        pack_stamps((hdr_time, adc_time, roi_time), (hdr_mark, adc_mark, roi_mark)),
    )
