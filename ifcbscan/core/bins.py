"""Bins as the field names them: pids, local filesets, what the bucket holds of a bin, and its keys.

Pure: no input or output, and nothing imported from the acting half of the package.

- bin: the data of one water sample; *pid*: its permanent id, the stem of its three files.
- fileset: the local `.hdr`, `.adc` and `.roi` of one bin in one folder.
- key: the name of an object in the bucket. Keys are computed from the pid, never searched for.
"""

from __future__ import annotations

import calendar
import datetime
import math
import re
import struct
from functools import lru_cache
from typing import NamedTuple, Sequence

#: The members of a fileset, in the order in which the instrument writes them.
EXTENSIONS = ("hdr", "adc", "roi")

#: Size of a member that is not there (bytes otherwise).
MISSING = -1

#: Modification time of a member that is not there (seconds since 1970 otherwise, of either sign).
NEVER = -math.inf

#: S3 dates objects and answers to the second, so an age is only known to the second. Seconds.
DATE_STEP = 1.0

# Three modification times and three marks, as `Fileset.stamps` holds them.
_STAMPS = struct.Struct("<3d3Q")
_MARK = 2**64 - 1

# [0-9] and fullmatch on purpose: \d accepts other scripts' digits and $ a trailing newline.
_NEW_STYLE = re.compile(r"D([0-9]{8})T([01][0-9]|2[0-3])([0-5][0-9])([0-5][0-9])_IFCB[0-9]{3}")
_OLD_STYLE = re.compile(r"IFCB[0-9]_([0-9]{4}_[0-9]{3})_([01][0-9]|2[0-3])([0-5][0-9])([0-5][0-9])")
_YEAR_FOLDER = re.compile(r"[0-9]{4}")
_NEW_STYLE_FOLDER = re.compile(r"D[0-9]{8}")
_OLD_STYLE_FOLDER = re.compile(r"IFCB[0-9]_[0-9]{4}_[0-9]{3}")
_ALMOST_A_PID = re.compile(
    r"D[0-9]{6,10}T[0-9]{4,8}_IFCB[0-9]+|IFCB[0-9]+_[0-9]{4}_[0-9]{1,3}_[0-9]{4,8}", re.IGNORECASE
)
# What people and programs put behind the whole name of a file that they copy or replace: `.roi (1)`, `.roi copy`, `.roi.1`,
# `.roi~`, `.roi.bak`. Not what is still being fetched (`.roi.part`).
_COPY_OF_A_MEMBER = re.compile(
    r"\.(?:hdr|adc|roi)(?:[\s(~-].*|\.(?:[0-9]{1,3}|bak|old|orig|copy|save))", re.IGNORECASE
)


@lru_cache(maxsize=8192)
def _new_style_midnight(yyyymmdd: str) -> int | None:
    try:
        day = datetime.date(int(yyyymmdd[:4]), int(yyyymmdd[4:6]), int(yyyymmdd[6:]))
    except ValueError:
        return None
    return calendar.timegm(day.timetuple())


@lru_cache(maxsize=8192)
def _old_style_midnight(yyyy_ddd: str) -> int | None:
    year, yearday = int(yyyy_ddd[:4]), int(yyyy_ddd[5:])
    if year < 1 or not 1 <= yearday <= 365 + calendar.isleap(year):
        return None
    return calendar.timegm((datetime.date(year, 1, 1) + datetime.timedelta(yearday - 1)).timetuple())


class Pid(str):
    """A bin's permanent id, known to be valid: made by `parse_pid` and by nothing else.

    A `str` without attributes of its own, so that a million of them stay small.
    """

    __slots__ = ()

    @property
    def old_style(self) -> bool:
        """True for `IFCB5_2012_028_081515`, False for `D20130526T095207_IFCB013`."""
        return self[0] == "I"

    @property
    def sample_time(self) -> int:
        """When the sample was taken, by the instrument's clock: seconds since 1970, UTC."""
        # Without a call of old_style, and one number of six digits instead of three: full runs ask every bin, twice.
        if self[0] == "I":
            midnight, clock = _old_style_midnight(self[6:14]), int(self[15:21])
        else:
            midnight, clock = _new_style_midnight(self[1:9]), int(self[10:16])
        assert midnight is not None  # parse_pid has checked it
        return midnight + clock // 10000 * 3600 + clock // 100 % 100 * 60 + clock % 100

    @property
    def instrument(self) -> int:
        """The number of the instrument: 13 of `IFCB013`, 5 of `IFCB5_2012_...`."""
        return int(self[4] if self.old_style else self[-3:])

    @property
    def day_folder(self) -> str:
        """`2013/D20130526` or `2012/IFCB5_2012_028`, below the time series.

        New style: where the archive's Lambda moves a bin to (ifcb-data-sharer validate-ifcb-files).
        Old style: where pyifcb's reader, so the dashboard, can see it (pyifcb ifcb/data/files.py).
        """
        if self.old_style:
            return self[6:10] + "/" + self[:14]
        return self[1:5] + "/" + self[:9]

    def key(self, prefix: str, extension: str) -> str:
        """The one key of a member; `prefix` is `<account>/<time series>/`."""
        return f"{prefix}{self.day_folder}/{self}.{extension}"


def parse_pid(text: str) -> Pid | None:
    """The pid that `text` is, or None.

    Accepts exactly what the dashboard can show (pyifcb ifcb/data/identifiers.py), with real calendar days.
    """
    match = _NEW_STYLE.fullmatch(text)
    if match:
        return None if _new_style_midnight(match.group(1)) is None else Pid(text)
    match = _OLD_STYLE.fullmatch(text)
    if match:
        return None if _old_style_midnight(match.group(1)) is None else Pid(text)
    return None


def folder_end(name: str) -> float:
    """The end of the year or day that a folder is named after, in seconds since 1970 (UTC); else infinity.

    `2013`, `D20130526` and `IFCB5_2012_028` are how instruments name folders: below one of them lies no bin
    with a later pid.
    """
    midnight = None
    if _YEAR_FOLDER.fullmatch(name):
        midnight = _new_style_midnight(f"{int(name):04d}1231")
    elif _NEW_STYLE_FOLDER.fullmatch(name):
        midnight = _new_style_midnight(name[1:])
    elif _OLD_STYLE_FOLDER.fullmatch(name):
        midnight = _old_style_midnight(name[6:])
    return math.inf if midnight is None else midnight + 86400.0


def looks_like_a_pid(text: str) -> bool:
    """Whether somebody may have meant `text` as a pid, or made a copy under another name (`copy of D2013...`, `... (1)`).

    Only worth asking where `parse_pid` says None. What macOS lays beside each file on a foreign disk (`._D2013...`)
    holds no data of it.
    """
    return not text.startswith("._") and _ALMOST_A_PID.search(text) is not None


def looks_like_a_copy(name: str) -> bool:
    """Whether a file that does not end like a bin's is a copy of one, with the mark of that behind its name (`...roi (1)`)."""
    end = _COPY_OF_A_MEMBER.search(name)
    return (
        end is not None
        and end.end() == len(name)
        and name[0] != "."
        and looks_like_a_pid(name[: end.start()])
    )


def pack_stamps(times: Sequence[float], marks: Sequence[int] = (0, 0, 0)) -> bytes:
    """What `Fileset.stamps` holds, from values in the order of `EXTENSIONS`.

    `times`: modification times, seconds since 1970 by the clock of whoever wrote the file, any that a file system
    can hold, also before 1970; `NEVER` for a member that is not there. `marks`: what tells a file that was written
    again from the old one although its size and time are the same (any int; 0 where the system has no such thing).
    """
    return _STAMPS.pack(*times, *[mark & _MARK for mark in marks])


class Fileset(NamedTuple):
    """The files of one bin in one folder, as a walk saw them. Compact: there may be a million files.

    Sizes are in bytes, `MISSING` for a member that is not there. `stamps` are the members' modification times and
    marks (`pack_stamps`). Two filesets are equal only if every member has the same size, time and mark.
    `suffixes` are the extensions as they are spelt on the disk (`.roi` or `.ROI`), in the order of `EXTENSIONS`.
    """

    pid: Pid
    folder: str
    suffixes: tuple[str, str, str]
    hdr: int
    adc: int
    roi: int
    stamps: bytes

    @property
    def times(self) -> tuple[float, float, float]:
        """Modification times of hdr, adc, roi: seconds since 1970, `NEVER` for a member that is not there."""
        hdr, adc, roi, *_ = _STAMPS.unpack(self.stamps)
        return (hdr, adc, roi)

    def differing(self, other: Fileset) -> tuple[str, ...]:
        """The extensions of the members that are not the same files, with the same content as far as a look tells."""
        ours, theirs = _STAMPS.unpack(self.stamps), _STAMPS.unpack(other.stamps)
        return tuple(
            extension
            for index, extension in enumerate(EXTENSIONS)
            if (self.sizes[index], ours[index], ours[index + 3])
            != (other.sizes[index], theirs[index], theirs[index + 3])
        )

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Bytes of hdr, adc, roi."""
        return (self.hdr, self.adc, self.roi)

    @property
    def complete(self) -> bool:
        """All three members are there."""
        return self.hdr >= 0 and self.adc >= 0 and self.roi >= 0

    @property
    def missing(self) -> tuple[str, ...]:
        """The extensions that are not there."""
        return tuple(ext for ext, size in zip(EXTENSIONS, self.sizes) if size < 0)

    def size(self, extension: str) -> int:
        """Bytes of one member."""
        return self.sizes[EXTENSIONS.index(extension)]

    def name(self, extension: str) -> str:
        """File name of a member, as it is spelt on the disk."""
        return self.pid + self.suffixes[EXTENSIONS.index(extension)]


class RemoteFileset(NamedTuple):
    """What the bucket holds of one bin at its computed keys.

    Sizes in bytes or `MISSING`. The times at which `.hdr` and `.roi` were put are the server's, in the
    ISO 8601 form in which it lists them; they are only parsed for the few bins whose age matters.
    """

    hdr: int
    adc: int
    roi: int
    hdr_put: str
    roi_put: str

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Bytes of hdr, adc, roi."""
        return (self.hdr, self.adc, self.roi)

    def size(self, extension: str) -> int:
        """Bytes of one member."""
        return self.sizes[EXTENSIONS.index(extension)]

    def after_put(self, extension: str, size: int, put: str) -> RemoteFileset:
        """The same bin once `extension` is there with `size` bytes, put at server time `put`."""
        return RemoteFileset(
            size if extension == "hdr" else self.hdr,
            size if extension == "adc" else self.adc,
            size if extension == "roi" else self.roi,
            put if extension == "hdr" else self.hdr_put,
            put if extension == "roi" else self.roi_put,
        )

    def after_look(self, extension: str, size: int, put: str) -> RemoteFileset:
        """The same bin once a look at its `.hdr` or `.roi` has shown this.

        S3 dates an object by the start of its upload: where its end is known, the end stays.
        """
        known = self.roi_put if extension == "roi" else self.hdr_put
        return self.after_put(extension, size, max(put, known))


NOTHING_REMOTE = RemoteFileset(MISSING, MISSING, MISSING, "", "")


def server_seconds(put: str) -> float:
    """Seconds since 1970 (UTC) of a time as S3 lists it: `2026-11-22T13:26:36.000Z`, fraction optional.

    Raises ValueError for anything else.
    """
    whole = datetime.datetime.strptime(put[:19], "%Y-%m-%dT%H:%M:%S")
    fraction = re.match(r"\.[0-9]+", put[19:])
    return calendar.timegm(whole.timetuple()) + (float(fraction.group()) if fraction else 0.0)


def server_text(seconds: float) -> str:
    """The inverse of `server_seconds`, to the millisecond; within the years 1 to 9999, which are all it can say."""
    try:
        moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)
    except OverflowError:
        moment = datetime.datetime.max if seconds > 0 else datetime.datetime.min
    return moment.isoformat(timespec="milliseconds") + "Z"
