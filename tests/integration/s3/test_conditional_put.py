"""A put replaces only what the run has seen: made sure of by the server, in one step with the put.

Of the servers here moto 5 knows conditional puts, as AWS does, and so does Ceph's gateway, which wants the ETag without
its quotes; moto 4 (Python 3.7) and rclone ignore the headers, and what they store is what comes last.
"""

from __future__ import annotations

import hashlib
import io
import os
import threading
from typing import Any

import pytest
from support.scripted import Act, Answer, Request, ScriptedServer, s3_error

from ifcbscan.clock import Clock
from ifcbscan.config import load
from ifcbscan.core.bins import MISSING
from ifcbscan.errors import BucketUnreachable, ConcurrentWrite, FileChanged, IfcbscanError
from ifcbscan.s3.bucket import Bucket, Expected
from ifcbscan.s3.retry import ATTEMPTS
from ifcbscan.s3.wire import Wire

#: The servers that may know conditional puts.
on_moto_and_ceph = pytest.mark.parametrize("s3", ["moto", "ceph"], indirect=True)

KEY = "hablab/nauset/2013/D20130526/D20130526T095207_IFCB013.roi"
BYTES = bytes(range(256)) * 40
STORED = Answer(headers=(("ETag", '"x"'),))


class NoPauses(Clock):
    """The real clock, but nobody waits between two tries."""

    def sleep(self, seconds: float, unless: threading.Event) -> None:
        pass


def bucket_at(endpoint: str, name: str = "bucket.of.tests") -> Bucket:
    values = {
        "AWS_ACCESS_KEY_ID": "AKIAIFCBSCANTESTS",
        "AWS_SECRET_ACCESS_KEY": "ifcbscan-tests-secret-key",
        "USER_ACCOUNT": "hablab",
        "BUCKET_NAME": name,
        "S3_ENDPOINT_URL": endpoint,
        "AWS_CA_BUNDLE": os.environ.get("AWS_CA_BUNDLE", ""),
    }
    settings = load(None, values)
    return Bucket(settings, NoPauses(), Wire(settings))


def put(bucket: Bucket, replaces: int | None, body: bytes = BYTES) -> str:
    expected = None if replaces is None else Expected(None if replaces == MISSING else replaces)
    return bucket.put(KEY, io.BytesIO(body), len(body), expected).at


def head_of(body: bytes) -> Answer:
    """What a HEAD answers of an object with these bytes."""
    return Answer(
        headers=(
            ("Content-Length", str(len(body))),
            ("ETag", f'"{hashlib.md5(body).hexdigest()}"'),
            ("Last-Modified", "Sun, 26 May 2013 10:00:00 GMT"),
        )
    )


def stored(s3: Any) -> bytes:
    body: bytes = s3.client.get_object(Bucket=s3.bucket, Key=KEY)["Body"].read()
    return body


# --- on a real server


@on_moto_and_ceph
def test_nothing_is_put_over_what_has_appeared_meanwhile(strict: Any) -> None:
    strict.client.put_object(Bucket=strict.bucket, Key=KEY, Body=BYTES + b"more")
    bucket = bucket_at(strict.endpoint, strict.bucket)
    with pytest.raises(ConcurrentWrite):
        put(bucket, MISSING)
    with pytest.raises(ConcurrentWrite):
        put(bucket, 17)
    assert stored(strict) == BYTES + b"more"


@on_moto_and_ceph
def test_what_the_run_has_seen_is_replaced(strict: Any) -> None:
    bucket = bucket_at(strict.endpoint, strict.bucket)
    put(bucket, MISSING, BYTES[:5000])
    put(bucket, 5000)
    assert stored(strict) == BYTES
    more = 0 if strict.server.takes_quoted_etags else 1  # on Ceph 16.2 only, see S3Server
    assert bucket.requests.put == 2 + more and bucket.requests.head == 1 + more


@on_moto_and_ceph
def test_the_same_bytes_put_by_another_run_meanwhile_are_as_good(strict: Any) -> None:
    strict.client.put_object(Bucket=strict.bucket, Key=KEY, Body=BYTES)
    assert put(bucket_at(strict.endpoint, strict.bucket), MISSING).endswith("Z")


@on_moto_and_ceph
def test_what_has_vanished_meanwhile_is_left_to_the_next_run(strict: Any) -> None:
    """The archive may have deleted it: then it must not come again within the day."""
    with pytest.raises(ConcurrentWrite):
        put(bucket_at(strict.endpoint, strict.bucket), 5000)
    assert strict.objects(strict.bucket) == {}


@on_moto_and_ceph
def test_an_object_that_is_replaced_between_the_look_and_the_put_is_not_overwritten(strict: Any) -> None:
    strict.client.put_object(Bucket=strict.bucket, Key=KEY, Body=BYTES + b"more")
    # The look was answered just before that.
    with ScriptedServer([head_of(BYTES[:5000])], upstream=strict.endpoint) as between:
        bucket = bucket_at(between.endpoint, strict.bucket)
        with pytest.raises(ConcurrentWrite):
            put(bucket, 5000)
    assert stored(strict) == BYTES + b"more"


def quotes_fit_nothing(request: Request) -> Answer | None:
    """Ceph's gateway, which takes the quotes for a part of the ETag."""
    quoted = request.headers.get("if-match", "").startswith('"')
    return s3_error(412, "PreconditionFailed") if quoted else None


def etags_fit_nothing(request: Request) -> Answer | None:
    return s3_error(412, "PreconditionFailed") if "if-match" in request.headers else None


@on_moto_and_ceph
@pytest.mark.parametrize("gateway, puts", [(quotes_fit_nothing, 3), (etags_fit_nothing, 4)])
def test_a_gateway_that_does_not_understand_a_quoted_etag_lets_the_run_replace_what_it_has_seen(
    strict: Any, gateway: Any, puts: int
) -> None:
    with ScriptedServer(upstream=strict.endpoint, filtered=gateway) as between:
        bucket = bucket_at(between.endpoint, strict.bucket)
        put(bucket, MISSING, BYTES[:5000])
        put(bucket, 5000)
        assert stored(strict) == BYTES
        assert between.kinds()["put"] == puts
        strict.client.put_object(Bucket=strict.bucket, Key=KEY, Body=BYTES + b"more")
        with pytest.raises(ConcurrentWrite, match="^$"):
            put(bucket, len(BYTES))
        strict.client.put_object(Bucket=strict.bucket, Key=KEY, Body=BYTES)
        put(bucket, len(BYTES), BYTES + b"more")
        assert stored(strict) == BYTES + b"more"
        assert between.kinds()["put"] == puts + 1  # what the gateway understands is remembered
        with pytest.raises(ConcurrentWrite):
            put(bucket, MISSING)


@on_moto_and_ceph
def test_a_gateway_that_is_asked_without_quotes_still_replaces_nothing_that_the_run_has_not_seen(
    strict: Any,
) -> None:
    strict.client.put_object(Bucket=strict.bucket, Key=KEY, Body=BYTES + b"more")
    script = [head_of(BYTES[:5000]), s3_error(412, "PreconditionFailed"), head_of(BYTES[:5000])]
    with ScriptedServer(script, upstream=strict.endpoint) as between:
        with pytest.raises(ConcurrentWrite):
            put(bucket_at(between.endpoint, strict.bucket), 5000)
        assert between.requests[3].headers["if-match"] == hashlib.md5(BYTES[:5000]).hexdigest()
    assert stored(strict) == BYTES + b"more"


def test_a_server_that_knows_no_conditions_stores_as_ever(s3: Any) -> None:
    bucket = bucket_at(s3.endpoint, s3.bucket)
    put(bucket, MISSING)
    assert stored(s3) == BYTES and bucket.requests.head == 0


# --- what a request carries


@pytest.mark.parametrize("replaces, condition", [(None, ""), (MISSING, "if-none-match"), (5, "if-match")])
def test_a_put_carries_its_condition_and_no_expectation(replaces: int | None, condition: str) -> None:
    script = [head_of(b"five5")] if replaces == 5 else []
    with ScriptedServer(script, then=STORED) as server:
        put(bucket_at(server.endpoint), replaces)
        request = server.requests[-1]
    given = {name for name in request.headers if name.startswith("if-")}
    assert given == ({condition} if condition else set())
    if condition == "if-match":
        assert request.headers["if-match"] == f'"{hashlib.md5(b"five5").hexdigest()}"'
    for name in given:  # or somebody on the way could take it out
        assert name in request.headers["authorization"].split("SignedHeaders=")[1]
    # it would cost one more way to the bucket and back for every file
    assert "expect" not in request.headers


# --- answers


def test_a_failed_condition_is_asked_once_and_is_no_failure_of_the_bucket() -> None:
    script = [s3_error(412, "PreconditionFailed"), head_of(b"other")]
    with ScriptedServer(script) as server:
        with pytest.raises(ConcurrentWrite):
            put(bucket_at(server.endpoint), MISSING)
        assert server.kinds() == {"put": 1, "head": 1}
    assert not issubclass(ConcurrentWrite, IfcbscanError)  # these end the run


def test_a_failed_condition_after_a_lost_answer_is_recognised_as_this_runs_own_put() -> None:
    script = [Act.DROP, Answer(404), s3_error(412, "PreconditionFailed"), head_of(BYTES)]
    with ScriptedServer(script) as server:
        put(bucket_at(server.endpoint), MISSING)
        assert [request.kind for request in server.requests] == ["put", "head", "put", "head"]


def test_a_put_of_the_same_bytes_that_failed_is_not_taken_for_done_because_they_were_there_before() -> None:
    before = head_of(BYTES)  # an .hdr is sent again for its date
    failed = s3_error(500, "InternalError")
    with ScriptedServer([before, failed, before, STORED]) as server:
        put(bucket_at(server.endpoint), len(BYTES))
        assert [request.kind for request in server.requests] == ["head", "put", "head", "put"]


def test_after_a_lost_answer_another_object_in_the_place_ends_the_try() -> None:
    with ScriptedServer([Act.DROP, head_of(b"other")]) as server:
        with pytest.raises(ConcurrentWrite):
            put(bucket_at(server.endpoint), MISSING)
        assert server.kinds() == {"put": 1, "head": 1}


def test_two_requests_for_one_key_at_the_same_time_are_tried_again() -> None:
    conflict = s3_error(409, "ConditionalRequestConflict")
    with ScriptedServer([conflict, Answer(404), conflict, Answer(404)], then=STORED) as server:
        put(bucket_at(server.endpoint), MISSING)
        assert [request.kind for request in server.requests] == ["put", "head", "put", "head", "put"]


def test_a_server_that_refuses_conditions_is_asked_without_them_from_then_on() -> None:
    with ScriptedServer([s3_error(501, "NotImplemented")], then=STORED) as server:
        bucket = bucket_at(server.endpoint)
        put(bucket, MISSING)
        put(bucket, MISSING)
        conditions = ["if-none-match" in request.headers for request in server.requests]
    assert conditions == [True, False, False]


def test_a_server_that_never_does_what_it_is_asked_is_given_up() -> None:
    with ScriptedServer(then=s3_error(501, "NotImplemented")) as server:
        with pytest.raises(BucketUnreachable):
            put(bucket_at(server.endpoint), MISSING)
        assert server.kinds()["put"] <= ATTEMPTS


# --- a file that does not stay as it was


def test_a_file_whose_content_changes_while_it_is_sent_is_no_fault_of_the_bucket() -> None:
    class Rewritten(io.BytesIO):
        """Overwritten in place after it has been summed: the same size, other bytes."""

        rounds = 0

        def seek(self, offset: int, whence: int = 0) -> int:
            self.rounds += offset == 0 and whence == 0
            if self.rounds == 2:
                self.getbuffer()[100:200] = bytes(100)
            return super().seek(offset, whence)

    with ScriptedServer([s3_error(400, "BadDigest"), Answer(404)], then=STORED) as server:
        with pytest.raises(FileChanged, match="content changed"):
            bucket_at(server.endpoint).put(KEY, Rewritten(BYTES), len(BYTES))
        assert server.kinds()["put"] == 1


def test_bytes_that_were_damaged_on_the_way_are_sent_again() -> None:
    with ScriptedServer([s3_error(400, "BadDigest"), Answer(404)], then=STORED) as server:
        put(bucket_at(server.endpoint), None)
        assert server.kinds()["put"] == 2
