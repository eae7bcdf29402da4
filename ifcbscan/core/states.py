"""The states of a bin, and the one table of how each is shown: word, order, tone, and whether a person has to act.

Pure, and imports nothing of the package. Whatever names a state to a person or a program (summary, JSON, page, metrics)
takes its word from here. A new state gets its row here (and its sign and advice in html/legend.py, its line in the docs).

Two types, because they answer two questions:

- `State`: what `decide` says of a bin. It includes steps (`upload`, `commit`) that lead on to something else.
- `BinState`: what a bin is counted as in a report. Every bin is in exactly one; no step is among them.

`State.counted` leads from the first to the second. The states of a verification are in verify_report.py.
"""

from __future__ import annotations

import enum
from typing import NamedTuple


class Tone(enum.Enum):
    """How urgent a state looks. The values are the names of the colours in the page."""

    GOOD = "good"
    KEPT = "kept"  # good, and the archive is the only place where the bin is known to be
    ON_ITS_WAY = "wait"  # passes by itself
    NEEDS_A_PERSON = "bad"
    NEUTRAL = "none"


class ReportedState(enum.Enum):
    """Something that a report says of a bin. As text it is its value, which is the word of JSON, log and lines."""

    def __str__(self) -> str:
        return str(self.value)


class BinState(ReportedState):
    """What a bin is counted as. The values are the words of JSON, log and lines; the order is that of the summary."""

    UPLOADED = "uploaded"
    TO_UPLOAD = "to_upload"
    SYNCED = "synced"
    UNCONFIRMED = "unconfirmed"
    SETTLING = "settling"
    INCOMPLETE = "incomplete"
    HELD = "held"
    REJECTED = "rejected"
    CONFLICT = "conflict"
    FAILED = "failed"
    EXCLUDED = "excluded"
    OUTSIDE = "outside"  # of the job's window
    ARCHIVED = "archived"  # only in a survey: whole in the archive and no longer on this disk
    UNPUBLISHED = "unpublished"  # only in a survey: in the archive, but the dashboard does not show it
    BEING_WRITTEN = "being_written"  # only in a survey; a scan counts it as incomplete
    EMPTY = "empty"  # only in a survey: without images; a scan counts it as held

    # Members are compared by identity. Enum's own hash is a call in Python, and a scan counts a million bins.
    __hash__ = object.__hash__

    @property
    def words(self) -> str:
        """How the summary of a run says it after the number: "12 already in the archive"."""
        return _TABLE[self].words

    @property
    def tone(self) -> Tone:
        """The colour in which the state is shown."""
        return _TABLE[self].tone

    @property
    def needs_attention(self) -> bool:
        """Whether a person should look at such a bin; the others pass by themselves."""
        return _TABLE[self].tone is Tone.NEEDS_A_PERSON

    @property
    def in_scan(self) -> BinState:
        """The count that such a bin is in of a scan, whose counts are a contract with programs (`SCAN_COUNTS`)."""
        return _IN_SCAN.get(self, self)

    @property
    def in_archive(self) -> bool:
        """Whether all three files of such a bin are in the archive."""
        return _TABLE[self].in_archive


class _Row(NamedTuple):
    words: str
    tone: Tone
    in_archive: bool = False


_TABLE = {
    BinState.UPLOADED: _Row("uploaded", Tone.GOOD, in_archive=True),
    BinState.TO_UPLOAD: _Row("to upload", Tone.ON_ITS_WAY),
    BinState.SYNCED: _Row("already in the archive", Tone.GOOD, in_archive=True),
    BinState.UNCONFIRMED: _Row("waiting for the archive's check", Tone.ON_ITS_WAY),
    BinState.SETTLING: _Row("still being written", Tone.ON_ITS_WAY),
    BinState.INCOMPLETE: _Row("incomplete", Tone.NEEDS_A_PERSON),
    BinState.HELD: _Row("held back", Tone.NEEDS_A_PERSON),
    BinState.REJECTED: _Row("rejected by the archive", Tone.NEEDS_A_PERSON),
    BinState.CONFLICT: _Row("in conflict", Tone.NEEDS_A_PERSON),
    BinState.FAILED: _Row("failed", Tone.NEEDS_A_PERSON),
    BinState.EXCLUDED: _Row("in excluded folders", Tone.NEUTRAL),
    BinState.OUTSIDE: _Row("outside the window", Tone.NEUTRAL),
    BinState.ARCHIVED: _Row("in the archive, no longer here", Tone.KEPT, in_archive=True),
    BinState.UNPUBLISHED: _Row("in the archive, not on the dashboard", Tone.ON_ITS_WAY, in_archive=True),
    BinState.BEING_WRITTEN: _Row("being written", Tone.ON_ITS_WAY),
    BinState.EMPTY: _Row("without images", Tone.NEUTRAL),
}

#: What passes by itself, or needs nothing, is told apart in a survey. In a scan it is in the count of those that are like
#: it and do need a person.
_IN_SCAN = {BinState.BEING_WRITTEN: BinState.INCOMPLETE, BinState.EMPTY: BinState.HELD}


class State(enum.Enum):
    """What `decide` says of a bin."""

    SYNCED = "synced"
    UPLOAD = "upload"
    COMMIT = "commit"
    UNCONFIRMED = "unconfirmed"
    SETTLING = "settling"
    INCOMPLETE = "incomplete"
    HELD = "held"
    REJECTED = "rejected"
    CONFLICT = "conflict"
    BEING_WRITTEN = "being_written"
    EMPTY = "empty"

    __hash__ = object.__hash__  # as above

    @property
    def counted(self) -> BinState:
        """What a bin is counted as if nothing is done about it: with files yet to be sent it is `to_upload`."""
        return _COUNTED[self]


_COUNTED = {
    State.SYNCED: BinState.SYNCED,
    State.UPLOAD: BinState.TO_UPLOAD,
    State.COMMIT: BinState.TO_UPLOAD,
    State.UNCONFIRMED: BinState.UNCONFIRMED,
    State.SETTLING: BinState.SETTLING,
    State.INCOMPLETE: BinState.INCOMPLETE,
    State.HELD: BinState.HELD,
    State.REJECTED: BinState.REJECTED,
    State.CONFLICT: BinState.CONFLICT,
    State.BEING_WRITTEN: BinState.BEING_WRITTEN,
    State.EMPTY: BinState.EMPTY,
}

#: What a scan counts, in the order of its JSON: every bin that was found is in exactly one of these (and a further copy of
#: it that is incomplete counts once more).
SCAN_COUNTS = (
    BinState.SYNCED,
    BinState.UPLOADED,
    BinState.TO_UPLOAD,
    BinState.UNCONFIRMED,
    BinState.SETTLING,
    BinState.INCOMPLETE,
    BinState.HELD,
    BinState.REJECTED,
    BinState.CONFLICT,
    BinState.FAILED,
    BinState.EXCLUDED,
    BinState.OUTSIDE,
)

#: What a survey (the page) counts, worst first: a day is shown by the worst state of its bins.
WORST_FIRST = (
    BinState.FAILED,
    BinState.CONFLICT,
    BinState.REJECTED,
    BinState.HELD,
    BinState.INCOMPLETE,
    BinState.UNPUBLISHED,
    BinState.TO_UPLOAD,
    BinState.UNCONFIRMED,
    BinState.SETTLING,
    BinState.BEING_WRITTEN,
    BinState.ARCHIVED,
    BinState.SYNCED,
    BinState.EMPTY,
)
