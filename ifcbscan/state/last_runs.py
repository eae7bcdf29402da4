"""A small record of how the last run of each job and mode ended, for `status`. No scan depends on it."""

from __future__ import annotations

import contextlib
import datetime
import json
from typing import Any, NamedTuple

from ifcbscan.atomic import read_small
from ifcbscan.errors import IfcbscanError
from ifcbscan.state.files import write_record
from ifcbscan.state.paths import job_file

_FORM = "%Y-%m-%dT%H:%M:%SZ"


class LastRun(NamedTuple):
    """How a run ended. `finished`: this computer's time, ISO 8601 in UTC; `bins`: how many are in each state."""

    finished: str
    exit_code: int
    summary: str
    bins: dict[str, int]

    @staticmethod
    def that_ends_now(exit_code: int, summary: str, bins: dict[str, int]) -> LastRun:
        """The record of a run that ends at this moment."""
        return LastRun(_utc_now().strftime(_FORM), exit_code, summary, bins)

    @property
    def age(self) -> float:
        """Seconds since it finished, by this computer's clock; negative if that was set back."""
        return (_utc_now() - datetime.datetime.strptime(self.finished, _FORM)).total_seconds()


def write(directory: str, time_series: str, mode: str, record: LastRun) -> None:
    """Note down how a run ended. A failure to do so is ignored: `status` then shows the run before."""
    with contextlib.suppress(OSError, IfcbscanError):
        write_record(_path(directory, time_series, mode), record._asdict())


def read(directory: str, time_series: str, mode: str) -> LastRun | None:
    """The last run's record, or None if there is none that can be read."""
    try:
        found: dict[str, Any] = json.loads(read_small(_path(directory, time_series, mode)).decode("utf-8"))
        fields = {"bins": {}, **found}
        fields.pop("log_file", None)  # version 0.1.0 wrote it as well
        record = LastRun(**fields)
        return record if _is_sound(record) else None
    except (OSError, IfcbscanError, ValueError, TypeError, RecursionError):
        return None


def _path(directory: str, time_series: str, mode: str) -> str:
    return job_file(directory, time_series, f"-{mode}.last.json")


def _is_sound(record: LastRun) -> bool:
    """Whether what was read has the right types, so that nobody who shows it can fail. Raises ValueError, too."""
    return (
        record.age is not None
        and isinstance(record.exit_code, int)
        and isinstance(record.summary, str)
        and isinstance(record.bins, dict)
        and all(isinstance(number, int) for number in record.bins.values())
    )


def _utc_now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
