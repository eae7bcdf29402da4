"""Does the `.roi` hold every image that the `.adc` names, and can the dashboard read the `.adc` without breaking?

Pure: it is given the lines of the `.adc` and the size of the `.roi`. The rule and the columns are
those of iRfcb and of ifcbkit's quality control: over rows with width * height > 0,
size(.roi) >= max(start byte + width * height). Rows that do not parse are damage that the field
knows (a cut last line) and pass, as long as one row can be read.

The last row must begin with a number: the dashboard takes its first cell for the number of triggers, and where that
is none its accession ends half-way (ifcbdb dashboard/accession.py, add_bin; pyifcb ifcb/data/adc.py reads the
file with pandas). The broken row that is left is never repaired, and good bins of the same batch break with it.
"""

from __future__ import annotations

import enum
import re
from typing import Iterable, NamedTuple

#: A real row has about 200 bytes. One that is longer than this is damage, and is not read into memory. Bytes.
LONGEST_ROW = 65536

#: Nor has a real file so many rows: at 200 bytes a row they would take 400 MB, and the archive takes 250 MB.
MOST_ROWS = 2000000

# 0-based columns of width, height and start byte.
_OLD_STYLE_COLUMNS = (11, 12, 13)
_NEW_STYLE_COLUMNS = (15, 16, 17)

# What pandas takes for a number, in quotes or not.
_NUMBER = re.compile(rb'[ \t]*(")?[ \t]*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)[ \t]*(?(1)"[ \t]*)')

# What remains one where other cells have made text of its column.
_WHOLE_NUMBER = re.compile(rb"[+-]?\d+")

#: The dashboard keeps the number of triggers as an integer of 32 bits (ifcbdb dashboard/models.py, Bin.n_triggers).
_MOST_TRIGGERS = 2**31 - 1

# A cell that is longer is no number that an instrument writes. Bytes.
_LONGEST_NUMBER = 64

# What pandas reads as "no value", and what does not make text of a column of numbers.
_NO_VALUE = frozenset(
    b" nan NaN -nan -NaN NA N/A n/a <NA> null NULL None #N/A #NA 1.#IND -1.#IND 1.#QNAN -1.#QNAN inf -inf".split(
        b" "
    )
)


class Damage(enum.Enum):
    """Why a fileset must not be published."""

    TRUNCATED = "truncated"
    UNREADABLE = "unreadable"


class Finding(NamedTuple):
    """A damage, with the figures that show it.

    `overridable`: an operator may have the bin sent all the same (`--no-integrity-check`). Never what would break the
    dashboard.
    """

    damage: Damage
    detail: str
    overridable: bool = True


class Contents(NamedTuple):
    """What one pass over the rows of an `.adc` has shown.

    `first` and `last`: the first and the last row that are not blank, empty if there is none; of a longer one the
    first LONGEST_ROW bytes or some more. `text_at`: number of the first line with text where the width of an image
    belongs, 0 if there is none.
    """

    finding: Finding | None
    first: bytes
    last: bytes
    text_at: int


def image_columns(old_style: bool) -> tuple[int, int, int]:
    """Columns (0-based) of an image's width, height and start byte in a row of the `.adc`."""
    return _OLD_STYLE_COLUMNS if old_style else _NEW_STYLE_COLUMNS


def parse_image(row: bytes, columns: tuple[int, int, int]) -> tuple[int, int, int] | None:
    """Width and height (pixels) and start (bytes) that a row of the `.adc` gives, or None if it has none."""
    cells = row.split(b",", columns[2] + 1)
    try:
        width, height, start = (_whole(cells[column]) for column in columns)
    except (ValueError, IndexError, OverflowError):
        return None
    return width, height, start


def _whole(cell: bytes) -> int:
    # Other software writes the same columns as 45.0; int(float("nan")) and ("inf") raise.
    try:
        return int(cell)
    except ValueError:
        return int(float(cell))


def examine(rows: Iterable[bytes], roi_size: int, old_style: bool) -> Finding | None:
    """None if the `.roi` of `roi_size` bytes can hold all images of `rows`, else what is wrong. See `read`."""
    return read(rows, roi_size, old_style).finding


def read(rows: Iterable[bytes], roi_size: int, old_style: bool) -> Contents:
    """Go once over the rows of an `.adc` that lies beside a `.roi` of `roi_size` bytes.

    A row that is longer than LONGEST_ROW may come in pieces, of which only the last has a line end.
    """
    columns = image_columns(old_style)
    first = last = b""
    too_long = text_at = end = 0
    readable = goes_on = text_in_front = False
    for number, row in enumerate(rows, 1):
        if goes_on:
            goes_on = not row.endswith(b"\n")
            continue
        if number > MOST_ROWS:
            # Its last row has not been seen.
            too_many = f"the .adc has more than {MOST_ROWS:,} lines"
            return Contents(Finding(Damage.UNREADABLE, too_many, overridable=False), first, last, text_at)
        image = parse_image(row, columns)
        if image is None:
            if not row.strip(b" \t\r\n"):
                continue  # pandas does not count it as a row
            text_at = text_at or (number if _is_text(row, columns[0]) else 0)
            text_in_front = text_in_front or _is_text(row, 0)
        first = first or row
        last = row
        if len(row) > LONGEST_ROW:
            too_long = too_long or number
            goes_on = not row.endswith(b"\n")
        elif image is not None:
            readable = True
            width, height, start = image
            if width > 0 and height > 0 and start + width * height > end:
                end = start + width * height
    harm = _harm(last, among_text=text_in_front and not text_at)  # with `text_at` it does not get so far
    if too_long:
        long_line = f"line {too_long:,} of the .adc is longer than {LONGEST_ROW:,} bytes"
        finding: Finding | None = Finding(Damage.UNREADABLE, long_line, overridable=not harm)
    elif not readable:
        finding = Finding(Damage.UNREADABLE, "no row of the .adc can be read", overridable=not harm)
    elif harm:
        finding = Finding(Damage.UNREADABLE, harm, overridable=False)
    elif end > roi_size:
        beyond = f"the .adc names images up to byte {end:,} but the .roi ends at {roi_size:,}"
        finding = Finding(Damage.TRUNCATED, beyond)
    else:
        finding = None
    return Contents(finding, first, last, text_at)


def _harm(last: bytes, among_text: bool) -> str:
    """Why the dashboard breaks on an `.adc` with this last row; "" if it does not.

    `among_text`: other rows begin with text, so that pandas makes no numbers of this column.
    """
    # pandas ends a line at each CR, too; and a cell at a NUL byte.
    cell = last.rstrip(b" \t\r\n").rsplit(b"\r", 1)[-1].split(b",", 1)[0]
    number = cell.split(b"\0", 1)[0]
    match = _NUMBER.fullmatch(number) if len(number) <= _LONGEST_NUMBER else None
    pattern = _WHOLE_NUMBER if among_text else _NUMBER
    if match and pattern.fullmatch(match.group(2)) and abs(float(match.group(2))) <= _MOST_TRIGGERS:
        return ""
    return f"the last row of the .adc begins with {_in_words(cell)} instead of a number; that would break the dashboard"


def _in_words(cell: bytes) -> str:
    if cell.startswith(b"\0"):
        return "NUL bytes"
    if cell == b"\x1a":
        return "Ctrl-Z"
    text = cell.strip(b" \t")[:20].decode("ascii", "backslashreplace")
    shown = "".join(letter if letter.isprintable() else "?" for letter in text)
    return f'"{shown}"' if shown else "an empty cell"


def _is_text(row: bytes, column: int) -> bool:
    """Whether a cell makes text of a column of numbers."""
    cells = row.split(b",", column + 1)
    if len(cells) <= column:
        return False
    cell = cells[column].split(b"\0", 1)[0].strip(b' \t\r\n"')
    return cell not in _NO_VALUE and not _NUMBER.fullmatch(cell[: _LONGEST_NUMBER + 1])
