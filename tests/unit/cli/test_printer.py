"""What a scan prints at its end: the first of what there is to tell, and the number of the rest."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ifcbscan.cli.printer import print_report
from ifcbscan.core.scan_report import Problem, Requests, ScanReport
from ifcbscan.core.states import SCAN_COUNTS, BinState

MANY = 20000
PROBLEMS = [Problem(f"D20130526T{n:06d}_IFCB013", BinState.HELD, "empty") for n in range(MANY)]
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
    print_report(whole, as_json=True, quiet=False, interactive=False)
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
