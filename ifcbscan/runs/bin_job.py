"""One bin on its way: what is known of it, and what a run has done for it so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Sequence

from ifcbscan.core.bins import Fileset, RemoteFileset
from ifcbscan.core.decision import NOTHING_ELSE, Decision, Known
from ifcbscan.core.scan_report import Result
from ifcbscan.runs.glance import Glance


@dataclass
class BinJob:
    """One bin on its way through its decisions. Belongs to one thread at a time."""

    local: Fileset
    remote: RemoteFileset
    copies: Sequence[Fileset]
    decision: Decision
    known: Known = NOTHING_ELSE
    files_sent: int = 0
    bytes_sent: int = 0
    repairs: bool = False  # its .adc was in the archive before, beside something else than the local files
    etags: dict[str, str] = field(default_factory=dict)  # by extension, where a look has shown them
    refusal: str = ""  # why the dashboard will refuse it, where the examination has shown that it will
    times_put: dict[str, int] = field(default_factory=dict)  # by extension, in this run
    sent_adc: bool = False
    answered: bool = False  # whether the bucket has answered anything in the latest step
    locked: bool = False  # against other runs on this computer
    glance: Glance | None = None  # at this bin and others, for what is to be seen before its .adc is put
    looked_at: float = 0.0  # when the latest look at it began, by the monotonic clock
    sums: dict[str, str] = field(default_factory=dict)  # MD5s of the files here, read for that look
    taken_up: bool = False  # with those others
    due: float | None = None  # when to go on, by the monotonic clock
    result: Result | None = None  # once it is known
