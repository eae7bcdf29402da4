"""Whether the dashboard still has the time series that a job feeds, and how far it is behind. Asked once a day at most.

The question before the first file (dashboard/series.py) is not enough: a series can be renamed later, the dashboard may not have
answered at that time, and a series that an older client has fed was never asked for.
"""

from __future__ import annotations

import contextlib

from ifcbscan.core.dashboard_note import DashboardNote
from ifcbscan.dashboard import series
from ifcbscan.dashboard.calls import Dashboard, DashboardError

_KNOWN = {series.Known.YES: True, series.Known.NO: False, series.Known.NOT_SAID: None}


def ask_about_series(url: str, account: str, time_series: str, archived: str, now: float) -> DashboardNote:
    """What the dashboard at `url` says now. `archived`: pid of the newest bin in the archive, "" if that is not known.

    `now`: seconds since 1970 (UTC), by this computer's clock. Two requests; one that is not answered is no error.
    """
    answer = series.ask(url, account, time_series)
    known = _KNOWN[answer.known]
    trouble, newest = "", ""
    if known is False:
        trouble = (
            f"{answer.line} What is sent to {time_series!r} is safe in the archive, but nobody sees it. If the series has another "
            "name there now, end this job with 'ifcbscan stop' and start it with that name; else ask the people who run "
            "the dashboard"
        )
    elif known:
        with contextlib.suppress(DashboardError):  # the next day tells
            newest = Dashboard(url).most_recent_bin(time_series) or ""
    return DashboardNote(now, known, trouble, newest, archived)
