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
