"""Durations, rates and sizes as people write them, in options and in the `.env` file. Knows no option and no setting."""

from __future__ import annotations

import math
import re

from ifcbscan.errors import ConfigError

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([smhdw]?)", re.IGNORECASE)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([kmg]?)(?:i?b)?", re.IGNORECASE)
_RATE = re.compile(_SIZE.pattern + "(?:/s)?", re.IGNORECASE)
#: What is in a path, a pattern or another way of writing a list.
_NO_FOLDER_NAME = re.compile(r"""[/\\;"\[\]*]|^'|'$""")
_FACTOR = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3}


def parse_duration(text: str, name: str) -> float:
    """Seconds of `90`, `90s`, `5m`, `12h`, `3d`, `2w`. Raises ConfigError naming `name`."""
    match = _DURATION.fullmatch(text.strip())
    seconds = float(match.group(1)) * _SECONDS[match.group(2).lower()] if match else math.nan
    if not math.isfinite(seconds):
        raise ConfigError(f"{name}: {text!r} is no duration; write 90, 90s, 5m, 12h or 3d.")
    return seconds


def parse_with_unit(text: str, name: str) -> float:
    """The same as `parse_duration`, where seconds are hardly ever meant: a number alone must be 0."""
    seconds = parse_duration(text, name)
    if seconds and text.strip()[-1] in "0123456789":
        raise ConfigError(f"{name}: {text!r} would be seconds; give a unit, such as 24h.")
    return seconds


def parse_interval(text: str, name: str) -> float:
    """The same as `parse_with_unit`, and more than nothing."""
    seconds = parse_with_unit(text, name)
    if not seconds:
        raise ConfigError(f"{name}: {text!r} is no time in which something can be expected; write 2h or 3d.")
    return seconds


def parse_size(text: str, name: str) -> int:
    """Bytes of `500K`, `5M`, `80000`. Raises ConfigError naming `name`."""
    match = _SIZE.fullmatch(text.strip())
    size = float(match.group(1)) * _FACTOR[match.group(2).lower()] if match else 0.0
    if not 1 <= size < math.inf:
        raise ConfigError(f"{name}: {text!r} is no size; write bytes as 500K or 5M.")
    return int(size)


def parse_daily(text: str, name: str) -> float:
    """Bytes a day of `500M`, `1G`; infinity for `off`, which is no limit. Raises ConfigError naming `name`."""
    if text.strip().lower() == "off":
        return math.inf
    try:
        return parse_size(text, name)
    except ConfigError:
        raise ConfigError(f"{name}: {text!r} is no size; write bytes a day as 500M or 1G, or off.") from None


def parse_rate(text: str, name: str) -> float:
    """Bytes a second of `500K`, `2M`, `80000`. Raises ConfigError naming `name`."""
    match = _RATE.fullmatch(text.strip())
    rate = float(match.group(1)) * _FACTOR[match.group(2).lower()] if match else 0.0
    if not 0 < rate < math.inf:
        raise ConfigError(f"{name}: {text!r} is no rate; write bytes a second as 500K or 2M.")
    return rate


def parse_folder_names(text: str, name: str) -> tuple[str, ...]:
    """Names of folders with commas between them. A slash at the end of one, which shells write, does not count.

    Raises ConfigError for what no folder is called in such a list, as it would leave out nothing.
    """
    names = tuple(filter(None, (part.strip().rstrip("/\\") for part in text.split(","))))
    for one in names:
        if _NO_FOLDER_NAME.search(one):
            raise ConfigError(
                f"{name}: {one!r} is no name of a folder. Write names alone, such as beads,bad: folders of these names are left "
                "out wherever they lie, and a path, quotation marks, brackets or semicolons would leave out none."
            )
    return names
