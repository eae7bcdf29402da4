"""Which file the metrics of a job go into, and that `stop` takes the job's own file away."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ifcbscan import config as configuration
from ifcbscan.cli.job import Job
from ifcbscan.cli.metrics_target import metrics_path, own_file, remove_own_file
from ifcbscan.cli.options import JobArguments, ScanArguments
from ifcbscan.core.job_ids import schedule_id
from ifcbscan.errors import UsageError
from ifcbscan.schedule.jobs import ScheduledJob
from ifcbscan.state.paths import job_id

SETTINGS = {"AWS_ACCESS_KEY_ID": "i", "AWS_SECRET_ACCESS_KEY": "s", "USER_ACCOUNT": "hablab"}
NO_JOB = JobArguments(None, None, None)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "USERPROFILE", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "home"))


def job(directory: Path, metrics_dir: Path | None = None) -> Job:
    more = {} if metrics_dir is None else {"METRICS_DIR": str(metrics_dir)}
    return Job(configuration.load(None, {**SETTINGS, **more}), str(directory), "nauset", ())


def path(of: Job, **arguments: Any) -> str | None:
    return metrics_path(of, ScanArguments(NO_JOB, **arguments))


def test_without_a_word_of_metrics_there_is_no_file(tmp_path: Path) -> None:
    assert path(job(tmp_path)) is None


def test_each_job_has_a_file_of_its_own_that_node_exporter_reads(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    found = {path(job(folder, tmp_path)) for folder in (one, other)}
    assert found == {
        str(tmp_path / f"ifcbscan-{schedule_id(str(folder), 'nauset')}.prom") for folder in (one, other)
    }
    assert not os.listdir(str(tmp_path))


def test_what_the_command_line_says_comes_before_the_setting(tmp_path: Path) -> None:
    here = job(tmp_path / "data", tmp_path / "setting")
    assert path(here, metrics_file=str(tmp_path / "a.prom")) == str(tmp_path / "a.prom")
    assert path(here, metrics_dir=str(tmp_path / "given")) == own_file(
        str(tmp_path / "given"), str(tmp_path / "data"), "nauset"
    )


def test_a_sync_of_a_folder_that_is_not_scheduled_leaves_no_file_that_would_raise_an_alarm_for_ever(
    tmp_path: Path,
) -> None:
    here = job(tmp_path / "data", tmp_path)
    assert path(here, by_hand=True) is None
    scheduled = path(here)
    assert scheduled is not None and path(here, by_hand=True, metrics_dir=str(tmp_path)) == scheduled
    Path(scheduled).touch()
    assert path(here, by_hand=True) == scheduled


@pytest.mark.parametrize("name", ["a.txt", "a", "a.prom.txt", "prom"])
def test_a_file_that_node_exporter_would_not_read_is_refused_with_the_reason(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(UsageError) as refused:
        path(job(tmp_path), metrics_file=str(tmp_path / name))
    assert str(refused.value) == (
        f"--metrics-file: {tmp_path / name} does not end in .prom, and node_exporter reads no other file. Nothing was done; "
        "choose another name."
    )


def test_what_is_no_plain_file_is_left_to_the_writing_which_tells_it(tmp_path: Path) -> None:
    for place in (os.devnull, str(tmp_path)):
        assert path(job(tmp_path), metrics_file=place) is not None


@pytest.mark.parametrize("option", ["--metrics-dir", "METRICS_DIR"])
def test_a_file_of_somebody_else_is_not_replaced(tmp_path: Path, option: str) -> None:
    given = {"metrics_dir": str(tmp_path)} if option == "--metrics-dir" else {}
    here = job(tmp_path / "data", None if given else tmp_path)
    Path(own_file(str(tmp_path), here.directory, "nauset")).write_text("my notes\n")
    with pytest.raises(UsageError) as refused:
        path(here, **given)
    assert str(refused.value).startswith(option + ": ") and "has not made" in str(refused.value)


def test_the_file_is_the_same_whether_the_disk_that_a_link_lies_on_is_mounted_or_not(tmp_path: Path) -> None:
    place = tmp_path / "mnt"
    (tmp_path / "real").mkdir()
    place.mkdir()
    away = path(job(place / "ifcb", tmp_path))
    (place / "ifcb").symlink_to(tmp_path / "real")
    assert path(job(place / "ifcb", tmp_path)) == away
    # by hand, by another name than the scheduled one
    named = path(job(tmp_path / "real", tmp_path), scheduled_as=str(place / "ifcb"))
    assert named == away == path(job(place / "x" / ".." / "ifcb" / "", tmp_path))


# --- stop


def scheduled(tmp_path: Path, settings: str) -> ScheduledJob:
    env_file = tmp_path / ".env"
    env_file.write_text("".join(f"{name}={value}\n" for name, value in SETTINGS.items()) + settings)
    log = str(tmp_path / "a.log")
    return ScheduledJob("/usr/bin/python3", str(env_file), str(tmp_path / "data"), "nauset", log)


def test_the_file_of_a_job_that_is_stopped_goes_and_no_other(tmp_path: Path) -> None:
    gone = scheduled(tmp_path, f"METRICS_DIR={tmp_path}\n")
    own = Path(own_file(str(tmp_path), gone.directory, "nauset"))
    other = Path(own_file(str(tmp_path), gone.directory, "other"))
    for file in (own, other):
        file.touch()
    assert remove_own_file(gone) == f"Removed its metrics file {own}."
    assert not own.exists() and other.exists()
    assert remove_own_file(gone) == ""


def test_a_file_that_has_the_name_of_an_earlier_version_goes_as_well(tmp_path: Path) -> None:
    gone = scheduled(tmp_path, f"METRICS_DIR={tmp_path}\n")
    own = Path(own_file(str(tmp_path), gone.directory, "nauset"))
    earlier = tmp_path / f"ifcbscan-{job_id(gone.directory, 'nauset')}.prom"
    for file in (own, earlier):
        file.touch()
    assert remove_own_file(gone) == f"Removed its metrics file {own}. Removed its metrics file {earlier}."
    assert not own.exists() and not earlier.exists()


@pytest.mark.parametrize(
    "settings", ["", "METRICS_DIR=/nowhere/at/all\n", "METRICS_DIR=relative\n", "no settings\n"]
)
def test_where_there_is_no_such_file_nothing_is_said(tmp_path: Path, settings: str) -> None:
    assert remove_own_file(scheduled(tmp_path, settings)) == ""


def test_a_file_that_cannot_be_removed_is_told_with_what_it_would_do(tmp_path: Path) -> None:
    gone = scheduled(tmp_path, f"METRICS_DIR={tmp_path}\n")
    own = own_file(str(tmp_path), gone.directory, "nauset")
    os.mkdir(own)
    said = remove_own_file(gone)
    assert said.startswith(f"The metrics file {own} cannot be removed (")
    assert said.endswith("Please delete it, else the alerts go on about a job that is gone.")
