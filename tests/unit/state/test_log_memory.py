"""What a run adds to the log: what is new, an hourly sign of life, and never more than 10 MB."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ifcbscan.cli.log import close_log, open_log
from ifcbscan.core.printable import NAMED_AT_MOST
from ifcbscan.core.scan_report import Problem, Requests, ScanReport
from ifcbscan.core.states import SCAN_COUNTS, BinState
from ifcbscan.state import log_memory
from ifcbscan.state.log_memory import NOTHING_LOGGED, AlreadyLogged

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
MIDNIGHT = 1700006400.0  # 2023-11-15
PID = "D20130526T095207_IFCB013"
HELD = Problem(PID, BinState.HELD, "empty: .roi has 0 bytes")


def _report(
    problems: Sequence[Problem] = (),
    warnings: Sequence[str] = (),
    uploaded: int = 0,
    ended_by: str | None = None,
    asked: int = 1,
) -> ScanReport:
    bins = dict.fromkeys(SCAN_COUNTS, 0)
    bins.update({BinState.SYNCED: 100, BinState.UPLOADED: uploaded, BinState.HELD: len(problems)})
    return ScanReport(
        time_series="nauset",
        directory="/data",
        mode="recent",
        dry_run=False,
        bins=bins,
        files_uploaded=3 * uploaded,
        bytes_uploaded=3000 * uploaded,
        requests=Requests(list=asked),
        problems=tuple(problems),
        warnings=tuple(warnings),
        seconds=1.0,
        ended_by=ended_by,
    )


@dataclass
class Job:
    """A job that runs every minute, and the lines in its log."""

    now: float = MIDNIGHT
    logged: AlreadyLogged = NOTHING_LOGGED
    lines: list[str] = field(default_factory=list)

    def run(self, report: ScanReport, minutes: int = 1) -> list[str]:
        """The lines that so many runs with this result add."""
        return self._run(minutes, report=report)

    def fail(self, text: str, minutes: int = 1, outage: bool = False) -> list[str]:
        """The same for runs that have no report."""
        return self._run(minutes, failure=text, outage=outage)

    def _run(
        self, minutes: int, report: ScanReport | None = None, failure: str = "", outage: bool = False
    ) -> list[str]:
        added = []
        for _ in range(minutes):
            day = time.strftime("%Y-%m-%d", time.gmtime(self.now))
            if report is not None:
                lines, self.logged = log_memory.lines_of(report, self.logged, day, self.now)
            else:
                lines, self.logged = log_memory.lines_of_failure(failure, self.logged, self.now, outage)
            added += [line.text for line in lines]
            self.now += MINUTE
        self.lines += added
        return added


def test_a_run_that_did_nothing_says_so_once_an_hour() -> None:
    job = Job()
    assert job.run(_report()) == ["nauset: 100 already in the archive"]
    assert job.run(_report(), 59) == []
    assert job.run(_report(), 60 * 23) == ["nauset: 100 already in the archive"] * 23


def test_a_run_that_sent_something_says_so_at_once() -> None:
    job = Job()
    job.run(_report())
    (line,) = job.run(_report(uploaded=1))
    assert line.startswith("nauset: 1 uploaded") and "sent 3 files" in line


def test_a_state_that_lasts_is_told_once_a_day() -> None:
    job = Job()
    told = job.run(_report([HELD]), 3 * 1440)
    assert [line for line in told if PID in line] == [f"{PID} held: empty: .roi has 0 bytes"] * 3


def test_a_new_state_is_told_at_once() -> None:
    job = Job()
    job.run(_report(), 5)
    assert f"{PID} held: empty: .roi has 0 bytes" in job.run(_report([HELD]))
    other = Problem("D20130526T101452_IFCB013", BinState.INCOMPLETE, ".roi missing")
    assert job.run(_report([HELD, other]))[0] == "D20130526T101452_IFCB013 incomplete: .roi missing"
    changed = Problem(PID, BinState.CONFLICT, "two copies differ")
    assert job.run(_report([changed, other]))[0] == f"{PID} conflict: two copies differ"


def test_a_reason_whose_figures_change_is_no_new_state() -> None:
    job = Job()
    for hours in range(10):
        rejected = Problem(
            PID, BinState.REJECTED, f"the archive deleted the .roi that was sent {hours / 60:.1f} h ago"
        )
        job.run(_report([rejected]))
    assert sum(PID in line for line in job.lines) == 1


def test_what_was_over_and_comes_back_is_told_again() -> None:
    job = Job()
    job.run(_report([HELD]))
    assert job.run(_report()) == []
    assert f"{PID} held: empty: .roi has 0 bytes" in job.run(_report([HELD]))


def test_a_warning_is_told_once_a_day_and_two_of_one_kind_are_two() -> None:
    job = Job()
    first, second = (f"the folder C:\\data\\{name} cannot be read (Permission denied)" for name in "ab")
    assert first in job.run(_report(warnings=[first]))
    assert second in job.run(_report(warnings=[first, second]))
    assert job.run(_report(warnings=[first, second]), 50) == []


def test_a_failure_is_told_at_once_then_once_an_hour() -> None:
    job = Job()
    job.run(_report())
    assert job.fail("The bucket could not be reached: timeout.") == [
        "The bucket could not be reached: timeout."
    ]
    assert len(job.fail("The bucket could not be reached: timeout.", 60 * 24)) == 24


def test_another_failure_is_told_at_once() -> None:
    job = Job()
    job.fail("The bucket could not be reached: timeout.")
    assert job.fail("The bucket refused: AccessDenied.") == ["The bucket refused: AccessDenied."]
    assert job.fail("The bucket refused: AccessDenied.", 30) == []


def test_the_end_of_a_failure_is_told_and_its_return_as_well() -> None:
    job = Job()
    job.run(_report())
    job.fail("The bucket could not be reached: timeout.", 10)
    assert job.run(_report()) == ["nauset: 100 already in the archive"]
    assert job.run(_report()) == []
    assert job.fail("The bucket could not be reached: timeout.") == [
        "The bucket could not be reached: timeout."
    ]


def test_the_end_of_an_outage_is_told_once_with_how_long_it_was() -> None:
    job = Job()
    job.run(_report())
    job.fail("The bucket could not be reached: timeout.", 20, outage=True)
    job.fail("The bucket could not be reached: reset.", 5, outage=True)
    # a run that has no bin of its own asks nothing
    assert job.run(_report(asked=0)) == ["nauset: 100 already in the archive"]
    back = "the archive is reachable again after 26 min, nothing was lost"
    assert job.run(_report()) == [back]
    assert job.run(_report()) == []


@pytest.mark.parametrize("began", [200.0, MIDNIGHT + 2 * DAY])
def test_an_outage_over_which_the_clock_was_set_ends_without_how_long_it_was(began: float) -> None:
    _, logged = log_memory.lines_of_failure("The bucket could not be reached.", NOTHING_LOGGED, began, True)
    found, _ = log_memory.lines_of(_report(), logged, "2023-11-15", MIDNIGHT + DAY)
    assert found[0].text == "the archive is reachable again, nothing was lost"


def test_the_other_run_of_a_job_does_not_tell_the_end_of_an_outage_again() -> None:
    for reached, lines in ((-10.0, 2), (10.0, 1)):
        _, logged = log_memory.lines_of_failure(
            "The bucket could not be reached.", NOTHING_LOGGED, MIDNIGHT, True
        )
        found, then = log_memory.lines_of(
            _report(), logged, "2023-11-15", MIDNIGHT + 3600, MIDNIGHT + reached
        )
        assert len(found) == lines and then.outage_since == 0.0


def test_a_failure_of_another_kind_is_no_outage() -> None:
    job = Job()
    job.fail("The key is refused.", 3)
    assert job.run(_report()) == ["nauset: 100 already in the archive"]


def test_an_outage_that_became_a_refusal_is_not_over_when_the_key_is_right_again() -> None:
    job = Job()
    job.fail("The bucket could not be reached: timeout.", 2, outage=True)
    job.fail("The bucket refused: InvalidAccessKeyId.", 7 * 1440)
    assert job.run(_report()) == ["nauset: 100 already in the archive"]


def test_a_failure_over_midnight_does_not_swallow_the_states_of_the_new_day() -> None:
    job = Job(now=MIDNIGHT + DAY - 5 * MINUTE)
    job.run(_report([HELD]), 3)
    job.fail("The bucket could not be reached: timeout.", 10)
    assert f"{PID} held: empty: .roi has 0 bytes" in job.run(_report([HELD]))


def test_a_bucket_that_fails_in_the_middle_of_every_run_is_told_once_a_day() -> None:
    job = Job()
    failing = _report(ended_by="The bucket b refused: AccessDenied. Nothing more was sent.")
    told = job.run(failing, 1440)
    assert sum("AccessDenied" in line for line in told) == 1
    assert len(told) == 1 + 24


def test_that_it_fails_for_another_reason_is_told_on_the_same_day() -> None:
    job = Job()
    job.run(_report(ended_by="The bucket b refused: AccessDenied (HTTP 403): no right."), 3)
    full = _report(ended_by="The bucket b refused: QuotaExceeded (HTTP 403): all is used up.")
    assert sum("QuotaExceeded" in line for line in job.run(full, 3)) == 1


def test_what_ended_the_run_is_not_said_again_with_each_bin_unless_only_they_are_new() -> None:
    job = Job()
    refused = "The bucket b refused: QuotaExceeded (HTTP 403). " + "Ask the people who run the archive. " * 3
    told = job.run(_report([Problem(PID, BinState.FAILED, refused)], ended_by=refused))
    assert sum("QuotaExceeded" in line for line in told) == 1 and len(told) == 3
    others = [Problem(f"D{number}", BinState.FAILED, refused) for number in range(4)]
    told = job.run(_report(others, ended_by=refused))  # the line of what ended it is in the log of today
    assert [line for line in told if "QuotaExceeded" in line] == [f"D0 failed: {refused}"]
    assert "D3 failed: for the same reason as D0" in told


def test_a_clock_that_was_set_back_does_not_silence_the_log() -> None:
    job = Job()
    job.run(_report(), 2)
    job.now -= 30 * DAY
    assert job.run(_report()) == ["nauset: 100 already in the archive"]


def test_a_thousand_troubled_bins_do_not_make_the_memory_grow_without_end() -> None:
    job = Job()
    job.run(_report([Problem(f"D20130526T{n:06d}_IFCB013", BinState.HELD, "x: y") for n in range(5000)]))
    assert len(job.logged.keys) == log_memory.MOST_TOLD
    for number in range(5000):
        job.fail(f"another failure, number {number}")
    assert len(job.logged.keys) <= log_memory.MOST_TOLD + 1


def test_warnings_without_end_become_a_few_lines_and_one_that_counts_the_others_once_a_day() -> None:
    job = Job()
    folder = "/data/" + "x" * 4000

    def warned(count: int) -> ScanReport:
        texts = [f"the folder {folder}{n} cannot be read (Permission denied): not seen" for n in range(count)]
        return _report(warnings=texts)

    first = job.run(warned(20000))
    assert len(first) == NAMED_AT_MOST + 2  # and the summary
    assert first[NAMED_AT_MOST] == "more warnings than are named here: 19,980 others; --json lists them all"
    # one more or less is no news
    assert job.run(warned(20001), 50) == job.run(warned(19999)) == []
    assert sum(map(len, job.logged.keys)) < 10000


@given(st.lists(st.sampled_from(["idle", "held", "sent", "failure"]), max_size=200))
def test_no_hour_passes_without_a_line(runs: list[str]) -> None:
    job, last = Job(), MIDNIGHT
    results = {"idle": _report(), "held": _report([HELD]), "sent": _report(uploaded=1)}
    for result in runs:
        now = job.now
        added = job.run(results[result]) if result in results else job.fail("no network")
        if added:
            last = now
        assert now - last < HOUR
        assert result != "sent" or added


def test_what_was_told_is_remembered_between_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_STATE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path))
    _, told = log_memory.lines_of(_report([HELD]), NOTHING_LOGGED, "2023-11-15", MIDNIGHT)
    told = told._replace(outage_since=MIDNIGHT)
    log_memory.write("/data", "nauset", "recent", told)
    assert log_memory.read("/data", "nauset", "recent") == told
    assert log_memory.read("/data", "nauset", "full") == NOTHING_LOGGED
    assert log_memory.read("/data2", "nauset", "recent") == NOTHING_LOGGED


def test_a_damaged_memory_is_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_STATE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path))
    log_memory.write("/data", "nauset", "recent", AlreadyLogged("2023-11-15", MIDNIGHT, frozenset(["x"])))
    (path,) = tmp_path.rglob("*.told.json")
    for damage in (
        "",
        "[]",
        '{"day": 1}',
        "{",
        '{"day": "", "last_line": "x", "told": []}',
        "\0" * 100,
        "[" * 99999,
        '{"day": "", "last_line": 1' + "0" * 999 + ', "told": []}',
    ):
        path.write_text(damage, encoding="utf-8")
        assert log_memory.read("/data", "nauset", "recent") == NOTHING_LOGGED


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def _write(lines: Sequence[str]) -> None:
    for line in lines:
        logging.getLogger("ifcbscan").info("%s", line)


@pytest.mark.parametrize(
    "weeks", [pytest.param(4, marks=pytest.mark.slow), pytest.param(52, marks=pytest.mark.matrix)]
)
@pytest.mark.skipif(os.name == "nt", reason="takes minutes under wine")
def test_a_year_of_runs_every_minute_stays_below_ten_megabytes(tmp_path: Path, weeks: int) -> None:
    """60 bins a day, one bin that stays held, an hour without network every week."""
    assert open_log(str(tmp_path / "ifcbscan.log")) is None
    job, quiet, sending = Job(), _report([HELD]), _report([HELD], uploaded=1)
    try:
        for minute in range(weeks * 7 * 1440):
            if minute % 10080 < 60:
                added = job.fail(
                    "The bucket ifcb-data-sharer.files could not be reached: timeout. " + "x" * 200
                )
            elif minute % 24 == 0:
                added = [f"{PID} uploaded (3 files, 4312345 bytes sent)", *job.run(sending)]
            else:
                added = job.run(quiet)
            _write(added)
    finally:
        close_log()
    assert 1_000_000 < _size(tmp_path) * 52 / weeks < 10_000_000


def test_a_log_that_is_written_without_end_stays_below_ten_megabytes(tmp_path: Path) -> None:
    assert open_log(str(tmp_path / "ifcbscan.log")) is None
    try:
        for _ in range(60):
            _write(["x" * 250000])
    finally:
        close_log()
    assert 5_000_000 < _size(tmp_path) < 10_000_000
    assert "x" * 250000 in (tmp_path / "ifcbscan.log").read_text(encoding="utf-8")


def test_what_is_calm_is_in_no_line_and_is_told_once_it_needs_a_person() -> None:
    job = Job()
    calm = Problem(PID, BinState.INCOMPLETE, ".roi missing: it may still be written", calm=True)
    assert [line for line in job.run(_report([calm]), 30) if PID in line] == []
    assert f"{PID} incomplete: .roi missing" in job.run(
        _report([Problem(PID, BinState.INCOMPLETE, ".roi missing")])
    )
