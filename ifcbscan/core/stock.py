"""What lies on a disk before the first run over it: which instruments, which years, how much of it is to be sent.

An instrument's disk holds the bins of earlier deployments. Whoever starts a job is shown them first, because the
archive forgets nothing that was sent into the wrong time series. Pure.
"""

from __future__ import annotations

from typing import Iterable, NamedTuple, Sequence

from ifcbscan.core.bins import Pid
from ifcbscan.core.window import moment_text
from ifcbscan.core.words import counted

#: Bins sampled so long ago may be of an earlier deployment. Seconds.
AN_EARLIER_DEPLOYMENT = 7 * 86400.0


class StockedBin(NamedTuple):
    """A complete bin on the disk."""

    pid: Pid
    in_archive: bool
    to_send: bool  # now, or once it has settled or the archive has checked it


class Group(NamedTuple):
    """The bins of one instrument and year. First and last sample time in seconds since 1970 (UTC)."""

    instrument: int
    year: int
    bins: int
    in_archive: int
    to_send: int
    first: int
    last: int


class Stock(NamedTuple):
    """All complete bins of a window. `to_send_since`: the oldest one to be sent, seconds since 1970 (UTC); None if none is.

    `outside`: bins on the disk that are not in the window. `compared`: whether the archive was asked; else none is known to
    be in the archive, and any may have to be sent.
    """

    groups: Sequence[Group]
    to_send_since: int | None
    outside: int = 0
    compared: bool = True

    @property
    def bins(self) -> int:
        """How many in all."""
        return sum(group.bins for group in self.groups)

    @property
    def to_send(self) -> int:
        """How many of them would be sent."""
        return sum(group.to_send for group in self.groups)

    def doubts(self, now: float) -> Sequence[str]:
        """Why what would be sent may be of an earlier deployment, in words; nothing where there is no reason to think so.

        `now`: seconds since 1970 (UTC), by the bucket's clock, because this computer's may be wrong.
        """
        found = []
        if self.to_send_since is not None and self.to_send_since < now - AN_EARLIER_DEPLOYMENT:
            old = moment_text(self.to_send_since)[:10]
            which = "bins that would be sent" if self.compared else "bins"
            found.append(f"some {which} are older than 7 days (from {old} on)")
        instruments = sorted({group.instrument for group in self.groups})
        if self.to_send and len(instruments) > 1:
            names = ", ".join(f"IFCB{number:03d}" for number in instruments)
            found.append(f"there are bins of {len(instruments)} instruments ({names})")
        return found

    def lines(self) -> Sequence[str]:
        """A table of it, for people, oldest year first."""
        return [
            f"  IFCB{group.instrument:03d}  {group.year:04d}  {counted(group.bins, 'bin'):>12}, {_days(group)}"
            + (
                f": {group.in_archive:,} in the archive, {group.to_send:,} to be sent"
                if self.compared
                else ""
            )
            for group in self.groups
        ]


def stock_of(bins: Iterable[StockedBin], outside: int = 0, compared: bool = True) -> Stock:
    """Sort bins by instrument and year; `outside` is how many more there are outside the window."""
    groups: dict[tuple[int, int], Group] = {}
    since: int | None = None
    for item in bins:
        pid, sampled = item.pid, item.pid.sample_time
        place = (int(pid.day_folder[:4]), pid.instrument)
        known = groups.get(place) or Group(place[1], place[0], 0, 0, 0, sampled, sampled)
        groups[place] = known._replace(
            bins=known.bins + 1,
            in_archive=known.in_archive + item.in_archive,
            to_send=known.to_send + item.to_send,
            first=min(known.first, sampled),
            last=max(known.last, sampled),
        )
        if item.to_send:
            since = sampled if since is None else min(since, sampled)
    return Stock([groups[place] for place in sorted(groups)], since, outside, compared)


def _days(group: Group) -> str:
    first, last = moment_text(group.first)[:10], moment_text(group.last)[:10]
    return first if first == last else f"{first} to {last}"
