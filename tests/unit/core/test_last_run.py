"""One record after another: what a run cannot know is kept from the one before."""

from __future__ import annotations

import pytest

from ifcbscan.core.last_run import LastRun, attention_of, safe_of, seconds, waiting_of

BINS = {"synced": 5, "uploaded": 1, "settling": 2, "held": 3, "excluded": 9}
PID = "D20260526T095207_IFCB013"


def run(minute: int, exit_code: int = 0, **fields: object) -> LastRun:
    made = LastRun(f"2026-06-02T14:{minute:02d}:00Z", exit_code, "summary", {})
    return made._replace(**fields)  # type: ignore[arg-type]


def history(*runs: LastRun) -> LastRun:
    """The record after these runs."""
    record = None
    for one in runs:
        record = one.after(record)
    assert record is not None
    return record


@pytest.mark.parametrize(
    "codes, last_success, failing_since",
    [
        ([0], 0, None),
        ([0, 0], 1, None),
        ([2], None, 0),
        ([0, 5], 0, 1),
        ([0, 5, 2, 3], 0, 1),
        ([0, 5, 0], 2, None),
        ([0, 130], 0, None),
        ([0, 5, 143], 0, 1),
        ([143], None, None),
        ([4, 4], None, 0),
    ],
)
def test_the_last_success_and_since_when_it_fails(
    codes: list[int], last_success: int | None, failing_since: int | None
) -> None:
    record = history(*(run(minute, code) for minute, code in enumerate(codes)))
    assert record.last_success == (None if last_success is None else run(last_success).finished)
    assert record.failing_since == (None if failing_since is None else run(failing_since).finished)


def test_a_run_that_came_to_no_count_leaves_what_was_counted_before() -> None:
    counted = run(0, bins=BINS, attention=3, newest=PID)
    failed = history(counted, run(1, 5))
    assert (failed.bins, failed.attention, failed.newest) == (BINS, 3, PID)
    again = history(counted, run(1, 5), run(2, 0, bins={"synced": 9}))
    assert (again.bins, again.attention, again.newest) == ({"synced": 9}, 0, PID)


def test_what_the_counts_say() -> None:
    assert (safe_of(BINS), waiting_of(BINS), attention_of(BINS)) == (6, 2, 3)


def test_a_moment_is_read_back_to_the_second_and_the_newest_bin_only_if_it_is_one() -> None:
    assert run(0).ended == seconds("2026-06-02T14:00:00Z") == 1780408800.0
    assert run(0, newest=PID).newest_bin == PID
    assert run(0, newest="nonsense").newest_bin is None and run(0).newest_bin is None


def test_what_the_instrument_showed_is_kept_while_no_run_comes_to_look() -> None:
    seen = LastRun("2026-06-01T12:00:00Z", 0, "", {"synced": 1}, instrument=("data disk: 1.0 GB free",))
    away = LastRun("2026-06-01T13:00:00Z", 5, "no network", {})
    assert away.after(seen).instrument == ("data disk: 1.0 GB free",)
    looked = LastRun("2026-06-01T14:00:00Z", 0, "", {"synced": 1})
    assert looked.after(seen).instrument == ()
