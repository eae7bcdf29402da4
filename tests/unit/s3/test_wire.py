"""What a request is made of and what becomes of an answer, without a network; real servers are in integration/s3/."""

from __future__ import annotations

import io
import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.pages import MOTO
from support.wire import config

from ifcbscan import __version__
from ifcbscan.errors import ConfigError
from ifcbscan.s3 import wire
from ifcbscan.s3.answers import Bounds
from ifcbscan.s3.body import Body
from ifcbscan.s3.list_page import parse_page
from ifcbscan.s3.transport import CannotAsk, ErrorAnswer, Operation, PassingError, Request
from ifcbscan.s3.wire import USUAL_TIMEOUTS, Timeouts, Wire


class Said:
    """An answer as the HTTP session gives it."""

    def __init__(
        self, status: int = 200, content: bytes = b"", headers: dict[str, str] | None = None
    ) -> None:
        self.status_code = status
        self.content = content
        self.raw = io.BytesIO(content)
        self.headers = headers or {"ETag": '"e"', "Date": "today"}


class Session:
    """Stands for the HTTP session: notes what it is to send."""

    def __init__(self, said: Said) -> None:
        self.said = said
        self.sent: list[Any] = []

    def send(self, request: Any) -> Said:
        self.sent.append(request)
        return self.said


@pytest.fixture
def send(monkeypatch: pytest.MonkeyPatch) -> Any:
    def send(request: Request, said: Said, **settings: Any) -> tuple[Any, Any]:
        session = Session(said)
        monkeypatch.setattr(wire, "_session", lambda *_: session)
        return Wire(replace(config(), **settings)).send(request), session.sent[0]

    return send


def texts(headers: Any) -> dict[str, str]:
    return {
        name.lower(): value.decode() if isinstance(value, bytes) else value for name, value in headers.items()
    }


def test_a_request_has_its_method_url_headers_and_body(send: Any) -> None:
    body = Body(io.BytesIO(b"abc"), 3, threading.Event())
    headers = {"Content-Length": "3", "Content-MD5": "m", "If-None-Match": "*"}
    answer, sent = send(Request(Operation.PUT, "hablab/x/a b.roi", headers=headers, body=body), Said())
    assert (sent.method, sent.body) == ("PUT", body)
    assert sent.url == "http://127.0.0.1:9/ifcb-data-sharer.files/hablab/x/a%20b.roi"
    found = texts(sent.headers)
    assert {name: found[name.lower()] for name in headers} == headers
    assert found["user-agent"] == f"ifcbscan/{__version__}"
    assert "expect" not in found and "x-amz-security-token" not in found
    assert found["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"  # so the body is not read for it
    assert (
        answer.headers == {"etag": '"e"', "date": "today"}
        and answer.page is None
        and list(answer.blocks) == []
    )


def test_a_session_token_goes_along(send: Any) -> None:
    _, sent = send(Request(Operation.HEAD, "k"), Said(), session_token="token")
    assert texts(sent.headers)["x-amz-security-token"] == "token"


def test_a_listing_is_a_page_and_an_object_comes_in_blocks(send: Any) -> None:
    answer, sent = send(
        Request(Operation.LIST, query={"prefix": "p/", "start-after": "p/a"}), Said(content=MOTO)
    )
    assert sent.url.endswith(
        "/ifcb-data-sharer.files?list-type=2&prefix=p%2F&start-after=p%2Fa&encoding-type=url"
    )
    assert answer.page == parse_page(MOTO)
    answer, sent = send(
        Request(Operation.GET, "k"), Said(content=b"content", headers={"Content-Length": "7"})
    )
    assert sent.stream_output and list(answer.blocks) == [b"content"]


def test_an_object_that_ends_too_early_is_an_error_that_may_pass(send: Any) -> None:
    answer, _ = send(Request(Operation.GET, "k"), Said(content=b"con", headers={"Content-Length": "7"}))
    with pytest.raises(PassingError) as error:
        list(answer.blocks)
    assert error.value.unsure


@pytest.mark.parametrize(
    "operation, said, code, message",
    [
        (
            Operation.LIST,
            Said(503, b"<Error><Code>SlowDown</Code><Message>later</Message></Error>"),
            "SlowDown",
            "later",
        ),
        (Operation.LIST, Said(503, b"<html>busy</html>"), "", ""),
        (Operation.HEAD, Said(404), "", ""),
        (Operation.HEAD, Said(400, headers={"x-amz-bucket-region": "eu-west-1"}), "PermanentRedirect", ""),
        (Operation.HEAD, Said(301, headers={"X-Amz-Bucket-Region": "eu-west-1"}), "PermanentRedirect", ""),
        (Operation.HEAD, Said(403, headers={"x-amz-bucket-region": "us-east-1"}), "", ""),
        (Operation.GET, Said(404, b"<Error><Code>NoSuchKey</Code></Error>"), "NoSuchKey", ""),
    ],
)
def test_an_error_of_the_server_has_a_code_only_if_s3_gave_one(
    send: Any, operation: Operation, said: Said, code: str, message: str
) -> None:
    with pytest.raises(ErrorAnswer) as error:
        send(Request(operation, "k"), said)
    found = error.value
    assert (found.status, found.code, found.message) == (said.status_code, code, message)
    assert set(found.headers) == {name.lower() for name in said.headers}


@pytest.mark.parametrize(
    "said, text",
    [
        (Said(302, b"", {"Location": "http://login.example/"}), r"a redirect to elsewhere"),
        (Said(200, b"<html>Welcome</html>"), "no listing but"),
        (Said(200, b""), "no listing but"),
    ],
)
def test_what_no_s3_server_says_is_the_network_failing(send: Any, said: Said, text: str) -> None:
    with pytest.raises(PassingError, match=f"something that is no S3 server answered .*{text}") as error:
        send(Request(Operation.LIST), said)
    assert error.value.unsure


def test_settings_that_name_no_server_cannot_be_asked() -> None:
    with pytest.raises(CannotAsk, match="cannot be the name of a bucket"):
        Wire(replace(config(), bucket="a/b")).send(Request(Operation.HEAD, "k"))


def test_the_session_is_made_once_with_the_first_request(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[Any, ...]] = []

    def make(*arguments: Any) -> Session:
        made.append(arguments)
        return Session(Said())

    monkeypatch.setattr(wire, "_session", make)
    settings = config()
    sender = Wire(settings, 3)
    assert made == []
    for _ in range(2):
        sender.send(Request(Operation.HEAD, "key"))
    assert made == [(settings, "http://127.0.0.1:9/ifcb-data-sharer.files", 3, USUAL_TIMEOUTS)]


def test_the_time_for_a_whole_answer_is_bounded() -> None:
    session = wire._session(config(), "http://127.0.0.1:9/b", 1, Timeouts(answer=7.0))
    for scheme in ("http", "https"):
        pool: Any = session._pool_classes_by_scheme[scheme]
        assert pool.ConnectionCls.response_class.bounds == Bounds(7.0)


def test_certificates_that_are_named_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    verify = wire._certificates
    assert verify(None) is True
    assert verify("/of/the/settings.pem") == "/of/the/settings.pem"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", " ")
    assert verify(None) is True  # as if it were not set
    there = tmp_path / "ca.pem"
    there.touch()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", f" {there} ")
    assert verify(None) == str(there)
    assert verify("/of/the/settings.pem") == "/of/the/settings.pem"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", os.path.join(str(tmp_path), "gone.pem"))
    with pytest.raises(ConfigError, match="^REQUESTS_CA_BUNDLE in the environment names .*gone.pem"):
        verify(None)
