"""A cap on what all workers send together, by a clock of the test's own."""

from __future__ import annotations

import threading
from datetime import datetime

import pytest

from ifcbscan.clock import Clock
from ifcbscan.core.timetable import Timetable, parse_timetable
from ifcbscan.s3.throttle import Throttle

RATE = 500_000.0


class _Worker(Clock):
    """A worker's view of one common time: its own sleeping moves it, and nobody else's."""

    def __init__(self, wall: datetime = datetime(2026, 6, 1)) -> None:
        """`wall`: local time at the beginning."""
        self.time = 1000.0
        self._ahead = wall.timestamp() - self.time

    def monotonic(self) -> float:
        return self.time

    def wall(self) -> float:
        return self.time + self._ahead

    def sleep(self, seconds: float, unless: threading.Event) -> None:
        if not unless.is_set():
            self.time += seconds


def _always(rate: float) -> Timetable:
    return Timetable(((0, rate),))


def _throttle(timetable: Timetable, clock: Clock, cancelled: threading.Event | None = None) -> Throttle:
    return Throttle(timetable, clock, cancelled or threading.Event(), connections=4)


def _sent(throttle: Throttle, clock: _Worker, seconds: float, blocks: list[int], workers: int) -> int:
    """Bytes that `workers` send within so many seconds; always the one that is free first goes on."""
    began = clock.time
    free = [began] * workers
    total = turn = 0
    while min(free) - began < seconds:
        worker = free.index(min(free))
        clock.time = free[worker]
        total += throttle.grant(blocks[turn % len(blocks)])
        free[worker] = clock.time
        turn += 1
    clock.time = max(free)
    return total


@pytest.mark.parametrize("workers", [1, 4, 8])
@pytest.mark.parametrize("blocks", [[16384], [1], [65536, 300, 8192], [262144]], ids=str)
def test_all_workers_together_keep_the_rate_within_a_tenth_over_a_minute(
    workers: int, blocks: list[int]
) -> None:
    clock = _Worker()
    rate = RATE if min(blocks) > 1 else 2000.0
    sent = _sent(_throttle(_always(rate), clock), clock, 60, blocks, workers)
    assert 0.9 * rate * 60 <= sent <= 1.1 * rate * 60


def test_no_burst_follows_a_pause() -> None:
    clock = _Worker()
    throttle = _throttle(_always(RATE), clock)
    _sent(throttle, clock, 5, [16384], 4)
    clock.time += 3600  # nobody sends for an hour
    assert _sent(throttle, clock, 10, [16384], 4) <= 1.1 * RATE * 10


def test_a_block_waits_as_long_as_the_link_needs_for_it() -> None:
    clock = _Worker()
    assert _throttle(_always(RATE), clock).grant(50_000) == 50_000
    assert clock.time == pytest.approx(1000.1)


@pytest.mark.parametrize("rate", [100.0, 20e3, 25e3, 500e3])
@pytest.mark.parametrize("connections", [1, 4, 16])
def test_no_connection_is_silent_for_long_however_low_the_rate(rate: float, connections: int) -> None:
    """The HTTP library asks for 128 KiB at a time, and S3 closes a connection on which nothing comes for some 20 s."""
    clock = _Worker()
    throttle = Throttle(_always(rate), clock, threading.Event(), connections)
    free = [clock.time] * connections
    for _ in range(20 * connections):
        worker = free.index(min(free))
        clock.time = free[worker]
        throttle.grant(131072)
        assert clock.time - free[worker] <= 1.001
        free[worker] = clock.time


@pytest.mark.parametrize("slow", ["10", "100", "20K"])
def test_a_block_that_is_begun_at_a_low_rate_goes_on_at_the_next_one(slow: str) -> None:
    clock = _Worker(datetime(2026, 6, 1, 19, 59, 58))
    throttle = _throttle(parse_timetable(f"08:00,{slow} 20:00,2M", "x"), clock)
    left = 131072
    while left:
        left -= throttle.grant(left)
    assert clock.time < 1004


def test_the_rate_changes_with_the_time_also_while_a_file_is_being_sent() -> None:
    clock = _Worker(datetime(2026, 6, 1, 19, 59))
    throttle = _throttle(parse_timetable("08:00,200K 20:00,2M 20:05,off", "x"), clock)
    minutes = [_sent(throttle, clock, 60, [16384], 4) for _ in range(2)]
    assert minutes == pytest.approx([200e3 * 60, 2e6 * 60], rel=0.05)
    clock.time += 300
    before = clock.time
    throttle.grant(10**12)
    assert clock.time == before


def test_what_was_sent_without_a_limit_is_no_debt() -> None:
    clock = _Worker(datetime(2026, 6, 1, 7, 59))
    throttle = _throttle(parse_timetable("00:00,off 08:00,200K", "x"), clock)
    throttle.grant(10**12)
    clock.time += 60
    throttle.grant(20_000)
    assert clock.time == pytest.approx(1060.1)


def test_nobody_waits_once_the_run_was_told_to_end() -> None:
    clock, cancelled = _Worker(), threading.Event()
    cancelled.set()
    _throttle(_always(1.0), clock, cancelled).grant(10**9)
    assert clock.time == 1000.0


def test_threads_at_once_lose_no_byte_of_the_account() -> None:
    """Each thread's wait is its place in the queue, so the longest is that of all bytes together."""
    clock = _Waits()
    throttle = _throttle(_always(RATE), clock)

    def wait_often() -> None:
        for _ in range(200):
            throttle.grant(1000)

    threads = [threading.Thread(target=wait_often) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(clock.waits) == pytest.approx(8 * 200 * 1000 / RATE)


class _Waits(Clock):
    """Time stands still; the waits that were asked for are written down."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    def monotonic(self) -> float:
        return 1000.0

    def wall(self) -> float:
        return 1000.0e6

    def sleep(self, seconds: float, unless: threading.Event) -> None:
        self.waits.append(seconds)
