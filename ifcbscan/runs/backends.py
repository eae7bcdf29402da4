"""What a run works with, handed in from outside: folder, bucket, clock, threads, locks, and the wish to stop.

Only records. Nothing here decides or acts, so that tests can put anything in their place.
"""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Callable, ContextManager

from ifcbscan.clock import Clock
from ifcbscan.disk.tree import LocalTree
from ifcbscan.s3.bucket import Bucket
from ifcbscan.state.bin_locks import ALONE, BinLocks


@dataclass(frozen=True)
class StopRequest:
    """How a run learns that it shall end: by default it is never asked to.

    `requested` is set when somebody asks (a signal). Outside of `deferred` the signal may also raise `Interrupted` in
    the calling thread; within it, it only sets `requested`, so that it cannot come between a bin and its count.
    """

    requested: threading.Event = field(default_factory=threading.Event)
    deferred: Callable[[], ContextManager[None]] = contextlib.nullcontext


@dataclass(frozen=True)
class Backends:
    """What a run works with. `bin_locks` keep this run and others on this computer from sending the same bin."""

    tree: LocalTree
    bucket: Bucket
    clock: Clock
    pool: Executor
    stop: StopRequest = field(default_factory=StopRequest)
    bin_locks: BinLocks = ALONE
