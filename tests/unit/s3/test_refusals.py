"""What an error answer of the bucket means, by a table. That it is so on the wire is shown in integration/s3."""

from __future__ import annotations

import pytest

from ifcbscan.s3.refusals import Judgement, Meaning, Names, judge
from ifcbscan.s3.transport import ErrorAnswer, Operation

LIST, HEAD, GET, PUT = Operation.LIST, Operation.HEAD, Operation.GET, Operation.PUT
EVERY = (LIST, HEAD, GET, PUT)


def judgement(
    operation: Operation, status: int, code: str, message: str = "told to", ahead: float | None = None
) -> Judgement:
    return judge(operation, ErrorAnswer(status, {}, code, message), Names("the.bucket", "hablab"), ahead)


@pytest.mark.parametrize(
    ("operations", "status", "code", "meaning"),
    [
        ((HEAD,), 404, "", Meaning.NO_SUCH_OBJECT),
        ((GET,), 404, "NoSuchKey", Meaning.NO_SUCH_OBJECT),
        ((GET,), 404, "", Meaning.LOOK_REFUSED),
        ((GET, LIST, PUT), 404, "NoSuchBucket", Meaning.REFUSED),
        ((PUT,), 412, "PreconditionFailed", Meaning.NOT_AS_EXPECTED),
        ((PUT,), 404, "NoSuchKey", Meaning.OBJECT_REFUSED),
        ((PUT,), 501, "NotImplemented", Meaning.NO_CONDITIONS),
        ((LIST, HEAD, GET), 501, "NotImplemented", Meaning.PASSING),
        (EVERY, 500, "InternalError", Meaning.PASSING),
        (EVERY, 503, "", Meaning.PASSING),
        (EVERY, 400, "RequestTimeout", Meaning.PASSING),
        (EVERY, 429, "", Meaning.PASSING),
        (EVERY, 307, "", Meaning.PASSING),
        (EVERY, 301, "PermanentRedirect", Meaning.REFUSED),
        (EVERY, 403, "AccessDenied", Meaning.REFUSED),
        (EVERY, 403, "SomethingNew", Meaning.REFUSED),
        (EVERY, 407, "", Meaning.REFUSED),
        ((LIST,), 403, "", Meaning.REFUSED),
        ((HEAD, GET), 403, "", Meaning.LOOK_REFUSED),
        ((PUT,), 403, "", Meaning.OBJECT_REFUSED),
        ((PUT,), 400, "EntityTooLarge", Meaning.OBJECT_REFUSED),
        ((LIST, HEAD, GET), 400, "EntityTooLarge", Meaning.REFUSED),
    ],
)
def test_an_error_means_the_same_every_time(
    operations: tuple[Operation, ...], status: int, code: str, meaning: Meaning
) -> None:
    for operation in operations:
        assert judgement(operation, status, code).meaning is meaning, operation


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "BadDigest"),
        (409, "ConditionalRequestConflict"),
        (400, "IncompleteBody"),
        (400, "InternalError"),
        (409, "OperationAborted"),
        (400, "RequestTimeout"),
        (400, "ServiceUnavailable"),
        (400, "SlowDown"),
        (400, "Throttling"),
        (400, "ThrottlingException"),
        (400, "TooManyRequests"),
        (408, ""),
        (425, ""),
        (429, ""),
        (500, ""),
    ],
)
def test_what_a_second_try_may_change_is_passing_whatever_was_asked(status: int, code: str) -> None:
    for operation in EVERY:
        assert judgement(operation, status, code).meaning is Meaning.PASSING, operation


@pytest.mark.parametrize(
    ("status", "code", "unsure"),
    [(500, "InternalError", True), (400, "BadDigest", True), (400, "SlowDown", False), (429, "", False)],
)
def test_only_some_errors_leave_open_whether_the_request_took_effect(
    status: int, code: str, unsure: bool
) -> None:
    assert judgement(PUT, status, code).unsure is unsure


def test_the_words_say_the_code_the_status_and_what_to_do() -> None:
    assert judgement(LIST, 403, "AccessDenied").text == (
        "AccessDenied (HTTP 403): the key in the .env file has no right to do this under hablab/ in the.bucket. Check "
        "USER_ACCOUNT, and that the key belongs to it"
    )
    assert judgement(LIST, 403, "").text.startswith("HTTP 403: without a reason of S3's. A web filter")
    assert (
        judgement(PUT, 400, "EntityTooLarge").text == "the bucket answered EntityTooLarge (HTTP 400): told to"
    )


@pytest.mark.parametrize("message", ["", "  ", "."])
def test_an_error_without_a_text_of_the_servers_still_reads_well(message: str) -> None:
    rest = "with no more words than that. Ask the people who run the archive what it stands for"
    said = f"EntityTooLarge (HTTP 400), {rest}"
    assert judgement(PUT, 400, "EntityTooLarge", message).text == f"the bucket answered {said}"
    assert judgement(LIST, 400, "EntityTooLarge", message).text == said


def test_the_full_stop_of_the_servers_text_is_not_doubled() -> None:
    assert judgement(LIST, 400, "Odd", "Denied by a policy.").text == "Odd (HTTP 400): Denied by a policy"


def test_a_listing_that_is_taken_for_an_object_points_at_the_address_of_the_server() -> None:
    found = judgement(LIST, 404, "NoSuchKey")
    assert found.meaning is Meaning.REFUSED
    assert found.text.startswith("NoSuchKey (HTTP 404): the server takes the name of the bucket, the.bucket,")
    assert "Check S3_ENDPOINT_URL" in found.text


def test_a_file_that_is_too_large_for_a_proxy_says_whose_limit_it_is_and_what_to_raise() -> None:
    found = judgement(PUT, 413, "")
    assert found.meaning is Meaning.OBJECT_REFUSED
    assert found.text.startswith("it was refused with HTTP 413: a proxy on the way")
    assert "client_max_body_size" in found.text and "largest .roi" in found.text


def test_a_secret_that_does_not_fit_may_also_be_a_proxy_that_changes_the_host() -> None:
    assert "Host header" in judgement(LIST, 403, "SignatureDoesNotMatch").text


@pytest.mark.parametrize("code", ["QuotaExceeded", "UserSuspended"])
def test_what_is_no_matter_of_rights_is_not_called_one(code: str) -> None:
    for operation in (LIST, GET, PUT):
        assert "no right" not in judgement(operation, 403, code, "").text


@pytest.mark.parametrize(
    ("status", "code", "advice"),
    [
        (403, "AccessDenied", "Check USER_ACCOUNT, and that the key belongs to it"),
        (
            403,
            "AllAccessDisabled",
            "access to the.bucket is switched off. Ask the people who run the archive",
        ),
        (400, "AuthorizationHeaderMalformed", "Check AWS_REGION"),
        (301, "PermanentRedirect", "Check AWS_REGION"),
        (400, "ExpiredToken", "Put a fresh AWS_SESSION_TOKEN into the .env file"),
        (400, "InvalidToken", "Check AWS_SESSION_TOKEN in the .env file"),
        (403, "InvalidAccessKeyId", "Check AWS_ACCESS_KEY_ID in the .env file"),
        (403, "SignatureDoesNotMatch", "Check AWS_SECRET_ACCESS_KEY in the .env file"),
        (404, "NoSuchBucket", "Check BUCKET_NAME and S3_ENDPOINT_URL in the .env file"),
        (403, "RequestTimeTooSkewed", "Set it (UTC, ideally by NTP); nothing is lost meanwhile"),
        (403, "RequestExpired", "Set it (UTC, ideally by NTP); nothing is lost meanwhile"),
        (403, "QuotaExceeded", "is used up. Ask the people who run the archive"),
        (403, "UserSuspended", "Ask the people who run the archive"),
    ],
)
def test_what_a_second_try_will_not_change_says_what_to_do(status: int, code: str, advice: str) -> None:
    for operation in (LIST, GET, PUT):
        found = judgement(operation, status, code)
        assert found.meaning is Meaning.REFUSED
        assert found.text.startswith(f"{code} (HTTP {status}): ") and found.text.endswith(advice)


def test_what_the_server_says_is_shown_as_one_plain_line() -> None:
    said = judgement(PUT, 400, "Odd", "{bucket}\n\x1b[1m of https://me:secret@host").text
    assert said == r"the bucket answered Odd (HTTP 400): {bucket} \x1b[1m of https://host"


@pytest.mark.parametrize("operation", EVERY)
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (403, "AccessDenied"),
        (403, "SignatureDoesNotMatch"),
        (403, "InvalidAccessKeyId"),
        (403, "RequestTimeTooSkewed"),
        (403, "RequestExpired"),
        (403, "SomethingNew"),
        (403, ""),
        (401, ""),
        (400, "ExpiredToken"),
        (400, "AuthorizationHeaderMalformed"),
        (400, ""),
    ],
)
@pytest.mark.parametrize(
    ("ahead", "words"),
    [(-1795961109.0, "56 years behind"), (3 * 86400.0, "3 days ahead of"), (1200.0, "20 min ahead of")],
)
def test_a_clock_that_is_far_off_is_told_whatever_the_server_answers(
    operation: Operation, status: int, code: str, ahead: float, words: str
) -> None:
    judged = judgement(operation, status, code, ahead=ahead)
    answered = f"{code} (HTTP {status})" if code else f"HTTP {status}"
    assert judged == Judgement(
        Meaning.REFUSED,
        f"{answered}: this computer's clock is {words} the archive's, which is too much. Set it (UTC, ideally by NTP); nothing "
        "is lost meanwhile",
    )


@pytest.mark.parametrize("ahead", [None, 900.0, -900.0])
def test_a_clock_that_is_nearly_right_or_not_known_is_no_reason(ahead: float | None) -> None:
    for status, code in ((403, "AccessDenied"), (403, ""), (400, "ExpiredToken")):
        assert judgement(LIST, status, code, ahead=ahead) == judgement(LIST, status, code)


def test_what_has_nothing_to_do_with_the_time_of_a_request_is_told_as_what_it_is() -> None:
    for status, code in (
        (404, "NoSuchBucket"),
        (404, ""),
        (500, "InternalError"),
        (400, "EntityTooLarge"),
        (301, "PermanentRedirect"),
    ):
        for operation in EVERY:
            assert judgement(operation, status, code, ahead=-1e9) == judgement(operation, status, code)
