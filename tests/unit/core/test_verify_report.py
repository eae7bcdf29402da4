"""What a verification says of itself: exit code, JSON, summary and the lines that say what to do."""

from __future__ import annotations

from typing import Any

import pytest

from ifcbscan.core.bins import Pid, server_seconds
from ifcbscan.core.content_match import BinVerdict, ContentMatch, FileVerdict, Proof
from ifcbscan.core.decision import State
from ifcbscan.core.scan_report import Problem, Requests
from ifcbscan.core.verify_report import (
    BinResult,
    DeletableReport,
    DifferentBin,
    Flaw,
    Publication,
    VerifyReport,
    VerifyState,
    VerifyTally,
)
from ifcbscan.core.verify_words import conclusion, summary

ALL_PROVEN = "Everything that was asked for is proven."
NOT_PROVEN = "NOT everything is proven. Delete nothing, or only what --deletable FILE lists."


def _report(**values: Any) -> VerifyReport:
    """Of 20 proven bins, unless something else is said."""
    bins = {**dict.fromkeys(VerifyState, 0), **values.pop("bins", {VerifyState.PROVEN: 20})}
    fields: dict[str, Any] = {
        "time_series": "nauset",
        "directory": "/data",
        "mode": "full",
        "bins": bins,
        "problems": (),
        "warnings": (),
        "requests": Requests(),
        "seconds": 1.0,
        "bytes_read": 0,
        "proofs": dict.fromkeys(Proof, 0),
        "published": None,
        "different": (),
        "deletable": None,
        "unreadable": 0,
    }
    fields.update(values)
    return VerifyReport(**fields)


def _list(**values: Any) -> DeletableReport:
    fields: dict[str, Any] = {"after": 86400.0, "written": True, "files": 60, "bins": 20}
    fields.update(values)
    return DeletableReport(**fields)


def test_a_folder_of_which_the_disk_is_not_seen_proves_nothing_however_many_bins_are_proven() -> None:
    report = _report(
        silence="/mnt is no mount point any more", deletable=_list(written=False, files=0, bins=0)
    )
    assert report.exit_code == 3 and not report.all_proven
    assert list(conclusion(report)) == [
        "NOT everything is proven: what this folder should hold is not seen (see the warnings). Delete nothing.",
        "No list of deletable files was written. Delete nothing, and use no older list.",
    ]


TOO_YOUNG = _list(
    files=48,
    bins=16,
    too_young=4,
    first_at=server_seconds("2026-06-02T11:14:01Z"),
    all_at=server_seconds("2026-06-02T12:00:00Z"),
)
CHANGED = _list(files=57, bins=19, changed=1)
NOT_WRITTEN = DeletableReport(after=86400.0, written=False)


@pytest.mark.parametrize(
    "values",
    [
        {"out_of_sight": 1},
        {"unreadable": 1},
        {"misnamed": 1},
        {"bins": {VerifyState.PROVEN: 20, VerifyState.MISSING: 1}},
        {"deletable": CHANGED},
    ],
    ids=lambda values: next(iter(values)),
)
def test_what_is_not_proven_or_not_seen_ends_in_3_and_in_capitals(values: dict[str, Any]) -> None:
    report = _report(**values)
    assert report.exit_code == 3 and not report.all_proven and not report.nothing_found
    assert conclusion(report)[0] == NOT_PROVEN


def test_a_folder_out_of_sight_is_told_also_where_no_bin_was_found() -> None:
    report = _report(bins={}, out_of_sight=2)
    assert report.exit_code == 3 and not report.nothing_found
    assert conclusion(report)[1] == (
        "Not looked into: 2 folders that may hold bins; the warnings name the first. What is in them may exist only on this "
        "disk."
    )


def test_all_is_proven_only_without_anything_left_out() -> None:
    report = _report(deletable=_list())
    assert report.exit_code == 0 and conclusion(report) == [ALL_PROVEN]
    for deletable in (TOO_YOUNG, CHANGED, NOT_WRITTEN):
        report = _report(deletable=deletable)
        assert report.exit_code == 3 and ALL_PROVEN not in conclusion(report)


def test_who_asked_for_no_list_is_told_to_ask_for_one_before_anything_is_deleted() -> None:
    lines = conclusion(_report())
    assert lines[0] == ALL_PROVEN and "Before you delete anything: --deletable FILE" in lines[1]


def test_bins_that_are_too_young_are_counted_with_the_time_from_when_they_may_go() -> None:
    report = _report(deletable=TOO_YOUNG)
    assert report.all_proven
    assert conclusion(report) == [
        "Everything is proven to be in the archive, but NOT everything may be deleted yet.",
        "Left out of the list: 4 bins of which the archive got a file less than 24 h ago (--deletable-after); it may "
        "still refuse one. All of them can be listed from 2026-06-02 12:00 UTC, the first from 2026-06-02 11:15 UTC: "
        "verify again then.",
    ]
    assert summary(report).endswith("; 48 files of 16 bins listed as deletable, 4 bins too young for it")


def test_a_time_that_no_calendar_has_is_told_all_the_same() -> None:
    lines = conclusion(_report(deletable=_list(too_young=1, first_at=1e15, all_at=1e15)))
    assert "All of them can be listed from the year 10000: verify again then." in lines[1]


def test_bins_that_changed_are_counted_and_told() -> None:
    report = _report(deletable=CHANGED)
    assert "1 bin that is not the same any more, here or in the archive" in conclusion(report)[1]
    assert summary(report).endswith(
        "57 files of 19 bins listed as deletable, 1 bin changed since it was read"
    )


def test_a_list_that_was_not_written_means_that_nothing_may_be_deleted() -> None:
    report = _report(deletable=NOT_WRITTEN)
    assert (
        conclusion(report)[1]
        == "No list of deletable files was written. Delete nothing, and use no older list."
    )
    assert summary(report).endswith("; no list of deletable files")


def test_what_is_proven_and_not_shown_is_not_called_unproven() -> None:
    report = _report(
        published={Publication.PUBLISHED: 18, Publication.UNPUBLISHED: 1, Publication.UNKNOWN: 1}
    )
    assert report.exit_code == 3 and "published 18, unpublished 1, unknown 1" in summary(report)
    assert report.to_json()["published"] == {"published": 18, "unpublished": 1, "unknown": 1}
    assert conclusion(report)[0] == (
        "Everything is proven to be in the archive, but the dashboard does not show all of it. Delete nothing, or only "
        "what --deletable FILE lists."
    )


def test_copies_in_excluded_folders_are_told_and_do_not_count_against_the_proof() -> None:
    report = _report(bins={VerifyState.PROVEN: 1}, excluded_copies=1, deletable=_list())
    assert report.exit_code == 0 and "excluded_copies" not in report.to_json()
    assert conclusion(report)[1:] == [
        "Not compared: copies in excluded folders of bins that are compared elsewhere (1). They may differ.",
    ]


def test_what_was_not_compared_is_told_beside_the_verdict() -> None:
    report = _report(
        bins={VerifyState.PROVEN: 1, VerifyState.INCOMPLETE: 1, VerifyState.EXCLUDED: 2},
        foreign=6,
        deletable=_list(),
    )
    assert report.exit_code == 0
    assert conclusion(report)[1:] == [
        "Not compared: bins that are incomplete or in excluded folders (3). They may exist only on this disk.",
        "Not looked at: 6 files that are no part of a bin. They may exist only on this disk.",
    ]


@pytest.mark.parametrize(
    "deletable, counts",
    [
        (_list(), [60, 20, 0, 0]),
        (TOO_YOUNG, [48, 16, 4, 0]),
        (CHANGED, [57, 19, 0, 1]),
        (NOT_WRITTEN, [0, 0, 0, 0]),
    ],
)
def test_the_json_counts_what_the_list_has_and_lacks(deletable: DeletableReport, counts: list[int]) -> None:
    made = _report(deletable=deletable).to_json()
    assert made["deletable"] == dict(zip(("files", "bins", "too_young", "changed"), counts))
    # The older key is there only where there is a list.
    assert made.get("deletable_files") == (counts[0] if deletable.written else None)
    assert not {"deletable", "deletable_files"} & set(_report().to_json())


@pytest.mark.parametrize("match", ContentMatch)
def test_every_comparison_with_the_archive_is_a_state_of_the_same_word(match: ContentMatch) -> None:
    assert VerifyState.of_match(match).value == match.value


@pytest.mark.parametrize("state", State)
def test_a_state_of_a_scan_that_leads_to_an_upload_is_none_of_a_verification(state: State) -> None:
    if state in (State.SYNCED, State.UPLOAD, State.COMMIT, State.UNCONFIRMED):
        with pytest.raises(ValueError):
            VerifyState.of_state(state)
    else:
        word = {State.BEING_WRITTEN: "incomplete", State.EMPTY: "held"}.get(state, state.value)
        assert str(VerifyState.of_state(state)) == word


def test_the_json_keeps_its_keys_and_their_order() -> None:
    made = _report().to_json()
    assert list(made["bins"]) == [
        "proven",
        "missing",
        "different",
        "size",
        "unproven",
        "incomplete",
        "settling",
        "held",
        "rejected",
        "conflict",
        "excluded",
        "outside",
    ]
    assert list(made["proofs"]) == ["md5", "parts", "checksum", "download"]


def test_one_of_a_kind_is_told_in_the_singular() -> None:
    lines = conclusion(_report(out_of_sight=1, foreign=1))
    assert lines[1:] == [
        "Not looked into: 1 folder that may hold bins; the warnings name it. What is in it may exist only on this disk.",
        "Not looked at: 1 file that is no part of a bin. It may exist only on this disk.",
    ]
    report = _report(deletable=_list(files=3, bins=1, too_young=1, first_at=0.0, all_at=0.0))
    assert summary(report).endswith("; 3 files of 1 bin listed as deletable, 1 bin too young for it")


PID = Pid("D20130526T095207_IFCB013")
PROVEN = tuple(FileVerdict(extension, ContentMatch.PROVEN, Proof.MD5, "") for extension in ("hdr", "adc"))
ROI_PROVEN = FileVerdict("roi", ContentMatch.PROVEN, Proof.PARTS, "proven by its sum as one part")
ROI_DIFFERENT = FileVerdict("roi", ContentMatch.DIFFERENT, None, "has other content")


def test_a_proven_bin_is_counted_with_what_was_read_and_what_proved_its_files() -> None:
    tally = VerifyTally()
    verdict = BinVerdict(ContentMatch.PROVEN, "", (*PROVEN, ROI_PROVEN))
    for _ in range(2):
        tally.count(BinResult(PID, VerifyState.PROVEN, "", size=900, read=600, verdict=verdict))
    assert tally.bins == {**dict.fromkeys(VerifyState, 0), VerifyState.PROVEN: 2}
    assert tally.bytes_read == 1200
    assert tally.proofs == {Proof.MD5: 4, Proof.PARTS: 2, Proof.DOWNLOAD: 0}
    assert tally.problems == [] and tally.different == [] and set(tally.published.values()) == {0}


@pytest.mark.parametrize(
    ("state", "different"),
    [(VerifyState.DIFFERENT, [DifferentBin(PID, ("roi",))]), (VerifyState.SETTLING, [])],
)
def test_of_a_bin_that_is_not_proven_no_proof_counts_and_only_other_content_is_kept(
    state: VerifyState, different: list[DifferentBin]
) -> None:
    tally = VerifyTally()
    verdict = BinVerdict(ContentMatch.DIFFERENT, "other content", (*PROVEN, ROI_DIFFERENT))
    tally.count(BinResult(PID, state, "because", size=900, read=600, verdict=verdict))
    assert tally.problems == [Problem(PID, state, "because")]
    assert tally.different == different and set(tally.proofs.values()) == {0} and tally.bytes_read == 600


@pytest.mark.parametrize("publication", Publication)
def test_what_the_dashboard_says_is_counted_and_a_bin_that_it_does_not_show_is_a_problem(
    publication: Publication,
) -> None:
    tally = VerifyTally()
    tally.count(
        BinResult(PID, VerifyState.PROVEN, "", size=900, publication=publication, unpublished="skipped")
    )
    assert tally.published == {**dict.fromkeys(Publication, 0), publication: 1}
    hidden = publication is Publication.UNPUBLISHED
    assert tally.problems == ([Problem(PID, Flaw.UNPUBLISHED, "skipped")] if hidden else [])


def test_in_the_json_a_problem_has_the_word_of_its_state() -> None:
    problems = (
        Problem(PID, VerifyState.MISSING, "not in the archive"),
        Problem(PID, Flaw.UNPUBLISHED, "skipped"),
        Problem(PID, Flaw.CHANGED, "it changed"),
    )
    made = _report(problems=problems).to_json()["problems"]
    assert [problem["state"] for problem in made] == ["missing", "unpublished", "changed"]
    assert made[0] == {"pid": PID, "state": "missing", "reason": "not in the archive"}
