"""Ctrl-C while the program is still starting ends it with 130 and at most one line; never with a traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import ifcbscan

posix = pytest.mark.skipif(os.name != "posix", reason="Windows has no signal to send to one process")
pytestmark = posix

#: Loaded by Python's own start. It sends the signal as the module named is about to be loaded by ifcbscan, and writes
#: down all of those; before `ifcbscan.__main__` runs, no code of ours can catch anything.
_SITE = """
import os, signal, sys

class Watch:
    ours = False

    def find_spec(self, name, path=None, target=None):
        if os.environ.get("WATCH_LOADED") and self.ours:
            # Not open(), which loads a module by itself in Python 3.7.
            file = os.open(os.environ["WATCH_LOADED"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.write(file, (name + "\\n").encode())
            os.close(file)
        if self.ours and name == os.environ.get("WATCH_FOR"):
            os.kill(os.getpid(), getattr(signal_numbers, os.environ["WATCH_SIGNAL"]))
        if name == "ifcbscan.__main__":
            self.ours = True

class signal_numbers:
    SIGINT, SIGTERM = 2, 15

sys.meta_path.insert(0, Watch())

calls = 0

def watch_calls(frame, event, arg):
    # Sends it at the call whose number is WATCH_CALL, counted from the first that `ifcbscan.__main__.run` makes.
    global calls
    if calls or frame.f_code.co_name == "run" and frame.f_globals.get("__name__") in ("ifcbscan.__main__", "__main__"):
        calls += event in ("call", "c_call")
        if calls == int(os.environ["WATCH_CALL"]) + 1:
            sys.setprofile(None)
            os.kill(os.getpid(), signal_numbers.SIGINT)

if os.environ.get("WATCH_CALL"):
    import _signal

    _signal.signal(2, _signal.default_int_handler)  # a shell lets what it runs in the background ignore it
    sys.setprofile(watch_calls)
"""
CODES = {"SIGINT": 130, "SIGTERM": 143}


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """What pip makes of the entry point `ifcbscan.__main__:run`, of a command that asks nobody and needs no settings."""
    script = tmp_path / "ifcbscan-script"
    script.write_text(
        "import sys\nfrom ifcbscan.__main__ import run\nif __name__ == '__main__':\n    sys.exit(run())\n"
    )
    return [sys.executable, str(script), "--once", "/nowhere", "nauset"]


@pytest.fixture
def watched(cli_environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """An environment in which Python loads `_SITE` as it starts."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(_SITE)
    path = os.pathsep.join([str(site), cli_environment["PYTHONPATH"]])
    return dict(cli_environment, PYTHONPATH=path, PYTHONDONTWRITEBYTECODE="1")


def loaded_by_ifcbscan(command: list[str], environment: dict[str, str], tmp_path: Path) -> list[str]:
    """The modules that a run loads, in order, after `ifcbscan.__main__` has begun."""
    names = tmp_path / "loaded.txt"
    subprocess.run(command, env=dict(environment, WATCH_LOADED=str(names)), capture_output=True, check=False)
    found = names.read_text().split()
    assert "ifcbscan.cli.main" in found and "ifcbscan.cli.commands.once" in found and "platformdirs" in found
    return found


def interrupted_at(
    name: str, kind: str, command: list[str], environment: dict[str, str]
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        command,
        env=dict(environment, WATCH_FOR=name, WATCH_SIGNAL=kind),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )


def check(kind: str, every: int, command: list[str], environment: dict[str, str], tmp_path: Path) -> None:
    names = loaded_by_ifcbscan(command, environment, tmp_path)
    # The first ones are where nothing has been set up yet.
    for name in dict.fromkeys(names[:8] + names[8::every]):
        done = interrupted_at(name, kind, command, environment)
        said = done.stderr.decode("utf-8")
        assert "Traceback" not in said and "Exception ignored" not in said, (name, said)
        # Python itself dies of a SIGTERM, which shells show as 143, too.
        assert done.returncode in (CODES[kind], -15), (name, done.returncode, said)
        assert said in ("", "ifcbscan: interrupted; nothing was changed.\n") or said.startswith(
            "ifcbscan: interrupted; what was not sent is sent by the next run."
        ), (name, said)
        assert done.stdout == b""


@pytest.mark.parametrize("kind", list(CODES))
def test_a_signal_at_the_loading_of_some_modules_ends_the_start_without_a_traceback(
    kind: str, command: list[str], watched: dict[str, str], tmp_path: Path
) -> None:
    check(kind, 12 if kind == "SIGINT" else 30, command, watched, tmp_path)


@pytest.mark.parametrize("number", range(1, 7))
def test_a_signal_while_it_is_set_up_what_happens_at_a_signal_ends_the_start_without_a_traceback(
    number: int, command: list[str], watched: dict[str, str]
) -> None:
    done = subprocess.run(
        command,
        env=dict(watched, WATCH_CALL=str(number)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (130, b"")
    assert done.stderr == b"ifcbscan: interrupted; nothing was changed.\n"


@pytest.mark.slow
@pytest.mark.matrix
@pytest.mark.parametrize("kind", list(CODES))
def test_a_signal_at_the_loading_of_any_module_ends_the_start_without_a_traceback(
    kind: str, command: list[str], watched: dict[str, str], tmp_path: Path
) -> None:
    # Where both have the same handler, every third place says it of the second.
    check(kind, 1 if kind == "SIGINT" else 3, command, watched, tmp_path)


@pytest.mark.parametrize(
    "delays", [range(0, 300, 15), pytest.param(range(0, 300, 3), marks=pytest.mark.slow)], ids=len
)
def test_a_signal_at_any_moment_leaves_no_traceback_of_ifcbscans(
    delays: range, cli_environment: dict[str, str], tmp_path: Path
) -> None:
    """By the clock, with `python -m`; what Python's own start says before our first line cannot be helped."""
    package = os.path.join(os.path.dirname(os.path.abspath(ifcbscan.__file__)), "")
    command = [sys.executable, "-m", "ifcbscan", "--once", "/nowhere", "nauset"]
    for milliseconds in delays:
        process: subprocess.Popen[Any] = subprocess.Popen(
            command, cwd=str(tmp_path), env=cli_environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        time.sleep(milliseconds / 1000)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1].decode("utf-8")
        assert f'File "{package}' not in said, (milliseconds, said)
        codes = [2, 130, 1, -signal.SIGINT]
        if said.startswith("Fatal Python error: initsigs"):  # Python 3.7, before it is a Python at all
            codes.append(-signal.SIGABRT)
        assert process.returncode in codes, (milliseconds, said)


@pytest.mark.skipif(sys.version_info < (3, 8), reason="Python 3.7 prints what it cannot raise")
def test_a_signal_where_no_exception_can_be_raised_is_noted_and_not_printed(
    cli_environment: dict[str, str],
) -> None:
    program = (
        "import os, signal, weakref\n"
        "from ifcbscan.cli.signals import Interruption\n"
        "class Thing: pass\n"
        "interruption, thing = Interruption(), Thing()\n"
        "interruption.install()\n"
        "def told(_):\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    for _ in range(1000): pass\n"
        "watching = weakref.ref(thing, told)\n"
        "del thing\n"
        "print(interruption.requested.is_set(), interruption.exit_code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=cli_environment, capture_output=True, check=False
    )
    assert (done.stdout.decode(), done.stderr) == ("True 130" + os.linesep, b"")
