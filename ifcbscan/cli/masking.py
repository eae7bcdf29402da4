"""What may not leave this computer in a bundle for the maintainers, and how it is taken out of a text. Reads nothing itself.

Whatever the settings and the environment say counts as a secret, except under the names that are known to hold none.
"""

from __future__ import annotations

import contextlib
import json
import re
import urllib.parse
from typing import Iterable, Iterator, Mapping

from ifcbscan.config import SETTINGS
from ifcbscan.core.printable import printable
from ifcbscan.env_file import values_of
from ifcbscan.errors import ConfigError

#: What stands in the place of a secret. One word, so that an address that held it still is one.
MASKED = "[masked]"

#: The settings whose values are shown. (Of an address the server alone.)
SHOWN = (
    "USER_ACCOUNT",
    "IFCB_DATA_DIR",
    "TIME_SERIES",
    "EXCLUDE_DIRS",
    "SETTLE_SECONDS",
    "CONFIRM_SECONDS",
    "DELETABLE_AFTER",
    "EXPECT_EVERY",
    "MAX_BANDWIDTH",
    "MAX_DAILY",
    "METRICS_DIR",
    "BUCKET_NAME",
    "AWS_REGION",
    "S3_ENDPOINT_URL",
    "AWS_CA_BUNDLE",
    "DASHBOARD_URL",
)

#: Variables of the environment that may hold a secret, by their names. (What is no secret in them is masked with it.)
_MAY_BE_SECRET = re.compile(r"KEY|SECRET|TOKEN|PASSW|CREDENTIAL|PROXY|_URL|_URI", re.IGNORECASE)

#: What is shorter is no secret of its own, and may be a word of the language. Characters; for a part of an address the second.
_SHORTEST = 6
_SHORTEST_PART = 12

_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)(\S+)")
_ADDRESS_ALONE = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)(.+)", re.DOTALL)

#: The two halves of an AWS key as they look, for one that nobody has told us of. The second has 40 characters of all kinds.
_KEY = re.compile(
    r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}"
    r"|(?<![\w/+=.-])(?=[a-z0-9/+]*[A-Z])(?=[A-Z0-9/+]*[a-z])(?=[A-Za-z/+]*[0-9])[A-Za-z0-9+][A-Za-z0-9/+]{39}(?![\w/+=.-])"
)


class Mask:
    """Takes `secrets` out of texts, and of every address all but its server."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets for form in _forms(secret) if len(form.strip()) >= _SHORTEST}
        # The longest first: one secret may be the beginning of another.
        self._known = re.compile("|".join(map(re.escape, sorted(forms, key=len, reverse=True))) or r"(?!)")

    def __call__(self, text: str) -> str:
        """`text` without what is secret in it."""
        # An address without name and password still is one, of which only the server is shown.
        text = self._known.sub(lambda found: "//" if found.group().startswith("//") else MASKED, text)
        return _KEY.sub(MASKED, _ADDRESS.sub(_server_alone, text))


def _forms(secret: str) -> Iterator[str]:
    """How a secret may be written in a log, in JSON, in an address."""
    yield from (secret, secret.strip(), printable(secret), repr(secret)[1:-1])
    yield from (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])
    quotable = secret.encode("utf-8", "surrogatepass")
    yield from (urllib.parse.quote(quotable), urllib.parse.quote(quotable, safe=""))
    yield urllib.parse.unquote(secret)


def _server_alone(match: re.Match[str]) -> str:
    scheme, rest = match.groups()
    server = rest.rpartition("@")[2]  # a password may hold @ and /
    host = re.match(r"(?:\[[\w.:]*\]|[\w.-]*)(?::[0-9]+)?", server)
    shown = host.group() if host else ""
    return f"{scheme}{shown}" + ("" if server[len(shown) :] in ("", "/") else "/...")


def secrets_of_settings(text: str) -> Iterator[str]:
    """What may be secret in the text of a `.env` file, also in lines that are commented out or cannot be understood."""
    for part in (text, *re.split(r"[\r\n]+", text)):
        with contextlib.suppress(ConfigError):
            for name, value in values_of("", part).items():
                yield from _secrets_of(name, value)
    for line in re.split(r"[\r\n]+", text):
        name, sign, value = line.lstrip("# \t").partition("=")
        if sign:
            for form in (value, value.partition(" #")[0]):
                yield from _secrets_of(re.sub(r"^export\s+", "", name.strip()), form.strip().strip("'\""))
        elif not line.lstrip().startswith("#"):
            yield line.strip()  # a key alone on its line


def secrets_of_environment(environ: Mapping[str, str]) -> Iterator[str]:
    """What may be secret in the environment."""
    for name, value in environ.items():
        if name in SETTINGS or _MAY_BE_SECRET.search(name):
            yield from _secrets_of(name, value)


def _secrets_of(name: str, value: str) -> Iterator[str]:
    scheme, sign, rest = value.partition("://")
    if sign and re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme):
        user, _, server = rest.rpartition("@")
        yield user
        yield user.partition(":")[2]
        yield f"//{user}@"  # a short password, too
        if name not in SHOWN:
            path = re.split(r"[/?#]", server, maxsplit=1)[1:]
            yield from path
            yield from (part for part in re.split(r"[/?#&=]", "".join(path)) if len(part) >= _SHORTEST_PART)
    elif name not in SHOWN:
        yield value
        yield from value.splitlines()


def without_secrets(value: str) -> str:
    """A value of which nothing is secret unless it is an address: then only the server."""
    return _ADDRESS_ALONE.sub(_server_alone, value)


def settings_lines(in_file: Mapping[str, str], environ: Mapping[str, str]) -> Iterator[str]:
    """A line for each setting: its value where that is no secret, and where it is said."""
    for name in SETTINGS:
        place = "in the file" if name in in_file else "in the environment"
        value = in_file.get(name, environ.get(name))
        if not value:
            yield f"{name}: not set"
        else:
            yield f"{name}: {without_secrets(value) if name in SHOWN else 'set'} ({place})"
    others = sum(name not in SETTINGS for name in in_file)
    if others:
        yield f"other lines in the file: {others}"
