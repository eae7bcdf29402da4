"""What a `.hdr` says, as the dashboard's reader takes it, and whether the dashboard would break on it.

Pure: it is given the bytes. A header is text; newer software writes lines `name: value` (pyifcb ifcb/data/hdr.py), older
software ends it with a line of names and a line of values. Of what it may say only this is looked at here.

The reader takes each value for a Python literal if it can be one, else for text, and the dashboard keeps all values as one
JSON text of limited length (ifcbdb dashboard/accession.py, add_bin; dashboard/models.py, Bin.metadata_json). It is not
prepared for literals that JSON does not have, nor for a longer text.
"""

from __future__ import annotations

import re
from typing import Mapping, NamedTuple

from ifcbscan.core.adc import Damage, Finding

#: A real header has less than 4 kB. Of a file that is longer than this the end is not seen. Bytes.
LONGEST_HEADER = 65536

#: What the dashboard can keep of a header (ifcbdb dashboard/models.py, Bin.metadata_json). Characters of JSON.
LONGEST_JSON = 8192

# A longer value is not parsed: it might nest so deeply that the parser of an old Python runs out of stack. Characters.
_LONGEST_LITERAL = 1000

# A Python that limits this (3.11) makes no text of a longer whole number, so none of its JSON either. Digits.
_TOO_MANY_DIGITS = re.compile(r"[0-9]{4300}")

_STRING = re.compile(r"""[bBrRuU]{0,2}(?:"[^"\\]*(?:\\.[^"\\]*)*"|'[^'\\]*(?:\\.[^'\\]*)*')""")

# What a literal consists of besides its strings and a comment. Ordinary text has other letters.
_LITERAL = re.compile(r"(?:[0-9\sa-fA-F_jJxXoO+\-.,:()\[\]{}]|None|True|set)*(?:#.*)?")

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

# The first line of newer software. The reader keeps it as it is, and makes no field of it.
_VERSION = re.compile("[Ss]oftwareVersion:")

#: Fields of which the dashboard's reader makes numbers; where it cannot, it refuses the bin.
NUMBERS = _OLD_FIELDS


_ROI_COUNT = re.compile(rb"^roiCount: ([0-9]{1,9})[ \t\r]*$", re.MULTILINE | re.IGNORECASE)

# How each literal begins.
_BEGINNING = re.compile(r"""\s*(?:[0-9+\-.(\[{'"]|[bBrRuU]{1,2}['"]|None|True|False|set)""")


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
    """Read a `.hdr`. Of a file of more than LONGEST_HEADER bytes its first LONGEST_HEADER + 1 will do."""
    if len(data) > LONGEST_HEADER:
        return Header(_unreadable(f"the .hdr is longer than {LONGEST_HEADER:,} bytes"), {})
    if b"\0" in data:
        return Header(_unreadable("the .hdr has NUL bytes in it, so it is no text"), {})
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        return Header(_unreadable(f"byte {error.start + 1:,} of the .hdr is no UTF-8 text"), {})
    # Not str.splitlines, which ends lines at other letters, too.
    lines = [line.rstrip() for line in re.split("\r\n|\r|\n", text)]
    if not lines[-1]:
        lines.pop()  # behind the last line end
    fields = _fields(lines)
    return Header(_harm(fields, _context(lines)), fields)


def lost_images(data: bytes) -> Finding | None:
    """What is wrong with a `.roi` that holds no image, if the bytes of its `.hdr` count some. (It is written after the run.)

    Looks for this one field, and parses nothing else: it is asked of the same bins in every run.
    """
    found = _ROI_COUNT.search(data)
    count = 0 if found is None else int(found.group(1))
    if not count:
        return None
    lost = f"the .hdr counts {count:,} images (roiCount) and the .roi holds none: was the disk full?"
    return Finding(Damage.TRUNCATED, lost, overridable=False)


def _unreadable(detail: str) -> Finding:
    return Finding(Damage.UNREADABLE, detail, overridable=False)


def _fields(lines: list[str]) -> dict[str, str]:
    if lines and lines[0].startswith('"'):
        return _old_fields(lines)
    fields = {}
    for line in lines[1:] if lines and _VERSION.match(lines[0]) else lines:
        parts = line.split(": ")
        if len(parts) == 2:  # the reader passes over any other line
            fields[parts[0]] = parts[1]
        elif line.startswith("run time = "):
            fields.update(_times(line))
    return fields


def _context(lines: list[str]) -> str:
    """The lines that the reader keeps as they are: the first of newer software, else all but the last two."""
    if lines and _VERSION.match(lines[0]):
        return lines[0]
    return "\n".join(line.strip('"') for line in lines[:-2])


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


def _harm(fields: Mapping[str, str], context: str) -> Finding | None:
    """Why the dashboard breaks on a header with these fields, None if it does not."""
    # Before anything is parsed: JSON is hardly shorter than a text, and a literal may be.
    if len(context) + sum(map(len, fields.values())) > 2 * LONGEST_JSON:
        return _too_much()
    read = {name: _literal(text) for name, text in fields.items()}
    values: dict[str, object] = {"context": context}
    values.update((name, value) for name, (_, value) in read.items())
    if not all(known for known, _ in read.values()) or _json_size(values) is None:
        for name, (known, value) in read.items():
            if not known or _json_size(value) is None:
                shown = name[:20].encode("ascii", "backslashreplace").decode("ascii")
                return _unreadable(
                    f'the .hdr has a value under "{_printable(shown)}" that the dashboard cannot keep; '
                    "that would break the dashboard"
                )
    size = _json_size({**values, **_cast(values)})
    if size is None or size > LONGEST_JSON:
        return _too_much()
    return _bad_position(values)


def _too_much() -> Finding:
    return _unreadable(
        f"the .hdr says more than the {LONGEST_JSON:,} characters that the dashboard can keep; "
        "that would break the dashboard"
    )


def _bad_position(values: Mapping[str, object]) -> Finding | None:
    # The dashboard makes numbers of a position and its depth, and is prepared for a value of another kind there (a TypeError),
    # but not for text. Without a position it does not look at the depth.
    if values.get("latitude") is None or values.get("longitude") is None:
        return None
    for name in ("latitude", "longitude", "depth"):
        try:
            float(values.get(name))  # type: ignore[arg-type]
        except TypeError:
            continue
        except (ValueError, OverflowError):
            return _unreadable(
                f"the .hdr gives a position whose {name} is no number; that would break the dashboard"
            )
    return None


def _literal(text: str) -> tuple[bool, object]:
    """Whether it is known what the reader makes of a value, and what: a Python literal, or the text as it is.

    Each escape sequence of a string stays as text of at least the length of its JSON: parsed, a wrong one would print
    a warning.
    """
    if not _LITERAL.fullmatch(_STRING.sub("", text)) or not _BEGINNING.match(text):
        return True, text
    if len(text) > _LONGEST_LITERAL:
        return False, text
    import ast  # here only: a run that has nothing to send does without it  # noqa: PLC0415

    # A Python before 3.8 has no literal `...`, one before 3.9 no literal `set()`: another that is no JSON stands for them.
    source = re.sub(r"\.\.\.|set\s*\(\s*\)", "  0j  ", re.sub(r"\\.", "______", text)).strip()
    try:
        return True, ast.literal_eval(source)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return True, text


def _json_size(value: object) -> int | None:
    """Characters of a value as JSON, None if JSON cannot have it."""
    import json  # noqa: PLC0415

    try:
        text = json.dumps(value)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return None
    return None if _TOO_MANY_DIGITS.search(text) else len(text)


def _cast(values: Mapping[str, object]) -> dict[str, object]:
    """The fields that the reader makes numbers of. Where it cannot, it refuses the bin, which does no harm."""
    numbers = {name: _as_number(values[name]) for name in NUMBERS if name in values}
    return {name: number for name, number in numbers.items() if number is not None}


def _as_number(value: object) -> float | None:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def to_number(value: str) -> float | None:
    """The number that a field gives, None if it gives none. A NaN is a number here, as it is for the dashboard."""
    return _as_number(_literal(value)[1])
