"""What the newest bin tells of the instrument's health, and how long the data disk will last. Pure.

Temperature and humidity stand in the `.hdr`, where the instrument has the sensors (pyifcb ifcb/data/hdr.py): humidity that rises
tells of a leak before anything else does. A disk that fills up stops the acquisition (IFCB_FieldGuide).
"""

from __future__ import annotations

import datetime
from typing import Iterable, NamedTuple

from ifcbscan.core.bins import Fileset, Pid
from ifcbscan.core.words import human_bytes, human_duration

#: Days back from now whose bins tell how fast the disk fills.
RATE_DAYS = 7

#: Bins of a shorter time say too little of a rate. Seconds.
_SHORTEST = 6 * 3600.0

_A_DAY = 86400.0

#: Below either, somebody has to make room now: days at the present rate, and bytes.
FEW_DAYS = 3.0
LITTLE_SPACE = 1e9

#: Less than a few bins need. Such a disk is full, and that may be why no bins come any more. Bytes.
NO_SPACE = 1e8

# What a sensor can say at all. One that is not connected may say anything; a dry housing reads a little below 0 %.
_TEMPERATURES = (-60.0, 125.0)
_HUMIDITIES = (-50.0, 150.0)


class Readings(NamedTuple):
    """What a `.hdr` says of the inside of the instrument: degrees Celsius, and per cent; None where it says nothing."""

    temperature: float | None = None
    humidity: float | None = None


class VitalSigns(NamedTuple):
    """`pid`: the newest complete bin, of which the readings are; None if there is none.

    `free`: bytes on the data disk; None if that is not known, or nothing can be written there. `days_left`: until it is
    full, at the rate of the last days; None if no bins have come lately.
    """

    pid: Pid | None = None
    readings: Readings = Readings()
    free: int | None = None
    days_left: float | None = None

    @property
    def disk_nearly_full(self) -> bool:
        """Whether somebody has to make room now: there is none left, or bins come and there is hardly any left."""
        if self.free is None:
            return False
        if self.free < NO_SPACE:
            return True
        if self.days_left is None:
            return False
        return self.days_left < FEW_DAYS or self.free < LITTLE_SPACE

    def lines(self) -> tuple[str, ...]:
        """What is known, in words."""
        inside, space = self.inside(), self.space()
        return (
            *([f"inside the instrument: {inside}"] if inside else []),
            *([f"data disk: {space}"] if space else []),
        )

    def inside(self) -> str:
        """Temperature and humidity in words, and whose they are; "" if neither is known."""
        temperature, humidity = self.readings
        known = [] if temperature is None else [f"{temperature:.1f} degrees C"]
        known += [] if humidity is None else [f"{humidity:.1f} % humidity"]
        return f"{', '.join(known)} ({self.pid})" if known else ""

    def space(self) -> str:
        """The room on the data disk in words; "" if that is not known."""
        if self.free is None:
            return ""
        text = f"{human_bytes(self.free)} free"
        if self.days_left is None:
            return text
        return f"{text}, enough for {human_duration(self.days_left * _A_DAY)} at the rate of the last days"

    def warning(self, directory: str) -> str:
        """What is to be said of a disk that is nearly full; "" if it is not."""
        if not self.disk_nearly_full:
            return ""
        return (
            f"the disk of {directory} is nearly full: {self.space()}. A full disk stops the acquisition. Make room: 'ifcbscan "
            "verify' with --deletable lists the files that are safe to delete"
        )


def read_readings(header: bytes) -> Readings:
    """Of the bytes of a `.hdr`, whatever they are; more than hdr.LONGEST_HEADER are not looked at."""
    from ifcbscan.core.hdr import read_header  # here only: most runs look into no header  # noqa: PLC0415

    found = read_header(header)
    return Readings(
        _within(found.number("temperature"), _TEMPERATURES), _within(found.number("humidity"), _HUMIDITIES)
    )


def _within(value: float | None, limits: tuple[float, float]) -> float | None:
    # NaN lies within nothing
    return value if value is not None and limits[0] <= value <= limits[1] else None


def days_until_full(free: int, filesets: Iterable[Fileset], now: float) -> float | None:
    """Days until `free` bytes are used up by bins as they came in the last RATE_DAYS days; None if none came.

    `now`: seconds since 1970. A bin from the future tells nothing.
    """
    since = now - RATE_DAYS * _A_DAY
    first, size = now, 0
    for fileset in _of_the_days_from(since, filesets):
        sampled = fileset.pid.sample_time
        if since <= sampled <= now:
            first = min(first, sampled)
            size += sum(max(member, 0) for member in fileset.sizes)
    span = now - first
    if not size or span < _SHORTEST:
        return None
    return free * span / size / _A_DAY


def _of_the_days_from(since: float, filesets: Iterable[Fileset]) -> Iterable[Fileset]:
    """A first choice by text alone, because of a million bins hardly any are of the last days."""
    day = datetime.date(1970, 1, 1) + datetime.timedelta(seconds=int(since))
    new, old = day.strftime("%Y%m%d"), day.strftime("%Y_%j")
    for fileset in filesets:
        pid = fileset.pid
        if pid[6:14] >= old if pid.old_style else pid[1:9] >= new:
            yield fileset
