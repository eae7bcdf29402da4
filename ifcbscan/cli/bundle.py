"""A zip with all that the maintainers ask for when somebody needs help, and with no secret: `ifcbscan check --bundle`.

What is secret, and how it is taken out, is masking.py's business: every text goes through one mask on its way into the zip.
A piece that cannot be read is told inside the bundle, and ends nothing. Content of bins is never read.
"""

from __future__ import annotations

import contextlib
import functools
import heapq
import io
import os
import platform
import sys
import time
import zipfile
from typing import Callable, Iterable, Iterator, Sequence

from ifcbscan import __version__
from ifcbscan.atomic import read_tail, replace_file
from ifcbscan.cli.known_jobs import JobStatus, known_jobs
from ifcbscan.cli.log import LOG_PARTS
from ifcbscan.cli.masking import (
    Mask,
    secrets_of_environment,
    secrets_of_settings,
    settings_lines,
)
from ifcbscan.cli.options import JobArguments
from ifcbscan.cli.schedule_view import scheduled_jobs
from ifcbscan.cli.targets import (
    BUNDLE_ABOUT,
    absolute,
    check_not_new_in,
    check_replaced,
    current_folder,
    is_bundle,
    log_parts,
)
from ifcbscan.core.bins import server_text
from ifcbscan.core.last_run import LastRun
from ifcbscan.core.printable import printable
from ifcbscan.core.words import counted
from ifcbscan.env_file import find_env_file, text_of, value_of, values_of
from ifcbscan.errors import ConfigError, Interrupted, UsageError
from ifcbscan.schedule.choose import for_this_system
from ifcbscan.schedule.system_tables import system_jobs
from ifcbscan.state import last_runs

#: So many of the last lines of each log, looked for in so many bytes at the end of each part of it.
_LOG_LINES = 2000
_LOG_BYTES = 1000 * 1000

#: Files of a data folder that are looked at, the newest days first; those that are named, and folders that are.
_FILES_AT_MOST = 100 * 1000
_NEWEST = 200
_FOLDERS = 400

_ABOUT = """\
Made by 'ifcbscan check --bundle' {version} at {now}, for the people who maintain ifcbscan.

check.txt      what 'ifcbscan check' said
versions.txt   ifcbscan, Python, the system, the packages
settings.txt   the settings: by value where that is no secret, else whether they are set
schedule.txt   what is scheduled, and how it is
last-runs.txt  how the last scans ended
log-N.txt      the last {lines:,} lines of the log of each scheduled job
folder.txt     how many files the folders hold, and names, sizes and times of the newest files; no content

No key, no token and no password is in it, and of the address of a monitor or a proxy only the server. It does name
folders, the account, time series and bins.
"""


class Bundle:
    """The bundle of one check. Made before the check, so that a FILE that cannot be is refused at once."""

    def __init__(self, file: str, job: JobArguments) -> None:
        """`file`: as it was given. Raises UsageError if nothing may be written there."""
        self._path = absolute(file)
        self._job = job
        self._environ = dict(os.environ)
        self._jobs = scheduled_jobs()
        self._directories = list(self._data_folders())
        check_replaced("--bundle", self._path, is_bundle)
        check_not_new_in("--bundle", self._path, self._directories)
        if not os.path.isdir(os.path.dirname(self._path)):
            raise self._not_written("there is no such folder")

    def write(self, checked: Sequence[str]) -> str:
        """Write it; `checked` are the lines of the check. Returns what people are to be told. Raises UsageError."""
        mask = Mask(self._secrets())
        statuses: list[JobStatus] = []
        pieces: list[tuple[str, Callable[[], Iterable[str]]]] = [
            (BUNDLE_ABOUT, _about),
            ("check.txt", lambda: checked),
            ("versions.txt", _versions),
            ("settings.txt", self._settings),
            ("schedule.txt", lambda: _schedule(statuses)),
            ("last-runs.txt", lambda: self._last_runs(statuses)),
            ("folder.txt", lambda: _folders(self._directories)),
        ]
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as bundle:
            for name, collect in pieces:
                _add(bundle, name, collect, mask)
            for number, log in enumerate(dict.fromkeys(status.job.log_file for status in statuses), 1):
                _add(bundle, f"log-{number}.txt", functools.partial(_log, log), mask)
        try:
            replace_file(self._path, made.getvalue(), private=True)
        except OSError as error:
            raise self._not_written(error.strerror or str(error)) from None
        return (
            f"{self._path} holds these lines, versions, settings, schedule, last runs, logs, and names and sizes of the newest "
            "files. It holds no key, token, password or address of a monitor, so it can be mailed to who is to help; it "
            "does name folders, account and bins."
        )

    def _not_written(self, reason: str) -> UsageError:
        return UsageError(f"--bundle: {self._path} cannot be written: {reason}. Choose another place.")

    def _env_file(self) -> str | None:
        named = None if self._job.env_file is None else absolute(self._job.env_file)
        with contextlib.suppress(ConfigError):
            return find_env_file(named, current_folder())
        return named

    def _setting(self, name: str) -> str | None:
        return value_of(name, self._environ, self._env_file(), None)

    def _data_folders(self) -> Iterator[str]:
        """Those that this check and the schedule are about, each once."""
        here = self._job.directory or self._setting("IFCB_DATA_DIR")
        named = [absolute(here)] if here else []
        yield from dict.fromkeys([*named, *(job.directory for job in self._jobs)])

    def _secrets(self) -> Iterator[str]:
        """Of the environment, of the schedule, and of every settings file that is in use here."""
        yield from secrets_of_environment(self._environ)
        jobs = [*self._jobs, *(found.installed.job for found in system_jobs())]  # of all whose logs are taken
        for job in jobs:
            yield from secrets_of_environment({"PING_URL": job.extras.ping or ""})
        for path in {self._env_file(), *(job.env_file for job in jobs)}:
            if path is not None:
                with contextlib.suppress(ConfigError):
                    yield from secrets_of_settings(text_of(path))

    def _settings(self) -> Iterator[str]:
        path = self._env_file()
        yield f"file: {path or 'none'}"
        in_file: dict[str, str] = {}
        if path is not None:
            for number, line in enumerate(text_of(path).splitlines(), 1):
                try:
                    in_file.update(values_of(path, line))
                except ConfigError:
                    yield f"line {number} cannot be understood by itself"
        yield from settings_lines(in_file, self._environ)

    def _last_runs(self, statuses: Sequence[JobStatus]) -> Iterator[str]:
        jobs = [(status.job.directory, status.job.time_series) for status in statuses]
        series = self._job.time_series or self._setting("TIME_SERIES")
        if series and self._directories:
            jobs.append((self._directories[0], series))
        for directory, name in dict.fromkeys(jobs):
            for mode in ("recent", "full"):
                yield from _last_run(f"{directory} to {name}, {mode}", last_runs.read(directory, name, mode))


def _add(bundle: zipfile.ZipFile, name: str, collect: Callable[[], Iterable[str]], mask: Mask) -> None:
    """One file of the bundle. What goes wrong in collecting it stands at its end."""
    lines = []
    try:
        for line in collect():
            lines.append(line)  # what was collected before an error stays
    except Interrupted:
        raise
    except Exception as error:
        lines.append(f"the rest could not be collected: {type(error).__name__}: {error}")
    text = "".join(printable(mask(line)) + "\n" for line in lines)
    entry = zipfile.ZipInfo(name, zip_moment(time.time()))
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o600 << 16
    bundle.writestr(entry, text.encode("utf-8"))


def zip_moment(now: float) -> tuple[int, int, int, int, int, int]:
    """The time (seconds since 1970) as a zip can tell it, which knows the years 1980 to 2107; UTC."""
    year, month, day, hour, minute, second = time.gmtime(max(now, 0.0))[:6]
    if year < 1980:  # an instrument without a battery for its clock
        return (1980, 1, 1, 0, 0, 0)
    return (year, month, day, hour, minute, second) if year <= 2107 else (2107, 12, 31, 23, 59, 58)


def _about() -> Iterable[str]:
    return _ABOUT.format(version=__version__, now=_moment(time.time()), lines=_LOG_LINES).splitlines()


def _versions() -> Iterator[str]:
    yield f"ifcbscan {__version__}"
    yield f"Python {' '.join(sys.version.split())}"
    yield f"from {sys.executable}"
    yield platform.platform()
    yield f"names of files in {sys.getfilesystemencoding()}, output in {sys.stdout.encoding}, time zone {time.tzname}"
    # Not importlib.metadata, which the Python of an instrument does not have.
    for folder in sys.path:
        with contextlib.suppress(OSError):
            for name in sorted(os.listdir(folder or os.curdir)):
                if name.endswith((".dist-info", ".egg-info")):
                    yield name.rpartition(".")[0].replace("-", " ", 1)


def _schedule(statuses: list[JobStatus]) -> Iterator[str]:
    """What is scheduled; fills `statuses`."""
    scheduler = for_this_system()
    yield f"scheduler: {scheduler.name}"
    yield from scheduler.notes()
    statuses.extend(known_jobs(scheduler))
    if not statuses:
        yield "nothing is scheduled for this user"
    for status in statuses:
        job, installed = status.job, status.installed
        yield ""
        yield f"{job.directory} to {job.time_series}: {status.health.light.value}: {status.health.words}"
        entries = [
            name for name, there in (("every minute", installed.recent), ("hourly", installed.full)) if there
        ]
        yield f"  {' and '.join(entries)}; {installed.remark or 'as installed'}"
        yield f"  {job.window}; {job.extras.words() or 'without other options'}"
        yield f"  starts: {' '.join(job.program())}"
        yield f"  settings: {job.env_file}"
        yield f"  log: {job.log_file}"
        if status.system is not None:
            yield f"  of {status.system.user}, in {status.system.table}"


def _last_run(of: str, record: LastRun | None) -> Iterator[str]:
    if record is None:
        yield f"{of}: no record"
        return
    yield f"{of}:"
    for name, value in record._asdict().items():
        yield f"  {name}: {value}"


def _log(path: str) -> Iterator[str]:
    """The last lines of a log and, where it has just been rotated, of its older parts."""
    yield path
    lines: list[bytes] = []
    for part in log_parts(path, LOG_PARTS):
        if len(lines) < _LOG_LINES and (part == path or os.path.exists(part)):
            tail = read_tail(part, _LOG_BYTES)
            # A line that is cut off could begin in the middle of what must be masked.
            lines = tail.splitlines()[len(tail) == _LOG_BYTES :] + lines
    for line in lines[-_LOG_LINES:]:
        yield line.decode("utf-8", "backslashreplace")


def _folders(directories: Sequence[str]) -> Iterator[str]:
    if not directories:
        yield "no data folder is known"
    for directory in directories:
        yield directory
        yield from _shape(directory)


def _shape(root: str) -> Iterator[str]:
    """How many files the folders below `root` hold, and the newest files. Opens none."""
    counts: dict[str, int] = {}
    newest: list[tuple[float, int, str]] = []
    seen = 0
    errors: list[OSError] = []
    for folder, subfolders, names in os.walk(root, onerror=errors.append):
        subfolders.sort(reverse=True)  # newest days first
        if seen >= _FILES_AT_MOST:
            yield f"  more than {_FILES_AT_MOST:,} files; the rest was not looked at"
            break
        counts[os.path.relpath(folder, root)] = len(names)
        seen += len(names)
        for name in names:
            path = os.path.join(folder, name)
            with contextlib.suppress(OSError):
                status = os.lstat(path)
                found = (status.st_mtime, status.st_size, os.path.relpath(path, root))
                heapq.heappush(newest, found)
                if len(newest) > _NEWEST:
                    heapq.heappop(newest)
    for error in errors[:20]:
        yield f"  not read: {error}"
    yield f"  {counted(seen, 'file')} in {counted(len(counts), 'folder')}"
    for place, count in list(counts.items())[:_FOLDERS]:
        yield f"  {count:>8,}  {place}"
    yield f"  the newest {counted(len(newest), 'file')}: time of the last change (UTC), bytes, name"
    for moment, size, place in sorted(newest, reverse=True):
        yield f"  {_moment(moment)}  {size:>12,}  {place}"


def _moment(seconds: float) -> str:
    return server_text(seconds)[:19] + "Z"
