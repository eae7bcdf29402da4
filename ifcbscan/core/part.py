"""A part of all bins, such as the third of thirty: which bins are in it. For whoever reads a large disk a part a night.

A test on the pid alone: nothing has to be remembered, and all copies of a bin are in the same part.
"""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

from ifcbscan.core.bins import Pid
from ifcbscan.errors import UsageError

_PART = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")


class Part(NamedTuple):
    """Part `number` (from 1) of `of`. Each bin is in one of them, and they are of nearly equal size.

    Which one may never change, from one version to the next: whoever proves one a night has proven all in the end.
    """

    number: int
    of: int

    def holds(self, pid: Pid) -> bool:
        """Whether a bin is in it."""
        # Not hash(), which gives another number in every process.
        digest = hashlib.sha256(pid.encode("ascii")).digest()
        return int.from_bytes(digest[:8], "big") % self.of == self.number - 1

    def __str__(self) -> str:
        """As the option is written: `3/30`."""
        return f"{self.number}/{self.of}"

    @property
    def words(self) -> str:
        """For people: `part 3 of 30`."""
        return f"part {self.number} of {self.of}"


def parse_part(text: str, name: str) -> Part:
    """The part that `3/30` names. Raises UsageError naming `name`."""
    match = _PART.fullmatch(text.strip())
    part = Part(*map(int, match.groups())) if match else Part(0, 0)
    if not 1 <= part.number <= part.of:
        raise UsageError(
            f"{name}: {text!r} names no part; write the number and how many there are, as 3/30, from 1/30 to 30/30. "
            "Nothing was done."
        )
    return part
