"""The bucket over real HTTP: listing, putting, looking, retrying, and giving up at the right moment."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import random
import socket
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from typing import Any, Callable

import pytest
from support import certificate
from support.scripted import (
    Act,
    Answer,
    CutShort,
    ScriptedServer,
    Slow,
    empty_listing,
    html,
    s3_error,
    tag_soup,
)

from ifcbscan.clock import Clock
from ifcbscan.config import load
from ifcbscan.core.bins import MISSING, server_seconds
from ifcbscan.errors import (
    BucketRefused,
    BucketUnreachable,
    ConcurrentWrite,
    ExitCode,
    FileChanged,
    IfcbscanError,
    Interrupted,
    PutRefused,
)
from ifcbscan.s3.answers import LARGEST_ANSWER
from ifcbscan.s3.bucket import Bucket, Expected
from ifcbscan.s3.retry import ATTEMPTS, LONGEST_PAUSE
from ifcbscan.s3.wire import USUAL_TIMEOUTS, Timeouts, Wire

SECRET = "ifcbscan-tests-secret-key"
KEY = "hablab/nauset/2013/D20130526/D20130526T095207_IFCB013.roi"
BYTES = bytes(range(256)) * 40


class NoPauses(Clock):
    """The real clock, but nobody waits between two tries."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    def sleep(self, seconds: float, unless: threading.Event) -> None:
        self.pauses.append(seconds)


def bucket_at(endpoint: str, name: str = "bucket.of.tests", **options: Any) -> Bucket:
    values = {
        "AWS_ACCESS_KEY_ID": "AKIAIFCBSCANTESTS",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "USER_ACCOUNT": "hablab",
        "BUCKET_NAME": name,
        "S3_ENDPOINT_URL": endpoint,
        "AWS_CA_BUNDLE": os.environ.get("AWS_CA_BUNDLE", ""),
    }
    settings = load(None, values)
    client = Wire(settings, timeouts=options.pop("timeouts", USUAL_TIMEOUTS))
    return Bucket(settings, options.pop("clock", NoPauses()), client, **options)


def put(bucket: Bucket, key: str = KEY, body: bytes = BYTES) -> str:
    return bucket.put(key, io.BytesIO(body), len(body)).at


def stored(s3: Any, key: str = KEY) -> bytes:
    body: bytes = s3.client.get_object(Bucket=s3.bucket, Key=key)["Body"].read()
    return body


def nothing_stored(s3: Any) -> bool:
    """Whether the bucket becomes and stays empty: it has been so for a second, within 30.

    rclone shows half an object after a cut PUT, from when it begins with it (which may be after the cut) until it has
    cleaned up.
    """
    end = time.monotonic() + 30
    empty_since = None
    while True:
        now = time.monotonic()
        if s3.objects():
            empty_since = None
        elif empty_since is None:
            empty_since = now
        elif now - empty_since >= 1:
            return True
        if now > end:
            return False
        time.sleep(0.05)


def counted(bucket: Bucket) -> dict[str, int]:
    return {kind: count for kind, count in bucket.requests._asdict().items() if count}


# --- on real servers


def test_a_listing_holds_every_key_between_its_bounds_in_order(s3: Any) -> None:
    keys = [f"hablab/nauset/{number:04d}" for number in range(1005)]
    others = ["hablab/nauset2/0001", "hablab/naus/0001", "other/nauset/0001"]

    def fill(key: str) -> None:
        s3.client.put_object(Bucket=s3.bucket, Key=key, Body=key.encode())

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(fill, keys + others))
    bucket = bucket_at(s3.endpoint, s3.bucket)
    everything = list(bucket.list("hablab/nauset/"))
    assert [item.key for item in everything] == keys
    assert {item.size for item in everything} == {18}
    assert everything[7].etag == hashlib.md5(keys[7].encode()).hexdigest()
    assert abs(server_seconds(everything[0].modified) - time.time()) < 60
    assert counted(bucket) == {"list": 2}

    def between(**bounds: str) -> list[str]:
        return [item.key for item in bucket.list("hablab/nauset/", **bounds)]

    assert between(start_after=keys[1000]) == keys[1001:]
    assert between(start_after=keys[2] + "+no-key") == keys[3:]
    assert between(up_to=keys[3]) == keys[:4]
    assert between(up_to=keys[3] + "+no-key") == keys[:4]
    assert between(start_after=keys[500], up_to=keys[503]) == keys[501:504]
    assert between(start_after=keys[-1]) == []


def test_a_listing_that_ends_early_asks_for_no_further_page(s3: Any) -> None:
    with ScriptedServer(upstream=s3.endpoint) as between:
        bucket = bucket_at(between.endpoint, s3.bucket)
        for number in range(3):
            put(bucket, f"hablab/nauset/{number}")
        (item,) = bucket.list("hablab/nauset/", up_to="hablab/nauset/0")
        assert item.key == "hablab/nauset/0"
        assert between.kinds() == counted(bucket) == {"list": 1, "put": 3}


def test_keys_of_others_with_odd_names_are_listed_as_they_are(s3: Any) -> None:
    keys = [
        f"hablab/nauset/{name}" for name in ("a b", "a+b", "100%", "q'u\"o", "\u00e4\u4e2d", "<&>", "x\\y")
    ]
    for key in keys:
        s3.client.put_object(Bucket=s3.bucket, Key=key, Body=b"1")
    bucket = bucket_at(s3.endpoint, s3.bucket)
    assert {item.key for item in bucket.list("hablab/nauset/")} == set(keys)


def test_each_page_of_a_listing_is_told_as_an_answer(s3: Any) -> None:
    bucket = bucket_at(s3.endpoint, s3.bucket)
    answers: list[None] = []
    bucket.answered = lambda: answers.append(None)
    assert list(bucket.list("hablab/nowhere/")) == []
    assert len(answers) == bucket.requests.list == 1


def test_an_empty_time_series_lists_nothing(s3: Any) -> None:
    assert list(bucket_at(s3.endpoint, s3.bucket).list("hablab/nauset/")) == []


def test_what_is_put_is_there_byte_for_byte_and_can_be_looked_at(s3: Any) -> None:
    bucket = bucket_at(s3.endpoint, s3.bucket)
    assert bucket.head(KEY) is None
    when = put(bucket)
    assert stored(s3) == BYTES
    head = bucket.head(KEY)
    assert head is not None and head.size == len(BYTES)
    assert head.etag == hashlib.md5(BYTES).hexdigest()
    assert abs(server_seconds(head.modified) - server_seconds(when)) <= 2
    (listed,) = bucket.list("hablab/")
    assert abs(server_seconds(listed.modified) - server_seconds(when)) <= 2
    assert counted(bucket) == {"list": 1, "head": 2, "put": 1}


def test_only_the_size_that_was_decided_on_is_put_of_a_file_that_grows(s3: Any) -> None:
    bucket_at(s3.endpoint, s3.bucket).put(KEY, io.BytesIO(BYTES + b"more"), len(BYTES))
    assert stored(s3) == BYTES


def test_a_file_that_became_shorter_is_not_put(s3: Any) -> None:
    bucket = bucket_at(s3.endpoint, s3.bucket)
    with pytest.raises(FileChanged, match="shorter"):
        bucket.put(KEY, io.BytesIO(BYTES), len(BYTES) + 1)
    assert s3.objects() == {}


def test_a_file_that_becomes_shorter_while_it_is_sent_is_not_put_and_not_tried_again(s3: Any) -> None:
    body = random.Random(1).getrandbits(8 * 3000000).to_bytes(3000000, "little")

    class Shrinking(io.BytesIO):
        rounds = 0

        def seek(self, offset: int, whence: int = 0) -> int:
            if offset == 0 and whence == 0:
                self.rounds += 1
            if self.rounds > 2:  # summed once, now being sent
                self.truncate(1500000)
            return super().seek(offset, whence)

    clock = NoPauses()
    bucket = bucket_at(s3.endpoint, s3.bucket, clock=clock)
    with pytest.raises(FileChanged):
        bucket.put(KEY, Shrinking(body), len(body))
    assert nothing_stored(s3) and clock.pauses == []


def test_the_same_bytes_put_again_after_every_kind_of_passing_trouble_arrive_whole(s3: Any) -> None:
    trouble = [s3_error(503, "SlowDown"), Act.RESET, Act.DROP]
    with ScriptedServer(trouble, upstream=s3.endpoint) as between:
        put(bucket_at(between.endpoint, s3.bucket))
    assert stored(s3) == BYTES


def test_a_lost_answer_to_a_put_that_took_effect_is_not_sent_twice(s3: Any) -> None:
    with ScriptedServer([Act.FORWARD_THEN_DROP], upstream=s3.endpoint) as between:
        bucket = bucket_at(between.endpoint, s3.bucket)
        when = put(bucket)
        assert [request.kind for request in between.requests] == ["put", "head"]
        assert counted(bucket) == {"head": 1, "put": 1}
    assert stored(s3) == BYTES
    assert abs(server_seconds(when) - time.time()) < 60


def test_a_lost_answer_that_was_followed_by_an_error_is_still_not_sent_twice(s3: Any) -> None:
    script = [Act.FORWARD_THEN_DROP, s3_error(503, "SlowDown"), Act.RESET]
    with ScriptedServer(script, upstream=s3.endpoint) as between:
        put(bucket_at(between.endpoint, s3.bucket))
        assert [request.kind for request in between.stored] == ["put"]
    assert stored(s3) == BYTES


@pytest.mark.parametrize("older", [None, BYTES[::-1], b"shorter"])
def test_a_put_that_was_lost_before_it_took_effect_is_sent_again(s3: Any, older: Any) -> None:
    if older is not None:
        s3.client.put_object(Bucket=s3.bucket, Key=KEY, Body=older)
    with ScriptedServer([Act.DROP], upstream=s3.endpoint) as between:
        put(bucket_at(between.endpoint, s3.bucket))
        assert [request.kind for request in between.requests] == ["put", "head", "put"]
    assert stored(s3) == BYTES


def test_a_bucket_that_does_not_exist_is_said_so_at_once(s3: Any) -> None:
    for request in (
        lambda bucket: list(bucket.list("hablab/nauset/")),
        lambda bucket: put(bucket),
    ):
        clock = NoPauses()
        with pytest.raises(BucketRefused, match="NoSuchBucket.*BUCKET_NAME") as error:
            request(bucket_at(s3.endpoint, "no.such.bucket", clock=clock))
        assert error.value.exit_code == ExitCode.USAGE and clock.pauses == []


# --- what a look says of the content

MD5 = hashlib.md5(BYTES).hexdigest()


def looked_at(etag: str, *headers: tuple[str, str]) -> Answer:
    usual = (("Last-Modified", formatdate(usegmt=True)), ("Content-Length", str(len(BYTES))))
    return Answer(headers=(("ETag", etag), *usual, *headers))


def test_a_look_says_the_md5_of_the_content(s3: Any) -> None:
    bucket = bucket_at(s3.endpoint, s3.bucket)
    put(bucket)
    head = bucket.head(KEY)
    assert head is not None and head.md5 == MD5
    s3.client.put_object(Bucket=s3.bucket, Key=KEY, Body=BYTES[::-1])
    head = bucket.head(KEY)
    assert head is not None and head.md5 == hashlib.md5(BYTES[::-1]).hexdigest()


@pytest.mark.parametrize(
    "answer",
    [
        looked_at(f'"{MD5}-2"'),
        looked_at('"x"'),
        looked_at(f'W/"{MD5}"'),
        looked_at(""),
        looked_at(f'"{MD5}"', ("x-amz-server-side-encryption", "aws:kms")),
        looked_at(f'"{MD5}"', ("x-amz-server-side-encryption", "aws:kms:dsse")),
        looked_at(f'"{MD5}"', ("x-amz-server-side-encryption-customer-algorithm", "AES256")),
    ],
)
def test_a_look_says_no_md5_where_the_etag_is_none(answer: Answer) -> None:
    with ScriptedServer([answer]) as server:
        head = bucket_at(server.endpoint).head(KEY)
    assert head is not None and head.md5 is None and head.size == len(BYTES)


def test_encryption_with_the_buckets_own_key_leaves_the_etag_an_md5() -> None:
    with ScriptedServer([looked_at(f'"{MD5}"', ("x-amz-server-side-encryption", "AES256"))]) as server:
        head = bucket_at(server.endpoint).head(KEY)
    assert head is not None and head.md5 == MD5


def test_a_server_whose_etags_only_look_like_an_md5_is_known_by_its_answer_to_a_put() -> None:
    other = hashlib.md5(b"something else").hexdigest()
    script = [Answer(headers=(("ETag", f'"{other}"'),)), looked_at(f'"{other}"')]
    with ScriptedServer(script) as server:
        bucket = bucket_at(server.endpoint)
        put(bucket)
        head = bucket.head(KEY)
    assert head is not None and head.md5 is None and head.etag == other


def test_content_that_changed_on_its_way_does_not_hide_behind_etags_that_are_said_to_be_no_md5() -> None:
    """One answer with the MD5 of what was sent shows that the server's ETags are MD5s."""
    other = hashlib.md5(b"something else").hexdigest()
    fitting, damaged = (Answer(headers=(("ETag", f'"{etag}"'),)) for etag in (MD5, other))
    for order in ([fitting, damaged], [damaged, fitting]):
        with ScriptedServer([*order, looked_at(f'"{other}"')]) as server:
            bucket = bucket_at(server.endpoint)
            put(bucket)
            put(bucket)
            head = bucket.head(KEY)
        assert head is not None and head.md5 == other


# --- whether there is anything


def test_whether_anything_lies_below_a_prefix_takes_one_request(s3: Any) -> None:
    with ScriptedServer(upstream=s3.endpoint) as between:
        bucket = bucket_at(between.endpoint, s3.bucket)
        assert bucket.is_empty("hablab/nauset/")
        for key in ("hablab/nauset2/1", "hablab/naus", "hablab/nauset/2013/a", "hablab/nauset/2013/b"):
            s3.client.put_object(Bucket=s3.bucket, Key=key, Body=b"1")
        assert not bucket.is_empty("hablab/nauset/")
        assert bucket.is_empty("hablab/nause/")
        assert between.kinds() == counted(bucket) == {"list": 3}
        assert "max-keys=1" in between.requests[0].query


def test_a_bucket_that_cannot_be_asked_is_not_called_empty() -> None:
    with ScriptedServer(then=s3_error(403, "AccessDenied")) as server, pytest.raises(BucketRefused):
        bucket_at(server.endpoint).is_empty("hablab/nauset/")
    with ScriptedServer(then=html(200, "log in")) as server, pytest.raises(BucketUnreachable):
        bucket_at(server.endpoint).is_empty("hablab/nauset/")


# --- what a request carries


def test_a_put_carries_the_md5_of_the_file_and_its_plain_bytes() -> None:
    with ScriptedServer(then=Answer(headers=(("ETag", '"x"'),))) as server:
        put(bucket_at(server.endpoint))
        (request,) = server.requests
    assert request.headers["content-md5"] == base64.b64encode(hashlib.md5(BYTES).digest()).decode()
    assert request.body == BYTES  # not in chunks with trailers, which some servers would store as they are
    assert request.path == "/bucket.of.tests/" + KEY  # path style: the name has dots
    assert not [name for name in request.headers if name.startswith("x-amz-checksum")]
    assert request.headers["authorization"].startswith("AWS4-HMAC-SHA256 ")


def test_a_large_file_is_never_whole_in_memory(tmp_path: Any) -> None:
    path = tmp_path / "large.roi"
    with open(str(path), "wb") as file:
        file.truncate(48000000)
    with ScriptedServer(then=Answer(headers=(("ETag", '"x"'),))) as server:
        bucket = bucket_at(server.endpoint)
        put(bucket)  # loads what is loaded once
        tracemalloc.start()
        try:
            with open(str(path), "rb") as file:
                bucket.put(KEY, file, 48000000)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert server.requests[-1].size == 48000000
    assert peak < 12000000


def test_no_setting_of_somebody_else_changes_a_request(tmp_path: Any, monkeypatch: Any) -> None:
    foreign = tmp_path / "config"
    foreign.write_text(
        "[default]\nregion = eu-west-1\naws_access_key_id = FOREIGN\naws_secret_access_key = f\n"
        "endpoint_url = http://127.0.0.1:9\nmax_attempts = 9\ns3 =\n    addressing_style = virtual\n"
    )
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(foreign))
    for name, value in (
        ("AWS_PROFILE", "somebody"),
        ("AWS_ACCESS_KEY_ID", "FOREIGN"),
        ("AWS_SESSION_TOKEN", "foreign"),
        ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9"),
        ("AWS_DEFAULT_REGION", "eu-west-1"),
        ("AWS_MAX_ATTEMPTS", "9"),
    ):
        monkeypatch.setenv(name, value)
    with ScriptedServer([s3_error(503, "SlowDown")], then=empty_listing()) as server:
        clock = NoPauses()
        assert list(bucket_at(server.endpoint, clock=clock).list("hablab/nauset/")) == []
        assert len(server.requests) == 2 and len(clock.pauses) == 1
        for request in server.requests:
            assert "AKIAIFCBSCANTESTS" in request.headers["authorization"]
            assert "/us-east-1/s3/" in request.headers["authorization"]
            assert "x-amz-security-token" not in request.headers


def test_the_ages_of_objects_are_told_by_the_servers_clock() -> None:
    fast = (("Date", formatdate(time.time() + 86400, usegmt=True)), ("Content-Type", "application/xml"))
    with ScriptedServer([Answer(200, empty_listing().body, fast)]) as server:
        bucket = bucket_at(server.endpoint)
        assert not bucket.server_clock.known
        list(bucket.list("hablab/nauset/"))
    assert bucket.server_clock.known
    assert abs(bucket.server_clock.now() - time.time() - 86400) < 10


def test_the_servers_clock_is_learnt_from_a_refusal_as_well() -> None:
    fast = Answer(
        403,
        s3_error(403, "RequestTimeTooSkewed").body,
        (("Date", formatdate(time.time() + 86400, usegmt=True)),),
    )
    with ScriptedServer([fast]) as server:
        bucket = bucket_at(server.endpoint)
        with pytest.raises(BucketRefused):
            list(bucket.list("hablab/nauset/"))
    assert abs(bucket.server_clock.now() - time.time() - 86400) < 10


@pytest.mark.parametrize(
    "page", [html(200, "log in"), html(403, "forbidden"), html(503, "later"), Answer(403)]
)
def test_the_time_is_not_learnt_from_something_that_is_no_s3_server(page: Answer) -> None:
    odd = Answer(page.status, page.body, (*page.headers, ("Date", "Fri, 31 Dec 9999 23:59:59 GMT")))
    with ScriptedServer([odd, odd], then=odd) as server:
        bucket = bucket_at(server.endpoint)
        with pytest.raises(IfcbscanError):
            list(bucket.list("hablab/nauset/"))
    assert not bucket.server_clock.known


def test_the_time_of_an_answer_is_that_of_its_beginning_however_long_its_body_takes() -> None:
    head = (("Last-Modified", formatdate(usegmt=True)), ("ETag", '"x"'), ("Content-Length", "6"))
    with ScriptedServer([Slow(Answer(200, b"abcdef", head), 0.6, body_only=True)]) as server:
        bucket = bucket_at(server.endpoint)
        assert bucket.content_md5(KEY) == hashlib.md5(b"abcdef").hexdigest()
        assert abs(bucket.server_clock.now() - time.time()) < 2.6


# --- errors that pass


PASSING = {
    "500": s3_error(500, "InternalError"),
    "500-empty": Answer(500),
    "502-page": tag_soup(502, "bad gateway"),
    "503": s3_error(503, "ServiceUnavailable"),
    "503-page": html(503, "down for maintenance"),
    "slow-down": s3_error(503, "SlowDown"),
    "429": Answer(429),
    "request-timeout": s3_error(400, "RequestTimeout"),
    "reset": Act.RESET,
    "dropped": Act.DROP,
    "redirect-to-a-login-page": html(302, "log in", "http://127.0.0.1:9/login"),
    "login-page": html(200, "log in"),
    "login-page-that-is-no-xml": tag_soup(200, "log in"),
    "empty-answer": Answer(200),
    "garbage": Answer(200, b"\x00\xff\x00garbage", (("Content-Type", "application/xml"),)),
}

TROUBLES = [
    (trouble, kind)
    for trouble in PASSING
    for kind in ("list", "head", "put")
    # a HEAD has no body that could say more than the status
    if kind != "head" or trouble in ("503", "reset", "dropped", "redirect-to-a-login-page", "login-page")
]

REQUESTS: dict[str, Callable[[Bucket], Any]] = {
    "list": lambda bucket: [item.key for item in bucket.list("hablab/nauset/")],
    "head": lambda bucket: bucket.head(KEY),
    "put": put,
}


@pytest.mark.parametrize("trouble, kind", TROUBLES)
@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_what_may_pass_is_tried_again_with_a_pause_and_counted(s3: Any, trouble: str, kind: str) -> None:
    if kind != "put":
        s3.client.put_object(Bucket=s3.bucket, Key=KEY, Body=BYTES)
    clock = NoPauses()
    with ScriptedServer([PASSING[trouble]], upstream=s3.endpoint) as between:
        bucket = bucket_at(between.endpoint, s3.bucket, clock=clock)
        answer = REQUESTS[kind](bucket)
        assert between.kinds() == counted(bucket)
        assert between.kinds()[kind] == 2
    if kind == "list":
        assert answer == [KEY]
    elif kind == "head":
        assert answer.size == len(BYTES)
    else:
        assert stored(s3) == BYTES
    assert len(clock.pauses) == 1 and 0 <= clock.pauses[0] <= LONGEST_PAUSE


@pytest.mark.parametrize(
    "trouble, kind",
    [item for item in TROUBLES if item[1] == "list" or item[0] in ("503", "dropped", "login-page")],
)
def test_what_does_not_pass_is_given_up_with_a_line_and_without_a_secret(trouble: str, kind: str) -> None:
    clock = NoPauses()
    with ScriptedServer(then=PASSING[trouble]) as server:
        bucket = bucket_at(server.endpoint, clock=clock)
        with pytest.raises(BucketUnreachable) as error:
            REQUESTS[kind](bucket)
        assert len([request for request in server.requests if request.kind == kind]) <= ATTEMPTS
        assert server.kinds() == counted(bucket)
    assert len(clock.pauses) <= 2 * (ATTEMPTS - 1)  # a PUT may be looked for in between
    line = str(error.value)
    assert error.value.exit_code == ExitCode.UNREACHABLE
    assert server.endpoint in line and "stays on this disk" in line and "\n" not in line
    assert SECRET not in line


def test_the_third_page_that_fails_fails_the_listing_and_no_half_of_it_passes_for_the_whole() -> None:
    def page(number: int) -> Answer:
        keys = "".join(
            f"<Contents><Key>hablab/nauset/{number}{item}</Key><Size>1</Size>"
            "<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>x</ETag></Contents>"
            for item in range(3)
        )
        body = (
            f"<ListBucketResult><Name>b</Name><IsTruncated>true</IsTruncated>"
            f"<NextContinuationToken>{number + 1}</NextContinuationToken>{keys}</ListBucketResult>"
        )
        return Answer(200, body.encode(), (("Content-Type", "application/xml"),))

    with ScriptedServer([page(0), page(1)], then=Answer(503)) as server:
        listing = bucket_at(server.endpoint).list("hablab/nauset/")
        with pytest.raises(BucketUnreachable):
            list(listing)
        assert len(server.requests) == 2 + ATTEMPTS
        assert "continuation-token=2" in server.requests[-1].query


def test_pauses_grow_and_stay_bounded() -> None:
    longest = [0.0] * (ATTEMPTS - 1)
    with ScriptedServer(then=Answer(503)) as server:
        clock = NoPauses()
        bucket = bucket_at(server.endpoint, clock=clock)
        for _ in range(12):
            clock.pauses.clear()
            with pytest.raises(BucketUnreachable):
                bucket.head(KEY)
            assert len(clock.pauses) == ATTEMPTS - 1
            longest = [max(pair) for pair in zip(longest, clock.pauses)]
    assert max(longest) <= LONGEST_PAUSE and max(longest[2:]) > 1.0


# --- answers that do not come to an end

LISTING = empty_listing()
OBJECT = Answer(
    200,
    BYTES,
    (("ETag", '"x"'), ("Last-Modified", formatdate(usegmt=True)), ("Content-Length", str(len(BYTES)))),
)
STORED = Answer(headers=(("ETag", '"x"'),))
#: A byte now and then, as no time-out for silence ever notices.
DRIPPING = {
    "list-head": ("list", Slow(LISTING, 0.1)),
    "list-body": ("list", Slow(LISTING, 0.1, body_only=True)),
    "head": ("head", Slow(OBJECT, 0.1)),
    "put": ("put", Slow(STORED, 0.1)),
    "get-head": ("get", Slow(OBJECT, 0.1)),
    "get-body": ("get", Slow(OBJECT, 0.1, body_only=True)),
    "refusal": ("list", Slow(s3_error(403, "AccessDenied"), 0.1, body_only=True)),
}
SHORT = Timeouts(5.0, 5.0, 0.4)


def get(bucket: Bucket) -> str | None:
    return bucket.content_md5(KEY)


@pytest.mark.parametrize("kind, answer", list(DRIPPING.values()), ids=list(DRIPPING))
def test_an_answer_that_drips_in_is_given_up_and_asked_for_again(kind: str, answer: Slow) -> None:
    began = time.monotonic()
    with ScriptedServer(then=answer) as server:
        bucket = bucket_at(server.endpoint, timeouts=SHORT)
        with pytest.raises(BucketUnreachable, match="did not come to an end within") as error:
            {**REQUESTS, "get": get}[kind](bucket)
        # Whether a PUT has taken effect all the same is looked up first, and there it ends.
        assert server.kinds()["head" if kind == "put" else kind] == ATTEMPTS
        assert server.kinds() == counted(bucket)
    assert "stays on this disk" in str(error.value)
    assert time.monotonic() - began < 2 * ATTEMPTS * SHORT.answer + 5  # a PUT is looked for in between


def test_one_answer_that_drips_in_is_survived(s3: Any) -> None:
    with ScriptedServer([Slow(STORED, 0.2)], upstream=s3.endpoint) as between:
        put(bucket_at(between.endpoint, s3.bucket, timeouts=Timeouts(5.0, 5.0, 3.0)))
        assert [request.kind for request in between.requests] == ["put", "head", "put"]
    assert stored(s3) == BYTES


@pytest.fixture
def https(tmp_path: Any, monkeypatch: Any) -> Any:
    """What a server needs to speak https; its certificate is trusted."""
    files = certificate.make(tmp_path)
    monkeypatch.setenv("AWS_CA_BUNDLE", files[0])
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return certificate.server_side(files)


@pytest.mark.parametrize("body_only", [False, True])
def test_an_answer_that_drips_in_over_a_secure_connection_is_given_up(https: Any, body_only: bool) -> None:
    with ScriptedServer([LISTING], then=Slow(LISTING, 0.1, body_only), tls=https) as server:
        bucket = bucket_at(server.endpoint, timeouts=SHORT)
        assert list(bucket.list("hablab/nauset/")) == []
        with pytest.raises(BucketUnreachable, match="did not come to an end within"):
            list(bucket.list("hablab/nauset/"))
        assert len(server.requests) == 1 + ATTEMPTS


def test_an_answer_that_drips_in_through_a_proxy_is_given_up(https: Any, monkeypatch: Any) -> None:
    with ScriptedServer(then=Slow(LISTING, 0.1), tls=https) as server, ScriptedServer(
        then=Act.FORWARD
    ) as proxy:
        monkeypatch.setenv("https_proxy", proxy.endpoint)
        with pytest.raises(BucketUnreachable, match="did not come to an end within"):
            list(bucket_at(server.endpoint, timeouts=SHORT).list("hablab/nauset/"))
        assert len(server.requests) == ATTEMPTS


def test_a_proxy_that_drips_its_own_answer_is_given_up(https: Any, monkeypatch: Any) -> None:
    began = time.monotonic()
    with ScriptedServer(then=Slow(Answer(200), 0.1)) as proxy:
        monkeypatch.setenv("https_proxy", proxy.endpoint)
        with pytest.raises(BucketUnreachable):
            list(bucket_at("https://127.0.0.1:9", timeouts=SHORT).list("hablab/nauset/"))
    assert time.monotonic() - began < ATTEMPTS * SHORT.answer + 5


def test_an_upload_may_take_longer_than_an_answer() -> None:
    def slowly(wanted: int) -> int:
        time.sleep(wanted / 200000)
        return wanted

    with ScriptedServer(then=STORED) as server:
        began = time.monotonic()
        bucket = bucket_at(server.endpoint, timeouts=SHORT, pace=slowly)
        put(bucket, body=BYTES * 40)
        assert time.monotonic() - began > 2 * SHORT.answer
        assert server.kinds() == {"put": 1}


def test_an_answer_may_take_longer_as_long_as_it_makes_progress() -> None:
    with ScriptedServer(then=Slow(OBJECT, 0.05, body_only=True, size=400)) as server:
        began = time.monotonic()
        assert get(bucket_at(server.endpoint, timeouts=SHORT)) == hashlib.md5(BYTES).hexdigest()
        assert time.monotonic() - began > 2 * SHORT.answer
        assert server.kinds() == {"get": 1}


def test_a_connection_is_used_again_after_its_answers() -> None:
    ports = set()
    with ScriptedServer(then=LISTING) as server:
        bucket = bucket_at(server.endpoint, timeouts=SHORT)
        for _ in range(5):
            time.sleep(SHORT.answer / 2)  # the time of one answer is not that of the next
            assert list(bucket.list("hablab/nauset/")) == []
        ports = {request.port for request in server.requests}
    assert len(ports) == 1


@pytest.mark.parametrize("status", [200, 403, 503])
def test_an_answer_that_is_larger_than_any_is_not_taken_in(status: int) -> None:
    with ScriptedServer(then=Answer(status, b"<Error>" + b" " * (LARGEST_ANSWER + 1))) as server:
        bucket = bucket_at(server.endpoint)
        bucket.retry_until = 0.0
        for kind in ("list", "put"):
            with pytest.raises(BucketUnreachable, match="more than [0-9,]+ bytes"):
                REQUESTS[kind](bucket)


def test_an_object_that_is_read_back_may_be_as_large_as_it_is() -> None:
    size = LARGEST_ANSWER + 1000000
    headers = (("ETag", '"x"'), ("Last-Modified", formatdate(usegmt=True)))
    with ScriptedServer(then=Answer(200, bytes(size), headers)) as server:
        assert get(bucket_at(server.endpoint)) == hashlib.md5(bytes(size)).hexdigest()


def test_nothing_is_tried_again_once_the_run_should_have_ended() -> None:
    for kind, request in REQUESTS.items():
        clock = NoPauses()
        with ScriptedServer(then=Answer(503)) as server:
            bucket = bucket_at(server.endpoint, clock=clock)
            bucket.retry_until = clock.monotonic() - 1
            with pytest.raises(BucketUnreachable, match="HTTP 503"):
                request(bucket)
            assert server.kinds() == {kind: 1} and clock.pauses == []


def test_trying_again_ends_when_the_run_should_end() -> None:
    with ScriptedServer([LISTING], then=Slow(LISTING, 0.1)) as server:
        bucket = bucket_at(server.endpoint, timeouts=Timeouts(5.0, 5.0, 1.0))
        list(bucket.list("hablab/nauset/"))
        bucket.retry_until = time.monotonic() + 1.6
        with pytest.raises(BucketUnreachable):
            list(bucket.list("hablab/nauset/"))
        assert len(server.requests) == 3


# --- errors that stay


OTHER_REGION = Answer(301, s3_error(301, "PermanentRedirect").body, (("x-amz-bucket-region", "eu-west-1"),))

REFUSED = {
    "access-denied": (s3_error(403, "AccessDenied"), "USER_ACCOUNT"),
    "403-of-its-own": (s3_error(403, "SomethingNew"), "USER_ACCOUNT"),
    "quota": (s3_error(403, "QuotaExceeded"), "used up"),
    "unknown-key": (s3_error(403, "InvalidAccessKeyId"), "AWS_ACCESS_KEY_ID"),
    "wrong-secret": (s3_error(403, "SignatureDoesNotMatch"), "AWS_SECRET_ACCESS_KEY"),
    "expired-token": (s3_error(400, "ExpiredToken"), "AWS_SESSION_TOKEN"),
    "no-bucket": (s3_error(404, "NoSuchBucket"), "BUCKET_NAME"),
    "clock-off": (s3_error(403, "RequestTimeTooSkewed"), "clock"),
    "other-region": (OTHER_REGION, "AWS_REGION"),
    "proxy-login": (html(407, "proxy"), "proxy"),
}


@pytest.mark.parametrize("kind", ["list", "put"])
@pytest.mark.parametrize("refusal", list(REFUSED))
def test_what_will_not_pass_is_asked_once_and_the_line_says_what_to_do(refusal: str, kind: str) -> None:
    answer, advice = REFUSED[refusal]
    clock = NoPauses()
    with ScriptedServer(then=answer) as server:
        bucket = bucket_at(server.endpoint, clock=clock)
        with pytest.raises(BucketRefused) as error:
            REQUESTS[kind](bucket)
        assert counted(bucket) == {kind: 1}
        assert server.kinds() == {kind: 1}
    line = str(error.value)
    assert clock.pauses == [] and error.value.exit_code == ExitCode.USAGE
    assert advice in line and server.endpoint in line and "\n" not in line and SECRET not in line
    assert "{" not in line


# What a virus scanner, a web filter or a proxy answers in the place of the archive.
BY_A_FILTER = {
    "401": Answer(401),
    "403-empty": Answer(403),
    "403-page": html(403, "blocked"),
    "403-page-that-is-no-xml": tag_soup(403, "blocked"),
    "403-other-xml": Answer(403, b"<error><code>AccessDenied</code></error>"),
    "403-soap": Answer(
        403, b"<Response><Errors><Error><Code>AccessDenied</Code></Error></Errors></Response>"
    ),
    "403-code-of-digits": s3_error(403, "403"),
    "403-large": Answer(
        403, b"<Error><Code>AccessDenied</Code><Message>" + b"x" * 200000 + b"</Message></Error>"
    ),
    "404-page": html(404, "nothing here"),
    "405": html(405, "method"),
    "406": html(406, "virus found"),
    "413": tag_soup(413, "too large"),
    "451": Answer(451),
}


@pytest.mark.parametrize("refusal", list(BY_A_FILTER))
def test_an_upload_that_a_filter_refuses_concerns_that_file_only(refusal: str) -> None:
    with ScriptedServer([BY_A_FILTER[refusal]], then=Answer(headers=(("ETag", '"x"'),))) as server:
        bucket = bucket_at(server.endpoint)
        by_whom = "lets no file of this size" if refusal == "413" else "virus scanner or a web filter"
        with pytest.raises(PutRefused, match=by_whom) as error:
            put(bucket)
        assert counted(bucket) == {"put": 1}
        put(bucket)
    line = str(error.value)
    assert f"HTTP {BY_A_FILTER[refusal].status}" in line and "\n" not in line and SECRET not in line


# More than the systems on both ends of a connection take in advance.
LARGE = BYTES * 2000


@pytest.mark.parametrize("secure", [False, True])
def test_a_refusal_before_the_end_of_a_file_is_read_though_the_connection_is_cut(
    https: Any, secure: bool
) -> None:
    """As of a proxy that closes the connection as soon as it has read how large a file is."""
    script = [CutShort(BY_A_FILTER["413"]), CutShort(s3_error(403, "QuotaExceeded"))]
    with ScriptedServer(script, then=STORED, tls=https if secure else None) as server:
        bucket = bucket_at(server.endpoint)
        with pytest.raises(PutRefused, match="HTTP 413: a proxy .* lets no file of this size through"):
            put(bucket, body=LARGE)
        with pytest.raises(BucketRefused, match="QuotaExceeded"):
            put(bucket, body=LARGE)
        put(bucket)
        assert counted(bucket) == {"put": 3}


@pytest.mark.parametrize("secure", [False, True])
def test_a_file_that_is_cut_off_without_an_answer_is_a_broken_connection_and_no_fault_of_tls(
    https: Any, secure: bool
) -> None:
    """And it may have taken effect: who knows what the other end has read."""

    def nothing_there(request: Any) -> Answer | None:
        return Answer(404) if request.kind == "head" else None

    with ScriptedServer(then=CutShort(None), tls=https if secure else None, filtered=nothing_there) as server:
        with pytest.raises(BucketUnreachable, match="could not be reached") as error:
            put(bucket_at(server.endpoint), body=LARGE)
        assert server.kinds() == {"put": ATTEMPTS, "head": ATTEMPTS - 1}
    assert "secure connection" not in str(error.value)


@pytest.mark.parametrize("refusal", [name for name in BY_A_FILTER if name[:3] in ("401", "403")])
def test_a_listing_that_is_refused_without_a_reason_ends_the_run(refusal: str) -> None:
    with ScriptedServer(then=BY_A_FILTER[refusal]) as server:
        with pytest.raises(BucketRefused, match="web filter.*USER_ACCOUNT") as error:
            list(bucket_at(server.endpoint).list("hablab/nauset/"))
        assert len(server.requests) == 1
    assert error.value.exit_code == ExitCode.USAGE


@pytest.mark.parametrize("status", [401, 403, 405, 406, 451])
def test_a_look_that_is_refused_concerns_that_file_only_and_is_not_taken_for_an_absent_object(
    status: int,
) -> None:
    """S3 itself answers so where the key has no right, and a HEAD has no body to say it; the listing has worked."""
    with ScriptedServer(then=Answer(status)) as server:
        bucket = bucket_at(server.endpoint)
        with pytest.raises(PutRefused, match=rf"HTTP {status}: .*\.adc is not sent"):
            bucket.head(KEY)
        with pytest.raises(PutRefused):
            conditional(bucket, 5)  # which looks first
        with pytest.raises(BucketRefused):
            bucket.content(KEY)
        assert server.kinds() == {"head": 3}


def test_a_proxy_that_wants_a_password_refuses_every_file_and_ends_the_run() -> None:
    with ScriptedServer(then=Answer(407)) as server:
        for request in REQUESTS.values():
            with pytest.raises(BucketRefused, match="proxy"):
                request(bucket_at(server.endpoint))


def test_a_wrong_secret_ends_the_run_whatever_is_asked_first(s3: Any) -> None:
    if s3.server.name == "moto":
        pytest.skip("moto takes any secret")
    values = {
        "AWS_ACCESS_KEY_ID": s3.server.access_key,
        "AWS_SECRET_ACCESS_KEY": "another-secret-than-that",
        "AWS_CA_BUNDLE": os.environ.get("AWS_CA_BUNDLE", ""),
        "USER_ACCOUNT": "hablab",
        "BUCKET_NAME": s3.bucket,
        "S3_ENDPOINT_URL": s3.endpoint,
    }
    for kind in ("list", "put"):
        with pytest.raises(BucketRefused):
            settings = load(None, values)
            REQUESTS[kind](Bucket(settings, NoPauses(), Wire(settings)))


# --- listings that do not come to an end


def page_of(*names: str, folders: bool = False, token: str = "") -> Answer:
    """A page of a listing with these names below `hablab/`; with `token`: more follow."""
    kind = "<CommonPrefixes><Prefix>hablab/{}/</Prefix></CommonPrefixes>"
    if not folders:
        kind = (
            "<Contents><Key>hablab/nauset/{}</Key><Size>1</Size>"
            "<LastModified>2026-01-01T00:00:00Z</LastModified></Contents>"
        )
    more = f"<NextContinuationToken>{token}</NextContinuationToken>" if token else ""
    body = (
        f"<ListBucketResult><IsTruncated>{'true' if token else 'false'}</IsTruncated>{more}"
        f"{''.join(kind.format(name) for name in names)}</ListBucketResult>"
    )
    return Answer(200, body.encode(), (("Content-Type", "application/xml"),))


LISTINGS: dict[bool, Callable[[Bucket], Any]] = {
    False: REQUESTS["list"],
    True: lambda bucket: bucket.folders("hablab/"),
}


@pytest.mark.parametrize("folders", [False, True], ids=["objects", "folders"])
@pytest.mark.parametrize(
    "pages",
    [
        [["a", "b"], ["a", "b"]],  # the same again
        [["a"], ["a"]],
        [["b", "c"], ["a"]],
        [["a", "b"], ["b", "a"]],
    ],
)
def test_a_listing_that_goes_round_in_circles_is_given_up(pages: list[list[str]], folders: bool) -> None:
    script = [page_of(*names, folders=folders, token=f"t{number}") for number, names in enumerate(pages)]
    with ScriptedServer(script) as server:
        with pytest.raises(BucketUnreachable, match="goes round in circles.*S3_ENDPOINT_URL"):
            LISTINGS[folders](bucket_at(server.endpoint))
        assert len(server.requests) == len(pages)


@pytest.mark.parametrize("folders", [False, True], ids=["objects", "folders"])
def test_a_listing_whose_names_grow_from_page_to_page_is_whole(folders: bool) -> None:
    script = [
        page_of("a", "b", folders=folders, token="1"),
        page_of("c", folders=folders, token="2"),
        page_of(),
    ]
    with ScriptedServer(script) as server:
        assert len(LISTINGS[folders](bucket_at(server.endpoint))) == 3


# --- odd answers


def listing_with(modified: str = "2026-01-01T00:00:00.000Z", size: str = "1") -> Answer:
    body = (
        f"<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>{KEY}</Key><Size>{size}</Size>"
        f"<LastModified>{modified}</LastModified><ETag>x</ETag></Contents></ListBucketResult>"
    )
    return Answer(200, body.encode(), (("Content-Type", "application/xml"),))


@pytest.mark.parametrize(
    "answer",
    [
        *(
            listing_with(modified=text)
            for text in (
                "",
                "yesterday",
                "2026-13-01T00:00:00.000Z",
                "2026-01-32T00:00:00Z",
                "99999-01-01T00:00:00Z",
                "2026-W01-1T00:00:00",
                "2026-01-01T00:00:00+02:00",
                "\u0662026-01-01T00:00:00Z",
            )
        ),
        *(listing_with(size=text) for text in ("-1", "-2", "1e3", "\u00b2", "1_0", "")),
    ],
)
def test_a_listing_with_a_time_or_size_that_is_none_is_no_listing(answer: Answer) -> None:
    with ScriptedServer(then=answer) as server, pytest.raises(BucketUnreachable, match="no S3 server"):
        list(bucket_at(server.endpoint).list("hablab/nauset/"))


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01T00:00:00Z",
        "1601-01-01T00:00:00.000Z",
        "9999-12-31T23:59:59.999999999Z",
        "2026-01-01T00:00:00",
    ],
)
def test_every_time_that_there_is_can_be_listed(text: str) -> None:
    with ScriptedServer(then=listing_with(modified=text)) as server:
        (item,) = bucket_at(server.endpoint).list("hablab/nauset/")
    assert isinstance(server_seconds(item.modified), float)


@pytest.mark.parametrize(
    "name, value",
    [
        *(
            ("Last-Modified", text)
            for text in ("", "x", "Sun, 99 Nov 2026 13:26:36 GMT", "1e400", "99999999999999")
        ),
        *(("Content-Length", text) for text in ("", "abc", "-1")),
    ],
)
def test_a_look_with_a_header_that_makes_no_sense_is_no_answer(name: str, value: str) -> None:
    usual = {"ETag": '"x"', "Last-Modified": formatdate(usegmt=True), "Content-Length": "5"}
    usual[name] = value
    answer = Answer(headers=tuple(usual.items()))
    with ScriptedServer(then=answer) as server, pytest.raises(BucketUnreachable, match="no S3 server"):
        bucket_at(server.endpoint).head(KEY)


def nested(tag: str, depth: int = 30000) -> bytes:
    return ("<" + tag + ">" + "<a>" * depth + "</a>" * depth + "</" + tag + ">").encode()


@pytest.mark.parametrize("kind", ["list", "put"])
@pytest.mark.parametrize("tag", ["Error", "ListBucketResult", "html"])
@pytest.mark.parametrize("status", [200, 403, 404, 503])
def test_xml_that_is_nested_without_end_is_no_answer_of_the_bucket(status: int, tag: str, kind: str) -> None:
    failures = (BucketRefused, BucketUnreachable, PutRefused)
    for depth in (3000, 30000):  # the smaller one is not too large for an error
        answer = Answer(status, nested(tag, depth))
        with ScriptedServer(then=answer) as server, pytest.raises(failures):
            REQUESTS[kind](bucket_at(server.endpoint))


@pytest.mark.parametrize(
    "body",
    [
        b"<Error><Code>AccessDenied</Code><Code>Other</Code><Message><b>x</b></Message></Error>",
        b"<Error><Code>AccessDenied</Code><Message>a</Message><Message>b</Message></Error>",
        b'<Error xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Code>AccessDenied</Code></Error>',
    ],
)
def test_an_error_is_understood_whatever_else_is_in_it(body: bytes) -> None:
    with ScriptedServer(then=Answer(403, body)) as server, pytest.raises(BucketRefused, match="AccessDenied"):
        put(bucket_at(server.endpoint))


def test_one_object_that_the_bucket_will_not_have_concerns_that_object_only() -> None:
    with ScriptedServer(then=s3_error(400, "EntityTooLarge", "too large for us")) as server:
        with pytest.raises(PutRefused, match="EntityTooLarge.*too large for us"):
            put(bucket_at(server.endpoint))
        assert len(server.requests) == 1
    assert not issubclass(PutRefused, IfcbscanError)  # these end the run


# --- no way there


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_a_server_that_is_not_there_is_unreachable_after_all_tries() -> None:
    endpoint = f"http://127.0.0.1:{free_port()}"
    for kind in ("list", "head", "put"):
        clock = NoPauses()
        bucket = bucket_at(endpoint, clock=clock)
        with pytest.raises(BucketUnreachable, match="could not be reached") as error:
            REQUESTS[kind](bucket)
        assert counted(bucket)[kind] == ATTEMPTS == len(clock.pauses) + 1
        assert endpoint in str(error.value) and "check the network" in str(error.value)


def test_a_proxy_that_does_not_answer_is_named_without_its_password(monkeypatch: Any) -> None:
    proxy = f"127.0.0.1:{free_port()}"
    monkeypatch.setenv("http_proxy", f"http://captain:hunter2hunter2@{proxy}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with ScriptedServer(then=empty_listing()) as server:
        with pytest.raises(BucketUnreachable, match="the proxy does not answer") as error:
            list(bucket_at(server.endpoint).list("hablab/nauset/"))
        assert server.requests == []
    assert proxy in str(error.value) and "hunter2" not in str(error.value)


def test_a_proxy_is_used_and_its_own_error_page_is_no_answer_of_the_bucket(monkeypatch: Any) -> None:
    with ScriptedServer([html(502, "squid"), html(504, "squid")], then=empty_listing()) as proxy:
        monkeypatch.setenv("http_proxy", proxy.endpoint)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert list(bucket_at("http://bucket.example").list("hablab/nauset/")) == []
        assert len(proxy.requests) == 3
        assert proxy.requests[0].path.startswith("http://bucket.example/bucket.of.tests")


def test_a_server_without_tls_behind_an_https_address_is_unreachable() -> None:
    with ScriptedServer(then=empty_listing()) as server:
        endpoint = server.endpoint.replace("http://", "https://")
        with pytest.raises(BucketUnreachable, match="no secure connection: what answers there speaks no TLS"):
            list(bucket_at(endpoint).list("hablab/nauset/"))


@pytest.mark.parametrize("endpoint", ["http://[::1", "http://127.0.0.1:notaport", "http://a b"])
def test_an_address_that_is_none_is_a_matter_of_configuration(endpoint: str) -> None:
    with pytest.raises(BucketRefused, match="S3_ENDPOINT_URL") as error:
        list(bucket_at(endpoint).list("hablab/nauset/"))
    assert error.value.exit_code == ExitCode.USAGE


# --- being told to stop


def test_nothing_is_asked_once_the_run_was_told_to_end() -> None:
    cancelled = threading.Event()
    cancelled.set()
    with ScriptedServer(then=empty_listing()) as server:
        bucket = bucket_at(server.endpoint, cancelled=cancelled)
        for request in REQUESTS.values():
            with pytest.raises(Interrupted):
                request(bucket)
        assert server.requests == []


def test_being_told_to_end_cuts_the_pause_before_another_try() -> None:
    cancelled = threading.Event()
    with ScriptedServer(then=Answer(503), watcher=lambda _: cancelled.set()) as server:
        began = time.monotonic()
        with pytest.raises(Interrupted):
            bucket_at(server.endpoint, clock=Clock(), cancelled=cancelled).head(KEY)
        assert len(server.requests) == 1
    assert time.monotonic() - began < 5


def test_being_told_to_end_while_a_body_is_sent_stores_nothing(s3: Any) -> None:
    cancelled = threading.Event()
    size = 20000000

    class Watched(io.BytesIO):
        done = 0

        def read(self, amount: Any = -1) -> bytes:
            block = super().read(amount)
            self.done += len(block)
            if self.done > size + size // 2:  # summed, and half of it sent
                cancelled.set()
            return block

    bucket = bucket_at(s3.endpoint, s3.bucket, cancelled=cancelled)
    with pytest.raises(Interrupted):
        bucket.put(KEY, Watched(bytes(size)), size)
    assert nothing_stored(s3)


# --- not to overwrite what somebody else has put meanwhile


def conditional(bucket: Bucket, replaces: int) -> str:
    expected = Expected(None if replaces == MISSING else replaces)
    return bucket.put(KEY, io.BytesIO(BYTES), len(BYTES), expected).at


def head_of(body: bytes) -> Answer:
    return Answer(
        200,
        b"",
        (
            ("ETag", f'"{hashlib.md5(body).hexdigest()}"'),
            ("Last-Modified", formatdate(usegmt=True)),
            ("Content-Length", str(len(body))),
        ),
    )


def test_a_put_says_what_it_thinks_is_there(s3: Any) -> None:
    with ScriptedServer(upstream=s3.endpoint) as between:
        bucket = bucket_at(between.endpoint, s3.bucket)
        conditional(bucket, MISSING)
        assert between.requests[-1].headers["if-none-match"] == "*"
        s3.client.put_object(Bucket=s3.bucket, Key=KEY, Body=b"older")
        before = len(between.requests)
        conditional(bucket, 5)
        puts = [request.headers for request in between.requests[before:] if request.kind == "put"]
        # The first one: a server that understands no ETag gets the last one without.
        assert puts[0]["if-match"].strip('"') == hashlib.md5(b"older").hexdigest()
        assert not [headers for headers in puts if "if-none-match" in headers]
        put(bucket)
        assert not {"if-match", "if-none-match"} & set(between.requests[-1].headers)
    assert stored(s3) == BYTES


@pytest.mark.parametrize("replaces", [MISSING, 5])
def test_what_somebody_else_put_meanwhile_is_not_overwritten(replaces: int) -> None:
    script = [head_of(b"older")] if replaces == 5 else []
    script += [s3_error(412, "PreconditionFailed"), head_of(b"larger than before")]
    clock = NoPauses()
    with ScriptedServer(script) as server:
        with pytest.raises(ConcurrentWrite):
            conditional(bucket_at(server.endpoint, clock=clock), replaces)
        assert server.kinds()["put"] == 1 and clock.pauses == []


def test_somebody_else_who_put_the_very_same_bytes_has_done_the_work() -> None:
    with ScriptedServer([s3_error(412, "PreconditionFailed"), head_of(BYTES)]) as server:
        conditional(bucket_at(server.endpoint), MISSING)
        assert server.kinds() == {"put": 1, "head": 1}


def test_a_put_that_meets_another_one_is_tried_again() -> None:
    good = Answer(headers=(("ETag", '"x"'),))
    with ScriptedServer([s3_error(409, "ConditionalRequestConflict"), Answer(404), good]) as server:
        conditional(bucket_at(server.endpoint), MISSING)
        assert [request.kind for request in server.requests] == ["put", "head", "put"]


def test_a_server_that_knows_no_conditions_is_asked_without_them_from_then_on() -> None:
    good = Answer(headers=(("ETag", '"x"'),))
    with ScriptedServer([s3_error(501, "NotImplemented"), good, good]) as server:
        bucket = bucket_at(server.endpoint)
        conditional(bucket, MISSING)
        conditional(bucket, MISSING)
        assert [("if-none-match" in request.headers) for request in server.requests] == [True, False, False]
        assert [request.md5 for request in server.requests] == [hashlib.md5(BYTES).hexdigest()] * 3
