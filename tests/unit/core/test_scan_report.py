"""What a run says of itself: the counts, the JSON, the exit code, the summary."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ifcbscan.core.bins import Pid
from ifcbscan.core.scan_report import (
    Problem,
    Requests,
    ScanReport,
    Tally,
    loud,
    reason_of,
    summary,
    told_once,
    why_failed,
    worth_telling,
)
from ifcbscan.core.states import SCAN_COUNTS as COUNTS
from ifcbscan.core.states import BinState
from ifcbscan.core.vital_signs import VitalSigns
from ifcbscan.errors import ExitCode

PID = Pid("D20130526T095207_IFCB013")


def _report(bins: dict[BinState, int] | None = None, **values: Any) -> ScanReport:
    fields: dict[str, Any] = {
        "time_series": "nauset",
        "directory": "/data",
        "mode": "full",
        "dry_run": False,
        "bins": {**dict.fromkeys(COUNTS, 0), **(bins or {})},
        "files_uploaded": 0,
        "bytes_uploaded": 0,
        "requests": Requests(),
        "problems": (),
        "warnings": (),
        "seconds": 1.5,
    }
    fields.update(values)
    return ScanReport(**fields)


def test_bins_that_another_run_has_are_told_in_the_summary_and_a_stalled_run_is_a_failure() -> None:
    report = _report(
        {BinState.TO_UPLOAD: 3}, elsewhere="another scan on this computer, process 123, is sending them"
    )
    said = "nauset: 3 to upload (another scan on this computer, process 123, is sending them)"
    assert summary(report) == said and report.exit_code == ExitCode.DONE
    assert "elsewhere" not in report.to_json() and "stalled" not in report.to_json()
    assert _report({BinState.TO_UPLOAD: 3}, stalled=True).exit_code == ExitCode.PARTLY_FAILED


def test_the_json_has_exactly_the_agreed_keys_in_the_agreed_order() -> None:
    report = _report(
        {BinState.UPLOADED: 2, BinState.HELD: 1},
        files_uploaded=6,
        bytes_uploaded=12345,
        requests=Requests(list=1, head=2, put=6),
        problems=(Problem(PID, BinState.HELD, "empty: .roi has 0 bytes"),),
        warnings=("a warning",),
        seconds=1.23456,
        directory="/data/näuset",
        uploaded=(PID,),
        newest_local=PID,
    )
    written = json.dumps(report.to_json())
    assert json.loads(written) == {
        "time_series": "nauset",
        "directory": "/data/näuset",
        "mode": "full",
        "dry_run": False,
        "bins": {
            "synced": 0,
            "uploaded": 2,
            "to_upload": 0,
            "unconfirmed": 0,
            "settling": 0,
            "incomplete": 0,
            "held": 1,
            "rejected": 0,
            "conflict": 0,
            "failed": 0,
            "excluded": 0,
            "outside": 0,
        },
        "files_uploaded": 6,
        "bytes_uploaded": 12345,
        "requests": {"list": 1, "head": 2, "put": 6},
        "uploaded_bins": [PID],
        "newest": {"local": PID, "archived": None},
        "problems": [{"pid": PID, "state": "held", "reason": "empty: .roi has 0 bytes"}],
        "warnings": ["a warning"],
        "seconds": 1.235,
    }
    assert list(report.to_json()) == [
        "time_series",
        "directory",
        "mode",
        "dry_run",
        "bins",
        "files_uploaded",
        "bytes_uploaded",
        "requests",
        "uploaded_bins",
        "newest",
        "problems",
        "warnings",
        "seconds",
    ]


def test_a_path_that_is_no_text_can_still_be_printed_as_json() -> None:
    report = _report(directory="/data/caf\udce9", warnings=("the folder /data/caf\udce9 cannot be read",))
    json.dumps(report.to_json()).encode("ascii")


@given(st.lists(st.sampled_from(COUNTS)))
def test_every_bin_is_counted_once_and_those_to_look_at_are_named(states: list[BinState]) -> None:
    tally = Tally()
    for number, state in enumerate(states):
        tally.count(Pid(f"bin {number}"), state, "because")
    assert sum(tally.bins.values()) == len(states)
    assert all(tally.bins[state] == states.count(state) for state in COUNTS)
    named = [(problem.pid, problem.state) for problem in tally.problems]
    assert named == [(f"bin {n}", state) for n, state in enumerate(states) if state.needs_attention]


def test_a_state_that_nobody_knows_is_not_counted_in_silence() -> None:
    with pytest.raises(KeyError):
        Tally().count(PID, BinState.ARCHIVED, "")


@pytest.mark.parametrize("state", [name for name in COUNTS if name != BinState.FAILED])
def test_bins_that_wait_or_are_held_are_no_failure(state: BinState) -> None:
    assert _report({state: 3}).exit_code == ExitCode.DONE


@pytest.mark.parametrize(
    ("report", "code"),
    [
        (_report(), 0),
        (_report({BinState.FAILED: 1}), 3),
        (_report(unreadable=1), 3),
        (_report({BinState.FAILED: 1}, ended_by="refused", ended_code=ExitCode.USAGE), 2),
        (_report(ended_by="unreachable", ended_code=ExitCode.PARTLY_FAILED), 3),
        (_report(warnings=("a warning",), problems=(Problem(PID, BinState.HELD, "empty"),)), 0),
    ],
)
def test_the_exit_code_is_that_of_the_most_severe_thing(report: ScanReport, code: int) -> None:
    assert report.exit_code == code


@pytest.mark.parametrize(
    ("report", "line"),
    [
        (_report(), "nauset: no bins found"),
        (_report({BinState.SYNCED: 1412}), "nauset: 1,412 already in the archive"),
        (
            _report(
                {BinState.UPLOADED: 2, BinState.HELD: 1},
                files_uploaded=6,
                bytes_uploaded=12345678,
                seconds=61.4,
            ),
            "nauset: 2 uploaded, 1 held back; sent 6 files, 12.3 MB in 61 s",
        ),
        (_report({BinState.TO_UPLOAD: 3}, dry_run=True), "nauset: 3 to upload (dry run: nothing was sent)"),
    ],
)
def test_the_summary_says_it_in_one_line_of_words(report: ScanReport, line: str) -> None:
    assert summary(report) == line


@pytest.mark.parametrize("state", COUNTS)
def test_no_count_is_left_out_of_the_summary(state: BinState) -> None:
    assert summary(_report({state: 7})).startswith("nauset: 7 ")


def test_a_run_that_did_nothing_and_found_all_in_order_has_nothing_to_tell() -> None:
    assert not worth_telling(
        _report({BinState.SYNCED: 100, BinState.SETTLING: 1, BinState.UNCONFIRMED: 1, BinState.EXCLUDED: 4})
    )


@pytest.mark.parametrize(
    "values",
    [
        {"files_uploaded": 1},
        {"problems": (Problem(PID, BinState.HELD, "empty"),)},
        {"warnings": ("a warning",)},
        {"ended_by": "the bucket refused"},
        {"dry_run": True},
    ],
)
def test_whatever_a_person_should_know_is_worth_telling(values: dict[str, Any]) -> None:
    assert worth_telling(_report(**values))


def test_who_has_the_bins_is_told_beside_the_number_of_those_to_upload_and_of_no_others() -> None:
    bins = {BinState.TO_UPLOAD: 3, BinState.HELD: 3, BinState.SYNCED: 3}
    line = summary(_report(bins, elsewhere="another scan has them"))
    assert line == ("nauset: 3 to upload (another scan has them), 3 already in the archive, 3 held back")


def test_what_refuses_several_bins_is_told_once() -> None:
    refused = "The bucket b refused: QuotaExceeded (HTTP 403): " + "what the archive allows is used up " * 3
    too_large = "it was refused with HTTP 413: " + "a proxy lets no file of this size through " * 3
    found = [
        Problem(name, BinState.FAILED, reason)
        for name, reason in (
            ("D1", refused),
            ("D2", too_large),
            ("D3", "short"),
            ("D4", too_large),
            ("D5", "short"),
        )
    ]
    assert [problem.reason for problem in told_once(found, refused)] == [
        "for the reason that ended the run",
        too_large,
        "short",
        "for the same reason as D2",
        "short",
    ]
    assert [problem.reason for problem in told_once(found)][0] == refused


def test_what_passes_by_itself_is_counted_with_what_is_like_it_and_told_to_programs_alone() -> None:
    tally = Tally()
    tally.count(PID, BinState.BEING_WRITTEN, ".roi missing: it may still be written")
    tally.count(PID, BinState.EMPTY, "empty: .roi has 0 bytes")
    assert (tally.bins[BinState.INCOMPLETE], tally.bins[BinState.HELD], tally.attention) == (1, 1, 0)
    assert loud(tally.problems) == []
    calm = _report(tally.bins, problems=tuple(tally.problems))
    assert [problem["state"] for problem in calm.to_json()["problems"]] == ["incomplete", "held"]
    assert list(calm.to_json()["problems"][0]) == ["pid", "state", "reason"]
    assert not worth_telling(calm)
    tally.count(PID, BinState.INCOMPLETE, ".roi missing")
    assert tally.attention == 1 and loud(tally.problems) == [
        Problem(PID, BinState.INCOMPLETE, ".roi missing")
    ]
    assert worth_telling(_report(tally.bins, problems=tuple(tally.problems)))


def test_silence_ends_a_run_with_3_unless_something_worse_does() -> None:
    assert _report(silence="no bin was found").exit_code == ExitCode.PARTLY_FAILED
    ended = _report(silence="no bin was found", ended_by="refused", ended_code=ExitCode.USAGE)
    assert ended.exit_code == ExitCode.USAGE


def test_a_run_of_the_last_days_without_a_bin_says_of_which_days() -> None:
    assert summary(_report()) == "nauset: no bins found"
    assert summary(_report(max_age=3 * 86400.0)) == "nauset: no bin of the last 3 days"
    assert summary(_report({BinState.SYNCED: 1}, max_age=3 * 86400.0)) == "nauset: 1 already in the archive"


def test_a_monitor_is_told_why_a_run_failed_and_not_only_its_counts() -> None:
    report = _report({BinState.SYNCED: 2}, warnings=("no new bin", "a"), ended_by="the bucket went away")
    assert why_failed(report) == "nauset: 2 already in the archive; the bucket went away; no new bin; a"
    many = why_failed(_report(warnings=tuple(map(str, range(30)))))
    assert many.endswith("; 19; ... and 10 more warnings; --json lists them all")


def test_why_a_run_partly_failed_is_one_line() -> None:
    assert reason_of(_report()) == ""
    assert reason_of(_report(silence="no bin")) == "no bin"
    full = VitalSigns(free=10**6, days_left=0.1)
    assert reason_of(_report(vital=full)) == full.warning(_report().directory) != ""
    failed = Problem("D20260526T095207_IFCB013", BinState.FAILED, "the file changed")
    assert (
        reason_of(_report({BinState.FAILED: 1}, problems=(failed,)))
        == "1 bin failed: D20260526T095207_IFCB013: the file changed"
    )
    assert reason_of(_report(unreadable=1, warnings=("a folder", "x"))) == "a folder"
    assert reason_of(_report(warnings=("x",))) == ""
