"""Durations and rates: what is one, and what is refused."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ifcbscan.core.units import (
    parse_daily,
    parse_duration,
    parse_interval,
    parse_rate,
    parse_size,
    parse_with_unit,
)
from ifcbscan.errors import ConfigError

pytestmark = pytest.mark.windows_core


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("90s", 90),
        ("5m", 300),
        ("12h", 43200),
        ("3d", 259200),
        ("2W", 1209600),
        ("1.5 h", 5400),
        ("0", 0),
    ],
)
def test_a_duration_is_seconds_unless_it_says_otherwise(text: str, seconds: float) -> None:
    assert parse_duration(text, "--settle") == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s",
        "-1",
        "+1",
        "1y",
        "1 2",
        "1e3",
        "nan",
        "inf",
        "٣d",
        "3d\nx",
        "1,5h",
        "0x10",
        "9" * 400,
        "9" * 308 + "w",
    ],
)
def test_what_is_no_duration_is_refused_by_the_name_of_its_option(text: str) -> None:
    with pytest.raises(ConfigError, match="--settle"):
        parse_duration(text, "--settle")


@pytest.mark.parametrize(("text", "seconds"), [("24h", 86400), ("90s", 90), ("0", 0), ("0.0", 0)])
def test_where_seconds_are_hardly_ever_meant_a_unit_is_wanted(text: str, seconds: float) -> None:
    assert parse_with_unit(text, "--deletable-after") == seconds


@pytest.mark.parametrize("text", ["24", "1.5", " 7 ", "h"])
def test_a_number_alone_is_refused_where_seconds_are_hardly_ever_meant(text: str) -> None:
    with pytest.raises(ConfigError, match="--deletable-after"):
        parse_with_unit(text, "--deletable-after")


@pytest.mark.parametrize(
    ("text", "rate"),
    [("500K", 500e3), ("2M", 2e6), ("80000", 80e3), ("1.5 MB/s", 1.5e6), ("1g", 1e9), ("300kB", 300e3)],
)
def test_a_rate_is_in_bytes_a_second(text: str, rate: float) -> None:
    assert parse_rate(text, "--bandwidth") == rate


@pytest.mark.parametrize(
    "text", ["", "K", "0", "0.0M", "-1K", "nan", "inf", "1T", "5 m/h", "1e400", "9" * 400, "9" * 306 + "G"]
)
def test_what_is_no_rate_is_refused_by_the_name_of_its_option(text: str) -> None:
    with pytest.raises(ConfigError, match="--bandwidth"):
        parse_rate(text, "--bandwidth")


@pytest.mark.parametrize(
    ("text", "size"), [("500K", 500_000), ("5M", 5_000_000), ("1.5 MB", 1_500_000), ("7", 7)]
)
def test_a_size_is_in_bytes(text: str, size: int) -> None:
    assert parse_size(text, "--write-size") == size


@pytest.mark.parametrize("text", ["", "M", "0", "0.4", "-1K", "5M/s", "nan", "1T", "9" * 400])
def test_what_is_no_size_is_refused_by_the_name_of_its_option(text: str) -> None:
    with pytest.raises(ConfigError, match="--write-size"):
        parse_size(text, "--write-size")


def test_bytes_a_day_may_be_without_a_limit() -> None:
    assert (parse_daily("1.5G", "MAX_DAILY"), parse_daily(" Off ", "MAX_DAILY")) == (1_500_000_000, math.inf)
    for text in ("", "0", "1T", "lots", "-1G"):
        with pytest.raises(
            ConfigError, match="MAX_DAILY: .* is no size; write bytes a day as 500M or 1G, or off."
        ):
            parse_daily(text, "MAX_DAILY")


@given(st.text(max_size=12))
def test_no_text_is_anything_but_a_number_or_a_refusal(text: str) -> None:
    for parse in (parse_duration, parse_rate, parse_size):
        try:
            value = parse(text, "--option")
        except ConfigError as error:
            assert "--option" in str(error)
        else:
            assert 0 <= value < float("inf")


def test_a_time_in_which_something_is_expected_has_a_unit_and_is_more_than_nothing() -> None:
    assert parse_interval("2h", "--expect-every") == 7200
    for text in ("2", "0", "0h", "soon"):
        with pytest.raises(ConfigError, match="--expect-every"):
            parse_interval(text, "--expect-every")
