"""What is said of other runs on this computer that have bins, or a lock, and of those that do not get on."""

from __future__ import annotations

from typing import Any

import pytest

from ifcbscan.core.companions import Companion, Holder, OtherRuns, already_running, other_runs
from ifcbscan.core.words import human_duration

SYNC = Holder(123, "lab", "2026-06-02T14:05:00Z", "/data", "nauset", "full")
OTHER_FOLDER = Holder(456, "lab", "2026-06-02T14:06:00Z", "/data2", "nauset", "recent")


def examined(
    refused: Any, *present: Companion, to_upload: int | None = None, other_mode: Companion | None = None
) -> OtherRuns:
    return other_runs(len(refused) if to_upload is None else to_upload, refused, present, other_mode)


@pytest.mark.parametrize(
    "refused, to_upload, said",
    [
        ({"a": 123}, 1, "another scan on this computer, process 123, is sending it"),
        ({"a": 123, "b": 123}, 2, "another scan on this computer, process 123, is sending them"),
        ({"a": 123, "b": 123}, 5, "another scan on this computer, process 123, is sending 2 of them"),
        ({"a": 123, "b": 456}, 2, "other scans on this computer, processes 123 and 456, are sending them"),
        ({"a": 789}, 1, "another scan on this computer, process 789, is sending it"),  # without a name
        # where the system does not say whose a bin is
        ({"a": None}, 1, "other scans on this computer, processes 123 and 456, are sending it"),
    ],
)
def test_it_is_said_who_sends_the_bins_that_were_left(refused: Any, to_upload: int, said: str) -> None:
    found = examined(refused, Companion(SYNC, 5.0), Companion(OTHER_FOLDER, None), to_upload=to_upload)
    assert found == OtherRuns(said)


def test_where_nobody_is_known_no_number_is_given() -> None:
    assert examined({"a": None}).elsewhere == "another scan on this computer is sending it"


def test_without_a_bin_left_to_others_nothing_is_said() -> None:
    assert examined({}, to_upload=7) == OtherRuns()


@pytest.mark.parametrize(
    "silent, told, stalled", [(599.0, False, False), (600.0, True, False), (3600.0, True, True)]
)
def test_silence_is_told_after_ten_minutes_and_is_a_failure_after_an_hour(
    silent: float, told: bool, stalled: bool
) -> None:
    found = examined({"a": 123}, Companion(SYNC, silent))
    assert (bool(found.warnings), found.stalled) == (told, stalled)
    if told:
        (warning,) = found.warnings
        since = human_duration(silent)
        for part in ("process 123", "/data", SYNC.started, since, "holds bins", "nothing is lost"):
            assert part in warning
        assert f"is holding it, without a sign of life for {since}" in found.elsewhere


def test_only_the_run_that_has_the_bins_is_told_of() -> None:
    lively, silent = Companion(OTHER_FOLDER, 5.0), Companion(SYNC, 7200.0)
    found = examined({"a": 456}, lively, silent)
    assert found == OtherRuns("another scan on this computer, process 456, is sending it")


def test_a_silent_run_of_the_other_mode_is_told_of_though_it_has_none_of_the_bins() -> None:
    found = examined({}, other_mode=Companion(SYNC, 7200.0))
    assert found.elsewhere == "" and found.stalled and "holds bins" not in found.warnings[0]
    both = examined({"a": 123}, Companion(SYNC, 7200.0), other_mode=Companion(SYNC, 7200.0))
    assert len(both.warnings) == 1


def test_an_unknown_age_is_no_silence() -> None:
    assert examined({"a": 123}, Companion(SYNC, None)).warnings == ()
    assert not already_running(Companion(SYNC, None)).stalled


WHAT_TO_DO = (
    "If somebody has stopped it with Ctrl-Z, type fg in that terminal. Otherwise end it (kill -KILL 123, or the Task Manager "
    "of Windows): nothing is lost by that, and the next scan goes on."
)


@pytest.mark.parametrize("bins", ["It holds bins that are not sent as long as it does. ", ""])
def test_the_warning_says_which_run_it_is_what_it_holds_and_what_to_do(bins: str) -> None:
    run = Companion(SYNC, 7200.0)
    found = examined({"a": 123}, run) if bins else examined({}, other_mode=run)
    assert found.warnings == (
        "another scan on this computer gives no sign of life: process 123, a full scan of /data since "
        f"2026-06-02T14:05:00Z, for 2 h. {bins}{WHAT_TO_DO}",
    )


@pytest.mark.parametrize(("silent", "stalled"), [(None, None), (599.0, None), (600.0, False), (3600.0, True)])
def test_who_is_locked_out_is_told_by_which_run_and_whether_it_gets_on(
    silent: float | None, stalled: bool | None
) -> None:
    error = already_running(Companion(SYNC, silent))
    who = "Another scan of /data for nauset is running: process 123 on lab, since 2026-06-02T14:05:00Z"
    if stalled is None:
        assert str(error) == f"{who}. Nothing was done here; that scan goes on." and not error.stalled
    else:
        since = human_duration(silent or 0.0)
        assert str(error) == (
            f"{who}, and it has given no sign of life for {since}. Nothing was done here. {WHAT_TO_DO}"
        )
        assert error.stalled == stalled


def test_a_lock_of_nobody_known_is_told_without_a_name() -> None:
    error = already_running(None)
    assert str(error) == ("Another scan of this directory and time series is running; nothing was done.")
    assert not error.stalled
