"""Tab completion: what argcomplete is told when a shell asks."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.operator import Operator
from support.places import REPOSITORY

pytest.importorskip("argcomplete", reason="the extra 'completion' is not installed")

on_descriptor_8 = pytest.mark.skipif(os.name != "posix", reason="bash and zsh ask on file descriptor 8")


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
        capture_output=True,
        timeout=60,
        check=False,
    )
    return [word.strip() for word in done.stdout.decode("utf-8").split("\n") if word.strip()]


@on_descriptor_8
def test_commands_are_completed(cli_environment: dict[str, str]) -> None:
    assert completions("ifcbscan st", cli_environment) == ["start", "stop", "status"]


@on_descriptor_8
def test_options_of_a_command_are_completed(cli_environment: dict[str, str]) -> None:
    assert completions("ifcbscan sync --dry", cli_environment) == ["--dry-run"]


@on_descriptor_8
@pytest.mark.parametrize("words", ["--once ", "once ", "sync ", "check ", "--once --metrics-dir "])
def test_where_a_folder_is_meant_folders_are_offered_and_no_files(
    words: str, cli_environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "data of the ship").mkdir()
    (tmp_path / "data.txt").touch()
    offered = completions(f"ifcbscan {words}{tmp_path}/da", cli_environment)
    assert [word.replace("\\", "") for word in offered] == [f"{tmp_path}/data of the ship/"]


@on_descriptor_8
def test_options_of_a_scan_are_completed_after_once(cli_environment: dict[str, str]) -> None:
    assert completions("ifcbscan --once --dry", cli_environment) == ["--dry-run"]


@on_descriptor_8
@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_jobs_that_are_scheduled_are_offered_to_stop(operator: Operator, tmp_path: Path) -> None:
    operator.schedule(tmp_path / "data")
    asked = dict(operator.environment, PYTHONPATH=os.pathsep.join(path for path in sys.path if path))
    assert completions("ifcbscan stop na", asked) == ["nauset"]
    assert {str(tmp_path / "data"), "nauset"} <= set(completions("ifcbscan stop ", asked))
    assert completions("ifcbscan sync /data na", asked) == ["nauset"]


@on_descriptor_8
def test_without_a_schedule_nothing_is_offered_and_nothing_said(
    cli_environment: dict[str, str], tmp_path: Path
) -> None:
    assert completions("ifcbscan stop na", cli_environment) == []
    without_crontab = tmp_path / "bin"
    without_crontab.mkdir()
    (without_crontab / "sh").symlink_to(str(shutil.which("sh")))
    assert completions("ifcbscan stop na", dict(cli_environment, PATH=str(without_crontab))) == []


@pytest.mark.windows_core
def test_powershell_gets_the_same_answer_in_a_file(ifcbscan_cli: Any, tmp_path: Path) -> None:
    answer = tmp_path / "answer"
    ifcbscan_cli(
        env={
            "_ARGCOMPLETE": "1",
            "_ARGCOMPLETE_IFS": "\n",
            "_ARGCOMPLETE_SHELL": "powershell",
            "_ARGCOMPLETE_SUPPRESS_SPACE": "0",
            "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
            "ARGCOMPLETE_USE_TEMPFILES": "1",
            "COMP_LINE": "ifcbscan st",
            "COMP_POINT": "11",
        }
    )
    assert answer.read_text("utf-8").split() == ["start", "stop", "status"]


@on_descriptor_8
@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_the_line_of_the_page_makes_the_shell_ask(shell: str, cli_environment: dict[str, str]) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    page = (REPOSITORY / "docs" / "completion.md").read_text("utf-8")
    (line,) = re.findall(r"^eval .*$", page, re.M)
    (for_zsh,) = re.findall(r"zsh needs `(.+?)`", page)
    script = {
        "bash": f"{line}; complete -p ifcbscan",
        "zsh": f"{for_zsh} -u; {line}; print -r -- ${{_comps[ifcbscan]}}",
    }[shell]
    environment = dict(cli_environment, PATH=os.path.dirname(sys.executable) + ":" + cli_environment["PATH"])
    done = subprocess.run(
        [program, "-c", script], env=environment, capture_output=True, timeout=60, check=False
    )
    assert b"_python_argcomplete" in done.stdout, done.stderr
