"""One record after another: what a run cannot know is kept from the one before."""

from __future__ import annotations

import pytest

from ifcbscan.core.last_run import LastRun, attention_of, is_over, safe_of, seconds, waiting_of

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


def test_a_run_that_somebody_has_ended_changes_nothing() -> None:
    for code in 130, 143:
        failed = history(run(0, 0, bins=BINS), run(1, 5), run(2, 3, silence="no bin"))
        assert run(3, code, bins={"synced": 1}).after(failed) == failed
        assert run(3, code).after(None).exit_code == code


def test_since_when_it_succeeds_without_a_break() -> None:
    assert history(run(0), run(1)).succeeding_since == run(0).finished
    assert history(run(0), run(1), run(2, 5)).succeeding_since == run(0).finished  # up to its last success
    assert history(run(0), run(1, 5), run(2)).succeeding_since == run(2).finished
    # one that asked nothing proves nothing, and those before it are no part of what follows
    nothing = run(1, bins={"incomplete": 1})
    assert history(run(0), nothing).succeeding_since is None
    assert history(run(0), nothing, run(2)).succeeding_since == run(2).finished
    assert history(run(0), run(1, 130), run(2)).succeeding_since == run(0).finished


def test_a_failure_is_over_for_the_other_kind_only_if_that_met_it_too() -> None:
    hourly = history(run(5, 5), run(30, 5))
    assert is_over(hourly, history(run(29), run(30, 5), run(31)))
    assert is_over(hourly, history(run(4), run(27, 5), run(28), run(31)))  # it tried again for minutes
    assert not is_over(hourly, history(run(4), run(31)))  # it succeeded right through
    assert not is_over(hourly, history(run(29), run(30, 5)))
    assert not is_over(hourly, history(run(31), run(32, bins={"incomplete": 1})))
    assert not is_over(hourly, None)


def test_an_old_failure_that_is_over_lends_its_beginning_to_no_new_one() -> None:
    old = run(20, 2).after(None)
    mended = history(run(20, 2), run(22), run(50))
    assert run(51, 5).after(old, mended).failing_since == run(51).finished
    assert run(51, 5).after(old, history(run(1), run(50))).failing_since == run(20).finished
    assert run(51, 5).after(old).failing_since == run(20).finished


def test_moments_of_the_future_are_not_known() -> None:
    ahead = history(run(40), run(50), run(55, 5))
    made = run(1, 5).after(ahead)
    assert (made.last_success, made.succeeding_since, made.failing_since) == (None, None, run(1).finished)
    assert run(1).after(history(run(50))).succeeding_since == run(1).finished


def test_a_folder_in_which_nothing_is_seen_changes_no_count() -> None:
    seen = run(0, bins=BINS, attention=3, newest=PID)
    blind = run(1, 3, bins=dict.fromkeys(BINS, 0), silence="no bin was found")
    assert history(seen, blind).bins == BINS and history(seen, blind).attention == 3
    assert blind.after(None).bins == {}
    late = blind._replace(silence="no new bin: x")
    assert history(seen, late).bins == late.bins
