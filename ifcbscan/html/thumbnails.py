"""A few images of a bin, from its own `.adc` and `.roi`, as PNG. Standard library only.

Reads through the local tree it is given; writes nothing.
"""

from __future__ import annotations

import itertools
import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO, Iterable

from ifcbscan.core.adc import image_columns, parse_image
from ifcbscan.core.bins import Fileset
from ifcbscan.disk.tree import LocalTree
from ifcbscan.errors import LocalFileProblem

#: Longer sides are thinned out to at most this many pixels, so that an image stays at a few kB.
_LONGEST_SIDE = 160

#: Larger images are left out: the camera makes none, but a damaged .adc may name any size. Pixels.
_LARGEST_AREA = 4000000

#: How many rows of the .adc are read; a bin in a dense bloom has fewer.
_ROWS = 200000


@dataclass(frozen=True)
class SampleImage:
    """One image. `width` and `height` are those of the `.roi`, in pixels; the PNG may be thinned out."""

    width: int
    height: int
    png: bytes


def sample_images(tree: LocalTree, fileset: Fileset, count: int = 12) -> tuple[SampleImage, ...]:
    """Up to `count` images, spread over the whole run of the bin. Raises LocalFileProblem if a file cannot be read."""
    try:
        with tree.open(fileset, "adc") as rows:
            places = _places(itertools.islice(rows, _ROWS), fileset)
        with tree.open(fileset, "roi") as roi:
            chosen = [places[index * len(places) // count] for index in range(count)] if places else []
            found = (_read_image(roi, *place) for place in dict.fromkeys(chosen))
            return tuple(image for image in found if image is not None)
    except OSError as error:
        raise LocalFileProblem(f"the images of {fileset.pid} cannot be read: {error.strerror}") from None


def _places(rows: Iterable[bytes], fileset: Fileset) -> list[tuple[int, int, int]]:
    """Width, height and start of each image that the `.roi` holds wholly."""
    columns = image_columns(fileset.pid.old_style)
    parsed = (parse_image(row, columns) for row in rows)
    return [
        image
        for image in parsed
        if image is not None
        and min(image) >= 0
        and 0 < image[0] * image[1] <= min(_LARGEST_AREA, fileset.roi - image[2])
    ]


def _read_image(roi: BinaryIO, width: int, height: int, start: int) -> SampleImage | None:
    roi.seek(start)
    pixels = roi.read(width * height)
    if len(pixels) < width * height:
        return None  # became shorter meanwhile
    step = -(-max(width, height) // _LONGEST_SIDE)
    lines = [pixels[y * width : (y + 1) * width : step] for y in range(0, height, step)]
    return SampleImage(width, height, grey_png(lines))


def grey_png(lines: list[bytes]) -> bytes:
    """A PNG of 8-bit grey pixels; `lines` are the rows, all of one length (not empty)."""
    header = struct.pack(">IIBBBBB", len(lines[0]), len(lines), 8, 0, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + line for line in lines), 9)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
