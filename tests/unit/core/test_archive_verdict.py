"""The answer at a glance: red is what a person must do, and nothing else; silence is never green."""

from __future__ import annotations

from typing import Any

import pytest
from support.reports import bad, day, report_on, synced

from ifcbscan.core.archive_report import NotCounted
from ifcbscan.core.archive_verdict import Stage, Verdict, share_in_archive, verdict_json, verdict_on
from ifcbscan.core.states import WORST_FIRST, BinState

LAST = "last bin 14 h ago"
UNREADABLE = NotCounted(unreadable=1)


@pytest.mark.parametrize(
    ("states", "more", "expected"),
    [
        ("", {}, (Stage.ALL_THERE, f"Every bin is in the archive; {LAST}")),
        (
            "",
            {"warnings": ["x"]},
            (Stage.ALL_THERE, f"Every bin is in the archive; {LAST}", "Read the notes below"),
        ),
        ("empty", {}, (Stage.ALL_THERE, f"Every bin with images is in the archive; {LAST}")),
        ("settling", {}, (Stage.ON_ITS_WAY, f"All is well; 1 bin on its way; {LAST}")),
        ("being_written empty", {}, (Stage.ON_ITS_WAY, f"All is well; 1 bin on its way; {LAST}")),
        (
            "to_upload unpublished",
            {"warnings": ["x"]},
            (Stage.ON_ITS_WAY, f"All is well; 2 bins on their way; {LAST}", "Read the notes below"),
        ),
        ("held rejected", {}, (Stage.NEEDS_YOU, f"2 bins to look at; {LAST}")),
        (
            "held settling",
            {"warnings": ["x"]},
            (Stage.NEEDS_YOU, f"1 bin to look at; {LAST}", "1 bin on its way; read the notes below"),
        ),
        ("", {"not_counted": UNREADABLE}, (Stage.NEEDS_YOU, f"Not everything could be seen; {LAST}")),
        (
            "held",
            {"not_counted": UNREADABLE},
            (Stage.NEEDS_YOU, f"1 bin to look at; not everything could be seen; {LAST}"),
        ),
        (
            "settling",
            {"unaware": "it was renamed", "warnings": ["it was renamed"]},
            (
                Stage.NEEDS_YOU,
                f"The dashboard does not show what is in the archive; {LAST}",
                "1 bin on its way; read the notes below",
            ),
        ),
        (
            "settling",
            {"disk_nearly_full": True, "warnings": ["the disk of /data is nearly full"]},
            (
                Stage.NEEDS_YOU,
                f"The data disk is nearly full; {LAST}",
                "1 bin on its way; read the notes below",
            ),
        ),
        ("", {"silence": "no new bin"}, (Stage.NEEDS_YOU, "no new bin", "Last bin 14 h ago")),
        (  # which is among the warnings, too, and no other note
            "",
            {"silence": "no new bin", "warnings": ["no new bin"]},
            (Stage.NEEDS_YOU, "no new bin", "Last bin 14 h ago"),
        ),
        (
            "held settling",
            {"silence": "no new bin", "not_counted": UNREADABLE},
            (
                Stage.NEEDS_YOU,
                "no new bin",
                f"1 bin to look at; not everything could be seen; 1 bin on its way; {LAST}",
            ),
        ),
    ],
)
def test_the_three_stages(states: str, more: dict[str, Any], expected: tuple[Any, ...]) -> None:
    bins = [synced(day(22)), *(bad(day(22), BinState(state), second=2) for state in states.split())]
    assert verdict_on(report_on(bins, **more)) == Verdict(*expected)


@pytest.mark.parametrize("state", WORST_FIRST)
def test_what_needs_a_person_is_what_the_table_of_states_says(state: BinState) -> None:
    found = verdict_on(report_on([bad(day(1), state)])).stage
    assert (found is Stage.NEEDS_YOU) == state.needs_attention


def test_where_there_is_no_bin_at_all_that_is_said_and_is_not_all_there() -> None:
    assert verdict_on(report_on([])) == Verdict(
        Stage.ON_ITS_WAY, "No bins found", "Neither this folder nor the archive has any"
    )
    assert verdict_on(report_on([], silence="no new bin")) == Verdict(Stage.NEEDS_YOU, "no new bin")


def test_the_share_is_rounded_down_and_is_of_what_could_be_there() -> None:
    most = [synced(day(1), second) for second in range(20000)]
    assert share_in_archive(report_on(most)) == "100"
    assert share_in_archive(report_on([*most, bad(day(2), BinState.HELD)])) == "99.99"
    assert share_in_archive(report_on([*most, bad(day(2), BinState.EMPTY)])) == "100"
    assert (
        share_in_archive(report_on([])) == share_in_archive(report_on([bad(day(2), BinState.EMPTY)])) == "–"
    )


def test_programs_are_told_the_same() -> None:
    report = report_on([])
    verdict = verdict_on(report)
    assert verdict_json(report) == {"state": verdict.stage.value, "reason": verdict.text}
