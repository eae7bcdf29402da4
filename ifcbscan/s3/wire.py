"""One signed request to the bucket over HTTP, made of parts that botocore brings: its signer, its request, its HTTP session.

No client of botocore's is made: no model of the service is read, and none of its settings, profiles or AWS_* variables
counts. Nothing is tried again here, no redirect is followed, and nothing is said about what an error means for a run.
"""

from __future__ import annotations

import os
import socket
import threading
from types import SimpleNamespace
from typing import Any, Iterator, Mapping, NamedTuple

from ifcbscan import __version__
from ifcbscan.config import Config
from ifcbscan.errors import ConfigError
from ifcbscan.s3.address import address_of, url_of
from ifcbscan.s3.body import BLOCK
from ifcbscan.s3.list_page import NotAListing, error_of, parse_page
from ifcbscan.s3.transport import Answer, ErrorAnswer, Operation, PassingError, Request, Transport
from ifcbscan.s3.troubles import NO_S3, translated

_METHODS = {Operation.LIST: "GET", Operation.HEAD: "HEAD", Operation.GET: "GET", Operation.PUT: "PUT"}

#: S3 names the bucket's region in whatever it answers to a request that was signed for another one.
_REGION = "x-amz-bucket-region"

#: Without this the second packet of a small file waits 40 ms for the acknowledgement of the first.
_SOCKET_OPTIONS = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]

#: Content-MD5 guards the bytes of a file, so signing them would only read them once more.
_SIGN_NO_BODY = SimpleNamespace(s3={"payload_signing_enabled": False})

#: How long an answer may take from its request's last byte to its own, in seconds. An answer that makes progress may take
#: longer, up to a ceiling (answers.py); one that comes byte by byte may not.
LONGEST_ANSWER = 300.0


class Timeouts(NamedTuple):
    """Seconds without any answer after which a request has failed; `answer`: seconds for an answer as a whole.

    `read` is long, because a ship's link may need minutes to drain what the system has buffered of an upload.
    """

    connect: float = 15.0
    read: float = 90.0
    answer: float = LONGEST_ANSWER


USUAL_TIMEOUTS = Timeouts()


class _Key(NamedTuple):
    """What a signature is made with; the names are those that botocore's signer asks for."""

    access_key: str
    secret_key: str
    token: str | None


class Wire(Transport):
    """Sends requests to the bucket of the settings. botocore is loaded with the first one: many commands send none."""

    def __init__(self, config: Config, connections: int = 4, timeouts: Timeouts = USUAL_TIMEOUTS) -> None:
        """`connections`: how many requests may be under way at once without one of them opening a connection of its own."""
        self._config = config
        self._connections = connections
        self._timeouts = timeouts
        self._key = _Key(config.access_key_id, config.secret_access_key, config.session_token)
        self._address = ""
        self._session: Any = None
        self._lock = threading.Lock()

    def send(self, request: Request) -> Answer:
        """As in Transport. Raises also ConfigError, if REQUESTS_CA_BUNDLE names a file that is not there."""
        with translated():
            session = self._opened()
            said = session.send(self._signed(request))
            headers = {name.lower(): value for name, value in said.headers.items()}
            if said.status_code >= 300:
                # An answer to HEAD has no body, whatever its headers say of one.
                body = b"" if request.operation is Operation.HEAD else said.content
                raise _error(said.status_code, headers, body, self._config.region)
            if request.operation is Operation.GET:
                return Answer(headers, blocks=_blocks(said.raw, headers))
        if request.operation is not Operation.LIST:
            return Answer(headers)
        try:
            return Answer(headers, page=parse_page(said.content))
        except NotAListing as error:
            # For instance a web page from a harbour's network.
            raise PassingError(f"{NO_S3} (no listing but {error})", unsure=True) from None

    def _opened(self) -> Any:
        with self._lock:
            if self._session is None:
                self._address = address_of(self._config)
                self._session = _session(self._config, self._address, self._connections, self._timeouts)
            return self._session

    def _signed(self, request: Request) -> Any:
        """A request of botocore's, ready to be sent: with time and signature."""
        from botocore.auth import S3SigV4Auth
        from botocore.awsrequest import AWSRequest

        query = request.query
        if request.operation is Operation.LIST:
            # Version 2 of it, with keys written so that XML can hold any.
            query = {"list-type": "2", **query, "encoding-type": "url"}
        made = AWSRequest(
            method=_METHODS[request.operation],
            url=url_of(self._address, request.key, query),
            headers={"User-Agent": f"ifcbscan/{__version__}", **request.headers},
            data=request.body,
            stream_output=request.operation is Operation.GET,
        )
        made.context["client_config"] = _SIGN_NO_BODY
        S3SigV4Auth(self._key, "s3", self._config.region).add_auth(made)
        return made.prepare()


def _session(config: Config, address: str, connections: int, timeouts: Timeouts) -> Any:
    """What keeps the connections open, checks certificates and knows the proxies of the environment."""
    from botocore.httpsession import URLLib3Session
    from botocore.utils import get_environ_proxies

    from ifcbscan.s3.answers import Bounds, bound

    session = URLLib3Session(
        verify=_certificates(config.ca_bundle),
        proxies=get_environ_proxies(address),
        timeout=(timeouts.connect, timeouts.read),
        max_pool_connections=connections,
        socket_options=_SOCKET_OPTIONS,
    )
    bound(session, Bounds(timeouts.answer))
    return session


def _error(status: int, headers: Mapping[str, str], body: bytes, region: str) -> Exception:
    """What to raise for an answer that is none to the question."""
    found = error_of(body)
    if not found.code and headers.get(_REGION, region) != region:
        # Said by a header alone, as in an answer to HEAD.
        return ErrorAnswer(status, headers, "PermanentRedirect", "")
    if status < 400 and not found.code:
        return PassingError(f"{NO_S3} (a redirect to elsewhere)", unsure=True)
    return ErrorAnswer(status, headers, found.code, found.message)


def _blocks(raw: Any, headers: Mapping[str, str]) -> Iterator[bytes]:
    """The content of an object, block by block; it must be as long as the headers say."""
    from botocore.response import StreamingBody

    body = StreamingBody(raw, headers.get("content-length"))
    with translated():
        yield from iter(lambda: body.read(BLOCK), b"")


def _certificates(named: str | None) -> str | bool:
    """The certificates to trust: the file that AWS_CA_BUNDLE or REQUESTS_CA_BUNDLE names, else those of botocore.

    `named`: AWS_CA_BUNDLE, which is a setting.
    """
    if named is not None:
        return named
    path = os.environ.get("REQUESTS_CA_BUNDLE", "").strip()
    if path and not os.path.exists(path):
        raise ConfigError(
            f"REQUESTS_CA_BUNDLE in the environment names {path} as the certificates to trust, which does not exist. "
            "Nothing was sent. Correct it, or take it out of the environment."
        )
    return path or True
