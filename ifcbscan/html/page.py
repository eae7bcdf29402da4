"""The page of `ifcbscan report`: one self-contained HTML file, readable without network and without script.

Shows what core/archive_report.py has counted and counts nothing itself. Whatever comes from file names goes through
Jinja2's escaping. Needs the extra `report`.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from itertools import groupby
from typing import Sequence

from ifcbscan import __version__
from ifcbscan.atomic import replace_file
from ifcbscan.core.archive_report import (
    ATTENTION,
    IN_ARCHIVE,
    WAITING,
    ArchiveReport,
    ListedBin,
    utc_text,
)
from ifcbscan.core.printable import named
from ifcbscan.core.words import counted, human_age, human_bytes
from ifcbscan.errors import UsageError
from ifcbscan.html.calendars import CELL_CLASSES, calendars
from ifcbscan.html.charts import charts
from ifcbscan.html.legend import Legend, legend_of
from ifcbscan.html.thumbnails import SampleImage

#: How many bins the page lists one by one, the worst first; the JSON lists them all.
LISTED_AT_MOST = 1000


@dataclass(frozen=True)
class StateGroup:
    """The bins of one state in the table; `more` of them are not listed."""

    words: Legend
    count: int
    bins: tuple[ListedBin, ...]
    more: int


@dataclass(frozen=True)
class Verdict:
    """The answer at a glance: its `tone` (a class of the page) and sign, a line, and what else there is to say."""

    tone: str
    mark: str
    text: str
    more: str


def check_jinja2() -> None:
    """Raises UsageError, with what to install, if there is no Jinja2."""
    try:
        import jinja2  # noqa: F401 (only whether it is there)
    except ImportError:
        raise UsageError(
            "The page needs the Python package Jinja2, which is not installed: pip install jinja2. "
            "The same figures without it: ifcbscan report --json."
        ) from None


def render(report: ArchiveReport, images: Sequence[SampleImage] = (), images_of: str = "") -> str:
    """The whole page. `images` are samples of the bin `images_of`. Raises UsageError without Jinja2."""
    check_jinja2()
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("ifcbscan.html"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(bytes=human_bytes, age=human_age, whole="{:,}".format, legend=legend_of)
    return environment.get_template("report.html").render(
        report=report,
        version=__version__,
        made=utc_text(report.now),
        verdict=_verdict(report),
        per_cent=_per_cent(report.bins_in(IN_ARCHIVE), report.bins),
        in_archive=report.bins_in(IN_ARCHIVE),
        size_in_archive=report.size_in(IN_ARCHIVE),
        states=[(legend_of(count.state), count) for count in reversed(report.states) if count.bins],
        years=calendars(report),
        charts=charts(report.days),
        groups=_groups(report.unfinished),
        warnings=named(report.warnings, "{} more warnings, which “ifcbscan report --json” lists"),
        attention=report.bins_in(ATTENTION),
        waiting=report.bins_in(WAITING),
        classes=CELL_CLASSES,
        images_of=images_of,
        images=[(image, base64.b64encode(image.png).decode("ascii")) for image in images],
    )


def write_page(path: str, page: str) -> None:
    """Replace the file in one step, so that nobody reads half a page. Raises UsageError."""
    try:
        replace_file(path, page.encode("utf-8"))
    except OSError as error:
        raise UsageError(
            f"The report cannot be written to {path}: {error.strerror}. Choose another place with -o FILE."
        ) from None


def _per_cent(part: int, whole: int) -> str:
    """Per cent with up to two decimals, rounded down, so that 100 means all of them."""
    hundredths = part * 10000 // whole if whole else 0
    return f"{hundredths / 100:.2f}".rstrip("0").rstrip(".")


def _verdict(report: ArchiveReport) -> Verdict:
    attention, waiting = report.bins_in(ATTENTION), report.bins_in(WAITING)
    their = "its" if waiting == 1 else "their"
    if not report.bins:
        return Verdict("wait", "–", "No bins found", "Neither this folder nor the archive has any.")
    if report.warnings or attention:
        text = f"{counted(attention, 'bin')} to look at" if attention else "Not everything could be seen"
        more = [f"{waiting:,} more on {their} way"] if waiting else []
        more += ["read the notes below"] if report.warnings else []
        return Verdict("bad", "!", text, "; ".join(more))
    if waiting:
        return Verdict("wait", "↑", f"All is well; {counted(waiting, 'bin')} on {their} way", "")
    return Verdict("good", "✓", "Every bin is in the archive", "")


def _groups(unfinished: Sequence[ListedBin]) -> list[StateGroup]:
    groups = []
    room = LISTED_AT_MOST
    for state, members in groupby(unfinished, key=lambda item: item.state):
        bins = tuple(members)
        groups.append(StateGroup(legend_of(state), len(bins), bins[:room], len(bins[room:])))
        room = max(0, room - len(bins))
    return groups
