"""From an exception to the end of a command: a table of exit codes, and who is told what."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ifcbscan.cli.endings import ending_of
from ifcbscan.errors import (
    AlreadyRunning,
    BucketRefused,
    BucketUnreachable,
    ConfigError,
    IfcbscanError,
    Interrupted,
    OutputLost,
    UsageError,
)

CODES = [
    (OutputLost("x"), 1),
    (IfcbscanError("x"), 1),
    (ValueError("x"), 1),
    (FileNotFoundError(2, "x"), 1),
    (UsageError("x"), 2),
    (ConfigError("x"), 2),
    (BucketRefused("x"), 2),
    (AlreadyRunning("x"), 4),
    (BucketUnreachable("x"), 5),
    (Interrupted(130), 130),
    (KeyboardInterrupt(), 130),
    (Interrupted(143), 143),
]


@pytest.mark.parametrize(("error", "code"), CODES, ids=lambda value: type(value).__name__)
def test_every_error_has_the_exit_code_of_the_table(error: BaseException, code: int) -> None:
    assert ending_of(error, sends=True).exit_code == code == ending_of(error, sends=False).exit_code


@pytest.mark.parametrize(
    ("sends", "rest"), [(True, "sent by the next run."), (False, "nothing was changed.")]
)
def test_an_interruption_says_what_becomes_of_the_rest_and_is_not_in_the_log(sends: bool, rest: str) -> None:
    ending = ending_of(Interrupted(143), sends)
    assert ending.line.startswith("interrupted; ") and ending.line.endswith(rest)
    assert not ending.log and ending.summary == "interrupted"


@pytest.mark.parametrize("stalled", [False, True])
def test_only_a_lock_that_will_be_free_again_is_kept_quiet(stalled: bool) -> None:
    ending = ending_of(AlreadyRunning("held", stalled), sends=True)
    assert (ending.minor, ending.log, ending.line) == (not stalled, False, "held")


def test_what_is_in_the_log_already_is_not_logged_again() -> None:
    error = BucketUnreachable("x")
    assert ending_of(error, sends=True).log
    error.logged = True
    assert not ending_of(error, sends=True).log


@pytest.mark.parametrize("what", ["Nothing was sent.", "Nothing more was sent."])
def test_a_command_that_sends_nothing_does_not_say_that_nothing_was_sent(what: str) -> None:
    error = ConfigError(f"/etc/.env is not there. {what} Copy .env.example.")
    assert ending_of(error, sends=True).line == f"/etc/.env is not there. {what} Copy .env.example."
    assert ending_of(error, sends=False).line == "/etc/.env is not there. Copy .env.example."


def test_an_unexpected_error_says_what_it_is_where_and_that_no_data_is_lost() -> None:
    try:
        os.stat(os.path.join("no", "such", "file"))
    except OSError as error:
        ending = ending_of(error, sends=True)
        system_words = str(error)
    assert ending.line.startswith("unexpected error: FileNotFoundError: ")
    assert "(test_endings.py:" in ending.line and "nothing in the archive was deleted" in ending.line
    assert ending.summary == "unexpected error: " + system_words


@pytest.mark.skipif(os.name != "posix", reason="Windows deletes no folder that is somebody's current one")
def test_from_a_deleted_folder_it_is_a_matter_of_usage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    ending = ending_of(FileNotFoundError(2, "No such file or directory"), sends=True)
    assert ending.exit_code == 2 and ending.line.startswith("The current folder has been deleted")
