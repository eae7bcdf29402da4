"""Pids, keys, filesets and server times: what a bin is called, and where it belongs in the bucket."""

from __future__ import annotations

import datetime
import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ifcbscan.core.bins import (
    MISSING,
    NOTHING_REMOTE,
    Fileset,
    RemoteFileset,
    folder_end,
    looks_like_a_copy,
    looks_like_a_pid,
    pack_stamps,
    parse_pid,
    server_seconds,
    server_text,
)

UTC = datetime.timezone.utc

VALID = [
    "D20130526T095207_IFCB013",
    "D20130526T095207_IFCB000",
    "D20240229T000000_IFCB999",
    "D19991231T235959_IFCB001",
    "IFCB5_2012_028_081515",
    "IFCB0_2012_366_235959",
    "IFCB9_2013_365_000000",
]

INVALID = {
    "nothing": "",
    "month 13": "D20131326T095207_IFCB013",
    "month 0": "D20130026T095207_IFCB013",
    "day 0": "D20130500T095207_IFCB013",
    "31 April": "D20130431T095207_IFCB013",
    "30 February": "D20240230T095207_IFCB013",
    "29 February of a common year": "D20130229T095207_IFCB013",
    "year 0": "D00000526T095207_IFCB013",
    "hour 24": "D20130526T240000_IFCB013",
    "minute 60": "D20130526T096007_IFCB013",
    "second 60": "D20130526T095260_IFCB013",
    "instrument of two digits": "D20130526T095207_IFCB13",
    "instrument of four digits": "D20130526T095207_IFCB0013",
    "instrument missing": "D20130526T095207",
    "lower case": "d20130526t095207_ifcb013",
    "lower case in part": "D20130526T095207_ifcb013",
    "trailing newline": "D20130526T095207_IFCB013\n",
    "leading space": " D20130526T095207_IFCB013",
    "trailing space": "D20130526T095207_IFCB013 ",
    "trailing words": "D20130526T095207_IFCB013_blobs_v4",
    "trailing dot": "D20130526T095207_IFCB013.",
    "copy by hand": "D20130526T095207_IFCB013 (1)",
    "Arabic digits": "D٢٠١٣٠٥٢٦T095207_IFCB013",
    "full-width digit": "D2013052６T095207_IFCB013",  # noqa: RUF001
    "superscript digit": "D2013052²T095207_IFCB013",
    "NUL": "D20130526T095207_IFCB013\0",
    "path": "2013/D20130526T095207_IFCB013",
    "upward path": "../D20130526T095207_IFCB013",
    "old, two-digit instrument": "IFCB12_2012_028_081515",
    "old, day 0": "IFCB5_2012_000_081515",
    "old, day 367": "IFCB5_2012_367_081515",
    "old, day 366 of a common year": "IFCB5_2013_366_081515",
    "old, day 366 of 1900": "IFCB5_1900_366_081515",
    "old, day of two digits": "IFCB5_2012_28_081515",
    "old, year 0": "IFCB5_0000_028_081515",
    "old, hour 24": "IFCB5_2012_028_241515",
    "old, minute 60": "IFCB5_2012_028_086015",
    "old, second 60": "IFCB5_2012_028_081560",
    "old, lower case": "ifcb5_2012_028_081515",
    "old, trailing newline": "IFCB5_2012_028_081515\n",
    "old, other script": "IFCB5_2012_028_08151५",
    "new style that only begins so": "D20130526T095207_IFCB013D20130526T095207_IFCB013",
}

new_style = st.builds(
    lambda moment, number: f"D{moment:%Y%m%dT%H%M%S}_IFCB{number:03d}",
    st.datetimes(min_value=datetime.datetime(1000, 1, 1)),
    st.integers(0, 999),
)
old_style = st.builds(
    lambda moment, number: f"IFCB{number}_{moment:%Y_%j_%H%M%S}",
    st.datetimes(min_value=datetime.datetime(1000, 1, 1)),
    st.integers(0, 9),
)


@pytest.mark.parametrize("text", VALID)
def test_a_pid_of_either_style_is_accepted_as_it_stands(text: str) -> None:
    pid = parse_pid(text)
    assert pid == text
    assert isinstance(pid, str)


@pytest.mark.parametrize("text", INVALID.values(), ids=INVALID.keys())
def test_what_the_dashboard_could_not_show_is_no_pid(text: str) -> None:
    assert parse_pid(text) is None


@pytest.mark.parametrize(
    "text",
    [
        INVALID["month 13"],
        INVALID["30 February"],
        INVALID["instrument of two digits"],
        INVALID["lower case"],
        INVALID["hour 24"],
        INVALID["old, day 366 of a common year"],
        INVALID["old, two-digit instrument"],
        INVALID["old, day of two digits"],
        "Kopie von D20260702T000031_IFCB199",
        "copy of d20260702t000031_ifcb199",
        "D20260702T000031_IFCB199 (1)",
        "D20260702T000031_IFCB199_old",
        "IFCB5_2012_028_081515 - Copy",
    ],
)
def test_a_name_that_was_meant_as_a_pid_is_recognised(text: str) -> None:
    assert looks_like_a_pid(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "README",
        "calibration",
        "IMG_20130526",
        "D20130526",
        "IFCB5_2012_028",
        "._D20130526T095207_IFCB013",
    ],
)
def test_a_name_of_another_kind_is_not_taken_for_a_pid_gone_wrong(text: str) -> None:
    assert not looks_like_a_pid(text)


@pytest.mark.parametrize(
    "pid", ["D20260601T120031_IFCB199", "IFCB5_2012_028_081515", "Copy of D20260601T120031_IFCB199"]
)
@pytest.mark.parametrize("extension", [".hdr", ".adc", ".ROI"])
def test_a_copy_with_its_mark_behind_the_whole_name_is_recognised(pid: str, extension: str) -> None:
    for mark in (" (1)", "(2)", " copy", " - Copy", " (Kopie)", ".1", "~", ".bak", ".old", ".orig"):
        assert looks_like_a_copy(pid + extension + mark), mark
    for end in ("", ".part", ".txt", ".gz", ".1234", ".Ab12x3"):
        assert not looks_like_a_copy(pid + extension + end), end
    assert not looks_like_a_copy(f".{pid}{extension}~") and not looks_like_a_copy(f"notes{extension} (1)")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("D20130526T095207_IFCB013", datetime.datetime(2013, 5, 26, 9, 52, 7, tzinfo=UTC)),
        ("D20240229T235959_IFCB013", datetime.datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)),
        ("IFCB5_2012_028_081515", datetime.datetime(2012, 1, 28, 8, 15, 15, tzinfo=UTC)),
        ("IFCB5_2012_366_000000", datetime.datetime(2012, 12, 31, tzinfo=UTC)),
        ("IFCB5_2013_365_000000", datetime.datetime(2013, 12, 31, tzinfo=UTC)),
    ],
)
def test_the_sample_time_is_the_pids_time_in_utc(text: str, expected: datetime.datetime) -> None:
    pid = parse_pid(text)
    assert pid is not None
    assert pid.sample_time == expected.timestamp()


@given(st.one_of(new_style, old_style))
def test_every_real_moment_makes_a_pid_whose_folder_the_dashboard_can_enter(text: str) -> None:
    pid = parse_pid(text)
    assert pid is not None
    assert pid.old_style == text.startswith("I")
    year, day = pid.day_folder.split("/")
    assert year in pid and day in pid  # pyifcb enters folders whose name is a part of the pid
    assert pickle.loads(pickle.dumps(pid)) == pid


@given(st.one_of(new_style, old_style), st.one_of(new_style, old_style))
def test_two_pids_never_share_a_key(one: str, other: str) -> None:
    first, second = parse_pid(one), parse_pid(other)
    assert first is not None and second is not None
    assert (first.key("a/b/", "roi") == second.key("a/b/", "roi")) == (one == other)


@given(st.text(max_size=30))
def test_no_text_is_an_error(text: str) -> None:
    pid = parse_pid(text)
    assert pid is None or pid == text
    assert looks_like_a_pid(text) in (True, False)


@given(st.one_of(new_style, old_style), st.integers(0, 25), st.characters())
def test_a_pid_with_one_character_changed_is_no_pid_or_has_a_safe_key(
    text: str, position: int, character: str
) -> None:
    """Whatever is accepted keeps to characters that a key can carry (FACTS: keys that change on encoding)."""
    changed = text[:position] + character + text[position + 1 :]
    pid = parse_pid(changed)
    if pid is not None:
        key = pid.key("a/b/", "roi")
        assert key.isascii() if hasattr(key, "isascii") else all(ord(c) < 128 for c in key)
        assert key.count("/") == 4 and ".." not in key


def _fileset(
    hdr: int, adc: int, roi: int, suffixes: tuple[str, str, str] = (".hdr", ".adc", ".roi")
) -> Fileset:
    pid = parse_pid("D20130526T095207_IFCB013")
    assert pid is not None
    return Fileset(pid, "/data", suffixes, hdr, adc, roi, pack_stamps([0.0] * 3))


def test_a_fileset_is_complete_with_three_members_of_any_size() -> None:
    assert _fileset(0, 0, 0).complete
    assert _fileset(1, 2, 3).missing == ()


@pytest.mark.parametrize(
    ("sizes", "missing"),
    [
        ((MISSING, 2, 3), ("hdr",)),
        ((1, MISSING, 3), ("adc",)),
        ((1, 2, MISSING), ("roi",)),
        ((MISSING, MISSING, 3), ("hdr", "adc")),
    ],
)
def test_a_fileset_names_the_members_that_are_missing(
    sizes: tuple[int, int, int], missing: tuple[str, ...]
) -> None:
    fileset = _fileset(*sizes)
    assert not fileset.complete
    assert fileset.missing == missing


def test_a_member_is_named_as_on_the_disk_and_its_key_is_in_lower_case() -> None:
    fileset = _fileset(1, 2, 3, (".HDR", ".adc", ".ROI"))
    assert fileset.name("roi") == "D20130526T095207_IFCB013.ROI"
    assert fileset.name("adc") == "D20130526T095207_IFCB013.adc"
    assert fileset.size("hdr") == 1 and fileset.size("roi") == 3
    assert fileset.pid.key("a/b/", "roi").endswith(".roi")


def test_what_is_remote_after_a_put_differs_in_that_member_only() -> None:
    remote = NOTHING_REMOTE.after_put("roi", 5, "then").after_put("hdr", 3, "later")
    assert remote == RemoteFileset(3, MISSING, 5, "later", "then")
    assert remote.after_put("adc", 4, "last") == RemoteFileset(3, 4, 5, "later", "then")


@given(st.integers(0, 4102444800000))
def test_server_times_survive_being_written_and_read(milliseconds: int) -> None:
    seconds = milliseconds / 1000
    assert server_seconds(server_text(seconds)) == pytest.approx(seconds, abs=0.0011)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0.0),
        ("2026-11-22T13:26:36.000Z", 1795353996.0),
        ("2026-11-22T13:26:36.250Z", 1795353996.25),
        ("2026-11-22T13:26:36.123456789Z", pytest.approx(1795353996.123456789)),
        ("2026-11-22T13:26:36Z", 1795353996.0),
    ],
)
def test_a_server_time_is_read_with_and_without_a_fraction(text: str, seconds: float) -> None:
    assert server_seconds(text) == seconds


def test_a_look_tells_what_is_there_and_a_later_time_that_is_known_stays() -> None:
    known = NOTHING_REMOTE.after_put("roi", 5, "2026-01-01T00:00:05.000Z")
    assert known.after_look("roi", 5, "2026-01-01T00:00:02.000Z") == known
    assert known.after_look("roi", 6, "2026-01-01T00:00:09.000Z").roi_put == "2026-01-01T00:00:09.000Z"
    assert known.after_look("hdr", 3, "2026-01-01T00:00:09.000Z").sizes == (3, MISSING, 5)
    assert known.after_look("roi", MISSING, "").roi == MISSING


@pytest.mark.parametrize(
    "seconds, text",
    [
        (-62135596800.0, "0001-01-01T00:00:00.000Z"),
        (-1e15, "0001-01-01T00:00:00.000Z"),
        (253402300799.0, "9999-12-31T23:59:59.000Z"),
        (253402300829.0, "9999-12-31T23:59:59.999Z"),
        (1e300, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_no_time_of_a_server_is_too_far_away_to_be_written(seconds: float, text: str) -> None:
    assert server_text(seconds) == text
    assert server_seconds(text) == pytest.approx(
        min(max(seconds, -62135596800.0), 253402300800.0), abs=0.0011
    )


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("2013", "2014-01-01"),
        ("D20130526", "2013-05-27"),
        ("D20131231", "2014-01-01"),
        ("IFCB5_2012_366", "2013-01-01"),
        ("IFCB5_2012_028", "2012-01-29"),
    ],
)
def test_a_folder_named_after_a_year_or_a_day_ends_with_it(name: str, end: str) -> None:
    assert folder_end(name) == server_seconds(end + "T00:00:00Z")


@pytest.mark.parametrize(
    "name", ["beads", "", "0000", "20131", "2013-05", "D20130532", "D2013052", "IFCB5_2013_366", "IFCB5_2013"]
)
def test_a_folder_with_another_name_has_no_end(name: str) -> None:
    assert folder_end(name) == math.inf
