"""Temperature and humidity of a header, and the days until a disk is full."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ifcbscan.core.bins import MISSING, Fileset, Pid, parse_pid
from ifcbscan.core.vital_signs import Readings, VitalSigns, days_until_full, read_readings
from ifcbscan.disk.files import fileset_of

DAY = 86400.0
#: 2023-11-14T12:00:00Z
NOW = 1699963200.0
GB = 10**9


def pid(text: str) -> Pid:
    found = parse_pid(text)
    assert found is not None
    return found


def fileset(name: str, size: int = GB) -> Fileset:
    return fileset_of(
        pid(name),
        "/data",
        {"hdr": (".hdr", 0, 0.0, 0), "adc": (".adc", 0, 0.0, 0), "roi": (".roi", size, 0.0, 0)},
    )


@pytest.mark.parametrize(
    ("name", "temperature", "humidity"),
    [
        ("good/2013/D20130526/D20130526T095207_IFCB013.hdr", 35.270397, 2.486850),
        ("good/2012/IFCB5_2012_028/IFCB5_2012_028_081515.hdr", 11.4799732421875, 32.167437512207),
        ("empty/D20150411T205456_IFCB012.hdr", 13.022987, -8.345542),
    ],
)
def test_real_headers_of_new_and_old_style_are_read(
    real_bins: Path, name: str, temperature: float, humidity: float
) -> None:
    assert read_readings((real_bins / name).read_bytes()) == Readings(temperature, humidity)


@pytest.mark.parametrize(
    ("header", "readings"),
    [
        (b"", Readings()),
        (b"softwareVersion: x\nTemperature: 21.5\nHumidity: 40\n", Readings(21.5, 40.0)),
        (b"temperature: 21.5\r\n", Readings(21.5)),
        (b"temperature: nan\nhumidity: 1e999\n", Readings()),
        (b"temperature: -999\nhumidity: 65535\n", Readings()),
        (b"temperature: warm\nhumidity: ((((\n", Readings()),
        (b"temperature: 20\0\n", Readings()),
        (b"\xff\xfet\0", Readings()),
        (b"temperature: 20\n" * 10000, Readings()),
    ],
)
def test_what_a_sensor_cannot_say_is_nothing(header: bytes, readings: Readings) -> None:
    assert read_readings(header) == readings


@given(st.one_of(st.binary(max_size=300), st.builds(lambda text: f"humidity: {text}".encode(), st.text())))
def test_no_header_ends_a_run(header: bytes) -> None:
    read_readings(header)


def test_the_days_left_follow_from_the_bins_of_the_last_days() -> None:
    filesets = [fileset(f"D202311{day:02d}T120000_IFCB013") for day in (1, 10, 11, 12, 13, 14)]
    # 5 GB in the four days from the 10th on; the one of the 1st is too old to count
    assert days_until_full(10 * GB, filesets, NOW) == pytest.approx(8.0)
    old_style = [fileset(f"IFCB5_2023_{day}_120000") for day in (305, 314, 315, 316, 317, 318)]
    assert days_until_full(10 * GB, old_style, NOW) == pytest.approx(8.0)


@pytest.mark.parametrize(
    "names",
    [
        [],
        ["D20231001T120000_IFCB013"],  # the instrument is silent
        ["D20231114T110000_IFCB013"],  # it began an hour ago
        ["D20400101T000000_IFCB013", "D20231115T000000_IFCB013"],  # its clock is wrong
        ["D20231107T060000_IFCB013"],  # of the first day, but six hours too early
    ],
)
def test_where_hardly_any_bins_came_lately_there_is_no_rate(names: list[str]) -> None:
    assert days_until_full(10 * GB, map(fileset, names), NOW) is None


def test_members_that_are_missing_take_no_room() -> None:
    half = fileset_of(pid("D20231113T120000_IFCB013"), "/data", {"roi": (".roi", GB, 0.0, 0)})
    assert half.hdr == MISSING
    assert days_until_full(2 * GB, [half], NOW) == pytest.approx(2.0)


def test_what_is_known_is_told_in_words() -> None:
    newest = pid("D20231114T110000_IFCB013")
    assert VitalSigns(newest, Readings(35.27, 2.49), 123_400_000_000, 45.5).lines() == (
        "inside the instrument: 35.3 degrees C, 2.5 % humidity (D20231114T110000_IFCB013)",
        "data disk: 123.4 GB free, enough for 45 days at the rate of the last days",
    )
    assert VitalSigns(newest, Readings(humidity=61.0), 5_000_000_000).lines() == (
        "inside the instrument: 61.0 % humidity (D20231114T110000_IFCB013)",
        "data disk: 5.0 GB free",
    )
    assert VitalSigns().lines() == ()


@pytest.mark.parametrize(
    ("free", "days_left", "nearly_full"),
    [
        (None, None, False),
        (0, None, True),  # it is full, which may be why nothing comes
        (GB // 10 - 1, None, True),
        (GB // 10, None, False),  # nothing comes, so nothing is lost
        (2 * GB, 2.9, True),
        (2 * GB, 3.0, False),
        (GB - 1, 100.0, True),
        (GB, 100.0, False),
    ],
)
def test_a_disk_is_nearly_full_below_three_days_or_1_gb_and_full_below_100_mb(
    free: int | None, days_left: float | None, nearly_full: bool
) -> None:
    signs = VitalSigns(None, Readings(), free, days_left)
    assert signs.disk_nearly_full == nearly_full == bool(signs.warning("/data"))


def test_a_full_disk_to_which_nothing_comes_is_told_without_a_rate() -> None:
    assert (
        VitalSigns(free=0)
        .warning("/data")
        .startswith("the disk of /data is nearly full: 0 B free. A full disk stops")
    )


def test_the_warning_says_what_it_means_and_what_to_do() -> None:
    assert VitalSigns(free=800_000_000, days_left=1.5).warning("/data/ifcb") == (
        "the disk of /data/ifcb is nearly full: 800.0 MB free, enough for 36 h at the rate of the last days. A full disk stops "
        "the acquisition. Make room: 'ifcbscan verify' with --deletable lists the files that are safe to delete"
    )
