"""What may not leave this computer in a bundle for the maintainers, and how it is taken out of a text. Reads nothing itself.

Whatever the settings and the environment say counts as a secret, except under the names that are known to hold none. Of these a
value is shown if it is what it should be: a secret may stand in the wrong place.

What nobody can know stays: a secret that no setting and no variable holds (unless it looks like an AWS key or stands in an address), one
of which only a piece is told, one that a program has enciphered, one of one or two characters.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import urllib.parse
from typing import Callable, Iterable, Iterator, Mapping

from ifcbscan.config import SETTINGS
from ifcbscan.core.printable import printable
from ifcbscan.core.series import is_account, is_time_series
from ifcbscan.core.timetable import parse_timetable
from ifcbscan.core.units import parse_daily, parse_duration
from ifcbscan.env_file import values_of
from ifcbscan.errors import ConfigError

#: What stands in the place of a secret. One word, so that an address that held it still is one.
MASKED = "[masked]"

#: What is told of a value that is not shown although its name may be.
_NOT_AS_IT_SHOULD_BE = "set, not shown because it may hold a secret"

#: Names that may hold a secret. (What is no secret in them is masked with it.)
_MAY_BE_SECRET = re.compile(r"KEY|SECRET|TOKEN|PASS|CREDENTIAL|PROXY|_URL|_URI", re.IGNORECASE)
_IS_PROXY = re.compile("PROXY", re.IGNORECASE)
_HOLDS_ADDRESS = re.compile("PROXY|_URL|_URI", re.IGNORECASE)

#: What is shorter may be a part of a word, and is masked only as a whole word, down to the second. Characters.
_SHORTEST = 6
_SHORTEST_WORD = 3
#: A word of letters alone in an address, such as `heartbeat`, is no secret; a longer one may be.
_SHORTEST_PART = 12

#: An address in a text. The scheme counts for nothing, so that a long text takes no time in the square of its length.
_ADDRESS = re.compile(r"(://)(\S+)")
_HOST = r"(?:\[[\w.:]*\]|[\w.-]+)(?::[0-9]{1,5})?"
_SERVER = re.compile(rf"((?:[A-Za-z][A-Za-z0-9+.-]*://)?)(?:.*@)?({_HOST})(/.*)?", re.DOTALL)
_URL = re.compile(rf"(https?://)({_HOST})(/[\w.~/-]*)?")
_BEFORE_SERVER = re.compile(r"[\w+.\\ -]*:?/{1,3}")
_FOLDER_OF_WINDOWS = re.compile(r"[A-Za-z]:[\\/]")

#: The two halves of an AWS key as they look, for one that nobody has told us of. The second has 40 characters of all kinds; a
#: path with the day of a bin in it is none.
_KEY = re.compile(
    r"(?:AKIA|ASIA)[A-Z0-9]{12,}"
    r"|(?:(?<=//)|(?<![A-Za-z0-9/+]))"
    r"(?=[a-z0-9/+]{0,39}[A-Z])(?=[A-Z0-9/+]{0,39}[a-z])(?=[A-Za-z/+]{0,39}[0-9])(?![A-Za-z0-9/+]{0,31}D[0-9]{8})"
    r"(?!//)[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])"
)

#: A line of a settings file, as anybody may have written it.
_SETTING = re.compile(r"[#;\s]*(?:(?:export|set)\s+|\$env:)?([\w.-]+)['\"]?\s*([=:]?)\s*(.*)")
_NEXT_SETTING = re.compile(r"(?<=\s)(?=\w+\s?[=:])")


class Mask:
    """Takes `secrets` out of texts, and of every address all but its server."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets for form in _forms(secret) if len(form.strip()) >= _SHORTEST_WORD}
        # The longest first: one secret may be the beginning of another.
        self._known = re.compile("|".join(map(_found_as, sorted(forms, key=len, reverse=True))) or r"(?!)")

    def __call__(self, text: str) -> str:
        """`text` without what is secret in it."""
        # An address without name and password still is one, of which only the server is shown.
        text = self._known.sub(lambda found: "//" if found.group().startswith("//") else MASKED, text)
        return _ADDRESS.sub(_server_alone, _KEY.sub(MASKED, text))


def _forms(secret: str) -> Iterator[str]:
    """How a secret may be written in a log, in JSON, in an address, in a header of HTTP."""
    yield from (secret, secret.strip(), printable(secret), repr(secret)[1:-1])
    yield from (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])
    quotable = secret.encode("utf-8", "surrogatepass")
    for quoted in (
        urllib.parse.quote(quotable),
        urllib.parse.quote(quotable, safe=""),
        urllib.parse.quote_plus(quotable),
    ):
        yield from (quoted, re.sub("%..", lambda found: found.group().lower(), quoted))
    yield from (urllib.parse.unquote(secret), repr(quotable)[2:-1])
    yield base64.b64encode(quotable).decode("ascii").rstrip("=")


def _found_as(form: str) -> str:
    return re.escape(form) if len(form) >= _SHORTEST else rf"(?<!\w){re.escape(form)}(?!\w)"


def _server_alone(match: re.Match[str]) -> str:
    sign, rest = match.groups()
    server = rest.rpartition("@")[2]  # a password may hold @ and /
    host = re.match(_HOST, server)
    shown = host.group() if host else ""
    return f"{sign}{shown}" + ("" if server[len(shown) :] in ("", "/") else "/...")


def secrets_of_settings(text: str) -> Iterator[str]:
    """What may be secret in the text of a `.env` file, also in lines that are commented out or cannot be understood."""
    lines = re.split(r"[\r\n]+", text)
    for part in (text, *lines):
        with contextlib.suppress(ConfigError):
            for name, value in values_of("", part).items():
                yield from _secrets_of(name, value)
    for line in lines:
        for part in (line, *_NEXT_SETTING.split(line)[1:]):
            yield from _secrets_of_line(part)
        words = line.lstrip("#; \t").split()
        if re.search(r"=[^=\s]", line) or "".join(words[:1]).rstrip("=") in SETTINGS:
            continue
        if not line.lstrip().startswith("#"):
            yield from (word for word in (line.strip(), *words) if len(word) >= _SHORTEST)
        elif len(words) == 1 and not words[0].isalpha():
            yield from _secrets_of("", words[0])  # a key alone, commented out


def _secrets_of_line(line: str) -> Iterator[str]:
    """Every reading of what stands behind the name that the line begins with, and each word of it if the name is of a secret."""
    found = _SETTING.match(line)
    name, sign, rest = found.groups() if found else ("", "", "")
    secret = _MAY_BE_SECRET.search(name) is not None
    if sign != "=" and not secret:
        return
    for form in (rest, rest.partition(" #")[0]):
        yield from _secrets_of(name, form.strip().strip("'\""))
    if secret:
        first, *others = re.split(r"[\s'\"#;]+", rest.lstrip("'\""))
        if sign or not first.isalpha():
            yield from _secrets_of(name, first)
        for word in others:  # or what is said of it
            if len(word) >= _SHORTEST and not word.isalpha() and word not in SETTINGS:
                yield from _secrets_of(name, word)


def secrets_of_environment(environ: Mapping[str, str]) -> Iterator[str]:
    """What may be secret in the environment."""
    for name, value in environ.items():
        if name in SETTINGS or _MAY_BE_SECRET.search(name):
            yield from _secrets_of(name, value)


def _secrets_of(name: str, value: str) -> Iterator[str]:
    secret = _MAY_BE_SECRET.search(name) is not None
    at_least = _SHORTEST_WORD if secret else _SHORTEST
    # What looks like a key under another name is hidden where it stands alone, so also where it has become a part of a path.
    found = [*_secrets_of_address(name, value), *_KEY.findall(value)]
    # Of an address the server may be told; under a name that is for something else it may be no address.
    is_address = "://" in value and (not secret or _HOLDS_ADDRESS.search(name))
    if not (_is_shown(name, value) or is_address or _IS_PROXY.search(name)):
        found += [value, *value.splitlines()]
    yield from (text for text in found if len(text.strip()) >= at_least)


def _is_shown(name: str, value: str) -> bool:
    """Whether the bundle shows this value, as of a setting that holds no secret and is what it should be."""
    return name in SHOWN and SHOWN[name](value) != _NOT_AS_IT_SHOULD_BE


def _secrets_of_address(name: str, value: str) -> Iterator[str]:
    """Name and password, and where the address itself is a secret what follows the server; also without a scheme."""
    before, _, server = value.rpartition("@")  # a password may hold @ and /
    user = _BEFORE_SERVER.sub("", before, count=1) if _BEFORE_SERVER.match(before) else before
    if "://" in before or (":" in user and not _FOLDER_OF_WINDOWS.match(value)):
        yield from (user, user.partition(":")[2], f"//{user}@")  # the last: a short password, too
    if "://" in value or _HOLDS_ADDRESS.search(name):
        signs = "[?#]" if name in SHOWN else "[/?#]"
        server = server.partition("://")[2] or server
        for path in re.split(signs, server, maxsplit=1)[1:]:
            if len(path) >= _SHORTEST or not path.isalpha():
                yield path
            yield from (
                part
                for part in re.split(r"[/?#&=]", path)
                if len(part) >= _SHORTEST_PART or not part.isalpha()
            )


def without_secrets(value: str) -> str:
    """The server alone of a value that is the address of one, also without a scheme."""
    return _address_in(_SERVER, value) or _NOT_AS_IT_SHOULD_BE


def _address_in(pattern: re.Pattern[str], value: str) -> str:
    found = pattern.fullmatch(value)
    if found is None:
        return ""
    scheme, host, path = found.groups()
    return scheme + host + ("" if path in (None, "/") else "/...")


def _if(is_right: Callable[[str], object]) -> Callable[[str], str]:
    return lambda value: value if is_right(value) else _NOT_AS_IT_SHOULD_BE


def _parsed(parse: Callable[[str, str], object]) -> Callable[[str], str]:
    def shown(value: str) -> str:
        try:
            parse(value, "")
        except ConfigError:
            return _NOT_AS_IT_SHOULD_BE
        return value

    return shown


def _url(value: str) -> str:
    return _address_in(_URL, value) or _NOT_AS_IT_SHOULD_BE


# Neither another setting on the same line nor an address.
_folder = _if(re.compile(r"[^=@?#]*").fullmatch)
_names = _if(re.compile(r"[\w.,:*/\[\] -]*").fullmatch)

#: The settings whose values are shown, and what is shown of each.
SHOWN: Mapping[str, Callable[[str], str]] = {
    "USER_ACCOUNT": _if(is_account),
    "IFCB_DATA_DIR": _folder,
    "TIME_SERIES": _if(is_time_series),
    "EXCLUDE_DIRS": _names,
    "SETTLE_SECONDS": _parsed(parse_duration),
    "CONFIRM_SECONDS": _parsed(parse_duration),
    "DELETABLE_AFTER": _parsed(parse_duration),
    "EXPECT_EVERY": _parsed(parse_duration),
    "MAX_BANDWIDTH": _parsed(parse_timetable),
    "MAX_DAILY": _parsed(parse_daily),
    "METRICS_DIR": _folder,
    "BUCKET_NAME": _if(is_account),
    "AWS_REGION": _if(is_account),
    "S3_ENDPOINT_URL": _url,
    "AWS_CA_BUNDLE": _folder,
    "DASHBOARD_URL": _url,
}

_SHOWN_OF_ENVIRONMENT = {
    "HTTPS_PROXY": without_secrets,
    "HTTP_PROXY": without_secrets,
    "ALL_PROXY": without_secrets,
    "NO_PROXY": _names,
    "SSL_CERT_FILE": _folder,
}


def settings_lines(in_file: Mapping[str, str], environ: Mapping[str, str]) -> Iterator[str]:
    """A line for each setting, and for what else of the environment counts: its value where that is no secret, and where it is said."""
    for name in SETTINGS:
        place = "in the file" if name in in_file else "in the environment"
        value = in_file.get(name, environ.get(name))
        if not value:
            yield f"{name}: not set"
        else:
            yield f"{name}: {SHOWN[name](value) if name in SHOWN else 'set'} ({place})"
    others = sum(name not in SETTINGS for name in in_file)
    if others:
        yield f"other lines in the file: {others}"
    for name, shown in _SHOWN_OF_ENVIRONMENT.items():
        for spelt in (name, name.lower()):
            if spelt in environ:
                yield f"{spelt}: {shown(environ[spelt])} (in the environment)"
