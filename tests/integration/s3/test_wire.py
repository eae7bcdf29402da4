"""A request as it goes over the wire: its signature, and that it is the request which boto3's own client would have sent."""

from __future__ import annotations

import io
import threading
from dataclasses import replace
from typing import Any

import botocore.config
import botocore.session
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.scripted import Answer, ScriptedServer
from support.sigv4 import signature, signed_with
from support.wire import config

from ifcbscan.config import Config
from ifcbscan.s3.body import Body
from ifcbscan.s3.transport import Operation, Request
from ifcbscan.s3.wire import Wire

# --- the published examples of AWS (the source is named in support/sigv4.py): what the tests' own signer says of them

_EXAMPLE_SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
_NO_BODY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
_EXAMPLE = {
    "host": "examplebucket.s3.amazonaws.com",
    "x-amz-content-sha256": _NO_BODY,
    "x-amz-date": "20130524T000000Z",
}


@pytest.mark.parametrize(
    "method, path, headers, expected",
    [
        (
            "GET",
            "/test.txt",
            {"range": "bytes=0-9"},
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            "PUT",
            "/test$file.text",
            {
                "date": "Fri, 24 May 2013 00:00:00 GMT",
                "x-amz-storage-class": "REDUCED_REDUNDANCY",
                "x-amz-content-sha256": "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
            },
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        ("GET", "/?lifecycle", {}, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        (
            "GET",
            "/?max-keys=2&prefix=J",
            {},
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
)
def test_the_signer_of_the_tests_gives_the_published_signatures(
    method: str, path: str, headers: dict[str, str], expected: str
) -> None:
    signed = {**_EXAMPLE, **headers}
    url = "https://examplebucket.s3.amazonaws.com" + path
    assert signature(method, url, signed, ";".join(sorted(signed)), _EXAMPLE_SECRET) == expected


# --- what is sent

_KEYS = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=40).filter(
    lambda key: not key.startswith("/")
)
_TEXTS = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=30)
_SETTINGS = st.fixed_dictionaries(
    {
        "region": st.sampled_from(
            [
                "us-east-1",
                "eu-north-1",
                "us-gov-west-1",
                "cn-north-1",
                "us-iso-east-1",
                "us-isob-east-1",
                "xy-3",
            ]
        ),
        "endpoint_url": st.sampled_from(
            [None, "http://127.0.0.1:9", "https://s3.example.org:8443/behind/a-path/", "http://[::1]:9000"]
        ),
        "bucket": st.sampled_from(["ifcb-data-sharer.files", "bucket-1"]),
        "session_token": st.sampled_from([None, "a/session+token=="]),
    }
)


@st.composite
def _requests(draw: Any) -> Request:
    operation = draw(st.sampled_from(list(Operation)))
    if operation is Operation.LIST:
        names = draw(st.lists(st.sampled_from(["prefix", "delimiter", "start-after"]), unique=True))
        return Request(operation, query={name: draw(_TEXTS.filter(bool)) for name in names})
    key = draw(_KEYS)
    if operation is not Operation.PUT:
        return Request(operation, key)
    size = draw(st.integers(0, 9))
    body = Body(io.BytesIO(b"x" * size), size, threading.Event())
    headers = {"Content-Length": str(size), "Content-MD5": "CY9rzUYh03PK3k6DJie09g=="}
    return Request(operation, key, headers={**headers, **draw(_CONDITION)}, body=body)


_CONDITION = st.sampled_from([{}, {"If-None-Match": "*"}, {"If-Match": '"9dd4e461268c8034f5c8564e155c67a6"'}])

_METHODS = {
    Operation.LIST: "list_objects_v2",
    Operation.HEAD: "head_object",
    Operation.GET: "get_object",
    Operation.PUT: "put_object",
}
_PARAMETERS = {
    "prefix": "Prefix",
    "delimiter": "Delimiter",
    "start-after": "StartAfter",
    "Content-Length": "ContentLength",
    "Content-MD5": "ContentMD5",
    "If-None-Match": "IfNoneMatch",
    "If-Match": "IfMatch",
}


_IS_OLD = tuple(map(int, botocore.__version__.split(".")[:2])) < (1, 36)


class _Caught(Exception):
    pass


_clients: dict[Any, Any] = {}


def _client_of_boto3(config: Config) -> Any:
    """The client that boto3 makes of such settings."""
    if config not in _clients:
        # before 1.36 botocore does by itself what these ask for, and does not know them
        newer = (
            {}
            if _IS_OLD
            else dict.fromkeys(
                ("request_checksum_calculation", "response_checksum_validation"), "when_required"
            )
        )
        session = botocore.session.Session(session_vars={"profile": (None, None, None, None)})
        _clients[config] = session.create_client(
            "s3",
            aws_access_key_id=config.access_key_id,
            aws_secret_access_key=config.secret_access_key,
            aws_session_token=config.session_token,
            region_name=config.region,
            endpoint_url=config.endpoint_url,
            config=botocore.config.Config(
                signature_version="s3v4",
                s3={"addressing_style": "path", "payload_signing_enabled": False},
                **newer,
            ),
        )
    return _clients[config]


def _of_boto3(config: Config, request: Request) -> Any:
    """What boto3's client sends, caught on its way."""
    caught = []

    def catch(request: Any, **_: Any) -> None:
        caught.append(request)
        raise _Caught

    client = _client_of_boto3(config)
    client.meta.events.register("before-send.s3", catch)
    arguments: dict[str, Any] = {"Bucket": config.bucket}
    if request.key:
        arguments["Key"] = request.key
    for name, value in {**request.query, **request.headers}.items():
        arguments[_PARAMETERS[name]] = int(value) if name == "Content-Length" else value
    if request.body is not None:
        arguments["Body"] = request.body
    try:
        getattr(client, _METHODS[request.operation])(**arguments)
    except _Caught:
        return caught[0]
    finally:
        client.meta.events.unregister("before-send.s3", catch)
    raise AssertionError("nothing was sent")


def _of_ours(config: Config, request: Request) -> Any:
    """What is sent here."""
    sender = Wire(config)
    sender._opened()
    return sender._signed(request)


#: What boto3 says besides, and none of which is signed.
_OF_ITS_OWN = {"user-agent", "amz-sdk-invocation-id", "amz-sdk-request", "expect"}


def _headers(sent: Any) -> dict[str, str]:
    return {
        name.lower(): value.decode() if isinstance(value, bytes) else value
        for name, value in sent.headers.items()
    }


@settings(deadline=None, max_examples=40)
@given(_SETTINGS, _requests())
def test_a_request_is_byte_for_byte_the_one_that_boto3_sends(
    changed: dict[str, Any], request: Request
) -> None:
    if _IS_OLD and {"If-Match", "If-None-Match"} & set(request.headers):
        return  # it has no parameter for it
    wanted = replace(config(), **changed)
    theirs, ours = _of_boto3(wanted, request), _of_ours(wanted, request)
    assert (ours.method, ours.url) == (theirs.method, theirs.url)
    assert ours.body is theirs.body
    our_headers, their_headers = _headers(ours), _headers(theirs)
    moment = {"x-amz-date", "authorization"}
    for headers in (our_headers, their_headers):
        with_host = {**headers, "host": _host(ours.url)}
        found = signed_with(headers)
        assert found["region"] == wanted.region and found["key"] == wanted.access_key_id
        assert found["signature"] == signature(
            ours.method, ours.url, with_host, found["names"], wanted.secret_access_key, wanted.region
        )
    assert signed_with(our_headers)["names"] == signed_with(their_headers)["names"]
    assert {name: value for name, value in our_headers.items() if name not in _OF_ITS_OWN | moment} == {
        name: value for name, value in their_headers.items() if name not in _OF_ITS_OWN | moment
    }


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0].partition("?")[0]


_PAGE = b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"


def test_what_arrives_is_what_was_signed_and_one_connection_serves_many_requests() -> None:
    with ScriptedServer(then=Answer(200, _PAGE)) as server:
        wanted = replace(config(), endpoint_url=server.endpoint + "/behind/a-path/")
        sender = Wire(wanted)
        for number in range(3):
            sender.send(Request(Operation.LIST, query={"prefix": f"a b/ü{number}"}))
        for request in server.requests:
            headers = {name.lower(): value for name, value in request.headers.items()}
            found = signed_with(headers)
            url = f"{server.endpoint}{request.path}?{request.query}"
            assert request.path == "/behind/a-path/ifcb-data-sharer.files"
            assert found["signature"] == signature(
                "GET", url, headers, found["names"], wanted.secret_access_key
            )
        assert len({request.port for request in server.requests}) == 1


def test_a_body_that_comes_in_small_pieces_arrives_whole() -> None:
    content = bytes(range(256)) * 1000
    body = Body(io.BytesIO(content), len(content), threading.Event(), pace=lambda wanted: min(wanted, 5000))
    with ScriptedServer(then=Answer(200)) as server:
        sender = Wire(replace(config(), endpoint_url=server.endpoint))
        sender.send(Request(Operation.PUT, "a/b", headers={"Content-Length": str(len(content))}, body=body))
        assert [request.body for request in server.requests] == [content]
