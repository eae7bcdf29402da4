"""What a schedule runs: a job, its two commands, and how they are recognised again. Pure; knows no crontab and no task XML.

A job is one directory feeding one time series. It has two entries in a schedule: every minute a scan
of the recent bins, and once an hour a scan of everything. (Both may run at once: each mode has a lock of its own.)
"""

from __future__ import annotations

import enum
import math
import re
from dataclasses import dataclass, replace
from typing import Sequence

from ifcbscan.core.job_ids import WINDOWS_PATH, hourly_minute, schedule_id
from ifcbscan.core.series import check_time_series, is_time_series
from ifcbscan.core.window import EVERYTHING, NOT_UNDERSTOOD, Window, make_window
from ifcbscan.errors import ExitCode, IfcbscanError, UsageError
from ifcbscan.schedule.extras import MAX_AGE, NO_EXTRAS, JobExtras, Options, of_scan, read_extras

_TIME_LIMIT = "5m"  # of the every-minute scan


class ScheduleError(IfcbscanError):
    """The system's scheduler cannot be used, or has refused what the line says.

    What it did before is not undone: on Windows one entry of a job may be there and the other not. `install` and `remove`
    may be called again and do the rest.
    """

    exit_code = ExitCode.USAGE


class Mode(enum.Enum):
    """Which of a job's two entries. The values are in the names of tasks, so they are frozen."""

    RECENT = "recent"
    FULL = "full"


@dataclass(frozen=True)
class ScheduledJob:
    """One directory feeding one time series, with all that its commands need. Every path is absolute.

    `window`: the bins that are sent. `single_file` is the `ifcbscan.pyz` to run; None where the package is installed in `python`.
    `extras`: what else the job was started with.
    Raises UsageError for what cannot be written into a schedule.
    """

    python: str
    env_file: str
    directory: str
    time_series: str
    log_file: str
    single_file: str | None = None
    window: Window = EVERYTHING
    extras: JobExtras = NO_EXTRAS

    def __post_init__(self) -> None:
        if self.extras.max_age == MAX_AGE:  # entries look the same with it and without
            object.__setattr__(self, "extras", self.extras._replace(max_age=None))
        paths = [self.python, self.env_file, self.directory, self.log_file]
        if self.single_file is not None:
            paths.append(self.single_file)
        for path in paths:
            if re.search(r"[\n\0]", path):
                raise UsageError(
                    f"{path!r} has a line break in it, which no schedule can hold. Nothing was installed; please "
                    "rename it, or reach it through a symbolic link without one."
                )
            if not path.startswith("/") and not WINDOWS_PATH.match(path):
                raise UsageError(f"{path!r} is not an absolute path. Nothing was installed.")
        # Not a name that is only refused today: its job, of an earlier version, must be found to be ended.
        if not is_time_series(self.time_series):
            check_time_series(self.time_series)
        if self.time_series.startswith("-"):
            raise UsageError(
                f"The time series {self.time_series!r} begins with a hyphen, so a command line would take it for an "
                "option. Nothing was installed."
            )
        self.extras.check()

    @property
    def id(self) -> str:
        """The job as its entries in a schedule are recognised: by directory and time series, whatever else differs."""
        return schedule_id(self.directory, self.time_series)

    @property
    def hourly_minute(self) -> int:
        """Minute of the hour (0 to 59) of the full scan, the same on every computer and Python."""
        return hourly_minute(self.id)

    def command(self, mode: Mode) -> list[str]:
        """The argument vector of one entry, the program first."""
        recent = ("--max-age", self.extras.max_age or MAX_AGE, "--time-limit", _TIME_LIMIT)
        return [
            *self.program(),
            *("--once", self.directory, self.time_series),
            *("--env-file", self.env_file),
            *self.window.options(),
            *(recent if mode is Mode.RECENT else ()),
            *self.extras.options(),
            *("--quiet", "--log-file", self.log_file),
        ]

    def program(self) -> list[str]:
        """The words that start ifcbscan; its own options follow."""
        program = ("-m", "ifcbscan") if self.single_file is None else (self.single_file,)
        return [self.python, *program]

    def commands(self) -> tuple[list[str], list[str]]:
        """The argument vectors of the every-minute and of the hourly entry."""
        return self.command(Mode.RECENT), self.command(Mode.FULL)


@dataclass(frozen=True)
class InstalledJob:
    """A job as it stands in a schedule. An entry that is switched off does not count as there."""

    job: ScheduledJob
    recent: bool
    full: bool
    #: Both entries are exactly what `install` would write now (nobody has edited them).
    up_to_date: bool
    #: Both entries are exactly what an earlier version of ifcbscan wrote, and not what this one writes.
    earlier: bool = False

    @property
    def remark(self) -> str:
        """What people must know of entries that are not as `install` would write them; "" if they are."""
        if self.up_to_date:
            return ""
        if self.earlier:
            return "installed by an earlier version; the same 'ifcbscan start' again brings it up to date"
        return "somebody has edited it"


@dataclass(frozen=True)
class Entry:
    """One of a job's two entries, as read back."""

    job: ScheduledJob
    mode: Mode


def parse_command(words: Sequence[str]) -> Entry | None:
    """The entry whose command these words hold, or None if it is not one of ours.

    Words around the command, and options that somebody has added to it, do not matter.
    """
    words = list(words)
    try:
        once = words.index("--once")
        before = words[:once]
        single_file = None if before[-2:] == ["-m", "ifcbscan"] else before[-1]
        python = before[-3 if single_file is None else -2]
        directory, time_series = words[once + 1 : once + 3]
        options = of_scan(words[once + 3 :])
        env_file = options[options.index("--env-file") + 1]
        log_file = options[options.index("--log-file") + 1]
        window, extras = _window_of(options), read_extras(options)
        mode = Mode.FULL if extras.max_age is None else Mode.RECENT
        job = ScheduledJob(python, env_file, directory, time_series, log_file, single_file, window, extras)
    except (ValueError, IndexError, UsageError):
        return None
    return Entry(job, mode)


def _window_of(options: Sequence[str]) -> Window:
    """The window that these options say, among others; NOT_UNDERSTOOD where a scan would not take them."""
    if not any(word.startswith(("--s", "--u", "--i")) for word in options):
        return EVERYTHING
    try:
        words, _ = Options("--since", "--until", "--instrument").parse_known_args(list(options))
        # "now" would be another window in every run
        return make_window(words.since, words.until, words.instrument, now=math.nan)
    except (UsageError, ValueError):
        return NOT_UNDERSTOOD


class Written(enum.Enum):
    """How the text of an entry compares with what ifcbscan writes."""

    AS_NOW = "now"
    AS_EARLIER = "earlier"
    OTHERWISE = "otherwise"


def installed(entries: Sequence[tuple[Entry, Written]]) -> list[InstalledJob]:
    """The jobs that have these entries, in order of appearance."""
    by_id: dict[str, list[tuple[Entry, Written]]] = {}
    for entry, written in entries:
        by_id.setdefault(entry.job.id, []).append((entry, written))
    return [_installed(of_job) for of_job in by_id.values()]


def _installed(of_job: Sequence[tuple[Entry, Written]]) -> InstalledJob:
    """The job of entries that have one id."""
    modes = [entry.mode for entry, _ in of_job]
    # The age is in the every-minute entry alone.
    ages = [entry.job.extras.max_age for entry, _ in of_job if entry.mode is Mode.RECENT]
    age = ages[0] if ages else None
    jobs = [replace(entry.job, extras=entry.job.extras._replace(max_age=age)) for entry, _ in of_job]
    whole = len(of_job) == 2 and set(modes) == set(Mode) and jobs[0] == jobs[1]
    written = {how for _, how in of_job}
    return InstalledJob(
        job=jobs[0],
        recent=Mode.RECENT in modes,
        full=Mode.FULL in modes,
        up_to_date=whole and written == {Written.AS_NOW},
        earlier=whole and Written.AS_EARLIER in written and Written.OTHERWISE not in written,
    )
