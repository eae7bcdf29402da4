"""Does the `.roi` hold every image that the `.adc` names?

Pure: it is given the lines of the `.adc` and the size of the `.roi`. The rule and the columns are
those of iRfcb and of ifcbkit's quality control: over rows with width * height > 0,
size(.roi) >= max(start byte + width * height). Rows that do not parse are damage that the field
knows (a cut last line, NaN) and pass, as long as one row can be read.
"""

from __future__ import annotations

import enum
from typing import Iterable, NamedTuple

#: A real row has about 200 bytes. One that is longer than this is damage, and is not read into memory. Bytes.
LONGEST_ROW = 65536

#: Nor has a real file so many rows: at 200 bytes a row they would take 400 MB, and the archive takes 250 MB.
MOST_ROWS = 2000000

# 0-based columns of width, height and start byte.
_OLD_STYLE_COLUMNS = (11, 12, 13)
_NEW_STYLE_COLUMNS = (15, 16, 17)


class Damage(enum.Enum):
    """Why a fileset must not be published."""

    TRUNCATED = "truncated"
    UNREADABLE = "unreadable"


class Finding(NamedTuple):
    """A damage, with the figures that show it."""

    damage: Damage
    detail: str


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
    """None if the `.roi` of `roi_size` bytes can hold all images of `rows`, else what is wrong.

    Of a row that is longer than LONGEST_ROW it is enough to be given the first LONGEST_ROW + 1 bytes.
    """
    columns = image_columns(old_style)
    readable = False
    end = 0
    for number, row in enumerate(rows, 1):
        if len(row) > LONGEST_ROW:
            return Finding(
                Damage.UNREADABLE, f"line {number:,} of the .adc is longer than {LONGEST_ROW:,} bytes"
            )
        if number > MOST_ROWS:
            return Finding(Damage.UNREADABLE, f"the .adc has more than {MOST_ROWS:,} lines")
        image = parse_image(row, columns)
        if image is None:
            continue
        readable = True
        width, height, start = image
        if width > 0 and height > 0 and start + width * height > end:
            end = start + width * height
    if not readable:
        return Finding(Damage.UNREADABLE, "no row of the .adc can be read")
    if end > roi_size:
        return Finding(
            Damage.TRUNCATED,
            f"the .adc names images up to byte {end:,} but the .roi ends at {roi_size:,}",
        )
    return None
