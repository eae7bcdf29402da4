"""Which bins belong to a job: the borders of its window, what is said of it, and how it is read back."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ifcbscan.core.bins import Pid, parse_pid
from ifcbscan.core.window import EVERYTHING, Window, make_window, moment_text, parse_instruments, parse_moment
from ifcbscan.errors import UsageError

pytestmark = pytest.mark.windows_core

_JUNE = 1780272000.0  # 2026-06-01T00:00:00Z


def _pid(text: str) -> Pid:
    pid = parse_pid(text)
    assert pid is not None
    return pid


@pytest.mark.parametrize(
    ("pid", "inside"),
    [
        ("D20260531T235959_IFCB013", False),
        ("D20260601T000000_IFCB013", True),
        ("D20260601T000001_IFCB013", True),
        ("D20261231T235959_IFCB013", True),
        ("D20270101T000000_IFCB013", False),
        ("IFCB5_2026_151_235959", False),
        ("IFCB5_2026_152_000000", True),
        ("IFCB5_2026_365_235959", True),
        ("IFCB5_2027_001_000000", False),
    ],
)
def test_a_window_holds_its_first_second_and_not_its_last_limit(pid: str, inside: bool) -> None:
    assert make_window("2026-06-01", "2027-01-01", None, 0).holds(_pid(pid)) is inside


def test_the_last_day_of_a_leap_year_belongs_to_it() -> None:
    window = make_window("2024-12-31", "2025-01-01", None, 0)
    assert window.holds(_pid("IFCB5_2024_366_235959"))
    assert not window.holds(_pid("IFCB5_2024_365_235959"))


@pytest.mark.parametrize(
    ("pid", "inside"),
    [
        ("D20260601T000000_IFCB013", True),
        ("D20260601T000000_IFCB130", False),
        ("D20260601T000000_IFCB010", True),
        ("D20260601T000000_IFCB001", False),
        ("IFCB5_2026_152_000000", False),
    ],
)
def test_a_window_holds_the_bins_of_its_instruments(pid: str, inside: bool) -> None:
    assert make_window(None, None, "10,IFCB013", 0).holds(_pid(pid)) is inside


def test_the_instrument_of_an_old_style_bin_has_one_digit() -> None:
    assert _pid("IFCB5_2026_152_000000").instrument == 5
    assert make_window(None, None, "5", 0).holds(_pid("IFCB5_2026_152_000000"))


def test_a_window_without_limits_holds_every_bin() -> None:
    assert EVERYTHING.holds(_pid("D00010101T000000_IFCB000"))
    assert EVERYTHING.holds(_pid("D99991231T235959_IFCB999"))
    assert EVERYTHING.options() == []
    assert str(EVERYTHING) == "all bins"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-06-01", _JUNE),
        ("2026-06-01T00:00", _JUNE),
        ("2026-06-01T00:00:00", _JUNE),
        ("2026-06-01T00:00:00Z", _JUNE),
        ("2026-06-01 14:30:05", _JUNE + 52205),
        (" 2026-06-01T14:30Z ", _JUNE + 52200),
        ("1969-12-31T23:59:59Z", -1),
        ("now", 1000.0),
        ("NOW", 1000.0),
    ],
)
def test_a_time_is_a_day_a_time_or_now(text: str, moment: float) -> None:
    assert parse_moment(text, "--since", now=1000.9) == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "3d",
        "2026-13-01",
        "2026-02-30",
        "2026-6-1",
        "01.06.2026",
        "2026-06-01T25:00",
        "2026-06-01T14",
        "-1",
    ],
)
def test_what_is_no_time_is_refused_with_the_forms_that_are(text: str) -> None:
    with pytest.raises(UsageError, match="--since.*2026-06-01"):
        parse_moment(text, "--since", now=0)


@pytest.mark.parametrize("text", ["", "x", "13,", "IFCB", "1000", "-1", "1.5", "13 14"])
def test_what_is_no_instrument_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--instrument.*IFCB013"):
        parse_instruments(text, "--instrument")


@pytest.mark.parametrize(
    ("since", "until"), [("2026-06-01", "2026-06-01"), ("2026-06-02", "2026-06-01"), ("now", "now")]
)
def test_a_window_that_holds_nothing_is_refused(since: str, until: str) -> None:
    with pytest.raises(UsageError, match="exchanged"):
        make_window(since, until, None, now=_JUNE)


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        (Window(), Window(), True),
        (Window(until=_JUNE), Window(since=_JUNE), False),
        (Window(until=_JUNE + 1), Window(since=_JUNE), True),
        (Window(instruments=frozenset([5])), Window(instruments=frozenset([13])), False),
        (Window(instruments=frozenset([5, 13])), Window(instruments=frozenset([13])), True),
        (Window(instruments=frozenset([5])), Window(since=_JUNE), True),
    ],
)
def test_windows_overlap_if_a_bin_could_belong_to_both(one: Window, other: Window, overlap: bool) -> None:
    assert one.overlaps(other) is overlap
    assert other.overlaps(one) is overlap


@pytest.mark.parametrize(
    ("window", "text"),
    [
        (Window(instruments=frozenset([13, 5])), "bins of IFCB005, IFCB013"),
        (Window(since=_JUNE), "bins from 2026-06-01T00:00:00Z"),
        (Window(until=_JUNE), "bins before 2026-06-01T00:00:00Z"),
        (Window(_JUNE, _JUNE + 60), "bins from 2026-06-01T00:00:00Z, before 2026-06-01T00:01:00Z"),
    ],
)
def test_a_window_in_words(window: Window, text: str) -> None:
    assert str(window) == text


def test_a_window_is_written_as_options() -> None:
    words = Window(_JUNE, _JUNE + 60, frozenset([13, 5])).options()
    assert words == [
        "--since",
        "2026-06-01T00:00:00Z",
        "--until",
        "2026-06-01T00:01:00Z",
        "--instrument",
        "5,13",
    ]


_seconds = st.integers(-62135596800, 253402300799).map(float)


@given(_seconds)
def test_a_moment_is_read_back_as_it_was_written(seconds: float) -> None:
    assert parse_moment(moment_text(seconds), "--since", now=0) == seconds


@given(
    st.one_of(st.just(-math.inf), _seconds),
    st.one_of(st.just(math.inf), _seconds),
    st.frozensets(st.integers(0, 999), max_size=3),
)
def test_the_options_of_a_window_say_the_same_window(
    since: float, until: float, instruments: frozenset[int]
) -> None:
    window = Window(since, until, instruments)
    if since >= until:
        return
    words = dict(zip(window.options()[::2], window.options()[1::2]))
    again = make_window(words.get("--since"), words.get("--until"), words.get("--instrument"), 0)
    assert again == window


@pytest.mark.parametrize(
    ("named", "whole"),
    [
        (Window(), Window(1, 9, frozenset([5]))),
        (Window(since=2), Window(2, 9, frozenset([5]))),
        (Window(until=3), Window(1, 3, frozenset([5]))),
        (Window(instruments=frozenset([7])), Window(1, 9, frozenset([7]))),
        (Window(2, 3, frozenset([7])), Window(2, 3, frozenset([7]))),
    ],
)
def test_what_a_window_does_not_name_it_takes_from_the_one_before(named: Window, whole: Window) -> None:
    assert named.completed_by(Window(1, 9, frozenset([5]))) == whole
