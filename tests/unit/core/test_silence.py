"""Why nothing new can come of a folder, word for word, and that nothing is said where there is no reason to."""

from __future__ import annotations

import math

import pytest

from ifcbscan.core.silence import (
    is_expected,
    is_late,
    of_empty_folder,
    of_misnamed,
    of_no_new_bin,
    of_unmounted,
)
from ifcbscan.core.window import EVERYTHING, Window

HOUR = 3600.0
NOW = 1795961109.0  # 2026-11-29T14:05:09Z


@pytest.mark.parametrize(
    ("bins", "more", "number"),
    [(1, False, "1"), (1234, False, "1,234"), (333, True, "at least 333"), (0, True, "at least 1")],
)
def test_an_empty_folder_beside_an_archive_that_has_bins(bins: int, more: bool, number: str) -> None:
    assert of_empty_folder("/data/ifcb", bins, more) == (
        f"no bin was found in /data/ifcb, though the archive holds {number} of this series. Is the disk mounted?"
    )


def test_an_empty_folder_of_a_time_series_without_bins_is_how_every_job_begins() -> None:
    assert of_empty_folder("/data/ifcb", 0) == ""


def test_a_folder_on_the_wrong_disk() -> None:
    assert of_unmounted("/mnt/ifcb/data", "/mnt/ifcb") == (
        "/mnt/ifcb is no mount point any more, so /mnt/ifcb/data is now a folder of the system's own disk: what the instrument "
        "writes to its disk is not seen. Is the disk mounted?"
    )


def test_a_silent_instrument() -> None:
    assert of_no_new_bin(NOW - 3 * 86400, NOW, 2 * HOUR) == (
        "no new bin: the newest one here was sampled 3 days ago (2026-11-26T14:05:09Z), and one is expected every 2 h. Does the "
        "instrument measure, and is its clock right?"
    )
    assert of_no_new_bin(None, NOW, 2 * HOUR) == (
        "no new bin: there is no complete one here, and one is expected every 2 h. Does the instrument measure, and is its clock "
        "right?"
    )
    assert of_no_new_bin(None, NOW, 2 * HOUR, 72 * HOUR) == (
        "no new bin: there is none of the last 3 days, and one is expected every 2 h. Does the instrument measure, and is its "
        "clock right?"
    )
    assert of_no_new_bin(NOW - 2 * HOUR, NOW, 2 * HOUR) == ""
    assert of_no_new_bin(NOW - 2 * HOUR - 1, NOW, 2 * HOUR) != ""
    assert of_no_new_bin(NOW + 60, NOW, 2 * HOUR) == ""


def test_no_bin_is_expected_of_a_window_that_has_ended_or_just_begun() -> None:
    assert is_expected(EVERYTHING, NOW, HOUR) and is_expected(Window(-math.inf, NOW + 1), NOW, HOUR)
    assert not is_expected(Window(-math.inf, NOW), NOW, HOUR)
    # A job that has just begun: its first bin is not late yet.
    assert not is_expected(Window(NOW - HOUR), NOW, HOUR) and is_expected(Window(NOW - HOUR - 1), NOW, HOUR)


def test_a_late_instrument_is_told_from_a_folder_that_cannot_be_seen() -> None:
    assert is_late(of_no_new_bin(None, 1e9, 3600.0)) and is_late(of_no_new_bin(0.0, 1e9, 3600.0))
    assert not any(map(is_late, ("", of_empty_folder("/data", 3), of_unmounted("/data", "/"))))


def test_a_folder_of_misnamed_files_is_told_by_their_number() -> None:
    assert of_misnamed("/data", 0) == ""
    assert of_misnamed("/data", 1).startswith(
        "no bin was found in /data, only 1 file that looks like a bin's"
    )
    assert "only 1,200 files that look like a bin's" in of_misnamed("/data", 1200)
