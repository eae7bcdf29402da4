"""The answer at a glance to a report: all there, on its way, or needs you; and the share that is in the archive. Pure.

What needs a person is what the table of states says of the bins (core/states.py), and besides it four things that no bin
can tell: a folder that is silent, one that could not be read, a disk that is nearly full, and a dashboard that does not show
the time series. Nothing else is red, or people stop looking.
"""

from __future__ import annotations

import enum
from typing import Any, NamedTuple

from ifcbscan.core.archive_report import ATTENTION, IN_ARCHIVE, WAITING, ArchiveReport
from ifcbscan.core.states import Tone
from ifcbscan.core.words import counted, human_ago


class Stage(enum.Enum):
    """How a time series stands. The values are the words of JSON."""

    ALL_THERE = "all_there"
    ON_ITS_WAY = "on_its_way"
    NEEDS_YOU = "needs_you"

    @property
    def words(self) -> str:
        """For people."""
        return str(self.value).replace("_", " ")


#: The worst first.
STAGES = (Stage.NEEDS_YOU, Stage.ON_ITS_WAY, Stage.ALL_THERE)


class Verdict(NamedTuple):
    """The stage, why it is that, and what else there is to say ("" for nothing)."""

    stage: Stage
    text: str
    more: str = ""


def verdict_on(report: ArchiveReport) -> Verdict:
    """The answer at a glance."""
    last = f"last bin {human_ago(report.newest.age)}" if report.newest else ""
    waiting = report.bins_in(WAITING)
    notes = "read the notes below" if report.notes else ""
    reasons = _reasons(report)
    if reasons:
        on_their_way = f"{counted(waiting, 'bin')} on {_their(waiting)} way" if waiting else ""
        if report.silence:
            return Verdict(Stage.NEEDS_YOU, reasons[0], _joined(*reasons[1:], on_their_way, last, notes))
        return Verdict(Stage.NEEDS_YOU, _joined(*reasons, last), _joined(on_their_way, notes))
    if not report.bins:
        return Verdict(
            Stage.ON_ITS_WAY,
            "No bins found",
            _joined("neither this folder nor the archive has any", notes),
        )
    if waiting:
        return Verdict(
            Stage.ON_ITS_WAY,
            _joined("All is well", f"{counted(waiting, 'bin')} on {_their(waiting)} way", last),
            _joined(notes),
        )
    which = "Every bin with images" if _without_images(report) else "Every bin"
    return Verdict(Stage.ALL_THERE, _joined(f"{which} is in the archive", last), _joined(notes))


def verdict_json(report: ArchiveReport) -> dict[str, Any]:
    """The same for programs, beside the figures of the report."""
    verdict = verdict_on(report)
    return {"state": verdict.stage.value, "reason": verdict.text}


def share_in_archive(report: ArchiveReport) -> str:
    """Per cent with up to two decimals, rounded down, so that 100 means all of them; "–" where there is nothing to send.

    Of the bins that could be there: one without images is nothing that could be missing.
    """
    whole = report.bins - _without_images(report)
    if not whole:
        return "–"
    hundredths = report.bins_in(IN_ARCHIVE) * 10000 // whole
    return f"{hundredths / 100:.2f}".rstrip("0").rstrip(".")


def _reasons(report: ArchiveReport) -> list[str]:
    attention = report.bins_in(ATTENTION)
    found = [report.silence] if report.silence else []
    found += [f"{counted(attention, 'bin')} to look at"] if attention else []
    found += ["not everything could be seen"] if report.unreadable else []
    found += ["the dashboard does not show what is in the archive"] if report.unaware else []
    found += ["the data disk is nearly full"] if report.disk_nearly_full else []
    return found


def _without_images(report: ArchiveReport) -> int:
    """Bins that are neither in the archive nor missing there."""
    return sum(count.bins for count in report.states if count.state.tone is Tone.NEUTRAL)


def _their(count: int) -> str:
    return "its" if count == 1 else "their"


def _joined(*parts: str) -> str:
    """The parts that say something, as one sentence."""
    text = "; ".join(part for part in parts if part)
    return text[:1].upper() + text[1:]
