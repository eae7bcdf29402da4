"""What holds Ceph's daemons lets them go in time: no cluster outlives the tests, and none ends before them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Iterator

import pytest
from support import ceph_keeper
from support.ceph import _AMONG_THE_SLOW, is_among_the_slow, is_left_out
from support.places import TESTS

pytestmark = pytest.mark.skipif(os.name != "posix", reason="there is no Ceph on Windows")


@pytest.fixture
def daemon() -> Iterator[Any]:
    """Something that runs until it is killed."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "held"))
        server.listen(5)
        yield server


def hold(listener: socket.socket) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(listener.getsockname())
    return connection


def waiting(listener: socket.socket, daemon: Any) -> threading.Thread:
    thread = threading.Thread(target=ceph_keeper.wait_for_the_last, args=(listener, [daemon]), daemon=True)
    thread.start()
    return thread


def test_daemons_are_held_until_the_last_connection_has_closed(listener: socket.socket, daemon: Any) -> None:
    first, second = hold(listener), hold(listener)
    thread = waiting(listener, daemon)
    first.close()
    thread.join(0.5)
    assert thread.is_alive()
    second.close()
    thread.join(10)
    assert not thread.is_alive()


def test_daemons_are_not_held_when_one_has_ended(listener: socket.socket, daemon: Any) -> None:
    with hold(listener):
        thread = waiting(listener, daemon)
        daemon.kill()
        thread.join(10)
        assert not thread.is_alive()


def test_daemons_are_not_held_when_nobody_comes(
    listener: socket.socket, daemon: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ceph_keeper, "NOBODY_SECONDS", 0.0)
    thread = waiting(listener, daemon)
    thread.join(10)
    assert not thread.is_alive()


def test_only_what_is_listed_is_left_out_over_ceph() -> None:
    assert is_left_out("tests/cli/test_report.py::test_a[ceph]", {"s3": "ceph"})
    assert is_left_out("tests/integration/runs/test_faults.py::test_a[x]", {"s3": "ceph", "way": "stall"})
    assert not is_left_out("tests/integration/runs/test_faults.py::test_a[x]", {"s3": "ceph", "way": "cut"})


def test_what_runs_over_ceph_among_the_slow_is_there() -> None:
    """A test that gets another name would else go over to the matrix without a word."""
    for named in _AMONG_THE_SLOW:
        path, _, function = named.partition("::")
        assert (TESTS / path).exists(), named
        if function:
            assert f"def {function.partition('[')[0]}" in (TESTS / path).read_text("utf-8"), named
    assert is_among_the_slow("tests/integration/s3/test_bucket.py::test_a[ceph]")
    assert not is_among_the_slow("tests/cli/test_report.py::test_a[ceph]")
