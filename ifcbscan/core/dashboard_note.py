"""What the dashboard said of a time series when it was last asked, and how far it is behind the archive. Pure."""

from __future__ import annotations

from typing import NamedTuple, Sequence

from ifcbscan.core.bins import parse_pid
from ifcbscan.core.words import human_ago, human_duration

#: The dashboard is asked about a time series no more often than this. Seconds.
ASK_EVERY = 86400.0

#: Bins show 15 to 20 minutes after they have arrived; a dashboard that is further behind than this has a reason. Seconds.
FAR_BEHIND = 86400.0


class DashboardNote(NamedTuple):
    """`asked`: when it answered last, seconds since 1970 (UTC) by this computer's clock; None: never yet.

    `known`: whether the dashboard has the time series, None if it never said. `trouble`: what to do about it, "" if there is
    nothing to do. `newest`, `archived` and `here`: pids of the newest bin that the dashboard showed, that the archive had, and
    that lay on this disk at that time, "" if there was none or it is not known. `sent`: something was sent since.
    `still_empty`: it showed no bin although the archive had some, and the time before as well. `tried`: when it was asked
    last, answered or not.
    """

    asked: float | None = None
    known: bool | None = None
    trouble: str = ""
    newest: str = ""
    archived: str = ""
    sent: bool = False
    here: str = ""
    still_empty: bool = False
    tried: float | None = None

    def is_due(self, now: float) -> bool:
        """Whether it is time to ask (again): something was sent since, or something was wrong, and not within a day.

        A clock that was set back is no obstacle.
        """
        return bool(self.sent or self.warnings() or self.is_empty) and all(
            last is None or not 0 <= now - last < ASK_EVERY for last in (self.asked, self.tried)
        )

    @property
    def behind(self) -> float | None:
        """How far the dashboard was behind the archive: seconds between the two newest bins; None if that is not known."""
        shown, archived = parse_pid(self.newest), parse_pid(self.archived)
        return max(0.0, archived.sample_time - shown.sample_time) if shown and archived else None

    @property
    def is_empty(self) -> bool:
        """Whether the dashboard knew the time series and showed no bin of it, though the archive had one."""
        return bool(self.known and self.archived and not self.newest)

    def warnings(self) -> Sequence[str]:
        """What a person must know of it."""
        found = [self.trouble] if self.trouble else []
        if self.still_empty:  # once is no reason to worry: the first bins need some time to appear
            found.append(
                f"the dashboard knew the time series, and showed no bin of it, though the archive had {self.archived}. If that "
                "lasts, ask the people who run the dashboard; what is in the archive is safe"
            )
        elif self.behind is not None and self.behind > FAR_BEHIND:
            found.append(
                f"the dashboard was {human_duration(self.behind)} behind the archive: its newest bin was {self.newest}, the "
                f"archive's {self.archived}. If that lasts, ask the people who run it; what is in the archive is safe"
            )
        return found

    def line(self, now: float) -> str:
        """All of it in one line, for `status` and the log."""
        if self.asked is None:
            return "not asked yet"
        said = "knows the time series" if self.known else "DOES NOT KNOW the time series"
        parts = [f"asked {human_ago(now - self.asked)}: {said}"]
        if self.newest:
            parts.append(f"newest bin there {self.newest}")
        if self.archived:
            parts.append(f"in the archive {self.archived}")
        if self.here:
            parts.append(f"here {self.here}")
        if self.behind is not None:
            parts.append(f"{human_duration(self.behind)} behind" if self.behind else "up to date")
        return "; ".join(parts)
