"""Where locks, records and logs lie: the same place for cron and for a person in a terminal."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path

import pytest

from ifcbscan.errors import IfcbscanError
from ifcbscan.state.bin_locks import bin_locks_path
from ifcbscan.state.paths import job_file, job_id, path_digest, state_folder

posix_only = pytest.mark.skipif(os.name != "posix", reason="folders are found otherwise on Windows")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of its own."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    return folder


@posix_only
@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_a_scan_that_cron_starts_finds_the_lock_of_one_in_a_terminal(
    platform: str, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    in_cron = state_folder()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "elsewhere"))
    assert state_folder() == in_cron and in_cron.startswith(str(home))


@posix_only
def test_without_a_usable_home_the_temporary_folder_serves(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / ".local").touch()  # a file where a folder should be
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = state_folder()
    assert os.path.dirname(folder) == str(tmp_path)
    assert os.stat(folder).st_mode & 0o077 == 0


@posix_only
def test_the_files_of_a_job_keep_the_names_that_earlier_versions_gave_them(home: Path) -> None:
    assert job_id("/srv/ifcb/data", "nauset") == "nauset-f1e13aec0871"
    assert job_file("/srv/ifcb/data", "nauset", "-full.lock") == os.path.join(
        state_folder(), "nauset-f1e13aec0871-full.lock"
    )


@posix_only
@pytest.mark.parametrize("time_series", ["nauset.2026", "a..b", "nul.north", "a.json"])
def test_the_files_of_a_time_series_with_a_point_are_its_own_and_names_that_every_system_can_have(
    home: Path, time_series: str
) -> None:
    files = [
        os.path.basename(path)
        for name in (time_series, "nauset")
        for path in (*(job_file("/srv", name, end) for end in (".log", "-full.lock")), bin_locks_path(name))
    ]
    assert len(set(files)) == 6
    for file in files:
        assert not file.endswith(".") and not re.match(r"(?i)(con|prn|aux|nul|com\d|lpt\d)\.", file)


@posix_only
def test_a_folder_has_one_digest_by_whatever_name_it_is_reached(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to("data")
    assert path_digest(str(tmp_path / "link")) == path_digest(str(tmp_path / "data" / "."))
    assert path_digest(str(tmp_path / "data")) != path_digest(str(tmp_path))
    assert len(path_digest("/data/\udcff")) == 12  # a name that is no UTF-8


@posix_only
def test_the_temporary_folder_is_not_touched_as_long_as_the_home_can_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    state_folder()
    assert list((tmp_path / "temporary").iterdir()) == []


@posix_only
def test_a_folder_in_the_temporary_one_that_somebody_else_could_have_made_is_not_used(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / ".local").touch()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / f"ifcbscan-{os.getuid()}").symlink_to(elsewhere)
    with pytest.raises(IfcbscanError, match="no folder for locks and logs"):
        state_folder()
