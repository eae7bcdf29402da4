"""AWS Signature Version 4, written for the tests from AWS's own description, with nothing of botocore's.

Source: Amazon S3 API reference, "Authenticating Requests: Using the Authorization Header (AWS Signature Version 4)".
test_wire.py first holds it against the examples that are published there.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Mapping
from urllib.parse import quote, unquote, urlsplit

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<day>\d{8})/(?P<region>[^/]+)/s3/aws4_request,\s?"
    r"SignedHeaders=(?P<names>[a-z0-9;-]+),\s?Signature=(?P<signature>[0-9a-f]{64})"
)


def signature(
    method: str, url: str, headers: Mapping[str, str], names: str, secret: str, region: str = "us-east-1"
) -> str:
    """The signature (hex) of a request. `headers`: with lower-case names; `names` of those that are signed."""
    parts = urlsplit(url)
    pairs = sorted(
        (quote(unquote(name), safe="-._~"), quote(unquote(value), safe="-._~"))
        for name, _, value in (pair.partition("=") for pair in parts.query.split("&") if pair)
    )
    canonical = "\n".join(
        [
            method,
            quote(unquote(parts.path), safe="/-._~") or "/",
            "&".join(f"{name}={value}" for name, value in pairs),
            *(f"{name}:{' '.join(headers[name].split())}" for name in names.split(";")),
            "",
            names,
            headers["x-amz-content-sha256"],
        ]
    )
    moment = headers["x-amz-date"]
    scope = f"{moment[:8]}/{region}/s3/aws4_request"
    to_sign = "\n".join(["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + secret).encode()
    for part in (moment[:8], region, "s3", "aws4_request", to_sign):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key.hex()


def signed_with(headers: Mapping[str, str]) -> dict[str, str]:
    """The parts of an Authorization header: key, day, region, names, signature."""
    found = _AUTHORIZATION.fullmatch(headers["authorization"])
    assert found is not None, headers["authorization"]
    return found.groupdict()
