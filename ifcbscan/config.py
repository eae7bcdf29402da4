"""The `.env` file -> Config. Reads files and the environment it is given, and nothing else.

A value in the file beats the same name in the environment: the file belongs to this tool, ambient
`AWS_*` variables to others. The three credential values are taken whole from one place.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Callable, Iterable, Mapping, NamedTuple, TypeVar

from ifcbscan.core.printable import without_password
from ifcbscan.core.series import is_account
from ifcbscan.core.units import (
    parse_daily,
    parse_duration,
    parse_folder_names,
    parse_interval,
    parse_with_unit,
)
from ifcbscan.env_file import text_of, user_env_file, values_of
from ifcbscan.errors import ConfigError

if TYPE_CHECKING:
    from ifcbscan.core.timetable import Timetable

DEFAULT_BUCKET = "ifcb-data-sharer.files"
DEFAULT_REGION = "us-east-1"
DEFAULT_DASHBOARD = "https://habon-ifcb.whoi.edu"
DEFAULT_EXCLUDE = ("skip", "beads", "bad")

#: Seconds for which the archive must have had all files of a bin before the local ones may be deleted. Its check
#: runs some seconds after a file has arrived, but is tried again for hours when it has too much to do.
DELETABLE_AFTER = 86400.0

_CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_REQUIRED = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "USER_ACCOUNT")

#: Every name that means something here.
SETTINGS = (
    *_CREDENTIALS,
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
    "PING_URL",
    "METRICS_DIR",
    "BUCKET_NAME",
    "AWS_REGION",
    "S3_ENDPOINT_URL",
    "AWS_CA_BUNDLE",
    "DASHBOARD_URL",
)

#: Of these a schedule may have others than a command that is typed: it names the folder and the time series itself, and the
#: region and the certificates are often set in the environment for all programs of a computer.
_NEED_NOT_BE_SEEN = ("IFCB_DATA_DIR", "TIME_SERIES", "AWS_REGION", "AWS_CA_BUNDLE")

#: What the file of the older client (ifcb-sync) may hold besides. They count in the file alone: in the environment, names
#: as general as these belong to others. The second needs nothing: the three files of a bin always go together.
_API_URL = "API_URL"
_OLDER_CLIENTS = (_API_URL, "SYNC_FILE_EXTENSIONS")

#: How like a setting another name must be to pass for a misspelt one. AWS_DEFAULT_REGION, which other programs
#: read, is like AWS_REGION to 0.71; AWS_SECRET_KEY like AWS_SECRET_ACCESS_KEY to 0.8.
_ALIKE = 0.8

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_PLACEHOLDER = re.compile(r"your[-_ ].*|<.*>|x{3,}|\.{3,}|change.?me", re.IGNORECASE)

_T = TypeVar("_T")

WHERE_TO_GET_VALUES = (
    f"your account name and keys come from the people who run the dashboard ({DEFAULT_DASHBOARD})"
)


@dataclass(frozen=True)
class Config:
    """Everything the `.env` file and the environment say, checked. Durations in seconds.

    `dashboard_url` is None where there is no dashboard to ask. None where nobody sets them are `expect_every`, how often new
    bins come, `max_bandwidth`, `max_daily` (bytes; infinite for `off`) and `ca_bundle`, the file with the certificates to trust.
    """

    access_key_id: str = field(repr=False)
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(repr=False)
    account: str
    bucket: str
    region: str
    endpoint_url: str | None
    ca_bundle: str | None
    dashboard_url: str | None
    data_dir: str | None
    time_series: str | None
    settle: float
    confirm: float
    deletable_after: float
    expect_every: float | None
    max_bandwidth: Timetable | None
    max_daily: float | None
    exclude_dirs: tuple[str, ...]
    ping_url: str | None
    metrics_dir: str | None
    env_file: str | None
    warnings: tuple[str, ...]


class _Values(NamedTuple):
    """What the file and the environment say together, and which of the two says it."""

    env_file: str | None
    in_file: Mapping[str, str]
    all: Mapping[str, str]

    def place(self, name: str) -> str:
        """Where the value of `name` stands, as the beginning of a message."""
        return self.env_file if self.env_file is not None and name in self.in_file else "The environment"

    def get(self, name: str) -> str | None:
        """The value of `name`; None if there is none, or an empty one."""
        return self.all.get(name) or None

    def parsed(self, name: str, parse: Callable[[str, str], _T]) -> _T | None:
        """What `parse` makes of the value of `name`, None if there is none. A ConfigError names the place."""
        text = self.get(name)
        if text is None:
            return None
        try:
            return parse(text, name)
        except ConfigError as error:
            raise ConfigError(f"{self.place(name)}: {error} Nothing was sent.") from None


def load(env_file: str | None, environ: Mapping[str, str]) -> Config:
    """The checked configuration. Raises ConfigError with a line that says what to do."""
    config = of_text(env_file, text_of(env_file) if env_file else "", environ)
    return replace(config, warnings=_readable_by_others(env_file) + config.warnings)


def of_text(env_file: str | None, text: str, environ: Mapping[str, str]) -> Config:
    """The checked configuration if `text` stood in the file. Raises ConfigError."""
    values = _collect(env_file, text, environ)
    _check_required(values.all, env_file)
    endpoint_url = values.parsed("S3_ENDPOINT_URL", _endpoint)
    settle = values.parsed("SETTLE_SECONDS", parse_duration)
    confirm = values.parsed("CONFIRM_SECONDS", parse_duration)
    deletable_after = values.parsed("DELETABLE_AFTER", parse_with_unit)
    excluded = values.parsed("EXCLUDE_DIRS", parse_folder_names)
    if excluded is None:  # what is set to nothing leaves out nothing
        excluded = () if "EXCLUDE_DIRS" in values.all else DEFAULT_EXCLUDE
    return Config(
        access_key_id=values.all["AWS_ACCESS_KEY_ID"],
        secret_access_key=values.all["AWS_SECRET_ACCESS_KEY"],
        session_token=values.get("AWS_SESSION_TOKEN"),
        account=values.parsed("USER_ACCOUNT", _account) or "",  # never empty: it is required
        bucket=values.get("BUCKET_NAME") or DEFAULT_BUCKET,
        region=values.get("AWS_REGION") or DEFAULT_REGION,
        endpoint_url=endpoint_url,
        ca_bundle=values.parsed("AWS_CA_BUNDLE", _certificates),
        dashboard_url=values.parsed("DASHBOARD_URL", _dashboard)
        or _dashboard_of_older_client(values)
        or _default_dashboard(values, endpoint_url),
        data_dir=values.get("IFCB_DATA_DIR"),
        time_series=values.get("TIME_SERIES"),
        settle=60.0 if settle is None else settle,
        confirm=30.0 if confirm is None else confirm,
        deletable_after=DELETABLE_AFTER if deletable_after is None else deletable_after,
        expect_every=values.parsed("EXPECT_EVERY", parse_interval),
        max_bandwidth=values.parsed("MAX_BANDWIDTH", _timetable),
        max_daily=values.parsed("MAX_DAILY", parse_daily),
        exclude_dirs=excluded,
        ping_url=values.get("PING_URL"),
        metrics_dir=values.parsed("METRICS_DIR", _whole_path),
        env_file=env_file,
        warnings=_not_encrypted(endpoint_url) + _misspelt(env_file, values.in_file),
    )


def only_in_environment(env_file: str, environ: Mapping[str, str]) -> list[str]:
    """The settings that a command typed here has of its environment, and a scheduled scan, which sees the file alone, has
    otherwise or not at all; but those that are often set for all programs of a computer. Raises ConfigError if the file
    cannot be read."""
    text = text_of(env_file)
    in_file = _read(env_file, text)

    def with_these(environ: Mapping[str, str]) -> Config | None:
        try:
            return replace(of_text(env_file, text, environ), warnings=())
        except ConfigError:
            return None

    alone = with_these({})
    names = [name for name in SETTINGS if environ.get(name) and name not in _NEED_NOT_BE_SEEN]
    return [
        name
        for name in names
        if not in_file.get(name) and (alone is None or with_these({name: environ[name]}) != alone)
    ]


def is_placeholder(value: str) -> bool:
    """Whether it is what an example says instead of a value."""
    return _PLACEHOLDER.fullmatch(value) is not None


def _collect(env_file: str | None, text: str, environ: Mapping[str, str]) -> _Values:
    in_file = _read(env_file, text) if env_file else {}
    from_environment = dict(environ)
    if any(name in in_file for name in _CREDENTIALS):  # never a half of each
        from_environment.update(dict.fromkeys(_CREDENTIALS, ""))
    for name in SETTINGS:
        if name not in in_file and _CONTROL.search(from_environment.get(name, "")):
            raise ConfigError(f"The environment: {name} has a control character in it. Nothing was sent.")
    values = {**{name: value.strip() for name, value in from_environment.items()}, **in_file}
    return _Values(env_file, in_file, values)


def _read(path: str, text: str) -> dict[str, str]:
    values = values_of(path, text)
    for name in SETTINGS:
        if _CONTROL.search(values.get(name, "")):
            # The value may be a secret, so it is not shown.
            raise ConfigError(
                f"{path}: {name} has a line end or another control character in it; inside double quotes a backslash "
                "starts an escape such as \\n. Write the value without quotes, or in single ones. Nothing was sent."
            )
        second = _setting_in(values.get(name, ""))
        if second:
            # Not only wrong: messages show the values of some settings, and the second one may be a secret.
            raise ConfigError(
                f"{path}: {second} is on the line of {name}. Write each setting on a line of its own. Nothing was sent."
            )
    return {name: value.strip() for name, value in values.items()}


def _setting_in(value: str) -> str:
    """The name of a setting that follows in a value; "" if none does."""
    if "=" not in value:
        return ""
    found = re.search(rf"\s({'|'.join(SETTINGS)})\s?=", value)
    return found.group(1) if found else ""


def _check_required(values: Mapping[str, str], env_file: str | None) -> None:
    missing = [name for name in _REQUIRED if not values.get(name)]
    if missing and env_file is None:
        raise ConfigError(
            f"No .env file found, neither ./.env nor {user_env_file()}. Nothing was sent. Run 'ifcbscan setup', which asks for "
            f"{', '.join(_REQUIRED)} and writes it (or copy .env.example there and fill it in); {WHERE_TO_GET_VALUES}."
        )
    if missing:
        raise ConfigError(
            "{} does not set {}. Nothing was sent. Add {}, or let 'ifcbscan setup' ask; {}.".format(
                env_file,
                ", ".join(missing),
                "it" if len(missing) == 1 else "them",
                WHERE_TO_GET_VALUES,
            )
        )
    placeholders = [name for name in _REQUIRED if is_placeholder(values[name])]
    if placeholders:
        raise ConfigError(
            "{} still holds the example's placeholder for {}. Nothing was sent. 'ifcbscan setup' asks for the real values; "
            "{}.".format(env_file or "The environment", ", ".join(placeholders), WHERE_TO_GET_VALUES)
        )


def _account(text: str, name: str) -> str:
    if not is_account(text):
        raise ConfigError(
            f"{name} cannot be an account name (letters, digits, '.', '_' and '-'). The value is not shown, because it may hold "
            "a secret."
        )
    return text


def _endpoint(text: str, name: str) -> str:
    return _address(text, name, "must begin with https:// (or http:// for a server on this machine).")


def _certificates(text: str, name: str) -> str | None:
    """A file that can be read, by its whole path; only what is in it is left to whoever speaks TLS. Blanks alone are no name."""
    path = _whole_path(text, name)
    if path and not (os.path.isfile(path) and os.access(path, os.R_OK)):
        what = "does not exist" if not os.path.exists(path) else "is no file that can be read"
        raise ConfigError(
            f"{name} names {without_password(path)} as the certificates to trust, which {what}. Write the whole path of the file, "
            "or take the line out."
        )
    return path or None


def _whole_path(text: str, name: str) -> str | None:
    """A place by its whole path, `~` being the home folder: scheduled scans run in another folder than people."""
    path = os.path.expanduser(text.strip())
    if path and not os.path.isabs(path):
        raise ConfigError(
            f"{name} names {without_password(path)}, which is no whole path. Write it from the root on, or take the line out."
        )
    return path or None


def _timetable(text: str, name: str) -> Timetable:
    # Only now: most have none, and no run is to load what it does not need.
    from ifcbscan.core.timetable import parse_timetable

    return parse_timetable(text, name)


def _dashboard(text: str, name: str) -> str:
    return _address(text, name, "must begin with https://.").rstrip("/")


def _address(text: str, name: str, otherwise: str) -> str:
    """`text`, if it is the address of a server and nothing else: it stands in messages, and is asked as it is."""
    if not re.match(r"https?://[^/]", text):
        raise ConfigError(f"{name} {otherwise}")
    if re.search(r"[@?#]", text):
        raise ConfigError(
            f"{name} must be an address alone: no user name or password (they end with @), no ? and no #, which mean "
            "nothing there. Take them out; the value is not shown, because it may hold a secret."
        )
    return text


def _dashboard_of_older_client(values: _Values) -> str | None:
    """The dashboard in whose list of time series the older client looks a name up. Only asked for where none is named."""
    return values.parsed(_API_URL, _dashboard_of_list) if _API_URL in values.in_file else None


def _dashboard_of_list(text: str, name: str) -> str:
    otherwise = (
        "must be the address of the dashboard's list of time series, as in https://.../api/list_datasets/"
    )
    if _CONTROL.search(text):
        raise ConfigError(f"{name} {otherwise}.")
    # Not a server that is itself called api.
    return re.sub(r"(?<=[^/])/api(/.*)?$", "", _address(text, name, otherwise + ".")).rstrip("/")


def _default_dashboard(values: _Values, endpoint_url: str | None) -> str | None:
    # The default dashboard belongs to the default archive; of another one it knows nothing.
    ours = endpoint_url is None and values.get("BUCKET_NAME") in (None, DEFAULT_BUCKET)
    return DEFAULT_DASHBOARD if ours else None


def _readable_by_others(env_file: str | None) -> tuple[str, ...]:
    # On Windows the mode says nothing about who may read a file.
    if not env_file or os.name != "posix" or not os.stat(env_file).st_mode & 0o077:
        return ()
    return (
        f"{env_file} holds a secret key and can be read by other users of this computer: chmod 600 '{env_file}'",
    )


def _not_encrypted(endpoint_url: str | None) -> tuple[str, ...]:
    if endpoint_url is None or not endpoint_url.startswith("http://") or _is_this_machine(endpoint_url):
        return ()
    return (
        f"S3_ENDPOINT_URL is {endpoint_url}, which is not encrypted: whoever is on the way there can read and "
        "change what is sent; use https:// if that server has it",
    )


def _misspelt(env_file: str | None, in_file: Iterable[str]) -> tuple[str, ...]:
    """A warning for each name that is nearly a setting which the file does not have."""
    unknown = [name for name in in_file if name not in SETTINGS and name not in _OLDER_CLIENTS]
    if not unknown:
        return ()
    import difflib

    unset = [name for name in SETTINGS if name not in in_file]
    found = []
    for name in unknown:
        nearest = difflib.get_close_matches(name.upper(), unset, 1, _ALIKE)
        if nearest and name.isprintable():
            found.append(f"{env_file}: {name} is no setting of ifcbscan; did you mean {nearest[0]}?")
    return tuple(found)


def _is_this_machine(url: str) -> bool:
    import ipaddress
    from urllib.parse import urlsplit

    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name, or no address at all
        return False
