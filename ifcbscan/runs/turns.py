"""Whose turn it is: the bins that wait to be sent, and which of them is begun next. Knows nothing of how one is sent.

Used in the calling thread of the uploader alone.
"""

from __future__ import annotations

import random
from collections import deque
from itertools import chain
from typing import Callable, Iterable, Iterator

from ifcbscan.core.bins import Fileset


class Turns:
    """Bins in groups, of which an earlier one comes first; it holds no later one up, though, if its next bin may not be begun.

    Nothing is remembered from run to run, so chance decides where a run goes on that cannot come to all bins.
    """

    def __init__(
        self, groups: Iterable[Iterable[Fileset]], may_begin: Callable[[Fileset], bool] = lambda local: True
    ) -> None:
        """`may_begin`: whether a bin may be begun now."""
        self._groups = [deque(group) for group in groups]
        self._may_begin = may_begin
        self._latest: deque[Fileset] = deque()  # the group that had the latest turn

    def __len__(self) -> int:
        return sum(map(len, self._groups))

    def __iter__(self) -> Iterator[Fileset]:
        return chain.from_iterable(self._groups)

    def take(self) -> Fileset | None:
        """The bin whose turn it is, which waits no longer; None if none may be begun. Raises what `may_begin` does."""
        for group in self._groups:
            if group and self._may_begin(group[0]):
                self._latest = group
                return group.popleft()
        return None

    def take_any(self) -> Fileset:
        """Any bin of those that are next to have a turn; there must be one."""
        group = self._next_group()
        place = random.randrange(len(group))
        taken = group[place]
        del group[place]
        return taken

    def go_on_elsewhere(self) -> None:
        """Go on from any place among those that have turns now, and with those before it in the end."""
        group = self._next_group()
        if group:
            group.rotate(-random.randrange(len(group)))

    def leave_what_fails(self) -> None:
        """Go on from any place in any group."""
        self.go_on_elsewhere()
        random.shuffle(self._groups)

    def _next_group(self) -> deque[Fileset]:
        return self._latest or next(filter(None, self._groups), self._latest)
