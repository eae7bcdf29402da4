"""Work in processes of their own, or in threads: every answer comes back in its place, and nothing is left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from ifcbscan.cli.side_by_side import side_by_side

only_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are for Linux")
WAYS = [False, pytest.param(True, marks=only_linux)]


@pytest.mark.parametrize("processes", WAYS)
@pytest.mark.parametrize("count", [0, 1, 2, 9])
def test_the_answers_are_in_the_order_of_the_items(count: int, processes: bool) -> None:
    assert side_by_side(lambda number: "x" * number, range(count), processes) == [
        "x" * n for n in range(count)
    ]


@only_linux
def test_large_answers_come_whole_and_each_from_a_process_of_its_own() -> None:
    found = side_by_side(lambda number: (os.getpid(), "x" * 3000000), range(5), True)
    assert len({answer[0] for answer in found if answer}) == 5 and os.getpid() not in dict(
        filter(None, found)
    )
    assert all(answer and len(answer[1]) == 3000000 for answer in found)


@only_linux
def test_a_process_that_is_killed_costs_its_own_answer_alone() -> None:
    def work(number: int) -> int:
        if number == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return number

    assert side_by_side(work, range(6), True) == [0, None, 2, 3, 4, 5]


@only_linux
def test_so_does_one_that_is_killed_while_it_sends_it() -> None:
    def work(number: int) -> object:
        if number == 1:
            from multiprocessing import connection

            def half(self: object, data: bytes, *_: object) -> None:
                os.write(self.fileno(), bytes(data)[:100])  # type: ignore[attr-defined]
                os.kill(os.getpid(), signal.SIGKILL)

            connection.Connection._send = half  # type: ignore[attr-defined]
            return "x" * 1000
        return number

    assert side_by_side(work, range(4), True) == [0, None, 2, 3]


_INTERRUPTED = """
import os, signal, sys, threading
from multiprocessing import connection
from ifcbscan.cli.side_by_side import side_by_side
from ifcbscan.errors import Interrupted

def work(number):
    if number == 0 and not in_a_destructor:
        os.kill(os.getppid(), signal.SIGTERM)
    threading.Event().wait(60)

in_a_destructor = sys.argv[1:] == ["in a destructor"]
usual = connection._ConnectionBase.__del__
here, sent = os.getpid(), []

def end_of_connection(self):
    # Whatever is raised here is ignored by Python.
    if not sent and os.getpid() == here:
        sent.append(1)
        os.kill(here, signal.SIGTERM)
    usual(self)

if in_a_destructor:
    connection._ConnectionBase.__del__ = end_of_connection

def end(number, frame):
    raise Interrupted(143)

signal.signal(signal.SIGTERM, end)
try:
    side_by_side(work, range(6), True)
except Interrupted:
    print("interrupted")
try:
    os.waitpid(-1, os.WNOHANG)
    print("a process is left")
except ChildProcessError:
    print("none is left")
"""


@only_linux
@pytest.mark.parametrize("when", ["any time", "in a destructor"])
def test_a_signal_ends_all_of_it(cli_environment: dict[str, str], when: str) -> None:
    """In a process of its own, because the one of the tests has other threads, which may be given the signal."""
    done = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED, when],
        env=cli_environment,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.decode().split("\n") == ["interrupted", "none is left", ""], done.stderr
