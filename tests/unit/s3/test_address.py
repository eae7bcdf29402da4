"""Where the bucket is, and the URL of a request to it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from support.wire import config

from ifcbscan.s3.address import address_of, url_of
from ifcbscan.s3.transport import CannotAsk


@pytest.mark.parametrize(
    "region, server",
    [
        ("us-east-1", "https://s3.amazonaws.com"),
        ("us-west-2", "https://s3.us-west-2.amazonaws.com"),
        ("us-gov-west-1", "https://s3.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", "https://s3.cn-north-1.amazonaws.com.cn"),
        ("eusc-de-east-1", "https://s3.eusc-de-east-1.amazonaws.eu"),
        ("us-isob-east-1", "https://s3.us-isob-east-1.sc2s.sgov.gov"),
    ],
)
def test_each_region_of_aws_has_its_server(region: str, server: str) -> None:
    settings = replace(config(), endpoint_url=None, region=region)
    assert address_of(settings) == f"{server}/ifcb-data-sharer.files"


@pytest.mark.parametrize(
    "endpoint, address",
    [
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000/b.c"),
        ("http://127.0.0.1:9000/", "http://127.0.0.1:9000/b.c"),
        ("https://s3.example.org/behind/a%20path/", "https://s3.example.org/behind/a%20path/b.c"),
        ("http://[::1]:9000", "http://[::1]:9000/b.c"),
    ],
)
def test_a_server_of_ones_own_is_asked_where_it_is(endpoint: str, address: str) -> None:
    assert address_of(replace(config(), endpoint_url=endpoint, bucket="b.c")) == address


@pytest.mark.parametrize(
    "wrong, text",
    [
        ({"region": "my region"}, "^my region cannot be the name of a region$"),
        ({"region": "x@evil.example/"}, "cannot be the name of a region"),
        ({"region": "-x"}, "cannot be the name of a region"),
        ({"bucket": "a/b"}, "^a/b cannot be the name of a bucket$"),
        ({"bucket": "x" * 256}, "cannot be the name of a bucket"),
        ({"bucket": "arn:aws:s3:us-east-1:1:accesspoint/x"}, "cannot be the name of a bucket"),
        ({"endpoint_url": "http://a b"}, "^http://a b is no address of a server$"),
        ({"endpoint_url": "http://[::1"}, "is no address of a server"),
        ({"endpoint_url": "http://127.0.0.1:notaport"}, "is no address of a server"),
        ({"endpoint_url": "http://127.0.0.1:0"}, "is no address of a server"),
        ({"endpoint_url": "http://:80"}, "is no address of a server"),
    ],
)
def test_settings_of_which_no_url_can_be_made_are_said(wrong: dict[str, Any], text: str) -> None:
    with pytest.raises(CannotAsk, match=text):
        address_of(replace(config(), **wrong))


@pytest.mark.parametrize(
    "key, query, url",
    [
        ("", {}, "http://h/b"),
        (
            "",
            {"list-type": "2", "prefix": "a b/ü+&=~"},
            "http://h/b?list-type=2&prefix=a%20b%2F%C3%BC%2B%26%3D~",
        ),
        ("hablab/x/a b+ü~'.roi", {}, "http://h/b/hablab/x/a%20b%2B%C3%BC~%27.roi"),
        ("k//a/../b", {}, "http://h/b/k//a/../b"),
    ],
)
def test_each_byte_of_a_url_is_written_as_s3_signs_it(key: str, query: dict[str, str], url: str) -> None:
    assert url_of("http://h/b", key, query) == url
