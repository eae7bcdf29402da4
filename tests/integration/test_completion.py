"""Tab completion: what argcomplete is told when a shell asks."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytest.importorskip("argcomplete", reason="the extra 'completion' is not installed")

if os.name != "posix":
    pytest.skip("argcomplete answers on file descriptor 8, as bash and zsh ask", allow_module_level=True)


def completions(line: str, environment: dict[str, str]) -> list[str]:
    """What a shell would offer after `line`."""
    asked = {
        **environment,
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_IFS": "\n",
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
    }
    # argcomplete writes its answer to file descriptor 8.
    script = 'exec 8>&1 1>/dev/null; exec "$0" -m ifcbscan'
    done = subprocess.run(
        ["sh", "-c", script, sys.executable],
        env=asked,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    return [word.strip() for word in done.stdout.decode("utf-8").split("\n") if word.strip()]


def test_commands_are_completed(cli_environment: dict[str, str]) -> None:
    assert completions("ifcbscan st", cli_environment) == ["start", "stop", "status"]


def test_options_of_a_command_are_completed(cli_environment: dict[str, str]) -> None:
    assert completions("ifcbscan sync --dry", cli_environment) == ["--dry-run"]
