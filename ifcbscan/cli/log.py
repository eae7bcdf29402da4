"""The log file of a command (`--log-file`): private to its owner, rotated, and never a reason for a run to end.

What is worth a line in it is decided elsewhere.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import logging.handlers
import os
import time
from typing import TYPE_CHECKING, Any, Sequence

from ifcbscan.atomic import open_plain
from ifcbscan.cli import targets
from ifcbscan.core.printable import named, printable
from ifcbscan.errors import UsageError
from ifcbscan.state import files

if TYPE_CHECKING:
    from ifcbscan.core.scan_report import Problem

logger = logging.getLogger("ifcbscan")

#: Bytes of the log; with the four older parts of it that are kept it stays below 10 MB.
_LOG_PART = 1900000
_LOG_PARTS = 4

#: So many bins in trouble go into the log of a command that does not remember what it logged before.
_LOGGED_AT_MOST = 1000


class _LogFile(logging.handlers.RotatingFileHandler):
    """A rotating file that only its owner can read, and whose troubles never reach a run."""

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
        # On Windows a file that another run has open cannot be renamed: then it grows a little longer.
        try:
            super().doRollover()
        except OSError:
            if self.stream is None:
                self.stream = self._open()

    def handleError(self, record: logging.LogRecord) -> None:
        pass  # a full disk must not keep data from being sent


class _UtcFormatter(logging.Formatter):
    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


def check_log_file(path: str | None, directory: str | None, settings: str | None) -> None:
    """Raises UsageError if there must be no log at `path`: see targets.py.

    `directory`: the data folder, `settings`: the settings file; None if they are not known.
    """
    if path is not None:
        targets.check_log("--log-file", targets.absolute(path), _LOG_PARTS, directory, settings)


def check_beside_log(path: str | None, option: str, log_file: str | None) -> None:
    """Raises UsageError if what `option` writes would be a part of the log. Both paths as they were given."""
    if path is None or log_file is None:
        return
    full_path = targets.absolute(path)
    if os.path.exists(full_path) and not os.path.isfile(full_path):
        return  # a device or a folder: neither is written to
    if any(
        targets.is_same_file(full_path, part)
        for part in targets.log_parts(targets.absolute(log_file), _LOG_PARTS)
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
        handler = _LogFile(full_path, maxBytes=_LOG_PART, backupCount=_LOG_PARTS)
    except OSError as error:
        return f"the log file {full_path} cannot be written ({error.strerror}); this run goes on without it"
    handler.setFormatter(_UtcFormatter("%(asctime)sZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S"))
    logger.addHandler(handler)
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
