"""Several bins at the same time: every result comes once, and an early end leaves nothing running on."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Iterator

import pytest
from support.fakes import SerialExecutor

from ifcbscan.runs.verify_workers import each_result


@pytest.mark.parametrize("workers", [1, 3])
def test_every_item_has_its_result_once(workers: int) -> None:
    stop = threading.Event()
    with ThreadPoolExecutor(workers) as pool:
        results = list(each_result(range(50), lambda number: number * 2, pool, workers, stop))
    assert sorted(results) == [number * 2 for number in range(50)] and stop.is_set()


def test_items_are_taken_as_workers_become_free_and_not_all_at_once() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    results = each_result(items(), abs, SerialExecutor(), 2, threading.Event())
    next(results)
    results.close()
    assert len(taken) <= 4


def test_an_error_of_one_item_ends_all_and_stops_the_others() -> None:
    stop = threading.Event()
    done: list[int] = []

    def work(number: int) -> None:
        if number == 3:
            raise LookupError("no")
        done.append(number)

    with pytest.raises(LookupError):
        list(each_result(range(1000), work, SerialExecutor(), 2, stop))
    assert stop.is_set() and len(done) < 10


def test_who_stops_taking_results_stops_the_workers() -> None:
    stop = threading.Event()
    results = each_result(range(1000), abs, SerialExecutor(), 2, stop)
    next(results)
    assert not stop.is_set()
    results.close()
    assert stop.is_set()


def test_after_an_early_end_what_has_not_begun_does_not_begin() -> None:
    begun: list[int] = []
    go_on = threading.Event()

    def work(number: int) -> int:
        begun.append(number)
        if number:
            go_on.wait(10)
        return number

    with ThreadPoolExecutor(1) as pool:
        results = each_result(range(10), work, pool, 3, threading.Event())
        assert next(results) == 0  # 1 is under way then, and more have been handed to the pool
        results.close()
        go_on.set()
    assert begun in ([0], [0, 1])
