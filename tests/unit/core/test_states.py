"""The table of states: every state has its row, and the rows agree with each other."""

from __future__ import annotations

import pytest

from ifcbscan.core.states import SCAN_COUNTS, WORST_FIRST, BinState, State, Tone


@pytest.mark.parametrize("state", BinState)
def test_every_state_that_is_counted_has_words_and_a_tone(state: BinState) -> None:
    assert state.words and isinstance(state.tone, Tone)
    assert state.needs_attention == (state.tone is Tone.NEEDS_A_PERSON)


def test_no_two_states_are_told_in_the_same_words() -> None:
    assert len({state.words for state in BinState}) == len(BinState)


@pytest.mark.parametrize("state", State)
def test_every_verdict_is_counted_under_its_own_name_except_where_files_are_yet_to_be_sent(
    state: State,
) -> None:
    yet_to_send = (State.UPLOAD, State.COMMIT)
    assert state.counted.value == ("to_upload" if state in yet_to_send else state.value)
    assert state.counted.in_scan in SCAN_COUNTS


def test_a_scan_counts_what_is_calm_with_what_is_like_it() -> None:
    assert {state: state.in_scan for state in BinState if state.in_scan is not state} == {
        BinState.BEING_WRITTEN: BinState.INCOMPLETE,
        BinState.EMPTY: BinState.HELD,
    }
    assert not BinState.BEING_WRITTEN.needs_attention and not BinState.EMPTY.needs_attention


def test_each_state_is_counted_by_a_scan_or_by_a_survey() -> None:
    assert set(SCAN_COUNTS) | set(WORST_FIRST) == set(BinState)
    assert len(set(SCAN_COUNTS)) == len(SCAN_COUNTS) and len(set(WORST_FIRST)) == len(WORST_FIRST)
    # A survey uploads nothing and neither looks into excluded folders nor outside the window; only it knows of bins that are not on this disk.
    assert set(SCAN_COUNTS) - set(WORST_FIRST) == {
        BinState.UPLOADED,
        BinState.EXCLUDED,
        BinState.OUTSIDE,
    }
    assert set(WORST_FIRST) - set(SCAN_COUNTS) == {
        BinState.ARCHIVED,
        BinState.UNPUBLISHED,
        BinState.BEING_WRITTEN,
        BinState.EMPTY,
    }


def test_what_a_person_must_look_at_is_worse_than_what_passes_by_itself_and_that_is_worse_than_what_is_done() -> (
    None
):
    tones = [state.tone for state in WORST_FIRST]
    order = [Tone.NEEDS_A_PERSON, Tone.ON_ITS_WAY, Tone.KEPT, Tone.GOOD, Tone.NEUTRAL]
    assert [order.index(tone) for tone in tones] == sorted(order.index(tone) for tone in tones)


def test_nothing_that_needs_a_person_is_called_in_the_archive() -> None:
    assert not any(state.in_archive and state.needs_attention for state in BinState)
    assert {state for state in BinState if state.in_archive} == {
        BinState.UPLOADED,
        BinState.SYNCED,
        BinState.ARCHIVED,
        BinState.UNPUBLISHED,
    }


def test_each_state_is_told_in_these_words() -> None:
    assert {state.value: state.words for state in BinState} == {
        "uploaded": "uploaded",
        "to_upload": "to upload",
        "synced": "already in the archive",
        "unconfirmed": "waiting for the archive's check",
        "settling": "still being written",
        "incomplete": "incomplete",
        "held": "held back",
        "rejected": "rejected by the archive",
        "conflict": "in conflict",
        "failed": "failed",
        "excluded": "in excluded folders",
        "outside": "outside the window",
        "archived": "in the archive, no longer here",
        "unpublished": "in the archive, not on the dashboard",
        "being_written": "being written",
        "empty": "without images",
    }
