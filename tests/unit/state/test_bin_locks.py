"""Locks on bins: between processes, with real locks."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ifcbscan.state.bin_locks import ALONE, SharedBinLocks

PID = "D20130526T095207_IFCB013"
OTHER = "D20130526T101500_IFCB013"

_HOLD = """
import sys
from ifcbscan.state.bin_locks import SharedBinLocks
bin_locks = SharedBinLocks(sys.argv[1], lambda: False)
print(bin_locks.take(sys.argv[2]), flush=True)
sys.stdin.read()
"""


def bin_locks(path: Path) -> SharedBinLocks:
    return SharedBinLocks(str(path), lambda: False)


def test_a_bin_that_another_process_has_locked_is_not_to_be_had_until_that_one_dies(tmp_path: Path) -> None:
    path = tmp_path / "nauset.claims"
    here = bin_locks(path)
    other = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(path), PID], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdin is not None and other.stdout is not None
    with other:
        assert other.stdout.readline().strip() == b"True"
        assert not here.take(PID)
        assert here.take(OTHER)
        assert here.refused == {PID: other.pid if os.name == "posix" else None}
        other.kill()
        other.wait()
    assert here.take(PID)


def test_a_bin_that_was_given_back_can_be_locked_by_another_process(tmp_path: Path) -> None:
    path = tmp_path / "nauset.claims"
    here = bin_locks(path)
    assert here.take(PID)
    ask = [sys.executable, "-c", _HOLD, str(path), PID]
    for expected, release in ((b"False", True), (b"True", False)):
        done = subprocess.run(ask, input=b"", stdout=subprocess.PIPE, check=True, timeout=60)
        assert done.stdout.strip() == expected
        if release:
            here.release(PID)


def test_where_no_file_can_be_made_every_bin_is_to_be_had(tmp_path: Path) -> None:
    here = bin_locks(tmp_path / "nowhere" / "nauset.claims")
    assert here.take(PID) and here.take(PID)
    here.release(PID)
    assert here.trouble and here.in_company()  # so that each bin is looked at before it is sent
    assert ALONE.take(PID) and not ALONE.in_company()


@pytest.mark.skipif(os.name != "posix", reason="Windows has other calls")
@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EIO, errno.EOPNOTSUPP, errno.ENOSYS])
def test_where_the_system_gives_no_locks_every_bin_is_to_be_had(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "lockf", refuse)
    here = bin_locks(tmp_path / "nauset.claims")
    assert here.take(PID) and here.in_company()
    assert here.trouble == os.strerror(number) and not here.refused


def test_nothing_is_ever_written(tmp_path: Path) -> None:
    path = tmp_path / "nauset.claims"
    here = bin_locks(path)
    assert here.take(PID)
    here.release(PID)
    assert path.stat().st_size == 0
