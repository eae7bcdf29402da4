"""A stand-in for the dashboard (ifcbdb): a real HTTP server with the calls that need no login.

It answers as ifcbdb does (dashboard/views.py, accession.py: names of columns, 404s, `skip` as 1 or 0),
or misbehaves as told, and writes down what it was asked. Where releases differ, or a setting does, a test
chooses (`teams_on`, `columns`). `api/sync_bin` is there too, so that a test can see that nobody called it.
It shares no code with ifcbscan.
"""

from __future__ import annotations

import csv
import datetime
import enum
import io
import itertools
import json
import threading
import urllib.parse
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Behaviour(enum.Enum):
    """How a request is answered."""

    GOOD = "as it should be"
    SILENT = "takes the request and says nothing until the server ends"
    HTML = "200 with a web page"
    ERROR = "500 with a web page"
    REDIRECT = "302 to `redirect_to`"
    NO_JSON = "JSON or CSV that ends in the middle, whole as HTTP goes"
    WRONG_FORM = "JSON or CSV that says something else"
    CUT = "half of the bytes that were announced"
    CUT_STREAM = "half of a body without a length"
    CLOSE = "closes the connection without an answer"
    ENDLESS = "a line that never ends"
    DRIP = "a byte now and then, for ever"


class Columns(enum.Enum):
    """How an export looks, by release."""

    SIXTEEN = "plain values"
    RELEASE_5_2 = "20 columns, with tags, every value in quotes"


@dataclass
class ShownBin:
    """A bin in the dashboard's database; `comment` ends up in the export as free text.

    `sample_time` (UTC, without a time zone): what people have made of the time in the pid.
    """

    pid: str
    skip: bool = False
    num_images: int = 10
    comment: str = ""
    sample_time: datetime.datetime | None = None

    @property
    def sampled(self) -> datetime.datetime:
        """When the sample was taken, by the dashboard's database: in UTC, without a time zone."""
        if self.sample_time is not None:
            return self.sample_time
        if self.pid.startswith("IFCB"):
            return datetime.datetime.strptime(self.pid[6:], "%Y_%j_%H%M%S")
        return datetime.datetime.strptime(self.pid[:16], "D%Y%m%dT%H%M%S")


@dataclass(frozen=True)
class Asked:
    """One request: the decoded path, and its query."""

    path: str
    query: dict[str, str]


@dataclass
class DashboardStandIn:
    """Alive inside its `with` block, on a free port of 127.0.0.1.

    `teams`: account -> its time series. `bins`: time series -> its bins; a bin may be in several.
    `outside`: bins with a row and no time series: broken rows (`skip`), bins without images.
    `behaviour`: path, or the beginning of one (`/api/bin/`), -> Behaviour; the longest that fits holds.
    `teams_on`: whether ifcbdb's Teams are switched on, so that the time series of one account can be listed.
    `now` (UTC, without a time zone): the dashboard's clock, None for the computer's own.
    All of them may be changed while it runs.
    """

    teams: dict[str, list[str]] = field(default_factory=dict)
    bins: dict[str, list[ShownBin]] = field(default_factory=dict)
    outside: list[ShownBin] = field(default_factory=list)
    behaviour: dict[str, Behaviour] = field(default_factory=dict)
    teams_on: bool = True
    columns: Columns = Columns.SIXTEEN
    now: datetime.datetime | None = None
    redirect_to: str = "/login"
    asked: list[Asked] = field(default_factory=list)
    url: str = ""

    def __enter__(self) -> DashboardStandIn:
        self._ended = threading.Event()
        self._server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"dashboard": self}))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        return self

    def __exit__(self, *_: Any) -> None:
        self._ended.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def paths(self) -> list[str]:
        """The paths of all requests so far, in their order."""
        return [asked.path for asked in self.asked]

    def move(self, pid: str, series: str) -> None:
        """Somebody moves a bin into another time series: it is in that one alone then."""
        holders = [(items, item) for items in self.bins.values() for item in items if item.pid == pid]
        for items, item in holders:
            items.remove(item)
        self.bins.setdefault(series, []).append(holders[0][1])

    def rename(self, series: str, to: str) -> None:
        """Somebody renames a time series: of the old name nothing is known any more."""
        self.bins[to] = self.bins.pop(series)
        for names in self.teams.values():
            names[:] = [to if name == series else name for name in names]

    def how(self, path: str) -> Behaviour:
        """What to do about a request for `path`."""
        fitting = [beginning for beginning in self.behaviour if path.startswith(beginning)]
        return self.behaviour[max(fitting, key=len)] if fitting else Behaviour.GOOD

    def answer(self, asked: Asked) -> tuple[str, bytes] | None:
        """Content type and body as ifcbdb would send them; None for a 404."""
        call, _, name = asked.path[len("/api/") :].partition("/")
        series = asked.query.get("dataset", "")
        if call == "list_datasets":
            return self._list(name)
        if call == "bin":
            return self._bin(name, series)
        if call == "export_metadata":
            return self._export(name, asked.query)
        if call == "most_recent_bin":
            return self._most_recent(series)
        if call == "timeline_info":
            return self._timeline_info(series)
        if call == "sync_bin" and series in self.bins:
            return _json({"result": "exists"})
        return None

    def _list(self, team: str) -> tuple[str, bytes] | None:
        if not team:
            return _json({"datasets": sorted({*self.bins, *itertools.chain(*self.teams.values())})})
        if not self.teams_on or team not in self.teams:
            return None
        return _json({"datasets": self.teams[team]})

    def _most_recent(self, series: str) -> tuple[str, bytes] | None:
        now = self.now or datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
        past = [item for item in self.bins.get(series, []) if not item.skip and item.sampled <= now]
        if not past:
            return None
        newest = max(past, key=lambda item: item.sampled)
        return _json({"pid": newest.pid, "timestamp": newest.sampled.isoformat() + "+00:00"})

    def _timeline_info(self, series: str) -> tuple[str, bytes]:
        bins = [item for item in self.bins.get(series, []) if not item.skip]
        if not bins:
            return _json({"n_bins": None, "total_data_volume": None, "n_images": None})
        images = sum(item.num_images for item in bins)
        return _json({"n_bins": len(bins), "total_data_volume": 0.1, "n_images": images})

    def _bin(self, pid: str, series: str) -> tuple[str, bytes] | None:
        holders = {name: item for name, items in self.bins.items() for item in items if item.pid == pid}
        rows = [*holders.values(), *(item for item in self.outside if item.pid == pid)]
        if not rows or (series and series not in self.bins):
            return None
        item = rows[0]
        return _json(
            {
                "datasets": list(holders),
                "primary_dataset": series,
                "skip": item.skip,
                "num_images": item.num_images,
                "timestamp_iso": item.sampled.isoformat() + "+00:00",
                "coordinates": [],
            }
        )

    def _export(self, series: str, query: dict[str, str]) -> tuple[str, bytes] | None:
        start = datetime.datetime.strptime(query.get("start_date", "1970-01-01"), "%Y-%m-%d")
        end = datetime.datetime.strptime(query.get("end_date", "2999-12-31"), "%Y-%m-%d")
        end += datetime.timedelta(days=1)  # and that moment itself, as ifcbdb does
        with_skipped = query.get("include_skip", "true").lower() == "true"
        rows = [
            item
            for item in self.bins.get(series, [])
            if start <= item.sampled <= end and (with_skipped or not item.skip)
        ]
        if not rows:
            return None
        text = io.StringIO()
        names, quoted = _COLUMNS[self.columns]
        writer = csv.DictWriter(text, names, "", dialect=_Quoted if quoted else _Plain)
        writer.writeheader()
        for item in sorted(rows, key=lambda item: item.pid):
            known = {
                "dataset": series,
                "pid": item.pid,
                "sample_time": item.sampled.strftime("%Y-%m-%d %H:%M:%S+00:00"),
                "ifcb": 5,
                "ml_analyzed": 4.9,
                "n_images": item.num_images,
                "comment_summary": item.comment,
                "skip": int(item.skip),
            }
            writer.writerow(known)
        return "text/csv", text.getvalue().encode("utf-8")


class _Plain(csv.excel):
    lineterminator = "\n"


class _Quoted(_Plain):
    quoting = csv.QUOTE_ALL


_FIRST = ["dataset", "pid", "sample_time", "ifcb", "ml_analyzed", "latitude", "longitude", "depth"]
_MIDDLE = ["cruise", "cast", "niskin", "sample_type", "n_images"]
_LAST = ["comment_summary", "trigger_selection", "skip"]
_COLUMNS = {
    Columns.SIXTEEN: ([*_FIRST, *_MIDDLE, *_LAST], False),
    Columns.RELEASE_5_2: ([*_FIRST, *_MIDDLE, "tag1", "tag2", "tag3", "tag4", *_LAST], True),
}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a client that had read enough


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    dashboard: DashboardStandIn

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        stand_in = self.dashboard
        parts = urllib.parse.urlsplit(self.path)
        asked = Asked(urllib.parse.unquote(parts.path), dict(urllib.parse.parse_qsl(parts.query)))
        stand_in.asked.append(asked)
        how = stand_in.how(asked.path)
        self.close_connection = True
        if how is Behaviour.SILENT:
            stand_in._ended.wait()
        elif how is Behaviour.HTML:
            self._send(200, "text/html; charset=utf-8", b"<html><body>Please log in</body></html>")
        elif how is Behaviour.ERROR:
            self._send(500, "text/html", b"<html><body>Server Error (500)</body></html>")
        elif how is Behaviour.REDIRECT:
            self._send(302, "text/html", b"", location=stand_in.redirect_to)
        elif how is Behaviour.ENDLESS:
            self._head(200, "application/json")
            while not stand_in._ended.is_set():
                self.wfile.write(b"x" * 65536)
        elif how is Behaviour.DRIP:
            self._head(200, "application/json")
            while not stand_in._ended.wait(0.05):
                self.wfile.write(b" ")
                self.wfile.flush()
        elif how is not Behaviour.CLOSE:
            answer = stand_in.answer(asked)
            if answer is None:
                self._send(404, "text/html", b"<html><body>Not Found</body></html>")
            else:
                self._spoilt(how, *answer)

    def _spoilt(self, how: Behaviour, kind: str, body: bytes) -> None:
        half = body[: len(body) // 2]
        if how is Behaviour.NO_JSON:
            self._send(200, kind, half)
        elif how is Behaviour.WRONG_FORM:
            self._send(200, kind, b"[1, 2]\n" if kind == "application/json" else b"a,b\n1,2\n")
        elif how is Behaviour.CUT:
            self._send(200, kind, half, announced=len(body))
        elif how is Behaviour.CUT_STREAM:
            self._head(200, kind)
            self.wfile.write(half)
        else:
            self._send(200, kind, body)

    def _send(
        self, status: int, kind: str, body: bytes, announced: int | None = None, location: str = ""
    ) -> None:
        self._head(status, kind, len(body) if announced is None else announced, location)
        self.wfile.write(body)

    def _head(self, status: int, kind: str, length: int | None = None, location: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Connection", "close")
        if length is not None:
            self.send_header("Content-Length", str(length))
        if location:
            self.send_header("Location", location)
        self.end_headers()


def _json(answer: dict[str, Any]) -> tuple[str, bytes]:
    return "application/json", json.dumps(answer).encode("utf-8")
