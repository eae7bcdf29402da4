"""The lean reading of listings says what botocore's own says, of the pages of real servers."""

from __future__ import annotations

from typing import Any, Iterator

import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from hypothesis import given
from hypothesis import strategies as st
from support.pages import MOTO, PAGES

from ifcbscan.core.remote_index import ListedObject
from ifcbscan.s3.list_page import NotAListing, is_plain, parse_page, plain_error


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


def _page_with(modified: str = "2026-01-01T00:00:00.000Z", size: str = "1") -> bytes:
    return (
        f"<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a</Key><Size>{size}</Size>"
        f"<LastModified>{modified}</LastModified></Contents></ListBucketResult>"
    ).encode()


@pytest.mark.parametrize(
    "modified", ["0001-01-01T00:00:00Z", "2026-01-01T00:00:00", "9999-12-31T23:59:59.999999999Z"]
)
def test_a_time_as_s3_writes_it_is_kept_as_it_is(modified: str) -> None:
    (found,) = parse_page(_page_with(modified)).objects
    assert found == ListedObject("a", 1, modified, "")


@pytest.mark.parametrize(
    "modified",
    [
        "",
        "yesterday",
        "2026-01-01",
        "2026-01-01 00:00:00Z",
        "2026-01-01T00:00:00+01:00",
        "2026-01-01T00:00:00.Z",
    ]
    + ["2026-13-01T00:00:00Z", "2026-01-32T00:00:00Z", "2026-01-01T24:00:00Z", "x2026-01-01T00:00:00Z"],
)
def test_an_object_without_a_time_is_no_object(modified: str) -> None:
    with pytest.raises(NotAListing, match="an object without key, size or time"):
        parse_page(_page_with(modified))


@pytest.mark.parametrize("size", ["", "-1", "1.5", "0x1", " "])
def test_an_object_without_a_size_is_no_object(size: str) -> None:
    with pytest.raises(NotAListing, match="an object without key, size or time"):
        parse_page(_page_with(size=size))


@pytest.mark.parametrize(
    ("body", "plain"),
    [
        (b"", True),
        (b"<Error/>", True),
        (b'<?xml version="1.0" encoding="UTF-8"?><Error/>', True),
        (b"<?xml version='1.0' encoding = 'utf-8'?><Error/>", True),
        (b'<?xml version="1.0" encoding="UTF-7"?><Error/>', False),
        (b'<Error encoding="UTF-7"/>', True),  # said of something else
        ("<Error/>".encode("utf-16-le"), False),
        (b"<!DOCTYPE Error><Error/>", False),
        (b" " * 5000 + b'<!ENTITY a "b">', False),
    ],
)
def test_a_body_is_plain_without_a_document_type_that_could_define_anything(body: bytes, plain: bool) -> None:
    assert is_plain(body) is plain


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
        b"<Answer><Code>AccessDenied</Code></Answer>",
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
