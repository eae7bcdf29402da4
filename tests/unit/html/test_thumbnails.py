"""Sample images: the pixels that the `.adc` names, as PNG."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import pytest

from ifcbscan.demo.sample_bins import bin_contents, write_bin
from ifcbscan.disk.tree import LocalTree
from ifcbscan.errors import LocalFileProblem
from ifcbscan.html.thumbnails import sample_images


def decoded(png: bytes) -> list[bytes]:
    """The rows of a PNG of 8-bit grey pixels, after checking every sum in it."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, position = {}, 8
    while position < len(png):
        length, kind = struct.unpack(">I4s", png[position : position + 8])
        body = png[position + 8 : position + 8 + length]
        assert struct.unpack(">I", png[position + 8 + length :][:4])[0] == zlib.crc32(kind + body)
        chunks[kind] = body
        position += 12 + length
    width, height, depth, colour = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert (depth, colour) == (8, 0) and b"IEND" in chunks
    raw = zlib.decompress(chunks[b"IDAT"])
    rows = [raw[y * (width + 1) : (y + 1) * (width + 1)] for y in range(height)]
    assert all(row[:1] == b"\0" for row in rows) and len(raw) == height * (width + 1)
    return [row[1:] for row in rows]


def fileset_in(folder: Path) -> tuple[LocalTree, Any]:
    tree = LocalTree(str(folder))
    (fileset,) = tree.walk().filesets.values()
    return tree, fileset


@pytest.mark.parametrize(
    ("name", "columns"),
    [("D20130526T095207_IFCB013", (15, 16, 17)), ("IFCB5_2012_028_081515", (11, 12, 13))],
)
def test_sample_images_are_the_pixels_that_the_adc_names(
    tmp_path: Path, name: str, columns: tuple[int, int, int]
) -> None:
    write_bin(tmp_path, name, images=5)
    contents = bin_contents(name, images=5)
    images = sample_images(*fileset_in(tmp_path), count=12)
    rows = [line.split(",") for line in contents.adc.decode().splitlines()]
    places = [tuple(int(row[column]) for column in columns) for row in rows]
    expected = [contents.roi[start : start + w * h] for w, h, start in places if w * h]
    assert [b"".join(decoded(image.png)) for image in images] == expected
    assert all(image.width * image.height == len(pixels) for image, pixels in zip(images, expected))


def test_sample_images_come_from_the_whole_run_and_large_ones_are_thinned_out(tmp_path: Path) -> None:
    write_bin(tmp_path, "D20130526T095207_IFCB013", images=40, roi_bytes=40 * 250000)
    images = sample_images(*fileset_in(tmp_path), count=8)
    assert len(images) == 8
    for image in images:
        rows = decoded(image.png)
        assert max(len(rows), len(rows[0])) <= 160 < max(image.width, image.height)
        assert len(image.png) < 30000


def test_a_damaged_bin_gives_the_images_that_it_has(tmp_path: Path) -> None:
    write_bin(tmp_path, "D20130526T095207_IFCB013", images=5)
    adc = tmp_path / "D20130526T095207_IFCB013.adc"
    line = ["1"] * 24
    line[15:18] = ["-5", "-5", "0"]
    huge = ["1"] * 24
    huge[15:18] = ["100000", "100000", "0"]
    adc.write_bytes(
        b"nan\n" + ",".join(line).encode() + b"\n" + ",".join(huge).encode() + b"\n" + adc.read_bytes()[:-30]
    )
    assert len(sample_images(*fileset_in(tmp_path))) >= 4


def test_a_bin_without_images_has_no_samples_and_one_that_is_gone_says_so(tmp_path: Path) -> None:
    write_bin(tmp_path, "D20130526T095207_IFCB013", images=0)
    tree, fileset = fileset_in(tmp_path)
    assert sample_images(tree, fileset) == ()
    (tmp_path / "D20130526T095207_IFCB013.adc").unlink()
    with pytest.raises(LocalFileProblem):
        sample_images(tree, fileset)


def test_real_bins_have_images(real_bins: Path) -> None:
    tree = LocalTree(str(real_bins / "good"))
    for fileset in tree.walk().filesets.values():
        images = sample_images(tree, fileset, count=4)
        assert len(images) == 4
        assert all(decoded(image.png) for image in images)
