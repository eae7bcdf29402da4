"""What the bucket asks, in which order, and what it makes of each answer: over a transport that answers as it is told."""

from __future__ import annotations

import contextlib
import hashlib
import io
import threading
from typing import Any, Callable

import pytest
from support.wire import config, error_answer

from ifcbscan.clock import Clock
from ifcbscan.config import load
from ifcbscan.core.bins import server_text
from ifcbscan.core.remote_index import ListedObject
from ifcbscan.core.scan_report import Requests
from ifcbscan.errors import (
    BucketRefused,
    BucketUnreachable,
    ConcurrentWrite,
    FileChanged,
    Interrupted,
    LocalFileProblem,
    PutRefused,
)
from ifcbscan.s3 import body
from ifcbscan.s3.bucket import Bucket, Expected
from ifcbscan.s3.list_page import ListPage
from ifcbscan.s3.object_head import ObjectContent, ObjectHead
from ifcbscan.s3.one_put import Stored
from ifcbscan.s3.retry import ATTEMPTS
from ifcbscan.s3.transport import Answer, CannotAsk, ErrorAnswer, Operation, PassingError, Request, Transport

KEY = "hablab/nauset/2013/D20130526/D20130526T095207_IFCB013.roi"
BYTES = b"some bytes of a bin"
MD5 = hashlib.md5(BYTES).hexdigest()
OTHER_MD5 = hashlib.md5(b"other").hexdigest()
MODIFIED = "Sun, 26 May 2013 10:00:00 GMT"
NOT_THERE = error_answer("", 404)
LOST = PassingError("silence", unsure=True)
BUSY = error_answer("SlowDown", 503)


class Stopped(Clock):
    """A clock that only its owner moves. Nobody waits; the pauses are written down."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.time

    def wall(self) -> float:
        return 0.0

    def sleep(self, seconds: float, unless: threading.Event) -> None:
        self.pauses.append(seconds)


class Scripted(Transport):
    """Gives these answers in order: one that is an exception is raised, one that can be called is called first."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[Request] = []
        self.bodies: list[bytes] = []

    def send(self, request: Request) -> Answer:
        self.asked.append(request)
        if request.body is not None:
            self.bodies.append(request.body.read())
        answer = self.answers.pop(0)
        if callable(answer):
            answer = answer()
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, Answer)
        return answer

    @property
    def kinds(self) -> list[str]:
        return [request.operation.value for request in self.asked]

    def conditions(self) -> list[dict[str, str]]:
        """The conditions of each PUT."""
        puts = [request for request in self.asked if request.operation is Operation.PUT]
        return [
            {name: value for name, value in put.headers.items() if name.startswith("If-")} for put in puts
        ]


def bucket_of(transport: Transport, clock: Clock | None = None, **options: Any) -> Bucket:
    return Bucket(config(), clock or Stopped(), transport, **options)


def looked(etag: str = MD5, size: int = len(BYTES), **more: str) -> Answer:
    return Answer({"last-modified": MODIFIED, "content-length": str(size), "etag": f'"{etag}"', **more})


def stored(etag: str = MD5, **more: str) -> Answer:
    return Answer({"etag": f'"{etag}"', **more})


def listed(*keys: str, token: str | None = None, folders: tuple[str, ...] = ()) -> Answer:
    objects = [ListedObject(key, 1, "2026-01-01T00:00:00Z", "") for key in keys]
    return Answer({}, ListPage(objects, folders, token is not None, token))


def put(transport: Transport, expected: Expected | None = None, **options: Any) -> str:
    return send(transport, expected, **options).at


def send(transport: Transport, expected: Expected | None = None, **options: Any) -> Stored:
    return bucket_of(transport, **options).put(KEY, io.BytesIO(BYTES), len(BYTES), expected)


# --- listing


def test_a_listing_holds_the_objects_up_to_its_bound_of_all_pages() -> None:
    transport = Scripted(listed("p/1", "p/2", token="t"), listed("p/3", "p/4"))
    assert [item.key for item in bucket_of(transport).list("p/", "p/0", "p/3")] == ["p/1", "p/2", "p/3"]
    assert [request.query for request in transport.asked] == [
        {"prefix": "p/", "start-after": "p/0"},
        {"prefix": "p/", "continuation-token": "t"},
    ]


def test_what_lies_behind_the_bound_hides_nothing_of_a_page_in_another_order() -> None:
    bucket = bucket_of(Scripted(listed("a/1", "a/9", "a/2")))
    assert [item.key for item in bucket.list("a/", "", "a/5")] == ["a/1", "a/2"]


def test_a_listing_without_a_bound_holds_everything() -> None:
    assert [item.key for item in bucket_of(Scripted(listed("p/1", "p/2"))).list("p/")] == ["p/1", "p/2"]


def test_folders_are_named_without_what_is_above_them() -> None:
    transport = Scripted(listed(token="t", folders=("p/a/", "p/b/")), listed(folders=("p/c/",)))
    assert bucket_of(transport).folders("p/") == ["a", "b", "c"]
    assert transport.asked[0].query == {"prefix": "p/", "delimiter": "/"}


@pytest.mark.parametrize(
    "answer, empty", [(listed(), True), (listed("p/1"), False), (listed(token="t"), False)]
)
def test_a_prefix_is_empty_only_if_one_page_says_so_and_no_more_follow(answer: Answer, empty: bool) -> None:
    transport = Scripted(answer)
    assert bucket_of(transport).is_empty("p/") is empty
    assert transport.asked[0].query == {"prefix": "p/", "max-keys": "1"}


def test_a_listing_that_does_not_end_names_the_bucket_and_the_server() -> None:
    transport = Scripted(listed("p/1", token="t"), listed("p/1"))
    with pytest.raises(BucketUnreachable, match=r"ifcb-data-sharer\.files at http://127\.0\.0\.1:9"):
        list(bucket_of(transport).list("p/"))


# --- looking and reading back


def test_a_head_says_what_is_stored_or_that_nothing_is() -> None:
    assert bucket_of(Scripted(looked())).head(KEY) == ObjectHead(
        len(BYTES), "2013-05-26T10:00:00.000Z", MD5, MD5
    )
    assert bucket_of(Scripted(NOT_THERE)).head(KEY) is None


def test_a_look_at_the_content_says_its_size_and_etag_or_that_nothing_is_stored() -> None:
    assert bucket_of(Scripted(looked())).content(KEY) == ObjectContent(len(BYTES), MD5, True)
    assert bucket_of(Scripted(NOT_THERE)).content(KEY) is None


def test_what_is_read_back_is_summed_block_by_block() -> None:
    whole = Answer({"last-modified": MODIFIED}, blocks=[BYTES[:5], BYTES[5:]])
    assert bucket_of(Scripted(whole)).content_md5(KEY) == MD5
    assert bucket_of(Scripted(error_answer("NoSuchKey", 404))).content_md5(KEY) is None


def test_reading_back_ends_when_the_run_is_told_to_end() -> None:
    cancelled = threading.Event()

    def blocks() -> Any:
        cancelled.set()
        yield BYTES

    transport = Scripted(Answer({"last-modified": MODIFIED}, blocks=blocks()))
    with pytest.raises(Interrupted) as error:
        bucket_of(transport, cancelled=cancelled).content_md5(KEY)
    assert error.value.exit_code == 130


def test_a_refusal_says_whether_anything_was_sent_before() -> None:
    bucket = bucket_of(
        Scripted(error_answer("AccessDenied", 403), stored(), error_answer("AccessDenied", 403))
    )
    with pytest.raises(BucketRefused, match="Nothing was sent"):
        bucket.is_empty("hablab/")
    bucket.put(KEY, io.BytesIO(BYTES), len(BYTES), None)
    with pytest.raises(BucketRefused, match="Nothing more was sent"):
        bucket.is_empty("hablab/")


def test_a_look_that_is_refused_concerns_one_file_only() -> None:
    refused = error_answer("", 403)
    with pytest.raises(PutRefused, match="^HTTP 403: the archive does not say"):
        bucket_of(Scripted(refused)).head(KEY)
    with pytest.raises(BucketRefused, match="HTTP 403"):
        bucket_of(Scripted(refused)).content(KEY)


@pytest.mark.parametrize(
    "ask, script",
    [
        (lambda bucket: bucket.head(KEY), [Answer({"content-length": "5"})]),
        (lambda bucket: bucket.head(KEY), [Answer({"last-modified": MODIFIED})]),
        (lambda bucket: bucket.head(KEY), [looked(size=-1)]),
        (lambda bucket: bucket.content_md5(KEY), [Answer({})]),
        (
            lambda bucket: bucket.put(KEY, io.BytesIO(BYTES), len(BYTES)),
            [Answer({"server": "web"}), NOT_THERE],
        ),
    ],
)
def test_an_answer_without_what_every_s3_server_says_is_none(
    ask: Callable[[Bucket], Any], script: list[Any]
) -> None:
    odd = Answer({**script[0].headers, "date": "Fri, 31 Dec 9999 23:59:59 GMT"})
    bucket = bucket_of(Scripted(*[odd, *script[1:]] * ATTEMPTS))
    with pytest.raises(BucketUnreachable, match="no S3 server answered"):
        ask(bucket)
    assert not bucket.server_clock.known


# --- putting


def test_a_put_carries_the_size_and_the_md5_of_what_is_sent() -> None:
    transport = Scripted(stored())
    put(transport)
    (request,) = transport.asked
    assert request.key == KEY and transport.bodies == [BYTES]
    assert request.headers == {"Content-Length": "19", "Content-MD5": "n+Y1GtC+bICtzK6jh7y0KA=="}


def test_a_put_is_dated_by_the_servers_clock() -> None:
    when = put(Scripted(stored(date=MODIFIED)))
    assert when == "2013-05-26T10:00:00.000Z"
    assert put(Scripted(stored())) == server_text(0.0)  # of this computer's, as long as no answer has a date


def test_a_put_says_what_it_expects_to_find() -> None:
    transport = Scripted(stored())
    put(transport, Expected(None))
    assert transport.kinds == ["put"] and transport.conditions() == [{"If-None-Match": "*"}]
    transport = Scripted(looked(OTHER_MD5, 7), stored())
    put(transport, Expected(7))
    assert transport.kinds == ["head", "put"] and transport.conditions() == [{"If-Match": f'"{OTHER_MD5}"'}]
    transport = Scripted(looked("", 7), stored())
    put(transport, Expected(7))
    assert transport.conditions() == [{}]  # a server without ETags cannot be asked for one
    transport = Scripted(stored())
    put(transport, None)
    assert transport.kinds == ["put"] and transport.conditions() == [{}]


@pytest.mark.parametrize(
    "found, expected",
    [
        (NOT_THERE, Expected(7)),
        (looked(OTHER_MD5, 8), Expected(7)),
        (looked(OTHER_MD5, 7), Expected(7, MD5)),
    ],
)
def test_what_is_not_as_expected_is_not_replaced(found: Any, expected: Expected) -> None:
    transport = Scripted(found)
    with pytest.raises(ConcurrentWrite):
        put(transport, expected)
    assert transport.kinds == ["head"]


@pytest.mark.parametrize(
    "expected, found, met",
    [
        (Expected(None), None, True),
        (Expected(None), ObjectHead(7, "", "e", None), False),
        (Expected(7), None, False),
        (Expected(7), ObjectHead(7, "", "e", None), True),
        (Expected(7, "e"), ObjectHead(7, "", "e", None), True),
        (Expected(7, "x"), ObjectHead(7, "", "e", None), False),
        (Expected(8, "e"), ObjectHead(7, "", "e", None), False),
    ],
)
def test_expected_is_met_by_the_size_and_by_the_etag_where_that_is_known(
    expected: Expected, found: ObjectHead | None, met: bool
) -> None:
    assert expected.is_met_by(found) is met


def test_nothing_is_sent_if_the_caller_changes_its_mind_after_the_sums() -> None:
    transport = Scripted()

    def too_late() -> None:
        raise FileChanged("it has grown")

    with pytest.raises(FileChanged, match="grown"):
        bucket_of(transport).put(KEY, io.BytesIO(BYTES), len(BYTES), None, too_late)
    assert transport.asked == []


def test_a_put_whose_answer_was_lost_is_looked_for_before_it_is_sent_again() -> None:
    transport = Scripted(LOST, looked())
    put(transport, Expected(None))
    assert transport.kinds == ["put", "head"]
    transport = Scripted(LOST, NOT_THERE, stored())
    put(transport, Expected(None))
    assert transport.kinds == ["put", "head", "put"] and transport.bodies == [BYTES, BYTES]
    # It stays in doubt, whatever the tries after it answer.
    transport = Scripted(LOST, NOT_THERE, PassingError("no connection", unsure=False), looked())
    put(transport, Expected(None))
    assert transport.kinds == ["put", "head", "put", "head"]


def test_a_put_that_cannot_have_arrived_is_sent_again_without_a_look() -> None:
    transport = Scripted(PassingError("no connection", unsure=False), stored())
    put(transport, Expected(None))
    assert transport.kinds == ["put", "put"]


@pytest.mark.parametrize("other", [looked(OTHER_MD5), looked(MD5, 20)])
def test_what_somebody_else_has_put_meanwhile_is_seen_after_a_lost_answer(other: Answer) -> None:
    with pytest.raises(ConcurrentWrite):
        put(Scripted(LOST, other), Expected(None))


def test_the_same_bytes_that_were_there_before_are_no_sign_that_a_put_arrived() -> None:
    size = len(BYTES)
    transport = Scripted(looked(), LOST, looked(), stored())
    put(transport, Expected(size))
    assert transport.kinds == ["head", "put", "head", "put"]


def test_a_file_that_changes_while_it_is_sent_is_not_sent_again() -> None:
    file = io.BytesIO(BYTES)

    def lost() -> PassingError:
        file.getbuffer()[0:1] = b"X"
        return LOST

    transport = Scripted(lost, NOT_THERE)
    with pytest.raises(FileChanged, match="^its content changed while it was sent$"):
        bucket_of(transport).put(KEY, file, len(BYTES), Expected(None))
    assert transport.kinds == ["put", "head"]


def test_a_put_whose_condition_fails_is_done_if_these_very_bytes_are_there() -> None:
    unmet = error_answer("PreconditionFailed", 412)
    put(Scripted(unmet, looked()), Expected(None))
    with pytest.raises(ConcurrentWrite):
        put(Scripted(unmet, looked(OTHER_MD5)), Expected(None))
    with pytest.raises(ConcurrentWrite):
        put(Scripted(unmet, NOT_THERE), Expected(None))  # it was deleted again: a later run looks


def test_a_server_without_conditions_is_asked_without_them_from_then_on() -> None:
    transport = Scripted(error_answer("NotImplemented", 501), stored(), stored())
    bucket = bucket_of(transport)
    for _ in range(2):
        bucket.put(KEY, io.BytesIO(BYTES), len(BYTES), Expected(None))
    assert transport.kinds == ["put", "put", "put"]  # it has refused it, so nothing can have arrived
    assert transport.conditions() == [{"If-None-Match": "*"}, {}, {}]
    assert "Content-MD5" in transport.asked[-1].headers
    transport = Scripted(looked(OTHER_MD5, 7), error_answer("NotImplemented", 501), stored())
    put(transport, Expected(7))
    assert transport.conditions() == [{"If-Match": f'"{OTHER_MD5}"'}, {}]


UNMET = error_answer("PreconditionFailed", 412)


def was_there() -> Answer:
    """What this run has seen under the key, and is to replace."""
    return looked(OTHER_MD5, 7)


def put_again() -> Answer:
    """The same bytes as those of the file, put a little later."""
    return Answer({**looked().headers, "last-modified": "Sun, 26 May 2013 10:00:09 GMT"})


def test_a_server_that_takes_the_quotes_for_a_part_of_the_etag_is_asked_without_them_from_then_on() -> None:
    quoted, bare = {"If-Match": f'"{OTHER_MD5}"'}, {"If-Match": OTHER_MD5}
    transport = Scripted(was_there(), UNMET, was_there(), stored(), was_there(), stored(), stored())
    bucket = bucket_of(transport)
    for _ in range(2):
        assert not bucket.put(KEY, io.BytesIO(BYTES), len(BYTES), Expected(7)).by_another
    assert transport.kinds == ["head", "put", "head", "put", "head", "put"]
    assert transport.conditions() == [quoted, bare, bare]
    assert transport.bodies == [BYTES] * 3
    bucket.put(KEY, io.BytesIO(BYTES), len(BYTES), Expected(None))
    assert transport.conditions()[-1] == {"If-None-Match": "*"}


def test_a_server_that_understands_no_etag_gets_what_replaces_something_after_a_look_from_then_on() -> None:
    look = was_there()
    transport = Scripted(look, UNMET, look, UNMET, look, stored(), look, stored(), stored())
    bucket = bucket_of(transport)
    for _ in range(2):
        bucket.put(KEY, io.BytesIO(BYTES), len(BYTES), Expected(7))
    assert transport.kinds == ["head", "put", "head", "put", "head", "put", "head", "put"]
    assert [list(condition) for condition in transport.conditions()] == [["If-Match"], ["If-Match"], [], []]
    bucket.put(KEY, io.BytesIO(BYTES), len(BYTES), Expected(None))
    assert transport.conditions()[-1] == {"If-None-Match": "*"}


@pytest.mark.parametrize("now_there", [NOT_THERE, looked(MD5, 7), looked(OTHER_MD5, 8)])
@pytest.mark.parametrize("answer", [UNMET, error_answer("NoSuchKey", 404)])
def test_what_has_changed_between_the_look_and_the_put_is_not_replaced_in_any_spelling(
    now_there: Any, answer: Exception
) -> None:
    transport = Scripted(was_there(), answer, now_there)
    with pytest.raises(ConcurrentWrite, match="^$"):
        put(transport, Expected(7))
    assert transport.kinds == ["head", "put", "head"]
    transport = Scripted(was_there(), UNMET, was_there(), answer, now_there)
    with pytest.raises(ConcurrentWrite, match="^$"):
        put(transport, Expected(7))


def test_where_the_quotes_are_understood_no_other_spelling_is_tried_and_the_reason_says_what_is_known() -> (
    None
):
    transport = Scripted(was_there(), stored(), was_there(), UNMET, was_there())
    bucket = bucket_of(transport)
    bucket.put(KEY, io.BytesIO(BYTES), len(BYTES), Expected(7))
    with pytest.raises(ConcurrentWrite, match="a look shows nothing of that"):
        bucket.put(KEY, io.BytesIO(BYTES), len(BYTES), Expected(7))
    assert transport.kinds == ["head", "put", "head", "put", "head"]


def test_no_such_key_is_no_unmet_condition_where_there_was_none() -> None:
    with pytest.raises(PutRefused, match="NoSuchKey"):
        put(Scripted(error_answer("NoSuchKey", 404)), None)


def test_a_file_that_changed_before_another_spelling_is_tried_is_not_sent() -> None:
    file = io.BytesIO(BYTES)

    def unmet() -> Exception:
        file.getbuffer()[0:1] = b"X"
        return UNMET

    transport = Scripted(was_there(), unmet, was_there())
    with pytest.raises(FileChanged):
        bucket_of(transport).put(KEY, file, len(BYTES), Expected(7))


CONFLICT = error_answer("ConditionalRequestConflict", 409)


def test_after_a_conflict_with_another_request_it_looks_and_tries_again() -> None:
    transport = Scripted(CONFLICT, NOT_THERE, stored())
    assert not send(transport, Expected(None)).by_another
    assert transport.kinds == ["put", "head", "put"]
    transport = Scripted(CONFLICT, looked())
    assert send(transport, Expected(None)).by_another
    with pytest.raises(ConcurrentWrite):
        put(Scripted(CONFLICT, looked(OTHER_MD5)), Expected(None))


@pytest.mark.parametrize(
    "expected, answers, by_another",
    [
        (Expected(None), [stored()], False),
        (Expected(None), [UNMET, looked()], True),
        (Expected(None), [LOST, looked()], False),  # it may have been this run's
        (Expected(None), [LOST, NOT_THERE, UNMET, looked()], False),
        (Expected(7), [was_there(), UNMET, looked()], True),
        (Expected(7), [was_there(), LOST, was_there(), UNMET, was_there(), UNMET, looked()], False),
        (Expected(7), [looked()], True),  # put since this run has listed the bucket
        (
            Expected(len(BYTES)),
            [looked(), UNMET, put_again()],
            True,
        ),
    ],
)
def test_whether_another_has_stored_these_bytes_is_told(
    expected: Expected, answers: list[Any], by_another: bool
) -> None:
    transport = Scripted(*answers)
    assert send(transport, expected).by_another is by_another
    assert transport.answers == []


def test_a_server_that_knows_no_put_at_all_is_given_up() -> None:
    answers = [error_answer("NotImplemented", 501)] + [
        error_answer("NotImplemented", 501),
        NOT_THERE,
    ] * ATTEMPTS
    with pytest.raises(BucketUnreachable, match="it answered NotImplemented"):
        put(Scripted(*answers), Expected(None))


def test_an_error_of_the_file_is_told_as_it_is_and_not_as_one_of_the_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(body, "HELD_AT_MOST", 0)  # it is read twice, as a large one

    class Failing(io.BytesIO):
        name = "/data/bin.roi"
        reads = 0

        def read(self, *amount: Any) -> bytes:
            self.reads += 1
            if self.reads > 2:  # summed, with one read more for the end
                raise OSError(5, "Input/output error")
            return super().read(*amount)

    class Wrapping(Scripted):
        def send(self, request: Request) -> Answer:
            try:
                return super().send(request)
            except LocalFileProblem:
                raise PassingError("the connection broke", unsure=True) from None

    transport = Wrapping(stored())
    with pytest.raises(LocalFileProblem, match="Input/output error"):
        bucket_of(transport).put(KEY, Failing(BYTES), len(BYTES))
    assert transport.kinds == ["put"]


@pytest.mark.parametrize(
    "of_puts, md5",
    [([MD5], OTHER_MD5), ([OTHER_MD5], None), ([MD5, OTHER_MD5], OTHER_MD5), ([""], OTHER_MD5)],
)
def test_whether_etags_are_md5s_is_learnt_from_the_answers_to_puts(
    of_puts: list[str], md5: str | None
) -> None:
    for order in (of_puts, of_puts[::-1]):
        bucket = bucket_of(Scripted(*map(stored, order), looked(OTHER_MD5)))
        for _ in order:
            bucket.put(KEY, io.BytesIO(BYTES), len(BYTES))
        head = bucket.head(KEY)
        assert head is not None and head.md5 == md5


def test_the_pace_is_told_of_every_block_that_is_sent_and_of_none_that_is_summed() -> None:
    sizes: list[int] = []
    put(Scripted(stored()), pace=sizes.append)
    assert sizes == [len(BYTES)]


# --- one request, tried until it is answered


def test_every_try_is_counted_and_only_good_answers_are_told() -> None:
    bucket = bucket_of(Scripted(BUSY, looked(), NOT_THERE, listed(), stored()))
    answers: list[None] = []
    bucket.answered = lambda: answers.append(None)
    bucket.head(KEY)
    bucket.head(KEY)
    bucket.folders("p/")
    bucket.put(KEY, io.BytesIO(BYTES), len(BYTES))
    assert bucket.requests == Requests(list=1, head=3, put=1, get=0) and len(answers) == 3


def test_what_may_pass_is_tried_so_often_and_then_told() -> None:
    clock, transport = Stopped(), Scripted(*[BUSY] * ATTEMPTS)
    with pytest.raises(BucketUnreachable, match=r"could not be reached: it answered SlowDown \(HTTP 503\)"):
        bucket_of(transport, clock).head(KEY)
    assert len(transport.asked) == ATTEMPTS and len(clock.pauses) == ATTEMPTS - 1


def test_nothing_is_tried_again_from_the_moment_on_at_which_the_run_should_have_ended() -> None:
    for moment, tries in ((1000.0, 1), (1000.5, 2)):
        clock, transport = Stopped(), Scripted(BUSY, looked())
        bucket = bucket_of(transport, clock)
        bucket.retry_until = moment
        if tries == 1:
            with pytest.raises(BucketUnreachable):
                bucket.head(KEY)
        else:
            bucket.head(KEY)
        assert len(transport.asked) == tries


def test_nothing_is_asked_once_the_run_was_told_to_end() -> None:
    cancelled, transport = threading.Event(), Scripted()
    cancelled.set()
    with pytest.raises(Interrupted) as error:
        bucket_of(transport, cancelled=cancelled).head(KEY)
    assert error.value.exit_code == 130 and transport.asked == []


def test_a_refusal_ends_the_run_and_names_the_bucket() -> None:
    with pytest.raises(
        BucketRefused, match=r"^The bucket ifcb-data-sharer\.files at http://127\.0\.0\.1:9 refused"
    ):
        bucket_of(Scripted(error_answer("AccessDenied", 403))).folders("p/")
    settings = load(
        None, {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "x", "USER_ACCOUNT": "hablab"}
    )
    of_aws = Bucket(settings, Stopped(), Scripted(error_answer("AccessDenied", 403)))
    with pytest.raises(BucketRefused, match=r"^The bucket ifcb-data-sharer\.files at AWS us-east-1 refused"):
        of_aws.folders("p/")
    with pytest.raises(BucketRefused, match="cannot be asked: no such region.*AWS_REGION"):
        bucket_of(Scripted(CannotAsk("no such region"))).folders("p/")
    with pytest.raises(PutRefused, match="EntityTooLarge"):
        put(Scripted(error_answer("EntityTooLarge", 400)))


def test_the_time_is_learnt_from_good_answers_and_from_errors_of_s3() -> None:
    for answer, known in (
        (looked(date=MODIFIED), True),
        (ErrorAnswer(403, {"date": MODIFIED}, "AccessDenied", ""), True),
        (ErrorAnswer(403, {"date": MODIFIED}, "", ""), False),
    ):
        bucket = bucket_of(Scripted(answer))
        with contextlib.suppress(PutRefused, BucketRefused):
            bucket.head(KEY)
        assert bucket.server_clock.known is known
