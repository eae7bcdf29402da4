"""After a full scan: whether the dashboard still has the time series, and how far it is behind. Asked once a day at most.

Only if something was sent since it was asked last, by a run of either mode, or if something was wrong then.
"""

from __future__ import annotations

import time

from ifcbscan.cli.job import Job
from ifcbscan.cli.log import logger
from ifcbscan.core.dashboard_note import DashboardNote
from ifcbscan.core.scan_report import ScanReport
from ifcbscan.state import dashboard_notes

_FULL = "full"


def wants_newest(job: Job, mode: str) -> bool:
    """Whether the dashboard will be asked after the scan that is about to begin, so that the newest bin has to be found."""
    if mode != _FULL or job.config.dashboard_url is None:
        return False
    return dashboard_notes.read(job.directory, job.time_series).is_due(time.time())


def with_dashboard(report: ScanReport, job: Job, by_hand: bool, guard: bool | None) -> ScanReport:
    """The report with what the dashboard says, or said last, and the warnings that follow from it. Never fails.

    `guard`: this scan has asked it before the first file, with this result; None if there was no need to. It is then not
    asked again by the same scan. A scan `by_hand` tells what is known, and leaves the asking to the hourly one.
    """
    if job.config.dashboard_url is None:
        return report
    note = dashboard_notes.read(job.directory, job.time_series)
    if report.uploaded and not note.sent:
        note = note._replace(sent=True)
        dashboard_notes.write(job.directory, job.time_series, note)
    if report.mode != _FULL:
        return report
    now = time.time()
    if guard:
        note = note._replace(asked=now, known=True, trouble="")
        dashboard_notes.write(job.directory, job.time_series, note)
    elif guard is None and not by_hand and note.is_due(now) and report.newest_archived is not None:
        note = _ask(job, job.config.dashboard_url, report, note, now)
    if note.asked is None:
        return report
    return report._replace(dashboard=note, warnings=report.warnings + tuple(note.warnings()))


def _ask(job: Job, url: str, report: ScanReport, before: DashboardNote, now: float) -> DashboardNote:
    # Imported only now: it is needed once a day.
    from ifcbscan.runs.dashboard_watch import ask_about_series

    archived, here = report.newest_archived or "", report.newest_local or ""
    note = ask_about_series(url, job.config.account, job.time_series, archived, now)._replace(here=here)
    if note.known is None:
        note = before._replace(tried=now)  # what it said before still holds; asked again the next day
        dashboard_notes.write(job.directory, job.time_series, note)
        return note
    note = note._replace(still_empty=note.is_empty and before.is_empty)
    dashboard_notes.write(job.directory, job.time_series, note)
    logger.info("the dashboard was %s", note.line(now))
    return note
