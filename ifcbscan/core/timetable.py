"""How fast may be sent, and when: one rate, or a timetable of rates as rclone's `--bwlimit` has it. Pure."""

from __future__ import annotations

import bisect
import re
from datetime import datetime
from typing import NamedTuple

from ifcbscan.core.units import parse_rate
from ifcbscan.errors import ConfigError

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY_MINUTES = 24 * 60
_ENTRY = re.compile(r"(?:([a-z]+)-)?([01][0-9]|2[0-3]):([0-5][0-9]),(.+)", re.IGNORECASE | re.ASCII)
_NO_LIMIT = "off"


class Timetable(NamedTuple):
    """Rates in bytes a second, None for no limit, each from a minute of the week on (counted from Monday, 00:00).

    In the order of their times, at least one. The last one of the week holds until the first one of the next.
    """

    changes: tuple[tuple[int, float | None], ...]

    def rate_at(self, local: datetime) -> float | None:
        """Bytes a second that may be sent at this moment, in local time; None: no limit."""
        minute = local.weekday() * _DAY_MINUTES + local.hour * 60 + local.minute
        begun = bisect.bisect_right([start for start, _ in self.changes], minute)
        return self.changes[begun - 1][1]  # before the first one: the last one


def parse_timetable(text: str, name: str) -> Timetable:
    """`500K`, `off`, `08:00,200K 20:00,2M` or `Mon-08:00,512K Fri-18:00,off`. Raises ConfigError naming `name`.

    An entry without a day is one of every day. Of two of the same time the later one in the text holds.
    """
    entries = text.split()
    if not any("," in entry for entry in entries):
        return Timetable(((0, _rate(text.strip(), name)),))
    changes: dict[int, float | None] = {}
    for entry in entries:
        match = _ENTRY.fullmatch(entry)
        days = _days(match.group(1)) if match else ()
        if match is None or not days:
            raise _malformed(entry, name)
        minute = int(match.group(2)) * 60 + int(match.group(3))
        changes.update(
            dict.fromkeys((day * _DAY_MINUTES + minute for day in days), _rate(match.group(4), name))
        )
    return Timetable(tuple(sorted(changes.items())))


def _days(word: str | None) -> range:
    """The days of the week that an entry is of, 0 is Monday; none for a word that is no day."""
    if word is None:
        return range(7)
    for number, day in enumerate(_DAYS):
        if word.lower() in (day, day[:3]):
            return range(number, number + 1)
    return range(0)


def _rate(text: str, name: str) -> float | None:
    if text.lower() == _NO_LIMIT:
        return None
    try:
        return parse_rate(text, name)
    except ConfigError:
        raise _malformed(text, name) from None


def _malformed(text: str, name: str) -> ConfigError:
    return ConfigError(
        f"{name}: {text!r} is no rate, and no entry of a timetable. Write bytes a second as 500K or 2M, or from when on "
        "which rate holds, in local time: 08:00,200K 20:00,2M, for a day of the week Mon-08:00,512K; off is no limit."
    )
