"""Whether the dashboard still has the time series that a job feeds, and how far it is behind. Asked once a day at most.

The question before the first file (dashboard/series.py) is not enough: a series can be renamed later, the dashboard may not have
answered at that time, and a series that an older client has fed was never asked for.
"""

from __future__ import annotations

from ifcbscan.core.bins import parse_pid
from ifcbscan.core.dashboard_note import DashboardNote
from ifcbscan.dashboard import series
from ifcbscan.dashboard.calls import Dashboard, DashboardError

_KNOWN = {series.OnDashboard.YES: True, series.OnDashboard.NO: False, series.OnDashboard.NOT_SAID: None}


def ask_about_series(url: str, account: str, time_series: str, archived: str, now: float) -> DashboardNote:
    """What the dashboard at `url` says now. `archived`: pid of the newest bin in the archive, "" if that is not known.

    `now`: seconds since 1970 (UTC), by this computer's clock. Two requests; where one of them is not answered, or with what is
    no bin, nothing is known, and the next day tells: half an answer would look like a time series without bins.
    """
    answer = series.ask(url, account, time_series)
    known = _KNOWN[answer.on_dashboard]
    trouble, newest = "", ""
    if known is False:
        trouble = (
            f"{answer.line} What is sent to {time_series!r} is safe in the archive, but nobody sees it. Ask the people who run the "
            "dashboard. If the series has another name there now, ask them what becomes of the bins under this one before you "
            "'ifcbscan stop' this job and start it with the new name; --since now keeps it from sending all bins again"
        )
    elif known:
        try:
            newest = Dashboard(url).most_recent_bin(time_series) or ""
        except DashboardError:
            known = None
        if newest and parse_pid(newest) is None:
            known, newest = None, ""
    return DashboardNote(now, known, trouble, newest, archived)
