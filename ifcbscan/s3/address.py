"""Where in the network the bucket is, and the URL of a request to it. Pure.

Path-style throughout: dots in the bucket's name do not go with the host names of TLS certificates.
Rules: Amazon S3 API reference, "Making requests"; the suffixes are those of AWS's partitions (botocore's partitions.json).
"""

from __future__ import annotations

import re
from typing import Mapping
from urllib.parse import quote, urlsplit, urlunsplit

from ifcbscan.config import Config
from ifcbscan.core.printable import brief
from ifcbscan.s3.transport import CannotAsk

#: How the regions begin that are not served below amazonaws.com, and below what they are.
_SUFFIXES = (
    ("cn-", "amazonaws.com.cn"),
    ("eusc-", "amazonaws.eu"),
    ("us-iso-", "c2s.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("us-isof-", "csp.hci.ic.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
)

_REGION = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")  # the second: an address of IPv6, without its brackets
_BUCKET = re.compile(r"[A-Za-z0-9.\-_]{1,255}")


def address_of(config: Config) -> str:
    """The URL of the bucket, without a slash at its end. Raises CannotAsk if no URL can be made of the settings."""
    if not _REGION.fullmatch(config.region):
        raise CannotAsk(f"{brief(config.region)} cannot be the name of a region")
    if not _BUCKET.fullmatch(config.bucket):
        raise CannotAsk(f"{brief(config.bucket)} cannot be the name of a bucket")
    server = config.endpoint_url or _server_of_aws(config.region)
    try:
        parts = urlsplit(server)
        sound = parts.port != 0 and _HOST.fullmatch(parts.hostname or "") is not None
    except ValueError:  # a bracket that does not end, a port that is no number
        sound = False
    if not sound:
        raise CannotAsk(f"{brief(server)} is no address of a server")
    return urlunsplit((parts.scheme, parts.netloc, f"{parts.path.rstrip('/')}/{config.bucket}", "", ""))


def _server_of_aws(region: str) -> str:
    if region == "us-east-1":  # the first region, whose server is called by no region's name
        return "https://s3.amazonaws.com"
    suffix = next((end for begin, end in _SUFFIXES if region.startswith(begin)), "amazonaws.com")
    return f"https://s3.{region}.{suffix}"


def url_of(address: str, key: str, query: Mapping[str, str]) -> str:
    """The URL of an object, or of the bucket itself where `key` is empty; each byte written as S3 signs it."""
    path = f"{address}/{quote(key, safe='/~')}" if key else address
    words = "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in query.items())
    return f"{path}?{words}" if words else path
