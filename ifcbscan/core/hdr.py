"""What a `.hdr` says, as the dashboard's reader takes it, and whether the dashboard would break on it.

Pure: it is given the bytes. A header is text; newer software writes lines `name: value` (pyifcb ifcb/data/hdr.py), older
software ends it with a line of names and a line of values. Of what it may say only this is looked at here.
"""

from __future__ import annotations

import re
from typing import Mapping, NamedTuple

from ifcbscan.core.adc import Damage, Finding

#: A real header has less than 4 kB. Of a longer file no more than this is looked at. Bytes.
LONGEST_HEADER = 65536

#: What older software gives in its last line, in this order (pyifcb ifcb/data/hdr.py, HDR_SCHEMA).
_OLD_FIELDS = (
    "temperature",
    "humidity",
    "binarizeThreshold",
    "scatteringPhotomultiplierSetting",
    "fluorescencePhotomultiplierSetting",
    "blobSizeThreshold",
)

# A header with fewer lines has no values (pyifcb ifcb/data/hdr.py, parse_hdr).
_OLD_LINES = 6

#: Fields of which the dashboard's reader makes numbers; where it cannot, it refuses the bin.
NUMBERS = _OLD_FIELDS


class Header(NamedTuple):
    """The fields of a header, as text. `finding`: why the bin must not be sent, None if nothing speaks against it."""

    finding: Finding | None
    fields: Mapping[str, str]

    def number(self, name: str) -> float | None:
        """The value of a field, whatever the case of its name; None if there is none or it is no number."""
        for field, value in self.fields.items():
            if field.lower() == name.lower():
                return to_number(value)
        return None


def read_header(data: bytes) -> Header:
    """Read the first LONGEST_HEADER bytes of a `.hdr` (or all, if it has less)."""
    if b"\0" in data:
        return Header(_unreadable("the .hdr has NUL bytes in it, so it is no text"), {})
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        if len(data) < LONGEST_HEADER or error.start < len(data) - 3:
            what = f"byte {error.start + 1:,} of the .hdr is no UTF-8 text"
            return Header(_unreadable(what), {})
        text = data[: error.start].decode("utf-8")  # a character was cut at the end
    fields = _fields(text)
    return Header(_harm(fields), fields)


def _unreadable(detail: str) -> Finding:
    return Finding(Damage.UNREADABLE, detail, overridable=False)


def _fields(text: str) -> dict[str, str]:
    # Not str.splitlines, which ends lines at other letters, too.
    lines = [line.rstrip() for line in re.split("\r\n|\r|\n", text)]
    if not lines[-1]:
        lines.pop()  # behind the last line end
    if lines and lines[0].startswith('"'):
        return _old_fields(lines)
    fields = {}
    for line in lines:
        parts = line.split(": ")
        if len(parts) == 2:  # the reader passes over any other line
            fields[parts[0]] = parts[1]
        elif line.startswith("run time = "):
            fields.update(_times(line))
    return fields


def _old_fields(lines: list[str]) -> dict[str, str]:
    if len(lines) < _OLD_LINES:
        return {}
    return dict(zip(_OLD_FIELDS, lines[-1].replace('"', " ").replace(",", " ").split()))


def _times(line: str) -> dict[str, str]:
    # `run time = 1200.1 s   inhibit time = 11.2 s`, of some software of 2010.
    words = line.split()
    if len(words) < 9 or words[5:8] != ["inhibit", "time", "="]:
        return {}
    return {"runTime": words[3], "inhibitTime": words[8]}


def _harm(fields: Mapping[str, str]) -> Finding | None:
    """Why the dashboard breaks on a header with these fields.

    It makes numbers of a position and its depth, and is not prepared for text there (ifcbdb dashboard/accession.py,
    add_bin). Without a position it does not look at the depth.
    """
    if any(fields.get(name, "None") == "None" for name in ("latitude", "longitude")):
        return None
    for name in ("latitude", "longitude", "depth"):
        value = fields.get(name, "None")
        if value != "None" and to_number(value) is None:
            return _unreadable(
                f"the .hdr gives a position whose {name} is no number; that would break the dashboard"
            )
    return None


def to_number(value: str) -> float | None:
    """The number that a field gives, None if it gives none. A NaN is a number here, as it is for the dashboard."""
    text = value.strip().strip("\"'")
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return float(int(text, 0))
    except (ValueError, OverflowError):
        return {"True": 1.0, "False": 0.0}.get(text)
