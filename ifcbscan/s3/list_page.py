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

_CODE = re.compile(r"[A-Za-z]\S{0,99}")

#: S3's own errors have less than 1,000 bytes.
_LARGEST_ERROR = 65536

#: A time as S3 writes it.
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?Z?")

#: An object as AWS, Ceph, moto and rclone write it: without anything that XML or a URL writes in another way.
_OBJECT = re.compile(
    r"""
    <Contents>[ \t\r\n]*
    <Key>([!$'()*,\-./0-9:;=@A-Z\[\]^_`a-z{|}~]+)</Key>[ \t\r\n]*
    <LastModified>(([0-9]{4}-[0-9]{2}-[0-9]{2})T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?Z?)</LastModified>[ \t\r\n]*
    <ETag>(?:&quot;|&\#34;|")?([0-9A-Za-z-]*)(?:&quot;|&\#34;|")?</ETag>[ \t\r\n]*
    (?:<ChecksumAlgorithm>[0-9A-Z]*</ChecksumAlgorithm>[ \t\r\n]*)*
    (?:<ChecksumType>[A-Z_]*</ChecksumType>[ \t\r\n]*)?
    <Size>([0-9]{1,18})</Size>[ \t\r\n]*
    (?:<StorageClass>[0-9A-Z_]*</StorageClass>[ \t\r\n]*|<Type>[A-Za-z]*</Type>[ \t\r\n]*
     |<Owner>(?:[ \t\r\n]*<(?:ID|DisplayName)>[ -%'-;=?-~]*</(?:ID|DisplayName)>)*[ \t\r\n]*</Owner>[ \t\r\n]*)*
    </Contents>[ \t\r\n]*
    """,
    re.VERBOSE,
)

_ENCODING = re.compile(rb"encoding\s*=\s*[\"']([^\"']*)")


class ListPage(NamedTuple):
    """One page of a listing, in order of keys. `folders`: what it has as common prefixes.

    `truncated`: more follow; `next_token` asks for them, None if the page has none.
    """

    objects: Sequence[ListedObject]
    folders: Sequence[str]
    truncated: bool
    next_token: str | None


class ErrorText(NamedTuple):
    """S3's name of an error, and its words for it."""

    code: str
    message: str


_NO_ERROR_TEXT = ErrorText("", "")


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
    usual = _usual_objects(body)
    if usual is not None:
        root = _root(usual.rest)
        if [len(mark) for mark in root.iterfind(_space(root) + "Contents")] == [0]:
            return _page(root, usual.objects)
    root = _root(body)
    return _page(root, _objects(root))


class _Usual(NamedTuple):
    """The objects of a page, and the rest of it, with one empty `Contents` in their place."""

    objects: list[ListedObject]
    rest: bytes


def _usual_objects(body: bytes) -> _Usual | None:
    """The objects of a page, if all of them are written as the servers usually do; else None.

    A regular expression takes a fraction of the time that XML does, for which most of a long listing is spent. It knows
    nothing of XML, so it only counts if nothing is left to know: the objects stand in one row, the word `Contents` is
    nowhere else, and nothing is a comment or a CDATA section, in which all this would mean something else. That the row
    stands where it should is for XML to say, of the rest.
    """
    if b"<!" in body or not body.isascii():
        return None
    text = body.decode("ascii")
    first = position = text.find("<Contents>")
    objects = []
    dates = set()
    match, make = _OBJECT.match, ListedObject
    found = match(text, position) if first >= 0 else None
    while found is not None:
        key, modified, date, etag, size = found.groups()
        objects.append(make(key, int(size), modified, etag))
        dates.add(date)
        position = found.end()
        found = match(text, position)
    if not objects or text.count("Contents") != 2 * len(objects) or not all(map(_is_a_date, dates)):
        return None
    return _Usual(objects, f"{text[:first]}<Contents/>{text[position:]}".encode("ascii"))


def _is_a_date(text: str) -> bool:
    try:
        datetime.date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _root(body: bytes) -> ElementTree.Element:
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError as error:
        raise NotAListing(str(error)) from None
    if root.tag.rpartition("}")[2] != "ListBucketResult":
        raise NotAListing(root.tag)
    return root


def _space(root: ElementTree.Element) -> str:
    namespace, brace, _ = root.tag.rpartition("}")
    return namespace + brace


def _is_url_encoded(root: ElementTree.Element) -> bool:
    return root.findtext(_space(root) + "EncodingType") == "url"


def _objects(root: ElementTree.Element) -> list[ListedObject]:
    space, url_encoded = _space(root), _is_url_encoded(root)
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
    return objects


def _page(root: ElementTree.Element, objects: Sequence[ListedObject]) -> ListPage:
    space = _space(root)
    truncated = root.findtext(space + "IsTruncated")
    if truncated not in ("true", "false"):
        raise NotAListing("a page that does not say whether more follow")
    folders = [item.findtext(space + "Prefix") or "" for item in root.iterfind(space + "CommonPrefixes")]
    return ListPage(
        objects,
        [_decoded(folder) for folder in folders] if _is_url_encoded(root) else folders,
        truncated == "true",
        root.findtext(space + "NextContinuationToken"),
    )


def error_of(body: bytes) -> ErrorText:
    """What an error answer says; two empty texts for any body that is no error of S3's."""
    if not body or len(body) > _LARGEST_ERROR or not is_plain(body):
        return _NO_ERROR_TEXT
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        return _NO_ERROR_TEXT
    namespace, brace, name = root.tag.rpartition("}")
    code = root.findtext(namespace + brace + "Code") or ""
    if name != "Error" or not _CODE.fullmatch(code):
        return _NO_ERROR_TEXT
    return ErrorText(code, root.findtext(namespace + brace + "Message") or "")


def _decoded(key: str) -> str:
    return urllib.parse.unquote_plus(key) if "%" in key or "+" in key else key
