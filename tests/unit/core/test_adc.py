"""The integrity check: does the `.roi` hold every image that the `.adc` names?"""

from __future__ import annotations

import itertools
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ifcbscan.core.adc import LONGEST_ROW, MOST_ROWS, Damage, Finding, examine, image_columns, parse_image
from ifcbscan.core.bins import parse_pid
from ifcbscan.demo.sample_bins import bin_contents
from ifcbscan.disk.tree import LocalTree
from ifcbscan.runs.one_bin import examine_fileset

NEW_PID = "D20130526T095207_IFCB013"
OLD_PID = "IFCB5_2012_028_081515"


def _row(width: object, height: object, start: object, old_style: bool = False) -> bytes:
    columns = image_columns(old_style)
    cells = ["0.5"] * (24 if not old_style else 15)
    for column, value in zip(columns, (width, height, start)):
        cells[column] = str(value)
    return ",".join(cells).encode("ascii") + b"\n"


def _lines(body: bytes) -> list[bytes]:
    return body.splitlines(keepends=True)


@pytest.mark.parametrize("pid", [NEW_PID, OLD_PID])
def test_a_whole_bin_is_without_a_finding(pid: str) -> None:
    contents = bin_contents(pid)
    assert examine(_lines(contents.adc), len(contents.roi), pid == OLD_PID) is None


@pytest.mark.parametrize("old_style", [False, True])
def test_a_roi_that_ends_with_its_last_image_is_whole_and_one_byte_less_is_not(old_style: bool) -> None:
    rows = [_row(10, 20, 1, old_style), _row(30, 40, 201, old_style)]
    assert examine(rows, 1401, old_style) is None
    finding = examine(rows, 1400, old_style)
    assert finding is not None
    assert finding.damage is Damage.TRUNCATED
    assert "1,401" in finding.detail and "1,400" in finding.detail


@pytest.mark.parametrize("pid", [NEW_PID, OLD_PID])
def test_the_columns_of_the_other_style_would_not_do(pid: str) -> None:
    """The table of columns matters: read with the wrong ones, a cut `.roi` would pass or a whole one not."""
    contents = bin_contents(pid)
    rows = _lines(contents.adc)
    rights = [parse_image(row, image_columns(pid == OLD_PID)) for row in rows]
    wrongs = [parse_image(row, image_columns(pid != OLD_PID)) for row in rows]
    assert None not in rights
    assert rights != wrongs


@pytest.mark.parametrize(("width", "height"), [(0, 0), (0, 20), (20, 0), (-11, -11), (-1, 5)])
def test_a_row_without_an_image_says_nothing_about_the_roi(width: int, height: int) -> None:
    rows = [_row(2, 2, 0), _row(width, height, 999999)]
    assert examine(rows, 4, False) is None


def test_the_furthest_image_counts_and_not_the_last_one() -> None:
    rows = [_row(10, 10, 500), _row(2, 2, 0)]
    assert examine(rows, 600, False) is None
    assert examine(rows, 599, False) is not None


@pytest.mark.parametrize(
    "last",
    [
        b"12,0.5,0.5",
        b"",
        b"\n",
        b"nan," * 24 + b"\n",
        _row("nan", "nan", "nan"),
        _row("inf", "inf", 0),
        _row("1e400", 1, 0),
        _row("", "", ""),
        _row("abc", 1, 1),
        b"\x00" * 500,
        "٣,".encode() * 24,
        b"\xff\xfe" * 50,
    ],
)
def test_a_bad_line_after_good_ones_is_passed_over(last: bytes) -> None:
    rows = [_row(2, 2, 0), last]
    assert examine(rows, 4, False) is None
    assert examine(rows, 3, False) is not None


@pytest.mark.parametrize(
    "rows", [[], [b""], [b"\n", b"\n"], [b"trigger,adc_time\n"], [_row("nan", 1, 1)], [b"\x00" * 4096]]
)
def test_an_adc_without_one_readable_row_is_unreadable(rows: list[bytes]) -> None:
    finding = examine(rows, 1000000, False)
    assert finding is not None
    assert finding.damage is Damage.UNREADABLE


def test_whole_numbers_written_with_a_point_are_read() -> None:
    assert parse_image(_row("45.0", "30.0", "1.2e3"), image_columns(False)) == (45, 30, 1200)


def test_a_row_of_the_old_style_may_end_right_after_its_start_byte() -> None:
    row = b",".join([b"0"] * 11 + [b"4", b"5", b"6"]) + b"\n"
    assert parse_image(row, image_columns(True)) == (4, 5, 6)


def test_windows_line_ends_change_nothing() -> None:
    row = b",".join([b"0"] * 15 + [b"4", b"5", b"6"]) + b"\r\n"
    assert parse_image(row, image_columns(False)) == (4, 5, 6)


@given(st.integers(1, 200), st.integers(0, 1000000))
def test_exactly_a_roi_that_is_too_short_is_found(images: int, cut: int) -> None:
    start = 0
    rows = []
    for number in range(images):
        rows.append(_row(3 + number % 5, 7, start))
        start += (3 + number % 5) * 7
    size = max(0, start - cut)
    finding = examine(rows, size, False)
    assert (finding is None) == (size >= start)


def test_a_row_longer_than_any_real_one_is_damage() -> None:
    rows = [b"1," * 12 + b"\n", b"9" * (LONGEST_ROW + 1)]
    finding = examine(rows, 10, old_style=False)
    assert finding == Finding(Damage.UNREADABLE, "line 2 of the .adc is longer than 65,536 bytes")


def test_a_file_of_line_ends_is_damage_and_is_not_read_to_its_end() -> None:
    read = itertools.count()
    finding = examine((b"\n" for _ in read), 10, old_style=False)
    assert finding == Finding(Damage.UNREADABLE, "the .adc has more than 2,000,000 lines")
    assert next(read) == MOST_ROWS + 1


def test_a_huge_file_without_a_line_end_is_not_read_into_memory(tmp_path: Path) -> None:
    pid = "D20130526T095207_IFCB013"
    for suffix in (".hdr", ".adc", ".roi"):
        (tmp_path / (pid + suffix)).write_bytes(b"x")
    with open(str(tmp_path / (pid + ".adc")), "r+b") as file:
        file.truncate(240000000)  # sparse: NUL bytes that take no room on the disk
    tree = LocalTree(str(tmp_path))
    fileset = tree.walk().filesets[parse_pid(pid)]  # type: ignore[index]
    tracemalloc.start()
    try:
        finding = examine_fileset(tree, fileset)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert finding is not None and finding.damage is Damage.UNREADABLE
    assert peak < 4000000


@given(st.lists(st.binary(max_size=300), max_size=20), st.integers(0, 2**40), st.booleans())
def test_no_bytes_are_an_error(rows: list[bytes], size: int, old_style: bool) -> None:
    finding = examine(rows, size, old_style)
    assert finding is None or finding.detail


cells = st.lists(
    st.one_of(
        st.integers(-(10**12), 10**12).map(str),
        st.floats().map(repr),
        st.sampled_from(["nan", "-inf", "1e999", "", " 7 ", "0x10", "1_000", "²"]),
    ),
    max_size=26,
)


@given(st.lists(cells, max_size=10), st.integers(0, 2**40), st.booleans())
def test_no_numbers_are_an_error(rows: list[list[str]], size: int, old_style: bool) -> None:
    finding = examine((",".join(row).encode("utf-8") for row in rows), size, old_style)
    assert finding is None or finding.detail


@pytest.mark.parametrize("old_style", [False, True])
def test_every_real_good_bin_is_without_a_finding(real_bins: Path, old_style: bool) -> None:
    adcs = [p for p in sorted(real_bins.glob("good/**/*.adc")) if p.name.startswith("I") == old_style]
    assert adcs
    for path in adcs:
        with path.open("rb") as file:
            assert examine(file, path.with_suffix(".roi").stat().st_size, old_style) is None, path.name
