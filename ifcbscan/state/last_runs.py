"""A small record of how the last run of each job and mode ended, for `status`. No scan depends on it."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from ifcbscan.atomic import read_small
from ifcbscan.core.last_run import LastRun, attention_of, seconds
from ifcbscan.errors import IfcbscanError
from ifcbscan.state.files import write_record
from ifcbscan.state.paths import job_file, places_of_job_file

__all__ = ["LastRun", "read", "write"]


def write(directory: str, time_series: str, mode: str, record: LastRun) -> LastRun:
    """Note down how a run ended, with what only the record before can know; returns what was to be noted.

    A failure to do so is ignored: `status` then shows the run before, which stays as it is, and calls it overdue.
    """
    other = read(directory, time_series, "recent" if mode == "full" else "full")
    made = record.after(read(directory, time_series, mode), other)
    with contextlib.suppress(OSError, IfcbscanError):
        write_record(_path(directory, time_series, mode), made._asdict())
    return made


def read(directory: str, time_series: str, mode: str) -> LastRun | None:
    """The last run's record, or None if there is none that can be read.

    Where the user's own state folder could not be written to for a while, runs have left theirs in the temporary folder; the
    newer of the two counts.
    """
    found = [
        record
        for path in places_of_job_file(directory, time_series, _ending(mode))
        for record in [_read(path)]
        if record is not None
    ]
    return max(found, key=lambda record: record.finished, default=None)


def _read(path: str) -> LastRun | None:
    try:
        found: dict[str, Any] = json.loads(read_small(path).decode("utf-8"))
        fields = {"bins": {}, **found}
        fields.pop("log_file", None)  # version 0.1.0 wrote it as well
        fields["instrument"] = tuple(fields.get("instrument", ()))
        record = LastRun(**fields)
        if not _is_sound(record):
            return None
        # Version 0.1.0 wrote counts only, and no times but one.
        record = record if "attention" in found else record._replace(attention=attention_of(record.bins))
        return record if "last_success" in found else record.after(None)
    except (OSError, IfcbscanError, ValueError, TypeError, RecursionError):
        return None


def _path(directory: str, time_series: str, mode: str) -> str:
    return job_file(directory, time_series, _ending(mode))


def _ending(mode: str) -> str:
    return f"-{mode}.last.json"


def _is_sound(record: LastRun) -> bool:
    """Whether what was read has the right types, so that nobody who shows it can fail. Raises ValueError and TypeError, too."""
    for moment in (record.finished, record.last_success, record.failing_since, record.succeeding_since):
        if moment is not None:
            seconds(moment)
    return (
        record.finished is not None
        and isinstance(record.exit_code, int)
        and isinstance(record.attention, int)
        and all(
            isinstance(text, str)
            for text in (
                record.summary,
                record.silence,
                record.log_trouble,
                record.reason,
                record.waits,
                *record.instrument,
            )
        )
        and (record.newest is None or isinstance(record.newest, str))
        and (record.failed_with is None or isinstance(record.failed_with, int))
        and isinstance(record.bins, dict)
        and all(isinstance(number, int) for number in record.bins.values())
    )
