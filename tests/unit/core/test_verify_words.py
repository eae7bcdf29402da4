"""The words of a verification: counts in its summary, what its verdict means, and the reasons of two states."""

from __future__ import annotations

from typing import Any

import pytest

from ifcbscan.core.bins import MISSING, NEVER, Fileset, Pid, pack_stamps
from ifcbscan.core.content_match import Proof
from ifcbscan.core.part import Part
from ifcbscan.core.scan_report import Requests
from ifcbscan.core.verify_report import DeletableReport, PartReport, Publication, VerifyReport, VerifyState
from ifcbscan.core.verify_words import conclusion, copies_differ, fragment_reason, summary


def _report(bins: dict[VerifyState, int], **values: Any) -> VerifyReport:
    fields: dict[str, Any] = {
        "time_series": "nauset",
        "directory": "/data",
        "mode": "full",
        "bins": {**dict.fromkeys(VerifyState, 0), **bins},
        "problems": (),
        "warnings": (),
        "requests": Requests(),
        "seconds": 10.0,
        "bytes_read": 0,
        "proofs": dict.fromkeys(Proof, 0),
        "published": None,
        "different": (),
        "deletable": None,
        "unreadable": 0,
    }
    fields.update(values)
    return VerifyReport(**fields)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (VerifyState.PROVEN, "proven to be in the archive"),
        (VerifyState.MISSING, "not in the archive"),
        (VerifyState.DIFFERENT, "with other content in the archive"),
        (VerifyState.SIZE, "with other sizes in the archive"),
        (VerifyState.UNPROVEN, "not proven"),
        (VerifyState.SETTLING, "still being written"),
        (VerifyState.INCOMPLETE, "incomplete"),
        (VerifyState.HELD, "held back"),
        (VerifyState.REJECTED, "rejected by the archive"),
        (VerifyState.CONFLICT, "in conflict"),
        (VerifyState.EXCLUDED, "in excluded folders (not looked at)"),
    ],
)
def test_every_count_is_in_the_summary_with_its_words(state: VerifyState, words: str) -> None:
    assert summary(_report({state: 1234})) == f"nauset: 1,234 {words}"


def test_counts_come_in_one_line_the_proven_bins_first() -> None:
    bins = {VerifyState.CONFLICT: 1, VerifyState.PROVEN: 2, VerifyState.INCOMPLETE: 3}
    assert summary(_report(bins)) == "nauset: 2 proven to be in the archive, 3 incomplete, 1 in conflict"


def test_a_folder_without_bins_is_told_as_such_and_proves_nothing() -> None:
    report = _report({})
    assert summary(report) == "nauset: no bins found" and report.exit_code == 3
    assert conclusion(report) == [
        "There was nothing to prove: no complete bin was found. Is this the right folder?"
    ]


@pytest.mark.parametrize(
    ("seconds", "words"), [(4.0, "read 2.0 GB in 4 s (500.0 MB/s)"), (0.0, "read 2.0 GB in 0 s (0 B/s)")]
)
def test_what_was_read_is_told_with_its_rate_also_if_the_clock_stood_still(
    seconds: float, words: str
) -> None:
    line = summary(_report({VerifyState.PROVEN: 1}, bytes_read=2 * 10**9, seconds=seconds))
    assert line == f"nauset: 1 proven to be in the archive; {words}"


@pytest.mark.parametrize(("unknown", "words"), [(0, ""), (1500, ", unknown 1,500")])
def test_what_the_dashboard_did_not_say_is_told_only_where_there_is_some(unknown: int, words: str) -> None:
    counts = {Publication.PUBLISHED: 18000, Publication.UNPUBLISHED: 0, Publication.UNKNOWN: unknown}
    line = summary(_report({VerifyState.PROVEN: 1}, published=counts))
    assert line.endswith(f"; published 18,000, unpublished 0{words}")


def _of_the_list(**values: Any) -> list[str]:
    deletable = DeletableReport(after=86400.0, written=True, files=3, bins=1, **values)
    report = _report({VerifyState.PROVEN: 2}, deletable=deletable)
    verdict, *lines = conclusion(report)
    assert verdict.startswith("NOT everything is proven" if deletable.changed else "Everything is proven")
    return lines


@pytest.mark.parametrize("dates", [{}, {"first_at": 1e9}, {"all_at": 1e9}], ids=str)
def test_bins_without_a_date_are_left_out_without_a_promise(dates: dict[str, float]) -> None:
    assert _of_the_list(too_young=1, **dates) == [
        "Left out of the list: 1 bin of which the archive got a file less than 24 h ago (--deletable-after); it may still "
        "refuse one."
    ]


def test_where_all_come_at_the_same_time_only_one_is_told() -> None:
    (line,) = _of_the_list(too_young=2, first_at=60.0, all_at=60.0)
    assert line.endswith(
        "refuse one. All of them can be listed from 1970-01-01 00:01 UTC: verify again then."
    )


def test_changed_and_unlistable_bins_are_told_with_what_to_do() -> None:
    assert _of_the_list(changed=2, unlistable=1) == [
        "Left out of the list: 2 bins that are not the same any more, here or in the archive. Send what is missing with "
        "'ifcbscan sync', then verify again.",
        "Left out of the list: 1 bin with a line end in the path of a file; use -0.",
    ]


def test_the_summary_counts_the_bins_that_changed() -> None:
    deletable = DeletableReport(after=86400.0, written=True, files=3, bins=1, changed=2)
    line = summary(_report({VerifyState.PROVEN: 3}, deletable=deletable))
    assert line.endswith("; 3 files of 1 bin listed as deletable, 2 bins changed since they were read")


def test_a_part_of_a_bin_that_is_whole_elsewhere_is_told_with_both_folders() -> None:
    pid = Pid("D20130526T095207_IFCB013")
    suffixes = (".hdr", ".adc", ".roi")
    fragment = Fileset(pid, "/data/b", suffixes, MISSING, 200, MISSING, pack_stamps((NEVER, 1.0, NEVER)))
    reason = fragment_reason(fragment, "/data/a")
    assert reason == ".hdr and .roi missing in /data/b; only the copy in /data/a is compared"


def test_copies_of_the_same_size_with_other_content_are_told_with_both_folders() -> None:
    reason = copies_differ("roi", "/data/a", "/data/b")
    assert reason == "two copies differ: .roi has other content in /data/a than in /data/b"


def test_of_bins_outside_the_window_nothing_is_said() -> None:
    report = _report({VerifyState.PROVEN: 1, VerifyState.OUTSIDE: 1234})
    assert "1,234 outside the window (not looked at)" in summary(report)
    assert "Not compared: bins outside the window (1,234). This says nothing of them." in conclusion(report)
    assert not any("window" in line for line in conclusion(_report({VerifyState.PROVEN: 1})))


def _of_a_part(
    bins: dict[VerifyState, int], looked_at: int, others: int, others_complete: bool = True, **values: Any
) -> VerifyReport:
    return _report(bins, part=PartReport(Part(3, 30), looked_at, others, others_complete), **values)


def test_what_is_proven_of_a_part_is_said_of_the_part_alone() -> None:
    report = _of_a_part({VerifyState.PROVEN: 42}, 42, 1203)
    assert summary(report) == "nauset, part 3 of 30 (42 of 1,245 bins): 42 proven to be in the archive"
    assert conclusion(report) == [
        "Everything that was asked for in part 3 of 30 is proven.",
        "Before you delete anything: --deletable FILE looks at everything again and lists what may go.",
        "Not compared: bins of the other parts (1,203). This says nothing of them.",
    ]
    assert report.exit_code == 0


@pytest.mark.parametrize(
    ("bins", "values", "verdict"),
    [
        (
            {VerifyState.PROVEN: 41, VerifyState.MISSING: 1},
            {},
            "NOT everything in part 3 of 30 is proven. Delete nothing, or only what --deletable FILE lists.",
        ),
        (
            {VerifyState.PROVEN: 42},
            {"published": {**dict.fromkeys(Publication, 0), Publication.UNPUBLISHED: 1}},
            "Everything in part 3 of 30 is proven to be in the archive, but the dashboard does not show all of it. Delete "
            "nothing, or only what --deletable FILE lists.",
        ),
        (
            {VerifyState.PROVEN: 42},
            {"deletable": DeletableReport(after=86400.0, written=True, too_young=1)},
            "Everything in part 3 of 30 is proven to be in the archive, but NOT everything may be deleted yet.",
        ),
    ],
)
def test_what_is_not_as_it_should_be_in_a_part_is_said_of_the_part(
    bins: dict[VerifyState, int], values: dict[str, Any], verdict: str
) -> None:
    report = _of_a_part(bins, 42, 1203, **values)
    assert conclusion(report)[0] == verdict and report.exit_code == 3


def test_a_part_without_bins_is_no_alarm_where_the_folder_has_some_and_is_called_no_proof() -> None:
    report = _of_a_part({}, 0, 20)
    assert summary(report) == "nauset, part 3 of 30 (0 of 20 bins): no bins found"
    assert conclusion(report) == [
        "There was nothing to prove in part 3 of 30: no complete bin is in it.",
        "Not compared: bins of the other parts (20). This says nothing of them.",
    ]
    assert report.exit_code == 0
    assert _of_a_part({}, 0, 20, misnamed=1).exit_code == 3
    assert _of_a_part({}, 0, 20, silence="the disk is gone").exit_code == 3


@pytest.mark.parametrize(
    ("bins", "looked_at", "others"),
    [({VerifyState.EXCLUDED: 5}, 0, 0), ({}, 0, 10), ({VerifyState.INCOMPLETE: 4}, 4, 6)],
)
def test_a_part_of_a_folder_without_complete_bins_is_as_red_as_the_folder(
    bins: dict[VerifyState, int], looked_at: int, others: int
) -> None:
    report = _of_a_part(bins, looked_at, others, others_complete=False)
    assert report.exit_code == 3
    assert conclusion(report)[0].startswith("There was nothing to prove: no complete bin was found.")


def test_the_only_part_of_one_is_told_without_others() -> None:
    report = _report({VerifyState.PROVEN: 1}, part=PartReport(Part(1, 1), 1, 0, False))
    assert not any("other parts" in line for line in conclusion(report))


def test_a_dashboard_that_was_not_reached_is_not_said_to_show_nothing() -> None:
    published = {Publication.PUBLISHED: 1, Publication.UNPUBLISHED: 0, Publication.UNKNOWN: 2}
    said = conclusion(_report({VerifyState.PROVEN: 3}, published=published))
    assert said[-1] == (
        "Everything is proven to be in the archive, but of 2 bins the dashboard did not say whether it shows them. Delete nothing, "
        "or only what --deletable FILE lists."
    )
