"""How a system's own tool is called, and what is said when it hangs or is not there."""

from __future__ import annotations

import os
import signal
import sys
import time

import pytest

from ifcbscan.schedule import process
from ifcbscan.schedule.jobs import ScheduleError

pytestmark = pytest.mark.windows_core

_RUNNERS = [process.run, process.run_with_files]


@pytest.mark.parametrize("run", _RUNNERS)
def test_a_tool_gets_its_input_and_what_it_says_is_kept_apart(run: process.Runner) -> None:
    program = (
        "import sys; data = sys.stdin.buffer.read(); sys.stdout.buffer.write(data[::-1]); "
        "sys.stderr.buffer.write(b'oh'); sys.exit(3)"
    )
    assert run([sys.executable, "-c", program], b"abc\xff") == process.Finished(3, b"\xffcba", b"oh")


@pytest.mark.parametrize("run", _RUNNERS)
def test_a_tool_that_hangs_or_cannot_start_ends_in_a_line(
    run: process.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "TIMEOUT_SECONDS", 0.5)
    with pytest.raises(ScheduleError, match="no answer"):
        run([sys.executable, "-c", "import time; time.sleep(60)"], b"")
    with pytest.raises(ScheduleError, match="cannot be started"):
        run([sys.executable + "-not-there"], b"")


@pytest.mark.skipif(os.name == "nt", reason="killing the left-over needs its process id in a POSIX way")
def test_a_process_that_a_tool_leaves_behind_is_not_waited_for() -> None:
    program = (
        "import subprocess, sys; "
        "left = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); print(left.pid)"
    )
    began = time.monotonic()
    done = process.run_with_files([sys.executable, "-c", program], b"")
    os.kill(int(done.stdout), signal.SIGKILL)
    assert time.monotonic() - began < process.TIMEOUT_SECONDS
