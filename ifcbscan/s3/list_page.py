"""One answer of S3 parsed: a page of a listing, or an error. Pure.

Only what ifcbscan reads is taken out of a page, and nothing is taken for a page or an error that is none: what a
proxy or a harbour's network puts in the place of an answer may be any web page, or XML made to do harm.
"""

from __future__ import annotations

import datetime
import re
import urllib.parse
import xml.etree.ElementTree as ElementTree
from typing import NamedTuple, Sequence

from ifcbscan.core.remote_index import ListedObject

#: What is kept of an error; the last three are for botocore, which asks in another region when it is told one.
_OF_AN_ERROR = ("Code", "Message", "Region", "Endpoint", "Bucket")
_CODE = re.compile(r"[A-Za-z]\S{0,99}")

#: S3's own errors have less than 1,000 bytes.
_LARGEST_ERROR = 65536

#: A time as S3 writes it.
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?Z?")

_ENCODING = re.compile(rb"encoding\s*=\s*[\"']([^\"']*)")


class ListPage(NamedTuple):
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
            # A negative size would mean something else further on; a time must be one for `core.bins.server_seconds`.
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
