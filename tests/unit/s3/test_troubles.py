"""What is told where no usable answer has come."""

from __future__ import annotations

import botocore.exceptions as boto
import pytest

from ifcbscan.s3.answers import AnswerTooLong
from ifcbscan.s3.transport import CannotAsk, PassingError
from ifcbscan.s3.troubles import translated

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
        (
            boto.EndpointConnectionError(
                error="HTTPConnection(host='h'): Failed to resolve 'h' ([Errno -2] Name or service not known)\")",
                **ADDRESS,
            ),
            r"^no connection \(Failed to resolve 'h' \(\[Errno -2\] Name or service not known\)\)$",
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
        (
            boto.IncompleteReadError(actual_bytes=2, expected_bytes=3),
            "2 read, but total bytes expected is 3",
            True,
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_no_usable_answer_is_an_error_that_may_pass(raised: Exception, text: str, unsure: bool) -> None:
    with pytest.raises(PassingError, match=text) as error, translated():
        raise raised
    assert error.value.unsure is unsure and "secret" not in str(error.value)


def test_an_answer_without_end_is_told_as_what_it_is() -> None:
    wrapped = boto.HTTPClientError(error="wrapped")
    wrapped.__cause__ = AnswerTooLong("its answer did not come to an end within 300 s")
    with pytest.raises(
        PassingError, match="^its answer did not come to an end within 300 s$"
    ) as error, translated():
        raise wrapped
    assert error.value.unsure


def test_what_will_not_be_sent_cannot_be_asked() -> None:
    with pytest.raises(CannotAsk, match="Invalid"), translated():
        raise boto.InvalidProxiesConfigError(error="x")


def test_nothing_is_changed_where_nothing_fails() -> None:
    with translated():
        pass
