"""Why a secure connection did not come about, in words that say what to do.

Pure: reads an exception of `ssl`, urllib3 or botocore and its causes, by their attributes, and loads none of these. Without
this the reason gets lost on its way through three libraries, or stands beside an address that nobody needs to read twice.
"""

from __future__ import annotations

import re
from typing import Iterator

from ifcbscan.core.printable import brief

# What OpenSSL calls the reasons (x509_vfy.h, X509_V_ERR_...).
_NOT_YET_VALID = 9
_EXPIRED = 10
_WRONG_NAME = (62, 64)  # for a host name, for an IP address
_NOBODY_TRUSTED = (2, 18, 19, 20, 21, 27)

# `reason` of an SSLError where something else than TLS has answered; which of them depends on OpenSSL's version.
_NO_TLS = ("WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG")

_NO_CERTIFICATES_IN_WORDS = re.compile(r"no.certificate.or.crl.found")
_NO_CERTIFICATES = ("NO_CERTIFICATE_OR_CRL_FOUND", "NO_CERTIFICATE_FOUND")

_PLACE_IN_C = re.compile(r" \(_ssl\.c:\d+\)")


def why_no_secure_connection(error: BaseException, address: str, trusted: str) -> str:
    """The reason, and what to do; no full stop at its end.

    `address` is the setting with the server's address, `trusted` that with the file of the certificates to trust, as they
    are called in a message.
    """
    for cause in _causes(error):
        found = _known(cause, address, trusted)
        if found:
            return found
    return _own_words(error)


def _known(error: BaseException, address: str, trusted: str) -> str:
    """The words for `error` itself; empty if it is none of those that are known."""
    code = getattr(error, "verify_code", None)
    reason = getattr(error, "reason", None)
    if code == _EXPIRED:
        return (
            "the server's certificate has expired, or this computer's clock is ahead. Check the clock (UTC); if it is right, "
            "the people who run the server must renew the certificate"
        )
    if code == _NOT_YET_VALID:
        return (
            "the server's certificate is not valid yet, or this computer's clock is behind. Check the clock (UTC); if it is "
            "right, tell the people who run the server"
        )
    # urllib3 1 compares the names by itself, and has no code for it.
    if code in _WRONG_NAME or (code is None and "doesn't match" in str(error)):
        return (
            f"the server's certificate is for another name ({_own_words(error)}). Check {address}; if it is right, something "
            "on the way answers in the server's place"
        )
    if code in _NOBODY_TRUSTED:
        return (
            f"the server's certificate is signed by nobody whom this computer trusts ({_own_words(error)}). For a server of "
            f"your own, or behind a proxy that opens HTTPS, name the file with the right certificate as {trusted}; else "
            "something on the way answers in the server's place"
        )
    if reason in _NO_TLS:
        return f"what answers there speaks no TLS: another kind of server, or a log-in page of the network. Check {address}"
    # Python 3.7 gives no reason beside its text.
    if reason in _NO_CERTIFICATES or _NO_CERTIFICATES_IN_WORDS.search(str(error)):
        return f"the file with the certificates to trust holds none in PEM form. Check {trusted}"
    return ""


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """`error` and what has caused it, the outermost first. (botocore wraps urllib3's errors, which wrap those of ssl.)"""
    for _ in range(20):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__


def _own_words(error: BaseException) -> str:
    """What the innermost cause says of itself, without the place in Python's source."""
    *_, innermost = _causes(error)
    said = getattr(innermost, "verify_message", None) or _inner_text(innermost)
    return brief(_PLACE_IN_C.sub("", said)).rstrip(". ")


def _inner_text(error: BaseException) -> str:
    # botocore's text begins with the address and the query; what it is about is beside it.
    return str(getattr(error, "kwargs", {}).get("error") or error)
