"""What `ifcbscan check` says of the limits of sending: how much a second now, and how much a day."""

from __future__ import annotations

import contextlib
import math
from datetime import datetime
from typing import Iterator

from ifcbscan.cli.checked import Item
from ifcbscan.cli.options import bandwidth
from ifcbscan.clock import Clock
from ifcbscan.config import Config
from ifcbscan.core.units import parse_daily
from ifcbscan.core.words import human_bytes
from ifcbscan.errors import IfcbscanError
from ifcbscan.schedule.jobs import ScheduledJob

#: So much a day (bytes) is hardly a limit that somebody wants: most bins are larger.
_HARDLY_MEANT = 1e6


def check_limits(config: Config, job: ScheduledJob | None, clock: Clock) -> Iterator[Item]:
    """A line for each limit that there is. `job`: the scheduled job of the folder, whose own limits go before the settings'."""
    rates, source = config.max_bandwidth, "MAX_BANDWIDTH"
    daily, named = config.max_daily, "MAX_DAILY"
    with contextlib.suppress(IfcbscanError):  # an entry that somebody has edited: its scans say what is wrong
        if job is not None and job.extras.bandwidth is not None:
            rates, source = bandwidth(job.extras.bandwidth), "--bandwidth in the schedule"
        if job is not None and job.extras.max_daily is not None:
            daily, named = parse_daily(job.extras.max_daily, "--max-daily"), "--max-daily in the schedule"
    if rates is not None:
        local = datetime.fromtimestamp(clock.wall())
        rate = rates.rate_at(local)
        limit = "no limit" if rate is None else f"at most {human_bytes(rate)} a second"
        yield Item(
            True, "bandwidth", f"{limit} now ({source}; by this computer's clock it is {local:%a %H:%M})"
        )
    if daily is not None and daily < math.inf:
        limit = f"at most {human_bytes(daily)} of each time series a day (UTC; {named})"
        if daily >= _HARDLY_MEANT:
            yield Item(True, "daily budget", limit)
        else:
            yield Item(
                False, "daily budget", f"{limit}: most bins are larger. Is a unit missing? Write 500M or 1G"
            )
