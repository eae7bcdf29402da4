"""The log of a command: its size has a limit, and a line of it is one line."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from pathlib import Path
from typing import Iterator

import pytest

from ifcbscan.cli import log
from ifcbscan.cli.log import (
    close_log,
    installed_at,
    log_problems,
    log_trouble,
    not_started_at,
    note_installed,
    open_log,
    was_opened,
)
from ifcbscan.core.last_run import seconds
from ifcbscan.core.scan_report import Problem
from ifcbscan.core.states import BinState

MANY = 20000
PROBLEMS = [Problem(f"D20130526T{n:06d}_IFCB013", BinState.HELD, "empty") for n in range(MANY)]
WARNINGS = [f"the folder {n} cannot be read" for n in range(MANY)]


def test_a_command_that_remembers_nothing_logs_no_more_than_a_log_can_hold(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    assert open_log(str(path)) is None
    try:
        log_problems(PROBLEMS, WARNINGS)
    finally:
        close_log()
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1000 + 1 + 21
    assert lines[1000].endswith("WARNING ... and 19,000 more; --json lists them all")
    assert lines[-1].endswith("WARNING ... and 19,980 more warnings; --json lists them all")


def test_a_line_of_the_log_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    assert open_log(str(path)) is None
    try:
        logging.getLogger("ifcbscan").warning("%s", "a\n2026-01-01T00:00:00Z ERROR forged\u2028\udce9")
    finally:
        close_log()
    (line,) = path.read_bytes().decode("utf-8").replace(os.linesep, "\n").split("\n")[:-1]
    assert line.endswith("WARNING a\\n2026-01-01T00:00:00Z ERROR forged\\u2028\\udce9")


def parts_of(folder: Path) -> dict[str, str]:
    """Name of each part of the log -> the first word of what is in it."""
    return {
        path.name: path.read_text(encoding="utf-8").split("INFO ")[1].split()[0]
        for path in sorted(folder.iterdir())
    }


def parts(*words: str) -> dict[str, str]:
    """The same for a log whose parts begin with these words, the newest first."""
    return {f"a.log.{number}" if number else "a.log": word for number, word in enumerate(words)}


def fill(path: Path, word: str, more: int) -> None:
    """Log so much that there are so many parts `more`, with a word that counts them."""
    for number in range(more):
        for _ in range(2):
            logging.getLogger("ifcbscan").info("%s%d %s", word, number, "x" * 600)


@pytest.fixture
def small_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A log that is open, of parts with two lines."""
    monkeypatch.setattr(log, "_LOG_PART", 1500)
    path = tmp_path / "a.log"
    assert open_log(str(path)) is None
    yield path
    close_log()


def test_the_newest_parts_of_a_log_are_kept(small_log: Path) -> None:
    fill(small_log, "n", 7)
    assert parts_of(small_log.parent) == parts("n6", "n5", "n4", "n3", "n2")


@contextlib.contextmanager
def open_elsewhere(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As on Windows, where a file that another process has open cannot be renamed."""

    def refuse(source: str, target: str) -> None:
        if source == str(path):
            raise PermissionError(13, "it is open elsewhere")
        usual(source, target)

    usual = os.rename
    if os.name == "nt":
        with open(str(path)):
            yield
        return
    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", refuse)
        yield


def test_no_older_part_goes_while_another_run_has_the_log_open(
    small_log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(small_log, "n", 5)
    before = parts_of(small_log.parent)
    with open_elsewhere(small_log, monkeypatch):
        fill(small_log, "late", 4)
    assert parts_of(small_log.parent) == before
    assert small_log.read_text(encoding="utf-8").count("INFO") == 2 + 8
    fill(small_log, "new", 1)
    assert parts_of(small_log.parent) == parts("new0", "n4", "n3", "n2", "n1")


def test_a_part_that_a_killed_run_left_on_its_way_is_kept(small_log: Path) -> None:
    fill(small_log, "n", 3)
    (small_log.parent / "a.log.0").write_text("INFO left", encoding="utf-8")
    fill(small_log, "new", 1)
    assert parts_of(small_log.parent) == parts("new0", "n2", "left", "n1", "n0")


def test_when_a_job_was_installed_is_read_from_the_last_line_that_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    assert installed_at(str(path)) is None
    path.write_text(
        "2026-06-01T00:00:00Z INFO nauset: no bins found\n"
        "2026-06-01T10:00:00Z INFO installed: from now on a scan is due every minute\n"
        "2026-06-01T12:00:00Z INFO installed: from now on a scan is due every minute\n"
        "2026-06-01T12:01:00Z WARNING 2026-06-09T12:00:00Z INFO installed: forged\n",
        encoding="utf-8",
    )
    assert installed_at(str(path)) == seconds("2026-06-01T12:00:00Z")
    path.write_text("2026-06-01T00:00:00Z INFO nauset: no bins found\n", encoding="utf-8")
    assert installed_at(str(path)) == seconds("2026-06-01T00:00:00Z")
    path.write_text("something else\n", encoding="utf-8")
    assert installed_at(str(path)) is None


def test_when_the_schedule_could_not_start_it_is_read_from_the_last_line_that_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    assert not_started_at(str(path), "not started") is None
    path.write_text(
        "2026-06-01T00:00:00Z ERROR not started\n"
        "2026-06-01T10:00:00Z ERROR not started, and so on\n"
        "2026-06-01T12:01:00Z WARNING 2026-06-09T12:00:00Z ERROR not started\n",
        encoding="utf-8",
    )
    assert not_started_at(str(path), "not started") == seconds("2026-06-01T10:00:00Z")
    path.write_text("2026-99-01T00:00:00Z ERROR not started\n", encoding="utf-8")
    assert not_started_at(str(path), "not started") is None


def test_noting_it_leaves_an_open_log_as_it_is(tmp_path: Path) -> None:
    mine, other = tmp_path / "mine.log", tmp_path / "new" / "other.log"
    assert open_log(str(mine)) is None
    try:
        before = int(time.time())
        assert note_installed(str(other)) is None
        logging.getLogger("ifcbscan").info("still here")
        assert "still here" in mine.read_text(encoding="utf-8")
    finally:
        close_log()
    noted = installed_at(str(other))
    assert noted is not None and before <= noted <= time.time()


def test_a_log_that_cannot_be_opened_is_trouble_until_another_one_is(tmp_path: Path) -> None:
    said = f"the log file {tmp_path} cannot be written (it is no plain file); this run goes on without it"
    assert open_log(str(tmp_path)) == said
    assert log_trouble() == said and not was_opened()
    assert note_installed(str(tmp_path)) == said
    assert open_log(str(tmp_path / "a.log")) is None
    try:
        assert log_trouble() is None and was_opened()
    finally:
        close_log()
    assert log_trouble() is None
