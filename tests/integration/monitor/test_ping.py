"""`--ping`: what a monitor is told, over real HTTP, and that no monitor can hold up or break a run."""

from __future__ import annotations

import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Iterator, NamedTuple

import pytest

from ifcbscan.monitor.ping import Ping, filled_in

SECRET = "/6a1f-secret-check"


class Received(NamedTuple):
    """A call that the monitor got."""

    method: str
    path: str
    body: str


class Monitor:
    """A stand-in for a hosted monitor. `answer` is its status; a call whose path ends in a name of `slow`
    waits until `release`."""

    def __init__(self) -> None:
        self.calls: list[Received] = []
        self.answer = 200
        self.location = ""
        self.slow: tuple[str, ...] = ()
        self.release = threading.Event()
        monitor = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode("utf-8")
                if self.path.endswith(monitor.slow or ("never",)):
                    monitor.release.wait(30)
                monitor.calls.append(Received(self.command, self.path, body))
                self.send_response(monitor.answer)
                if monitor.location:
                    self.send_header("Location", monitor.location)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"OK")

            do_POST = do_GET

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}{SECRET}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self.release.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def monitor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Monitor]:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    made = Monitor()
    yield made
    made.close()


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a port that takes connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(8)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}{SECRET}"


def test_a_good_run_calls_start_and_then_the_address_itself(monitor: Monitor) -> None:
    ping = Ping(monitor.url)
    ping.start()
    assert ping.success() is None
    assert monitor.calls == [Received("GET", SECRET + "/start", ""), Received("GET", SECRET, "")]


def test_a_failed_run_calls_fail_with_the_summary_as_body(monitor: Monitor) -> None:
    ping = Ping(monitor.url)
    ping.start()
    assert ping.fail("nauset: 3 failed\nübel \udcff") is None
    assert monitor.calls == [
        Received("GET", SECRET + "/start", ""),
        Received("POST", SECRET + "/fail", "nauset: 3 failed\\nübel \\udcff"),
    ]


def test_a_failure_before_the_start_is_told_all_the_same(monitor: Monitor) -> None:
    assert Ping(monitor.url).fail("no .env file") is None
    assert [call.path for call in monitor.calls] == [SECRET + "/fail"]


def test_the_query_of_the_address_stays_and_a_final_slash_is_not_doubled(monitor: Monitor) -> None:
    for url in (monitor.url + "?rid=7&a=%2F", monitor.url + "/"):
        ping = Ping(url)
        ping.start()
        ping.fail("x")
    assert [call.path for call in monitor.calls] == [
        SECRET + "/start?rid=7&a=%2F",
        SECRET + "/fail?rid=7&a=%2F",
        SECRET + "/start",
        SECRET + "/fail",
    ]


def test_a_long_summary_is_cut(monitor: Monitor) -> None:
    assert Ping(monitor.url).fail("é" * 100000) is None
    assert len(monitor.calls[0].body.encode("utf-8")) <= 10002


def test_the_end_is_never_told_before_the_start(monitor: Monitor) -> None:
    monitor.slow = ("/start",)
    ping = Ping(monitor.url)
    ping.start()
    threading.Timer(0.2, monitor.release.set).start()
    assert ping.success() is None
    assert [call.path for call in monitor.calls] == [SECRET + "/start", SECRET]


def test_the_start_does_not_hold_up_the_run(silent: str) -> None:
    began = time.monotonic()
    Ping(silent, answer_timeout=30, call_timeout=30).start()
    assert time.monotonic() - began < 5


def test_a_monitor_that_does_not_answer_is_waited_for_only_so_long(silent: str) -> None:
    ping = Ping(silent, answer_timeout=0.2, call_timeout=10)
    ping.start()
    began = time.monotonic()
    warning = ping.success()
    assert time.monotonic() - began < 5
    assert warning is not None and "timed out" in warning


def test_a_call_that_nothing_ends_is_left_behind(monitor: Monitor) -> None:
    # as when the search for the address itself hangs, which has no time-out
    monitor.slow = ("/fail",)
    began = time.monotonic()
    warning = Ping(monitor.url, answer_timeout=60, call_timeout=0.2).fail("x")
    assert time.monotonic() - began < 5
    assert warning is not None and "no answer in time" in warning


@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_a_refusal_is_a_warning_without_the_address(monitor: Monitor, status: int) -> None:
    monitor.answer = status
    warning = Ping(monitor.url).success()
    assert (
        warning == f"the monitor at 127.0.0.1 could not be told how the run ended (it answered HTTP {status})"
    )


def test_a_redirect_to_a_file_is_not_followed(monitor: Monitor) -> None:
    monitor.answer, monitor.location = 302, "file:///etc/passwd"
    warning = Ping(monitor.url).success()
    assert warning is not None and "it answered HTTP 302" in warning


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/6a1f-secret-check",
        "6a1f-secret-check",
        "https://",
        "https://[1::2/6a1f-secret-check",
        "http://127.0.0.1:port/6a1f-secret-check",
        "http://127.0.0.1:1/6a1f secret-check",
        "http://127.0.0.1:1/6a1f-secret-check\r\nX: y",
        "http://127.0.0.1:1/6a1f-secret-chéck",
        "http://127.0.0.1:1/6a1f-secret-check",  # nobody listens there
        "",
    ],
)
def test_an_address_that_cannot_work_is_a_warning_that_does_not_show_it(url: str, capsys: Any) -> None:
    ping = Ping(url)
    ping.start()
    for warning in (ping.success(), ping.fail("summary")):
        assert warning is not None and "secret" not in warning and "\n" not in warning
    assert capsys.readouterr().err == ""  # no traceback of a thread either


def test_something_that_is_no_web_server_is_a_warning() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(1)

        def greet() -> None:
            with listening.accept()[0] as connection:
                connection.recv(1000)
                connection.sendall(b"220 mail.example ESMTP\r\n")

        threading.Thread(target=greet, daemon=True).start()
        warning = Ping(f"http://127.0.0.1:{listening.getsockname()[1]}/x").success()
    assert warning is not None and "did not come from a web server" in warning


def test_one_address_serves_several_time_series() -> None:
    url = "https://ping.example.org/key/ifcb-{time_series}?create=1"
    assert filled_in(url, "nauset") == "https://ping.example.org/key/ifcb-nauset?create=1"
    assert filled_in(url, "a b/c") == "https://ping.example.org/key/ifcb-a%20b%2Fc?create=1"
    assert filled_in("https://ping.example.org/key", "nauset") == "https://ping.example.org/key"
