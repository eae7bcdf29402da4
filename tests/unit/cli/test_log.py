"""The log of a command: its size has a limit, and a line of it is one line."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from ifcbscan.cli.log import close_log, log_problems, open_log
from ifcbscan.core.scan_report import Problem
from ifcbscan.core.states import BinState

MANY = 20000
PROBLEMS = [Problem(f"D20130526T{n:06d}_IFCB013", BinState.HELD, "empty") for n in range(MANY)]
WARNINGS = [f"the folder {n} cannot be read" for n in range(MANY)]


def test_a_command_that_remembers_nothing_logs_no_more_than_a_log_can_hold(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    assert open_log(str(path)) is None
    try:
        log_problems(PROBLEMS, WARNINGS)
    finally:
        close_log()
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1000 + 1 + 21
    assert lines[1000].endswith("WARNING ... and 19,000 more; --json lists them all")
    assert lines[-1].endswith("WARNING ... and 19,980 more warnings; --json lists them all")


def test_a_line_of_the_log_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    assert open_log(str(path)) is None
    try:
        logging.getLogger("ifcbscan").warning("%s", "a\n2026-01-01T00:00:00Z ERROR forged\u2028\udce9")
    finally:
        close_log()
    (line,) = path.read_bytes().decode("utf-8").replace(os.linesep, "\n").split("\n")[:-1]
    assert line.endswith("WARNING a\\n2026-01-01T00:00:00Z ERROR forged\\u2028\\udce9")
