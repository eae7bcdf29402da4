"""Why no usable answer has come: what botocore and urllib3 raise, as the errors of transport.py, with words for them."""

from __future__ import annotations

import contextlib
import re
from typing import Any, Iterator

from ifcbscan.core.printable import brief
from ifcbscan.s3.transport import CannotAsk, PassingError

NO_S3 = "something that is no S3 server answered"

# What botocore's errors say besides: the message that they become a part of has named the server.
_ADDRESS = re.compile(r' (?:on|from) endpoint URL: "[^"]*"\.?')


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Raises PassingError and CannotAsk for what the HTTP session raises, and for what the reading of an object raises."""
    import botocore.exceptions as boto

    try:
        yield
    except boto.ProxyConnectionError as error:
        raise PassingError(f"the proxy does not answer ({brief(error)})", unsure=False) from None
    except boto.SSLError as error:
        from ifcbscan.core.tls import why_no_secure_connection

        why = why_no_secure_connection(error, "S3_ENDPOINT_URL", "AWS_CA_BUNDLE in the .env file")
        raise PassingError(f"no secure connection: {why}", unsure=False) from None
    except (boto.EndpointConnectionError, boto.ConnectTimeoutError) as error:
        raise PassingError(f"no connection ({_cause(error)})", unsure=False) from None
    except (
        boto.HTTPClientError,
        boto.ResponseStreamingError,
        boto.IncompleteReadError,
        boto.ConnectionError,
    ) as error:
        raise PassingError(_trouble(error), unsure=True) from None
    except boto.BotoCoreError as error:
        raise CannotAsk(str(error)) from None


def _cause(error: Any) -> str:
    """What the system said of a connection that did not come about: `[Errno 111] Connection refused`."""
    said = str(error.kwargs.get("error") or error)
    cause = said.rpartition(": ")[2].rstrip(")'\"")
    return brief(cause + ")" * (cause.count("(") - cause.count(")")))


def _trouble(error: Any) -> str:
    """What is told of a request that failed on its way."""
    from ifcbscan.s3.answers import find_trouble

    trouble = find_trouble(error)
    if trouble is None and isinstance(error.kwargs.get("error"), ValueError):
        # Its text may hold a part of the address, and that a password; S3_ENDPOINT_URL has been checked.
        trouble = "a proxy's address cannot be used; check http_proxy and https_proxy in the environment"
    return trouble or brief(_ADDRESS.sub("", str(error)))
