"""An operator at the keyboard, and the crontab of their computer.

The operator's Python is an environment of its own that has ifcbscan in it, so that it runs it from any
folder and without PYTHONPATH, as an installed one does. The `crontab` program is a stand-in that keeps a
file and answers with the words of Debian's; cron itself is played by `run_as_cron`, which hands lines to
sh as crontab(5) says.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import shlex
import subprocess
import time
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator

from ifcbscan.cli.log import note_installed
from ifcbscan.schedule.crontab_text import with_job
from ifcbscan.schedule.jobs import ScheduledJob
from support.runs import assert_decent, end

_CRONTAB = """\
#!/bin/sh
table={table}
echo "$@" >>"$table.calls"
if [ -e "$table.forbidden" ]; then
    echo "You (ifcb) are not allowed to use this program (crontab)" >&2
    exit 1
fi
case "$*" in
    -l) [ -e "$table" ] || {{ echo "no crontab for ifcb" >&2; exit 1; }}
        cat "$table" ;;
    -r) rm "$table" ;;
    -)  cat >"$table.new"
        if [ -s "$table.new" ] && [ -n "$(tail -c 1 "$table.new")" ]; then
            echo "new crontab file is missing newline before EOF, can't install." >&2
            exit 1
        fi
        mv "$table.new" "$table" ;;
    *)  echo "usage" >&2; exit 1 ;;
esac
"""


def make_python(folder: Path, package: str, libraries: list[str]) -> Path:
    """A Python of its own that finds `package` (the folder that holds ifcbscan) and `libraries`."""
    venv.EnvBuilder(symlinks=True, with_pip=False).create(str(folder))
    (site,) = folder.glob("lib/python3*/site-packages")
    (site / "for_the_tests.pth").write_text("\n".join([package, *libraries]) + "\n", encoding="utf-8")
    return folder / "bin" / "python"


class Crontab:
    """The stand-in for `crontab`: `program` is to be on the PATH, `table` is what it keeps (if any)."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.table = folder / "table"
        self.program = folder / "crontab"
        self.program.write_text(_CRONTAB.format(table=shlex.quote(str(self.table))), encoding="utf-8")
        self.program.chmod(0o755)

    @property
    def text(self) -> bytes | None:
        """The table, None if there is none."""
        return self.table.read_bytes() if self.table.exists() else None

    @property
    def changes(self) -> int:
        """How often it was written or removed."""
        calls = self.folder / "table.calls"
        lines = calls.read_text(encoding="utf-8").splitlines() if calls.exists() else []
        return sum(line != "-l" for line in lines)

    def forbid(self) -> None:
        """From now on this user may not use cron."""
        (self.folder / "table.forbidden").touch()

    def commands(self, schedule: str = "") -> list[str]:
        """The commands of the entries whose five fields match the regular expression `schedule`."""
        return commands_in(self.text or b"", schedule)


_TAKE_TERMINAL = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Runs a command so that ^C, typed at the terminal that is its standard input, becomes a SIGINT."""

EVERY_MINUTE = r"\* \* \* \* \*"
HOURLY = r"[0-9]+ \* \* \* \*"


def commands_in(table: bytes, schedule: str = "") -> list[str]:
    """The commands of a crontab's entries, as cron hands them to the shell."""
    found = []
    for line in os.fsdecode(table).splitlines():
        entry = re.fullmatch(r"((?:\S+ ){4}\S+) (.*)", line)
        if entry and not line.startswith("#") and (not schedule or re.fullmatch(schedule, entry.group(1))):
            command, *stdin = re.split(r"(?<!\\)%", entry.group(2), maxsplit=1)
            assert not stdin, f"cron would cut this line at its %: {line}"
            found.append(command.replace("\\%", "%"))
    return found


def start_as_cron(command: str, home: Path) -> subprocess.Popen[bytes]:
    """A command of a crontab in the environment that cron gives it."""
    return subprocess.Popen(
        ["/bin/sh", "-c", command],
        cwd=str(home),
        env={"HOME": str(home), "LOGNAME": "ifcb", "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def run_as_cron(command: str, home: Path, timeout: float = 60.0) -> int:
    """The exit code of a command of a crontab. It must print nothing, else cron would mail it."""
    code, stdout, stderr = end(start_as_cron(command, home), timeout)
    assert stdout + stderr == "", "cron would mail this"
    return code


@dataclass(frozen=True)
class Done:
    """How a command ended. At a terminal all it printed is in `stderr`."""

    code: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Operator:
    """Somebody with a shell in `folder`, whose home is `home`."""

    python: Path
    environment: dict[str, str]
    folder: Path
    home: Path
    crontab: Crontab

    def run(
        self,
        *arguments: Any,
        code: int | None = 0,
        folder: Path | None = None,
        timeout: float = 120.0,
        **more: str,
    ) -> Done:
        """Run ifcbscan to its end, without a terminal; it must end with `code`. `more`: environment variables."""
        process = self.start(*arguments, folder=folder, **more)
        done = Done(*end(process, timeout))
        assert code in (None, done.code), f"{done.code}, not {code}: {done.stdout}{done.stderr}"
        return done

    def schedule(self, folder: Path, time_series: str = "nauset") -> ScheduledJob:
        """What `start` would install, without the checks and the time that they take."""
        log = self.home / ".local" / "state" / "ifcbscan" / f"{time_series}.log"
        env_file = str(self.folder / ".env")
        job = ScheduledJob(str(self.python), env_file, str(folder), time_series, str(log))
        self.crontab.table.write_bytes(with_job(self.crontab.text, job))
        assert note_installed(str(log)) is None
        return job

    def start(self, *arguments: Any, folder: Path | None = None, **more: str) -> subprocess.Popen[bytes]:
        """Run ifcbscan in the background, without a terminal."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=str(folder or self.folder),
            env=dict(self.environment, **more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def command(self, *arguments: Any) -> list[str]:
        """The argument vector."""
        return [str(self.python), "-m", "ifcbscan"] + [str(argument) for argument in arguments]

    @contextlib.contextmanager
    def at_terminal(self, *arguments: Any, **more: str) -> Iterator[Terminal]:
        """Run ifcbscan on a terminal of its own; whatever still runs at the end is killed. `more`: environment variables."""
        import pty

        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [str(self.python), "-c", _TAKE_TERMINAL, *self.command(*arguments)],
            cwd=str(self.folder),
            env=dict(self.environment, TERM="dumb", COLUMNS="200", **more),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        terminal = Terminal(process, ours)
        try:
            yield terminal
        finally:
            process.kill()
            process.wait()
            os.close(ours)


class Terminal:
    """The keyboard and the screen of one command."""

    def __init__(self, process: subprocess.Popen[bytes], descriptor: int) -> None:
        self.process = process
        self._descriptor = descriptor
        self._screen = b""

    @property
    def screen(self) -> str:
        """All that was printed so far."""
        return self._screen.decode("utf-8", "replace").replace("\r\n", "\n")

    def type(self, text: str) -> None:
        """Press these keys; what is no UTF-8 is given as surrogates."""
        os.write(self._descriptor, text.encode("utf-8", "surrogateescape"))

    def wait_for(self, text: str, timeout: float = 60.0) -> None:
        """Return once `text` is on the screen."""
        until = time.monotonic() + timeout
        while text not in self.screen:
            assert self._read(until), f"no {text!r} on the screen: {self.screen}"

    def interrupt(self) -> Done:
        """Press Ctrl-C, and once more if nothing comes of it for long.

        Python does not see a signal that comes in the very moment in which it begins to wait for a line, before the next key.
        """
        self.type("\x03")
        try:
            return self.end(20.0)
        except subprocess.TimeoutExpired:
            self.type("\x03")
            return self.end()

    def end(self, timeout: float = 60.0) -> Done:
        """Wait for the command's end."""
        until = time.monotonic() + timeout
        while self._read(until):
            pass
        code = self.process.wait(max(1.0, until - time.monotonic()))
        assert_decent(self.screen)
        return Done(code, "", self.screen)

    def _read(self, until: float) -> bool:
        """Read a little; False at the end of the command or of the time."""
        ready, _, _ = select.select([self._descriptor], [], [], max(0.0, until - time.monotonic()))
        try:
            block = os.read(self._descriptor, 65536) if ready else b""
        except OSError:  # Linux says EIO when the other side is closed
            block = b""
        self._screen += block
        return bool(block)
