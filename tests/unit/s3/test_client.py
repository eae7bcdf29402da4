"""What making a client costs, and how requests, answers and errors are translated; real servers are in integration/."""

from __future__ import annotations

import io
import os
import threading
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import botocore.exceptions as boto
import botocore.parsers
import pytest
from support.wire import config

from ifcbscan.config import load
from ifcbscan.core.remote_index import ListedObject
from ifcbscan.errors import ConfigError
from ifcbscan.s3 import client as client_module
from ifcbscan.s3.answers import AnswerTooLong, Bounds
from ifcbscan.s3.body import Body
from ifcbscan.s3.client import USUAL_TIMEOUTS, S3Client, Timeouts, make_client
from ifcbscan.s3.lean_parser import PAGE
from ifcbscan.s3.list_page import ListPage
from ifcbscan.s3.transport import Answer, CannotAsk, ErrorAnswer, Operation, PassingError, Request


def test_the_folders_of_other_services_are_not_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    listdir = os.listdir

    def note(path: Any = ".") -> list[str]:
        looked.append(os.path.basename(str(path)))
        return listdir(path)

    monkeypatch.setattr(os, "listdir", note)
    client = make_client(config(), 1, USUAL_TIMEOUTS)
    assert client.meta.service_model.service_name == "s3"
    assert set(looked) == {"s3"}


def test_the_time_for_a_whole_answer_is_bounded() -> None:
    client = make_client(config(), 1, Timeouts(answer=7.0))
    pools = client._endpoint.http_session._pool_classes_by_scheme
    for scheme in ("http", "https"):
        assert pools[scheme].ConnectionCls.response_class.bounds == Bounds(7.0)


@pytest.mark.parametrize(
    "name, value",
    [
        ("AWS_RETRY_MODE", "bogus"),
        ("AWS_DEFAULTS_MODE", "bogus"),
        ("AWS_S3_US_EAST_1_REGIONAL_ENDPOINT", "bogus"),
        ("AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES", "x"),
        ("AWS_USE_FIPS_ENDPOINT", "true"),
        ("AWS_USE_DUALSTACK_ENDPOINT", "true"),
        ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
        ("AWS_DEFAULT_REGION", "eu-west-1"),
        ("AWS_PROFILE", "bogus"),
        ("AWS_CONFIG_FILE", "/bogus"),
        ("AWS_AUTH_SCHEME_PREFERENCE", "bogus"),
        ("AWS_MAX_ATTEMPTS", "x"),
        ("AWS_EXECUTION_ENV", "a\nb"),
    ],
)
def test_aws_variables_that_are_meant_for_other_programs_change_nothing(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    settings = load(
        None,
        {"AWS_ACCESS_KEY_ID": "AKIAIFCBSCANTESTS", "AWS_SECRET_ACCESS_KEY": "x", "USER_ACCOUNT": "hablab"},
    )
    monkeypatch.setenv(name, value)
    client = make_client(settings, 1, USUAL_TIMEOUTS)
    url = client.generate_presigned_url("get_object", {"Bucket": settings.bucket, "Key": "k"})
    assert url.startswith("https://s3.us-east-1.amazonaws.com/ifcb-data-sharer.files/k?") or url.startswith(
        "https://s3.amazonaws.com/ifcb-data-sharer.files/k?"
    )
    assert os.environ[name] == value


def test_the_environment_is_whole_while_a_client_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other threads read it meanwhile, or start a program with it."""
    monkeypatch.setenv("AWS_RETRY_MODE", "bogus")
    seen: list[str | None] = []
    listdir = os.listdir

    def look(path: Any = ".") -> list[str]:
        seen.append(os.environ.get("AWS_RETRY_MODE"))
        return listdir(path)

    monkeypatch.setattr(os, "listdir", look)  # botocore looks for its description of S3
    make_client(config(), 1, USUAL_TIMEOUTS)
    assert set(seen) == {"bogus"}


def test_two_clients_made_at_the_same_moment_both_go_by_the_settings_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The second begins while the first is being made, and goes on when the first is there."""
    monkeypatch.setenv("AWS_RETRY_MODE", "bogus")
    second_began, first_done = threading.Event(), threading.Event()
    listdir = os.listdir

    def meet(path: Any = ".") -> list[str]:
        if threading.current_thread() is second:
            second_began.set()
            assert first_done.wait(30)
        elif not second_began.is_set():
            second.start()
            assert second_began.wait(30)
        return listdir(path)

    made: list[Any] = []

    def make() -> None:
        try:
            made.append(make_client(config(), 1, USUAL_TIMEOUTS))
        except Exception as error:
            made.append(error)

    second = threading.Thread(target=make, daemon=True)
    monkeypatch.setattr(os, "listdir", meet)
    make()
    first_done.set()
    second.join(30)
    assert [client.meta.service_model.service_name for client in made] == ["s3", "s3"]
    assert os.environ["AWS_RETRY_MODE"] == "bogus"


class Botocore:
    """Stands for botocore's client: notes what it is asked, and answers or raises what it is given."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        def method(**arguments: Any) -> Any:
            self.asked.append((name, arguments))
            if isinstance(self.answer, Exception):
                raise self.answer
            return self.answer

        return method


def send(
    monkeypatch: pytest.MonkeyPatch, answer: Any, request: Request | None = None
) -> tuple[Answer, Botocore]:
    botocore_client = Botocore(answer)
    monkeypatch.setattr(client_module, "make_client", lambda *_: botocore_client)
    return S3Client(config()).send(request or Request(Operation.HEAD, "key")), botocore_client


BODY = Body(io.BytesIO(), 0, threading.Event())

BUCKET = {"Bucket": "ifcb-data-sharer.files"}


@pytest.mark.parametrize(
    "request_, name, arguments",
    [
        (
            Request(
                Operation.LIST,
                query={
                    "prefix": "p",
                    "delimiter": "/",
                    "start-after": "a",
                    "continuation-token": "t",
                    "max-keys": "1",
                },
            ),
            "list_objects_v2",
            {"Prefix": "p", "Delimiter": "/", "StartAfter": "a", "ContinuationToken": "t", "MaxKeys": 1},
        ),
        (Request(Operation.HEAD, "k"), "head_object", {"Key": "k"}),
        (Request(Operation.GET, "k"), "get_object", {"Key": "k"}),
        (
            Request(Operation.PUT, "k", headers={"Content-Length": "7", "Content-MD5": "m"}, body=BODY),
            "put_object",
            {"Key": "k", "ContentLength": 7, "ContentMD5": "m", "Body": BODY},
        ),
        (
            Request(Operation.PUT, "k", headers={"If-Match": '"e"'}),
            "put_object",
            {"Key": "k", "IfcbscanCondition": ("If-Match", '"e"')},
        ),
        (
            Request(Operation.PUT, "k", headers={"If-None-Match": "*"}),
            "put_object",
            {"Key": "k", "IfcbscanCondition": ("If-None-Match", "*")},
        ),
    ],
)
def test_a_request_is_asked_of_botocore_in_its_own_terms(
    monkeypatch: pytest.MonkeyPatch, request_: Request, name: str, arguments: dict[str, Any]
) -> None:
    _, asked = send(monkeypatch, {}, request_)
    assert asked.asked == [(name, {**BUCKET, **arguments})]


def test_an_answer_is_its_headers_and_its_page_or_its_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    headers = {"ResponseMetadata": {"HTTPHeaders": {"etag": "x"}}}
    page = ListPage([], [], False, None)
    assert send(monkeypatch, headers)[0] == Answer({"etag": "x"})
    assert send(monkeypatch, {**headers, PAGE: page})[0] == Answer({"etag": "x"}, page)
    answer, _ = send(monkeypatch, {**headers, "Body": io.BytesIO(b"content")})
    assert answer.headers == {"etag": "x"} and list(answer.blocks) == [b"content"]


def test_a_page_that_botocore_has_read_itself_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = datetime(2026, 1, 1, tzinfo=timezone.utc)
    read = {
        "IsTruncated": True,
        "NextContinuationToken": "t",
        "Contents": [
            {"Key": "a", "Size": 1, "LastModified": moment, "ETag": '"e"'},
            {"Key": "b", "Size": 2, "LastModified": moment},
        ],
        "CommonPrefixes": [{"Prefix": "p/"}],
    }
    when = "2026-01-01T00:00:00.000Z"
    objects = [ListedObject("a", 1, when, "e"), ListedObject("b", 2, when, "")]
    assert send(monkeypatch, read)[0].page == ListPage(objects, ["p/"], True, "t")
    assert send(monkeypatch, {"IsTruncated": False})[0].page == ListPage([], [], False, None)


def test_what_is_read_back_comes_in_blocks_and_its_errors_are_translated_as_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Broken:
        blocks = [b"a", b"b"]

        def read(self, amount: int) -> bytes:
            if not self.blocks:
                raise boto.IncompleteReadError(actual_bytes=2, expected_bytes=3)
            return self.blocks.pop(0)

    answer, _ = send(monkeypatch, {"Body": Broken()})
    blocks = iter(answer.blocks)
    assert (next(blocks), next(blocks)) == (b"a", b"b")
    with pytest.raises(PassingError) as error:
        next(blocks)
    assert error.value.unsure


ADDRESS = {"endpoint_url": "http://127.0.0.1:9"}


@pytest.mark.parametrize(
    "raised, text, unsure",
    [
        (boto.ProxyConnectionError(proxy_url="http://p"), "the proxy does not answer", False),
        (boto.SSLError(error="bad", **ADDRESS), "^no secure connection: bad$", False),
        (
            boto.EndpointConnectionError(
                error="HTTPConnection(host='h', port=9): Failed: [Errno 111] Connection refused')", **ADDRESS
            ),
            r"^no connection \(\[Errno 111\] Connection refused\)$",
            False,
        ),
        (boto.ConnectTimeoutError(error="timed out", **ADDRESS), r"^no connection \(timed out\)$", False),
        (boto.EndpointConnectionError(**ADDRESS), "^no connection ", False),
        (boto.ReadTimeoutError(error="x", **ADDRESS), "^Read timeout$", True),
        (
            boto.ConnectionClosedError(error="x", **ADDRESS),
            "^Connection was closed before we received a valid response$",
            True,
        ),
        (
            boto.HTTPClientError(error=ValueError("http://me:secret@p")),
            "^a proxy's address cannot be used",
            True,
        ),
        (boto.ResponseStreamingError(error="cut"), "cut", True),
        (botocore.parsers.ResponseParserError("a web page"), r"no S3 server answered \(a web page\)", True),
        (RecursionError(), r"no S3 server answered \(RecursionError\)", True),
        (TypeError("x"), r"no S3 server answered \(TypeError\)", True),
        (KeyError("x"), r"no S3 server answered \(KeyError\)", True),
        (ValueError("x"), r"no S3 server answered \(ValueError\)", True),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_no_usable_answer_is_an_error_that_may_pass(
    monkeypatch: pytest.MonkeyPatch, raised: Exception, text: str, unsure: bool
) -> None:
    with pytest.raises(PassingError, match=text) as error:
        send(monkeypatch, raised)
    assert error.value.unsure is unsure and "secret" not in str(error.value)


def test_an_answer_without_end_is_told_as_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    wrapped = boto.HTTPClientError(error="wrapped")
    wrapped.__cause__ = AnswerTooLong("its answer did not come to an end within 300 s")
    with pytest.raises(PassingError, match="^its answer did not come to an end within 300 s$") as error:
        send(monkeypatch, wrapped)
    assert error.value.unsure


def test_what_botocore_will_not_send_cannot_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CannotAsk, match="Parameter validation failed"):
        send(monkeypatch, boto.ParamValidationError(report="odd"))

    def invalid(*_: Any) -> Any:
        raise ValueError("Invalid endpoint: x")

    monkeypatch.setattr(client_module, "make_client", invalid)
    with pytest.raises(CannotAsk, match="^Invalid endpoint: x$"):
        S3Client(config()).send(Request(Operation.HEAD, "key"))


@pytest.mark.parametrize(
    "said, code, message",
    [
        ({"Code": "SlowDown", "Message": "later"}, "SlowDown", "later"),
        ({"Code": "503", "Message": "Service Unavailable"}, "", "Service Unavailable"),  # made up by botocore
        ({"Code": None, "Message": None}, "", ""),
        ({}, "", ""),
    ],
)
def test_an_error_of_the_server_has_a_code_only_if_s3_gave_one(
    monkeypatch: pytest.MonkeyPatch, said: dict[str, Any], code: str, message: str
) -> None:
    metadata = {"HTTPStatusCode": 503, "HTTPHeaders": {"date": "today"}}
    raised = boto.ClientError({"Error": said, "ResponseMetadata": metadata}, "HeadObject")
    with pytest.raises(ErrorAnswer) as error:
        send(monkeypatch, raised)
    found = error.value
    assert (found.status, found.headers, found.code, found.message) == (503, {"date": "today"}, code, message)


def test_the_client_is_made_once_with_the_first_request(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[Any, ...]] = []

    def make(*arguments: Any) -> Botocore:
        made.append(arguments)
        return Botocore({})

    monkeypatch.setattr(client_module, "make_client", make)
    settings = config()
    client = S3Client(settings, 3)
    assert made == []
    for _ in range(2):
        client.send(Request(Operation.HEAD, "key"))
    assert made == [(settings, 3, USUAL_TIMEOUTS)]


def test_certificates_that_are_named_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    verify = client_module._certificates
    assert verify(None) is True
    assert verify("/of/the/settings.pem") == "/of/the/settings.pem"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", " ")
    assert verify(None) is True  # as if it were not set
    there = tmp_path / "ca.pem"
    there.touch()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", f" {there} ")
    assert verify(None) == str(there)
    assert verify("/of/the/settings.pem") == "/of/the/settings.pem"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "gone.pem"))
    with pytest.raises(ConfigError, match="^REQUESTS_CA_BUNDLE in the environment names .*gone.pem"):
        verify(None)


@pytest.mark.parametrize(
    "operation, body", [("PutObject", b"<html/>"), ("ListObjectsV2", b"<!DOCTYPE a><a/>")]
)
def test_what_botocore_reads_early_is_only_what_s3_says(operation: str, body: bytes) -> None:
    client = make_client(config(), 1, USUAL_TIMEOUTS)
    response = {"status_code": 200, "headers": {}, "body": body}
    client.meta.events.emit(
        f"before-parse.s3.{operation}",
        operation_model=client.meta.service_model.operation_model(operation),
        response_dict=response,
        customized_response_dict={},
    )
    assert response["body"] == b""
