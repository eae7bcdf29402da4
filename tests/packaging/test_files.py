"""What administrators deploy by hand (packaging/) is the same as what `ifcbscan start` installs."""

from __future__ import annotations

import os
import re
import runpy
import stat
from typing import Any

import pytest
from support.places import REPOSITORY

from ifcbscan.schedule import crontab_text, task_text
from ifcbscan.schedule.jobs import Mode

pytestmark = pytest.mark.windows_core

PACKAGING = REPOSITORY / "packaging"


@pytest.fixture(scope="module")
def generator() -> dict[str, Any]:
    return runpy.run_path(str(PACKAGING / "generate.py"))


def test_the_files_are_what_the_package_makes_now(generator: dict[str, Any]) -> None:
    made = generator["files"]()
    assert {path: (PACKAGING / path).read_bytes() for path in made} == made


def test_no_generated_file_is_left_over(generator: dict[str, Any]) -> None:
    by_hand = {"README.md", "register.ps1"}
    there = {
        path.relative_to(PACKAGING).as_posix()
        for folder in ("cron", "taskscheduler")
        for path in (PACKAGING / folder).iterdir()
        if path.name not in by_hand
    }
    assert there == set(generator["files"]())


@pytest.mark.skipif(os.name != "posix", reason="cron is not for Windows")
def test_the_drop_in_holds_the_lines_that_start_writes_each_with_an_account(
    generator: dict[str, Any],
) -> None:
    block = crontab_text.render_block(generator["LINUX"]).splitlines()
    drop_in = (PACKAGING / "cron" / "ifcbscan").read_bytes()
    user = generator["LINUX_USER"].encode("ascii")
    without_account = [re.sub(rb"^((\S+ ){5})" + user + b" ", rb"\1", line) for line in drop_in.splitlines()]
    lines = [line for line in block if crontab_text.parse_line(line)]
    assert len(lines) == 2
    assert set(lines) <= set(without_account)


def test_cron_would_not_pass_over_the_drop_in(generator: dict[str, Any]) -> None:
    path = PACKAGING / "cron" / "ifcbscan"
    content = path.read_bytes()
    assert content.endswith(b"\n") and b"\r" not in content
    assert "." not in path.name
    if os.name == "posix":
        assert not path.stat().st_mode & (stat.S_IXUSR | stat.S_IWOTH)


def test_the_task_files_are_read_back_as_the_job_they_are_made_from(generator: dict[str, Any]) -> None:
    for mode in Mode:
        path = PACKAGING / "taskscheduler" / f"ifcbscan-{mode.value}.xml"
        task = task_text.read_task(path.read_bytes().decode("utf-16"))
        assert task is not None
        assert (task.entry.job, task.entry.mode) == (generator["WINDOWS"], mode)
        # the script registers a file under its own name
        assert task.name == task_text.FOLDER + path.stem


def test_the_script_registers_in_the_folder_in_which_ifcbscan_looks() -> None:
    script = (PACKAGING / "taskscheduler" / "register.ps1").read_text(encoding="ascii")
    assert f"-TaskPath '{task_text.FOLDER}'" in script
