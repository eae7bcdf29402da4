"""The single file of docs/single-file.md: built by the page's own command with one Python, it runs on older and newer ones."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable

import pytest
from support.runs import assert_whole

from ifcbscan.demo.sample_bins import write_bin
from ifcbscan.schedule import crontab_text

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="the page builds it on Linux or macOS"),
]

PROJECT = Path(__file__).resolve().parents[2]
LONG_AGO = 1400000000.0


def pythons() -> list[str]:
    """The supported Pythons of this machine (3.7 to 3.13) that can make environments, the oldest first."""
    pyenv = Path(os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))) / "versions"
    found = []
    for minor in range(7, 14):
        candidates: list[str | None] = [str(path) for path in pyenv.glob(f"3.{minor}.*/bin/python")]
        candidates.append(shutil.which(f"python3.{minor}"))
        for candidate in candidates:
            if (
                candidate
                and subprocess.call([candidate, "-c", "import ensurepip, venv"], stderr=subprocess.DEVNULL)
                == 0
            ):
                found.append(candidate)
                break
    return found


@pytest.fixture(scope="session")
def oldest_and_newest() -> tuple[str, str]:
    found = pythons()
    if not found:
        pytest.skip("there is no Python 3.7 to 3.13 with venv that can be found by its name")
    return found[0], found[-1]


@pytest.fixture(scope="session")
def pyz(source_tree: Path, index: dict[str, str], built_once: Callable[..., Path]) -> Path:
    """The single file, built by the command on the page, and taken elsewhere under the name of a command."""
    text = (PROJECT / "docs" / "single-file.md").read_text("utf-8")
    match = re.search(r"<!-- build-command -->\n(?:<!--[^\n]*-->\n)*```sh\n(.*?)```", text, re.S)
    assert match is not None
    command = match.group(1)

    def make(folder: Path) -> None:
        tree = folder / "tree"
        shutil.copytree(str(source_tree), str(tree))
        done = subprocess.run(
            ["sh", "-e", "-c", command],
            cwd=str(tree),
            # its python3 is that of the tests
            env=dict(
                os.environ, PATH=os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"], **index
            ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout.decode("utf-8", "replace")
        place = folder / "100% there"
        place.mkdir()
        shutil.move(str(tree / "ifcbscan.pyz"), str(place / "ifcbscan"))
        shutil.rmtree(str(tree))  # what it needs must be in it

    return built_once("pyz build", make) / "100% there" / "ifcbscan"


@pytest.mark.parametrize("which", [0, 1], ids=["oldest", "newest"])
@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_the_single_file_scans_and_schedules_itself(
    which: int,
    s3: Any,
    env_file: Path,
    tmp_path: Path,
    cli_environment: dict[str, str],
    oldest_and_newest: tuple[str, str],
    pyz: Path,
) -> None:
    python = oldest_and_newest[which]
    del cli_environment["PYTHONPATH"]  # else it would run the package of these tests
    # relative to the current folder: the schedule must find it from any
    relative = os.path.relpath(str(pyz), str(tmp_path))

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [python, relative, *words],
            cwd=str(tmp_path),
            env=cli_environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
        )

    data = tmp_path / "data"
    data.mkdir()
    files = write_bin(data, "D20260101T100001_IFCB199", images=3, mtime=LONG_AGO)
    assert run("--version").stdout.startswith("ifcbscan ")
    done = run("--once", "data", "nauset")
    assert done.returncode == 0, done.stderr
    assert_whole(s3, files)
    again = run("--once", "data", "nauset")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")  # no warning of boto3's either
    page = run("report", "data", "nauset", "-o", "page.html")
    assert page.returncode == 0, page.stderr
    assert "nauset" in (tmp_path / "page.html").read_text("utf-8")
    assert run("--once", "data", "nauset", "--metrics-file", "nauset.prom").returncode == 0
    assert "ifcbscan_info" in (tmp_path / "nauset.prom").read_text("utf-8")

    shown = run("start", "data", "nauset", "--print")
    assert shown.returncode == 0, shown.stderr
    (line,) = [line for line in shown.stdout.splitlines() if "--once" in line and "--max-age" not in line]
    entry = crontab_text.parse_line(line.encode())
    assert entry is not None and (entry.job.python, entry.job.single_file) == (python, str(pyz))
    files += write_bin(data, "D20260101T100002_IFCB199", images=3, mtime=LONG_AGO)
    bare = {"HOME": cli_environment["HOME"], "PATH": "/usr/bin:/bin"}  # all that cron gives
    command = line.split(" ", 5)[5].replace("\\%", "%")
    assert subprocess.call(["/bin/sh", "-c", command], env=bare, cwd="/", timeout=120) == 0
    assert_whole(s3, files)
