"""A small HTTP server that answers as it is told, in order, and writes down what it was asked.

It stands where a test needs an answer that a real S3 server gives only on a bad day. With `upstream`
it stands in front of a real server: requests that the script does not answer are handed on, so that
a test can spoil one request out of many, or watch the order in which the real server was given its
files. It knows HTTP and S3's error format, and nothing of bins.
"""

from __future__ import annotations

import contextlib
import enum
import hashlib
import http.client
import io
import select
import socket
import ssl
import struct
import threading
import time
import urllib.parse
from collections import Counter
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Iterable, Iterator

_BLOCK = 65536
_KEPT_BODY = 1 << 20
_HOP_BY_HOP = {"connection", "expect", "keep-alive", "transfer-encoding"}


@dataclass(frozen=True)
class Answer:
    """What the server says. A `Date` header is added unless it is among `headers`."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Slow:
    """An answer that comes in pieces of `size` bytes, with a pause of `seconds` before each: all, or only its body."""

    answer: Answer
    seconds: float
    body_only: bool = False
    size: int = 1


@dataclass(frozen=True)
class CutShort:
    """After `size` bytes of the body an answer, if there is one, and a reset of the connection."""

    answer: Answer | None
    size: int = 200000


class Act(enum.Enum):
    """What the server does instead of answering by itself."""

    RESET = "reset"  # read the request's head, then reset the connection
    DROP = "drop"  # read the whole request, then close without an answer
    STALL = "stall"  # read the whole request, then say nothing until the server ends
    FORWARD = "forward"  # let `upstream` answer
    FORWARD_THEN_DROP = "forward then drop"  # let it take effect upstream, and lose the answer


@dataclass
class Request:
    """One request, in the order of their arrival. `answered` is the status sent or received, 0 for none.

    `size` and `md5` (hex) are those of the body; `body` itself is kept up to 1 MiB. `path` is decoded;
    `headers` have lower-case names; `port` is the client's end of the connection.
    """

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes = b""
    size: int = 0
    md5: str = ""
    answered: int = 0
    port: int = 0

    @property
    def kind(self) -> str:
        """`list`, `get`, `head` or `put`, as ifcbscan counts them."""
        return "list" if self.method == "GET" and "list-type=2" in self.query else self.method.lower()

    @property
    def name(self) -> str:
        """The last part of the path: the file name of an object."""
        return self.path.rsplit("/", 1)[-1]


@dataclass
class _State:
    script: list[Any]
    then: Any
    upstream: urllib.parse.SplitResult
    delay: float
    shift: float
    watcher: Callable[[Request], None] | None
    filtered: Callable[[Request], Answer | None] | None
    requests: list[Request] = field(default_factory=list)
    stored: list[Request] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)
    ended: threading.Event = field(default_factory=threading.Event)


class ScriptedServer:
    """Alive inside its `with` block, on a free port of 127.0.0.1.

    `script`: an Answer, a Slow, a CutShort or an Act for each request, in order; `then` is for those that come later, and
    defaults to handing on (with `upstream`) or to 500. `delay`: seconds before each PUT is taken.
    `shift`: seconds by which upstream's Date headers are set forward. `watcher` is called with each
    request before it is answered. `filtered`: what a filter on the way answers to a
    request, None if it lets it through. `tls`: speak https. As a proxy it also makes tunnels (CONNECT).
    """

    def __init__(
        self,
        script: Iterable[Any] = (),
        then: Any = None,
        upstream: str = "",
        delay: float = 0.0,
        shift: float = 0.0,
        watcher: Callable[[Request], None] | None = None,
        tls: ssl.SSLContext | None = None,
        filtered: Callable[[Request], Answer | None] | None = None,
    ) -> None:
        self._tls = tls
        fallback = Act.FORWARD if upstream else s3_error(500, "InternalError", "the script is at its end")
        self._state = _State(
            list(script),
            then or fallback,
            urllib.parse.urlsplit(upstream),
            delay,
            shift,
            watcher,
            filtered,
        )

    def __enter__(self) -> ScriptedServer:
        handler = type("Handler", (_Handler,), {"state": self._state})
        self._server = _Server(("127.0.0.1", 0), handler)
        if self._tls is not None:
            # each connection's handshake in its own thread, where the first byte is read
            self._server.socket = self._tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        scheme = "http" if self._tls is None else "https"
        self.endpoint = f"{scheme}://127.0.0.1:{self._server.server_address[1]}"
        return self

    def __exit__(self, *_: Any) -> None:
        self._state.ended.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def requests(self) -> list[Request]:
        """Every request so far."""
        with self._state.arrived:
            return list(self._state.requests)

    @property
    def stored(self) -> list[Request]:
        """The PUTs that took effect upstream, in the order in which they did."""
        with self._state.arrived:
            return list(self._state.stored)

    def kinds(self) -> dict[str, int]:
        """How many requests of each kind came in; a kind of which there was none is not named."""
        return dict(Counter(request.kind for request in self.requests))

    def names(self, kind: str) -> list[str]:
        """The file names of the requests of one kind, in order."""
        return [request.name for request in self.requests if request.kind == kind]

    def wait_for(self, kind: str, count: int = 1, timeout: float = 60.0) -> None:
        """Return once `count` requests of a kind have come in; fail after `timeout` seconds."""

        def enough() -> bool:
            return sum(request.kind == kind for request in self._state.requests) >= count

        with self._state.arrived:
            assert self._state.arrived.wait_for(enough, timeout), f"no {kind} request in {timeout} s"

    def shift_dates(self, seconds: float) -> None:
        """From now on upstream's Date headers are set forward by so much."""
        self._state.shift = seconds


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def shutdown_request(self, request: Any) -> None:
        self.close_request(request)  # without the FIN that would come before a reset

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a client that was killed


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    state: _State

    def log_message(self, *_: Any) -> None:
        pass

    def _handle(self) -> None:
        state = self.state
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, urllib.parse.unquote(path), query, headers)
        request.port = self.client_address[1]
        if self.command == "PUT" and state.delay:
            state.ended.wait(state.delay)
        with state.arrived:
            state.requests.append(request)
            blocked = state.filtered(request) if state.filtered is not None else None
            act = blocked or (state.script.pop(0) if state.script else state.then)
            state.arrived.notify_all()
        if act is Act.RESET or isinstance(act, CutShort):
            if isinstance(act, CutShort):
                self.rfile.read(min(act.size, int(request.headers.get("content-length", 0))))
                if act.answer is not None:
                    # At once: what still waits for an acknowledgement when the connection is reset is lost.
                    self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self._drip(request, Slow(act.answer, 0.0, size=1 << 20))
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
        elif act in (Act.FORWARD, Act.FORWARD_THEN_DROP):
            self._forward(request, act)
        else:
            for _ in self._body(request):
                pass
            self._watched(request)
            if isinstance(act, Answer):
                self._answer(request, act)
            elif isinstance(act, Slow):
                self._drip(request, act)
            elif act is Act.STALL:
                state.ended.wait()
            self.close_connection = self.close_connection or not isinstance(act, Answer)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _handle

    def do_CONNECT(self) -> None:
        """A proxy's tunnel to a server that speaks https."""
        act = self.state.script.pop(0) if self.state.script else self.state.then
        self.close_connection = True
        if isinstance(act, (Answer, Slow)):
            slow = act if isinstance(act, Slow) else Slow(act, 0.0)
            self._drip(Request("CONNECT", self.path, "", {}), slow)
            return
        host, _, port = self.path.rpartition(":")
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=60) as there:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            ends = {self.connection: there, there: self.connection}
            while not self.state.ended.is_set():
                readable, _, _ = select.select(list(ends), [], [], 0.1)
                for end in readable:
                    block = end.recv(_BLOCK)
                    if not block:
                        return
                    ends[end].sendall(block)

    def _watched(self, request: Request) -> None:
        if self.state.watcher is not None:
            self.state.watcher(request)

    def _body(self, request: Request) -> Iterator[bytes]:
        """The body, block by block; ends early if the client does."""
        digest = hashlib.md5()
        left = int(request.headers.get("content-length", 0))
        while left:
            block = self.rfile.read(min(left, _BLOCK))
            if not block:
                return
            left -= len(block)
            digest.update(block)
            request.size += len(block)
            if request.size <= _KEPT_BODY:
                request.body += block
            yield block
        request.md5 = digest.hexdigest()

    def _forward(self, request: Request, act: Act) -> None:
        state = self.state
        with contextlib.closing(_connection_to(state.upstream)) as connection:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():  # Host as well: it is part of what was signed
                if name.lower() not in _HOP_BY_HOP:
                    connection.putheader(name, value)
            connection.endheaders()
            for block in self._body(request):
                connection.send(block)
            if request.size < int(request.headers.get("content-length", 0)):
                return  # the client was cut off, and so is its request upstream
            self._watched(request)
            answer = connection.getresponse()
            body = answer.read()
        with state.arrived:
            request.answered = answer.status
            if request.kind == "put" and answer.status == 200:
                state.stored.append(request)
            state.arrived.notify_all()
        if act is Act.FORWARD_THEN_DROP:
            self.close_connection = True
            return
        headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in _HOP_BY_HOP]
        if state.shift:
            headers = [item for item in headers if item[0].lower() != "date"]
            headers.append(("Date", formatdate(time.time() + state.shift, usegmt=True)))
        self._answer(request, Answer(answer.status, body, tuple(headers)))

    def _drip(self, request: Request, slow: Slow) -> None:
        wire, self.wfile = self.wfile, io.BytesIO()
        self._answer(request, slow.answer)
        answer, self.wfile = self.wfile.getvalue(), wire
        at_once = answer.index(b"\r\n\r\n") + 4 if slow.body_only else 0
        with contextlib.suppress(OSError):  # the client has given up
            self.wfile.write(answer[:at_once])
            for position in range(at_once, len(answer), slow.size):
                if self.state.ended.wait(slow.seconds):
                    return
                self.wfile.write(answer[position : position + slow.size])

    def _answer(self, request: Request, answer: Answer) -> None:
        request.answered = answer.status
        names = {name.lower() for name, _ in answer.headers}
        self.send_response_only(answer.status)
        if "date" not in names:
            self.send_header("Date", formatdate(usegmt=True))
        if "content-length" not in names:
            self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)


def _connection_to(upstream: urllib.parse.SplitResult) -> http.client.HTTPConnection:
    if upstream.scheme == "https":
        trusting = ssl._create_unverified_context()
        return http.client.HTTPSConnection(upstream.netloc, timeout=60, context=trusting)
    return http.client.HTTPConnection(upstream.netloc, timeout=60)


def s3_error(status: int, code: str, message: str = "told to") -> Answer:
    """An error as S3 words it."""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>1</RequestId></Error>"
    )
    return Answer(status, body.encode("utf-8"), (("Content-Type", "application/xml"),))


def html(status: int, text: str, location: str = "") -> Answer:
    """A web page, as proxies and harbour networks send it; well-formed, so that XML parsers take it."""
    body = f"<html><head><title>{text}</title></head><body><p>{text}</p></body></html>"
    headers = (("Content-Type", "text/html"),) + ((("Location", location),) if location else ())
    return Answer(status, body.encode("utf-8"), headers)


def tag_soup(status: int, text: str) -> Answer:
    """A web page that is no XML."""
    return Answer(status, f"<!doctype html><p>{text}<br>&nbsp;<p>".encode(), (("Content-Type", "text/html"),))


def empty_listing() -> Answer:
    """What S3 answers when nothing is there."""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix></Prefix>'
        "<KeyCount>0</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated></ListBucketResult>"
    )
    return Answer(200, body.encode("utf-8"), (("Content-Type", "application/xml"),))
