"""A lean way through botocore for listings: only what ifcbscan reads is taken out of each page.

botocore builds a dict of eight entries for every object and parses every time stamp: for ten years of
bins that is most of a run. Relied on, all of it public: `Session.register_component` with the
component `response_parser_factory` (a factory with `create_parser`, a parser with `parse`), and the
event `before-parse`, which older versions of botocore do not have and do not need. Whatever is not
the good answer to a listing goes through botocore's own parser.
"""

from __future__ import annotations

import datetime
import re
import urllib.parse
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from typing import Any, NamedTuple, Sequence

#: Where the lean parser leaves a ListPage, in the answer that botocore returns.
PAGE = "IfcbscanPage"

_LISTING_SHAPE = "ListObjectsV2Output"
_LISTING_OPERATION = "ListObjectsV2"
_SET_ASIDE = "ifcbscan_body"

#: What is kept of an error; the last three are for botocore, which asks in another region when it is told one.
_OF_AN_ERROR = ("Code", "Message", "Region", "Endpoint", "Bucket")
_CODE = re.compile(r"[A-Za-z]\S{0,99}")

#: S3's own errors have less than 1,000 bytes.
_LARGEST_ERROR = 65536

#: A time as S3 writes it.
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?Z?")

_ENCODING = re.compile(rb"encoding\s*=\s*[\"']([^\"']*)")


class ListedObject(NamedTuple):
    """One object of a listing: size in bytes, time in the server's ISO 8601 form, ETag unquoted."""

    key: str
    size: int
    modified: str
    etag: str


@dataclass(frozen=True)
class ListPage:
    """One page of a listing, in order of keys. `folders`: what it has as common prefixes.

    `truncated`: more follow; `next_token` asks for them, None if the page has none.
    """

    objects: Sequence[ListedObject]
    folders: Sequence[str]
    truncated: bool
    next_token: str | None


class NotAListing(Exception):
    """The body is not what S3 answers to a listing."""


def is_plain(body: bytes) -> bool:
    """False for a body with a document type, and so with every kind of entity expansion.

    Also for one in another encoding than UTF-8, in which a document type would not be seen here.
    """
    head = body[:1024]
    encoding = _ENCODING.search(head[: head.find(b"?>") + 1])
    if b"\0" in head or (encoding is not None and encoding.group(1).lower() != b"utf-8"):
        return False
    return b"<!DOCTYPE" not in head and b"<!ENTITY" not in body


def parse_page(body: bytes) -> ListPage:
    """One page of a listing. Raises NotAListing for anything else, such as a harbour network's web page."""
    if not is_plain(body):
        raise NotAListing("a web page")
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError as error:
        raise NotAListing(str(error)) from None
    namespace, brace, name = root.tag.rpartition("}")
    if name != "ListBucketResult":
        raise NotAListing(root.tag)
    space = namespace + brace
    url_encoded = root.findtext(space + "EncodingType") == "url"
    objects = []
    is_a_moment, from_iso = _MOMENT.fullmatch, datetime.datetime.fromisoformat
    for item in root.iterfind(space + "Contents"):
        texts = {child.tag: child.text for child in item}
        try:
            key = texts[space + "Key"] or ""
            size_text = texts[space + "Size"] or ""
            modified = texts[space + "LastModified"] or ""
            # A negative size would mean something else further on; a time must be one for `bins.server_seconds`.
            if not size_text.isdigit() or not is_a_moment(modified):
                raise ValueError
            size = int(size_text)
            from_iso(modified[:19])  # month 13 and the like
        except (KeyError, ValueError):
            raise NotAListing("an object without key, size or time") from None
        if url_encoded:
            key = _decoded(key)
        objects.append(ListedObject(key, size, modified, (texts.get(space + "ETag") or "").strip('"')))
    truncated = root.findtext(space + "IsTruncated")
    if truncated not in ("true", "false"):
        raise NotAListing("a page that does not say whether more follow")
    folders = [item.findtext(space + "Prefix") or "" for item in root.iterfind(space + "CommonPrefixes")]
    return ListPage(
        objects,
        [_decoded(folder) for folder in folders] if url_encoded else folders,
        truncated == "true",
        root.findtext(space + "NextContinuationToken"),
    )


def plain_error(body: bytes) -> bytes:
    """S3's error in an answer, with nothing in it but what S3 says; nothing for any other body.

    botocore reads an error's XML by recursion, and takes whatever is in it. So it is given what is made here.
    """
    if len(body) > _LARGEST_ERROR or not is_plain(body):
        return b""
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        return b""
    namespace, brace, name = root.tag.rpartition("}")
    texts = {part: root.findtext(namespace + brace + part) or "" for part in _OF_AN_ERROR}
    if name != "Error" or not _CODE.fullmatch(texts["Code"]):
        return b""
    error = ElementTree.Element("Error")
    for part, text in texts.items():
        if text:
            ElementTree.SubElement(error, part).text = text
    kept: bytes = ElementTree.tostring(error)
    return kept


def _decoded(key: str) -> str:
    return urllib.parse.unquote_plus(key) if "%" in key or "+" in key else key


class _Parser:
    def __init__(self, plain: Any) -> None:
        self._plain = plain

    def parse(self, response: dict[str, Any], shape: Any) -> Any:
        body = response.pop(_SET_ASIDE, response.get("body", b""))
        if 300 <= response["status_code"] < 400 and not _names_region(response["headers"]):
            # botocore would ask for the bucket's region, be sent elsewhere again, ask again, a thousand times.
            raise _parser_error("a redirect to elsewhere")
        if shape is None or shape.name != _LISTING_SHAPE or response["status_code"] != 200:
            keep_s3_errors_only(response)
            try:
                return self._plain.parse(response, shape)
            except Exception as error:  # a header that says no number or no time: it raises whatever comes
                raise _parser_error(f"{type(error).__name__}: {error}") from None
        try:
            page = parse_page(body)
        except NotAListing as error:
            raise _parser_error(f"no listing but {error}") from None
        headers = {name.lower(): value for name, value in response["headers"].items()}
        return {PAGE: page, "ResponseMetadata": {"HTTPStatusCode": 200, "HTTPHeaders": headers}}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plain, name)


def keep_s3_errors_only(response_dict: dict[str, Any], **_others: Any) -> None:
    """Of a body that is no error of S3's, nothing is left: botocore then goes by the status alone."""
    body = response_dict.get("body")
    if isinstance(body, bytes):
        response_dict["body"] = plain_error(body)


def _names_region(headers: Any) -> bool:
    # S3 says so whenever it redirects (also in the answer to a HEAD, which has no body).
    return any(name.lower() == "x-amz-bucket-region" for name in headers)


def _parser_error(text: str) -> Exception:
    from botocore.parsers import ResponseParserError

    error: Exception = ResponseParserError(text)
    return error


class LeanParserFactory:
    """Makes botocore's parsers, and wraps them. `in_use`: botocore has really asked it for one."""

    def __init__(self, plain: Any) -> None:
        self._plain = plain
        self.in_use = False

    def create_parser(self, protocol_name: str) -> _Parser:
        """What botocore asks for with every answer."""
        self.in_use = True
        return _Parser(self._plain.create_parser(protocol_name))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plain, name)


def install(session: Any) -> LeanParserFactory | None:
    """Make the clients of a botocore session parse listings the lean way; else (None) they work as ever."""
    try:
        plain = session.get_component("response_parser_factory")
    except ValueError:
        return None
    factory = LeanParserFactory(plain)
    session.register_component("response_parser_factory", factory)
    return factory


def spare_second_reading(client: Any, factory: LeanParserFactory) -> None:
    """Newer versions of botocore read every good answer once more, in search of a hidden error.

    A listing is known by its root element here, so its body is put aside for that time: once it is sure
    that it comes back, because `factory` has been used before. Else every listing would look empty.
    """

    def set_aside(response_dict: dict[str, Any], **_others: Any) -> None:
        if factory.in_use and response_dict.get("status_code") == 200:
            response_dict[_SET_ASIDE] = response_dict.get("body", b"")
            response_dict["body"] = b"<ListBucketResult/>"

    # botocore calls handlers of a name with a wildcard before those of the plain name, and these two
    # before its own. Were that to change, listings would be read twice again, and nothing worse.
    client.meta.events.register_first(f"before-parse.*.{_LISTING_OPERATION}", set_aside)


def refuse_other_xml(client: Any) -> None:
    """The same early reading of botocore's takes any XML; see `spare_second_reading` for the name."""

    def refuse(response_dict: dict[str, Any], operation_model: Any = None, **_others: Any) -> None:
        listing = getattr(operation_model, "name", "") == _LISTING_OPERATION
        if not listing or response_dict.get("status_code") != 200:
            keep_s3_errors_only(response_dict)
        elif not is_plain(response_dict.get("body", b"")):
            response_dict["body"] = b""

    client.meta.events.register_first("before-parse.*.*", refuse)
