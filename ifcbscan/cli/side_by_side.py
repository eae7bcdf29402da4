"""The same work on several things side by side, each in a process of its own where that can be had cheaply.

For what takes as much thinking as waiting: threads of one Python think in turn. Processes are made by fork, on Linux alone: on
Windows there is none, and on macOS the system's libraries do not survive it. There it is threads.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Sequence, TypeVar

_T = TypeVar("_T")
_R = TypeVar("_R")

#: At least so many, because each of them also waits; and at most so many, because each of them has threads and connections.
_AT_LEAST, _AT_MOST = 4, 8

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def side_by_side(
    work: Callable[[_T], _R], items: Sequence[_T], processes: bool | None = None
) -> list[_R | None]:
    """What `work` makes of each item, in their order; None where its process ended without an answer (it was killed).

    What `work` returns must be fit for pickle, and it must raise nothing but Interrupted. To be called from the main thread, while there is
    no other. A signal that raises an exception here ends all of it. `processes`: None is what this system can do.
    """
    if len(items) < 2:
        return [work(item) for item in items]
    at_once = min(len(items), max(_AT_LEAST, min(_AT_MOST, os.cpu_count() or 1)))
    if sys.platform.startswith("linux") if processes is None else processes:
        return _in_processes(work, items, at_once)
    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(work, items))


def _in_processes(work: Callable[[_T], _R], items: Sequence[_T], at_once: int) -> list[_R | None]:
    import multiprocessing
    from multiprocessing.connection import wait

    context: Any = multiprocessing.get_context("fork")
    answers: list[_R | None] = [None] * len(items)
    running: dict[Any, tuple[int, Any]] = {}
    begun = 0
    # Signals come while nothing is done but waiting. What one raises in the middle of a fork gets lost, or is raised in the
    # new process; what it raises where an old connection is cleared away, too.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        while begun < len(items) or running:
            while begun < len(items) and len(running) < at_once:
                ours, theirs = context.Pipe(duplex=False)
                process = context.Process(target=_answer, args=(theirs, work, items[begun]))
                process.start()
                running[ours] = begun, process
                theirs.close()  # so that the end of the process is the end of the pipe
                begun += 1
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            try:
                done = wait(list(running))
            finally:
                signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
            for ready in done:
                pipe: Any = ready
                number, process = running[pipe]
                try:
                    answers[number] = pipe.recv()
                except (EOFError, OSError):  # before its answer, or in the middle of it
                    answers[number] = None
                process.join()
                pipe.close()
                del running[pipe]
    finally:
        for ours, (_, process) in running.items():
            process.terminate()
            process.join()
            ours.close()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return answers


def _answer(pipe: Any, work: Callable[[_T], _R], item: _T) -> None:
    """In the new process."""
    # The one who waits for the answer is told by the terminal, too, and ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    # To look for circles among a million small records takes a fifth of the time, and this process ends in some seconds.
    gc.disable()
    pipe.send(work(item))
    pipe.close()
