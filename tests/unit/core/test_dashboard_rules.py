"""Which bins the dashboard will refuse without harm."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ifcbscan.core.adc import read
from ifcbscan.core.bins import Pid
from ifcbscan.core.dashboard_rules import NAMED_AT_MOST, WILL_REFUSE, refusal, refusal_warning
from ifcbscan.core.hdr import read_header
from ifcbscan.demo.sample_bins import bin_contents

NEW_PID = "D20130526T095207_IFCB013"
OLD_PID = "IFCB5_2012_028_081515"
NEW = bin_contents(NEW_PID)
OLD = bin_contents(OLD_PID)


def _refusal(adc: bytes, hdr: bytes, old_style: bool, size: int = 1000) -> str:
    contents = read(io.BytesIO(adc).readlines(), 10**9, old_style)
    assert contents.finding is None
    return refusal(contents, read_header(hdr), size, old_style)


def _replaced(hdr: bytes, **fields: str) -> bytes:
    for name, value in fields.items():
        hdr, found = re.subn(rb"(?m)^%b: .*$" % name.encode(), f"{name}: {value}".encode(), hdr)
        assert found == 1
    return hdr


def _cells_set(adc: bytes, values: dict[int, bytes]) -> bytes:
    rows = []
    for row in adc.splitlines():
        cells = row.split(b",")
        for column, value in values.items():
            cells[column] = value
        rows.append(b",".join(cells) + b"\n")
    return b"".join(rows)


def _wider(adc: bytes, by: int) -> bytes:
    return b"".join(row + b",0" * by + b"\n" for row in adc.splitlines())


NO_TIMES = _replaced(NEW.hdr, runTime="0", inhibitTime="0")

REFUSED = {
    "a header row": (
        b",".join([b"name"] * 24) + b"\n" + NEW.adc,
        NEW.hdr,
        "the .adc begins with a row of names",
    ),
    "28 columns": (_wider(NEW.adc, 4), NEW.hdr, "the .adc has 28 columns, and not 24"),
    "a longer last row": (
        NEW.adc + NEW.adc.splitlines()[-1] + b",1\n",
        NEW.hdr,
        "the last row of the .adc has more cells than the first",
    ),
    "text among the widths": (
        NEW.adc + b"99," * 15 + b"wide\n",
        NEW.hdr,
        f"line {NEW.adc.count(bytes([10])) + 1} of the .adc has text where the width of an image should be",
    ),
    "no run time": (
        NEW.adc,
        NEW.hdr.replace(b"runTime: ", b"sampleRunTime: "),
        "the volume analysed cannot be computed: the .hdr has no runTime and inhibitTime that are numbers",
    ),
    "an inhibit time in words": (
        NEW.adc,
        _replaced(NEW.hdr, inhibitTime="long"),
        "the volume analysed cannot be computed: the .hdr has no runTime and inhibitTime that are numbers",
    ),
    "no time at all": (
        _cells_set(NEW.adc, {22: b"0", 23: b"0"}),
        NO_TIMES,
        "the volume analysed is not positive: runTime in the .hdr and in the .adc is not above inhibitTime",
    ),
    "a temperature in words": (
        NEW.adc,
        _replaced(NEW.hdr, temperature="warm"),
        "temperature in the .hdr is no number",
    ),
}

NOT_REFUSED = {
    "as it is": (NEW.adc, NEW.hdr),
    "Windows line ends": (NEW.adc.replace(b"\n", b"\r\n"), NEW.hdr.replace(b"\n", b"\r\n")),
    "blank lines first": (b"\n \n" + NEW.adc, NEW.hdr),
    "a cut last row": (NEW.adc[:-40], NEW.hdr),
    "a NaN among the widths": (NEW.adc + b"99," * 15 + b"NaN\n", NEW.hdr),
    "no time in the header, but in the rows": (NEW.adc, NO_TIMES),
    "no time in the rows, but in the header": (_cells_set(NEW.adc, {22: b"0", 23: b"0"}), NEW.hdr),
    "no temperature": (NEW.adc, NEW.hdr.replace(b"temperature: ", b"warmth: ")),
}


@pytest.mark.parametrize(("adc", "hdr", "why"), REFUSED.values(), ids=list(REFUSED))
def test_what_the_dashboard_refuses_is_predicted(adc: bytes, hdr: bytes, why: str) -> None:
    assert _refusal(adc, hdr, False) == why


@pytest.mark.parametrize(("adc", "hdr"), NOT_REFUSED.values(), ids=list(NOT_REFUSED))
def test_nothing_is_predicted_of_a_bin_that_the_dashboard_takes(adc: bytes, hdr: bytes) -> None:
    assert _refusal(adc, hdr, False) == ""


def test_a_bin_under_32_bytes_is_refused() -> None:
    assert "31 bytes in all" in _refusal(NEW.adc, NEW.hdr, False, 31)
    assert _refusal(NEW.adc, NEW.hdr, False, 32) == ""


@pytest.mark.parametrize(
    ("time", "refused"), [(b"0", True), (b"0.05", True), (b"", False), (b"60", False), (b"-60", False)]
)
def test_an_old_style_run_that_takes_no_time_is_refused(time: bytes, refused: bool) -> None:
    adc = _cells_set(OLD.adc, {8: time})
    assert ("the run of the .adc takes no time" in _refusal(adc, OLD.hdr, True)) == refused


def test_an_old_style_header_without_numbers_is_refused() -> None:
    hdr = b'"Acquisition"\n' + OLD.hdr  # as many lines as a real one
    assert _refusal(OLD.adc, hdr, True) == ""
    assert (
        _refusal(OLD.adc, hdr.replace(b'" 30"', b'" dark"'), True)
        == "binarizeThreshold in the .hdr is no number"
    )
    assert _refusal(OLD.adc, OLD.hdr, True) == ""
    assert _refusal(_wider(OLD.adc, 1), OLD.hdr, True) == ""


def test_of_an_old_style_row_of_names_which_does_harm_no_refusal_is_predicted() -> None:
    names = b",".join([b"name"] * 16) + b"\n"
    contents = read(io.BytesIO(names + OLD.adc).readlines(), 10**9, True)
    assert contents.finding is not None and not contents.finding.overridable
    assert refusal(contents, read_header(OLD.hdr), 1000, True) == ""


@given(st.binary(max_size=400), st.binary(max_size=400), st.booleans())
def test_no_bytes_are_an_error(adc: bytes, hdr: bytes, old_style: bool) -> None:
    contents = read(io.BytesIO(adc).readlines(), 10, old_style)
    assert isinstance(refusal(contents, read_header(hdr), 1000, old_style), str)


def test_nothing_is_predicted_of_the_real_good_bins(real_bins: Path) -> None:
    paths = sorted(real_bins.glob("good/**/*.adc"))
    assert len(paths) >= 2
    for path in paths:
        hdr = path.with_suffix(".hdr").read_bytes()
        assert _refusal(path.read_bytes(), hdr, path.name.startswith("I")) == "", path.name


def test_a_warning_names_the_first_bins_with_their_reasons_and_counts_the_rest() -> None:
    bins = [
        (Pid(f"D20130526T0952{n:02}_IFCB013"), WILL_REFUSE + f"reason {n}") for n in range(NAMED_AT_MOST + 2)
    ]
    text = refusal_warning(bins[:2])
    assert text.endswith(
        "but the dashboard will refuse it: D20130526T095200_IFCB013 (reason 0), D20130526T095201_IFCB013 (reason 1)"
    )
    text = refusal_warning(bins)
    assert text.endswith("D20130526T095209_IFCB013 (reason 9) and 2 more (--verbose names each)")
