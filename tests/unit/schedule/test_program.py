"""Whether what a schedule's entries start can be started."""

from __future__ import annotations

import sys
from typing import Sequence

import pytest

from ifcbscan import __version__
from ifcbscan.schedule.jobs import ScheduledJob, ScheduleError
from ifcbscan.schedule.process import Finished
from ifcbscan.schedule.program import version_of


def make_job(python: str, single_file: str | None = None) -> ScheduledJob:
    return ScheduledJob(python, "/e", "/d", "nauset", "/l", single_file)


class Tool:
    """Answers with one end, and keeps what it was called with."""

    def __init__(self, code: int, stdout: bytes, stderr: bytes = b"") -> None:
        self.end = Finished(code, stdout, stderr)
        self.commands: list[Sequence[str]] = []

    def __call__(self, command: Sequence[str], stdin: bytes) -> Finished:
        self.commands.append(command)
        return self.end


def test_the_single_file_is_asked_itself() -> None:
    tool = Tool(0, b"ifcbscan 0.1.0\r\n")
    assert version_of(make_job("/opt/python", "/opt/ifcbscan.pyz"), tool) == "0.1.0"
    assert tool.commands == [["/opt/python", "-E", "/opt/ifcbscan.pyz", "--version"]]


@pytest.mark.parametrize(
    "end, said",
    [
        (
            Tool(1, b"", b"Traceback\nModuleNotFoundError: No module named 'x'\n"),
            "ModuleNotFoundError: No module named 'x'.",
        ),
        (Tool(-11, b""), "exit code -11."),
        (Tool(0, b"something else\n"), "exit code 0."),
        (Tool(1, b"ifcbscan 0.1.0\n", b"broken\n"), "broken."),
    ],
)
def test_anything_but_a_version_is_a_reason(end: Tool, said: str) -> None:
    with pytest.raises(ScheduleError) as error:
        version_of(make_job("/opt/python"), end)
    assert str(error.value) == f"/opt/python does not start ifcbscan: {said}"


def test_a_python_that_is_not_there_is_told() -> None:
    with pytest.raises(ScheduleError, match="/none/python cannot be started: "):
        version_of(make_job("/none/python"))


def test_a_package_in_the_current_folder_does_not_pass_for_an_installed_one(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under cron it would not be found."""
    folder = tmp_path_factory.mktemp("here")
    (folder / "botocore").mkdir()
    (folder / "botocore" / "__init__.py").write_text("raise SystemExit('of this folder')\n", encoding="utf-8")
    (folder / "ifcbscan").mkdir()
    (folder / "ifcbscan" / "__main__.py").write_text("print('ifcbscan 99')\n", encoding="utf-8")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    try:
        assert version_of(make_job(sys.executable)) == __version__
    except ScheduleError as error:  # where the tests run from the source, nothing is installed
        assert "of this folder" not in str(error)
