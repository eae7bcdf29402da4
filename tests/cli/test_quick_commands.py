"""No command loads what it does not need: `status`, `stop` and `--help` nothing of what speaks to the archive or sends, a quiet
scan nothing of what sends."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from support.operator import Operator

from ifcbscan.demo.sample_bins import write_bin

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="needs a crontab"),
    pytest.mark.parametrize("s3", ["moto"], indirect=True),
]

HEAVY = {"botocore", "boto3", "urllib3", "tenacity", "ifcbscan.s3.bucket", "ifcbscan.runs.upload"}


def loaded(operator: Operator, *arguments: Any) -> set[str]:
    """The modules that a command loads, of which Python keeps a list on stderr."""
    lines = operator.run(*arguments, PYTHONPROFILEIMPORTTIME="1").stderr.splitlines()
    return {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")}


@pytest.mark.parametrize(
    "arguments", [["--help"], ["verify", "--help"], ["status"], ["stop", "nauset"]], ids=" ".join
)
def test_what_does_not_speak_to_the_archive_does_not_load_what_does(
    operator: Operator, tmp_path: Path, arguments: list[str]
) -> None:
    operator.schedule(tmp_path / "data")
    modules = loaded(operator, *arguments)
    assert "ifcbscan.cli.main" in modules
    assert not HEAVY & modules


def test_the_list_shows_what_a_command_loads(operator: Operator) -> None:
    operator.run("list")
    assert HEAVY - {"boto3", "tenacity", "ifcbscan.runs.upload"} <= loaded(operator, "list")


#: What botocore brings for its own client: models, parsers, settings of other programs.
CLIENT = {
    "boto3",
    "botocore.client",
    "botocore.loaders",
    "botocore.model",
    "botocore.parsers",
    "botocore.session",
}


def test_a_scan_speaks_to_the_archive_without_the_client_of_botocore(
    operator: Operator, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    write_bin(data, "D20260101T100000_IFCB199", mtime=1400000000.0)
    sending = loaded(operator, "--once", data, "nauset", "--confirm", "0", "--force")
    quiet = loaded(operator, "--once", data, "nauset")
    for modules in (sending, quiet):
        assert "botocore.httpsession" in modules
        assert not CLIENT & modules
    assert "ifcbscan.runs.upload" in sending
    assert "ifcbscan.runs.upload" not in quiet
