"""What a run works with, handed in from outside: folder, bucket, clock, threads, locks, and the wish to stop.

Only records. Nothing here decides or acts, so that tests can put anything in their place.
"""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import Executor
from typing import Callable, ContextManager, NamedTuple

from ifcbscan.clock import Clock
from ifcbscan.disk.tree import LocalTree
from ifcbscan.s3.bucket import Bucket
from ifcbscan.state.bin_locks import ALONE, BinLocks


class StopRequest(NamedTuple):
    """How a run learns that it shall end.

    `requested` is set when somebody asks (a signal). Outside of `deferred` the signal may also raise `Interrupted` in
    the calling thread; within it, it only sets `requested`, so that it cannot come between a bin and its count.
    """

    requested: threading.Event
    deferred: Callable[[], ContextManager[None]] = contextlib.nullcontext


#: Of a run that nobody asks to end.
NO_REQUEST = StopRequest(threading.Event())


class Backends(NamedTuple):
    """What a run works with. `bin_locks` keep this run and others on this computer from sending the same bin."""

    tree: LocalTree
    bucket: Bucket
    clock: Clock
    pool: Executor
    stop: StopRequest = NO_REQUEST
    bin_locks: BinLocks = ALONE
