"""What a command prints at its end: the first of what there is to tell, and the number of the rest."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from ifcbscan.cli import output
from ifcbscan.core.scan_report import Problem, Requests, ScanReport
from ifcbscan.core.states import SCAN_COUNTS

MANY = 20000
PROBLEMS = [Problem(f"D20130526T{n:06d}_IFCB013", "held", "empty") for n in range(MANY)]  # type: ignore[arg-type]
WARNINGS = [f"the folder {n} cannot be read" for n in range(MANY)]


def report(**more: Any) -> ScanReport:
    return ScanReport(
        time_series="nauset",
        directory="/data",
        mode="full",
        dry_run=False,
        bins=dict.fromkeys(SCAN_COUNTS, 0),
        files_uploaded=0,
        bytes_uploaded=0,
        requests=Requests(),
        seconds=1.0,
        **more,
    )


def test_a_run_with_troubles_without_end_prints_some_lines_and_its_json_holds_them_all(
    capsys: pytest.CaptureFixture[str],
) -> None:
    whole = report(problems=tuple(PROBLEMS), warnings=tuple(WARNINGS))
    output.print_report(whole, as_json=True, quiet=False, interactive=False)
    printed = capsys.readouterr()
    lines = printed.err.splitlines()
    assert len(lines) == 1 + 21 + 21
    assert lines[21] == "  ... and 19,980 more; --json lists them all"
    assert lines[-2:] == [
        "  warning: the folder 19 cannot be read",
        "  ... and 19,980 more warnings; --json lists them all",
    ]
    made = json.loads(printed.out)
    assert len(made["problems"]) == len(made["warnings"]) == MANY


def test_a_command_that_remembers_nothing_logs_no_more_than_a_log_can_hold(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    assert output.open_log(str(path)) is None
    try:
        output.log_problems(PROBLEMS, WARNINGS)
    finally:
        output.close_log()
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1000 + 1 + 21
    assert lines[1000].endswith("WARNING ... and 19,000 more; --json lists them all")
    assert lines[-1].endswith("WARNING ... and 19,980 more warnings; --json lists them all")


def test_a_line_of_a_result_is_one_line_and_json_is_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    output.result("one\ntwo \x1b[31m", "three")
    output.result_json({"name": "\x1b\u202e\udce9ü\x7f\x9b"})
    output.result_checked(False, "folder\rok")
    printed = capsys.readouterr().out
    assert printed.startswith("one\\ntwo \\x1b[31m\nthree\n{")
    assert printed.endswith("\nNOT  folder\\rok\n")
    assert printed.isascii() if hasattr(printed, "isascii") else printed.encode("ascii")


def test_a_line_of_the_log_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    assert output.open_log(str(path)) is None
    try:
        logging.getLogger("ifcbscan").warning("%s", "a\n2026-01-01T00:00:00Z ERROR forged\u2028\udce9")
    finally:
        output.close_log()
    (line,) = path.read_bytes().decode("utf-8").split("\n")[:-1]
    assert line.endswith("WARNING a\\n2026-01-01T00:00:00Z ERROR forged\\u2028\\udce9")
