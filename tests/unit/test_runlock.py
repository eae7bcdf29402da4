"""One run at a time: the lock, who holds it, and that it dies with its process."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Iterator

import pytest

import ifcbscan
from ifcbscan.errors import AlreadyRunning, ExitCode, IfcbscanError
from ifcbscan.runlock import Holder, hold, is_held, living_holder, lock_path, read_holder, state_folder

posix_only = pytest.mark.skipif(os.name != "posix", reason="folders are found otherwise on Windows")

_HOLD = """
import sys
from ifcbscan.runlock import hold
with hold(*sys.argv[1:]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of its own, so that no lock is left where real ones are (not so on Windows)."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    return folder


@pytest.fixture
def data(tmp_path: Path) -> str:
    """A data folder."""
    folder = tmp_path / "data"
    folder.mkdir()
    return str(folder)


@contextlib.contextmanager
def _another_process(
    directory: str, time_series: str = "nauset", mode: str = "full"
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that holds the lock while inside the block, or until it is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, directory, time_series, mode],
        cwd=str(Path(ifcbscan.__file__).parents[1]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None and process.stdout.readline().strip() == b"held"
        yield process
    finally:
        process.communicate()  # closing its input ends it


def _take(directory: str, time_series: str = "nauset", mode: str = "full") -> None:
    with hold(directory, time_series, mode):
        pass


@pytest.mark.windows_core
def test_a_second_process_is_refused_at_once_and_told_who_is_at_work(data: str) -> None:
    with _another_process(data) as process:
        with pytest.raises(AlreadyRunning) as caught:
            _take(data)
        message = str(caught.value)
        assert caught.value.exit_code == ExitCode.LOCKED
        assert f"process {process.pid} on {socket.gethostname()}" in message
        assert data in message and "nauset" in message and "\n" not in message
        assert process.poll() is None
    _take(data)


@pytest.mark.windows_core
def test_a_process_that_is_killed_leaves_no_lock_behind(data: str) -> None:
    with _another_process(data) as process:
        process.kill()
        process.wait()
        path = lock_path(data, "nauset", "full")
        assert not is_held(path)
        assert living_holder(path) is None
        with hold(data, "nauset", "full"):
            holder = read_holder(path)
            assert holder is not None and holder.pid == os.getpid()


@pytest.mark.windows_core
def test_the_living_holder_is_named_and_nobody_afterwards(data: str) -> None:
    path = lock_path(data, "nauset", "recent")
    assert living_holder(path) is None
    with _another_process(data, "nauset", "recent") as process:
        holder = living_holder(path)
        assert isinstance(holder, Holder)
        assert (holder.pid, holder.host) == (process.pid, socket.gethostname())
        assert (holder.directory, holder.time_series, holder.mode) == (data, "nauset", "recent")
        assert holder.started.endswith("Z")
    assert living_holder(path) is None
    assert not is_held(path)


@pytest.mark.windows_core
def test_looking_at_a_lock_does_not_take_it_away(data: str) -> None:
    path = lock_path(data, "nauset", "full")
    with hold(data, "nauset", "full"):
        assert is_held(path)
        with pytest.raises(AlreadyRunning):
            _take(data)
        assert is_held(path)
    assert not is_held(path)


@pytest.mark.windows_core
def test_recent_and_full_other_series_and_other_folders_do_not_exclude_each_other(
    data: str, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with hold(data, "nauset", "full"), hold(data, "nauset", "recent"):
        _take(data, "nauset2")
        _take(str(other))
        with pytest.raises(AlreadyRunning):
            _take(data, mode="recent")


@pytest.mark.windows_core
def test_the_same_folder_by_another_name_is_the_same_lock(data: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(os.path.dirname(data))
    names = ["data", "data" + os.sep, os.path.join("data", "."), os.path.join("data", "..", "data")]
    for name in names:
        assert lock_path(name, "nauset", "full") == lock_path(data, "nauset", "full")


@posix_only
def test_a_symlink_to_the_folder_is_the_same_lock(data: str, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(data, target_is_directory=True)
    with hold(data, "nauset", "full"), pytest.raises(AlreadyRunning):
        _take(str(tmp_path / "link"))


@pytest.mark.windows_core
def test_a_series_whose_name_begins_like_anothers_has_a_lock_of_its_own(data: str) -> None:
    assert lock_path(data, "nauset", "full") != lock_path(data, "nauset2", "full")
    assert lock_path(data, "a-full", "full") != lock_path(data, "a", "full")


@pytest.mark.windows_core
def test_an_error_inside_the_block_frees_the_lock(data: str) -> None:
    with pytest.raises(ZeroDivisionError), hold(data, "nauset", "full"):
        raise ZeroDivisionError
    assert not is_held(lock_path(data, "nauset", "full"))


@pytest.mark.windows_core
@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 5}', "\0\0\0", json.dumps({"unknown": 1})])
def test_a_name_that_cannot_be_read_is_left_out_of_the_message(data: str, text: str) -> None:
    path = lock_path(data, "nauset", "full")
    with hold(data, "nauset", "full"):
        Path(path + ".holder").write_text(text, encoding="utf-8")
        assert read_holder(path) is None
        with pytest.raises(AlreadyRunning, match="Another scan of this directory and time series is running"):
            _take(data)


@posix_only
def test_a_lock_that_cannot_be_used_is_one_line_and_no_traceback(data: str) -> None:
    os.makedirs(lock_path(data, "nauset", "full"))
    with pytest.raises(IfcbscanError, match=r"The lock file .* cannot be used: .*Nothing was sent\."):
        _take(data)


@posix_only
def test_a_name_that_cannot_be_written_does_not_keep_data_from_being_sent(data: str) -> None:
    os.makedirs(lock_path(data, "nauset", "full") + ".holder")
    with hold(data, "nauset", "full"):
        assert is_held(lock_path(data, "nauset", "full"))


@posix_only
def test_a_folder_whose_name_is_no_text_has_a_lock_too(tmp_path: Path) -> None:
    directory = str(tmp_path) + "/caf\udce9 100%\n'"
    with hold(directory, "nauset", "full"):
        holder = read_holder(lock_path(directory, "nauset", "full"))
        assert holder is not None and holder.directory == directory


@posix_only
def test_nobody_else_can_look_into_the_folder_of_locks(data: str, home: Path) -> None:
    with hold(data, "nauset", "full"):
        assert str(home) in state_folder()
        assert os.stat(state_folder()).st_mode & 0o077 == 0


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
def test_without_any_folder_the_run_ends_with_a_line_that_says_so(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / ".local").touch()
    monkeypatch.setattr(tempfile, "tempdir", str(home / ".local"))
    with pytest.raises(IfcbscanError, match="There is no folder to keep the lock in"):
        state_folder()
