"""Who is told of a scan while it goes on: an interface for the command line, without anything that sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ifcbscan.core.bins import Fileset
from ifcbscan.core.states import BinState

if TYPE_CHECKING:
    from ifcbscan.runs.bin_job import BinJob


class Listener:
    """Is told what happens, in the calling thread. This one does nothing.

    `begin`, `bin_done`, `waiting` and `end` are about the sending: a dry run, and a scan that has nothing to send, call none
    of them.
    """

    def begin(self, bins: int, size: int) -> None:
        """`bins` of together `size` bytes may be sent now."""

    def left_alone(self, local: Fileset, state: BinState, reason: str) -> None:
        """There is nothing to do about a bin, though it is not in the archive."""

    def bin_done(self, job: BinJob, state: BinState, reason: str) -> None:
        """A bin has its result."""

    def waiting(self, bins: int) -> None:
        """Nothing is being sent: so many bins wait for the archive's check, or to be seen standing still."""

    def end(self) -> None:
        """No bin is left."""
