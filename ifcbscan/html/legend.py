"""How the page shows each state of a bin: its sign, what it means, what to do. Word and tone are those of core/states."""

from __future__ import annotations

from dataclasses import dataclass

from ifcbscan.core.states import WORST_FIRST, BinState


@dataclass(frozen=True)
class Legend:
    """One state. `mark` is its sign, so that nobody needs to tell colours apart."""

    state: BinState
    mark: str
    meaning: str
    advice: str = ""

    @property
    def name(self) -> str:
        """The state as the JSON names it."""
        return self.state.value

    @property
    def tone(self) -> str:
        """Its colour, and the shape of its cell in the calendar."""
        return self.state.tone.value


_ROWS = (
    Legend(
        BinState.FAILED,
        "F",
        "a file cannot be read",
        "Check the disk and the permissions of the file. Once it can be read, the next scan sends the bin.",
    ),
    Legend(
        BinState.CONFLICT,
        "C",
        "two versions that differ",
        "Nothing is overwritten by itself. Find out which version is right; if it is the one here, send it with "
        "“ifcbscan sync --replace”, else put the right files in its place.",
    ),
    Legend(
        BinState.REJECTED,
        "R",
        "deleted by the archive",
        "The archive took the .roi for something else and deleted it. It is sent again once a day. If that "
        "lasts, keep the files and tell the people who run the archive the bin's id. Where the reason says that its .adc was "
        "out, the dashboard may show it broken: tell the people who run the dashboard at once.",
    ),
    Legend(
        BinState.HELD,
        "H",
        "it would be refused or do harm",
        "Sending it would do harm or have no effect; the reason says why. If there is a better copy, put it "
        "in its place. Bins without images need nothing.",
    ),
    Legend(
        BinState.INCOMPLETE,
        "I",
        "a file is missing",
        "Look for the missing file on the instrument or in other copies and put it beside the others. "
        "What was never written cannot be sent.",
    ),
    Legend(
        BinState.UNPUBLISHED,
        "P",
        "in the archive, not on the dashboard",
        "See its reason. Where the dashboard does not have it, nothing at first: it copies the archive by and by. Bins "
        "older than two days: ask the people who run the dashboard.",
    ),
    Legend(
        BinState.TO_UPLOAD,
        "↑",
        "the next scan sends it",
        "Nothing: the next scan sends it. If these grow more and more, see “ifcbscan status”.",
    ),
    Legend(
        BinState.UNCONFIRMED,
        "…",
        "the archive is checking it",
        "Nothing: as soon as the archive has kept .roi and .hdr, a scan sends the .adc.",
    ),
    Legend(
        BinState.SETTLING,
        "~",
        "may still be written",
        "Nothing: it is sent once its files stay as they are.",
    ),
    Legend(
        BinState.BEING_WRITTEN,
        "w",
        "the instrument is still writing it",
        "Nothing: it is sent once all three files are there. If none is written for half an hour, it counts as incomplete.",
    ),
    Legend(
        BinState.EMPTY,
        "0",
        "a sample without images",
        "Nothing: there is no image in it, and the dashboard refuses such a bin.",
    ),
    Legend(BinState.SYNCED, "", "here and in the archive"),
    Legend(BinState.ARCHIVED, "", "in the archive, no longer here"),
)
_LEGEND = {row.state: row for row in _ROWS}

assert set(_LEGEND) == set(WORST_FIRST)


def legend_of(state: BinState | str) -> Legend:
    """The legend of a state of a report."""
    return _LEGEND[BinState(state)]
