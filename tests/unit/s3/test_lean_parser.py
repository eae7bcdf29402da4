"""Listings go the short way through botocore, over HTTP, and the plain way where the short one is not to be had."""

from __future__ import annotations

import threading
from typing import Any

import botocore.parsers
import pytest
from support.pages import AWS, MOTO
from support.scripted import Answer, ScriptedServer, html, s3_error, tag_soup
from support.wire import config

from ifcbscan.clock import Clock
from ifcbscan.config import Config
from ifcbscan.errors import BucketUnreachable
from ifcbscan.s3 import client, lean_parser
from ifcbscan.s3.bucket import Bucket
from ifcbscan.s3.client import S3Client
from ifcbscan.s3.list_page import parse_page


def _bucket(endpoint: str) -> Bucket:
    settings = Config(**{**config().__dict__, "endpoint_url": endpoint})
    return Bucket(settings, _Impatient(), S3Client(settings))


class _Impatient(Clock):
    def sleep(self, seconds: float, unless: threading.Event) -> None:
        pass


def _page(body: bytes) -> Answer:
    return Answer(200, body, (("Content-Type", "application/xml"),))


def test_the_lean_parser_is_what_a_listing_goes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_parsing(*_: Any) -> Any:
        raise AssertionError("botocore read the listing, too")

    with ScriptedServer([_page(MOTO)]) as server:
        listing = _bucket(server.endpoint).list("hablab/nauset/")
        monkeypatch.setattr(botocore.parsers.RestXMLParser, "_do_parse", no_parsing)
        assert len(list(listing)) == 2


def test_newer_botocore_does_not_read_a_page_for_a_hidden_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks for one in every body of a 200; what it is shown of a listing is a few bytes."""
    import botocore.handlers

    looked_at: list[int] = []
    name = "_looks_like_special_case_error"
    real = getattr(botocore.handlers, name)

    def look(status: int, body: bytes) -> Any:
        looked_at.append(len(body))
        return real(status, body)

    monkeypatch.setattr(botocore.handlers, name, look)
    with ScriptedServer([_page(MOTO), _page(MOTO)]) as server:
        found = _bucket(server.endpoint)
        assert len(list(found.list("hablab/nauset/"))) == 2
        looked_at.clear()  # the first answer only shows that the lean parser is at work
        assert len(list(found.list("hablab/nauset/"))) == 2
    assert all(size < 100 for size in looked_at)


class _Installed:
    """A parser factory that was registered but that botocore, some day, does not ask."""

    in_use = False


@pytest.mark.parametrize("missing", ["the component", "what asks it", "the event"])
def test_without_what_it_relies_on_a_listing_is_read_the_plain_way(
    monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    if missing == "the component":
        monkeypatch.setattr(client, "install", lambda session: None)
    elif missing == "what asks it":
        monkeypatch.setattr(client, "install", lambda session: _Installed())
    else:
        monkeypatch.setattr(client, "spare_second_reading", lambda client, factory: None)
    with ScriptedServer([_page(MOTO), _page(MOTO), _page(AWS)]) as server:
        found = _bucket(server.endpoint)
        for _ in range(2):
            assert [(item.key, item.size, item.etag) for item in found.list("hablab/")] == [
                (item.key, item.size, item.etag) for item in parse_page(MOTO).objects
            ]
        assert found.folders("hablab/") == ["nauset", "säntis+1"]


def test_a_session_without_the_component_is_left_as_it_is() -> None:
    class Bare:
        def get_component(self, name: str) -> Any:
            raise ValueError(f"Unknown component: {name}")

    assert lean_parser.install(Bare()) is None


@pytest.mark.parametrize("answer", [html(200, "Welcome aboard"), tag_soup(200, "Welcome aboard"), _page(b"")])
def test_a_web_page_in_place_of_a_listing_is_the_network_failing(answer: Answer) -> None:
    with ScriptedServer([answer] * 20) as server, pytest.raises(BucketUnreachable):
        list(_bucket(server.endpoint).list("hablab/nauset/"))


def test_an_error_in_place_of_a_page_is_read_by_botocore() -> None:
    with ScriptedServer([s3_error(503, "SlowDown"), _page(MOTO)]) as server:
        assert len(list(_bucket(server.endpoint).list("hablab/nauset/"))) == 2
        assert server.kinds() == {"list": 2}


class _Plain:
    """botocore's own parser, which is to be asked only for what is no listing."""

    extra = "of botocore's"

    def parse(self, response: dict[str, Any], shape: Any) -> dict[str, Any]:
        return {"body": response["body"]}


def _parse(status: int, headers: dict[str, str], body: bytes = b"", shape: Any = None) -> Any:
    class Plain:
        def create_parser(self, protocol_name: str) -> _Plain:
            return _Plain()

    parser = lean_parser.LeanParserFactory(Plain()).create_parser("rest-xml")
    assert parser.extra == "of botocore's"
    return parser.parse({"status_code": status, "headers": headers, "body": body}, shape)


def test_a_redirect_is_followed_only_if_it_says_in_which_region_the_bucket_is() -> None:
    for status in (300, 307, 399):
        assert _parse(status, {"X-Amz-Bucket-Region": "eu-west-1"}) == {"body": b""}
        with pytest.raises(botocore.parsers.ResponseParserError, match="redirect to elsewhere"):
            _parse(status, {"location": "http://elsewhere"})
    for status in (299, 400):
        assert _parse(status, {}) == {"body": b""}


def test_botocore_reads_of_an_error_only_what_s3_says() -> None:
    error = b"<Error><Code>SlowDown</Code></Error>"
    assert _parse(503, {}, error) == {"body": error}
    assert _parse(503, {}, b"<html>later</html>") == {"body": b""}


def test_what_botocores_parser_raises_is_one_error() -> None:
    class Raising:
        def create_parser(self, protocol_name: str) -> Any:
            return self

        def parse(self, response: Any, shape: Any) -> Any:
            raise RecursionError("too deep")

    parser = lean_parser.LeanParserFactory(Raising()).create_parser("rest-xml")
    with pytest.raises(botocore.parsers.ResponseParserError, match="^RecursionError: too deep$"):
        parser.parse({"status_code": 200, "headers": {}, "body": b""}, None)


class _Events:
    """Notes the handlers down, instead of botocore."""

    def __init__(self) -> None:
        self.meta = self
        self.events = self
        self.handlers: dict[str, Any] = {}

    def register_first(self, name: str, handler: Any) -> None:
        self.handlers[name] = handler


class _Operation:
    def __init__(self, name: str) -> None:
        self.name = name


@pytest.mark.parametrize(
    "operation, status, body, left",
    [
        ("ListObjectsV2", 200, b"<ListBucketResult/>", b"<ListBucketResult/>"),
        ("ListObjectsV2", 200, b"<!DOCTYPE a><ListBucketResult/>", b""),
        ("ListObjectsV2", 503, b"<html/>", b""),
        ("PutObject", 200, b"<html/>", b""),
        (
            "PutObject",
            200,
            b"<Error><Code>InternalError</Code></Error>",
            b"<Error><Code>InternalError</Code></Error>",
        ),
    ],
)
def test_botocores_early_reading_is_shown_no_other_xml(
    operation: str, status: int, body: bytes, left: bytes
) -> None:
    events = _Events()
    lean_parser.refuse_other_xml(events)
    response = {"status_code": status, "body": body}
    events.handlers["before-parse.*.*"](response_dict=response, operation_model=_Operation(operation), more=1)
    assert response["body"] == left


@pytest.mark.parametrize("in_use, status", [(True, 200), (False, 200), (True, 503)])
def test_a_page_is_put_aside_only_if_it_is_sure_to_come_back(in_use: bool, status: int) -> None:
    events, factory = _Events(), lean_parser.LeanParserFactory(None)
    factory.in_use = in_use
    lean_parser.spare_second_reading(events, factory)
    response = {"status_code": status, "body": MOTO}
    (handler,) = events.handlers.values()
    handler(response_dict=response, more=1)
    assert (response["body"] == MOTO) is not (in_use and status == 200)
