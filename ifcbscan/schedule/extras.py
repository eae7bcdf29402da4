"""What a job was started with besides its folder, its time series and its window: options that its entries carry on. Pure."""

from __future__ import annotations

import argparse
import re
import urllib.parse
from typing import NamedTuple, NoReturn, Sequence

from ifcbscan.core.job_ids import WINDOWS_PATH
from ifcbscan.errors import UsageError

#: How far back the every-minute scan looks where nothing else was asked for.
MAX_AGE = "3d"

#: What ends the words of a scan on a line of a shell.
_ENDS = ("||", "&&", "|", ";")


class JobExtras(NamedTuple):
    """The words of the command line, each None if it was not given. Units and meaning are those of a scan's options.

    `mounted_at`: where the disk of the folder was mounted when the job was made. `max_age`: of the every-minute scan alone.
    """

    mounted_at: str | None = None
    expect_every: str | None = None
    max_age: str | None = None
    bandwidth: str | None = None
    ping: str | None = None
    metrics_dir: str | None = None
    max_daily: str | None = None

    def options(self) -> list[str]:
        """The words of both entries' command lines; none for a job without extras."""
        return [
            word
            for name, value in zip(self._fields, self)
            if name != "max_age" and value is not None
            for word in (_option(name), value)
        ]

    def check(self) -> None:
        """Raises UsageError for what no schedule could hold, or a scan would read as something else."""
        for name, value in zip(self._fields, self):
            if value is None:
                continue
            option = _option(name)
            if not value.strip() or value.startswith("-") or re.search(r"[\n\0]", value):
                raise UsageError(
                    f"{option}: {value!r} cannot be written into a schedule. Nothing was installed."
                )
            if name in ("mounted_at", "metrics_dir") and not _is_absolute(value):
                raise UsageError(f"{option}: {value!r} is not an absolute path. Nothing was installed.")

    def completed_by(self, before: JobExtras) -> JobExtras:
        """These, with those of `before` for what they do not have."""
        return JobExtras(*(old if new is None else new for new, old in zip(self, before)))

    def contradicts(self, before: JobExtras) -> bool:
        """Whether something is said here that `before` does not say. (Where the disk is mounted is not said, but found.)"""
        return any(
            new not in (None, old)
            for name, new, old in zip(self._fields, self, before)
            if name != "mounted_at"
        )

    def words(self) -> str:
        """For people, in one line; "" for a job without extras. Of the monitor's address it shows the host only."""
        said = (
            (self.max_age, f"every minute bins up to {self.max_age} old"),
            (self.expect_every, f"a new bin expected every {self.expect_every}"),
            (self.bandwidth, _limit_words(self.bandwidth or "", "a second")),
            (self.max_daily, _limit_words(self.max_daily or "", "a day")),
            (self.ping, f"a monitor at {_host(self.ping or '')} is told"),
            (self.metrics_dir, f"metrics in {self.metrics_dir}"),
            (self.mounted_at, f"on the disk mounted at {self.mounted_at}"),
        )
        return "; ".join(text for value, text in said if value is not None)


def _limit_words(limit: str, per: str) -> str:
    if limit.strip().lower() == "off":
        return f"no limit of bytes {per}"
    if "," in limit:
        return f"bytes {per} by the timetable {limit}"
    return f"at most {limit} bytes {per}"


#: A job that was started with nothing but its folder and its time series.
NO_EXTRAS = JobExtras()


class Options(argparse.ArgumentParser):
    """Reads some options as the command line does: `--name=...`, the last one of several, and abbreviations."""

    def __init__(self, *names: str) -> None:
        super().__init__(add_help=False)
        for name in names:
            self.add_argument(name)

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def of_scan(words: Sequence[str]) -> list[str]:
    """The words that are the scan's own, without what a shell makes of them and what follows."""
    ends = [number for number, word in enumerate(words) if word in _ENDS]
    return list(words[: ends[0]] if ends else words)


def read_extras(options: Sequence[str]) -> JobExtras:
    """The extras that these words of a scan say, among others. `max_age` is that of an entry, whatever it is.

    What a scan would not take says nothing here: such an entry is told to be edited, and it stays one of ours.
    """
    others = (
        "--metrics-file",
        "--env-file",
        "--exclude",
    )  # so that an abbreviation is no better known than to a scan
    try:
        words, _ = Options(*map(_option, JobExtras._fields), *others).parse_known_args(list(options))
        extras = JobExtras(*(getattr(words, name) for name in JobExtras._fields))
        extras.check()
    except UsageError:
        return JobExtras(max_age=MAX_AGE) if "--max-age" in options else NO_EXTRAS
    return extras


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _is_absolute(path: str) -> bool:
    return path.startswith("/") or WINDOWS_PATH.match(path) is not None


def _host(url: str) -> str:
    try:
        return urllib.parse.urlsplit(url).hostname or "an address without a host"
    except ValueError:
        return "an address without a host"
