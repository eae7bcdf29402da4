"""A small record of the last run of each job and mode, for `status` and for the log. No scan depends on it."""

from __future__ import annotations

import contextlib
import datetime
import json
from dataclasses import dataclass, field
from typing import Any

from ifcbscan.atomic import read_small, replace_file
from ifcbscan.errors import IfcbscanError
from ifcbscan.state import locks, run_locks


@dataclass(frozen=True)
class LastRun:
    """How a run ended. Times are this computer's, ISO 8601 in UTC."""

    finished: str
    exit_code: int
    summary: str
    bins: dict[str, int] = field(default_factory=dict)
    log_file: str | None = None

    @property
    def age(self) -> float:
        """Seconds since it finished, by this computer's clock."""
        then = datetime.datetime.strptime(self.finished, "%Y-%m-%dT%H:%M:%SZ")
        return (datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) - then).total_seconds()


def _path(directory: str, time_series: str, mode: str) -> str:
    return run_locks.job_file(directory, time_series, f"-{mode}.last.json")


def write(
    directory: str,
    time_series: str,
    mode: str,
    exit_code: int,
    summary: str,
    bins: dict[str, int],
    log_file: str | None,
) -> None:
    """Note down how a run ended; a failure to do so is of no consequence."""
    finished = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    record = LastRun(finished, exit_code, summary, bins, log_file)
    with contextlib.suppress(OSError, IfcbscanError):
        path = _path(directory, time_series, mode)
        replace_file(path, json.dumps(record.__dict__).encode("ascii"))
        locks.hand_over(path)


def read(directory: str, time_series: str, mode: str) -> LastRun | None:
    """The last run's record, or None if there is none that can be read."""
    try:
        fields: dict[str, Any] = json.loads(read_small(_path(directory, time_series, mode)).decode("utf-8"))
        record = LastRun(**fields)
        return record if _is_sound(record) else None
    except (OSError, IfcbscanError, ValueError, TypeError, RecursionError):
        return None


def _is_sound(record: LastRun) -> bool:
    """Whether what was read has the right types, so that nobody who shows it can fail. Raises ValueError, too."""
    return (
        record.age is not None
        and isinstance(record.exit_code, int)
        and isinstance(record.summary, str)
        and isinstance(record.bins, dict)
        and all(isinstance(number, int) for number in record.bins.values())
    )
