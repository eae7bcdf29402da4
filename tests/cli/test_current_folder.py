"""A current folder that has been deleted: no matter where whole paths are given, else one line that says so."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Callable

import pytest
from support.dashboard import DashboardStandIn
from support.operator import Done, Operator
from support.runs import end

from ifcbscan.demo.sample_bins import write_bin

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="Windows deletes no folder that is somebody's current one"),
    pytest.mark.parametrize("s3", ["moto"], indirect=True),
]

PID = "D20260101T100001_IFCB199"


@pytest.fixture
def nowhere(operator: Operator, env_file: Path) -> Callable[..., Done]:
    """Runs ifcbscan in a folder that is deleted by then. The settings are in the user's configuration folder."""
    own = operator.home / "config" / "ifcbscan"
    own.mkdir(parents=True)
    shutil.move(str(env_file), str(own / ".env"))

    def run(*arguments: Any, code: int | None = 0) -> Done:
        gone = operator.folder / "gone"
        gone.mkdir()
        process = subprocess.Popen(
            ["/bin/sh", "-c", 'cd "$1" && rmdir "$1" && shift && exec "$@"', "sh", str(gone)]
            + operator.command(*arguments),
            env=operator.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        done = Done(*end(process, 120.0))
        assert "unexpected error" not in done.stderr and code in (None, done.code), done
        return done

    return run


@pytest.fixture
def data(operator: Operator) -> Path:
    folder = operator.folder / "data"
    write_bin(folder, PID, mtime=1400000000.0)
    return folder


def test_every_command_works_that_needs_no_current_folder(
    s3: Any, dashboard: DashboardStandIn, nowhere: Callable[..., Done], operator: Operator, data: Path
) -> None:
    logs = operator.folder / "logs"
    nowhere("--once", data, "nauset", "--log-file", logs / "a.log", "--metrics-file", logs / "a.prom")
    assert (logs / "a.log").exists() and (logs / "a.prom").exists() and len(s3.objects()) == 3
    nowhere("sync", data, "nauset", "--content")
    assert (
        "proven"
        in nowhere(
            "verify", data, "nauset", "--deletable", logs / "list.txt", "--deletable-after", "0"
        ).stderr
    )
    nowhere("report", data, "nauset", "-o", logs / "page.html")
    assert (logs / "list.txt").exists() and (logs / "page.html").exists()
    assert "nauset" in nowhere("list").stdout
    assert "can be read" in nowhere("check", data, "nauset", code=None).stdout
    nowhere("start", data, "nauset")
    assert "last scan" in nowhere("status").stdout
    assert "Removed" in nowhere("stop", "nauset").stderr
    nowhere("start", data, "nauset", "--no-sync")
    assert "Removed" in nowhere("stop", data).stderr


@pytest.mark.parametrize(
    "words",
    [
        ["--once", "data", "nauset"],
        ["sync", "data", "nauset"],
        ["sync", "/", "nauset", "--env-file", "my.env"],
        ["sync", "/", "nauset", "--log-file", "a.log"],
        ["sync", "/", "nauset", "--metrics-file", "a.prom"],
        ["verify", "/", "nauset", "--deletable", "list.txt"],
        ["report", "/", "nauset"],
        ["start", "data", "nauset"],
    ],
)
def test_what_needs_the_current_folder_is_refused_with_a_line(
    s3: Any, nowhere: Callable[..., Done], words: list[str]
) -> None:
    done = nowhere(*words, code=2)
    assert done.stderr.startswith("ifcbscan: The current folder has been deleted")
    assert done.stderr.count("\n") == 1 and done.stdout == "" and s3.objects() == {}


def test_the_other_commands_tell_it_in_their_own_way(s3: Any, nowhere: Callable[..., Done]) -> None:
    assert "NOT  folder       The current folder has been deleted" in nowhere("check", "data", code=2).stdout
    assert "Nothing is scheduled for data" in nowhere("stop", "data", code=2).stderr
