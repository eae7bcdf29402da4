"""What a command says when it cannot be carried out: as much of the data as it could have touched, also in the log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize("command", ["--once", "sync", "start", "list", "check", "verify", "report"])
@pytest.mark.parametrize("env", ["none", "incomplete", "not a text"])
def test_only_a_command_that_sends_says_that_nothing_was_sent(
    ifcbscan_cli: Any, tmp_path: Path, command: str, env: str
) -> None:
    (tmp_path / "data").mkdir()
    if env != "none":
        (tmp_path / ".env").write_bytes(b"USER_ACCOUNT=hablab\n" if env == "incomplete" else b"\xff\xfe=\n")
    job = ["data", "nauset"] if command != "list" else []
    done = ifcbscan_cli(command, *job)
    said = done.stdout + done.stderr
    assert done.code == 2 and ".env" in said
    assert ("Nothing was sent" in said) == (command in ("--once", "sync", "start"))


@pytest.mark.parametrize(
    "words",
    [["--jobs", "0"], ["--settle", "soon"], ["--max-age", "old"], ["--bandwidth", "much"]],
    ids=" ".join,
)
def test_an_option_that_cannot_be_understood_is_also_in_the_log(
    ifcbscan_cli: Any, tmp_path: Path, env_for_nobody: Path, words: list[str]
) -> None:
    (tmp_path / "data").mkdir()
    done = ifcbscan_cli("--once", "data", "nauset", "--quiet", "--log-file", "a.log", *words)
    assert done.code == 2 and done.stderr.startswith(f"ifcbscan: {words[0]}")
    (line,) = (tmp_path / "a.log").read_text(encoding="utf-8").splitlines()
    assert line.endswith("ERROR " + done.stderr.rstrip("\n")[len("ifcbscan: ") :])


@pytest.fixture
def env_for_nobody(tmp_path: Path) -> Path:
    """Settings of a server that does not answer; it is not asked."""
    path = tmp_path / ".env"
    path.write_text(
        "AWS_ACCESS_KEY_ID=a\nAWS_SECRET_ACCESS_KEY=b\nUSER_ACCOUNT=hablab\nS3_ENDPOINT_URL=http://127.0.0.1:9\n"
    )
    path.chmod(0o600)
    return path
