"""`--ping URL`: tells a monitor of scheduled jobs that a run began, succeeded or failed.

The convention of hosted cron monitors (a dead man's switch): `URL/start`, `URL`, and `URL/fail` with the
summary as body. The monitor raises the alarm when the calls stay away. A call that fails does not change the
result of a run: it becomes a line of warning. All calls of a run together hold it up for 16 seconds at most.
Whoever knows the URL can call it, so it is treated as a secret: no message shows more of it than the host.
`{time_series}` in it stands for the name of the time series, so that one setting serves several jobs.
"""

from __future__ import annotations

import http.client
import threading
import urllib.error
import urllib.parse
import urllib.request

from ifcbscan import __version__
from ifcbscan.core.printable import printable

#: How long a server may be silent, and how long a whole call may take (looking up the address has no time-out of its
#: own). Seconds.
ANSWER_TIMEOUT = 5.0
CALL_TIMEOUT = 8.0

#: More of a summary is not sent. It is one line or a few, and monitors keep 10 to 100 kB. Bytes.
_BODY_LIMIT = 10000


#: Stands in an address for the name of the time series.
TIME_SERIES = "{time_series}"


def filled_in(url: str, time_series: str) -> str:
    """The address of one job: `url` with the time series, quoted, in the place of `{time_series}`."""
    return url.replace(TIME_SERIES, urllib.parse.quote(time_series, safe=""))


class Ping:
    """The calls about one run. The first one is made while the run goes on."""

    def __init__(
        self, url: str, answer_timeout: float = ANSWER_TIMEOUT, call_timeout: float = CALL_TIMEOUT
    ) -> None:
        """Timeouts in seconds; `url` may carry a query, which all calls keep."""
        self._url = url
        self._answer_timeout = answer_timeout
        self._call_timeout = call_timeout
        self._started: _Call | None = None

    def start(self) -> None:
        """Say that a run has begun. Returns at once."""
        self._started = self._call("/start", None)

    def success(self) -> str | None:
        """Say that the run has succeeded. Returns a warning if the monitor could not be told."""
        return self._finish(self._call_after_start("", None))

    def fail(self, summary: str) -> str | None:
        """Say that the run has failed, and how. Returns a warning if the monitor could not be told."""
        return self._finish(self._call_after_start("/fail", summary))

    def _call_after_start(self, ending: str, summary: str | None) -> _Call:
        if self._started is not None:
            self._started.join(self._call_timeout)  # else the monitor might see the end before the start
        return self._call(ending, summary)

    def _call(self, ending: str, summary: str | None) -> _Call:
        call = _Call(self._url, ending, summary, self._answer_timeout)
        call.start()
        return call

    def _finish(self, call: _Call) -> str | None:
        call.join(self._call_timeout)
        trouble = "no answer in time" if call.is_alive() else call.trouble
        if not trouble:
            return None
        return f"the monitor at {_host(self._url)} could not be told how the run ended ({trouble})"


class _Call(threading.Thread):
    """One call, in a thread of its own that does not keep the process alive."""

    def __init__(self, url: str, ending: str, summary: str | None, timeout: float) -> None:
        super().__init__(name="ping", daemon=True)
        self._url = url
        self._ending = ending
        # the limit may cut through a character
        self._body = None if summary is None else printable(summary).encode("utf-8")[:_BODY_LIMIT]
        self._timeout = timeout
        self.trouble = ""

    def run(self) -> None:
        try:
            self._send()
        except urllib.error.HTTPError as error:
            error.close()
            self.trouble = f"it answered HTTP {error.code}"
        except (http.client.InvalidURL, ValueError):  # their texts quote the address
            self.trouble = "its address cannot be used; check --ping or PING_URL"
        except http.client.HTTPException:
            self.trouble = "the answer did not come from a web server"
        except OSError as error:
            reason = getattr(error, "reason", error)
            self.trouble = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__

    def _send(self) -> None:
        request = urllib.request.Request(
            _address(self._url, self._ending),
            data=self._body,
            headers={"User-Agent": "ifcbscan/" + __version__, "Content-Type": "text/plain; charset=utf-8"},
        )
        with urllib.request.build_opener().open(request, timeout=self._timeout):
            pass  # the status is all that counts


def _address(url: str, ending: str) -> str:
    """`url` with `ending` added to its path. Raises ValueError if it is not an http or https address."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        raise ValueError(url)
    path = parts.path.rstrip("/") + ending if ending else parts.path
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))


def _host(url: str) -> str:
    try:
        return urllib.parse.urlsplit(url).hostname or "?"
    except ValueError:
        return "?"
