"""What the dashboard last said of a job's time series, so that it is asked once a day. No scan sends more or less for it."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from ifcbscan.atomic import read_small
from ifcbscan.core.dashboard_note import DashboardNote
from ifcbscan.errors import IfcbscanError
from ifcbscan.state.files import write_record
from ifcbscan.state.paths import job_file

NOTHING_KNOWN = DashboardNote()

#: The year 9999. Seconds since 1970.
_END_OF_TIME = 253402300800.0


def read(directory: str, time_series: str) -> DashboardNote:
    """The note, or an empty one if there is none that can be read."""
    try:
        found: dict[str, Any] = json.loads(read_small(_path(directory, time_series)).decode("utf-8"))
        note = DashboardNote(**found)
        if not _is_sound(note):
            return NOTHING_KNOWN
        return note
    except (OSError, ValueError, TypeError, OverflowError, RecursionError, IfcbscanError):
        return NOTHING_KNOWN


def write(directory: str, time_series: str, note: DashboardNote) -> None:
    """Keep the note. A failure to do so is ignored: the dashboard is then asked again."""
    with contextlib.suppress(OSError, IfcbscanError):
        write_record(_path(directory, time_series), dict(note._asdict()))


def _is_sound(note: DashboardNote) -> bool:
    return (
        all(moment is None or 0 <= float(moment) < _END_OF_TIME for moment in (note.asked, note.tried))
        and not isinstance(note.asked, (str, bool))
        and not isinstance(note.tried, (str, bool))
        and note.known in (True, False, None)
        and all(isinstance(text, str) for text in (note.trouble, note.newest, note.archived, note.here))
        and isinstance(note.sent, bool)
        and isinstance(note.still_empty, bool)
    )


def _path(directory: str, time_series: str) -> str:
    return job_file(directory, time_series, "-dashboard.json")
