"""The `.env` file -> Config. Reads files and the environment it is given, and nothing else.

A value in the file beats the same name in the environment: the file belongs to this tool, ambient
`AWS_*` variables to others. The three credential values are taken whole from one place.
"""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass, field
from typing import Mapping

from ifcbscan.errors import ConfigError, UsageError

DEFAULT_BUCKET = "ifcb-data-sharer.files"
DEFAULT_REGION = "us-east-1"
DEFAULT_DASHBOARD = "https://habon-ifcb.whoi.edu"
DEFAULT_EXCLUDE = "skip,beads,bad"

_CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_REQUIRED = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "USER_ACCOUNT")
_PLACEHOLDER = re.compile(r"your[-_ ].*|<.*>|x{3,}|\.{3,}|change.?me", re.IGNORECASE)
_ACCOUNT = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,64}")
_TIME_SERIES = re.compile(r"[A-Za-z0-9_-]{1,53}")
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([smhdw]?)", re.IGNORECASE)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_RATE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([kmg]?)(?:i?b)?(?:/s)?", re.IGNORECASE)
_RATE_FACTOR = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3}

WHERE_TO_GET_VALUES = (
    f"your account name and keys come from the people who run the dashboard ({DEFAULT_DASHBOARD})"
)


@dataclass(frozen=True)
class Config:
    """Everything the `.env` file says, checked. Durations in seconds, rates in bytes a second.

    `dashboard_url` is None where there is no dashboard to ask.
    """

    access_key_id: str = field(repr=False)
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(repr=False)
    account: str
    bucket: str
    region: str
    endpoint_url: str | None
    dashboard_url: str | None
    data_dir: str | None
    time_series: str | None
    settle: float
    confirm: float
    max_bandwidth: float | None
    exclude_dirs: tuple[str, ...]
    ping_url: str | None
    env_file: str | None
    warnings: tuple[str, ...]


def user_env_file() -> str:
    """Where the configuration lies if neither `--env-file` nor the current folder has one."""
    import platformdirs

    return os.path.join(platformdirs.user_config_dir("ifcbscan", appauthor=False), ".env")


def find_env_file(named: str | None, folder: str) -> str | None:
    """The `.env` file to use (absolute), or None. Raises ConfigError if the one named is not there."""
    if named is not None:
        path = os.path.abspath(os.path.expanduser(named))
        if not os.path.isfile(path):
            raise ConfigError(f"--env-file: there is no file {path}. Nothing was sent.")
        return path
    for candidate in (os.path.join(folder, ".env"), user_env_file()):
        if os.path.isfile(candidate):
            return os.path.abspath(candidate)
    return None


def load(env_file: str | None, environ: Mapping[str, str]) -> Config:
    """The checked configuration. Raises ConfigError with a line that says what to do."""
    in_file = _read(env_file) if env_file else {}
    values = {**environ, **in_file}
    if any(name in in_file for name in _CREDENTIALS):
        values.update({name: in_file.get(name, "") for name in _CREDENTIALS})
    _check_required(values, env_file)
    endpoint_url = values.get("S3_ENDPOINT_URL") or None
    if endpoint_url and not re.match(r"https?://[^/]", endpoint_url):
        raise ConfigError(
            "S3_ENDPOINT_URL must begin with https:// (or http:// for a server on this machine)."
        )
    dashboard_url = _dashboard_url(values, endpoint_url)
    account = values["USER_ACCOUNT"]
    if not _ACCOUNT.fullmatch(account):
        raise ConfigError(
            f"USER_ACCOUNT {account!r} cannot be an account name (letters, digits, '.', '_' and '-')."
        )
    data_dir = values.get("IFCB_DATA_DIR") or None
    return Config(
        access_key_id=values["AWS_ACCESS_KEY_ID"],
        secret_access_key=values["AWS_SECRET_ACCESS_KEY"],
        session_token=values.get("AWS_SESSION_TOKEN") or None,
        account=account,
        bucket=values.get("BUCKET_NAME") or DEFAULT_BUCKET,
        region=values.get("AWS_REGION") or DEFAULT_REGION,
        endpoint_url=endpoint_url,
        dashboard_url=dashboard_url,
        data_dir=data_dir,
        time_series=values.get("TIME_SERIES") or None,
        settle=_seconds(values, "SETTLE_SECONDS", 60.0),
        confirm=_seconds(values, "CONFIRM_SECONDS", 30.0),
        max_bandwidth=parse_rate(values["MAX_BANDWIDTH"], "MAX_BANDWIDTH")
        if values.get("MAX_BANDWIDTH")
        else None,
        exclude_dirs=tuple(
            name.strip() for name in values.get("EXCLUDE_DIRS", DEFAULT_EXCLUDE).split(",") if name.strip()
        ),
        ping_url=values.get("PING_URL") or None,
        env_file=env_file,
        warnings=_warnings(env_file, endpoint_url),
    )


def _read(path: str) -> dict[str, str]:
    import io

    from dotenv import dotenv_values

    try:
        with open(path, "rb") as file:
            raw = file.read()
        # Notepad writes a byte-order mark; PowerShell's `>` writes UTF-16.
        encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        text = raw.decode(encoding)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}. Nothing was sent.") from None
    except UnicodeDecodeError:
        raise ConfigError(
            f"{path} is not a text file in UTF-8. Nothing was sent; save it as UTF-8."
        ) from None
    # No interpolation: a secret may hold a dollar sign.
    values = dotenv_values(stream=io.StringIO(text), interpolate=False)
    return {name: (value or "").strip() for name, value in values.items()}


def _check_required(values: Mapping[str, str], env_file: str | None) -> None:
    missing = [name for name in _REQUIRED if not values.get(name)]
    if missing and env_file is None:
        raise ConfigError(
            "No .env file found, neither ./.env nor {}. Nothing was sent. Copy .env.example to one of these "
            "places and fill in {}; {}.".format(user_env_file(), ", ".join(_REQUIRED), WHERE_TO_GET_VALUES)
        )
    if missing:
        raise ConfigError(
            "{} does not set {}. Nothing was sent. Add {}; {}.".format(
                env_file,
                ", ".join(missing),
                "it" if len(missing) == 1 else "them",
                WHERE_TO_GET_VALUES,
            )
        )
    placeholders = [name for name in _REQUIRED if _PLACEHOLDER.fullmatch(values[name])]
    if placeholders:
        raise ConfigError(
            "{} still holds the example's placeholder for {}. Nothing was sent. Put in real values; {}.".format(
                env_file or "The environment", ", ".join(placeholders), WHERE_TO_GET_VALUES
            )
        )


def _dashboard_url(values: Mapping[str, str], endpoint_url: str | None) -> str | None:
    url = values.get("DASHBOARD_URL")
    if not url:
        # The default dashboard belongs to the default archive; of another one it knows nothing.
        ours = endpoint_url is None and values.get("BUCKET_NAME", DEFAULT_BUCKET) in ("", DEFAULT_BUCKET)
        return DEFAULT_DASHBOARD if ours else None
    if not re.match(r"https?://[^/]", url):
        raise ConfigError("DASHBOARD_URL must begin with https://.")
    return url.rstrip("/")


def _seconds(values: Mapping[str, str], name: str, default: float) -> float:
    return parse_duration(values[name], name) if values.get(name) else default


def _warnings(env_file: str | None, endpoint_url: str | None) -> tuple[str, ...]:
    found: list[str] = []
    # On Windows the mode says nothing about who may read a file.
    if env_file and os.name == "posix" and os.stat(env_file).st_mode & 0o077:
        found.append(
            f"{env_file} holds a secret key and can be read by other users of this computer: chmod 600 '{env_file}'"
        )
    if endpoint_url and endpoint_url.startswith("http://") and not _is_this_machine(endpoint_url):
        found.append(
            f"S3_ENDPOINT_URL is {endpoint_url}, which is not encrypted: whoever is on the way there can read and "
            "change what is sent; use https:// if that server has it"
        )
    return tuple(found)


def _is_this_machine(url: str) -> bool:
    import ipaddress
    import urllib.parse

    try:
        host = urllib.parse.urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name, or no address at all
        return False


def parse_duration(text: str, name: str) -> float:
    """Seconds of `90`, `90s`, `5m`, `12h`, `3d`, `2w`. Raises ConfigError naming `name`."""
    match = _DURATION.fullmatch(text.strip())
    seconds = float(match.group(1)) * _SECONDS[match.group(2).lower()] if match else math.nan
    if not math.isfinite(seconds):
        raise ConfigError(f"{name}: {text!r} is no duration; write 90, 90s, 5m, 12h or 3d.")
    return seconds


def parse_rate(text: str, name: str) -> float:
    """Bytes a second of `500K`, `2M`, `80000`. Raises ConfigError naming `name`."""
    match = _RATE.fullmatch(text.strip())
    rate = float(match.group(1)) * _RATE_FACTOR[match.group(2).lower()] if match else 0.0
    if not 0 < rate < math.inf:
        raise ConfigError(f"{name}: {text!r} is no rate; write bytes a second as 500K or 2M.")
    return rate


def check_time_series(name: str) -> str:
    """`name`, if the archive and the dashboard can carry it. Raises UsageError with a suggestion."""
    if _TIME_SERIES.fullmatch(name):
        return name
    suggestion = re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_")[:53]
    raise UsageError(
        "{!r} cannot be the name of a time series: 1 to 53 of the characters A-Z a-z 0-9 _ -.{} Nothing was sent.".format(
            name, f" Did you mean {suggestion!r}?" if suggestion else ""
        )
    )
