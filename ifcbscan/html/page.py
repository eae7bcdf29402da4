"""The page of `ifcbscan report`: one self-contained HTML file, readable without network and without script.

Shows what core/archive_report.py has counted and counts nothing itself. Whatever comes from file names goes through
Jinja2's escaping. Needs the extra `report`.
"""

from __future__ import annotations

import base64
import functools
import sys
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Sequence

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
from ifcbscan.core.archive_verdict import Stage, Verdict, share_in_archive, verdict_on
from ifcbscan.core.printable import named
from ifcbscan.core.states import WORST_FIRST, Tone
from ifcbscan.core.words import human_age, human_bytes
from ifcbscan.errors import UsageError
from ifcbscan.html.calendars import CELL_CLASSES, calendars
from ifcbscan.html.charts import charts
from ifcbscan.html.legend import Legend, legend_of
from ifcbscan.html.thumbnails import SampleImage

if TYPE_CHECKING:
    import jinja2

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
class Banner:
    """The answer at a glance as it is drawn: its `tone` (a class of the page) and sign, the stage in words, what else
    there is to say."""

    tone: str
    mark: str
    stage: str
    text: str
    more: str


#: Stage -> the class of the page, and the sign.
_LOOKS = {
    Stage.ALL_THERE: ("good", "✓"),
    Stage.ON_ITS_WAY: ("wait", "↑"),
    Stage.NEEDS_YOU: ("bad", "!"),
}


def banner_of(verdict: Verdict) -> Banner:
    """How a verdict is drawn."""
    return Banner(*_LOOKS[verdict.stage], verdict.stage.words, verdict.text, verdict.more)


def check_jinja2() -> None:
    """Raises UsageError, with what to install, if there is no Jinja2."""
    try:
        import jinja2  # noqa: F401 (only whether it is there)
    except ImportError:
        raise UsageError(
            f"The page needs the Python package Jinja2, which is not installed: {sys.executable} -m pip install jinja2, or, with "
            "pipx, pipx inject ifcbscan jinja2. "
            "The same figures without it: ifcbscan report --json."
        ) from None


def render(
    report: ArchiveReport,
    images: Sequence[SampleImage] = (),
    images_of: str = "",
    verdict: Verdict | None = None,
) -> str:
    """The whole page. `images` are samples of the bin `images_of`; `verdict`: the answer at a glance, if more is known than the
    report says. Raises UsageError without Jinja2."""
    return (
        environment()
        .get_template("report.html")
        .render(
            report=report,
            version=__version__,
            made=utc_text(report.now),
            verdict=banner_of(verdict or verdict_on(report)),
            share=share_in_archive(report),
            without_images=report.bins_in([state for state in WORST_FIRST if state.tone is Tone.NEUTRAL]),
            in_archive=report.bins_in(IN_ARCHIVE),
            size_in_archive=report.size_in(IN_ARCHIVE),
            states=[(legend_of(count.state), count) for count in reversed(report.states) if count.bins],
            years=calendars(report),
            charts=charts(report.days),
            groups=_groups(report.unfinished),
            warnings=named(report.notes, "{} more warnings, which “ifcbscan report --json” lists"),
            attention=report.bins_in(ATTENTION),
            waiting=report.bins_in(WAITING),
            classes=CELL_CLASSES,
            images_of=images_of,
            images=[(image, base64.b64encode(image.png).decode("ascii")) for image in images],
        )
    )


def environment() -> jinja2.Environment:
    """What makes pages of the templates. Raises UsageError without Jinja2."""
    check_jinja2()
    return _environment()


@functools.lru_cache(maxsize=None)
def _environment() -> jinja2.Environment:
    import jinja2

    made = jinja2.Environment(
        loader=jinja2.PackageLoader("ifcbscan.html"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(bytes=human_bytes, age=human_age, whole="{:,}".format, legend=legend_of)
    return made


def write_page(path: str, page: str) -> None:
    """Replace the file in one step, so that nobody reads half a page. Raises UsageError."""
    try:
        replace_file(path, page.encode("utf-8"))
    except OSError as error:
        raise UsageError(
            f"The report cannot be written to {path}: {error.strerror}. Choose another place with -o FILE."
        ) from None


def _groups(unfinished: Sequence[ListedBin]) -> list[StateGroup]:
    groups = []
    room = LISTED_AT_MOST
    for state, members in groupby(unfinished, key=lambda item: item.state):
        bins = tuple(members)
        groups.append(StateGroup(legend_of(state), len(bins), bins[:room], len(bins[room:])))
        room = max(0, room - len(bins))
    return groups
