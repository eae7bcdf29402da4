"""What a header says, and on which headers the dashboard would break."""

from __future__ import annotations

import ast
import json
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ifcbscan.core.adc import Damage
from ifcbscan.core.hdr import LONGEST_HEADER, LONGEST_JSON, read_header, to_number
from ifcbscan.demo.sample_bins import bin_contents

NEW_PID = "D20130526T095207_IFCB013"
OLD_PID = "IFCB5_2012_028_081515"
GOOD = bin_contents(NEW_PID).hdr
OLD = b'"Acquisition"\n' + bin_contents(OLD_PID).hdr  # as many lines as a real one


def _at(depth: str = "4", latitude: str = "41.5", longitude: str = "-70.6") -> bytes:
    return _with(latitude=latitude, longitude=longitude, depth=depth)


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
    "a cut character at the longest": GOOD + b"x" * (LONGEST_HEADER - len(GOOD) - 1) + "°".encode()[:1],
    "an ellipsis": _with(FileComment="..."),
    "an ellipsis and a remark": _with(FileComment="... # to be done"),
    "an ellipsis in a list": _with(FileComment="[1, (2, ...)]"),
    "an ellipsis as a key": _with(FileComment="{...:1}"),
    "a set": _with(FileComment="{1, 2}"),
    "the empty set": _with(FileComment="set()"),
    "a set behind two spaces": _with(FileComment=" {1}"),
    "a set in a dict": _with(FileComment="{'a':{5}}"),
    "a set of a string with a quote": _with(FileComment="{'it\\'s'}"),
    "bytes": _with(FileComment="b'x'"),
    "raw bytes": _with(FileComment='Rb"x"'),
    "bytes in a tuple": _with(FileComment="1, b'x'"),
    "complex": _with(FileComment="3+4j"),
    "imaginary": _with(FileComment="10J"),
    "a tuple as a key": _with(FileComment="{(1, 2):3}"),
    "a number of too many digits in hexadecimal": _with(note="0x" + "f" * 900, more="0x" + "f" * 5000),
    "a list that is too long to be parsed": _with(note="[" + "1, " * 400 + "{1}]"),
    "too deep to be parsed": _with(note="-" * 8000 + "1"),
    "too much for the dashboard": _with(note="x" * LONGEST_JSON),
    "too much, of many fields": _with(**{f"note{n}": "x" * 90 for n in range(90)}),
    "too much, by its letters": _with(note="°" * (LONGEST_JSON // 6)),
    "too much in its first line": b"softwareVersion: " + b"x" * LONGEST_JSON + b"\n",
    "too much of the old style": b'"Acquisition"\n' * 1000 + OLD,
    "too much without a version": b"x\n" * 5000,
    "longer than is read": GOOD + b"x" * (LONGEST_HEADER + 1 - len(GOOD)),
    "a number of too many digits in its first line": b"softwareVersion: " + b"1" * 5000 + b"\n",
    "a depth in feet": _at("30'"),
    "a depth in inches": _at('30"'),
    "a latitude in minutes": _at("3", "41.5'"),
    "a longitude in minutes": _at("3", "41.5", "70.6'"),
    "hexadecimal in quotes": _at('"0x10"'),
    "an empty string": _at("''"),
    "a very long whole number": _at("1" * 400),
    "a depth in words with a latitude of two numbers": _at("deep", "41, 30"),
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
    "as long as is read": GOOD + b"x" * (LONGEST_HEADER - len(GOOD)),
    "a depth of two numbers": _at("5,"),
    "a latitude of two numbers": _at("5", "41, 30"),
    "a depth and a remark": _at("5 # m"),
    "a depth in hexadecimal": _at("0x10"),
    "a depth in a list": _at("[5]"),
    "six points": _with(FileComment="......"),
    "a number and points": _with(FileComment="1..."),
    "points behind words": _with(FileComment="to be done ..."),
    "an ellipsis in a string": _with(FileComment="'...'"),
    "literals that JSON has": _with(a="[1, (2.5, 'x')]", b="{'a':None, 1:True}", c="'\\d'", d="nan"),
    "a list that is no literal": _with(FileComment="{a, b}"),
    "a list as a key": _with(FileComment="{[1]:2}"),
    "deep": _with(FileComment="[" * 300),
    "a long remark": _with(FileComment="The sample was taken at the pier. " * 100),
    "a long remark in quotes and brackets": _with(FileComment="(1) 'pier' or (2) " * 100),
}


@pytest.mark.parametrize("data", HARMFUL.values(), ids=list(HARMFUL))
def test_a_header_that_is_no_text_or_would_break_the_dashboard_may_not_be_sent(data: bytes) -> None:
    finding = read_header(data).finding
    assert finding is not None and finding.damage is Damage.UNREADABLE and not finding.overridable
    assert ".hdr" in finding.detail


@pytest.mark.parametrize("data", HARMLESS.values(), ids=list(HARMLESS))
def test_any_other_header_is_without_a_finding(data: bytes) -> None:
    assert read_header(data).finding is None


def test_a_header_says_as_much_as_the_dashboard_can_keep_and_not_a_character_more() -> None:
    lines = b"softwareVersion: 1\nnote: "
    around = len('{"context": "softwareVersion: 1", "note": ""}')
    assert read_header(lines + b"x" * (LONGEST_JSON - around)).finding is None
    finding = read_header(lines + b"x" * (LONGEST_JSON - around + 1)).finding
    assert finding is not None and not finding.overridable
    assert finding.detail == (
        "the .hdr says more than the 8,192 characters that the dashboard can keep; that would break the dashboard"
    )


def test_the_field_that_the_dashboard_cannot_keep_is_named() -> None:
    finding = read_header(GOOD + "Bemerkung\x07°: ...\n".encode()).finding
    assert finding is not None
    assert finding.detail == (
        'the .hdr has a value under "Bemerkung?\\xb0" that the dashboard cannot keep; that would break the dashboard'
    )


@given(st.text(alphabet="0123456789.,:+-jxXabBe_'\"\\()[]{}# NoneTrus", max_size=60))
def test_no_value_that_json_does_not_have_is_passed(value: str) -> None:
    header = read_header(b"softwareVersion: 1\n" + f"note: {value}".encode())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            json.dumps(ast.literal_eval(header.fields.get("note", "").strip()))
        except (SyntaxError, MemoryError, RecursionError):
            return
        except ValueError:
            return
        except TypeError as error:
            if "JSON" in str(error) or "keys must be" in str(error):
                assert header.finding is not None and not header.finding.overridable


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


pieces = st.one_of(
    st.binary(max_size=30),
    st.text(max_size=30).map(lambda text: text.encode("utf-8", "ignore")),
    st.sampled_from(
        [
            b"softwareVersion: 1\n",
            b"\n",
            b"\r",
            b": ",
            b"latitude: 1\nlongitude: 2\ndepth: ",
            b"'",
            b'"',
            b"\\",
            b"...",
        ]
        + [
            b"{",
            b"[",
            b"(" * 300,
            b"-" * 900,
            b"9" * 5000,
            b"1+" * 490,
            b"set()",
            b"0x",
            b"b'x'",
            b"\xf0\x9f\x98\x80",
        ]
    ),
)


@given(st.lists(pieces, max_size=12).map(b"".join))
def test_no_bytes_are_an_error(data: bytes) -> None:
    header = read_header(data)
    header.number("note")
    assert header.finding is None or header.finding.detail


def test_every_real_header_is_without_a_finding(real_bins: Path) -> None:
    headers = [path for path in real_bins.rglob("*.hdr") if path.stat().st_size]
    assert len(headers) >= 4
    for path in headers:
        assert read_header(path.read_bytes()).finding is None, path.name


def test_times_of_2010_that_are_written_otherwise_are_passed_over() -> None:
    header = read_header(b"run time = 1200.1 s, of which no inhibit time is known today\n")
    assert header.finding is None and header.fields == {}
