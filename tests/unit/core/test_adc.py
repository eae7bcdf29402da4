"""The integrity check: does the `.roi` hold every image that the `.adc` names?"""

from __future__ import annotations

import io
import itertools
import tracemalloc
from pathlib import Path
from typing import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ifcbscan.core.adc import (
    LONGEST_ROW,
    MOST_ROWS,
    Damage,
    Finding,
    image_columns,
    lost_images,
    parse_image,
    read,
)
from ifcbscan.core.bins import parse_pid
from ifcbscan.demo.sample_bins import bin_contents
from ifcbscan.disk.tree import LocalTree
from ifcbscan.runs import examination

NEW_PID = "D20130526T095207_IFCB013"
OLD_PID = "IFCB5_2012_028_081515"


def _row(width: object, height: object, start: object, old_style: bool = False) -> bytes:
    columns = image_columns(old_style)
    cells = ["0.5"] * (24 if not old_style else 15)
    for column, value in zip(columns, (width, height, start)):
        cells[column] = str(value)
    return ",".join(cells).encode("ascii") + b"\n"


def examine(rows: Iterable[bytes], roi_size: int, old_style: bool) -> Finding | None:
    return read(rows, roi_size, old_style).finding


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


@pytest.mark.parametrize("old_style", [False, True])
@pytest.mark.parametrize("tail", [b"", b"\0" * 40, b"17,0.", b"-"])
def test_images_of_which_a_roi_holds_none_are_lost_however_the_adc_ends(old_style: bool, tail: bytes) -> None:
    first = 1 if old_style else 0
    rows = [_row(10, 20, first, old_style), _row(30, 40, first + 200, old_style), tail]
    finding = lost_images(rows, 2 * first, old_style)
    assert finding is not None and finding.damage is Damage.TRUNCATED
    assert (
        finding.detail == "the .adc names 1,400 bytes of images and the .roi holds none: was the disk full?"
    )


def test_of_an_adc_that_names_no_image_none_is_lost() -> None:
    for rows in (
        [],
        [b"\0" * 400],
        [_row(0, 0, 0)],
        [_row(0, 0, 5000)],
        [b"trigger,time\n", _row("nan", 1, 1)],
    ):
        assert lost_images(rows, 0, False) is None


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
        _row("nan", "nan", "nan"),
        _row("inf", "inf", 0),
        _row("1e400", 1, 0),
        _row("1e300", "1e300", 0),
        _row("9" * 4000, "9" * 4000, 0),
        _row("9" * 11, 2, 0),
        _row(2, 2, "1" + "0" * 10),
        _row(2, 2, "-" + "9" * 30),
        _row("", "", ""),
        _row("abc", 1, 1),
        b"0.5,0." + b"\x00" * 500,
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
    rows = [b"1," * 12 + b"\n", b"9," * (LONGEST_ROW // 2 + 1)]
    finding = examine(rows, 10, old_style=False)
    assert finding == Finding(
        Damage.UNREADABLE, "line 2 of the .adc is longer than 65,536 bytes", overridable=False
    )


@pytest.mark.parametrize("size", [LONGEST_ROW + 1, 3 * LONGEST_ROW, 3 * LONGEST_ROW + 7])
@pytest.mark.parametrize(
    ("start", "then"),
    [(b"9,", b""), (b"\0", b""), (b"9,", b"\n\x1a"), (b"x", b"\n9,9\n"), (b"9,", b"\rNaN\r")],
)
def test_a_row_whose_end_was_not_seen_may_not_be_sent(size: int, start: bytes, then: bytes) -> None:
    """For pandas there may be any rows behind it, because it ends a line at a CR, too."""
    file = io.BytesIO(_row(2, 2, 0) + start + b"\0" * (size - len(start)) + then)
    finding = examine(iter(lambda: file.readline(LONGEST_ROW + 1), b""), 10, old_style=False)
    assert finding == Finding(
        Damage.UNREADABLE, "line 2 of the .adc is longer than 65,536 bytes", overridable=False
    )


def test_a_file_of_line_ends_is_damage_and_is_not_read_to_its_end() -> None:
    read = itertools.count()
    finding = examine((b"\n" for _ in read), 10, old_style=False)
    assert finding == Finding(Damage.UNREADABLE, "the .adc has more than 2,000,000 lines", overridable=False)
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
        finding = examination.examine(tree, fileset).finding
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
        st.sampled_from(
            ["nan", "-inf", "1e999", "1e300", "9" * 4000, "9" * 5000, "", " 7 ", "0x10", "1_000", "²", "\r"]
        ),
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


# What the dashboard breaks on: the first cell of the last row is no number.

HARMFUL_TAILS = {
    "NaN": b"NaN,NaN,NaN\n",
    "NaN without an end": b"nan",
    "empty cells": b",,,,\n",
    "one comma": b",",
    "a space": b" ,1\n",
    "NUL bytes": b"\0" * 300,
    "a line of NUL bytes": b"\0" * 300 + b"\n",
    "NUL bytes and a blank line": b"\0\n\n  \n",
    "Ctrl-Z": b"\x1a",
    "Ctrl-Z and a line end": b"\x1a\r\n",
    "text": b"end of run\n",
    "a row of text": b",".join([b"text"] * 15) + b"\n",
    "infinity": b"inf,1\n",
    "more than the dashboard can store": b"2147483648,1\n",
    "hexadecimal": b"0x10,1\n",
    "with an underscore": b"1_0,1\n",
    "a sign": b"-",
    "half an exponent": b"1e",
    "other digits": "٣,1".encode(),
    "no UTF-8": b"\xff\xfe",
    "two numbers": b"119 5,1\n",
    "a very long number": b"1" * 400,
    "half in quotes": b'119"',
    "a point behind text": b"text\n119.0,1\n",
    "after a CR": b"1,2\rx,1\n",
    "zero-filled in the number": b"11" + b"\0" * 300,
    "a NUL byte behind the number": b"118\0,1\n",
    "a point behind text in front of an image": b"1x7" + _row(2, 2, 0)[3:] + b"118.0,1\n",
    "a point behind a NUL byte in front of an image": b"1\0" + _row(2, 2, 0)[3:] + b"118.0,1\n",
    "a point behind a row of names": b",".join([b"name"] * 24) + b"\n118.0,1\n",
    "a point behind text after a CR": b"1,2\rx,1\r118.0,1\r",
    "a point behind a number that is too long": b"9" * 30 + b",1\n118.0,1\n",
}

HARMLESS_TAILS = {
    "nothing": b"",
    "blank lines": b"\n\r\n \t\n",
    "a cut row": b"119,1165.06",
    "a cut number": b"11",
    "the largest number": b"2147483647,1",
    "in quotes": b'"119",1\n',
    "other cells in quotes": b'119,"1","",1\n119,"a"\n',
    "inches": b'119,1",1\n119,5"',
    "with spaces": b" 119 ,1\n",
    "with a point": b"119.0,1\n",
    "a power": b"1.2e2,1\n",
    "a whole number behind text": b"text\n119,1\n",
    "a plus": b"+119,1\n",
    "zero-filled in another cell": b"119,1165.0" + b"\0" * 300,
    "a whole number behind text in front of an image": b"1x7" + _row(2, 2, 0)[3:] + b"118,1\n",
    "a point behind a number with a point": b"117.0,1\n118.0,1\n",
    "old line ends": b"1,2\r119,2\r",
    "Ctrl-Z in another cell": b"119,1165\x1a",
}


@pytest.mark.parametrize("tail", HARMFUL_TAILS.values(), ids=list(HARMFUL_TAILS))
@pytest.mark.parametrize("pid", [NEW_PID, OLD_PID])
def test_an_adc_that_would_break_the_dashboard_is_unreadable_and_nobody_may_override_it(
    pid: str, tail: bytes
) -> None:
    contents = bin_contents(pid)
    finding = examine(_rows(contents.adc + tail), len(contents.roi), pid == OLD_PID)
    assert finding is not None and finding.damage is Damage.UNREADABLE and not finding.overridable
    assert finding.detail.isprintable() and finding.detail.isascii()


@pytest.mark.parametrize("tail", HARMLESS_TAILS.values(), ids=list(HARMLESS_TAILS))
@pytest.mark.parametrize("pid", [NEW_PID, OLD_PID])
def test_what_the_dashboard_reads_as_a_number_is_without_a_finding(pid: str, tail: bytes) -> None:
    contents = bin_contents(pid)
    assert examine(_rows(contents.adc + tail), len(contents.roi), pid == OLD_PID) is None


@pytest.mark.parametrize(
    ("tail", "words"),
    [
        (b"NaN,1", 'begins with "NaN" instead of a number'),
        (b",1", "begins with an empty cell instead of a number"),
        (b"\0\0", "begins with NUL bytes instead of a number"),
        (b"118\0\0,1", 'begins with "118" and NUL bytes instead of a number'),
        (b"\x1a", "begins with Ctrl-Z instead of a number"),
        (b"x" * 100, 'begins with "xxxxxxxxxxxxxxxxxxxx" instead of a number'),
    ],
)
def test_the_finding_says_what_the_last_row_begins_with(tail: bytes, words: str) -> None:
    contents = bin_contents(NEW_PID)
    finding = examine(_rows(contents.adc + tail), len(contents.roi), False)
    assert finding is not None
    assert finding.detail == f"the last row of the .adc {words}; that would break the dashboard"


def test_what_would_break_the_dashboard_is_told_rather_than_that_the_roi_is_too_short() -> None:
    finding = examine([_row(2, 2, 0), b"\0"], 3, False)
    assert finding is not None and not finding.overridable
    finding = examine([_row(2, 2, 0)], 3, False)
    assert finding is not None and finding.damage is Damage.TRUNCATED and finding.overridable


@pytest.mark.parametrize("rows", [[], [b"\n"], [b"trigger,adc_time\n"], [b"\0" * 99]])
def test_an_adc_without_a_row_that_begins_with_a_number_may_not_be_sent_at_all(rows: list[bytes]) -> None:
    assert examine(rows, 100, False) == Finding(
        Damage.UNREADABLE, "no row of the .adc can be read", overridable=False
    )
    assert examine([*rows, b"1,2\n"], 100, False) == Finding(
        Damage.UNREADABLE, "no row of the .adc can be read"
    )


@pytest.mark.parametrize("old_style", [False, True])
def test_a_real_bin_passes_cut_anywhere_unless_the_cut_leaves_no_number_in_front(
    real_bins: Path, old_style: bool
) -> None:
    """All cut positions of the last three rows, and every 97th before.

    A row of the old style may also not be cut behind the sign of an image's width or height (those of IFCB5 are -11 where
    there is none).
    """
    body = _real_adc(real_bins, old_style)
    for cut in _cuts(body):
        finding = examine(_rows(body[:cut]), 10**9, old_style)
        cells = body[:cut].splitlines()[-1].split(b",")
        if old_style and cells[-1] == b"-" and 9 <= len(cells) - 1 <= 12:
            assert finding is not None and not finding.overridable, body[:cut][-40:]
        elif any(map(parse_image, body[:cut].splitlines(), itertools.repeat(image_columns(old_style)))):
            assert finding is None, body[:cut][-40:]
        else:
            assert finding is not None and finding.overridable, body[:cut][-40:]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (b"1x7", True),
        (b"-", True),
        (b"\0", True),
        (b"7\0", True),
        (b"True", True),
        (b"1_0", True),
        (b"9" * 30, True),
    ]
    + [(b"1.5e400", True), (b"None", True), (b'7"', True), (b'"7x"', True), (b" NaN", True)]
    + [(b"", False), (b"NaN", False), (b"7.5", False), (b"-11", False), (b" 7", False), (b'"7"', False)],
)
@pytest.mark.parametrize("column", [9, 10, 11, 12])
@pytest.mark.parametrize("number", [1, 3, 7])
def test_text_where_an_old_style_row_has_an_image_would_break_the_dashboard(
    real_bins: Path, number: int, column: int, text: bytes, wrong: bool
) -> None:
    rows = _rows(_real_adc(real_bins, old_style=True))
    cells = rows[number - 1].split(b",")
    cells[column] = text
    rows[number - 1] = b",".join(cells)
    finding = examine(rows, 10**9, True)
    if not wrong:
        assert finding is None
        return
    assert finding == Finding(
        Damage.UNREADABLE,
        f"line {number} of the .adc has text where the position or the size of an image should be; "
        "that would break the dashboard",
        overridable=False,
    )
    assert examine([b"\r".join(row.rstrip() for row in rows)], 10**9, True) == finding


@pytest.mark.parametrize("column", [1, 7, 8, 13, 14])
def test_text_elsewhere_in_an_old_style_row_breaks_nothing(real_bins: Path, column: int) -> None:
    rows = _rows(_real_adc(real_bins, old_style=True))
    cells = rows[2].split(b",")
    cells[column] = b"1x7"
    assert examine([*rows[:2], b",".join(cells), *rows[3:]], 10**9, True) is None


@pytest.mark.parametrize("cells", [b'118,"1,1', b'118,"1,1",1', b'"118,1'])
@pytest.mark.parametrize("pid", [NEW_PID, OLD_PID])
def test_a_quotation_mark_that_makes_one_cell_of_several_would_break_the_dashboard(
    pid: str, cells: bytes
) -> None:
    contents = bin_contents(pid)
    rows = [*_rows(contents.adc), cells + b"\n", b"119,1\n"]
    assert examine(rows, len(contents.roi), pid == OLD_PID) == Finding(
        Damage.UNREADABLE,
        f"line {len(rows) - 1} of the .adc has a quotation mark that opens and does not close; "
        "that would break the dashboard",
        overridable=False,
    )


def test_an_old_style_row_of_names_would_break_the_dashboard() -> None:
    contents = bin_contents(OLD_PID)
    names = b",".join([b"name"] * 16) + b"\n"
    finding = examine(_rows(names + contents.adc), len(contents.roi), True)
    assert finding is not None and not finding.overridable and finding.detail.startswith("line 1 of the .adc")


@pytest.mark.parametrize("old_style", [False, True])
def test_a_real_bin_with_a_zero_filled_tail_is_held_exactly_where_a_number_that_counts_is_spoilt(
    real_bins: Path, old_style: bool
) -> None:
    """The first cell of the last row, or one that the dashboard adds up: pandas 3 keeps NUL bytes as text."""
    body = _real_adc(real_bins, old_style)
    counting = {0, 9, 10, 11, 12} if old_style else {0}
    harmful, expected = [], []
    for cut in _cuts(body):
        finding = examine(_rows(body[:cut] + b"\0" * (len(body) - cut)), 10**9, old_style)
        if finding is not None and not finding.overridable:
            harmful.append(cut)
        if cut < len(body) and body[:cut].rpartition(b"\n")[2].count(b",") in counting:
            expected.append(cut)
    assert harmful == expected
    assert len(harmful) >= 8


def _real_adc(real_bins: Path, old_style: bool) -> bytes:
    (path,) = (p for p in real_bins.glob("good/**/*.adc") if p.name.startswith("I") == old_style)
    return path.read_bytes()


def _cuts(body: bytes) -> list[int]:
    close = len(body) - 3 * (len(body) // body.count(b"\n"))
    return [*range(1, close, 97), *range(close, len(body) + 1)]


def _rows(body: bytes) -> list[bytes]:
    """As a file gives them: a line ends with LF only."""
    return io.BytesIO(body).readlines()
