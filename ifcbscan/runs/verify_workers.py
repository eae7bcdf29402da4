"""The workers of a verification: several bins at the same time, in the threads of a pool."""

from __future__ import annotations

import threading
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from typing import Callable, Generator, Iterable, Iterator, TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

#: How long the calling thread waits at a time, so that signals get through on every system. Seconds.
_ATTENTION = 0.5


def each_result(
    items: Iterable[_Item],
    work: Callable[[_Item], _Result],
    pool: Executor,
    workers: int,
    stop: threading.Event,
) -> Generator[_Result, None, None]:
    """What `work` makes of each item, about in their order, `workers` of them at a time.

    `items` may be many: they are taken as workers become free. At the end, also an early one or by an error that `work`
    raised, `stop` is set, and what has not begun does not begin.
    """
    running: set[Future[_Result]] = set()
    try:
        for item in items:
            # One more than there are workers, so that none waits for this thread.
            while len(running) > workers:
                yield from _take(running)
            running.add(pool.submit(work, item))
        while running:
            yield from _take(running)
    finally:
        stop.set()
        for future in running:
            future.cancel()


def _take(running: set[Future[_Result]]) -> Iterator[_Result]:
    for future in wait(running, _ATTENTION, FIRST_COMPLETED).done:
        running.remove(future)
        yield future.result()
