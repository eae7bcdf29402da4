"""Ceph's RADOS Gateway: what it does otherwise than AWS, and the bucket over it with the rights of the real archive.

The first half asks the gateway directly. Each of its tests is a row of the table in tests/README.md; one that fails
with a newer Ceph says that this row, and what docs/other-archives.md tells, is to be measured anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Iterator

import pytest

from ifcbscan.clock import Clock
from ifcbscan.config import load
from ifcbscan.errors import BucketUnreachable, ConcurrentWrite
from ifcbscan.s3.bucket import Bucket, Expected
from ifcbscan.s3.wire import Wire

pytestmark = pytest.mark.parametrize("s3", ["ceph"], indirect=True)

KEY = "hablab/nauset/2013/D20130526/D20130526T095207_IFCB013.roi"
BYTES = bytes(range(256)) * 40


def sharer_of(s3: Any) -> Any:
    """A boto3 client with the key that the program has."""
    return s3.server.client_of(s3.server.access_key, s3.server.secret_key)


def status_of(ask: Callable[..., Any], **arguments: Any) -> tuple[int, str]:
    """The HTTP status and S3's code of an answer."""
    try:
        answer = ask(**arguments)
    except Exception as error:  # a class of the client's own
        response = getattr(error, "response", None)
        if response is None:
            raise
        return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]
    return answer["ResponseMetadata"]["HTTPStatusCode"], ""


def put_if(client: Any, bucket: str, **condition: str) -> tuple[int, str]:
    """PUT `BYTES` to `KEY` with `if_match` or `if_none_match`, whatever this boto3 knows of them."""

    def demand(params: Any, **_: Any) -> None:
        for name, value in condition.items():
            params["headers"][name.replace("_", "-").title()] = value

    client.meta.events.register("before-call.s3.PutObject", demand)
    try:
        return status_of(client.put_object, Bucket=bucket, Key=KEY, Body=BYTES)
    finally:
        client.meta.events.unregister("before-call.s3.PutObject", demand)


def bucket_at(server: Any, endpoint: str, name: str) -> Bucket:
    """The bucket as the program opens it, with the sharer's key."""
    values = {
        "AWS_ACCESS_KEY_ID": server.access_key,
        "AWS_SECRET_ACCESS_KEY": server.secret_key,
        "USER_ACCOUNT": "hablab",
        "BUCKET_NAME": name,
        "S3_ENDPOINT_URL": endpoint,
        "AWS_CA_BUNDLE": os.environ.get("AWS_CA_BUNDLE", ""),
    }
    settings = load(None, values)
    return Bucket(settings, Clock(), Wire(settings))


def put(bucket: Bucket, body: bytes, expected: Expected | None = None) -> str:
    return bucket.put(KEY, io.BytesIO(body), len(body), expected).at


# --- the gateway itself


def test_a_quoted_etag_meets_no_condition_and_a_bare_one_does(s3: Any) -> None:
    """AWS answers 200 to the quoted one. Ceph takes the quotes off since 2025 (pull request 63348)."""
    client = sharer_of(s3)
    client.put_object(Bucket=s3.bucket, Key=KEY, Body=b"older")
    etag = hashlib.md5(b"older").hexdigest()
    assert put_if(client, s3.bucket, if_match=f'"{etag}"') == (412, "PreconditionFailed")
    assert put_if(client, s3.bucket, if_match=etag) == (200, "")


def test_a_condition_on_an_absent_object_fails_as_one_that_is_not_met(s3: Any) -> None:
    """AWS answers 404 NoSuchKey."""
    assert put_if(sharer_of(s3), s3.bucket, if_match=hashlib.md5(b"").hexdigest()) == (
        412,
        "PreconditionFailed",
    )


def test_nothing_is_put_over_an_object_unless_the_bucket_is_versioned(s3: Any) -> None:
    client = sharer_of(s3)
    assert put_if(client, s3.bucket, if_none_match="*") == (200, "")
    assert put_if(client, s3.bucket, if_none_match="*") == (412, "PreconditionFailed")
    version(s3)
    assert put_if(client, s3.bucket, if_none_match="*") == (200, "")


def test_in_a_versioned_bucket_no_etag_meets_a_condition(s3: Any) -> None:
    version(s3)
    client, etag = sharer_of(s3), hashlib.md5(b"older").hexdigest()
    client.put_object(Bucket=s3.bucket, Key=KEY, Body=b"older")
    for condition in (etag, f'"{etag}"'):
        assert put_if(client, s3.bucket, if_match=condition) == (412, "PreconditionFailed")


def test_a_listing_has_milliseconds_and_a_look_has_not(s3: Any) -> None:
    client = sharer_of(s3)
    times = []
    for number in range(20):  # one of them could be a whole second
        client.put_object(Bucket=s3.bucket, Key=f"hablab/{number}", Body=b"1")
    for item in client.list_objects_v2(Bucket=s3.bucket)["Contents"]:
        times.append(item["LastModified"])
        looked = client.head_object(Bucket=s3.bucket, Key=item["Key"])["LastModified"]
        assert looked == times[-1].replace(microsecond=0)
    assert any(time.microsecond for time in times)


def test_an_object_belongs_to_who_put_it_and_the_buckets_owner_cannot_read_it(s3: Any) -> None:
    """Unless the policy of the bucket says so, as that of the tests does."""
    client, there = sharer_of(s3), {"Bucket": s3.bucket, "Key": KEY}
    client.put_object(Body=BYTES, **there)
    (item,) = client.list_objects_v2(Bucket=s3.bucket, FetchOwner=True)["Contents"]
    assert item["Owner"]["ID"] == "sharer"
    assert status_of(s3.client.get_object, **there) == (200, "")
    s3.client.delete_bucket_policy(Bucket=s3.bucket)
    assert status_of(s3.client.get_object, **there) == (403, "AccessDenied")
    assert status_of(s3.client.head_object, **there)[0] == 403
    assert status_of(s3.client.delete_object, **there) == (204, "")


def test_the_key_can_do_no_more_than_that_of_the_real_archive(s3: Any) -> None:
    client = sharer_of(s3)
    s3.client.put_object(Bucket=s3.bucket, Key="other/a", Body=b"1")
    outside = {"Bucket": s3.bucket, "Key": "other/a"}
    for ask in (client.get_object, client.put_object, client.delete_object):
        assert status_of(ask, **outside) == (403, "AccessDenied")
    for ask in (client.get_bucket_policy, client.get_bucket_versioning, client.list_multipart_uploads):
        assert status_of(ask, Bucket=s3.bucket) == (403, "AccessDenied")
    assert client.list_buckets()["Buckets"] == []
    assert status_of(client.put_object, Bucket=s3.bucket, Key=KEY) == (200, "")


def test_an_error_has_no_message(s3: Any) -> None:
    with pytest.raises(s3.client.exceptions.ClientError) as error:
        sharer_of(s3).put_object(Bucket=s3.bucket, Key="other/a", Body=b"1")
    assert not error.value.response["Error"].get("Message")


def test_no_region_is_wrong(s3: Any) -> None:
    elsewhere = s3.server.client_of(s3.server.access_key, s3.server.secret_key, "eu-central-1")
    assert status_of(elsewhere.list_objects_v2, Bucket=s3.bucket) == (200, "")


# --- the program's bucket on it


def version(s3: Any) -> None:
    """Let the bucket keep older versions from now on."""
    s3.client.put_bucket_versioning(Bucket=s3.bucket, VersioningConfiguration={"Status": "Enabled"})


def test_in_a_versioned_bucket_what_was_put_last_is_listed_looked_at_and_read(s3: Any) -> None:
    version(s3)
    bucket = bucket_at(s3.server, s3.endpoint, s3.bucket)
    put(bucket, b"older", Expected(None))
    put(bucket, BYTES)
    (item,) = bucket.list("hablab/nauset/")
    assert (item.key, item.size, item.etag) == (KEY, len(BYTES), hashlib.md5(BYTES).hexdigest())
    looked = bucket.head(KEY)
    assert looked is not None and (looked.size, looked.etag) == (item.size, item.etag)
    assert s3.client.get_object(Bucket=s3.bucket, Key=KEY)["Body"].read() == BYTES
    versions = s3.client.list_object_versions(Bucket=s3.bucket)["Versions"]
    assert sorted(entry["Size"] for entry in versions) == [5, len(BYTES)]


def test_in_a_versioned_bucket_what_the_run_has_seen_is_replaced_and_nothing_else(s3: Any) -> None:
    version(s3)
    bucket = bucket_at(s3.server, s3.endpoint, s3.bucket)
    put(bucket, b"older", Expected(None))
    put(bucket, BYTES, Expected(5))
    assert s3.objects() == {KEY: len(BYTES)}
    with pytest.raises(ConcurrentWrite):
        put(bucket, b"other", Expected(5))
    assert s3.objects() == {KEY: len(BYTES)}


@pytest.mark.parametrize("before", [None, b"older"])
def test_of_writers_at_the_same_moment_one_arrives_and_the_others_know_that_they_have_not(
    s3: Any, before: bytes | None
) -> None:
    """The gateway answers 412 or, to those who replace, 500 to all but one."""
    if before is not None:
        s3.client.put_object(Bucket=s3.bucket, Key=KEY, Body=before)
    bodies = [BYTES + bytes([number]) for number in range(4)]
    buckets = [bucket_at(s3.server, s3.endpoint, s3.bucket) for _ in bodies]
    together = threading.Barrier(len(bodies))

    def write(number: int) -> bytes | None:
        together.wait(30)
        try:
            put(buckets[number], bodies[number], Expected(None if before is None else len(before)))
        except ConcurrentWrite:
            return None
        return bodies[number]

    with ThreadPoolExecutor(len(bodies)) as pool:
        arrived = [body for body in pool.map(write, range(len(bodies))) if body is not None]
    assert arrived == [s3.client.get_object(Bucket=s3.bucket, Key=KEY)["Body"].read()]


def test_what_was_deleted_in_a_versioned_bucket_is_absent(s3: Any) -> None:
    version(s3)
    bucket = bucket_at(s3.server, s3.endpoint, s3.bucket)
    put(bucket, BYTES)
    s3.client.delete_object(Bucket=s3.bucket, Key=KEY)
    assert bucket.head(KEY) is None and list(bucket.list("hablab/nauset/")) == []


@contextlib.contextmanager
def trusted(monkeypatch: pytest.MonkeyPatch, certificate: str) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("AWS_CA_BUNDLE", certificate)
        patch.setenv("no_proxy", "127.0.0.1")
        yield


def test_over_tls_all_is_as_without(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with trusted(monkeypatch, s3.server.certificate):
        bucket = bucket_at(s3.server, s3.server.tls_endpoint, s3.bucket)
        put(bucket, BYTES, Expected(None))
        (item,) = bucket.list("hablab/nauset/")
        looked = bucket.head(KEY)
        assert looked is not None and (looked.size, looked.etag) == (item.size, item.etag)
        with pytest.raises(ConcurrentWrite):
            put(bucket, b"other", Expected(None))
    assert s3.objects() == {KEY: len(BYTES)}


def test_a_gateway_whose_certificate_nobody_has_signed_gets_nothing(s3: Any) -> None:
    bucket = bucket_at(s3.server, s3.server.tls_endpoint, s3.bucket)
    with pytest.raises(BucketUnreachable):
        put(bucket, BYTES)
    assert s3.objects() == {}
