"""One run at a time: the lock, who holds it, and that it dies with its process."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Iterator

import pytest

import ifcbscan
from ifcbscan.cli.log import close_log, open_log
from ifcbscan.core.companions import Holder
from ifcbscan.errors import AlreadyRunning, ExitCode, IfcbscanError
from ifcbscan.state import files, last_runs, log_memory, run_locks
from ifcbscan.state.bin_locks import SharedBinLocks, bin_locks_path
from ifcbscan.state.paths import state_folder
from ifcbscan.state.run_locks import (
    Held,
    companion_in_silence,
    hold,
    in_progress,
    is_held,
    living_holder,
    lock_path,
    read_holder,
    silence,
)

posix_only = pytest.mark.skipif(os.name != "posix", reason="folders are found otherwise on Windows")

_HOLD = """
import sys
from ifcbscan.state.run_locks import hold
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


def test_a_lock_that_cannot_be_used_is_a_warning_and_the_run_goes_on(data: str) -> None:
    path = lock_path(data, "nauset", "full")
    os.makedirs(path)
    with hold(data, "nauset", "full") as held:
        (warning,) = held.warnings
        assert warning.startswith("the lock of this job cannot be used: ") and path in warning
        assert not held.alone
        assert living_holder(path) is None
    with hold(data, "nauset", "recent") as held:
        assert held.warnings == () and held.alone


@posix_only
@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EIO, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_system_that_gives_no_locks_is_never_taken_for_another_run(
    data: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    path = lock_path(data, "nauset", "full")
    Path(path).touch()
    Path(path + ".named").touch()

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with hold(data, "nauset", "full") as held:
        assert len(held.warnings) == 1 and os.strerror(number) in held.warnings[0]
    with pytest.raises(OSError, match=os.strerror(number)):
        is_held(path)  # not False: `stop` would say that no scan is under way
    assert in_progress(data, "nauset", "full")  # it may be, so each bin is looked at before it is sent


def test_where_it_cannot_be_found_out_stop_does_not_say_that_no_scan_is_under_way(
    data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from ifcbscan.cli.commands import stop

    path = lock_path(data, "nauset", "full")
    os.makedirs(path)
    os.makedirs(path + ".named")
    stop.end_scan(path, "nauset")
    assert "Whether a scan of nauset is under way cannot be found out" in capsys.readouterr().err


@posix_only
def test_locks_of_the_version_before_and_these_exclude_each_other(data: str) -> None:
    filelock = pytest.importorskip("filelock")
    path = lock_path(data, "nauset", "full")
    with filelock.FileLock(path), pytest.raises(AlreadyRunning):
        _take(data)
    with hold(data, "nauset", "full"), pytest.raises(filelock.Timeout):
        filelock.FileLock(path, timeout=0).acquire()


root_only = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can act in another user's folder"
)
SOMEBODY = 12345


@root_only
def test_what_root_makes_in_the_state_folder_of_a_user_belongs_to_the_user(data: str, home: Path) -> None:
    os.chown(home, SOMEBODY, SOMEBODY)
    with hold(data, "nauset", "full"):
        assert SharedBinLocks(bin_locks_path("nauset"), lambda: False).take("D20130526T095207_IFCB013")
        last_runs.write(data, "nauset", "full", last_runs.LastRun.that_ends_now(0, "fine", {}))
        log_memory.write(data, "nauset", "full", log_memory.NOTHING_LOGGED)
        open_log(os.path.join(state_folder(), "scan.log"))
        close_log()
    made = list(home.rglob("*"))
    folders, locked = ("state", "ifcbscan"), (".lock", ".holder", ".named", ".claims")
    for ending in (*folders, *locked, ".last.json", ".told.json", ".log"):
        assert [path for path in made if path.name.endswith(ending)], ending
    assert {path.lstat().st_uid for path in made} == {SOMEBODY}


@root_only
def test_root_gives_away_nothing_that_a_link_in_the_folder_leads_to(
    data: str, home: Path, tmp_path: Path
) -> None:
    os.chown(home, SOMEBODY, SOMEBODY)
    precious = tmp_path / "precious"
    precious.touch()
    path = lock_path(data, "nauset", "full")
    os.symlink(precious, path)
    os.link(precious, path + ".named")
    os.symlink(precious, bin_locks_path("nauset"))
    with hold(data, "nauset", "full") as held:
        assert len(held.warnings) == 1
        assert SharedBinLocks(bin_locks_path("nauset"), lambda: False).take("D20130526T095207_IFCB013")
    files.hand_over(path)
    files.hand_over(path + ".named")
    assert precious.stat().st_uid == 0


# --- signs of life


def age_sign(path: str, seconds: float) -> None:
    """Make the holder's last sign of life so much older."""
    then = os.stat(path + ".holder").st_mtime - seconds
    os.utime(path + ".holder", (then, then))


def test_a_run_that_gets_on_leaves_a_sign_of_life_every_30_seconds_at_most() -> None:
    now = [1000.0]
    signs: list[float] = []
    held = Held(sign=lambda: signs.append(now[0]), monotonic=lambda: now[0])
    for moment in (1000.0, 1029.0, 1030.0, 1031.0, 1059.0, 1061.0, 5000.0, 5001.0):
        now[0] = moment
        held.getting_on()
    assert signs == [1030.0, 1061.0, 5000.0]


def test_the_age_of_the_last_sign_is_known_to_others(data: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_locks, "_SIGN_EVERY", 0.0)
    path = lock_path(data, "nauset", "full")
    with hold(data, "nauset", "full") as held:
        holder = living_holder(path)
        assert holder is not None
        assert 0 <= (silence(path, holder) or 0) < 60
        age_sign(path, 7200)
        assert 7200 <= (silence(path, holder) or 0) < 7260
        companion = companion_in_silence(data, "nauset", "full")
        assert companion is not None and companion.holder == holder and companion.is_stalled
        held.getting_on()
        assert 0 <= (silence(path, holder) or 0) < 60
        assert companion_in_silence(data, "nauset", "full") is None
        age_sign(path, 7200)
    assert companion_in_silence(data, "nauset", "full") is None  # it has ended


@pytest.mark.parametrize("clock_then", [86400.0, 3e9])
def test_a_clock_that_was_set_since_raises_no_alarm_and_hides_none(data: str, clock_then: float) -> None:
    path = lock_path(data, "nauset", "full")
    with hold(data, "nauset", "full"):
        holder = living_holder(path)
        assert holder is not None
        # As if the computer's clock had shown `clock_then` when the run began, and was set right since.
        then = holder._replace(clock_offset=clock_then - time.monotonic())
        os.utime(path + ".holder", (clock_then, clock_then))
        assert 0 <= (silence(path, then) or 0) < 60
        age_sign(path, 4000.0)
        assert 4000.0 <= (silence(path, then) or 0) < 4060.0


def test_by_the_clock_of_another_computer_an_absurd_age_is_no_age(data: str) -> None:
    path = lock_path(data, "nauset", "full")
    with hold(data, "nauset", "full"):
        holder = read_holder(path)
        assert holder is not None
        elsewhere = holder._replace(host="lab-server")
        for age, known in ((-7200.0, False), (60.0, True), (7200.0, True), (1.7e9, False)):
            os.utime(path + ".holder", (time.time() - age, time.time() - age))
            found = silence(path, elsewhere)
            assert (found is not None and age <= found < age + 60) if known else found is None, age


@pytest.mark.parametrize(
    "age, said, stalled",
    [(60, "that scan goes on", False), (1500, "for 25 min", False), (7200, "for 2 h", True)],
)
def test_a_run_that_is_refused_says_for_how_long_the_other_has_been_silent(
    data: str, age: float, said: str, stalled: bool
) -> None:
    path = lock_path(data, "nauset", "full")
    with hold(data, "nauset", "full"):
        age_sign(path, age)
        with pytest.raises(AlreadyRunning, match=said) as caught:
            _take(data)
        assert caught.value.stalled is stalled
        assert f"process {os.getpid()}" in str(caught.value)


@pytest.mark.parametrize("field, value", [("pid", "5"), ("clock_offset", "x"), ("mode", 7)])
def test_a_name_with_values_of_another_kind_is_none(data: str, field: str, value: object) -> None:
    path = lock_path(data, "nauset", "full")
    with hold(data, "nauset", "full"):
        fields = json.loads(Path(path + ".holder").read_text(encoding="utf-8"))
        Path(path + ".holder").write_text(json.dumps(dict(fields, **{field: value})), encoding="utf-8")
        assert read_holder(path) is None


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
def test_without_any_folder_the_run_goes_on_without_a_lock_and_says_so(
    data: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / ".local").touch()
    monkeypatch.setattr(tempfile, "tempdir", str(home / ".local"))
    with pytest.raises(IfcbscanError, match="There is no folder for locks and logs"):
        state_folder()
    with hold(data, "nauset", "full") as held:
        assert len(held.warnings) == 1 and "There is no folder for locks and logs" in held.warnings[0]
        assert not held.alone
