"""`ifcbscan status`: what is scheduled, when it last ran, and how that went."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import Any, Sequence

from ifcbscan.cli import output
from ifcbscan.cli.job import scheduled_config
from ifcbscan.cli.known_jobs import JobStatus, known_jobs, worst_first
from ifcbscan.cli.more_options import StatusArguments
from ifcbscan.cli.schedule_view import is_about, none_about, rival_words
from ifcbscan.cli.signals import Interruption
from ifcbscan.core.dashboard_note import DashboardNote
from ifcbscan.core.health import KnownJob, outage, overdue, overdue_full, past_outage, reason_of, summary
from ifcbscan.core.last_run import FORM, LastRun, safe_of, seconds
from ifcbscan.core.window import EVERYTHING
from ifcbscan.core.words import human_ago
from ifcbscan.errors import ExitCode, IfcbscanError
from ifcbscan.schedule.choose import for_this_system

#: Results whose reason is one line; the others are told by the counts of bins.
_WITH_REASON = (ExitCode.UNEXPECTED, ExitCode.USAGE, ExitCode.LOCKED)

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
    ExitCode.INTERRUPTED: "interrupted",
    ExitCode.TERMINATED: "ended from outside",
}

_COLUMNS = ("time series", "state", "in archive", "waiting", "needs you", "newest bin", "last success")

#: What stands in a table where nothing is known.
_UNKNOWN = "-"


def run(arguments: StatusArguments, _interruption: Interruption) -> int:
    """Print the status of every job, or of those that were named; returns an exit code."""
    scheduler = for_this_system()
    now = time.time()
    every = known_jobs(scheduler, now)
    found = [status for status in every if arguments.what is None or is_about(status.job, arguments.what)]
    if arguments.what is not None and not found:
        raise none_about(arguments.what, [status.job for status in every])
    trouble = max((status.known.records_trouble for status in found), default="")
    down = max((status.known.scheduler_down for status in found), default="")
    if arguments.as_json:
        jobs = {"scheduler": scheduler.name, "jobs": [_json(status, now) for status in found]}
        troubles = {"records_trouble": trouble, "scheduler_trouble": down}
        output.result_json({**jobs, **{name: text for name, text in troubles.items() if text}})
    elif not found:
        output.result("Nothing is scheduled for this user. 'ifcbscan start DIR TIME_SERIES' does it.")
    else:
        if arguments.what is not None or len(found) == 1:
            for number, status in enumerate(worst_first(found)):
                output.result(*([""] if number else []), *_lines(status, scheduler.name, now))
        else:
            output.result(*_table(worst_first(found), now))
        if trouble and (len(found) > 1 or found[0].health.words != trouble):
            output.say(f"  warning: {trouble}")
        for note in scheduler.notes():
            output.say(f"Please note: {note}")
    bad = any(status.health.light.needs_attention for status in found)
    return ExitCode.PARTLY_FAILED if bad else ExitCode.DONE


# ---- for programs


def _json(status: JobStatus, now: float) -> dict[str, Any]:
    job, known = status.job, status.known.known_at(now)
    return {
        "directory": job.directory,
        "time_series": job.time_series,
        "scheduled": {"every_minute": status.installed.recent, "hourly": status.installed.full},
        "up_to_date": status.installed.up_to_date,
        "state": status.health.light.value.lower(),
        "reason": status.health.words,
        "needs_attention": status.health.light.needs_attention,
        "last_success": known.last_success,
        "failing_since": known.failing[0].failing_since if known.failing else None,
        "installed": None if known.installed is None else _moment(known.installed),
        "newest_bin": known.newest_bin,
        "last_run": {"recent": _run_json(known.last_recent), "full": _run_json(known.last_full)},
        "log_file": job.log_file,
        "env_file": job.env_file,
        **_dashboard_json(status.dashboard),
        **({} if job.window == EVERYTHING else {"window": " ".join(job.window.options())}),
        **({} if status.system is None else {"table": status.system.table, "user": status.system.user}),
    }


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


# ---- many jobs: a table


def _table(jobs: Sequence[JobStatus], now: float) -> list[str]:
    names = [status.job.time_series for status in jobs]
    rows: list[tuple[str, ...]] = [_COLUMNS]
    for status in jobs:
        # two folders may feed one time series
        twice = names.count(status.job.time_series) > 1
        rows.append(
            (status.job.time_series + (f" ({status.job.directory})" if twice else ""), *_cells(status, now))
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    return [*lines, summary(status.health.light for status in jobs)]


def _cells(status: JobStatus, now: float) -> tuple[str, ...]:
    known = status.known.known_at(now)
    counts = (known.in_archive, known.waiting, None if known.in_archive is None else known.attention)
    sampled, success = known.newest_sampled, known.last_success
    return (
        status.health.light.value,
        *(_UNKNOWN if count is None else f"{count:,}" for count in counts),
        _UNKNOWN if sampled is None else human_ago(now - sampled),
        _UNKNOWN if success is None else human_ago(now - seconds(success)),
    )


# ---- one job: all there is to say


def _lines(status: JobStatus, scheduler: str, now: float) -> list[str]:
    job, known = status.job, status.known.known_at(now)
    rows = [
        ("time series", job.time_series),
        ("state", _state(status)),
        ("account", _account(job.env_file)),
        ("folder", job.directory),
        *([] if job.window == EVERYTHING else [("window", str(job.window))]),
        *([("options", job.extras.words())] if job.extras.words() else []),
        ("schedule", _schedule(status, scheduler)),
        *_of_runs(status, now),
        *([("dashboard", status.dashboard.line(now))] if status.dashboard.asked is not None else []),
        ("log", job.log_file + _log_trouble(known.last)),
        *(("WRONG", rival_words(rival)) for rival in status.rivals),
    ]
    return [f"{name:<12} {text}" for name, text in rows]


def _state(status: JobStatus) -> str:
    light, words = status.health
    return light.value + (f": {words}" if words else "")


def _account(env_file: str) -> str:
    try:
        account = scheduled_config(env_file).account
    except IfcbscanError:
        account = "not known, as the settings cannot be used"
    return f"{account} (settings: {env_file})"


def _schedule(status: JobStatus, scheduler: str) -> str:
    installed, system = status.installed, status.system
    where = scheduler if system is None else f"system: {system.table}, as user {system.user}"
    if not (installed.recent and installed.full):
        missing = "hourly" if installed.recent else "every-minute"
        cure = "the same 'ifcbscan start' again puts it back"
        if system is not None:
            cure = f"an administrator must put it back into {system.table}"
        return f"INCOMPLETE: the {missing} entry is missing; {cure}"
    text = f"every minute, and everything at minute {installed.job.hourly_minute} of every hour ({where})"
    return "; ".join(filter(None, (text, installed.remark)))


def _of_runs(status: JobStatus, now: float) -> list[tuple[str, str]]:
    """What records tell. Those of another user's job are in that user's folder."""
    known, system = status.known.known_at(now), status.system
    if known.foreign and system is not None:
        age = "" if known.log_age is None else f"; its log was written to {human_ago(known.log_age)}"
        return [
            (
                "last scan",
                f"not known here: the records belong to {system.user}{age}. 'sudo -u {system.user} ifcbscan status' shows them",
            )
        ]
    failing = known.failing
    return [
        ("last scan", _run(known.last_recent, known, now) + _late(overdue(known, now))),
        ("last full", _run(known.last_full, known, now) + _late(overdue_full(known, now))),
        ("last success", _when(known.last_success, now) or "none known of yet"),
        *([("failing", f"since {_when(failing[0].failing_since, now)}")] if failing else []),
        ("newest bin", _newest(status, now)),
        ("bins", _bins(status)),
        *(("instrument", line) for line in (() if known.last_full is None else known.last_full.instrument)),
    ]


def _run(record: LastRun | None, known: KnownJob, now: float) -> str:
    if record is None:
        return "none known of yet"
    result = _RESULTS.get(record.exit_code, f"exit code {record.exit_code}")
    if record.exit_code == ExitCode.UNREACHABLE:
        end = known.end_of(record)
        result = outage(record, now) if end is None else past_outage(record, end, now)
    elif record.exit_code in _WITH_REASON:
        result += f": {record.summary}"
    elif record.silence:
        result += f": {record.silence}"
    elif record.exit_code == ExitCode.PARTLY_FAILED and reason_of(record) != record.summary:
        result += f": {reason_of(record)}"
    elif record.waits:
        result += f": {record.waits}"
    return f"{_when(record.finished, now)}: {result}"


def _late(words: str) -> str:
    return words and f" -- OVERDUE: {words}; 'ifcbscan check' may say why it does not"


def _when(moment: str | None, now: float) -> str:
    """A moment as records write it, and how long ago that was."""
    if moment is None:
        return ""
    ago = human_ago(now - seconds(moment))
    return f"{moment} ({ago}: was the clock set?)" if ago.startswith("in the") else f"{moment} ({ago})"


def _newest(status: JobStatus, now: float) -> str:
    sampled = status.known.newest_sampled
    if sampled is None:
        return "not known yet"
    return f"last bin {human_ago(now - sampled)} ({status.known.newest_bin})"


def _bins(status: JobStatus) -> str:
    # The full scan sees every bin; the recent one only the last days, but it is newer.
    full, recent = status.known.last_full, status.known.last_recent
    if full is not None and full.bins:
        return f"{_counts(full)} (at the last full scan)"
    if recent is not None and recent.bins:
        return f"{_counts(recent)} (of the last days; a full scan is to follow)"
    return "not known yet"


def _counts(record: LastRun) -> str:
    parts = [f"{record.bins[name]:,} {words}" for name, words in _WAITING if record.bins.get(name)]
    outside = record.bins.get("outside")
    left_out = [f"{outside:,} outside the window"] if outside else []
    return ", ".join([f"{safe_of(record.bins):,} in the archive", *(parts or ["none waiting"]), *left_out])


def _log_trouble(record: LastRun | None) -> str:
    if record is None or not record.log_trouble:
        return ""
    return " -- the last scan could not write it"


def _moment(when: float) -> str:
    return (datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=when)).strftime(FORM)
