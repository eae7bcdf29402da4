"""What people see: lines on stderr, results on stdout, and the log file."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import logging.handlers
import os
import sys
import time
from typing import Any, Sequence

from ifcbscan.atomic import open_plain
from ifcbscan.cli import targets
from ifcbscan.cli.progress import Progress
from ifcbscan.core.bins import Fileset
from ifcbscan.core.printable import NAMED_AT_MOST, named, printable
from ifcbscan.core.scan_report import Problem, ScanReport, summary, worth_telling
from ifcbscan.core.states import BinState
from ifcbscan.errors import OutputLost
from ifcbscan.runs.one_bin import BinJob
from ifcbscan.runs.upload import Listener
from ifcbscan.state import files

log = logging.getLogger("ifcbscan")

#: The log and four older parts of it together stay below 10 MB.
_LOG_PART = 1900000
_LOG_PARTS = 4

#: So many bins in trouble, and so many warnings, of a command that remembers nothing go into the log.
_LOGGED_AT_MOST = 1000


def make_streams_forgiving() -> None:
    """A file name that the console cannot show must not end a run (cp1252 on Windows, LANG=C)."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # pythonw.exe, which the Task Scheduler starts, has none
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


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


def check_log_file(path: str | None, directory: str | None) -> None:
    """Raises UsageError if there must be no log at `path`: see targets.py. `directory`: the data folder, if known."""
    if path is not None:
        targets.check_log("--log-file", targets.absolute(path), _LOG_PARTS, directory)


def open_log(path: str | None) -> str | None:
    """Log to `path` from now on. Returns a warning if that is not possible; the run goes on without.

    A log to the null device is none. Other devices and FIFOs are not possible: they could hold a run up, and a log
    is renamed when it has grown.
    """
    log.setLevel(logging.INFO)
    log.propagate = False
    log.handlers[:] = [logging.NullHandler()]
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
    log.addHandler(handler)
    return None


def _check_no_stream(path: str) -> None:
    # /dev/stderr may lead to a plain file, which is somebody else's to rotate.
    if os.path.dirname(path) in ("/dev", "/dev/fd", "/proc/self/fd"):
        raise OSError(errno.EINVAL, "it is no plain file")


def close_log() -> None:
    """Let go of the log file."""
    for handler in log.handlers[:]:
        with contextlib.suppress(OSError):
            handler.close()
        log.removeHandler(handler)


def say(line: str) -> None:
    """A line for the person at the terminal, or for cron's mail."""
    with contextlib.suppress(OSError):  # a closed terminal must not keep data from being sent
        print(printable(line), file=sys.stderr, flush=True)


def result(*lines: str) -> None:
    """Lines of what was asked for, on stdout. A line end within one of them is shown, and does not take effect."""
    _print("\n".join(map(printable, lines)))


def result_json(made: Any) -> None:
    """One JSON object on stdout, in ASCII: whatever else its texts hold is escaped in it."""
    _print(json.dumps(made, indent=2))


def result_checked(good: bool, line: str) -> None:
    """A line on stdout with the sign for good or not good before it, in colour on a terminal."""
    sign = "ok " if good else "NOT"
    if sys.stdout.isatty():
        sign = f"\033[{32 if good else 31}m{sign}\033[0m"
    _print(f"{sign}  {printable(line)}")


def _print(text: str) -> None:
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # Whoever reads it (head, less) has seen enough; Python would complain once more at its end.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    except OSError as error:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        raise OutputLost(
            f"What was asked for could not be printed: {error.strerror}. What was done before is done; print it to a disk "
            "with room."
        ) from None


def say_error(line: str, logged: bool = False) -> None:
    """A line that says why a command ended, on stderr and, unless it is there already, in the log."""
    say("ifcbscan: " + line)
    if not logged:
        log.error("%s", line)


class ScanPrinter(Listener):
    """Tells of each bin of a scan: what was sent in the log, everything on stderr with --verbose."""

    def __init__(self, verbose: bool, progress: Progress) -> None:
        self._verbose = verbose
        self._progress = progress

    def begin(self, bins: int, size: int) -> None:
        self._progress.begin(bins, size)

    def left_alone(self, local: Fileset, state: BinState, reason: str) -> None:
        if self._verbose:
            say(f"{local.pid} {state}: {reason}")

    def waiting(self, bins: int) -> None:
        self._progress.waiting(bins)

    def bin_done(self, job: BinJob, state: BinState, reason: str) -> None:
        self._progress.bin_done(job.local.pid)
        text = "{} {}{}".format(job.local.pid, state, ": " + reason if reason else "")
        if job.files_sent:
            log.info("%s (%d files, %d bytes sent)", text, job.files_sent, job.bytes_sent)
        if self._verbose:
            say(text)

    def end(self) -> None:
        self._progress.end()


def say_problems(problems: Sequence[Problem], warnings: Sequence[str]) -> None:
    """The bins in trouble, each with its reason, and the warnings."""
    for problem in problems[:NAMED_AT_MOST]:
        say(f"  {problem.pid}  {problem.state}: {problem.reason}")
    if len(problems) > NAMED_AT_MOST:
        say(f"  ... and {len(problems) - NAMED_AT_MOST:,} more; --json lists them all")
    say_warnings(warnings, "  ")


def say_warnings(warnings: Sequence[str], indent: str = "") -> None:
    """The first warnings, one a line, and how many more there are."""
    for line in named(
        [f"warning: {text}" for text in warnings], "... and {} more warnings; --json lists them all"
    ):
        say(indent + line)


def log_problems(problems: Sequence[Problem], warnings: Sequence[str]) -> None:
    """The same for the log, of a command that does not remember what it told before."""
    for problem in problems[:_LOGGED_AT_MOST]:
        log.warning("%s %s: %s", problem.pid, problem.state, problem.reason)
    if len(problems) > _LOGGED_AT_MOST:
        log.warning("... and %s more; --json lists them all", f"{len(problems) - _LOGGED_AT_MOST:,}")
    for line in named(warnings, "... and {} more warnings; --json lists them all"):
        log.warning("%s", line)


def print_report(report: ScanReport, as_json: bool, quiet: bool, interactive: bool) -> None:
    """The end of a run: the summary, each problem with its reason, and the JSON if asked for."""
    if not quiet and (interactive or worth_telling(report)):
        say(summary(report))
        say_problems(report.problems, report.warnings)
    if report.ended_by:
        say("ifcbscan: " + report.ended_by)
    if as_json:
        result_json(report.to_json())
