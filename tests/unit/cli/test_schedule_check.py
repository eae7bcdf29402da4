"""The lines of `check` about the entries of the schedule, without starting anything."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ifcbscan import __version__
from ifcbscan.cli.checked import Item
from ifcbscan.cli.schedule_check import check_entries, not_on_its_disk
from ifcbscan.schedule.extras import JobExtras
from ifcbscan.schedule.jobs import InstalledJob, ScheduledJob, ScheduleError

pytestmark = pytest.mark.windows_core


@pytest.fixture
def job(tmp_path: Path) -> ScheduledJob:
    env = tmp_path / ".env"
    env.write_text("AWS_ACCESS_KEY_ID=a\nAWS_SECRET_ACCESS_KEY=b\nUSER_ACCOUNT=hablab\n", encoding="utf-8")
    return ScheduledJob(sys.executable, str(env), str(tmp_path), "nauset", str(tmp_path / "log"))


def installed(
    job: ScheduledJob, full: bool = True, up_to_date: bool = True, earlier: bool = False
) -> InstalledJob:
    return InstalledJob(job, True, full, up_to_date, earlier)


def line_of(one: InstalledJob, version: str = __version__) -> tuple[bool | None, str]:
    (item,) = check_entries([one], lambda _job: version)
    assert item.name == "schedule"
    head = f"{one.job.directory} to nauset: "
    assert item.text.startswith(head)
    return item.good, item.text[len(head) :]


def test_nothing_scheduled_is_not_checked() -> None:
    assert list(check_entries([])) == [
        Item(None, "schedule", "nothing is scheduled for this user; 'ifcbscan start DIR TIME_SERIES' does it")
    ]


def test_what_is_in_order_says_what_is_started(job: ScheduledJob) -> None:
    assert line_of(installed(job)) == (True, f"its entries start ifcbscan {__version__}")
    other = replace(job, python=str(Path(job.directory) / "python"))
    assert line_of(installed(other, up_to_date=False), "0.0.1") == (
        True,
        f"its entries start ifcbscan 0.0.1, and this is {__version__}, with {other.python}, somebody has edited it, and it runs "
        "as edited",
    )


def test_a_folder_that_is_gone_is_wrong(job: ScheduledJob) -> None:
    gone = replace(job, directory=os.path.join(job.directory, "gone"))
    good, line = line_of(installed(gone))
    assert good is False and line.startswith("this folder does not exist, so nothing of it is sent.")


@pytest.mark.parametrize(
    "extras, said",
    [
        (JobExtras(max_age="3x"), "--max-age: '3x' is no duration"),
        (JobExtras(expect_every="2"), "--expect-every: '2' would be seconds"),
        (JobExtras(bandwidth="fast"), "--bandwidth: 'fast'"),
        (JobExtras(max_daily="much"), "--max-daily: 'much' is no size"),
    ],
)
def test_an_option_that_no_scan_takes_is_wrong(job: ScheduledJob, extras: JobExtras, said: str) -> None:
    good, line = line_of(installed(replace(job, extras=extras)))
    assert good is False and line.startswith(said) and "Nothing of it is sent." in line


def test_all_that_is_wrong_is_said(job: ScheduledJob) -> None:
    def broken(_job: ScheduledJob) -> str:
        raise ScheduleError("It does not start.")

    os.unlink(job.env_file)
    (item,) = check_entries([installed(job, full=False, up_to_date=False)], broken)
    assert item.good is False
    for said in (
        "the hourly entry is missing; the same 'ifcbscan start' again puts it back.",
        f"there is no file {job.env_file}.",
        "It does not start. Nothing of it is sent.",
    ):
        assert said in item.text


def test_entries_of_an_earlier_version_are_not_in_order(job: ScheduledJob) -> None:
    good, text = line_of(installed(job, up_to_date=False, earlier=True))
    assert good is False and text.startswith(
        "installed by an earlier version; the same 'ifcbscan start' again"
    )


def test_a_folder_is_off_its_disk_only_where_its_own_job_says_so(job: ScheduledJob) -> None:
    folder = job.directory
    known = installed(replace(job, extras=JobExtras(mounted_at=folder)))
    assert not_on_its_disk(folder, "nauset", [known]).startswith(
        f"{folder} is no mount point any more, so {folder}"
    )
    assert not_on_its_disk(folder, None, [known])
    assert not_on_its_disk(folder, "other", [known]) == ""
    assert not_on_its_disk(os.path.dirname(folder), "nauset", [known]) == ""
    assert not_on_its_disk(folder, "nauset", [installed(job)]) == ""
