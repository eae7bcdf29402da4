"""The dashboard: what it shows, asked over the calls that need no login.

Read-only, standard library only. It must never call `api/sync_bin`: on a bin that the dashboard has
half copied, that call makes a broken row which nothing repairs (ifcbdb dashboard/views.py,
accession.py). Nothing is tried a second time, and no redirect is followed, so that an answer is
always that of the server in DASHBOARD_URL. Proxies come from the environment, certificates from
the system.
"""

from __future__ import annotations

import contextlib
import csv
import datetime
import enum
import http.client
import json
import socket
import ssl
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any, Callable, Iterator, Mapping

from ifcbscan import __version__
from ifcbscan.clock import Clock
from ifcbscan.core.printable import brief, without_password
from ifcbscan.errors import ExitCode, IfcbscanError

#: Seconds without a byte, and seconds for a whole answer, after which a call has failed.
TIMEOUT = 30.0
LONGEST_ANSWER = 600.0

# Bytes that an answer may have at most: any JSON, any export, any one line of an export.
_JSON_LIMIT = 16 * 1024**2
_EXPORT_LIMIT = 512 * 1024**2
_LINE_LIMIT = 1024**2

_BLOCK = 65536

# `skip` is 1 or 0 (ifcbdb accession.py, export_metadata); other spellings are those that it accepts itself.
_SKIP = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


class DashboardError(IfcbscanError):
    """The dashboard did not say what it was asked; what is in the archive is not concerned."""


class DashboardUnreachable(DashboardError):
    """No usable answer: time-out, web page, error, redirect, or something that cannot be read."""

    exit_code = ExitCode.UNREACHABLE


class UnknownToDashboard(DashboardError):
    """It answered that there is no such account or time series (or that the time series is empty)."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True)
class PublishedBin:
    """A row of a metadata export. A bin with `skip` is registered, but left out of what people see."""

    dataset: str
    pid: str
    sample_time: str  # as the dashboard writes it
    skip: bool


class Standing(enum.Enum):
    """How a bin that the dashboard knows stands to one time series (a bin can be in one only)."""

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
    num_images: int | None
    timestamp_iso: str

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
class RecentBin:
    """The newest bin that the dashboard shows of a time series; the time is as it writes it."""

    pid: str
    timestamp: str


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None  # makes urllib raise the redirect as an HTTPError


class _NotFound(Exception):
    """HTTP 404."""


class Dashboard:
    """One ifcbdb instance. Each method is one request; none changes anything there."""

    def __init__(
        self,
        url: str,
        timeout: float = TIMEOUT,
        longest_answer: float = LONGEST_ANSWER,
        opener: urllib.request.OpenerDirector | None = None,
        clock: Clock | None = None,
    ) -> None:
        """`url` without `/api`. `timeout`: seconds without a byte; `longest_answer`: seconds in all."""
        self.url = url.rstrip("/")
        self._timeout = timeout
        self._longest_answer = longest_answer
        self._opener = opener or urllib.request.build_opener(_NoRedirect)
        self._clock = clock or Clock()

    def list_datasets(self, team: str) -> list[str]:
        """The names of an account's time series. Raises UnknownToDashboard, DashboardUnreachable."""
        try:
            answer = self._json("list_datasets/" + _quoted(team))
        except _NotFound:
            raise UnknownToDashboard(
                f"The dashboard {self._shown()} does not know the account {team!r}. Check USER_ACCOUNT in the .env "
                "file; accounts are made by the people who run the dashboard."
            ) from None
        names = answer.get("datasets")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise self._unreachable("answered without a list of time series")
        return names

    def bin_info(self, pid: str, dataset: str) -> BinInfo | None:
        """One bin, or None if the dashboard does not know it (or the time series). Raises DashboardUnreachable."""
        try:
            answer = self._json("bin/" + _quoted(pid), {"dataset": dataset})
        except _NotFound:
            return None
        datasets, skip = answer.get("datasets"), answer.get("skip")
        if not isinstance(datasets, list) or not isinstance(skip, bool):
            raise self._unreachable(f"answered about {pid} without saying in which time series it is")
        images = answer.get("num_images")
        return BinInfo(
            pid,
            tuple(str(name) for name in datasets),
            skip,
            images if isinstance(images, int) else None,
            str(answer.get("timestamp_iso") or ""),
        )

    def most_recent_bin(self, dataset: str) -> RecentBin:
        """The newest bin of a time series. Raises UnknownToDashboard if there is none, DashboardUnreachable."""
        try:
            answer = self._json("most_recent_bin", {"dataset": dataset})
        except _NotFound:
            raise self._unknown_series(dataset) from None
        if not isinstance(answer.get("pid"), str):
            raise self._unreachable("answered without a bin's id")
        return RecentBin(answer["pid"], str(answer.get("timestamp") or ""))

    def export_metadata(
        self, dataset: str, start: datetime.date, end: datetime.date
    ) -> Iterator[PublishedBin]:
        """The bins of a time series sampled from `start` to `end`, both days included, skipped ones as well.

        They come while the answer is read; only when the iteration ends without an error were they all.
        (The dashboard adds a day to `end`, so a few later bins may come along; it sends 500,000 at most.)
        Raises UnknownToDashboard if the time series is unknown or has no bin then; DashboardUnreachable.
        """
        query = {"start_date": start.isoformat(), "end_date": end.isoformat(), "include_skip": "true"}
        try:
            with self._answer("export_metadata/" + _quoted(dataset), query) as answer:
                yield from self._rows(answer, dataset)
        except _NotFound:
            raise self._unknown_series(dataset) from None

    def _rows(self, answer: _Answer, dataset: str) -> Iterator[PublishedBin]:
        reader = csv.reader(answer.lines(), strict=True)
        try:
            header = next(reader, [])
            try:
                pid, skip = header.index("pid"), header.index("skip")
            except ValueError:
                raise self._unreachable("answered something that is no list of bins") from None
            named = header.index("dataset") if "dataset" in header else None
            when = header.index("sample_time") if "sample_time" in header else None
            for row in reader:
                if not row:
                    continue
                if len(row) != len(header) or row[skip].lower() not in _SKIP:
                    raise self._unreachable(f"sent a list of bins that is broken at line {reader.line_num}")
                yield PublishedBin(
                    dataset if named is None else row[named],
                    row[pid],
                    "" if when is None else row[when],
                    _SKIP[row[skip].lower()],
                )
        except (csv.Error, UnicodeDecodeError):
            raise self._unreachable(f"sent a list of bins that is broken at line {reader.line_num}") from None

    def _json(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        with self._answer(path, query or {}) as answer:
            body = b"".join(answer.blocks(_JSON_LIMIT))
        try:
            parsed = json.loads(body.decode("utf-8"))
        except (ValueError, RecursionError):
            raise self._unreachable("answered something that is no JSON") from None
        if not isinstance(parsed, dict):
            raise self._unreachable("answered JSON that has another form")
        return parsed

    @contextlib.contextmanager
    def _answer(self, path: str, query: Mapping[str, str]) -> Iterator[_Answer]:
        """A good answer, to be read inside the block. Raises _NotFound, DashboardUnreachable."""
        url = f"{self.url}/api/{path}" + ("?" + urllib.parse.urlencode(query) if query else "")
        deadline = self._clock.monotonic() + self._longest_answer
        try:
            request = urllib.request.Request(url, headers={"User-Agent": "ifcbscan/" + __version__})
            with self._opener.open(request, timeout=self._timeout) as response:
                if response.headers.get_content_type() == "text/html":
                    raise self._unreachable("answered with a web page")
                yield _Answer(response, lambda: self._clock.monotonic() > deadline, self._unreachable)
        except urllib.error.HTTPError as error:
            with error:
                raise self._refusal(error.code, str(error.headers.get("Location", ""))) from None
        except urllib.error.URLError as error:
            raise self._unreachable(self._what_happened(error.reason)) from None
        # ValueError: an URL that cannot be one
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._unreachable(self._what_happened(error)) from None

    def _refusal(self, status: int, location: str) -> Exception:
        if status == 404:
            return _NotFound()
        if 300 <= status < 400:
            return self._unreachable(f"sends us elsewhere ({brief(location)})")
        return self._unreachable(f"answered HTTP {status}")

    def _what_happened(self, error: object) -> str:
        if isinstance(error, socket.timeout):
            return f"did not answer within {self._timeout:g} s"
        if isinstance(error, ssl.SSLError):
            return (
                f"gave no secure connection ({brief(error)}); a wrong clock on this computer can be the cause"
            )
        if isinstance(error, http.client.IncompleteRead):
            return "broke off in the middle of its answer"
        return f"could not be reached ({brief(error)})"

    def _unreachable(self, what: str) -> DashboardUnreachable:
        return DashboardUnreachable(
            f"The dashboard {self._shown()} {what}. That changes nothing about the data; try again later, and "
            "check DASHBOARD_URL if it lasts."
        )

    def _unknown_series(self, dataset: str) -> UnknownToDashboard:
        return UnknownToDashboard(
            f"The dashboard {self._shown()} does not know the time series {dataset!r}, or has no bin of it in that "
            "time. Check the spelling; a new time series is made on the dashboard, before the first bin is sent."
        )

    def _shown(self) -> str:
        return without_password(self.url)


class _Answer:
    """The body of an answer, read in blocks, within its limits of size and time."""

    def __init__(
        self,
        response: Any,
        too_late: Callable[[], bool],
        unreachable: Callable[[str], DashboardUnreachable],
    ) -> None:
        self._response = response
        self._too_late = too_late
        self._unreachable = unreachable
        length = response.headers.get("Content-Length", "")
        # http.client does not notice when a body that is read in blocks ends early.
        self._declared = int(length) if length.isdigit() else None

    def blocks(self, limit: int) -> Iterator[bytes]:
        """The body, at most `limit` bytes of it, else DashboardUnreachable."""
        received = 0
        while received != self._declared:
            # read1: whatever has arrived, so that an answer that drips in cannot outlast the deadline
            block = self._response.read1(_BLOCK)
            if self._too_late():
                raise self._unreachable("answered too slowly to wait for the end")
            if not block:
                break
            received += len(block)
            if received > limit:
                raise self._unreachable(f"answered with more than {limit:,} bytes")
            yield block
        if self._declared is not None and received != self._declared:
            raise self._unreachable("broke off in the middle of its answer")

    def lines(self) -> Iterator[str]:
        """The body line by line, with their ends."""
        rest = b""
        for block in self.blocks(_EXPORT_LIMIT):
            *whole, rest = (rest + block).split(b"\n")
            for line in whole:
                yield line.decode("utf-8") + "\n"
            if len(rest) > _LINE_LIMIT:
                raise self._unreachable("answered something that is no list of bins")
        if rest:
            # The dashboard ends every line; without a length this is how a cut answer shows.
            raise self._unreachable("broke off in the middle of its answer")


def _quoted(segment: str) -> str:
    return urllib.parse.quote(segment, safe="")
