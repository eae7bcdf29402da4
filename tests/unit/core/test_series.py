"""Time series: which names are taken, and where their files lie."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ifcbscan.core.bins import parse_pid
from ifcbscan.core.series import (
    Series,
    check_time_series,
    file_name,
    is_account,
    is_time_series,
    remark_on_name,
)
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


@pytest.mark.parametrize(
    "name",
    ["nauset", "a", "Nauset-2_b", "2013", "a" * 53, "nauset.2026", "a..b", "v1.2.3", "Beads", "beads.2"],
)
def test_a_name_of_a_time_series_is_taken_as_it_stands(name: str) -> None:
    assert check_time_series(name) == name
    assert is_time_series(name)


@pytest.mark.parametrize(
    "name", ["my cruise", "nauset 100%", "a\nb", "été", "a" * 54, "", "日本", "  ", "nauset.", "nauset~2"]
)
def test_a_bad_name_of_a_time_series_is_refused_and_none_is_made_up_in_its_place(name: str) -> None:
    with pytest.raises(UsageError, match="1 to 53 of the characters .* no point at either end") as caught:
        check_time_series(name)
    assert "Did you mean" not in str(caught.value)
    assert not is_time_series(name)


def test_a_name_whose_files_the_archive_deletes_is_refused_with_that_reason() -> None:
    with pytest.raises(UsageError, match="archive deletes every file below a folder of that name"):
        check_time_series("beads")


@pytest.mark.parametrize("name", ["/data/ifcb", "../other", "D:\\ifcb", "///", ".", ".nauset"])
def test_a_folder_in_the_place_of_a_time_series_is_told_the_order_of_the_two(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_time_series(name)
    assert "The folder comes first, then the time series: DIR TIME_SERIES." in str(caught.value)


@given(st.text(max_size=80))
def test_whatever_name_is_taken_is_one_part_of_a_key_and_a_refusal_is_one_line(name: str) -> None:
    try:
        assert check_time_series(name) == name
        assert not re.search(r"[^A-Za-z0-9._-]|^\.|\.$", name) and 1 <= len(name) <= 53
    except UsageError as error:
        assert "\n" not in str(error)


def test_a_name_that_begins_with_the_accounts_is_remarked_upon_and_no_other() -> None:
    assert "'hablab_nauset' begins with that of the account" in remark_on_name(
        Series("hablab", "hablab_nauset")
    )
    assert remark_on_name(Series("hablab", "nauset")) == ""


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("nauset.2026-0ca268487b68.log", "nauset.2026-0ca268487b68.log"),
        ("nul-0ca268487b68.log", "nul-0ca268487b68.log"),
        ("nul.claims", "=nul.claims"),
        ("AUX.north-0ca268487b68-recent", "=AUX.north-0ca268487b68-recent"),
        ("com1.a-0ca268487b68.log", "=com1.a-0ca268487b68.log"),
        ("comet.a-0ca268487b68.log", "comet.a-0ca268487b68.log"),
    ],
)
def test_no_file_is_named_as_windows_names_a_device(text: str, name: str) -> None:
    assert file_name(text) == name
