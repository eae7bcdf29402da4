"""How far a long job is: a bar on a terminal, a line a minute in the log, and neither for a short one."""

from __future__ import annotations

import logging
import re
import threading
from typing import Any, Callable, Iterator

import pytest

from ifcbscan.cli.progress import Progress
from ifcbscan.clock import Clock

MB = 1_000_000


def _repeat(times: int, action: Callable[[], None]) -> None:
    for _ in range(times):
        action()


class _Still(Clock):
    def __init__(self) -> None:
        self.time = 1000.0

    def monotonic(self) -> float:
        return self.time


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """The lines in the log."""
    lines: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    log, handler = logging.getLogger("ifcbscan"), Handler()
    level, before, propagate = log.level, log.handlers[:], log.propagate
    log.handlers[:], log.propagate = [handler], False
    log.setLevel(logging.INFO)
    yield lines
    log.handlers[:], log.propagate = before, propagate
    log.setLevel(level)


def test_without_a_terminal_there_is_a_line_a_minute(logged: list[str], capsys: Any) -> None:
    clock = _Still()
    progress = Progress(clock, bar=False)
    progress.begin(100, 600 * MB)
    for second in range(300):
        clock.time += 1
        progress.moved(MB)
        if second % 6 == 5:
            progress.bin_done("D20130526T095207_IFCB013")
    progress.end()
    assert len(logged) == 5
    assert logged[0] == "sending: 9 of 100 bins, 60.0 MB of 600.0 MB, 1.0 MB/s, about 9 min left"
    assert logged[-1] == "sending: 49 of 100 bins, 300.0 MB of 600.0 MB, 1.0 MB/s, about 5 min left"
    assert capsys.readouterr() == ("", "")


def test_a_job_of_less_than_a_minute_leaves_no_line(logged: list[str]) -> None:
    clock = _Still()
    progress = Progress(clock, bar=False)
    progress.begin(1, 5 * MB)
    for _ in range(59):
        clock.time += 1
        progress.moved(1)
    progress.end()
    assert logged == []


def test_bytes_that_were_sent_twice_do_not_make_the_time_left_negative(logged: list[str]) -> None:
    clock = _Still()
    progress = Progress(clock, bar=False)
    progress.begin(1, MB)
    clock.time += 60
    progress.moved(3 * MB)
    assert logged == ["sending: 0 of 1 bin, 3.0 MB of 1.0 MB, 50.0 kB/s"]


def test_on_a_terminal_the_bar_shows_bins_bytes_and_what_is_sent(capsys: Any, logged: list[str]) -> None:
    progress = Progress(Clock(), bar=True)
    progress.begin(4, 8 * MB)
    progress.bin_done("D20130526T095207_IFCB013")
    progress.moved(2 * MB)
    progress._bar.refresh()
    progress.end()
    stdout, stderr = capsys.readouterr()
    assert stdout == "" and logged == []
    last = stderr.replace("\r", "\n")
    assert "sending 1/4 bins" in last and "2.00M/8.00M" in last and "D20130526T095207_IFCB013" in last
    assert not stderr.rstrip(" \r").endswith("s]"), "the bar was left on the screen"


def test_while_bins_wait_for_the_archive_the_bar_says_so(capsys: Any) -> None:
    progress = Progress(Clock(), bar=True)
    progress.begin(2, MB)
    progress.moved(MB)
    progress.waiting(2)
    progress.end()
    assert "2 wait for the archive's check" in capsys.readouterr().err


def test_a_job_without_work_draws_no_bar(capsys: Any) -> None:
    progress = Progress(Clock(), bar=True)
    progress.begin(0, 0)
    progress.bin_done("D20130526T095207_IFCB013")
    progress.end()
    assert capsys.readouterr() == ("", "")


def test_a_verify_says_that_it_checks(logged: list[str]) -> None:
    clock = _Still()
    progress = Progress(clock, bar=False, verb="checking")
    progress.begin(2, 2 * MB)
    clock.time += 61
    progress.moved(MB)
    assert logged[0].startswith("checking: 0 of 2 bins")


def test_workers_at_once_lose_no_byte(logged: list[str]) -> None:
    clock = _Still()
    progress = Progress(clock, bar=False)
    progress.begin(8, 8 * 5000)
    threads = [threading.Thread(target=_repeat, args=(5000, lambda: progress.moved(1))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    clock.time += 60
    progress.moved(0)
    assert "40.0 kB of 40.0 kB" in logged[0]


@pytest.mark.parametrize("bar", [False, True])
def test_a_line_in_between_stands_by_itself(bar: bool, capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(_Still(), bar)
    progress.begin(3, MB)
    progress.say("the archive is away")
    progress.end()
    said = capsys.readouterr().err
    assert re.search(r"(^|\r|\n)the archive is away\n", said)
    assert ("sending 0/3 bins" in said) == bar


def test_many_small_bins_take_their_time_and_the_bar_and_the_log_know_it(
    logged: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    clocks = _Still(), _Still()
    bars = [Progress(clock, bar) for clock, bar in zip(clocks, (False, True))]
    for progress, clock in zip(bars, clocks):
        # two large ones, which are the newest, and a thousand small ones: two seconds each, whatever their size
        progress.begin(1002, 202 * MB)
        for number in range(100):
            clock.time += 2
            progress.moved(100 * MB if number < 2 else 2000)
            progress.bin_done("D20130526T095207_IFCB013")
    assert logged[-1].endswith("about 30 min left") and logged[-1].startswith(
        "sending: 89 of 1,002 bins, 200.2 MB of"
    )
    bars[1]._bar.refresh()
    assert "about 30 min left, " in capsys.readouterr().err.rpartition("sending 100/1,002 bins")[2]
    bars[1].end()


def test_after_ctrl_c_the_bar_goes_and_nothing_is_counted_any_more(
    capsys: pytest.CaptureFixture[str], logged: list[str]
) -> None:
    clock, interrupted = _Still(), threading.Event()
    progress = Progress(clock, True, stopped=interrupted.is_set)
    progress.begin(10, 10 * MB)
    progress.bin_done("D20130526T095207_IFCB013")
    interrupted.set()
    capsys.readouterr()
    for _ in range(9):
        clock.time += 60
        progress.moved(MB)
        progress.bin_done("D20130526T095208_IFCB013")
        progress.waiting(3)
    assert progress._bar is None and logged == []
    assert "bins" not in capsys.readouterr().err


def test_what_is_counted_after_the_end_is_not_shown(logged: list[str]) -> None:
    clock = _Still()
    progress = Progress(clock, bar=False)
    progress.begin(10, 10 * MB)
    progress.end()
    clock.time += 60
    progress.bin_done("D20130526T095207_IFCB013")
    progress.moved(MB)
    assert logged == []


def test_one_bin_is_no_bins(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(_Still(), bar=True)
    progress.begin(1, MB)
    progress.waiting(1)
    progress.end()
    said = capsys.readouterr().err
    assert "sending 0/1 bin:" in said and "1 waits for the archive's check" in said
