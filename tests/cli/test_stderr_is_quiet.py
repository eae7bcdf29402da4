"""What libraries say of an old Python never reaches a person, or cron's mail: boto3 says it on 3.7 to 3.9."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ifcbscan.demo.sample_bins import write_bin

ONCE = ["--once", "data", "nauset"]


@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_no_command_that_talks_to_the_archive_hands_on_warnings_of_libraries(
    s3: Any, ifcbscan_cli: Any, env_file: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    write_bin(data, "D20260101T100001_IFCB199", images=3, mtime=1400000000.0)
    assert ifcbscan_cli(*ONCE).code == 0
    for command in (ONCE, ["sync", "data", "nauset"], ["verify", "data", "nauset"], ["list"], ["check"]):
        done = ifcbscan_cli(*command)
        assert done.code != 1, (command, done.stderr)
        assert "Warning" not in done.stderr and "no longer" not in done.stderr, (command, done.stderr)
    assert ifcbscan_cli(*ONCE).stderr == ""


@pytest.mark.slow
def test_neither_does_the_demo(ifcbscan_cli: Any) -> None:
    pytest.importorskip("flask_cors", reason="the extra 'demo' is not installed")
    done = ifcbscan_cli("demo")
    assert done.code == 0
    assert "Warning" not in done.stderr and "no longer" not in done.stderr, done.stderr
