"""A TCP proxy in front of a real S3 server that breaks one request out of many, byte by byte.

It serves one request a connection (both sides are told so), reads no more of it than the head, and
knows nothing of bins. What it breaks is said by `Break`s; whatever they do not concern goes through.
"""

from __future__ import annotations

import collections
import contextlib
import socket
import struct
import threading
import urllib.parse
from dataclasses import dataclass
from typing import Any, Callable, Iterator

_BLOCK = 65536
_GARBAGE = b"\x00\xff\x16\x03\x01 no HTTP at all \r\n\r\n" * 40


@dataclass(frozen=True)
class Break:
    """What to break, how, and where.

    `kind`: list, head or put. `way`:

    - reset: end the client's connection with a reset; cut: with an orderly end
    - stall: hold the client's connection open and let nothing more through, until the proxy ends
    - delay: hold everything back for `seconds`, then go on
    - garbage: send the client bytes that are no HTTP
    - drop: let the request take effect, and lose the whole answer

    `up`: after so many bytes of the request (its head included) have reached the server; None: after
    `down` bytes of the answer have reached the client. `first`, `times`: from the `first`th request of
    this kind on (counted from 0), so many.
    """

    kind: str
    way: str
    up: int | None = None
    down: int = 0
    first: int = 0
    times: int = 1
    seconds: float = 0.1


class FaultProxy:
    """Alive inside its `with` block, on a free port of 127.0.0.1."""

    def __init__(self, upstream: str, *breaks: Break) -> None:
        self.breaks: list[Break] = list(breaks)
        self.broken: collections.Counter[str] = collections.Counter()  # way -> how often
        self.requests: list[str] = []  # "put D20130526T095207_IFCB013.roi"
        self._upstream = urllib.parse.urlsplit(upstream).netloc.split(":")
        self._counts: collections.Counter[str] = collections.Counter()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> FaultProxy:
        self._listener = _listen()
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._start(self._accept)
        return self

    def __exit__(self, *_: Any) -> None:
        self._ended.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self._listener.close()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join(10)

    def begin_again(self, *breaks: Break) -> None:
        """Break these from now on, counting from 0."""
        with self._lock:
            self.breaks = list(breaks)
            self._counts.clear()

    def _start(self, target: Callable[..., None], *arguments: Any) -> threading.Thread:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._start(self._serve, client)

    @contextlib.contextmanager
    def _kept(self, connection: socket.socket) -> Iterator[socket.socket]:
        with self._lock:
            self._open.add(connection)
        try:
            yield connection
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError, _Broken), self._kept(client):
            head = _read_head(client)
            if not head:
                return
            rule = self._choose(head)
            host, port = self._upstream
            with self._kept(socket.create_connection((host, int(port)), timeout=60)) as server:
                end, length = head.find(b"\r\n\r\n") + 4, _length(head)
                whole = head[: end - 2] + b"Connection: close\r\n\r\n" + head[end:]
                self._pump_request(client, server, whole, end + 19 + length, rule)
                self._pump_answer(client, server, rule)

    def _choose(self, head: bytes) -> Break | None:
        method, target = head.split(b" ", 2)[:2]
        path, _, query = target.decode("ascii", "replace").partition("?")
        kind = "list" if method == b"GET" and "list-type=2" in query else method.decode("ascii").lower()
        with self._lock:
            self.requests.append(f"{kind} {urllib.parse.unquote(path).rsplit('/', 1)[-1]}")
            number = self._counts[kind]
            self._counts[kind] += 1
            for rule in self.breaks:
                if rule.kind == kind and rule.first <= number < rule.first + rule.times:
                    self.broken[rule.way] += 1
                    return rule
        return None

    def _pump_request(
        self, client: socket.socket, server: socket.socket, begun: bytes, total: int, rule: Break | None
    ) -> None:
        """Hand on `total` bytes of a request of which `begun` has been read."""
        border = rule.up if rule is not None and rule.up is not None else None
        sent = 0
        block = begun
        while True:
            if rule is not None and border is not None and sent + len(block) >= border:
                server.sendall(block[: border - sent])
                self._break(client, server, rule)  # comes back only after a delay
                block, sent, border = block[border - sent :], border, None
            server.sendall(block)
            sent += len(block)
            if sent >= total:
                return
            block = client.recv(min(_BLOCK, total - sent))
            if not block:
                raise _Broken()

    def _pump_answer(self, client: socket.socket, server: socket.socket, rule: Break | None) -> None:
        border = rule.down if rule is not None and rule.up is None else None
        if rule is not None and rule.way == "drop":
            while server.recv(_BLOCK):
                pass
            return
        sent = 0
        while True:
            block = server.recv(_BLOCK)
            if rule is not None and border is not None and (sent + len(block) >= border or not block):
                client.sendall(block[: border - sent])
                self._break(client, server, rule)
                block, sent, border = block[border - sent :], border, None
            if not block:
                return
            client.sendall(block)
            sent += len(block)

    def _break(self, client: socket.socket, server: socket.socket, rule: Break) -> None:
        if rule.way == "delay":
            self._ended.wait(rule.seconds)
            return
        if rule.way == "stall":
            # rclone keeps a key to itself while a put of it is under way.
            server.shutdown(socket.SHUT_RDWR)
            self._ended.wait()
        if rule.way == "garbage":
            client.sendall(_GARBAGE)
        if rule.way == "reset":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise _Broken()


class _Broken(Exception):
    """This connection has done what it was told."""


def _listen() -> socket.socket:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(64)
    return listener


def _read_head(client: socket.socket) -> bytes:
    """The head of a request, and what has come of its body with it; nothing if the client went away."""
    head = b""
    while b"\r\n\r\n" not in head:
        block = client.recv(_BLOCK)
        if not block:
            return b""
        head += block
    return head


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return 0
