"""How a scan is to run, as its caller says it."""

from __future__ import annotations

from typing import NamedTuple

from ifcbscan.core.decision import Policy
from ifcbscan.core.window import EVERYTHING, Window


class ScanOptions(NamedTuple):
    """How to run. Durations in seconds; `max_age` None is a full run. `window` is also the tree's.

    `expect_every`: a new bin is expected every so many seconds; None: nobody says so.
    `find_newest`: note the newest bins in the report, also where nothing was sent; it costs time for each bin. `find_vital`: in a
    full run, look for the vital signs of the instrument and its disk. `max_daily`: so many bytes are put a day (UTC), all runs
    together, before no new bin is begun; None: no limit.
    """

    account: str
    time_series: str
    policy: Policy
    dry_run: bool = False
    max_age: float | None = None
    time_limit: float | None = None
    jobs: int = 4
    retry_rejected: bool = False
    find_newest: bool = False
    find_vital: bool = False
    window: Window = EVERYTHING
    expect_every: float | None = None
    max_daily: float | None = None

    @property
    def mode(self) -> str:
        """`recent` or `full`, as the JSON and the lock name it."""
        return "full" if self.max_age is None else "recent"
