"""Parts of all bins: each bin is in exactly one, for ever, and none is much larger than another."""

from __future__ import annotations

import datetime
from collections import Counter
from typing import Callable, Sequence

import pytest

from ifcbscan.core.bins import Pid, parse_pid
from ifcbscan.core.part import Part, parse_part
from ifcbscan.errors import UsageError

pytestmark = pytest.mark.windows_core


def _new_style(number: int) -> str:
    moment = datetime.datetime(2026, 1, 1) + datetime.timedelta(minutes=20 * number)
    return f"D{moment:%Y%m%dT%H%M%S}_IFCB013"


def _same_second_every_day(number: int) -> str:
    moment = datetime.datetime(2000, 1, 1) + datetime.timedelta(days=number)
    return f"D{moment:%Y%m%d}T000000_IFCB013"


def _old_style(number: int) -> str:
    moment = datetime.datetime(2012, 1, 1) + datetime.timedelta(minutes=20 * number)
    return f"IFCB5_{moment:%Y_%j_%H%M%S}"


def _pids(name: Callable[[int], str], count: int) -> Sequence[Pid]:
    found = [parse_pid(name(number)) for number in range(count)]
    return [pid for pid in found if pid is not None]


@pytest.mark.parametrize("name", [_new_style, _same_second_every_day, _old_style])
@pytest.mark.parametrize("of", [1, 7, 30, 32])
def test_each_bin_is_in_exactly_one_part_and_the_parts_are_about_equal(
    name: Callable[[int], str], of: int
) -> None:
    pids = _pids(name, 9000)
    assert len(pids) == 9000
    parts = [Part(number + 1, of) for number in range(of)]
    found = Counter(part for pid in pids for part in parts if part.holds(pid))
    assert sum(found.values()) == 9000 and all(
        sum(part.holds(pid) for part in parts) == 1 for pid in pids[:99]
    )
    # Four standard deviations of what dice would do.
    mean = 9000 / of
    assert max(abs(found[part] - mean) for part in parts) <= 4 * mean**0.5


def test_a_bin_is_in_the_same_part_in_every_version() -> None:
    pids = ["D20130526T095207_IFCB013", "IFCB5_2012_028_081515", "D20260601T120031_IFCB199"]
    assert [n for text in pids for n in range(1, 31) if Part(n, 30).holds(Pid(text))] == [23, 14, 24]


@pytest.mark.parametrize(
    ("text", "part"), [("3/30", Part(3, 30)), ("1/1", Part(1, 1)), (" 08/31 ", Part(8, 31))]
)
def test_a_part_is_read_as_a_script_writes_it(text: str, part: Part) -> None:
    assert parse_part(text, "--part") == part


def test_a_part_is_told_to_people_and_to_programs() -> None:
    assert (str(Part(3, 30)), Part(3, 30).words) == ("3/30", "part 3 of 30")


@pytest.mark.parametrize(
    "text",
    [
        "0/30",
        "31/30",
        "3/0",
        "0/0",
        "a/b",
        "3",
        "",
        "/",
        "3/",
        "-1/3",
        "1/3/5",
        "1.5/3",
        "٣/30",
        "1/1" + "0" * 9,
    ],
)
def test_what_is_no_part_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_part(text, "--part")
    assert str(refused.value) == (
        f"--part: {text!r} names no part; write the number and how many there are, as 3/30, from 1/30 to 30/30. "
        "Nothing was done."
    )
