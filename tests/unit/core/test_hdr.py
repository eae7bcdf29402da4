"""What a header says, and on which headers the dashboard would break."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ifcbscan.core.adc import Damage
from ifcbscan.core.hdr import LONGEST_HEADER, read_header, to_number
from ifcbscan.demo.sample_bins import bin_contents

NEW_PID = "D20130526T095207_IFCB013"
OLD_PID = "IFCB5_2012_028_081515"
GOOD = bin_contents(NEW_PID).hdr
OLD = b'"Acquisition"\n' + bin_contents(OLD_PID).hdr  # as many lines as a real one


def _with(**fields: str) -> bytes:
    return GOOD + "".join(f"{name}: {value}\n" for name, value in fields.items()).encode("utf-8")


HARMFUL = {
    "UTF-16": GOOD.decode().encode("utf-16"),
    "UTF-16 without a mark": GOOD.decode().encode("utf-16-le"),
    "Latin-1": GOOD + "temperature: 20 °C\n".encode("latin-1"),
    "garbage": bytes(range(128, 256)) * 8,
    "zero-filled": GOOD[:100] + b"\0" * 400,
    "a cut character at the end": GOOD + "°".encode()[:1],
    "a depth with a unit": _with(latitude="41.5", longitude="-70.6", depth="4 m"),
    "a depth in words": _with(latitude="41.5", longitude="-70.6", depth="surface"),
    "a depth in words in quotes": _with(latitude="41.5", longitude="-70.6", depth="'surface'"),
    "a latitude in words": _with(latitude="north", longitude="-70.6"),
    "a longitude with a unit": _with(latitude="41.5", longitude="70.6W", depth="4"),
}

HARMLESS = {
    "as it is": GOOD,
    "of the old style": bin_contents(OLD_PID).hdr,
    "UTF-8": GOOD + "note: 20 °C\n".encode(),
    "Windows line ends": GOOD.replace(b"\n", b"\r\n"),
    "Ctrl-Z at the end": GOOD + b"\x1a",
    "cut": GOOD[:100],
    "a position and a depth": _with(latitude="41.5", longitude="-70.6", depth="4"),
    "numbers in quotes": _with(latitude="'41.5'", longitude='"-70.6"', depth="'4.0'"),
    "a position without a depth": _with(latitude="41.5", longitude="-70.6"),
    "a position and an empty depth": _with(latitude="41.5", longitude="-70.6", depth=""),
    "no fix": _with(latitude="None", longitude="None", depth="unknown"),
    "NaN for no fix": _with(latitude="nan", longitude="nan", depth="nan"),
    "a depth in words without a position": _with(depth="surface"),
    "a depth in words with half a position": _with(latitude="41.5", depth="surface"),
    "another depth": _with(latitude="41.5", longitude="-70.6", Depth="surface", maxDepth="surface"),
    "a line that the reader passes over": _with(latitude="41.5", longitude="-70.6", depth="about: surface"),
    "cut in a character at the longest": GOOD + b"x" * (LONGEST_HEADER - len(GOOD) - 1) + "°".encode()[:1],
}


@pytest.mark.parametrize("data", HARMFUL.values(), ids=list(HARMFUL))
def test_a_header_that_is_no_text_or_would_break_the_dashboard_may_not_be_sent(data: bytes) -> None:
    finding = read_header(data).finding
    assert finding is not None and finding.damage is Damage.UNREADABLE and not finding.overridable
    assert ".hdr" in finding.detail


@pytest.mark.parametrize("data", HARMLESS.values(), ids=list(HARMLESS))
def test_any_other_header_is_without_a_finding(data: bytes) -> None:
    assert read_header(data).finding is None


def test_the_later_of_two_lines_of_one_name_counts() -> None:
    spoilt = _with(latitude="41.5", longitude="-70.6", depth="surface")
    assert read_header(spoilt + b"depth: 4\n").finding is None


def test_the_fields_of_both_styles_are_read() -> None:
    assert read_header(GOOD).number("runtime") == pytest.approx(1200, abs=31)
    assert read_header(OLD).number("binarizeThreshold") == 30
    assert (
        read_header(bin_contents(OLD_PID).hdr).fields == {}
    )  # five lines: the reader does not look for values
    assert read_header(b"a: 1\nb: 2: 3\nc\n").fields == {"a": "1"}


def test_the_times_of_a_header_of_2010_are_read() -> None:
    header = read_header(b"Imaging FlowCytobot\nrun time = 1200.5 s   inhibit time = 11.25 s\n")
    assert (header.number("runTime"), header.number("inhibitTime")) == (1200.5, 11.25)


@pytest.mark.parametrize(
    ("value", "number"),
    [("1", 1.0), (" -7.5e1 ", -75.0), ("'3'", 3.0), ("0x10", 16.0), ("True", 1.0), ("", None), ("4 m", None)],
)
def test_a_number_is_what_the_reader_can_make_one_of(value: str, number: float | None) -> None:
    assert to_number(value) == number


@given(st.binary(max_size=500))
def test_no_bytes_are_an_error(data: bytes) -> None:
    header = read_header(data)
    assert header.finding is None or header.finding.detail


def test_every_real_header_is_without_a_finding(real_bins: Path) -> None:
    headers = [path for path in real_bins.rglob("*.hdr") if path.stat().st_size]
    assert len(headers) >= 4
    for path in headers:
        assert read_header(path.read_bytes()).finding is None, path.name
