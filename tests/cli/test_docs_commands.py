"""The commands in the documentation do what it says: they are run, page by page, against a real S3 server.

Every block that is fenced as `sh` runs, in the order of its page, in an operator's home folder that holds a working
`.env`; `/data/ifcb` is a tree with a few bins, `crontab` a stand-in. Two marks, on the line before a block:
`<!-- not run: why -->` leaves it out, `<!-- exit: 0 3 -->` says which exit codes are right (else only 0).
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.dashboard import DashboardStandIn
from support.operator import Operator
from support.places import REPOSITORY
from support.runs import assert_decent, snapshot

from ifcbscan.demo.sample_bins import write_bin

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]

#: These are run by CI word for word, in a fresh clone.
RUN_ELSEWHERE = ("<!-- demo-command -->", "<!-- test-command -->")


@dataclass(frozen=True)
class Block:
    """A fenced block: the line it begins at, what it holds, and the marks before it."""

    line: int
    text: str
    not_run: str | None
    exits: frozenset[int]


def blocks_of(page: Path) -> list[Block]:
    """The `sh` blocks of a page."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in re.finditer(r"((?:^<!--[^\n]*-->\n)*)^```sh\n(.*?)^```", text, re.M | re.S):
        marks, content = match.groups()
        why = re.search(r"<!-- not run: (.+?) -->", marks)
        exits = re.search(r"<!-- exit: ([0-9 ]+) -->", marks)
        not_run = why.group(1) if why else None
        if any(mark in marks for mark in RUN_ELSEWHERE):
            not_run = "CI runs it"
        codes = frozenset(map(int, exits.group(1).split())) if exits else frozenset({0})
        found.append(Block(text.count("\n", 0, match.start(2)), content, not_run, codes))
    return found


def runnable(page: Path) -> list[Block]:
    return [block for block in blocks_of(page) if block.not_run is None]


@pytest.fixture
def data(operator: Operator) -> Path:
    """The folder that the pages call /data/ifcb, and a second one beside it."""
    folder = operator.folder / "ifcb"
    ago = time.time() - 3600
    write_bin(folder / "2026" / "D20260601", "D20260601T120031_IFCB199", mtime=ago)
    write_bin(folder / "2026" / "D20260601", "D20260601T111548_IFCB199", images=0, mtime=ago)
    write_bin(operator.folder / "ifcb-dock", "D20260602T120031_IFCB199", mtime=ago)
    return folder


@pytest.fixture
def home(operator: Operator, env_file: Path, dashboard: DashboardStandIn) -> Path:
    """A home folder as the pages take it for granted: source, program, the old client's .env, one that works."""
    program = operator.home / "ifcbscan-env" / "bin" / "ifcbscan"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec "{operator.python}" -m ifcbscan "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    for folder in ("ifcbscan", "ifcb-sync"):
        (operator.home / folder).mkdir()
    words = f"[{str(operator.python)!r}, '-m', 'ifcbscan', *sys.argv[1:]]"
    single_file = operator.home / "ifcbscan" / "ifcbscan.pyz"
    single_file.write_text(
        f"#!/usr/bin/env python3\nimport os, sys\nos.execv({str(operator.python)!r}, {words})\n"
    )
    shutil.copy(str(REPOSITORY / ".env.example"), str(operator.home / "ifcbscan" / ".env.example"))
    shutil.copy(str(env_file), str(operator.home / "ifcb-sync" / ".env"))
    shutil.copy(str(env_file), str(operator.home / ".env"))
    return operator.home


@pytest.mark.parametrize("s3", ["moto"], indirect=True)
@pytest.mark.parametrize("page", [page for page in PAGES if runnable(page)], ids=lambda page: page.name)
def test_the_commands_of_a_page_work(page: Path, operator: Operator, home: Path, data: Path, s3: Any) -> None:
    before = snapshot(data)
    environment = {name: value for name, value in operator.environment.items() if not name.startswith("XDG_")}
    environment["PATH"] = f"{home / 'ifcbscan-env' / 'bin'}:{environment['PATH']}"
    for block in runnable(page):
        script = block.text.replace("/data/ifcb", str(data))
        script = script.replace("/var/lib/prometheus/node-exporter", str(home))
        done = subprocess.run(
            ["/bin/sh", "-e", "-c", script],
            cwd=str(home),
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
            check=False,
        )
        printed = (done.stdout + done.stderr).decode("utf-8", "replace")
        assert_decent(printed)
        assert done.returncode in block.exits, (
            f"{page.name}:{block.line}: {done.returncode}\n{block.text}{printed}"
        )
    assert snapshot(data) == before
    assert all(key.startswith("hablab/") for key in s3.objects())


#: The steps of the pages that make `ifcbscan` a command of every new terminal.
PATH_STEPS = [(page, block) for page in PAGES for block in runnable(page) if ".bashrc" in block.text]

#: What a home folder may hold before, file -> text. No file ends with a newline.
HOMES = {
    "nothing": {},
    "Debian": {
        ".bashrc": "case $- in\n    *i*) ;;\n    *) return ;;\nesac",
        ".profile": 'if [ -n "$BASH_VERSION" ]; then\n    . "$HOME/.bashrc"\nfi',
    },
    "Red Hat": {".bashrc": "umask 022", ".bash_profile": ". ~/.bashrc"},
}

#: How a new terminal starts, by who opens it. (macOS opens a login zsh in each window.)
TERMINALS = {
    "window": "bash -i",
    "login": "bash -l -i",
    "login script": "bash -l",
    "zsh window": "zsh -i",
    "zsh login": "zsh -l -i",
}


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize("before", HOMES)
@pytest.mark.parametrize("page, block", PATH_STEPS, ids=lambda value: getattr(value, "name", None))
def test_every_new_terminal_knows_the_command_after_the_step_of_the_page(
    page: Path, block: Block, before: str, tmp_path: Path
) -> None:
    for program in ("ifcbscan-env/bin/ifcbscan", "ifcbscan/ifcbscan.pyz"):
        (tmp_path / program).parent.mkdir(parents=True)
        (tmp_path / program).write_text("#!/bin/sh\necho found\n", encoding="utf-8")
        (tmp_path / program).chmod(0o755)
    for name, text in HOMES[before].items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "TERM": "dumb"}
    step = subprocess.run(
        ["/bin/sh", "-e", "-c", block.text], env=environment, capture_output=True, timeout=30
    )
    assert (step.returncode, step.stdout, step.stderr) == (0, b"", b"")
    for terminal, shell in TERMINALS.items():
        program, *options = shell.split()
        if program == "zsh" and (".zshrc" not in block.text or shutil.which("zsh") is None):
            continue
        done = subprocess.run(
            [program, *options, "-c", "ifcbscan"],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=30,
        )
        assert done.stdout == b"found\n", (page.name, terminal, done.stderr)


def test_the_instrument_and_the_server_have_such_a_step() -> None:
    assert {page.stem for page, _ in PATH_STEPS} >= {"getting-started-instrument", "getting-started-server"}


def test_every_block_that_is_left_out_says_why_and_most_are_run() -> None:
    blocks = [block for page in PAGES for block in blocks_of(page)]
    assert all(block.not_run != "" for block in blocks)
    assert sum(block.not_run is None for block in blocks) > len(blocks) / 2
