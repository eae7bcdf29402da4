"""One run over the stand-ins: a bin whose `.adc` is out and whose `.roi` the archive has deleted afterwards.

(What a run does otherwise is in test_scan.py, test_upload.py, tests/cli/test_scan.py and tests/model.)
"""

from __future__ import annotations

import threading

import pytest
from support.fakes import Call, FakeBucket, FakeTree, SerialExecutor, StoredObject, VirtualClock

from ifcbscan.core.archive_report import SurveyedBin
from ifcbscan.core.decision import Policy
from ifcbscan.core.scan_report import Problem, ScanReport
from ifcbscan.core.states import BinState
from ifcbscan.errors import ExitCode
from ifcbscan.runs.backends import Backends, StopRequest
from ifcbscan.runs.listener import Listener
from ifcbscan.runs.scan import ScanOptions, scan
from ifcbscan.runs.stock import take_stock
from ifcbscan.runs.survey import survey
from ifcbscan.state.bin_locks import ALONE, BinLocks

PID = "D20231114T200000_IFCB013"
KEY = f"hablab/nauset/2023/D20231114/{PID}."
HOUR = 3600.0
DAY = 24 * HOUR


class World:
    """A whole bin on a disk; in the archive its `.hdr` and `.adc`, 30 hours old, but no `.roi`."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.bucket = FakeBucket(self.clock)
        self.tree = FakeTree()
        self.tree.write_bin(PID, self.clock.wall() - 40 * HOUR)
        self.lines: list[str] = []
        self.stop = threading.Event()
        for extension in ("hdr", "adc"):
            self.store(extension, 30 * HOUR)

    def store(self, extension: str, age: float) -> None:
        body = self.tree.files[f"/data/{PID}.{extension}"].body
        self.bucket.objects[KEY + extension] = StoredObject(body, self.clock.wall() - age)

    def options(self, **how: object) -> ScanOptions:
        return ScanOptions("hablab", "nauset", Policy(), **how)  # type: ignore[arg-type]

    def scan(self, bin_locks: BinLocks = ALONE, **how: object) -> ScanReport:
        backends = Backends(
            self.tree,  # type: ignore[arg-type]
            self.bucket,  # type: ignore[arg-type]
            self.clock,
            SerialExecutor(),
            StopRequest(self.stop),
            bin_locks,
        )
        self.lines.clear()
        return scan(self.options(**how), backends, Listener(), self.lines.append)

    def survey(self) -> SurveyedBin:
        parts = (self.tree, self.bucket, self.clock, SerialExecutor())
        (found,) = survey(self.options(), *parts).bins  # type: ignore[arg-type]
        return found

    def the_archive_deletes_every_roi(self) -> None:
        def archive(when: str, call: Call) -> None:
            if (when, call.kind, call.key) == ("after", "put", KEY + "roi"):
                self.clock.after(5, lambda: self.bucket.objects.pop(call.key, None) and None)

        self.bucket.hook = archive

    @property
    def puts(self) -> list[str]:
        """The extensions of what was put so far, in order."""
        return [key[-3:] for key in self.bucket.puts]


@pytest.fixture
def world() -> World:
    return World()


def the_problem(report: ScanReport) -> Problem:
    """The one problem of a run in which the one bin is rejected, and nothing else is."""
    assert {state: count for state, count in report.bins.items() if count} == {BinState.REJECTED: 1}
    assert report.exit_code == ExitCode.DONE
    (problem,) = report.problems
    assert (problem.pid, problem.state) == (PID, BinState.REJECTED)
    assert f"tell the people who run it its id, {PID}" in problem.reason
    return problem


def test_it_is_rejected_in_the_run_that_gets_it_right_again_and_synced_in_the_next(world: World) -> None:
    report = world.scan()
    assert world.puts == ["roi", "hdr"] and report.files_uploaded == 2
    assert "sent again, and whole in the archive" in the_problem(report).reason
    sizes = {f"{KEY}{name[-3:]}": len(file.body) for name, file in world.tree.files.items()}
    assert world.bucket.sizes() == sizes
    report = world.scan()
    assert report.bins[BinState.SYNCED] == 1 and report.problems == () and report.requests.put == 2


def test_its_stale_adc_is_replaced_after_the_archive_has_kept_the_rest_and_it_is_rejected(
    world: World,
) -> None:
    adc = world.bucket.objects[KEY + "adc"]
    world.bucket.objects[KEY + "adc"] = StoredObject(adc.body[:-1], adc.put)
    assert "whole in the archive" in the_problem(world.scan()).reason
    assert world.puts == ["roi", "hdr", "adc"]
    assert world.scan().bins[BinState.SYNCED] == 1


def test_where_the_archive_deletes_the_roi_again_it_is_rejected_and_not_tried_within_the_day(
    world: World,
) -> None:
    world.the_archive_deletes_every_roi()
    for _ in range(3):
        assert "next try after 24 h" in the_problem(world.scan()).reason
        world.clock.advance(HOUR)
    assert world.puts == ["roi", "hdr"]
    world.clock.advance(DAY)
    the_problem(world.scan())
    assert world.puts == ["roi", "hdr"] * 2


def test_a_dry_run_and_a_survey_tell_it_as_rejected_and_send_nothing(world: World) -> None:
    reason = the_problem(world.scan(dry_run=True)).reason
    assert reason.endswith("it is to be sent again")
    assert world.lines == [f"{PID}  rejected: {reason}"]
    found = world.survey()
    assert (found.state, found.reason) == (BinState.REJECTED, reason)
    assert world.puts == []


def test_it_is_among_what_is_to_be_sent_though_it_is_told_as_rejected(world: World) -> None:
    def to_send() -> int:
        parts = (world.tree, world.bucket, world.clock, SerialExecutor())
        return take_stock(world.options(), *parts).to_send  # type: ignore[arg-type]

    assert to_send() == 1
    world.store("hdr", HOUR)  # refused an hour ago
    assert to_send() == 0


def test_a_run_that_does_not_come_to_it_tells_it_as_rejected(world: World) -> None:
    assert "it is to be sent again" in the_problem(world.scan(time_limit=0.0)).reason
    assert world.puts == []


class _Taken(BinLocks):
    def take(self, pid: str) -> bool:
        return False


def test_a_run_that_leaves_it_to_another_one_on_this_computer_tells_it_as_rejected(world: World) -> None:
    assert "it is to be sent again" in the_problem(world.scan(_Taken())).reason
    assert world.puts == []


@pytest.mark.parametrize("whole", [True, False], ids=["with its .roi back", "as it was"])
def test_where_another_run_has_been_at_it_since_the_listing_it_is_rejected_here_too(
    world: World, whole: bool
) -> None:
    class InCompany(BinLocks):
        def in_company(self) -> bool:
            if whole:
                world.store("roi", 60.0)
            return True

    the_problem(world.scan(InCompany()))
    assert world.puts == ([] if whole else ["roi", "hdr"])


def test_a_run_that_is_told_to_end_while_it_waits_for_the_archives_check_tells_it_as_rejected(
    world: World,
) -> None:
    world.clock.after(10.0, world.stop.set)
    report = world.scan()
    assert world.puts == ["roi", "hdr"]
    assert "being sent again; but its .adc was out" in the_problem(report).reason


def test_a_run_that_is_asked_to_retry_does_not_wait_for_the_day_to_be_over(world: World) -> None:
    for extension in ("hdr", "adc"):
        world.store(extension, 2 * HOUR)
    assert "next try after 24 h" in the_problem(world.scan()).reason
    assert world.puts == []
    assert "whole in the archive" in the_problem(world.scan(retry_rejected=True)).reason
    assert world.puts == ["roi", "hdr"]
