"""The log file of a command (`--log-file`): private to its owner, rotated, and never a reason for a run to end.

What is worth a line in it is decided elsewhere.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import logging.handlers
import os
import re
import sys
import time
from typing import TYPE_CHECKING, Any, Sequence

from ifcbscan.atomic import open_plain, read_head, read_tail
from ifcbscan.cli import targets
from ifcbscan.core.last_run import seconds
from ifcbscan.core.printable import named, printable
from ifcbscan.errors import UsageError
from ifcbscan.state import files

if TYPE_CHECKING:
    from ifcbscan.core.scan_report import Problem

logger = logging.getLogger("ifcbscan")

#: Bytes of the log; with the four older parts of it that are kept it stays below 10 MB.
_LOG_PART = 1900000
LOG_PARTS = 4

#: So many bins in trouble go into the log of a command that does not remember what it logged before.
_LOGGED_AT_MOST = 1000


#: A disk with less room than this is full: a block of most file systems, and more than the next line. Bytes.
_ROOM = 4096

#: So much of the end of a log is read to find that line. A job that does not run adds nothing after it. Bytes.
_TAIL = 1 << 16

#: What the line says that `start` writes, so that `status` knows since when scans are due.
_INSTALLED = "installed: from now on a scan is due every minute"


class _LogFile(logging.handlers.RotatingFileHandler):
    """A rotating file that only its owner can read. What goes wrong in writing it is kept, and never ends a run."""

    trouble: OSError | None = None

    def _open(self) -> Any:
        def private(path: str, flags: int) -> int:
            with contextlib.suppress(FileExistsError):
                return files.make_file(path, flags, 0o600)
            return open_plain(path, flags)

        return open(
            self.baseFilename,
            self.mode,
            encoding="utf-8",
            errors="backslashreplace",
            opener=private,
        )

    def doRollover(self) -> None:
        """The part that is written moves first: on Windows it cannot while another run has it open. Then it grows a little
        longer, and the older ones stay as they are."""
        if self.stream is not None:
            self.stream.close()
            self.stream = None
        with contextlib.suppress(OSError):
            self._count_parts_on()  # what a run that was killed has left
            os.rename(self.baseFilename, f"{self.baseFilename}.0")
            self._count_parts_on()
        self.stream = self._open()

    def _count_parts_on(self) -> None:
        """Where there is a part 0, it becomes 1, which becomes 2, and so on; the oldest goes. Raises OSError."""
        if os.path.exists(f"{self.baseFilename}.0"):
            for part in range(self.backupCount, 0, -1):
                younger = f"{self.baseFilename}.{part - 1}"
                if os.path.exists(younger):
                    os.replace(younger, f"{self.baseFilename}.{part}")

    def handleError(self, record: logging.LogRecord) -> None:
        # a full disk must not keep data from being sent; `log_trouble` says it
        error = sys.exc_info()[1]
        if self.trouble is None:
            self.trouble = error if isinstance(error, OSError) else OSError(errno.EIO, str(error))

    def look_for_room(self) -> None:
        """Note trouble also where no line is to be written: a quiet job writes one an hour."""
        if self.trouble is not None or self.stream is None or not hasattr(os, "fstatvfs"):
            return
        with contextlib.suppress(OSError, ValueError):
            disk = os.fstatvfs(self.stream.fileno())
            # some network drives say nothing but zeros; part of a disk may be kept for root
            free = disk.f_bfree if os.geteuid() == 0 else disk.f_bavail
            if disk.f_flag & os.ST_RDONLY:
                self.trouble = OSError(errno.EROFS, os.strerror(errno.EROFS))
            elif disk.f_blocks and free * disk.f_frsize < _ROOM:
                self.trouble = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class _UtcFormatter(logging.Formatter):
    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


def check_log_file(path: str | None, directory: str | None, settings: str | None) -> None:
    """Raises UsageError if there must be no log at `path`: see targets.py.

    `directory`: the data folder, `settings`: the settings file; None if they are not known.
    """
    if path is not None:
        targets.check_log("--log-file", targets.absolute(path), LOG_PARTS, directory, settings)


def check_beside_log(path: str | None, option: str, log_file: str | None) -> None:
    """Raises UsageError if what `option` writes would be a part of the log. Both paths as they were given."""
    if path is None or log_file is None:
        return
    full_path = targets.absolute(path)
    if os.path.exists(full_path) and not os.path.isfile(full_path):
        return  # a device or a folder: neither is written to
    if any(
        targets.is_same_file(full_path, part)
        for part in targets.log_parts(targets.absolute(log_file), LOG_PARTS)
    ):
        raise UsageError(
            f"{option}: {full_path} is the file of the log (--log-file), too, and each would destroy the other. Nothing was "
            "done; choose another name."
        )


def open_log(path: str | None) -> str | None:
    """Log to `path` from now on. Returns a warning if that is not possible; the run goes on without.

    A log to the null device is none. Other devices and FIFOs are not possible: they could hold a run up, and a log
    is renamed when it has grown.
    """
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.handlers[:] = [logging.NullHandler()]
    if path is None:
        return None
    full_path = targets.absolute(path)
    if os.path.normcase(path) == os.path.normcase(os.devnull) or os.path.realpath(full_path) == os.devnull:
        return None
    try:
        _check_no_stream(full_path)
        files.make_folder(os.path.dirname(full_path))
        handler = _LogFile(full_path, maxBytes=_LOG_PART, backupCount=LOG_PARTS)
    except OSError as error:
        logger.addHandler(_NoLog(_cannot_be_written(full_path, error)))
        return log_trouble()
    handler.setFormatter(_UtcFormatter("%(asctime)sZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S"))
    logger.addHandler(handler)
    return None


def log_trouble() -> str | None:
    """A warning if lines of the log have been lost, or will be: it could not be opened, its disk is full, fails or has become
    read-only."""
    for handler in logger.handlers:
        if isinstance(handler, _NoLog):
            return handler.warning
        if isinstance(handler, _LogFile):
            handler.look_for_room()
            if handler.trouble is not None:
                return _cannot_be_written(handler.baseFilename, handler.trouble)
    return None


def was_opened() -> bool:
    """Whether there is a log, even if it can no longer be written."""
    return any(isinstance(handler, _LogFile) for handler in logger.handlers)


class _NoLog(logging.NullHandler):
    """In the place of a log that could not be opened."""

    def __init__(self, warning: str) -> None:
        super().__init__()
        self.warning = warning


def _cannot_be_written(path: str, error: OSError) -> str:
    return f"the log file {path} cannot be written ({error.strerror}); this run goes on without it"


def note_installed(path: str) -> str | None:
    """Write into the log at `path` that its job is scheduled from now on. Returns a warning if that is not possible.

    No database: the log is what is there before the first scan, so it says since when one is due.
    """
    handlers = logger.handlers[:]
    trouble = open_log(path)
    try:
        logger.info("%s", _INSTALLED)
        return log_trouble() or trouble
    finally:
        close_log()
        logger.handlers[:] = handlers


def installed_at(path: str) -> float | None:
    """When the job with this log was installed, seconds since 1970: what `note_installed` wrote last; else, of a log without
    such a line, the time of its first line. None if neither can be read."""
    head = tail = b""
    with contextlib.suppress(OSError):
        head = read_head(path, 64)
        tail = read_tail(path, _TAIL)
    found = re.findall(rb"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ) INFO " + _INSTALLED.encode(), tail, re.MULTILINE)
    moment = found[-1] if found else head.partition(b" ")[0]
    with contextlib.suppress(ValueError):
        return seconds(moment.decode("ascii"))
    return None


def not_started_at(path: str, line: str) -> float | None:
    """When the schedule last wrote `line`, an error, into this log, seconds since 1970; None if it did not, or not lately."""
    tail = b""
    with contextlib.suppress(OSError):
        tail = read_tail(path, _TAIL)
    found = re.findall(
        rb"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ) ERROR " + re.escape(line.encode()), tail, re.MULTILINE
    )
    with contextlib.suppress(IndexError, ValueError):
        return seconds(found[-1].decode("ascii"))
    return None


def _check_no_stream(path: str) -> None:
    # /dev/stderr may lead to a plain file, which is somebody else's to rotate.
    if os.path.dirname(path) in ("/dev", "/dev/fd", "/proc/self/fd"):
        raise OSError(errno.EINVAL, "it is no plain file")


def close_log() -> None:
    """Let go of the log file."""
    for handler in logger.handlers[:]:
        with contextlib.suppress(OSError):
            handler.close()
        logger.removeHandler(handler)


def log_problems(problems: Sequence[Problem], warnings: Sequence[str]) -> None:
    """The bins in trouble and the warnings of a command that does not remember what it logged before."""
    from ifcbscan.core.scan_report import told_once

    for problem in told_once(problems[:_LOGGED_AT_MOST]):
        logger.warning("%s %s: %s", problem.pid, problem.state, problem.reason)
    if len(problems) > _LOGGED_AT_MOST:
        logger.warning("... and %s more; --json lists them all", f"{len(problems) - _LOGGED_AT_MOST:,}")
    for line in named(warnings, "... and {} more warnings; --json lists them all"):
        logger.warning("%s", line)
