"""A key that the bucket refuses: every command that asks the bucket says so in one line, and does nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.dashboard import DashboardStandIn
from support.operator import Operator
from support.runs import rewrite_env

# The one of the two servers that checks signatures.
pytestmark = pytest.mark.parametrize("s3", ["rclone"], indirect=True)


@pytest.mark.parametrize("command", ["start", "list", "check"])
def test_a_wrong_secret_is_told_in_one_line_and_not_shown(
    operator: Operator, dashboard: DashboardStandIn, env_file: Path, command: str
) -> None:
    rewrite_env(env_file, AWS_SECRET_ACCESS_KEY="wrong-secret")
    job = [operator.home, "nauset"] if command != "list" else []
    done = operator.run(command, *job, code=2)
    (line,) = [line for line in (done.stdout + done.stderr).splitlines() if "SignatureDoesNotMatch" in line]
    assert "Check AWS_SECRET_ACCESS_KEY" in line
    assert "wrong-secret" not in done.stdout + done.stderr
    assert operator.crontab.changes == 0
