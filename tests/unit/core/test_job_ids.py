"""The names of a job: frozen, because locks, records and schedules on other computers carry them."""

from __future__ import annotations

import pytest

from ifcbscan.core.job_ids import hourly_minute, real_path_digest, schedule_id, state_id


@pytest.mark.parametrize(
    "directory, in_state, in_schedule, minute",
    [
        ("/srv/ifcb/data", "nauset-f1e13aec0871", "nauset-36a53c869dad", 34),
        ("/data/ifcb", "nauset-06391f10916a", "nauset-0ca268487b68", 10),
        ("/data/\udcff", "nauset-24f1bfeb618c", "nauset-d0d30d0424a7", 45),
        ("D:\\IFCB data", "nauset-9f63852c5d05", "nauset-43278b4b1db4", 11),
        ("\\\\server\\Share", "nauset-b5581f26727e", "nauset-d4e03310e0a0", 13),
    ],
)
def test_the_names_of_a_job_are_those_that_earlier_versions_gave_it(
    directory: str, in_state: str, in_schedule: str, minute: int
) -> None:
    assert state_id(directory, "nauset") == in_state
    assert schedule_id(directory, "nauset") == in_schedule
    assert hourly_minute(in_schedule) == minute


def test_upper_and_lower_case_are_one_folder_in_a_schedule_of_windows_and_two_elsewhere() -> None:
    assert schedule_id("D:\\Data", "nauset") == schedule_id("d:/data", "nauset")
    assert schedule_id("\\\\Server\\Data", "nauset") == schedule_id("\\\\server/data", "nauset")
    assert schedule_id("/Data", "nauset") != schedule_id("/data", "nauset")


def test_every_folder_and_every_time_series_has_names_of_its_own() -> None:
    jobs = [(folder, series) for folder in ("/a", "/b", "/a/b") for series in ("nauset", "nauset2")]
    assert len({schedule_id(*job) for job in jobs}) == len({state_id(*job) for job in jobs}) == len(jobs)


def test_a_name_that_is_not_in_the_encoding_of_its_system_gets_digits() -> None:
    assert len(real_path_digest("/data/\udcff")) == 12
    assert len({real_path_digest(f"D:\\{half}") for half in ("\ud800", "\ud801", "\ud800\udcff")}) == 3
    assert schedule_id("D:\\\ud800", "nauset") != schedule_id("D:\\\ud801", "nauset")
