"""Bounds on an answer of the bucket: how long it may take as a whole, and how much it may hold.

The time-outs of botocore and urllib3 are for silence: a server that sends one byte a second never exceeds them.
Here every read of an answer (status line, headers, body; also a proxy's answer to CONNECT) goes through
`_Bounded`, which makes the socket's own time-out as short as what is left of the whole. So nothing runs beside
the request: no thread, no timer, and no system call as long as more time is left than the socket waits anyway.

Relied on, besides urllib3's documented `pool_classes_by_scheme`: that `http.client.HTTPConnection` makes its
answers of `response_class` (documented by its subclasses in urllib3 and botocore), and that an answer reads from a
buffer over `socket.makefile`. Knows nothing of S3 but how a listing is asked for.
"""

from __future__ import annotations

import errno
import http.client
import io
import socket
import ssl
import time
from typing import Any, Callable, NamedTuple

#: The bytes a second that count as progress: each of them earns its share of time beyond `longest`. So a listing over a
#: slow link, or a large object that is read back, is not cut while it comes. All but such an object
#: must have come by `Bounds.ceiling`: a server that sends a little faster than this would else earn time for hours.
SLOWEST_PROGRESS = 1000.0

#: The most that an answer may hold (bytes), status line and headers included, unless it is an object that is read
#: back. A page of a listing has at most 1,000 keys of at most 1 kB, each byte of which may be written in three:
#: about 3.3 MB.
LARGEST_ANSWER = 4 * 1024 * 1024

#: Seconds that an answer may take with all that it earns by progress, unless it is an object that is read back.
CEILING = 900.0


#: Bytes of an upload that are read and sent at a time.
SENT_AT_ONCE = 128 * 1024


class Bounds(NamedTuple):
    """`longest`: seconds from the end of the request to the end of the answer, without those earned by progress.

    `ceiling`: seconds with those, and `largest`: bytes; both do not concern an object that is read back.
    """

    longest: float
    largest: int = LARGEST_ANSWER
    ceiling: float = CEILING


class AnswerTooLong(socket.timeout):
    """An answer did not come to its end in time. As a time-out it is what urllib3 makes a failed request of."""


class AnswerTooLarge(OSError):
    """An answer holds more than any answer to such a request."""


def find_trouble(error: BaseException | None) -> str | None:
    """The text of an AnswerTooLong or AnswerTooLarge among the causes of `error`; None if there is none."""
    seen = 0
    while error is not None and seen < 20:  # botocore wraps urllib3's errors, which wrap those of the socket
        if isinstance(error, (AnswerTooLong, AnswerTooLarge)):
            return str(error)
        error = error.__cause__ or error.__context__
        seen += 1
    return None


class _Bounded(io.RawIOBase):
    """What is read of one answer. `source` is the raw end of `sock.makefile`; it keeps the socket open."""

    def __init__(self, source: Any, sock: Any, bounds: Bounds) -> None:
        self._source = source
        self._sock = sock
        self._bounds = bounds
        self._began = time.monotonic()
        self._received = 0
        self.limited = True

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        allowed = self._bounds.longest + self._received / SLOWEST_PROGRESS
        if self.limited:
            allowed = min(allowed, self._bounds.ceiling)
        left = self._began + allowed - time.monotonic()
        if left <= 0:
            raise self._too_long()
        patience = self._sock.gettimeout()
        shortened = patience is None or left < patience
        if shortened:
            self._sock.settimeout(left)
        try:
            count: int | None = self._source.readinto(buffer)
        except socket.timeout:
            if shortened:
                raise self._too_long() from None
            raise
        except ssl.SSLError as error:
            raise ConnectionResetError(_cut(error)) from None
        finally:
            if shortened:
                self._sock.settimeout(patience)  # for the next request over this connection
        self._received += count or 0
        if self.limited and self._received > self._bounds.largest:
            raise AnswerTooLarge(f"its answer has more than {self._bounds.largest:,} bytes")
        return count

    def _too_long(self) -> AnswerTooLong:
        return AnswerTooLong(
            f"its answer did not come to an end within {time.monotonic() - self._began:.0f} s"
        )

    def close(self) -> None:
        if not self.closed:
            self._source.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """An answer that is read within its bounds. `bounds` is set by `_made_for`."""

    bounds: Bounds
    reads_back = False

    def __init__(self, sock: Any, *arguments: Any, **named: Any) -> None:
        super().__init__(sock, *arguments, **named)
        self._bounded = _Bounded(self.fp.detach(), sock, self.bounds)
        self.fp = io.BufferedReader(self._bounded)

    def begin(self) -> None:
        super().begin()
        # An object that is read back may be of any size, and take its time; an error instead of it may not.
        self._bounded.limited = not (self.reads_back and self.status == 200)


def _cut(error: OSError) -> str:
    """What is told of a connection that ends in the middle. For TLS it is an error of its own, as if there were none."""
    return f"the connection was cut ({error.strerror or error})"


def bound(session: Any, bounds: Bounds) -> None:
    """Make a `botocore.httpsession.URLLib3Session` read its answers within `bounds`, also those through a proxy.

    If a later botocore keeps its kinds of connection elsewhere, only the time-outs for silence are left.
    """
    import botocore.awsrequest as aws

    kinds = getattr(session, "_pool_classes_by_scheme", None)
    if not isinstance(kinds, dict):
        return
    kinds["http"] = _made_for(aws.AWSHTTPConnectionPool, aws.AWSHTTPConnection, bounds)
    kinds["https"] = _made_for(aws.AWSHTTPSConnectionPool, aws.AWSHTTPSConnection, bounds)


def _made_for(pool: Any, connection: Any, bounds: Bounds) -> Any:
    """The kind of connection pool that is like `pool`, with connections that are like `connection` but bounded."""

    class Response(_Response):
        pass

    class WholeObject(_Response):
        reads_back = True

    Response.bounds = WholeObject.bounds = bounds

    class Connection(connection):  # type: ignore[misc]
        response_class: Callable[..., _Response] = Response

        def __init__(self, *arguments: Any, **named: Any) -> None:
            # of an upload; http.client reads and sends 8 or 16 kB at a time unless it is told otherwise
            super().__init__(*arguments, **{**named, "blocksize": SENT_AT_ONCE})

        def send(self, data: Any) -> Any:
            """As in http.client.

            A server that refuses a request may close the connection while the body is still on its way. urllib3 reads the
            answer that came before that after a BrokenPipeError, and not all its versions after all that it may be else.
            """
            if self.sock is None:  # what follows connects, too
                return super().send(data)
            try:
                return super().send(data)
            except (ConnectionError, ssl.SSLError) as error:
                raise BrokenPipeError(errno.EPIPE, _cut(error)) from None

        def putrequest(self, method: str, url: str, *arguments: Any, **named: Any) -> Any:
            # Each request begins with the class that the connection was made with; what a proxy
            # answers to CONNECT comes before this.
            if method == "GET" and "list-type=" not in url:
                self.response_class = WholeObject
            return super().putrequest(method, url, *arguments, **named)

    class Pool(pool):  # type: ignore[misc]
        ConnectionCls = Connection

    return Pool
