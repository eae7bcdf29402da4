"""`ifcbscan status`: what is scheduled, when it last ran, and how that went."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Sequence

from ifcbscan.cli import output
from ifcbscan.cli.more_options import StatusArguments
from ifcbscan.cli.schedule_view import rival_words, rivals_among
from ifcbscan.cli.signals import Interruption
from ifcbscan.core.dashboard_note import DashboardNote
from ifcbscan.core.window import EVERYTHING
from ifcbscan.errors import ExitCode
from ifcbscan.schedule.choose import for_this_system
from ifcbscan.schedule.jobs import InstalledJob, ScheduledJob
from ifcbscan.state import dashboard_notes, last_runs
from ifcbscan.state.dashboard_notes import NOTHING_KNOWN
from ifcbscan.state.last_runs import LastRun

_OVERDUE = 15 * 60.0
"""Seconds after which the every-minute scan should have ended again, even a slow one."""

#: Results whose reason is one line; the others are told by the counts of bins.
_WITH_REASON = (ExitCode.UNEXPECTED, ExitCode.USAGE, ExitCode.LOCKED, ExitCode.UNREACHABLE)

#: Counts that tell of bins which wait or are in trouble, with the words for them.
_WAITING = (
    ("to_upload", "to upload"),
    ("unconfirmed", "waiting for the archive's check"),
    ("settling", "still being written"),
    ("incomplete", "incomplete"),
    ("held", "held back"),
    ("rejected", "rejected by the archive"),
    ("conflict", "in conflict"),
    ("failed", "failed"),
)

_RESULTS = {
    ExitCode.DONE: "done",
    ExitCode.UNEXPECTED: "unexpected error",
    ExitCode.USAGE: "not possible",
    ExitCode.PARTLY_FAILED: "finished, but something failed",
    ExitCode.LOCKED: "could not begin",
    ExitCode.UNREACHABLE: "the bucket could not be reached",
    ExitCode.INTERRUPTED: "interrupted",
    ExitCode.TERMINATED: "ended from outside",
}


@dataclass(frozen=True)
class JobStatus:
    """A scheduled job and its last runs, as far as they are known."""

    installed: InstalledJob
    recent: LastRun | None
    full: LastRun | None
    dashboard: DashboardNote = NOTHING_KNOWN
    rivals: Sequence[ScheduledJob] = ()  # other jobs that send some of the same bins to another time series

    def to_json(self) -> dict[str, Any]:
        job = self.installed.job
        return {
            "directory": job.directory,
            "time_series": job.time_series,
            "scheduled": {"every_minute": self.installed.recent, "hourly": self.installed.full},
            "up_to_date": self.installed.up_to_date,
            "last_run": {"recent": _run_json(self.recent), "full": _run_json(self.full)},
            "log_file": job.log_file,
            "env_file": job.env_file,
            **_dashboard_json(self.dashboard),
            **({} if job.window == EVERYTHING else {"window": " ".join(job.window.options())}),
        }


def run(arguments: StatusArguments, _interruption: Interruption) -> int:
    """Print the status of every job; returns an exit code."""
    scheduler = for_this_system()
    found = []
    jobs = scheduler.jobs()
    pairs = rivals_among([installed.job for installed in jobs])
    for installed in jobs:
        job = installed.job
        found.append(
            JobStatus(
                installed,
                last_runs.read(job.directory, job.time_series, "recent"),
                last_runs.read(job.directory, job.time_series, "full"),
                dashboard_notes.read(job.directory, job.time_series),
                [other for pair in pairs for other in pair if job in pair and other != job],
            )
        )
    if arguments.as_json:
        scheduled = {"scheduler": scheduler.name, "jobs": [status.to_json() for status in found]}
        output.result_json(scheduled)
    elif not found:
        output.result("Nothing is scheduled for this user. 'ifcbscan start DIR TIME_SERIES' does it.")
    else:
        for number, status in enumerate(found):
            output.result(*([""] if number else []), *_lines(status, scheduler.name))
        for note in scheduler.notes():
            output.say(f"Please note: {note}")
    return ExitCode.DONE


def _dashboard_json(note: DashboardNote) -> dict[str, Any]:
    """What the dashboard said, under a key of its own; nothing where it was never asked."""
    if note.asked is None:
        return {}
    return {
        "dashboard": {
            "knows_time_series": note.known,
            "newest": note.newest or None,
            "archived": note.archived or None,
            "behind_seconds": note.behind,
            "warnings": list(note.warnings()),
        }
    }


def _run_json(record: LastRun | None) -> dict[str, Any] | None:
    if record is None:
        return None
    return {
        "finished": record.finished,
        "exit_code": record.exit_code,
        "summary": record.summary,
        "bins": record.bins,
    }


def _lines(status: JobStatus, scheduler: str) -> list[str]:
    job = status.installed.job
    rows = [
        ("time series", job.time_series),
        ("folder", job.directory),
        *([] if job.window == EVERYTHING else [("window", str(job.window))]),
        *([("options", job.extras.words())] if job.extras.words() else []),
        ("schedule", _schedule(status.installed, scheduler)),
        ("last scan", _run(status.recent, status.installed.recent)),
        ("last full", _run(status.full, False)),
        ("bins", _bins(status)),
        *([("dashboard", status.dashboard.line(time.time()))] if status.dashboard.asked is not None else []),
        ("log", job.log_file),
        *(("WRONG", rival_words(rival)) for rival in status.rivals),
    ]
    return [f"{name:<12} {text}" for name, text in rows]


def _schedule(installed: InstalledJob, scheduler: str) -> str:
    if not (installed.recent and installed.full):
        missing = "hourly" if installed.recent else "every-minute"
        return f"INCOMPLETE: the {missing} entry is missing; the same 'ifcbscan start' again puts it back"
    text = f"every minute, and everything at minute {installed.job.hourly_minute} of every hour ({scheduler})"
    return "; ".join(filter(None, (text, installed.remark)))


def _run(record: LastRun | None, due_every_minute: bool) -> str:
    if record is None:
        return "none known of yet"
    result = _RESULTS.get(record.exit_code, f"exit code {record.exit_code}")
    if record.exit_code in _WITH_REASON:
        result += f": {record.summary}"
    text = f"{record.finished} ({_ago(record.age)}): {result}"
    if due_every_minute and record.age > _OVERDUE:
        text += " -- OVERDUE: it should run every minute; 'ifcbscan check' may say why it does not"
    return text


def _ago(seconds: float) -> str:
    if seconds < 0:
        return "in the future: was the clock set?"
    for size, word in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {word} ago"
    return f"{seconds:.0f} s ago"


def _bins(status: JobStatus) -> str:
    # The full scan sees every bin; the recent one only the last days, but it is newer.
    if status.full is not None and status.full.bins:
        return f"{_counts(status.full)} (at the last full scan)"
    if status.recent is not None and status.recent.bins:
        return f"{_counts(status.recent)} (of the last days; a full scan is to follow)"
    return "not known yet"


def _counts(record: LastRun) -> str:
    parts = [f"{record.bins[name]} {words}" for name, words in _WAITING if record.bins.get(name)]
    safe = record.bins.get("synced", 0) + record.bins.get("uploaded", 0)
    outside = record.bins.get("outside")
    left_out = [f"{outside} outside the window"] if outside else []
    return ", ".join([f"{safe} in the archive", *(parts or ["none waiting"]), *left_out])
