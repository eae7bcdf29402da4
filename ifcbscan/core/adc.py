"""Does the `.roi` hold every image that the `.adc` names, and can the dashboard read the `.adc` without breaking?

Pure: it is given the lines of the `.adc` and the size of the `.roi`. The rule and the columns are
those of iRfcb and of ifcbkit's quality control: over rows with width * height > 0,
size(.roi) >= max(start byte + width * height). Rows that do not parse are damage that the field
knows (a cut last line) and pass, as long as one row can be read.

The last row must begin with a number: the dashboard takes its first cell for the number of triggers, and where that
is none its accession ends half-way (ifcbdb dashboard/accession.py, add_bin; pyifcb ifcb/data/adc.py reads the
file with pandas). So it does where a row of the old style has text for the position or the size of an image, which it
adds up (pyifcb ifcb/data/stitching.py). The broken row that is left is never repaired, and good bins of the same batch break
with it. Nobody outside knows which pandas is deployed: what one of its versions breaks on is not sent.
"""

from __future__ import annotations

import enum
import re
from typing import Iterable, Iterator, NamedTuple

#: A real row has about 200 bytes. One that is longer than this is damage, and is not read into memory. Bytes.
LONGEST_ROW = 65536

#: Nor has a real file so many rows: at 200 bytes a row they would take 400 MB, and the archive takes 250 MB.
MOST_ROWS = 2000000

# 0-based columns of width, height and start byte.
_OLD_STYLE_COLUMNS = (11, 12, 13)
_NEW_STYLE_COLUMNS = (15, 16, 17)

# x, y, width and height of an image (old style): where two share a trigger, the dashboard adds them (pyifcb ifcb/data/stitching.py).
_ADDED_COLUMNS = (9, 10, 11, 12)

# Such cells as almost all are, where there is no image: -11,-11,0,0.
_ORDINARY = re.compile(rb"(?:-?\d{1,18},){3}-?\d{1,18}\Z")

# No width, height or start byte is beyond: the row is damaged. Pixels, or bytes.
_LEAST, _MOST = -(10**10), 10**10

# What pandas takes for a number, in quotes or not.
_NUMBER = re.compile(rb'[ \t]*(")?[ \t]*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)[ \t]*(?(1)"[ \t]*)')

# What remains one where other cells have made text of its column.
_WHOLE_NUMBER = re.compile(rb"[+-]?\d+")

_QUOTE, _CR = b'"\r'

# In a cell that begins with a quotation mark pandas goes on to the next one, over commas and line ends: what is the last row
# then, and what its first cell, is not what is seen here.
_OPEN_QUOTE = re.compile(rb'(?:^|,)"(?![^",\r\n]*"(?:,|\s*\Z))')

#: The dashboard keeps the number of triggers as an integer of 32 bits (ifcbdb dashboard/models.py, Bin.n_triggers).
_MOST_TRIGGERS = 2**31 - 1

# A cell that is longer is no number that an instrument writes. Bytes.
_LONGEST_NUMBER = 64

# Of a longer whole number, or a larger exponent, pandas may make text. Digits.
_LONGEST_WHOLE = 18
_BEYOND = re.compile(rb"[+-]?\d{19,}|.*[eE][+-]?\d{3,}")

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
    belongs, 0 if there is none. `end`: where the last image ends that is named, in bytes of the `.roi`; 0 if none is.
    """

    finding: Finding | None
    first: bytes
    last: bytes
    text_at: int
    end: int


def image_columns(old_style: bool) -> tuple[int, int, int]:
    """Columns (0-based) of an image's width, height and start byte in a row of the `.adc`."""
    return _OLD_STYLE_COLUMNS if old_style else _NEW_STYLE_COLUMNS


def parse_image(row: bytes, columns: tuple[int, int, int]) -> tuple[int, int, int] | None:
    """Width and height (pixels) and start (bytes) that a row of the `.adc` gives, or None if it has none."""
    return _image(row.split(b",", columns[2] + 1), columns)


def _image(cells: list[bytes], columns: tuple[int, int, int]) -> tuple[int, int, int] | None:
    of_width, of_height, of_start = columns
    try:
        width, height, start = int(cells[of_width]), int(cells[of_height]), int(cells[of_start])
    except IndexError:
        return None
    except ValueError:
        # Other software writes the same columns as 45.0; int(float("nan")) and ("inf") raise.
        try:
            width, height, start = (int(float(cells[column])) for column in columns)
        except (ValueError, IndexError, OverflowError):
            return None
    if _LEAST < width < _MOST and _LEAST < height < _MOST and _LEAST < start < _MOST:
        return width, height, start
    return None


def lost_images(rows: Iterable[bytes], roi_size: int, old_style: bool) -> Finding | None:
    """What is wrong with a `.roi` of `roi_size` bytes that holds no image, if the rows of its `.adc` name some.

    Rows that are damaged, too, change nothing about it: whatever cost the images may have cut off the rows.
    """
    end = read(rows, roi_size, old_style).end
    if end <= roi_size:
        return None
    named = end - 1 if old_style else end  # one pad byte comes before the first image
    lost = f"the .adc names {named:,} bytes of images and the .roi holds none: was the disk full?"
    return Finding(Damage.TRUNCATED, lost, overridable=False)


def read(rows: Iterable[bytes], roi_size: int, old_style: bool) -> Contents:
    """Go once over the rows of an `.adc` that lies beside a `.roi` of `roi_size` bytes.

    A row that is longer than LONGEST_ROW may come in pieces, of which only the last has a line end.
    """
    columns = image_columns(old_style)
    first = last = b""
    too_long = text_at = added_text_at = open_quote_at = end = 0
    readable = goes_on = text_in_front = False
    for number, row in enumerate(_lines(rows), 1):
        if goes_on:
            goes_on = not row.endswith(b"\n")
            continue
        if number > MOST_ROWS:
            # Its last row has not been seen.
            too_many = f"the .adc has more than {MOST_ROWS:,} lines"
            of_many = Finding(Damage.UNREADABLE, too_many, overridable=False)
            return Contents(of_many, first, last, text_at, end)
        cells = row.split(b",", columns[2] + 1)
        image = _image(cells, columns)
        if image is None:
            if not row.strip(b" \t\r\n"):
                continue  # pandas does not count it as a row
            text_at = text_at or (number if _is_text(cells, columns[0]) else 0)
        if not (text_in_front or cells[0].isdigit() and len(cells[0]) <= _LONGEST_WHOLE):
            text_in_front = _may_be_text(cells, 0)
        if old_style:
            added = b"".join(cells[9:13])
            if not (added.isdigit() and len(added) <= _LONGEST_WHOLE) and _has_text_added(cells):
                added_text_at = added_text_at or number
        if _QUOTE in row and _OPEN_QUOTE.search(row):
            open_quote_at = open_quote_at or number
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
    harm = _harm(last, text_in_front) or _harm_before(added_text_at, open_quote_at)
    if too_long:
        # What lies behind has not been seen, and pandas, which ends a line at a CR, may find rows there.
        long_line = f"line {too_long:,} of the .adc is longer than {LONGEST_ROW:,} bytes"
        finding: Finding | None = Finding(Damage.UNREADABLE, long_line, overridable=False)
    elif not readable:
        finding = Finding(Damage.UNREADABLE, "no row of the .adc can be read", overridable=not harm)
    elif harm:
        finding = Finding(Damage.UNREADABLE, harm, overridable=False)
    elif end > roi_size:
        beyond = f"the .adc names images up to byte {end:,} but the .roi ends at {roi_size:,}"
        finding = Finding(Damage.TRUNCATED, beyond)
    else:
        finding = None
    return Contents(finding, first, last, text_at, end)


def _lines(rows: Iterable[bytes]) -> Iterator[bytes]:
    """The rows as pandas sees them: a line ends at each CR, too. What is too long for a row is left as it is."""
    for row in rows:
        if (
            _CR not in row
            or row.find(b"\r") == len(row) - len(b"\r\n")
            and row.endswith(b"\n")
            or len(row) > LONGEST_ROW
        ):
            yield row
        else:
            yield from row.splitlines(keepends=True)


def _harm(last: bytes, among_text: bool) -> str:
    """Why the dashboard breaks on an `.adc` with this last row; "" if it does not.

    `among_text`: other rows begin with text, so that pandas makes no numbers of this column.
    """
    cell = last.rstrip(b" \t\r\n").split(b",", 1)[0]
    # A NUL byte ends a cell for older pandas, and makes text of it for pandas 3.
    match = _NUMBER.fullmatch(cell) if len(cell) <= _LONGEST_NUMBER else None
    pattern = _WHOLE_NUMBER if among_text else _NUMBER
    if match and pattern.fullmatch(match.group(2)) and abs(float(match.group(2))) <= _MOST_TRIGGERS:
        return ""
    return f"the last row of the .adc begins with {_in_words(cell)} instead of a number; that would break the dashboard"


def _harm_before(added_text_at: int, open_quote_at: int) -> str:
    """Why the dashboard breaks on an `.adc` with these lines (numbers, 0 for none), whatever its last row is."""
    if added_text_at:
        return (
            f"line {added_text_at:,} of the .adc has text where the position or the size of an image should be; "
            "that would break the dashboard"
        )
    if open_quote_at:
        return (
            f"line {open_quote_at:,} of the .adc has a quotation mark that opens and does not close; "
            "that would break the dashboard"
        )
    return ""


def _in_words(cell: bytes) -> str:
    if cell.startswith(b"\0"):
        return "NUL bytes"
    if b"\0" in cell:
        return f"{_in_words(cell.split(bytes(1), 1)[0])} and NUL bytes"
    if cell == b"\x1a":
        return "Ctrl-Z"
    text = cell.strip(b" \t")[:20].decode("ascii", "backslashreplace")
    shown = "".join(letter if letter.isprintable() else "?" for letter in text)
    return f'"{shown}"' if shown else "an empty cell"


def _is_text(cells: list[bytes], column: int) -> bool:
    """Whether a cell makes text of a column of numbers, for each version of pandas."""
    if len(cells) <= column:
        return False
    cell = cells[column].split(b"\0", 1)[0].strip(b' \t\r\n"')
    return cell not in _NO_VALUE and not _NUMBER.fullmatch(cell[: _LONGEST_NUMBER + 1])


def _has_text_added(cells: list[bytes]) -> bool:
    if _ORDINARY.match(b",".join(cells[9:13])):
        return False
    return any(_may_be_text(cells, column) for column in _ADDED_COLUMNS)


def _may_be_text(cells: list[bytes], column: int) -> bool:
    """Whether a cell makes text of a column of numbers, for one version of pandas at least."""
    if len(cells) <= column:
        return False
    cell = cells[column].rstrip(b"\r\n")
    digits = cell[1:] if cell.startswith(b"-") else cell
    if digits.isdigit() and len(digits) <= _LONGEST_WHOLE:
        return False
    if len(cell) > 1 and cell.startswith(b'"') and cell.endswith(b'"'):
        cell = cell[1:-1]
    if cell in _NO_VALUE:
        return cell == b"None"  # no value since pandas 2 only
    match = _NUMBER.fullmatch(cell) if len(cell) <= _LONGEST_NUMBER else None
    return not match or bool(_BEYOND.fullmatch(match.group(2)))
