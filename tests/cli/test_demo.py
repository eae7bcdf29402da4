"""`demo`: the story that it tells, line by line, and that nothing of it is left."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.slow
def test_the_demo_shows_each_step_on_lines_of_its_own_and_removes_what_it_made(
    ifcbscan_cli: Any, tmp_path: Path
) -> None:
    pytest.importorskip("flask_cors", reason="the extra 'demo' is not installed")
    places = tmp_path / "temporary"
    places.mkdir()
    done = ifcbscan_cli("demo", env={"TMPDIR": str(places)})
    assert done.code == 0
    lines = done.stdout.splitlines()
    assert [line[0] for line in lines if re.match(r"\d\. ", line)] == list("1234")
    assert [line.strip() for line in lines if line.startswith("   $ ")] == [
        "$ ifcbscan --once DIR nauset --dry-run",
        "$ ifcbscan sync DIR nauset",
        "$ ifcbscan --once DIR nauset",
    ]
    assert sum(line.endswith(".adc  3,951 bytes") for line in lines) == 1  # the bin of step 4
    assert "Where to go from here:" in lines and "" in lines
    assert "\\n" not in done.stdout
    assert [line.split(":")[0] for line in done.stderr.splitlines() if line.startswith("nauset")] == [
        "nauset"
    ] * 3
    assert list(places.iterdir()) == []
