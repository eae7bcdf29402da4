"""The words for errors of other versions of the libraries; those of this one are in integration/core/test_tls.py."""

from __future__ import annotations

from typing import Any

import pytest

from ifcbscan.core.tls import why_no_secure_connection


class Said(Exception):
    """An error as `ssl` makes it."""

    def __init__(self, text: str, **attributes: Any) -> None:
        super().__init__(text)
        vars(self).update(attributes)


def words(error: BaseException) -> str:
    return why_no_secure_connection(error, "S3_ENDPOINT_URL", "AWS_CA_BUNDLE in the .env file")


def wrapped(cause: Exception) -> Exception:
    """As a library raises its own error while it handles `cause`."""
    try:
        try:
            raise cause
        except Exception:
            raise OSError("SSL validation failed for https://host/bucket?list-type=2")  # noqa: B904
    except OSError as error:
        return error


@pytest.mark.parametrize("code", [2, 18, 19, 20, 21, 27])
def test_whoever_has_signed_it_is_not_trusted(code: int) -> None:
    said = words(wrapped(Said("x (_ssl.c:1)", verify_code=code, verify_message="self signed certificate")))
    assert said.startswith(
        "the server's certificate is signed by nobody whom this computer trusts (self signed"
    )
    assert "AWS_CA_BUNDLE in the .env file" in said and "clock" not in said and "https://" not in said


@pytest.mark.parametrize(
    ("code", "state", "clock"), [(10, "has expired", "ahead"), (9, "is not valid yet", "behind")]
)
def test_only_the_dates_of_a_certificate_speak_of_the_clock(code: int, state: str, clock: str) -> None:
    said = words(wrapped(Said("x", verify_code=code, verify_message="dates")))
    assert said.startswith(f"the server's certificate {state}, or this computer's clock is {clock}")


@pytest.mark.parametrize(
    "error",
    [
        Said("x", verify_code=62, verify_message="Hostname mismatch, certificate is not valid for 'b'."),
        Said("x", verify_code=64, verify_message="IP address mismatch, certificate is not valid for 'b'."),
        Said("hostname 'b' doesn't match 'a'"),  # urllib3 1
    ],
)
def test_a_certificate_for_another_name_says_which(error: Exception) -> None:
    said = words(wrapped(error))
    assert said.startswith("the server's certificate is for another name (") and "'b'" in said
    assert "Check S3_ENDPOINT_URL" in said and ".)" not in said and "clock" not in said


@pytest.mark.parametrize(
    "reason", ["WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"]
)
def test_what_is_no_tls_is_called_so(reason: str) -> None:
    assert words(wrapped(Said("x", reason=reason))).startswith("what answers there speaks no TLS")


@pytest.mark.parametrize("reason", ["NO_CERTIFICATE_OR_CRL_FOUND", "NO_CERTIFICATE_FOUND"])
def test_a_file_without_certificates_is_called_so(reason: str) -> None:
    assert words(wrapped(Said("x", reason=reason))) == (
        "the file with the certificates to trust holds none in PEM form. Check AWS_CA_BUNDLE in the .env file"
    )


def test_any_other_reason_is_said_as_it_is_without_the_address_and_without_blaming_the_clock() -> None:
    cause = Said("[SSL: TLSV1_ALERT_PROTOCOL_VERSION] tlsv1 alert protocol version (_ssl.c:1007)", reason="X")
    assert words(wrapped(cause)) == "[SSL: TLSV1_ALERT_PROTOCOL_VERSION] tlsv1 alert protocol version"


def test_errors_that_name_each_other_as_their_cause_do_not_hold_it_up() -> None:
    one, other = Said("one"), Said("other")
    one.__cause__, other.__cause__ = other, one
    assert words(one) in ("one", "other")


@pytest.mark.parametrize("attributes", [{"reason": "NO_CERTIFICATE_OR_CRL_FOUND"}, {}])
def test_a_file_without_certificates_is_known_by_its_words_too(attributes: dict[str, str]) -> None:
    said = words(wrapped(Said("[X509] no certificate or crl found (_ssl.c:4015)", **attributes)))
    assert said == (
        "the file with the certificates to trust holds none in PEM form. Check AWS_CA_BUNDLE in the .env file"
    )
