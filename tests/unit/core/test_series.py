"""Time series: which names are taken, and where their files lie."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ifcbscan.core.bins import parse_pid
from ifcbscan.core.series import Series, check_time_series, is_account
from ifcbscan.errors import UsageError

pytestmark = pytest.mark.windows_core


@pytest.mark.parametrize(
    ("text", "extension", "key"),
    [
        (
            "D20130526T095207_IFCB013",
            "roi",
            "hablab/nauset/2013/D20130526/D20130526T095207_IFCB013.roi",
        ),
        (
            "IFCB5_2012_028_081515",
            "adc",
            "hablab/nauset/2012/IFCB5_2012_028/IFCB5_2012_028_081515.adc",
        ),
    ],
)
def test_a_key_is_where_the_archive_or_the_dashboard_wants_it(text: str, extension: str, key: str) -> None:
    pid = parse_pid(text)
    assert pid is not None
    assert Series("hablab", "nauset").key(pid, extension) == key


def test_the_prefix_of_a_time_series_is_no_prefix_of_another_one() -> None:
    assert not Series("hablab", "nauset2").prefix.startswith(Series("hablab", "nauset").prefix)


@pytest.mark.parametrize(
    ("text", "fits"),
    [("hablab", True), ("a.b_c-D9", True), ("a" * 64, True), ("...", True), ("a" * 65, False), ("", False)]
    + [(text, False) for text in (".", "..", "a/b", "a b", "a\n", "été")],
)
def test_an_account_is_a_folder_of_the_bucket_by_its_name(text: str, fits: bool) -> None:
    assert is_account(text) is fits


@pytest.mark.parametrize("name", ["nauset", "a", "Nauset-2_b", "2013", "a" * 53])
def test_a_name_of_a_time_series_is_taken_as_it_stands(name: str) -> None:
    assert check_time_series(name) == name


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("my cruise", "my_cruise"),
        ("nauset 100%", "nauset_100"),
        ("a\nb", "a_b"),
        ("été", "t"),
        ("a" * 54, "a" * 53),
    ],
)
def test_a_bad_name_of_a_time_series_is_refused_with_a_better_one(name: str, suggestion: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_time_series(name)
    assert f"Did you mean {suggestion!r}?" in str(caught.value)
    assert check_time_series(suggestion) == suggestion


@pytest.mark.parametrize("name", ["/data/ifcb", "../other", "D:\\ifcb", "///"])
def test_a_folder_in_the_place_of_a_time_series_is_told_the_order_of_the_two(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_time_series(name)
    assert "The folder comes first, then the time series: DIR TIME_SERIES." in str(caught.value)
    assert "Did you mean" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "日本", "  "])
def test_a_name_of_which_nothing_is_left_is_refused_without_a_suggestion(name: str) -> None:
    with pytest.raises(UsageError, match="1 to 53 of the characters") as caught:
        check_time_series(name)
    assert "Did you mean" not in str(caught.value)


@given(st.text(max_size=80))
def test_whatever_name_is_suggested_is_itself_acceptable(name: str) -> None:
    try:
        assert check_time_series(name) == name
    except UsageError as error:
        assert "\n" not in str(error)
        if "Did you mean '" in str(error):
            suggestion = str(error).split("Did you mean '")[1].split("'?")[0]
            assert check_time_series(suggestion) == suggestion
