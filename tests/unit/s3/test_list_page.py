"""The lean reading of listings says what botocore's own says, of the pages of real servers."""

from __future__ import annotations

import threading
from typing import Any, Iterator

import botocore.parsers
import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from hypothesis import given
from hypothesis import strategies as st
from support.scripted import Answer, ScriptedServer, html, s3_error, tag_soup
from support.wire import config

from ifcbscan.clock import Clock
from ifcbscan.config import Config
from ifcbscan.errors import BucketUnreachable
from ifcbscan.s3 import client, list_page
from ifcbscan.s3.bucket import Bucket
from ifcbscan.s3.client import S3Client
from ifcbscan.s3.list_page import ListedObject, NotAListing, parse_page, plain_error

_NAMESPACE = b'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'

# As the servers sent them, cut down to three objects: rclone 1.75.2 serve s3, moto 5.2.5, and the example of
# AWS' own documentation of ListObjectsV2.
RCLONE = (
    b"""<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult %b>
  <Name>bkt</Name>
  <IsTruncated>true</IsTruncated>
  <Prefix>hablab/nauset/</Prefix>
  <MaxKeys>3</MaxKeys>
  <Contents>
    <Key>hablab/nauset/2020/D20200101/D20200101T000000_IFCB101.adc</Key>
    <LastModified>2020-09-13T12:26:40.123Z</LastModified>
    <ETag>36a92cc94a9e0fa21f625f8bfb007adf</ETag>
    <Size>100</Size>
    <StorageClass>STANDARD</StorageClass>
  </Contents>
  <Contents>
    <Key>hablab/nauset/2020/D20200101/D20200101T000000_IFCB101.hdr</Key>
    <LastModified>2020-09-13T12:26:40Z</LastModified>
    <ETag>1b4618136938cadbb0c1af3fccee2c0d</ETag>
    <Size>900</Size>
    <StorageClass>STANDARD</StorageClass>
  </Contents>
  <Contents>
    <Key>hablab/nauset/2020/D20200101/a%%20b%%2Bc+%%C3%%A9.roi</Key>
    <LastModified>2020-09-13T12:26:40Z</LastModified>
    <ETag>1b4618136938cadbb0c1af3fccee2c0d</ETag>
    <Size>0</Size>
    <StorageClass>STANDARD</StorageClass>
  </Contents>
  <NextContinuationToken>aGFibGFiLw==</NextContinuationToken>
  <KeyCount>3</KeyCount>
</ListBucketResult>
"""
    % _NAMESPACE
)
MOTO = (
    b'<?xml version="1.0" encoding="utf-8"?><ListBucketResult %b><Name>bkt</Name><Prefix>hablab/</Prefix>'
    b"<MaxKeys>1000</MaxKeys><KeyCount>2</KeyCount><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>"
    b"<Contents><Key>hablab/nauset/a%%20b%%2Bc%%0A%%C3%%A9.roi</Key><LastModified>2026-11-22T13:26:36.000Z</LastModified>"
    b"<ETag>&quot;9dd4e461268c8034f5c8564e155c67a6&quot;</ETag><Size>11</Size><StorageClass>STANDARD</StorageClass></Contents>"
    b"<Contents><Key>hablab/nauset/x.adc</Key><LastModified>2026-11-22T13:26:36.000Z</LastModified>"
    b'<ETag>"f561aaf6ef0bf14d4208bb46a4ccb3ad-2"</ETag><Size>104857600</Size><StorageClass>STANDARD</StorageClass></Contents>'
    b"</ListBucketResult>" % _NAMESPACE
)
AWS = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult %b><Name>bkt</Name><Prefix>hablab/</Prefix>'
    b"<KeyCount>3</KeyCount><MaxKeys>1000</MaxKeys><Delimiter>/</Delimiter><EncodingType>url</EncodingType>"
    b"<IsTruncated>false</IsTruncated><Contents><Key>hablab/a&amp;b&lt;c.roi</Key>"
    b"<LastModified>2009-10-12T17:50:30.000Z</LastModified><ETag>&quot;fba9dede5f27731c9771645a39863328&quot;</ETag>"
    b"<ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>"
    b"<Size>434234</Size><StorageClass>STANDARD</StorageClass><Owner><ID>1</ID></Owner></Contents>"
    b"<CommonPrefixes><Prefix>hablab/nauset/</Prefix></CommonPrefixes>"
    b"<CommonPrefixes><Prefix>hablab/s%%C3%%A4ntis%%2B1/</Prefix></CommonPrefixes></ListBucketResult>"
    % _NAMESPACE
)
EMPTY = (
    b"<ListBucketResult %b><Name>b</Name><Prefix></Prefix><IsTruncated>false</IsTruncated></ListBucketResult>"
)
PAGES = {
    "rclone": RCLONE,
    "moto": MOTO,
    "aws": AWS,
    "empty": EMPTY % _NAMESPACE,
    "no namespace": MOTO.replace(_NAMESPACE, b""),
}


@pytest.fixture(scope="module")
def plain() -> Any:
    """A botocore client that reads listings its own way; sends nothing by itself."""
    return botocore.session.Session().create_client(
        "s3", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b", endpoint_url="http://127.0.0.1:9"
    )


def _as_botocore_reads(plain: Any, body: bytes) -> dict[str, Any]:
    """The page as a caller of `list_objects_v2` gets it, keys decoded by botocore's own handler."""

    def answer(request: Any, **_others: Any) -> AWSResponse:
        return AWSResponse(request.url, 200, {"content-type": "application/xml"}, _Raw(body))

    plain.meta.events.register_first("before-send.s3.ListObjectsV2", answer, unique_id="test")
    try:
        page: dict[str, Any] = plain.list_objects_v2(Bucket="bkt")
    finally:
        plain.meta.events.unregister("before-send.s3.ListObjectsV2", unique_id="test")
    return page


class _Raw:
    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_options: Any) -> Iterator[bytes]:
        yield self._body


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_says_what_it_says_to_botocore(plain: Any, name: str) -> None:
    theirs, ours = _as_botocore_reads(plain, PAGES[name]), parse_page(PAGES[name])
    assert [(item.key, item.size, item.etag) for item in ours.objects] == [
        (item["Key"], item["Size"], item["ETag"].strip('"')) for item in theirs.get("Contents", [])
    ]
    assert [item.modified[:19] for item in ours.objects] == [
        item["LastModified"].strftime("%Y-%m-%dT%H:%M:%S") for item in theirs.get("Contents", [])
    ]
    assert ours.folders == [item["Prefix"] for item in theirs.get("CommonPrefixes", [])]
    assert ours.truncated == theirs["IsTruncated"]
    assert ours.next_token == theirs.get("NextContinuationToken")


# What XML 1.0 can carry as it is; S3 itself asks for url encoding because of the rest.
_xml_text = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x2FFF, blacklist_characters="\x7f"), min_size=1
)


@given(st.lists(_xml_text.map(lambda text: "k" + text + "k"), min_size=1, max_size=5), st.booleans())
def test_every_key_comes_out_as_it_went_in(keys: list[str], url_encoded: bool) -> None:
    import urllib.parse
    from xml.sax.saxutils import escape

    encode = urllib.parse.quote_plus if url_encoded else escape
    body = "<ListBucketResult>{}{}<IsTruncated>false</IsTruncated></ListBucketResult>".format(
        "<EncodingType>url</EncodingType>" if url_encoded else "",
        "".join(
            f"<Contents><Key>{encode(key)}</Key><Size>5</Size><LastModified>2026-11-22T13:26:36.000Z</LastModified></Contents>"
            for key in keys
        ),
    )
    assert [item.key for item in parse_page(body.encode("utf-8")).objects] == keys


def test_quotes_around_an_etag_are_no_part_of_it() -> None:
    assert parse_page(MOTO).objects == [
        ListedObject(
            "hablab/nauset/a b+c\né.roi", 11, "2026-11-22T13:26:36.000Z", "9dd4e461268c8034f5c8564e155c67a6"
        ),
        ListedObject(
            "hablab/nauset/x.adc", 104857600, "2026-11-22T13:26:36.000Z", "f561aaf6ef0bf14d4208bb46a4ccb3ad-2"
        ),
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"<!DOCTYPE html><html><body>Welcome aboard</body></html>",
        b"<html><body>Welcome aboard</body></html>",
        b"<ListAllMyBucketsResult/>",
        b'<!DOCTYPE x [<!ENTITY a "b">]><ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>',
        b"<ListBucketResult>" + b" " * 5000 + b'<!ENTITY a "b"></ListBucketResult>',
        b"<ListBucketResult/>",
        b"<ListBucketResult><IsTruncated>perhaps</IsTruncated></ListBucketResult>",
        b"<ListBucketResult><IsTruncated>false</IsTruncated>&undefined;</ListBucketResult>",
        b"<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Size>1</Size><LastModified>2026-11-22T13:26:36.000Z</LastModified></Contents></ListBucketResult>",
        b"<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a</Key><LastModified>2026-11-22T13:26:36.000Z</LastModified></Contents></ListBucketResult>",
        b"<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a</Key><Size>many</Size><LastModified>2026-11-22T13:26:36.000Z</LastModified></Contents></ListBucketResult>",
        b"<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a</Key><Size>1</Size></Contents></ListBucketResult>",
        MOTO[:400],
    ],
    ids=lambda body: body[:40].decode("ascii"),
)
def test_what_is_no_listing_is_not_taken_for_an_empty_one(body: bytes) -> None:
    with pytest.raises(NotAListing):
        parse_page(body)


def test_an_entity_bomb_is_refused_before_it_goes_off() -> None:
    bomb = b'<!DOCTYPE l [<!ENTITY a "' + b"x" * 1000 + b'">'
    for name, inner in zip(b"bcdefghi", b"abcdefgh"):
        bomb += b"<!ENTITY %c %b>" % (name, b'"' + b"&%c;" % inner * 10 + b'"')
    bomb += b"]><ListBucketResult><Name>&i;</Name></ListBucketResult>"
    with pytest.raises(NotAListing):
        parse_page(bomb)


# From here on: through botocore, over HTTP.


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

    assert list_page.install(Bare()) is None


@pytest.mark.parametrize("answer", [html(200, "Welcome aboard"), tag_soup(200, "Welcome aboard"), _page(b"")])
def test_a_web_page_in_place_of_a_listing_is_the_network_failing(answer: Answer) -> None:
    with ScriptedServer([answer] * 20) as server, pytest.raises(BucketUnreachable):
        list(_bucket(server.endpoint).list("hablab/nauset/"))


def test_an_error_in_place_of_a_page_is_read_by_botocore() -> None:
    with ScriptedServer([s3_error(503, "SlowDown"), _page(MOTO)]) as server:
        assert len(list(_bucket(server.endpoint).list("hablab/nauset/"))) == 2
        assert server.kinds() == {"list": 2}


def test_an_error_of_s3_is_kept_with_what_it_says_and_nothing_else() -> None:
    body = (
        b'<?xml version="1.0"?><Error xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Code>PermanentRedirect</Code>'
        b"<Message>at &lt;that&gt; one</Message><Region>eu-west-1</Region><Code>Other</Code><a><b>c</b></a></Error>"
    )
    kept = plain_error(body)
    assert kept == (
        b"<Error><Code>PermanentRedirect</Code><Message>at &lt;that&gt; one</Message><Region>eu-west-1</Region></Error>"
    )
    assert plain_error(kept) == kept


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no XML",
        b"<html><body>blocked</body></html>",
        b"<error><code>AccessDenied</code></error>",
        b"<Error></Error>",
        b"<Error><Code/></Error>",
        b"<Error><Code>403</Code></Error>",
        b"<Error><Code>two words</Code></Error>",
        b"<Error><a><Code>AccessDenied</Code></a></Error>",
        b"<Error><Code>AccessDenied</Code>",
        b"<!DOCTYPE a [<!ENTITY b 'c'>]><Error><Code>AccessDenied</Code></Error>",
        b"<Error><Code>AccessDenied</Code><Message>" + b"x" * 70000 + b"</Message></Error>",
        b"<Error>" + b"<a>" * 8000 + b"</a>" * 8000 + b"</Error>",
    ],
)
def test_anything_else_is_no_error_of_s3(body: bytes) -> None:
    assert plain_error(body) == b""


@given(st.binary(max_size=200) | st.text("<>/Error Code&;abc", max_size=60).map(str.encode))
def test_no_body_of_an_error_is_an_error_here(body: bytes) -> None:
    assert isinstance(plain_error(b"<Error><Code>A</Code>" + body + b"</Error>"), bytes)
    assert isinstance(plain_error(body), bytes)
