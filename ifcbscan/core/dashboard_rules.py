"""Will the dashboard refuse a bin that does it no harm? A prediction, for people who would wonder where a bin is.

Pure. Such a bin is sent: the archive is worth having, and the dashboard may be asked again after a repair of its own. What would
break the dashboard is a `Finding` of core/adc.py or core/hdr.py, and is not sent. The rules are those of the newest sources;
nobody outside knows which are deployed, so only what is refused for certain is predicted.
"""

from __future__ import annotations

from typing import Sequence

from ifcbscan.core.adc import Contents
from ifcbscan.core.bins import Pid
from ifcbscan.core.hdr import NUMBERS, Header, to_number

#: How a prediction is told, everywhere.
WILL_REFUSE = "the dashboard will refuse it: "

#: So many bins are named in a run's warning.
NAMED_AT_MOST = 10

#: Fewer bytes in all are no bin (ifcbdb dashboard/qaqc.py, MIN_SIZE).
_LEAST_BYTES = 32

#: Columns of a new-style .adc (pyifcb ifcb/metrics/ml_analyzed.py gives names to so many and to no others).
_COLUMNS = 24

# 0-based columns of the times, in seconds (pyifcb ifcb/data/adc.py, SCHEMA_VERSION_1 and _2).
_FRAME_GRAB_TIME = 8
_RUN_TIME, _INHIBIT_TIME = 22, 23

#: The least time for an image of an old-style instrument; IFCB5 has a shorter one of its own since 2015 (pyifcb
#: ifcb/metrics/ml_analyzed.py). Seconds.
_LEAST_PROCESSING = 0.05

_DAY = 86400.0


def refusal(contents: Contents, header: Header, size: int, old_style: bool) -> str:
    """Why the dashboard will refuse a bin whose files have `size` bytes in all; "" if nothing speaks for it.

    In an operator's words, to be put after WILL_REFUSE.
    """
    if size < _LEAST_BYTES:
        return f"its files have {size:,} bytes in all, and with less than {_LEAST_BYTES} it is no bin"
    return _malformed(contents, old_style) or _no_volume(contents, header, old_style) or _bad_field(header)


def _malformed(contents: Contents, old_style: bool) -> str:
    # ifcbdb dashboard/qaqc.py, check_bad: pyifcb must be able to make a table of the .adc, and to compare its widths.
    # With the old style such text does harm (core/adc.py) unless it is refused here, so nothing is certain.
    if contents.text_at == 1 and not old_style:
        return "the .adc begins with a row of names"
    if contents.text_at and not old_style:
        return f"line {contents.text_at:,} of the .adc has text where the width of an image should be"
    columns = contents.first.count(b",") + 1
    if not old_style and columns != _COLUMNS:
        return f"the .adc has {columns} columns, and not {_COLUMNS}"
    if contents.last.count(b",") + 1 > columns:
        return "the last row of the .adc has more cells than the first"
    return ""


def _no_volume(contents: Contents, header: Header, old_style: bool) -> str:
    # pyifcb ifcb/metrics/ml_analyzed.py; ifcbdb dashboard/accession.py, add_bin.
    if old_style:
        run_time = _cell(contents.last, _FRAME_GRAB_TIME)
        if run_time is not None and run_time < 0:
            run_time += _DAY  # the run went over midnight
        if run_time is not None and run_time <= _LEAST_PROCESSING:
            return "the volume analysed is not positive: the run of the .adc takes no time"
        return ""
    run_time, inhibit_time = header.number("runTime"), header.number("inhibitTime")
    if run_time is None or inhibit_time is None:
        return (
            "the volume analysed cannot be computed: the .hdr has no runTime and inhibitTime that are numbers"
        )
    if run_time > inhibit_time:
        return ""
    # Where the header's times do not agree with them, those of the last row are used.
    of_run, of_inhibition = _cell(contents.last, _RUN_TIME), _cell(contents.last, _INHIBIT_TIME)
    if of_run is None or of_inhibition is None or of_run <= of_inhibition:
        return "the volume analysed is not positive: runTime in the .hdr and in the .adc is not above inhibitTime"
    return ""


def _cell(row: bytes, column: int) -> float | None:
    """The number in a 0-based column of a row, None if there is none."""
    cells = row.split(b",")
    return to_number(cells[column].decode("ascii", "replace")) if column < len(cells) else None


def _bad_field(header: Header) -> str:
    # pyifcb ifcb/data/hdr.py, parse_hdr: the reader fails, which the dashboard is prepared for.
    for name in NUMBERS:
        if name in header.fields and to_number(header.fields[name]) is None:
            return f"{name} in the .hdr is no number"
    return ""


def refusal_warning(refusable: Sequence[tuple[Pid, str]]) -> str:
    """What a run says of the bins (with their reasons) that it has sent though the dashboard will refuse them."""
    named = ", ".join(f"{pid} ({_bare(reason)})" for pid, reason in refusable[:NAMED_AT_MOST])
    more = len(refusable) - NAMED_AT_MOST
    rest = f" and {more:,} more (--verbose names each)" if more > 0 else ""
    return f"sent, so that the archive has it, but {WILL_REFUSE}{named}{rest}"


def _bare(reason: str) -> str:
    return reason[len(WILL_REFUSE) :] if reason.startswith(WILL_REFUSE) else reason
