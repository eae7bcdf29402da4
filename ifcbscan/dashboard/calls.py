"""The dashboard's calls that need no login: what each answer means. Read-only.

It must never call `api/sync_bin`: on a bin that the dashboard has half copied, that call makes a broken row which
nothing repairs (ifcbdb dashboard/views.py, accession.py). How an answer comes over the network is in fetch.py.
"""

from __future__ import annotations

import csv
import datetime
import enum
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any, Iterable, Iterator

from ifcbscan.dashboard.fetch import (
    LONGEST_ANSWER,
    TIMEOUT,
    DashboardError,
    DashboardUnreachable,
    NotFound,
    Site,
)
from ifcbscan.errors import ExitCode

__all__ = [
    "BinInfo",
    "Dashboard",
    "DashboardError",
    "DashboardUnreachable",
    "PublishedBin",
    "SeriesList",
    "Standing",
    "UnknownToDashboard",
]

# `skip` is 1 or 0 (ifcbdb accession.py, export_metadata); other spellings are those that it accepts itself.
_SKIP = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


class UnknownToDashboard(DashboardError):
    """It answered that there is no such account or time series (or that the time series is empty).

    A dashboard whose teams are switched off, as they are unless somebody switches them on, says so of every account.
    """

    exit_code = ExitCode.USAGE


@dataclass(frozen=True)
class PublishedBin:
    """A row of a metadata export. A bin with `skip` is registered, but left out of what people see."""

    dataset: str
    pid: str
    skip: bool


class Standing(enum.Enum):
    """How a bin that the dashboard knows stands to one time series.

    A bin is taken into one time series when the dashboard first sees it; people can move it later.
    """

    SHOWN = enum.auto()
    SKIPPED = enum.auto()  # in it, but left out of what people see
    ELSEWHERE = enum.auto()  # in another time series
    BROKEN = enum.auto()  # a row without time series that was begun and never finished (ifcbdb accession.py)
    OUTSIDE = enum.auto()  # in no time series, such as a bin without images


@dataclass(frozen=True)
class BinInfo:
    """What the dashboard says of one bin."""

    pid: str
    datasets: tuple[str, ...]
    skip: bool

    def published_in(self, dataset: str) -> bool:
        """Whether people see the bin in this time series."""
        return self.standing(dataset) is Standing.SHOWN

    def standing(self, dataset: str) -> Standing:
        """How the bin stands to this time series."""
        if dataset in self.datasets:
            return Standing.SKIPPED if self.skip else Standing.SHOWN
        if self.datasets:
            return Standing.ELSEWHERE
        return Standing.BROKEN if self.skip else Standing.OUTSIDE


@dataclass(frozen=True)
class SeriesList:
    """Names of time series: those of one account, or all that the dashboard lists to anybody.

    All of them are what there is where the dashboard's teams are switched off, which is how ifcbdb comes, and where
    it does not know the account: it answers the same in both cases.
    """

    names: tuple[str, ...]
    of_account: bool


class Dashboard:
    """One ifcbdb instance. Each method is one request, where it says nothing else; none changes anything there."""

    def __init__(
        self,
        url: str,
        timeout: float = TIMEOUT,
        longest_answer: float = LONGEST_ANSWER,
        opener: urllib.request.OpenerDirector | None = None,
    ) -> None:
        """`url` without `/api`. `timeout`: seconds without a byte; `longest_answer`: seconds in all."""
        self._site = Site(url, timeout, longest_answer, opener)

    def list_datasets(self, team: str) -> list[str]:
        """The names of an account's time series. Raises UnknownToDashboard, DashboardUnreachable."""
        try:
            answer = self._site.json("list_datasets/" + _quoted(team))
        except NotFound:
            raise UnknownToDashboard(
                f"The dashboard {self._site.shown()} does not know the account {team!r}. Check USER_ACCOUNT in the .env "
                "file; accounts are made by the people who run the dashboard."
            ) from None
        return self._names(answer)

    def series_list(self, team: str) -> SeriesList:
        """The time series of an account; all of the dashboard where it knows no such account, or no accounts at all.

        A second request where the first is answered with 404. Raises UnknownToDashboard if it lists none either way;
        DashboardUnreachable.
        """
        try:
            return SeriesList(tuple(self.list_datasets(team)), of_account=True)
        except UnknownToDashboard as unknown:
            try:
                answer = self._site.json("list_datasets")
            except NotFound:  # a release without that list
                raise unknown from None
        return SeriesList(tuple(self._names(answer)), of_account=False)

    def _names(self, answer: dict[str, Any]) -> list[str]:
        names = answer.get("datasets")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise self._site.unreachable("answered without a list of time series")
        return names

    def most_recent_bin(self, dataset: str) -> str | None:
        """The pid of the newest bin that people see in a time series, None if there is none, or no such series.

        By the sample time in the dashboard's database; bins of the future do not count. Raises DashboardUnreachable.
        """
        try:
            answer = self._site.json("most_recent_bin", {"dataset": dataset})
        except NotFound:
            return None
        pid = answer.get("pid")
        if not isinstance(pid, str):
            raise self._site.unreachable(f"answered about the newest bin of {dataset} without naming one")
        return pid

    def bin_info(self, pid: str, dataset: str) -> BinInfo | None:
        """One bin, or None if the dashboard does not know it (or the time series). Raises DashboardUnreachable."""
        try:
            answer = self._site.json("bin/" + _quoted(pid), {"dataset": dataset})
        except NotFound:
            return None
        datasets, skip = answer.get("datasets"), answer.get("skip")
        if not isinstance(datasets, list) or not isinstance(skip, bool):
            raise self._site.unreachable(f"answered about {pid} without saying in which time series it is")
        return BinInfo(pid, tuple(str(name) for name in datasets), skip)

    def export_metadata(
        self, dataset: str, start: datetime.date, end: datetime.date
    ) -> Iterator[PublishedBin]:
        """The bins of a time series sampled from `start` to `end`, both days included, skipped ones as well.

        They come while the answer is read; only when the iteration ends without an error were they all.
        (The dashboard adds a day to `end`, so a few later bins may come along; it sends 500,000 at most. It goes by
        the sample time in its database, which people edit: a bin can be of another day than its pid says.)
        Raises UnknownToDashboard if the time series is unknown or has no bin then; DashboardUnreachable.
        """
        query = {"start_date": start.isoformat(), "end_date": end.isoformat(), "include_skip": "true"}
        try:
            yield from self._rows(self._site.lines("export_metadata/" + _quoted(dataset), query), dataset)
        except NotFound:
            raise UnknownToDashboard(
                f"The dashboard {self._site.shown()} does not know the time series {dataset!r}, or has no bin of it in that "
                "time. Check the spelling; a new time series is made on the dashboard, before the first bin is sent."
            ) from None

    def _rows(self, lines: Iterable[str], dataset: str) -> Iterator[PublishedBin]:
        reader = csv.reader(lines, strict=True)
        try:
            header = next(reader, [])
            try:
                pid, skip = header.index("pid"), header.index("skip")
            except ValueError:
                raise self._site.unreachable("answered something that is no list of bins") from None
            named = header.index("dataset") if "dataset" in header else None
            for row in reader:
                if not row:
                    continue
                if len(row) != len(header) or row[skip].lower() not in _SKIP:
                    raise self._broken(reader.line_num)
                yield PublishedBin(
                    dataset if named is None else row[named], row[pid], _SKIP[row[skip].lower()]
                )
        except (csv.Error, UnicodeDecodeError):
            raise self._broken(reader.line_num) from None

    def _broken(self, line: int) -> DashboardUnreachable:
        return self._site.unreachable(f"sent a list of bins that is broken at line {line}")


def _quoted(segment: str) -> str:
    return urllib.parse.quote(segment, safe="")
