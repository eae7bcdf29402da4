"""One run at a time for each directory, time series and mode: a lock that ends with its process.

Beside each lock file lies a small file that names the process that holds the lock (`.holder`). It outlives its process,
and is missing on a full disk, so it is only for telling people. For `stop` there is a second lock (`.named`): the process
takes it after it has written its name, and releases it before the first. While the second is held, the name is that of a
living process.

The modification time of the small file is the holder's sign of life: it is set whenever the run has made progress. Others
say how old it is, and choose their exit code by it. Whether anything is sent never depends on it.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import socket
import time
from typing import Any, Callable, Iterator

from ifcbscan.atomic import open_plain, read_small
from ifcbscan.core.companions import Companion, Holder, already_running
from ifcbscan.core.series import file_name
from ifcbscan.errors import IfcbscanError
from ifcbscan.state import locks
from ifcbscan.state.files import make_file
from ifcbscan.state.paths import job_file, state_folder

#: Seconds that the second lock is waited for: whoever looks at it holds it for a moment.
_PATIENCE = 2.0

#: At most one sign of life in so many seconds.
_SIGN_EVERY = 30.0

#: A sign of life that is older (seconds), or of the future, says that a clock was wrong, and nothing else.
_TEN_YEARS = 10 * 365 * 86400.0


class Held:
    """A run's own lock: what is to be said of it, and how the run shows that it makes progress."""

    def __init__(
        self,
        warnings: tuple[str, ...] = (),
        alone: bool = True,
        sign: Callable[[], None] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`sign` leaves a sign of life."""
        self.warnings = warnings
        #: No other run of this job and mode can be under way.
        self.alone = alone
        self._sign = sign
        self._monotonic = monotonic
        self._next = monotonic() + _SIGN_EVERY

    def getting_on(self) -> None:
        """Bytes were moved or a bin is done: leaves a sign of life, at most every 30 seconds. From any thread."""
        now = self._monotonic()
        if now >= self._next:
            self._next = now + _SIGN_EVERY
            self._sign()


def lock_path(directory: str, time_series: str, mode: str) -> str:
    """The lock file of one job and mode."""
    return job_file(directory, time_series, f"-{mode}.lock")


@contextlib.contextmanager
def hold(directory: str, time_series: str, mode: str) -> Iterator[Held]:
    """Hold the lock of one job and mode. Raises AlreadyRunning at once if another process holds it.

    Where no lock can be had for another reason, the run goes on without one; `warnings` say so.
    """
    with contextlib.ExitStack() as stack:
        yield _take(stack, directory, time_series, mode)


def _take(stack: contextlib.ExitStack, directory: str, time_series: str, mode: str) -> Held:
    path = None
    try:
        path = lock_path(directory, time_series, mode)
        lock = locks.FileLock(path)
        lock.acquire()
    except locks.HeldByAnother:
        assert path is not None
        raise already_running(_companion(path)) from None
    except (OSError, IfcbscanError) as error:
        return Held((_no_lock(path, error),), alone=False)
    stack.callback(lock.release)
    sign = stack.enter_context(_named(path, directory, time_series, mode))
    if not lock.replaced:
        return Held(sign=sign)
    replaced = (
        f"the lock file {path} belonged to another user and could not be opened, so it was replaced. Has somebody run "
        "ifcbscan as root? Nothing needs to be done"
    )
    return Held((replaced,), alone=False, sign=sign)


def _no_lock(path: str | None, error: Exception) -> str:
    if isinstance(error, OSError) and path is not None:
        reason = f"{error.strerror or error} ({path}). Is the disk full or read-only, or does the file belong to another user?"
    else:
        reason = str(error)
    return (
        f"the lock of this job cannot be used: {reason} The scan goes on without it: if another scan of this folder runs "
        "at the same time, a file may be sent twice, and nothing is lost"
    )


@contextlib.contextmanager
def _named(path: str, directory: str, time_series: str, mode: str) -> Iterator[Callable[[], None]]:
    """Write the name of the holder down, and hold the second lock. Where that fails, data are sent all the same.

    Yields what leaves a sign of life.
    """
    started = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    offset = time.time() - time.monotonic()
    holder = Holder(os.getpid(), socket.gethostname(), started, directory, time_series, mode, offset)

    def sign() -> None:
        moment = offset + time.monotonic()
        with contextlib.suppress(OSError):
            os.utime(path + ".holder", (moment, moment))

    second = locks.FileLock(_second(path))
    with contextlib.suppress(OSError, locks.HeldByAnother):
        _write_name(path + ".holder", holder)
        sign()
        second.acquire(_PATIENCE)
    try:
        yield sign
    finally:
        second.release()


def _write_name(path: str, holder: Holder) -> None:
    # A new file, because the old one may belong to another user. (On Windows somebody may be reading the old one.)
    with contextlib.suppress(OSError):
        os.unlink(path)
    try:
        descriptor = make_file(path, os.O_WRONLY, 0o644)
    except FileExistsError:
        descriptor = open_plain(path, os.O_WRONLY | os.O_TRUNC)
    with open(descriptor, "w", encoding="utf-8") as file:
        json.dump(holder._asdict(), file)


def _second(path: str) -> str:
    return path + ".named"


def is_held(path: str) -> bool:
    """Whether a living process holds the lock. Raises OSError where that cannot be found out."""
    return locks.is_locked(path)


def in_progress(directory: str, time_series: str, mode: str) -> bool:
    """Whether a run of that job and mode is under way, or may be; asking never gets in the way of one that begins."""
    try:
        return is_held(_second(lock_path(directory, time_series, mode)))
    except (OSError, IfcbscanError):
        return True


def living_holder(path: str) -> Holder | None:
    """The process that holds the lock `path` now, or None if nobody does (or it is not written down).

    The name is believed only if the second lock is held before and after it was read, and it stays the same.
    """
    try:
        if not is_held(_second(path)):
            return None
        holder = read_holder(path)
        time.sleep(0.1)  # another one that only looks at the lock has let go of it by then
        return holder if is_held(_second(path)) and read_holder(path) == holder else None
    except OSError:
        return None


def read_holder(path: str) -> Holder | None:
    """Who last took the lock `path`, or None if that is not written down."""
    try:
        found: dict[str, Any] = json.loads(read_small(path + ".holder").decode("utf-8"))
        holder = Holder(**found)
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    sound = isinstance(holder.pid, int) and isinstance(holder.clock_offset, (int, float, type(None)))
    texts = (holder.host, holder.started, holder.directory, holder.time_series, holder.mode)
    return holder if sound and all(isinstance(text, str) for text in texts) else None


def silence(path: str, holder: Holder) -> float | None:
    """Seconds since the holder of the lock `path` has left a sign of life; None if that cannot be said."""
    try:
        sign = os.stat(path + ".holder").st_mtime
    except OSError:
        return None
    if holder.host == socket.gethostname() and holder.clock_offset is not None:
        # By a clock that nobody can set, and that stands still while the computer sleeps as the process does.
        age = time.monotonic() - (sign - holder.clock_offset)
    else:
        age = time.time() - sign
    return age if 0 <= age <= _TEN_YEARS else None


def _companion(path: str) -> Companion | None:
    holder = living_holder(path)
    return Companion(holder, silence(path, holder)) if holder is not None else None


def companion_in_silence(directory: str, time_series: str, mode: str) -> Companion | None:
    """The run of that job and mode if one is under way without a recent sign of life. Takes next to no time if not."""
    try:
        path = lock_path(directory, time_series, mode)
    except IfcbscanError:
        return None
    last = read_holder(path)
    if last is None or not Companion(last, silence(path, last)).is_silent:
        return None  # whether or not it still runs
    companion = _companion(path)
    return companion if companion is not None and companion.is_silent else None


def companions(time_series: str) -> list[Companion]:
    """All other runs that feed one time series from this user's account on this computer."""
    try:
        folder = state_folder()
        names = sorted(os.listdir(folder))
    except (OSError, IfcbscanError):
        return []
    found = []
    for name in names:
        if name.startswith(file_name(time_series + "-")) and name.endswith(".lock"):
            companion = _companion(os.path.join(folder, name))
            if companion is not None and companion.holder.time_series == time_series:
                found.append(companion)
    return [companion for companion in found if companion.holder.pid != os.getpid()]
