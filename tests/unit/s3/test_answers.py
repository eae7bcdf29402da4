"""How long and how large an answer may be: the reading itself, over a pair of sockets."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
from typing import Any, Iterator

import botocore.awsrequest
import botocore.httpsession
import pytest

from ifcbscan.s3.answers import AnswerTooLarge, AnswerTooLong, Bounds, _made_for, bound, find_trouble

BOUNDS = Bounds(longest=0.4, largest=10000)


@contextlib.contextmanager
def answering(bounds: Bounds = BOUNDS) -> Iterator[tuple[Any, socket.socket]]:
    """An answer that is to be read, and the other end of its connection."""
    near, far = socket.socketpair()
    near.settimeout(5.0)
    kind = _made_for(
        botocore.awsrequest.AWSHTTPConnectionPool, botocore.awsrequest.AWSHTTPConnection, bounds
    ).ConnectionCls
    with near, far, contextlib.closing(kind.response_class(near, method="GET")) as response:
        yield response, far
        assert near.gettimeout() == 5.0, "the next request over this connection has a time-out of its own"


def send(far: socket.socket, data: bytes, times: int, pause: float = 0.0) -> None:
    def run() -> None:
        with contextlib.suppress(OSError):
            for _ in range(times):
                far.sendall(data)
                time.sleep(pause)

    threading.Thread(target=run, daemon=True).start()


def test_an_answer_within_its_bounds_is_read_as_ever() -> None:
    with answering() as (response, far):
        far.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello")
        response.begin()
        assert (response.status, response.getheader("x"), response.read()) == (200, "y", b"hello")


def test_silence_ends_with_the_time_of_the_whole_or_with_the_sockets_own_whichever_is_shorter() -> None:
    with answering() as (response, _), pytest.raises(AnswerTooLong, match="did not come to an end"):
        response.begin()
    near, far = socket.socketpair()
    near.settimeout(0.1)
    kind = _made_for(
        botocore.awsrequest.AWSHTTPConnectionPool, botocore.awsrequest.AWSHTTPConnection, Bounds(60.0)
    ).ConnectionCls
    with contextlib.closing(kind.response_class(near, method="GET")) as response, near, far, pytest.raises(
        socket.timeout
    ) as error:
        response.begin()
    assert find_trouble(error.value) is None


@pytest.mark.parametrize("data", [b"HTTP/1.1 100 Continue\r\n\r\n", b"H"])
def test_a_beginning_without_end_is_given_up_in_time(data: bytes) -> None:
    began = time.monotonic()
    with answering() as (response, far):
        send(far, data, 10000, 0.05)
        with pytest.raises(AnswerTooLong):
            response.begin()
    assert time.monotonic() - began < 5


def test_an_answer_that_never_gets_to_its_point_is_given_up_at_its_size() -> None:
    with answering(Bounds(60.0, 10000)) as (response, far):
        send(far, b"HTTP/1.1 100 Continue\r\n\r\n", 100000)
        with pytest.raises(AnswerTooLarge, match="more than 10,000 bytes"):
            response.begin()


def test_a_body_that_makes_progress_has_more_time() -> None:
    with answering() as (response, far):
        far.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
        send(far, b"x" * 500, 10, 0.1)
        response.begin()
        assert len(response.read()) == 5000


def test_progress_earns_no_time_beyond_the_ceiling() -> None:
    began = time.monotonic()
    with answering(Bounds(0.2, ceiling=0.6)) as (response, far):
        far.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        send(far, b"x" * 500, 2000, 0.1)
        response.begin()
        with pytest.raises(AnswerTooLong, match="did not come to an end within"):
            response.read()
    assert 0.5 < time.monotonic() - began < 5


@pytest.mark.parametrize("status, is_whole", [(200, True), (503, False)])
def test_an_object_that_is_read_back_may_take_longer_than_the_ceiling(status: int, is_whole: bool) -> None:
    near, far = socket.socketpair()
    near.settimeout(5.0)
    connection = _made_for(
        botocore.awsrequest.AWSHTTPConnectionPool,
        botocore.awsrequest.AWSHTTPConnection,
        Bounds(2.0, ceiling=0.5),  # so long that a busy machine, too, sends the next bytes in time
    ).ConnectionCls("127.0.0.1")
    connection.putrequest("GET", "/bucket/key")
    with near, far, contextlib.closing(connection.response_class(near, method="GET")) as response:
        far.sendall(f"HTTP/1.1 {status} x\r\nContent-Length: 5000\r\n\r\n".encode())
        send(far, b"x" * 500, 10, 0.1)
        response.begin()
        with contextlib.nullcontext() if is_whole else pytest.raises(AnswerTooLong):
            assert len(response.read()) == 5000


def test_nothing_of_the_socket_is_kept_once_the_answer_is_closed() -> None:
    near, far = socket.socketpair()
    kind = _made_for(
        botocore.awsrequest.AWSHTTPConnectionPool, botocore.awsrequest.AWSHTTPConnection, BOUNDS
    ).ConnectionCls
    response = kind.response_class(near, method="GET")
    near.close()  # as http.client does when the server says "Connection: close"
    far.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello")
    far.shutdown(socket.SHUT_WR)
    response.begin()
    assert response.read() == b"hello"
    assert near.fileno() == -1 and response.isclosed()
    far.close()


def test_the_trouble_is_found_among_the_causes() -> None:
    try:
        try:
            raise AnswerTooLong("too long")
        except OSError:
            raise http.client.HTTPException("wrapped") from None
    except http.client.HTTPException as error:
        assert find_trouble(error) == "too long"
    assert find_trouble(ValueError("other")) is None
    assert find_trouble(None) is None


def test_sessions_of_this_botocore_take_the_bounds() -> None:
    session = botocore.httpsession.URLLib3Session()
    bound(session, BOUNDS)
    for scheme in ("http", "https"):
        pool = session._manager.connection_from_url(f"{scheme}://127.0.0.1:9/")
        assert pool.ConnectionCls.response_class.bounds is BOUNDS
        proxied = session._get_proxy_manager("http://127.0.0.1:8/").connection_from_url(
            f"{scheme}://127.0.0.1:9/"
        )
        assert proxied.ConnectionCls.response_class.bounds is BOUNDS


def test_a_session_that_is_made_otherwise_is_left_as_it_is() -> None:
    bound(object(), BOUNDS)
    bound(None, BOUNDS)
