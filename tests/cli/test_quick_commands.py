"""`status`, `stop` and `--help` ask nothing of the archive, so they load nothing of what speaks to it or sends."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.operator import Operator

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="needs a crontab"),
    pytest.mark.parametrize("s3", ["moto"], indirect=True),
]

HEAVY = {"botocore", "boto3", "urllib3", "tenacity", "ifcbscan.s3.bucket", "ifcbscan.runs.upload"}


def loaded(operator: Operator, *arguments: str) -> set[str]:
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
