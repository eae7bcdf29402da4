"""What the headers of an answer say of one object."""

from __future__ import annotations

from typing import Mapping

import pytest

from ifcbscan.s3.object_head import ObjectContent, content_of, head_of

MD5 = "900150983cd24fb0d6963f7d28e17f72"
HEADERS = {"content-length": "3", "last-modified": "Sun, 26 May 2013 10:00:00 GMT", "etag": f'"{MD5}"'}


def test_a_head_is_size_time_and_etag() -> None:
    head = head_of(HEADERS, True)
    assert (head.size, head.modified, head.etag, head.md5) == (3, "2013-05-26T10:00:00.000Z", MD5, MD5)


@pytest.mark.parametrize(
    ("more", "etags_are_md5"),
    [
        ({}, False),
        ({"etag": '"x-2"'}, True),
        ({"x-amz-server-side-encryption": "aws:kms"}, True),
        ({"x-amz-server-side-encryption-customer-algorithm": "AES256"}, True),
    ],
)
def test_an_etag_that_may_be_something_else_is_no_md5(more: Mapping[str, str], etags_are_md5: bool) -> None:
    assert head_of({**HEADERS, **more}, etags_are_md5).md5 is None


@pytest.mark.parametrize("date", ["Sunday, 26-May-13 10:00:00 GMT", "Sun May 26 10:00:00 2013"])
def test_http_dates_of_the_old_forms_are_utc(date: str) -> None:
    assert head_of({**HEADERS, "last-modified": date}, True).modified == "2013-05-26T10:00:00.000Z"


@pytest.mark.parametrize(
    "odd",
    [
        {"content-length": "-1"},
        {"content-length": "many"},
        {"last-modified": ""},
        {"last-modified": "yesterday"},
        {"last-modified": "Sun, 99 May 2013 10:00:00 GMT"},
    ],
)
def test_headers_that_make_no_sense_are_no_answer_of_s3(odd: Mapping[str, str]) -> None:
    with pytest.raises(ValueError):
        head_of({**HEADERS, **odd}, True)


def test_content_is_size_and_etag_and_whether_encryption_made_that_something_else() -> None:
    assert content_of(HEADERS) == ObjectContent(3, MD5, True)
    parts = {**HEADERS, "etag": f'"{MD5}-2"'}
    assert content_of(parts) == ObjectContent(3, f"{MD5}-2", True)
    assert content_of({**HEADERS, "x-amz-server-side-encryption": "aws:kms"}) == ObjectContent(3, MD5, False)
