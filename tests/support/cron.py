"""The real cron of this machine for tests: its daemon, an account to throw away, a table to be restored.

Each is a context manager that leaves the machine as it was, and raises CronUnavailable (a test skips with
it) where this machine cannot do it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
import uuid
from typing import Iterator, Sequence


class CronUnavailable(Exception):
    """The text says why."""


def _require(*programs: str) -> None:
    if not hasattr(os, "getuid") or os.getuid() != 0:
        raise CronUnavailable("needs root")
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    missing = [program for program in programs if shutil.which(program, path=path) is None]
    if missing:
        raise CronUnavailable("not installed: " + ", ".join(missing))


def _run(*command: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    env = dict(os.environ, PATH=os.environ.get("PATH", "") + ":/usr/sbin:/sbin", LC_ALL="C")
    return subprocess.run(command, input=stdin, capture_output=True, env=env, timeout=60, check=False)


def read_table(crontab: Sequence[str]) -> bytes | None:
    """The table that `crontab` (perhaps with `-u account`) shows, or None if there is none."""
    done = _run(*crontab, "-l")
    if done.returncode:
        assert b"no crontab" in done.stderr, done.stderr
        return None
    return done.stdout


def write_table(crontab: Sequence[str], table: bytes | None) -> None:
    """Replace the table; None removes it."""
    if table is not None:
        done = _run(*crontab, "-", stdin=table)
        assert done.returncode == 0, done.stderr
    elif read_table(crontab) is not None:
        done = _run(*crontab, "-r")
        assert done.returncode == 0, done.stderr


@contextlib.contextmanager
def throw_away_account() -> Iterator[str]:
    """The name of a new account without a home folder; it and its crontab are removed at the end."""
    _require("useradd", "userdel", "crontab")
    name = "ifcbscan" + uuid.uuid4().hex[:8]
    done = _run("useradd", "--system", "--no-create-home", "--shell", "/bin/sh", name)
    if done.returncode:
        raise CronUnavailable("useradd: " + done.stderr.decode("utf-8", "replace").strip())
    try:
        yield name
    finally:
        _run("crontab", "-u", name, "-r")
        _run("userdel", name)


@contextlib.contextmanager
def saved_table() -> Iterator[Sequence[str]]:
    """The crontab command of the account that runs the tests; its table is put back at the end."""
    _require("crontab")
    table = read_table(["crontab"])
    try:
        yield ["crontab"]
    finally:
        write_table(["crontab"], table)


@contextlib.contextmanager
def daemon() -> Iterator[None]:
    """A cron daemon that runs. One that runs already is used, and left alone."""
    _require("cron")
    # -L 15: starts, ends and failures go to the system's log
    process = subprocess.Popen(
        ["/usr/sbin/cron", "-f", "-L", "15"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd="/",
    )
    time.sleep(1.0)  # it ends at once if another one holds its lock
    if process.poll() is not None:
        said = process.communicate()[0].decode("utf-8", "replace").strip()
        if "can't lock" not in said:
            raise CronUnavailable(f"cron ended with {process.returncode}: {said}")
        yield
        return
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)
        assert process.stdout is not None
        process.stdout.close()
