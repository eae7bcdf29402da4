"""ETags and sums."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ifcbscan.core.checksums import (
    PART_SIZES,
    FileSums,
    PartSum,
    Summer,
    fitting_part_sizes,
    is_md5,
    number_of_parts,
)

pytestmark = pytest.mark.windows_core

MIB = 1024 * 1024
MD5 = hashlib.md5(b"a file").hexdigest()


def etag_in_parts(content: bytes, part_size: int) -> str:
    """As S3 documents it, written down a second time."""
    parts = [content[start : start + part_size] for start in range(0, len(content), part_size)]
    joined = b"".join(hashlib.md5(part).digest() for part in parts)
    return f"{hashlib.md5(joined).hexdigest()}-{len(parts)}"


@pytest.mark.parametrize(
    "etag, md5, parts",
    [
        (MD5, True, None),
        (MD5 + "-3", False, 3),
        (MD5 + "-10000", False, 10000),
        (MD5.upper(), False, None),
        (MD5 + "\n", False, None),
        (MD5 + "-", False, None),
        (MD5[:-1], False, None),
        ("", False, None),
        ("not a sum", False, None),
    ],
)
def test_an_etag_is_an_md5_or_in_parts_or_neither(etag: str, md5: bool, parts: Any) -> None:
    assert (is_md5(etag), number_of_parts(etag)) == (md5, parts)


@pytest.mark.parametrize(
    "parts, size, fitting",
    [
        (2, 9 * MIB, (5, 8)),
        (2, 17 * MIB, (10, 15, 16)),
        (3, 17 * MIB, (8,)),
        (4, 17 * MIB, (5,)),
        (2, 65 * MIB, (50, 64)),
        (9, 65 * MIB, (8,)),
        (7, 9 * MIB, ()),
    ],
)
def test_only_part_sizes_that_make_as_many_parts_are_tried(
    parts: int, size: int, fitting: tuple[int, ...]
) -> None:
    assert fitting_part_sizes(f"{MD5}-{parts}", size) == tuple(mib * MIB for mib in fitting)


def test_a_plain_md5_costs_no_second_sum() -> None:
    assert fitting_part_sizes(MD5, 9 * MIB) == () and fitting_part_sizes("", 9 * MIB) == ()


def test_one_part_is_the_whole_file_whatever_size_was_allowed() -> None:
    assert fitting_part_sizes(MD5 + "-1", 3) == (3,)


@pytest.mark.parametrize("mib", [5, 8, 16, 64])
def test_the_usual_part_sizes_are_known(mib: int) -> None:
    assert mib * MIB in PART_SIZES


def test_the_sum_of_a_file_in_parts_is_that_of_its_parts_sums() -> None:
    summer = Summer((4, 9))
    for block in (b"one ", b"two th", b"ree"):
        summer.update(block)
    content = b"one two three"
    expected = (PartSum(4, etag_in_parts(content, 4)), PartSum(9, etag_in_parts(content, 9)))
    assert summer.sums() == FileSums(len(content), hashlib.md5(content).hexdigest(), expected)
    assert expected[0].etag.endswith("-4") and expected[1].etag.endswith("-2")


@given(st.binary(min_size=1, max_size=400), st.lists(st.integers(1, 90), max_size=3), st.integers(1, 120))
def test_sums_do_not_depend_on_the_blocks_in_which_a_file_is_read(
    content: bytes, part_sizes: list[int], block: int
) -> None:
    summer = Summer(tuple(part_sizes))
    for start in range(0, len(content), block):
        summer.update(content[start : start + block])
    expected = tuple(PartSum(size, etag_in_parts(content, size)) for size in part_sizes)
    assert summer.sums() == FileSums(len(content), hashlib.md5(content).hexdigest(), expected)
