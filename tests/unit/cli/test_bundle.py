"""What of a bundle depends on nothing but the time. (The rest: tests/cli/test_bundle.py.)"""

from __future__ import annotations

import calendar
import io
import zipfile

import pytest

from ifcbscan.cli.bundle import zip_moment


@pytest.mark.parametrize(
    "now, moment",
    [
        (0.0, (1980, 1, 1, 0, 0, 0)),
        (-1e9, (1980, 1, 1, 0, 0, 0)),
        (calendar.timegm((1980, 1, 1, 0, 0, 0)), (1980, 1, 1, 0, 0, 0)),
        (calendar.timegm((2026, 6, 2, 14, 5, 41)), (2026, 6, 2, 14, 5, 41)),
        (calendar.timegm((2107, 12, 31, 23, 59, 58)), (2107, 12, 31, 23, 59, 58)),
        (calendar.timegm((2108, 1, 1, 0, 0, 0)), (2107, 12, 31, 23, 59, 58)),
    ],
)
def test_a_file_in_a_bundle_has_a_time_that_a_zip_can_tell_whatever_the_clock_says(
    now: float, moment: tuple[int, ...]
) -> None:
    assert zip_moment(now) == moment
    with zipfile.ZipFile(io.BytesIO(), "w") as archive:
        archive.writestr(zipfile.ZipInfo("about.txt", zip_moment(now)), b"")
