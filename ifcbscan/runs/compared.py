"""What is here and what is there, side by side, and the first decision on each bin. Acts on none."""

from __future__ import annotations

from types import MappingProxyType
from typing import Mapping, NamedTuple, Sequence

from ifcbscan.core.adc import Finding
from ifcbscan.core.bins import NOTHING_REMOTE, Fileset, Pid, RemoteFileset
from ifcbscan.core.decision import NOTHING_ELSE, Decision, Known, Now, Policy, adc_is_alone, decide
from ifcbscan.disk.tree import Inventory


class Compared(NamedTuple):
    """The tree as it was walked and the bucket as it was listed, at the moment `now`.

    `retry_rejected`: send again what the archive refused before. `other_content`: by bin, the files that are known to
    have other content in the archive (`sync --content`). `adc_was_alone`: as in `Known`, by an earlier listing of this run. `put_on`: what the
    listing has shown to be put on which day, see core/budget.py.
    """

    inventory: Inventory
    remote: Mapping[Pid, RemoteFileset]
    now: Now
    policy: Policy
    retry_rejected: bool
    other_content: Mapping[Pid, frozenset[str]]
    adc_was_alone: frozenset[str] = frozenset()
    put_on: Mapping[str, int] = MappingProxyType({})

    def listed_again(
        self, remote: Mapping[Pid, RemoteFileset], now: Now, put_on: Mapping[str, int] = MappingProxyType({})
    ) -> Compared:
        """The same with a younger listing. What is told of a bin for its state in this one is told all the same."""
        alone = self.adc_was_alone.union(pid for pid, there in self.remote.items() if adc_is_alone(there))
        return self._replace(remote=remote, now=now, adc_was_alone=alone, put_on=put_on)

    def there(self, pid: Pid) -> RemoteFileset:
        """What the bucket holds of a bin."""
        return self.remote.get(pid, NOTHING_REMOTE)

    def copies(self, pid: Pid) -> Sequence[Fileset]:
        """The other filesets of a bin on this disk."""
        return self.inventory.copies.get(pid, ())

    def decide(self, local: Fileset, finding: Finding | None = None) -> Decision:
        """The first decision on a bin of the inventory; `finding`, where its files have been looked into."""
        pid = local.pid
        known = self.known(pid)
        if finding is not None:
            known = known._replace(finding=finding)
        return decide(local, self.there(pid), self.now, self.policy, self.copies(pid), known)

    def known(self, pid: Pid) -> Known:
        """What is known of a bin besides. (What the archive refuses later in the run stays refused.)"""
        other_content = self.other_content.get(pid)
        alone = pid in self.adc_was_alone
        if other_content is None and not alone:
            return _RETRY if self.retry_rejected else NOTHING_ELSE
        return Known(
            retry_rejected=self.retry_rejected,
            other_content=other_content or frozenset(),
            adc_was_alone=alone,
        )


_RETRY = Known(retry_rejected=True)
