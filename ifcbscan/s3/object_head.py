"""What the headers of an answer say: whether S3 has written them, an object's size, time, and what is known of its content. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timezone
from email.utils import parsedate_to_datetime
from typing import Mapping, NamedTuple

from ifcbscan.core.bins import server_text
from ifcbscan.core.checksums import is_md5
from ifcbscan.s3.transport import Operation

# Every S3 server's good answer carries these; the web page of a harbour's network does not.
_SIGNS_OF_S3: dict[Operation, set[str]] = {
    Operation.LIST: set(),  # that the page has been understood is the sign
    Operation.HEAD: {"last-modified", "content-length"},
    Operation.GET: {"last-modified"},
    Operation.PUT: {"etag"},
}


@dataclass(frozen=True)
class ObjectHead:
    """What a HEAD request says of an object: size in bytes, time and ETag as in `ListedObject`.

    `md5`: the MD5 (hex) of the object's content, where the ETag is known to be one; else None. What is known
    of that can change during a run, so two looks at one object are compared without it.
    """

    size: int
    modified: str
    etag: str
    md5: str | None = field(compare=False)


class ObjectContent(NamedTuple):
    """What a HEAD request says of an object's content: size in bytes, ETag without quotes.

    `etag_is_sum`: False where encryption makes the ETag something that does not come from the content alone.
    """

    size: int
    etag: str
    etag_is_sum: bool


def head_of(headers: Mapping[str, str], etags_are_md5: bool) -> ObjectHead:
    """The head of an object. `etags_are_md5`: whether this server's ETags may be MD5s.

    Raises ValueError for headers without a size or a time.
    """
    etag = etag_of(headers)
    is_sum = etags_are_md5 and is_md5(etag) and not _is_encrypted(headers)
    return ObjectHead(_size(headers), _modified(headers), etag, etag if is_sum else None)


def content_of(headers: Mapping[str, str]) -> ObjectContent:
    """What is known of an object's content. Raises ValueError for headers without a size."""
    return ObjectContent(_size(headers), etag_of(headers), not _is_encrypted(headers))


def etag_of(headers: Mapping[str, str]) -> str:
    """The ETag without its quotes; empty where there is none."""
    return headers.get("etag", "").strip('"')


def _size(headers: Mapping[str, str]) -> int:
    size = int(headers.get("content-length", ""))
    if size < 0:
        raise ValueError("a negative size")
    return size


def _modified(headers: Mapping[str, str]) -> str:
    try:
        moment = parsedate_to_datetime(headers.get("last-modified", ""))
    except (TypeError, IndexError, OverflowError):  # what older Pythons raise
        raise ValueError("no time") from None
    # HTTP dates are UTC, also in the old form that does not say so.
    return server_text(moment.replace(tzinfo=moment.tzinfo or timezone.utc).timestamp())


def _is_encrypted(headers: Mapping[str, str]) -> bool:
    """Whether an object is encrypted so that its ETag does not come from its content alone (KMS, customer's key)."""
    return (
        "kms" in headers.get("x-amz-server-side-encryption", "")
        or "x-amz-server-side-encryption-customer-algorithm" in headers
    )


def is_of_s3(operation: Operation, headers: Mapping[str, str]) -> bool:
    """Whether headers of a good answer (names in lower case) are those of an S3 server."""
    return _SIGNS_OF_S3[operation] <= set(headers) and not headers.get("content-length", "").startswith("-")
