"""One GET to the dashboard's server, within its limits of time and size. Knows no call and no answer's meaning.

Standard library only. Nothing is tried a second time, and no redirect is followed, so that an answer is always that of
the server in DASHBOARD_URL. Proxies come from the environment, certificates from the system.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import threading
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Callable, Iterator, Mapping

from ifcbscan import __version__
from ifcbscan.clock import Clock
from ifcbscan.core.printable import brief, without_password
from ifcbscan.core.tls import why_no_secure_connection
from ifcbscan.errors import ExitCode, IfcbscanError

#: Seconds without a byte, for an answer's status and headers, and for a whole answer, after which a call has failed.
TIMEOUT = 30.0
LONGEST_HEADERS = 60.0
LONGEST_ANSWER = 600.0

# Bytes that an answer may have at most: any JSON, any export, any one line of an export.
_JSON_LIMIT = 16 * 1024**2
_EXPORT_LIMIT = 512 * 1024**2
_LINE_LIMIT = 1024**2

_BLOCK = 65536


class DashboardError(IfcbscanError):
    """The dashboard did not say what it was asked; what is in the archive is not concerned."""


class DashboardUnreachable(DashboardError):
    """No usable answer: time-out, web page, error, redirect, or something that cannot be read."""

    exit_code = ExitCode.UNREACHABLE


class NotFound(Exception):
    """HTTP 404."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None  # makes urllib raise the redirect as an HTTPError


class Site:
    """The server of one dashboard, asked below `/api/`."""

    def __init__(
        self,
        url: str,
        timeout: float = TIMEOUT,
        longest_answer: float = LONGEST_ANSWER,
        opener: urllib.request.OpenerDirector | None = None,
        longest_headers: float = LONGEST_HEADERS,
    ) -> None:
        """`url` without `/api`. `timeout`: seconds without a byte; `longest_answer`: seconds in all.

        `longest_headers`: seconds until the headers are there, `longest_answer` at most.
        """
        self._url = url.rstrip("/")
        self._timeout = timeout
        self._longest_answer = longest_answer
        self._longest_headers = min(longest_headers, longest_answer)
        self._opener = opener or urllib.request.build_opener(_NoRedirect)
        self._clock = Clock()

    def json(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """An answer that is a JSON object. Raises NotFound, DashboardUnreachable."""
        with self._reply(path, query or {}) as reply:
            body = b"".join(reply.blocks(_JSON_LIMIT))
        try:
            parsed = json.loads(body.decode("utf-8"))
        except (ValueError, RecursionError):
            raise self.unreachable("answered something that is no JSON") from None
        if not isinstance(parsed, dict):
            raise self.unreachable("answered JSON that has another form")
        return parsed

    def lines(self, path: str, query: Mapping[str, str]) -> Iterator[str]:
        """An answer line by line, with their ends, while it is read; only when the iteration ends was it whole.

        Raises NotFound, DashboardUnreachable, UnicodeDecodeError.
        """
        with self._reply(path, query) as reply:
            yield from reply.lines()

    @contextlib.contextmanager
    def _reply(self, path: str, query: Mapping[str, str]) -> Iterator[_Reply]:
        """A good answer, to be read inside the block. Raises NotFound, DashboardUnreachable."""
        url = f"{self._url}/api/{path}" + ("?" + urllib.parse.urlencode(query) if query else "")
        deadline = self._clock.monotonic() + self._longest_answer
        try:
            request = urllib.request.Request(url, headers={"User-Agent": "ifcbscan/" + __version__})
            with self._opened(request) as response:
                if response.headers.get_content_type() == "text/html":
                    raise self.unreachable("answered with a web page")
                yield _Reply(response, lambda: self._clock.monotonic() > deadline, self.unreachable)
        except urllib.error.HTTPError as error:
            with error:
                raise self._refusal(error.code, str(error.headers.get("Location", ""))) from None
        except urllib.error.URLError as error:
            raise self.unreachable(self._what_happened(error.reason)) from None
        except UnicodeDecodeError:
            raise  # the caller's, of a line
        # ValueError: an URL that cannot be one
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self.unreachable(self._what_happened(error)) from None

    def _opened(self, request: urllib.request.Request) -> Any:
        """The answer once its headers are there. Raises DashboardUnreachable if they take too long."""
        opening = _Opening(lambda: self._opener.open(request, timeout=self._timeout))
        opening.start()
        if not opening.is_over(self._longest_headers):
            raise self.unreachable("answered too slowly to wait for the end")
        if opening.trouble is not None:
            raise opening.trouble
        return opening.response

    def _refusal(self, status: int, location: str) -> Exception:
        if status == 404:
            return NotFound()
        if 300 <= status < 400:
            return self.unreachable(f"sends us elsewhere ({brief(location)})")
        return self.unreachable(f"answered HTTP {status}")

    def _what_happened(self, error: object) -> str:
        if isinstance(error, socket.timeout):
            return f"did not answer within {self._timeout:g} s"
        if isinstance(error, ssl.SSLError):
            why = why_no_secure_connection(error, "DASHBOARD_URL", "SSL_CERT_FILE in the environment")
            return f"gave no secure connection: {why}"
        if isinstance(error, http.client.IncompleteRead):
            return "broke off in the middle of its answer"
        return f"could not be reached ({brief(error)})"

    def unreachable(self, what: str) -> DashboardUnreachable:
        """The error of a dashboard that did `what`."""
        return DashboardUnreachable(
            f"The dashboard {self.shown()} {what}. That changes nothing about the data; try again later, and "
            "check DASHBOARD_URL if it lasts."
        )

    def shown(self) -> str:
        """The address as it may be shown."""
        return without_password(self._url)


class _Opening(threading.Thread):
    """One request until its headers are there, in a thread of its own that does not keep the process alive.

    The time-out of a socket is for silence: headers that come byte by byte never exceed it.
    """

    def __init__(self, open_it: Callable[[], Any]) -> None:
        super().__init__(name="dashboard", daemon=True)
        self._open = open_it
        self._given_up = False
        self._lock = threading.Lock()
        self.response: Any = None
        self.trouble: Exception | None = None

    def run(self) -> None:
        try:
            response = self._open()
        except Exception as error:
            self.trouble = error
            return
        with self._lock:
            self.response = response
            if self._given_up:
                response.close()

    def is_over(self, seconds: float) -> bool:
        """Wait at most so long; what comes after that is closed unread."""
        self.join(seconds)
        with self._lock:
            self._given_up = self.response is None and self.is_alive()
            return not self._given_up


class _Reply:
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
        """The body line by line, with their ends. Raises UnicodeDecodeError for bytes that are no UTF-8."""
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
