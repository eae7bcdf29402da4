"""The way to the bucket over HTTP: botocore's client, made to go by the `.env` file alone and to do nothing that a
run does not need.

It tries nothing again (botocore's own retries are off) and does not say what an error means for a run. Its helpers,
lean_parser.py and answers.py, change how botocore reads an answer.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from typing import Any, Iterator, NamedTuple

from ifcbscan.config import Config
from ifcbscan.core.bins import server_text
from ifcbscan.core.printable import brief
from ifcbscan.core.remote_index import ListedObject
from ifcbscan.errors import ConfigError
from ifcbscan.s3.body import BLOCK
from ifcbscan.s3.lean_parser import PAGE, install, refuse_other_xml, spare_second_reading
from ifcbscan.s3.list_page import ListPage
from ifcbscan.s3.transport import (
    CONDITIONS,
    Answer,
    CannotAsk,
    ErrorAnswer,
    Operation,
    PassingError,
    Request,
    Transport,
)

# Argument of a PUT: the header (name, value) with its condition. Older versions of botocore have no parameter for it.
_CONDITION = "IfcbscanCondition"

# What botocore calls the operations, and the parts of a request.
_METHODS = {
    Operation.LIST: "list_objects_v2",
    Operation.HEAD: "head_object",
    Operation.GET: "get_object",
    Operation.PUT: "put_object",
}
_PARAMETERS = {
    "prefix": "Prefix",
    "delimiter": "Delimiter",
    "start-after": "StartAfter",
    "continuation-token": "ContinuationToken",
    "max-keys": "MaxKeys",
    "Content-Length": "ContentLength",
    "Content-MD5": "ContentMD5",
}
_NUMBERS = ("max-keys", "Content-Length")

# What botocore's errors say besides: the message that they become a part of has named the server.
_ADDRESS = re.compile(r' (?:on|from) endpoint URL: "[^"]*"\.?')

_NO_S3 = "something that is no S3 server answered"

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


class S3Client(Transport):
    """Sends requests with botocore, which is imported and set up with the first one: most runs send none or one."""

    def __init__(self, config: Config, connections: int = 4, timeouts: Timeouts = USUAL_TIMEOUTS) -> None:
        """`connections`: how many requests may be under way at once."""
        self._config = config
        self._connections = connections
        self._timeouts = timeouts
        self._made: Any | None = None
        self._lock = threading.Lock()

    def send(self, request: Request) -> Answer:
        """As in Transport. Raises also ConfigError, if REQUESTS_CA_BUNDLE names a file that is not there."""
        method = getattr(self._client(), _METHODS[request.operation])
        arguments = {"Bucket": self._config.bucket, **_arguments(request)}
        with _translated_errors():
            said = method(**arguments)
            return _answer(said)

    def _client(self) -> Any:
        with self._lock:
            if self._made is None:
                try:
                    self._made = make_client(self._config, self._connections, self._timeouts)
                except ValueError as error:
                    raise CannotAsk(str(error)) from None
            return self._made


def _arguments(request: Request) -> dict[str, Any]:
    """A request as botocore takes it."""
    found: dict[str, Any] = {"Key": request.key} if request.key else {}
    for name, value in {**request.query, **request.headers}.items():
        if name in CONDITIONS:
            found[_CONDITION] = (name, value)
        else:
            found[_PARAMETERS[name]] = int(value) if name in _NUMBERS else value
    if request.body is not None:
        found["Body"] = request.body
    return found


def _answer(said: dict[str, Any]) -> Answer:
    """A good answer, of what botocore has made of it."""
    headers = said.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    if PAGE in said:
        return Answer(headers, page=said[PAGE])
    if "IsTruncated" in said:
        return Answer(headers, page=_plain_page(said))
    return Answer(headers, blocks=_blocks(said["Body"]) if "Body" in said else ())


def _plain_page(said: dict[str, Any]) -> ListPage:
    # What botocore makes of a page where it did not let the lean parser have its way.
    objects = [
        ListedObject(
            item["Key"],
            item["Size"],
            server_text(item["LastModified"].timestamp()),
            item.get("ETag", "").strip('"'),
        )
        for item in said.get("Contents", ())
    ]
    folders = [item["Prefix"] for item in said.get("CommonPrefixes", ())]
    return ListPage(objects, folders, said["IsTruncated"], said.get("NextContinuationToken"))


def _blocks(body: Any) -> Iterator[bytes]:
    with _translated_errors():
        yield from iter(lambda: body.read(BLOCK), b"")


@contextlib.contextmanager
def _translated_errors() -> Iterator[None]:
    """botocore's exceptions as those of transport.py."""
    import botocore.exceptions as boto
    import botocore.parsers

    try:
        yield
    except boto.ClientError as error:
        raise _error_answer(error.response) from None
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
    except botocore.parsers.ResponseParserError as error:
        # For instance a web page from a harbour's network where XML was expected.
        raise PassingError(f"{_NO_S3} ({brief(error)})", unsure=True) from None
    except boto.BotoCoreError as error:
        raise CannotAsk(str(error)) from None
    except (RecursionError, TypeError, KeyError, ValueError) as error:
        # What botocore reads of an answer outside of its parsers (there it is lean_parser that catches this).
        raise PassingError(f"{_NO_S3} ({type(error).__name__})", unsure=True) from None


def _error_answer(response: dict[str, Any]) -> ErrorAnswer:
    said, metadata = response.get("Error", {}), response.get("ResponseMetadata", {})
    # For an answer without a code of S3's botocore makes one up, of the HTTP status.
    code = str(said.get("Code") or "")
    return ErrorAnswer(
        metadata.get("HTTPStatusCode", 0),
        metadata.get("HTTPHeaders", {}),
        code if code[:1].isalpha() else "",
        str(said.get("Message") or ""),
    )


def _cause(error: Any) -> str:
    """What the system said of a connection that did not come about: `[Errno 111] Connection refused`."""
    said = str(error.kwargs.get("error") or error)
    return brief(said.rpartition(": ")[2].rstrip(")'\""))


def _trouble(error: Any) -> str:
    """What is told of a request that failed on its way."""
    from ifcbscan.s3.answers import find_trouble

    trouble = find_trouble(error)
    if trouble is None and isinstance(error.kwargs.get("error"), ValueError):
        # Its text may hold a part of the address, and that a password; S3_ENDPOINT_URL has been checked.
        trouble = "a proxy's address cannot be used; check http_proxy and https_proxy in the environment"
    return trouble or brief(_ADDRESS.sub("", str(error)))


def make_client(config: Config, connections: int, timeouts: Timeouts) -> Any:
    """A client for at most so many `connections` at once.

    Raises ConfigError, and what botocore raises for a region or an address that is no valid one (ValueError).
    """
    # The session under boto3, by itself: the layers above it (resources, transfers) are a sixth of the CPU
    # time of a run that has nothing to send, and unlike them it warns of no old Python on stderr.
    import botocore.config

    from ifcbscan.s3.answers import Bounds, bound

    session = _session()
    session.register_component("data_loader", _loader())
    lean = install(session)
    settings: dict[str, Any] = {
        "signature_version": "s3v4",
        # Dots in the bucket's name do not go with TLS host names. Content-MD5 guards the bytes, so
        # signing them would only read them once more.
        "s3": {"addressing_style": "path", "payload_signing_enabled": False},
        "retries": {"total_max_attempts": 1},
        "connect_timeout": timeouts.connect,
        "read_timeout": timeouts.read,
        "max_pool_connections": connections,
    }
    newer: dict[str, Any] = {
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
    }
    try:
        client_config = botocore.config.Config(**settings, **newer)
    except TypeError:  # botocore before 1.36: does by itself what `newer` asks for
        client_config = botocore.config.Config(**settings)
    client = session.create_client(
        "s3",
        aws_access_key_id=config.access_key_id,
        aws_secret_access_key=config.secret_access_key,
        aws_session_token=config.session_token,
        region_name=config.region,
        endpoint_url=config.endpoint_url,
        config=client_config,
        verify=_certificates(config.ca_bundle),
    )
    endpoint = getattr(client, "_endpoint", None)
    bound(getattr(endpoint, "http_session", None), Bounds(timeouts.answer))
    if lean is not None:
        spare_second_reading(client, lean)
    refuse_other_xml(client)
    client.meta.events.register("before-parameter-build.s3.PutObject", _keep_condition)
    # botocore adds "Expect" in a handler of "before-call.s3", and calls those after the more specific ones.
    client.meta.events.register_last("before-call.s3", _complete_headers)
    return client


def _loader() -> Any:
    """Reads botocore's description of S3 without first looking through the folders of 400 other services.

    Relied on, both public: the component `data_loader` and `Loader.list_available_services`. If botocore no
    longer asks them, it looks again, and nothing worse.
    """
    import botocore.loaders

    class OnlyS3(botocore.loaders.Loader):  # type: ignore[misc]
        def list_available_services(self, type_name: str) -> list[str]:
            return ["s3"]

    return OnlyS3()


def _session() -> Any:
    """A session of botocore for which only the `.env` file counts: no profile, no ~/.aws, no setting of somebody else's.

    botocore reads two dozen AWS_* variables while it makes a client (retries, FIPS and dual-stack hosts, ...). None of them
    is meant for this program. They stay where they are, because the environment belongs to all threads: botocore is told
    of no variable's name instead. Relied on, all public: `Session.SESSION_VARIABLES`, the parameter `session_vars`, the
    component `config_store`.
    """
    import botocore.session

    # (name in the configuration file, variables, default, conversion)
    variables = botocore.session.Session.SESSION_VARIABLES
    unnamed = {name: (setting[0], None, *setting[2:]) for name, setting in variables.items()}
    session = botocore.session.Session(session_vars=unnamed)
    # Variables of two sections are not among those, nor are AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_S3.
    for section in ("s3", "proxies_config"):
        session.get_component("config_store").set_config_variable(section, None)
    session.set_config_variable("ignore_configured_endpoint_urls", True)
    for name in ("config_file", "credentials_file"):
        session.set_config_variable(name, os.devnull)
    return session


def _certificates(named: str | None) -> str | bool:
    """The certificates to trust: the file that AWS_CA_BUNDLE or REQUESTS_CA_BUNDLE names, else those of botocore.

    `named`: AWS_CA_BUNDLE, which is a setting. Left to botocore, one that is set and empty would turn the checking off, or
    end the run.
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


def _keep_condition(params: dict[str, Any], context: dict[str, Any], **_others: Any) -> None:
    context[_CONDITION] = params.pop(_CONDITION, None)


def _complete_headers(params: dict[str, Any], context: dict[str, Any], **_others: Any) -> None:
    if context.get(_CONDITION) is not None:
        name, value = context[_CONDITION]
        params["headers"][name] = value
    # "Expect: 100-continue" costs one more way to the bucket and back for every file, and all it could
    # spare is the sending of a body that is then refused, which ends the run anyway.
    params["headers"].pop("Expect", None)
