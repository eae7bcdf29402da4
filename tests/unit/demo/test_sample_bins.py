"""Made-up bins agree with themselves as those of an instrument do, and have the form of real ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ifcbscan.demo.sample_bins import bin_contents, write_bin

NEW = "D20130526T095207_IFCB013"
OLD = "IFCB5_2012_028_081515"
COLUMNS = {NEW: (15, 16, 17), OLD: (11, 12, 13)}


def images(adc: bytes, columns: tuple[int, int, int]) -> list[tuple[int, int]]:
    """(start, bytes) of each image that the rows name, after checking every row's form."""
    rows = [line.split(",") for line in adc.decode("ascii").splitlines()]
    cells = [[int(row[column]) for column in columns] for row in rows]
    return [(start, width * height) for width, height, start in cells if width * height]


@pytest.mark.parametrize("pid", [NEW, OLD])
@pytest.mark.parametrize("count, roi_bytes", [(1, None), (2, 3000), (12, None), (60, 2000000)])
def test_the_images_of_a_sample_bin_fill_its_roi(pid: str, count: int, roi_bytes: Any) -> None:
    contents = bin_contents(pid, count, roi_bytes=roi_bytes)
    pad = 1 if pid == OLD else 0
    end = pad
    found = images(contents.adc, COLUMNS[pid])
    for start, size in found:
        assert start == end
        end += size
    assert len(found) == count and end + pad == len(contents.roi)
    assert 0.7 < len(contents.roi) / (roi_bytes or 4000 * count) < 1.3
    lines = contents.adc.decode("ascii").splitlines()
    assert len(lines) >= count + 2 - count // 3 and {len(line.split(",")) for line in lines} == {
        24 if pid == NEW else 16
    }
    triggers = [line.split(",")[0] for line in lines]
    assert count < 2 or len(set(triggers)) < len(triggers)


@pytest.mark.parametrize("pid, pads", [(NEW, 0), (OLD, 2)])
def test_a_sample_bin_without_images_is_empty(pid: str, pads: int) -> None:
    contents = bin_contents(pid, images=0)
    assert contents.adc == b"" and contents.roi == bytes(pads) and contents.hdr


def test_a_sample_bin_depends_on_pid_and_seed_alone(tmp_path: Path) -> None:
    contents = bin_contents(NEW)
    assert contents == bin_contents(NEW, seed=0) != bin_contents(NEW, seed=1)
    paths = write_bin(tmp_path / "2013", NEW, mtime=1369562000.0)
    assert [path.name for path in paths] == [NEW + end for end in (".hdr", ".adc", ".roi")]
    assert [path.read_bytes() for path in paths] == [contents.hdr, contents.adc, contents.roi]
    assert {path.stat().st_mtime for path in paths} == {1369562000.0}


def test_a_sample_bin_wants_a_pid() -> None:
    with pytest.raises(ValueError):
        bin_contents("D20131326T095207_IFCB013")


@pytest.mark.parametrize("pid", [NEW, OLD])
def test_sample_bins_have_the_form_of_real_ones(real_bins: Path, pid: str) -> None:
    (path,) = (real_bins / "good").glob(f"**/{pid}.adc")
    real, made = path.read_bytes(), bin_contents(pid).adc
    assert {line.count(b",") for line in real.splitlines()} == {
        line.count(b",") for line in made.splitlines()
    }
    pad = 1 if pid == OLD else 0
    start, size = images(real, COLUMNS[pid])[-1]
    assert start + size + pad == path.with_suffix(".roi").stat().st_size
    assert images(real, COLUMNS[pid])[0][0] == images(made, COLUMNS[pid])[0][0] == pad
