"""Prints what `pytest --cov` has measured: one line for each wing, then what is not covered in core/ and runs/.

Usage: `python .ci/coverage.py`, in the folder that holds `.coverage`. Exit status 1 if a line or a branch of core/ or runs/
is not covered and does not say why: these decide and carry out what happens to data. The reason stands in the line itself:
`# pragma: no cover - <reason>` (a line) or `# pragma: no branch - <reason>`. For the other wings a percentage is printed,
which is not an aim and fails nothing: the tests that speak to real servers and schedulers are not in this measurement.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path, PurePath
from typing import Any, Iterator

#: Where a line that no test reaches must have a reason.
EXPLAINED = ("core", "runs")

PACKAGE = Path(__file__).resolve().parent.parent / "ifcbscan"
_PRAGMA = re.compile(r"#\s*pragma: no (?:cover|branch)(?P<reason>.*)")


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


def table(files: dict[str, Any]) -> Iterator[str]:
    """A line for each wing, and one for all."""
    totals: dict[str, Counter[str]] = {}
    for path, file in files.items():
        for wing in (wing_of(path), "all"):
            totals.setdefault(wing, Counter()).update(file["summary"])
    yield f"{'wing':<14}{'lines':>7}{'covered':>9}{'branches':>10}{'covered':>9}"
    for wing, sums in sorted(totals.items(), key=lambda item: (item[0] == "all", item[0])):
        lines = percent(sums["covered_lines"], sums["num_statements"])
        branches = percent(sums["covered_branches"], sums["num_branches"])
        yield f"{wing:<14}{sums['num_statements']:>7}{lines:>9}{sums['num_branches']:>10}{branches:>9}"


def gaps(path: str, file: dict[str, Any]) -> Iterator[str]:
    """What is not covered in one file, and has no reason."""
    for line in file["missing_lines"]:
        yield f"{path}:{line} never runs"
    for start, end in file["missing_branches"]:
        if start in file["missing_lines"] or end in file["missing_lines"]:
            continue  # said already
        where = f"at line {end}" if end > 0 else "to the end of its function"
        yield f"{path}:{start} never goes on {where}"
    for number, text in enumerate((PACKAGE / path).read_text("utf-8").splitlines(), start=1):
        pragma = _PRAGMA.search(text)
        if pragma and not re.match(r" - \S", pragma["reason"]):
            yield f"{path}:{number} is taken out of the measurement without a reason"


def main() -> int:
    """Print the report; the exit status."""
    files = measured()
    for line in table(files):
        print(line)
    print("\nnot covered in " + " and ".join(f"{wing}/" for wing in EXPLAINED) + ":")
    found = [
        gap
        for path, file in sorted(files.items())
        if wing_of(path).rstrip("/") in EXPLAINED
        for gap in gaps(path, file)
    ]
    for gap in found or ["nothing"]:
        print("  " + gap)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
