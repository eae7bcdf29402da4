"""One run at a time over one (directory, time series, mode): a lock that dies with its process.

Beside each lock file lies a small file that names the process that holds the lock. (Beside and not
inside, because filelock empties the lock file whenever anybody tries it.) It outlives its process, and a
full disk keeps it from being written, so it is for people only. For `stop` there is a second lock: the
process takes it once its name is written and gives it back before the first, so that while it is held
the name is that of a living holder.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import os
import socket
import stat
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import Any, Iterator

from ifcbscan.errors import AlreadyRunning, IfcbscanError
from ifcbscan.wholefile import open_plain, read_small

#: Seconds that the second lock is waited for: whoever looks at it holds it for a moment.
_PATIENCE = 2.0


@dataclass(frozen=True)
class Holder:
    """The process that holds a lock, as it has written itself down."""

    pid: int
    host: str
    started: str
    directory: str
    time_series: str
    mode: str


def state_folder() -> str:
    """Where locks and logs go: the user's state folder, made if need be; else the temporary folder."""
    temporary = _temporary_folder()
    for base in (_user_folder(), temporary):
        try:
            os.makedirs(base, mode=0o700, exist_ok=True)
        except OSError:
            continue
        if os.access(base, os.W_OK) and (base != temporary or _is_ours(base)):
            return base
    raise IfcbscanError(
        "There is no folder to keep the lock in: neither the home folder nor the temporary folder can be "
        "written to. Nothing was sent. Is the disk full or read-only?"
    )


def _user_folder() -> str:
    # Not platformdirs, which follows XDG_STATE_HOME: cron does not set it, and a scan that cron started
    # must find the same lock, and `status` the same record, as a person in a terminal.
    home = os.path.expanduser("~")
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local")
        return os.path.join(local, "ifcbscan")
    if sys.platform == "darwin":
        return os.path.join(home, "Library", "Application Support", "ifcbscan")
    return os.path.join(home, ".local", "state", "ifcbscan")


def _is_ours(folder: str) -> bool:
    # In the shared temporary folder somebody else may have made it, or a link to somewhere, before us.
    if not hasattr(os, "getuid"):
        return True
    status = os.lstat(folder)
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()


def _temporary_folder() -> str:
    user = str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    return os.path.join(tempfile.gettempdir(), "ifcbscan-" + user)


def job_file(directory: str, time_series: str, ending: str) -> str:
    """Where a job keeps a file of its own; the same directory by another name is the same job."""
    real = os.path.normcase(os.path.realpath(directory))
    digest = hashlib.sha256(real.encode("utf-8", "surrogateescape")).hexdigest()[:12]
    return os.path.join(state_folder(), f"{time_series}-{digest}{ending}")


def lock_path(directory: str, time_series: str, mode: str) -> str:
    """The lock file of one job and mode."""
    return job_file(directory, time_series, f"-{mode}.lock")


@contextlib.contextmanager
def hold(directory: str, time_series: str, mode: str) -> Iterator[None]:
    """Hold the lock of one job and mode. Raises AlreadyRunning at once if another process holds it."""
    import filelock

    path = lock_path(directory, time_series, mode)
    lock = filelock.FileLock(path, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise AlreadyRunning(_who(read_holder(path))) from None
    except OSError as error:
        raise IfcbscanError(
            f"The lock file {path} cannot be used: {error.strerror}. Nothing was sent."
        ) from None
    started = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    holder = Holder(os.getpid(), socket.gethostname(), started, directory, time_series, mode)
    try:
        with _named(path, holder):
            yield
    finally:
        lock.release()


@contextlib.contextmanager
def _named(path: str, holder: Holder) -> Iterator[None]:
    """Write the name of the holder down, and hold the second lock. Where that fails, data are sent all the same."""
    import filelock

    second = filelock.FileLock(_second(path))
    with contextlib.suppress(OSError, filelock.Timeout):
        with open(path + ".holder", "w", encoding="utf-8", opener=open_plain) as file:
            json.dump(holder.__dict__, file)
        second.acquire(timeout=_PATIENCE)
    try:
        yield
    finally:
        second.release()


def _second(path: str) -> str:
    return path + ".named"


def is_held(path: str) -> bool:
    """Whether a living process holds the lock."""
    import filelock

    if not os.path.exists(path):
        return False
    lock = filelock.FileLock(path, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        return True
    except OSError:
        return False  # a lock that this user cannot open is not that of a scan of this user
    lock.release()
    return False


def claims_path(time_series: str) -> str:
    """The file on which all runs of this user that feed one time series claim bins (claims.py)."""
    return os.path.join(state_folder(), f"{time_series}.claims")


def in_progress(directory: str, time_series: str, mode: str) -> bool:
    """Whether a run of that job and mode is under way; asking never gets in the way of one that begins."""
    return is_held(_second(lock_path(directory, time_series, mode)))


def living_holder(path: str) -> Holder | None:
    """The process that holds the lock `path` now, or None if nobody does (or it is not written down).

    The name is believed only if the second lock is held before and after it was read, and it stays the same.
    """
    if not is_held(_second(path)):
        return None
    holder = read_holder(path)
    time.sleep(0.1)  # another one that only looks at the lock has let go of it by then
    return holder if is_held(_second(path)) and read_holder(path) == holder else None


def read_holder(path: str) -> Holder | None:
    """Who last took the lock `path`, or None if that is not written down."""
    try:
        fields: dict[str, Any] = json.loads(read_small(path + ".holder").decode("utf-8"))
        return Holder(**fields)
    except (OSError, ValueError, TypeError, RecursionError):
        return None


def _who(holder: Holder | None) -> str:
    if holder is None:
        return "Another scan of this directory and time series is running; nothing was done."
    return (
        f"Another scan of {holder.directory} for {holder.time_series} is running: process {holder.pid} on "
        f"{holder.host}, since {holder.started}. Nothing was done here; that scan goes on."
    )
