"""Prints what `pytest --cov` has measured: one line for each wing, then what is not covered in core/ and runs/.

Usage: `python .ci/coverage.py`, in the folder that holds `.coverage`. It reports and never fails a build:
a line that no test reaches is a question to the reader, and a percentage is not an aim.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path, PurePath
from typing import Any

#: Where a line that no test reaches must have a reason.
EXPLAINED = ("core", "runs")


def measured() -> dict[str, Any]:
    """Path below ifcbscan/ -> what coverage says of that file."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "coverage.json"
        command = [sys.executable, "-m", "coverage", "json", "-q", "-o", str(report)]
        subprocess.run(command, check=True)
        files: dict[str, Any] = json.loads(report.read_text("utf-8"))["files"]
    found = {}
    for name, file in files.items():
        parts = PurePath(name).parts
        below = parts[len(parts) - parts[::-1].index("ifcbscan") :]
        found["/".join(below)] = file
    return found


def wing_of(path: str) -> str:
    """`core/` for `core/bins.py`; a module of no wing stands for itself."""
    folder, slash, _ = path.partition("/")
    return folder + slash


def percent(covered: int, of: int) -> str:
    """Rounded down, so that 100 means all."""
    return f"{100 * covered // of} %" if of else "-"


def main() -> None:
    """Print the report."""
    files = measured()
    totals: dict[str, Counter[str]] = {}
    for path, file in files.items():
        for wing in (wing_of(path), "all"):
            totals.setdefault(wing, Counter()).update(file["summary"])
    print(f"{'wing':<14}{'lines':>7}{'covered':>9}{'branches':>10}{'covered':>9}")
    for wing, sums in sorted(totals.items(), key=lambda item: (item[0] == "all", item[0])):
        lines = percent(sums["covered_lines"], sums["num_statements"])
        branches = percent(sums["covered_branches"], sums["num_branches"])
        print(f"{wing:<14}{sums['num_statements']:>7}{lines:>9}{sums['num_branches']:>10}{branches:>9}")
    print("\nnot covered in " + " and ".join(f"{wing}/" for wing in EXPLAINED) + ":")
    gaps = 0
    for path, file in sorted(files.items()):
        if wing_of(path).rstrip("/") not in EXPLAINED:
            continue
        for line in file["missing_lines"]:
            print(f"  {path}:{line} never runs")
            gaps += 1
        for start, end in file["missing_branches"]:
            if start in file["missing_lines"] or end in file["missing_lines"]:
                continue  # said already
            print(
                f"  {path}:{start} never goes on "
                + (f"at line {end}" if end > 0 else "to the end of its function")
            )
            gaps += 1
    if not gaps:
        print("  nothing")


if __name__ == "__main__":
    main()
