"""`python -m ifcbscan`, and what the `ifcbscan` command runs."""

from __future__ import annotations

import contextlib
import gc
import os
import sys

from ifcbscan.cli import main


def run() -> None:
    """Run the command line and end the process with its exit code."""
    # What a run makes by the hundred thousand (files, listed objects) holds no cycles. Looking for some after
    # every 700 of them, Python's default, took up to a fifth of the CPU time of a full run.
    gc.set_threshold(50000, 20, 50)
    code = main()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, AttributeError):  # closed; pythonw.exe has none
            stream.flush()
    # All that matters has been reported and closed. Taking the interpreter down in order would cost a quiet
    # run a fifth of its CPU time, and after an interruption wait for threads that wait for an answer.
    os._exit(code)


if __name__ == "__main__":
    run()
