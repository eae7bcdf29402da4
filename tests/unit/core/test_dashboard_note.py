"""What the dashboard last said: when it is asked again, and what is told of it."""

from __future__ import annotations

import pytest

from ifcbscan.core.dashboard_note import ASK_EVERY, DashboardNote

pytestmark = pytest.mark.windows_core

OLD, NEW = "D20260601T000000_IFCB013", "D20260603T000000_IFCB013"


@pytest.mark.parametrize(
    ("note", "due"),
    [
        (DashboardNote(), False),
        (DashboardNote(sent=True), True),
        (DashboardNote(asked=1000.0), False),
        (DashboardNote(asked=1000.0, sent=True), False),
        (DashboardNote(asked=1000.0 - ASK_EVERY + 1, sent=True), False),
        (DashboardNote(asked=1000.0 - ASK_EVERY, sent=True), True),
        (DashboardNote(asked=1001.0, sent=True), True),  # the clock was set back
        (DashboardNote(1000.0 - ASK_EVERY, True, archived=NEW), True),  # it showed nothing then
    ],
)
def test_it_is_asked_once_a_day_and_only_if_something_was_sent(note: DashboardNote, due: bool) -> None:
    assert note.is_due(1000.0) is due


@pytest.mark.parametrize(
    ("shown", "archived", "behind"),
    [
        (OLD, NEW, 2 * 86400),
        (NEW, OLD, 0),
        (NEW, NEW, 0),
        ("", NEW, None),
        (OLD, "", None),
        ("nonsense", NEW, None),
    ],
)
def test_how_far_it_is_behind_is_the_time_between_the_two_newest_bins(
    shown: str, archived: str, behind: float | None
) -> None:
    assert DashboardNote(1.0, True, newest=shown, archived=archived).behind == behind


@pytest.mark.parametrize(
    ("note", "said"),
    [
        (DashboardNote(), []),
        (DashboardNote(1.0, True, newest=NEW, archived=NEW), []),
        (DashboardNote(1.0, True, newest="D20260602T000000_IFCB013", archived=NEW), []),
        (DashboardNote(1.0, True, newest=OLD, archived=NEW), ["2 days behind"]),
        (DashboardNote(1.0, True, archived=NEW), []),
        (DashboardNote(1.0, True, archived=NEW, still_empty=True), ["showed no bin"]),
        (DashboardNote(1.0, None, archived=NEW), []),
        (DashboardNote(1.0, False, trouble="renamed", archived=NEW), ["renamed"]),
    ],
)
def test_what_a_person_must_know_of_it(note: DashboardNote, said: list[str]) -> None:
    warnings = note.warnings()
    assert len(warnings) == len(said)
    assert all(text in warning for text, warning in zip(said, warnings))


@pytest.mark.parametrize(
    ("note", "line"),
    [
        (DashboardNote(), "not asked yet"),
        (DashboardNote(400.0, False), "asked 10 min ago: DOES NOT KNOW the time series"),
        (
            DashboardNote(400.0, True, newest=OLD, archived=NEW),
            f"asked 10 min ago: knows the time series; newest bin there {OLD}; in the archive {NEW}; 2 days behind",
        ),
        (
            DashboardNote(400.0, True, newest=NEW, archived=NEW),
            f"asked 10 min ago: knows the time series; newest bin there {NEW}; in the archive {NEW}; up to date",
        ),
        (
            DashboardNote(400.0, True, archived=OLD, here=NEW),
            f"asked 10 min ago: knows the time series; in the archive {OLD}; here {NEW}",
        ),
    ],
)
def test_it_in_one_line(note: DashboardNote, line: str) -> None:
    assert note.line(1000.0) == line
