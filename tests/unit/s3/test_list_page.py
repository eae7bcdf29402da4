"""The lean reading of listings says what botocore's own says, of the pages of real servers."""

from __future__ import annotations

from typing import Any, Callable, Iterator

import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from hypothesis import given, settings
from hypothesis import strategies as st
from support.pages import MOTO, NAMESPACE, PAGES

from ifcbscan.core.remote_index import ListedObject
from ifcbscan.s3 import list_page
from ifcbscan.s3.list_page import ErrorText, ListPage, NotAListing, error_of, is_plain, parse_page


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


def test_an_error_of_s3_is_its_code_and_its_message() -> None:
    body = (
        b'<?xml version="1.0"?><Error xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Code>PermanentRedirect</Code>'
        b"<Message>at &lt;that&gt; one</Message><Region>eu-west-1</Region><Code>Other</Code><a><b>c</b></a></Error>"
    )
    assert error_of(body) == ErrorText("PermanentRedirect", "at <that> one")
    assert error_of(b"<Error><Code>QuotaExceeded</Code></Error>") == ErrorText("QuotaExceeded", "")


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
    assert error_of(body) == ErrorText("", "")


@given(st.binary(max_size=200) | st.text("<>/Error Code&;abc", max_size=60).map(str.encode))
def test_no_body_of_an_error_is_an_error_here(body: bytes) -> None:
    assert error_of(b"<Error><Code>A</Code>" + body + b"</Error>").code in ("", "A")
    assert error_of(body) == ErrorText("", "")


# --- the two readers: what is quick gives what is exact, or nothing


def _exact(body: bytes) -> ListPage:
    root = list_page._root(body)
    return list_page._page(root, list_page._objects(root))


def _a_day(objects: int, of: str = "") -> bytes:
    """A page as AWS writes it, with nothing unusual in it."""
    return (
        b"<ListBucketResult %b><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>%b%b</ListBucketResult>"
        % (
            NAMESPACE,
            b"".join(
                b"<Contents><Key>hablab/nauset/2026/D20260101/D20260101T%06d_IFCB101.adc</Key>"
                b"<LastModified>2026-11-22T13:26:36.000Z</LastModified><ETag>&quot;9dd4e461268c8034f5c8564e155c67a6&quot;</ETag>"
                b"<Size>11</Size><StorageClass>STANDARD</StorageClass></Contents>" % number
                for number in range(objects)
            ),
            of.encode(),
        )
    )


@pytest.mark.parametrize(
    "of",
    [
        "",
        "<NextContinuationToken>a=</NextContinuationToken>",
        "<CommonPrefixes><Prefix>x/</Prefix></CommonPrefixes>",
    ],
)
def test_a_page_as_servers_write_it_is_read_the_quick_way(of: str) -> None:
    body = _a_day(3, of)
    usual = list_page._usual_objects(body)
    assert usual is not None and len(usual.objects) == 3
    assert parse_page(body) == _exact(body)


@pytest.mark.parametrize("name", sorted(PAGES))
def test_the_real_pages_say_the_same_either_way(name: str) -> None:
    assert parse_page(PAGES[name]) == _exact(PAGES[name])


_UNUSUAL = {
    "an entity in a key": (b"T000001_IFCB101.adc</Key>", b"T&amp;000001.adc</Key>"),
    "an encoded key": (b"T000001_IFCB101.adc</Key>", b"T%20000001.adc</Key>"),
    "a blank that is encoded as a plus": (b"T000001_IFCB101.adc</Key>", b"T+000001.adc</Key>"),
    "a letter beyond ASCII": (b"T000001_IFCB101.adc</Key>", "Tü000001.adc</Key>".encode()),
    "CDATA": (
        b"<Key>hablab/nauset/2026/D20260101/D20260101T000001_IFCB101.adc</Key>",
        b"<Key><![CDATA[a]]></Key>",
    ),
    "all of it a comment": (b"<Contents>", b"<!-- <Contents>"),
    "an attribute": (b"<Contents><Key>", b'<Contents a="b"><Key>'),
    "another namespace": (b"<Contents><Key>", b'<Contents xmlns="x"><Key>'),
    "a prefix": (b"<Contents><Key>", b'<a:Contents xmlns:a="x"><Key>'),
    "another order": (
        b"<Size>11</Size><StorageClass>STANDARD</StorageClass>",
        b"<StorageClass>STANDARD</StorageClass><Size>11</Size>",
    ),
    "two keys": (b"<StorageClass>", b"<Key>b</Key><StorageClass>"),
    "no size": (b"<Size>11</Size>", b""),
    "a size that is none": (b"<Size>11</Size>", b"<Size>-11</Size>"),
    "no day": (b"2026-11-22T13", b"2026-02-30T13"),
    "no month": (b"2026-11-22T13", b"2026-13-22T13"),
    "a key of the element's name": (b"T000001_IFCB101.adc</Key>", b"Contents</Key>"),
    "within another element": (b"<Contents>", b"<More><Contents>"),
    "text between": (b"</Contents>", b"</Contents>and"),
}


@pytest.mark.parametrize("first_only", [True, False])
@pytest.mark.parametrize("case", sorted(_UNUSUAL))
def test_what_is_unusual_in_a_page_is_left_to_the_exact_reader(case: str, first_only: bool) -> None:
    wanted, instead = _UNUSUAL[case]
    body = _a_day(3).replace(wanted, instead, 1 if first_only else -1)
    assert body != _a_day(3)
    assert _outcome(parse_page, body) == _outcome(_exact, body)


def _outcome(read: Callable[[bytes], ListPage], body: bytes) -> object:
    try:
        return read(body)
    except NotAListing:
        return "no listing"


_PIECES = st.sampled_from(
    [
        b"<Contents>",
        b"</Contents>",
        b"<Contents/>",
        b"<Key>a</Key>",
        b"<Size>1</Size>",
        b"<ETag>e</ETag>",
        b"<!--",
        b"-->",
        b"<![CDATA[",
    ]
    + [
        b"]]>",
        b"<Owner><ID>1</ID></Owner>",
        b"<LastModified>2026-11-22T13:26:36.000Z</LastModified>",
        b" ",
        b"x",
        b"&amp;",
    ]
    + [b"<More>", b"</More>", b"\xc3\xbc", b"\x0c", b"\x00", b"<Type>Normal</Type>"]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1200), _PIECES), max_size=4), st.integers(1, 3))
def test_whatever_is_put_into_a_page_both_readers_say_the_same(
    pieces: list[tuple[int, bytes]], objects: int
) -> None:
    body = _a_day(objects)
    for place, piece in pieces:
        place = min(place, len(body))
        if piece.startswith(b"<"):
            place = body.rfind(b">", 0, place) + 1  # between elements, where it does most
        body = body[:place] + piece + body[place:]
    if is_plain(body):
        assert _outcome(parse_page, body) == _outcome(_exact, body)
