"""The S3 client: botocore's, made to go by the `.env` file alone and to do nothing that a run does not need.

Sends nothing itself; `bucket.py` is the one who calls it.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import Any, Iterator

from ifcbscan.config import Config
from ifcbscan.errors import ConfigError
from ifcbscan.s3.list_page import install, refuse_other_xml, spare_second_reading

#: Argument of a PUT: the header (name, value) with its condition. Older versions of botocore have no parameter for it.
CONDITION = "IfcbscanCondition"


#: How long an answer may take from its request's last byte to its own, in seconds. An answer that makes progress may take
#: longer (answers.py); one that comes byte by byte may not.
LONGEST_ANSWER = 300.0


@dataclass(frozen=True)
class Timeouts:
    """Seconds without any answer after which a request has failed; `answer`: seconds for an answer as a whole.

    `read` is long, because a ship's link may need minutes to drain what the system has buffered of an upload.
    """

    connect: float = 15.0
    read: float = 90.0
    answer: float = LONGEST_ANSWER


USUAL_TIMEOUTS = Timeouts()


def make_client(config: Config, connections: int, timeouts: Timeouts) -> Any:
    """A client for at most so many `connections` at once.

    Raises ConfigError, and what botocore raises for a region or an address that is none (ValueError).
    """
    # The session under boto3, by itself: the layers above it (resources, transfers) are a sixth of the CPU
    # time of a run that has nothing to send, and unlike them it warns of no old Python on stderr.
    import botocore.config
    import botocore.session

    from ifcbscan.s3.answers import Bounds, bound

    # Only the .env file counts: no profile, no ~/.aws, no endpoint or retry setting of somebody else's.
    session = botocore.session.Session(session_vars={"profile": (None, None, None, None)})
    for name in ("config_file", "credentials_file"):
        session.set_config_variable(name, os.devnull)
    session.set_config_variable("ignore_configured_endpoint_urls", True)
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
    certificates = _certificates()
    with _without_aws_variables():
        client = session.create_client(
            "s3",
            aws_access_key_id=config.access_key_id,
            aws_secret_access_key=config.secret_access_key,
            aws_session_token=config.session_token,
            region_name=config.region,
            endpoint_url=config.endpoint_url,
            config=client_config,
            verify=certificates,
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


@contextlib.contextmanager
def _without_aws_variables() -> Iterator[None]:
    """botocore reads two dozen AWS_* variables while it makes a client (retries, FIPS and dual-stack hosts, ...).

    None of them is meant for this program; its settings are in the `.env` file.
    """
    ambient = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    for name in ambient:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(ambient)


def _certificates() -> str | bool:
    """The certificates to trust: a file that the machine's owner names, else those of botocore.

    Left to botocore, an AWS_CA_BUNDLE that is set and empty would turn the checking off, or end the run.
    """
    for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        path = os.environ.get(name, "").strip()
        if path and not os.path.exists(path):
            raise ConfigError(
                f"{name} in the environment names {path} as the certificates to trust, which does not exist. "
                "Nothing was sent. Correct it, or take it out of the environment."
            )
        if path:
            return path
    return True


def _keep_condition(params: dict[str, Any], context: dict[str, Any], **_others: Any) -> None:
    context[CONDITION] = params.pop(CONDITION, None)


def _complete_headers(params: dict[str, Any], context: dict[str, Any], **_others: Any) -> None:
    if context.get(CONDITION) is not None:
        name, value = context[CONDITION]
        params["headers"][name] = value
    # "Expect: 100-continue" costs one more way to the bucket and back for every file, and all it could
    # spare is the sending of a body that is then refused, which ends the run anyway.
    params["headers"].pop("Expect", None)
