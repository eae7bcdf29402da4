"""The result of one bin in a verification: its state here, and where the sizes agree its content, read and compared."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Callable, Sequence

from ifcbscan.core.bins import EXTENSIONS, MISSING, NOTHING_REMOTE, Fileset, RemoteFileset
from ifcbscan.core.checksums import FileSums
from ifcbscan.core.content_match import match_sizes
from ifcbscan.core.decision import Action, Decision, Known, Now, Policy, State, decide
from ifcbscan.core.verify_report import BinResult, VerifyState
from ifcbscan.core.verify_words import copies_differ
from ifcbscan.disk.tree import LocalTree
from ifcbscan.errors import FileChanged, LocalFileProblem
from ifcbscan.runs.archived import ArchivedBin
from ifcbscan.runs.examination import examine, lost_images
from ifcbscan.runs.publication import why_unpublished
from ifcbscan.runs.verify_proof import Prover
from ifcbscan.runs.verify_reading import FileReader


@dataclass(frozen=True)
class BinToVerify:
    """One bin: its fileset, the copies of it in other folders, and what the archive's listing says.

    `archived` is the record of its three objects if they have the sizes of the files; else `unlike` says what is there.
    """

    local: Fileset
    copies: Sequence[Fileset]
    archived: ArchivedBin | None
    unlike: RemoteFileset = NOTHING_REMOTE

    @property
    def filesets(self) -> tuple[Fileset, ...]:
        """The fileset and its copies."""
        return (self.local, *self.copies)

    @property
    def size(self) -> int:
        """Bytes of all its files on this disk."""
        return sum(map(bytes_of, self.filesets))


def bytes_of(fileset: Fileset) -> int:
    """Bytes of the files of a fileset that are there."""
    return sum(size for size in fileset.sizes if size != MISSING)


class BinVerifier:
    """Gives bins their results. One for a whole run; `result` may be called from any thread."""

    def __init__(
        self,
        tree: LocalTree,
        prover: Prover,
        policy: Policy,
        now: Callable[[], Now],
        stop: threading.Event,
    ) -> None:
        """`now` tells the present by both clocks. `stop`: set it to end all reading soon, with `Interrupted`."""
        # A larger file in the archive is another size here; a conflict is between local copies only.
        self._policy = policy._replace(replace=True)
        self._tree = tree
        self._prover = prover
        self._now = now
        self._stop = stop

    def result(self, item: BinToVerify) -> BinResult:
        """The result of one bin. Raises BucketRefused, BucketUnreachable, Interrupted."""
        remote = item.unlike if item.archived is None else item.archived.remote(item.local)
        decision = self._decide(item, remote)
        if decision.state is State.SYNCED and item.archived is not None:
            return self._read_and_compare(item, item.archived)
        if decision.state in (State.UPLOAD, State.COMMIT, State.UNCONFIRMED):
            verdict = match_sizes(item.local.sizes, remote.sizes)
            return BinResult(item.local.pid, VerifyState.of_match(verdict.match), verdict.reason, item.size)
        return BinResult(item.local.pid, VerifyState.of_state(decision.state), decision.reason, item.size)

    def _decide(self, item: BinToVerify, remote: RemoteFileset) -> Decision:
        now = self._now()
        decision = decide(item.local, remote, now, self._policy, item.copies)
        lost = lost_images(self._tree, item.local, decision)
        if lost is not None:
            return decide(item.local, remote, now, self._policy, item.copies, Known(lost))
        if decision.action is Action.PUT:
            try:
                finding = examine(self._tree, item.local).finding
            except LocalFileProblem:
                return decision  # it is missing in the archive either way
            decision = decide(item.local, remote, now, self._policy, item.copies, Known(finding))
        return decision

    def _read_and_compare(self, item: BinToVerify, archived: ArchivedBin) -> BinResult:
        reader = FileReader(self._tree, self._stop)
        verdict = None
        try:
            sums = reader.sums(item.local, archived.etags)
            differing = _differing_copy(item, sums, reader)
            if differing:
                state, reason = VerifyState.CONFLICT, differing
            else:
                verdict = self._prover.prove(item.local, sums, archived.etags)
                state, reason = VerifyState.of_match(verdict.match), verdict.reason
            self._check_unchanged(item)
        except FileChanged as error:
            state, reason, verdict = VerifyState.SETTLING, str(error), None
        except LocalFileProblem as error:
            state, reason, verdict = VerifyState.UNPROVEN, str(error), None
        return BinResult(
            pid=item.local.pid,
            state=state,
            reason=reason,
            size=item.size,
            read=reader.bytes,
            verdict=verdict,
            publication=archived.publication,
            unpublished=why_unpublished(archived, self._now().server),
        )

    def _check_unchanged(self, item: BinToVerify) -> None:
        for fileset in item.filesets:
            if self._tree.refresh(fileset) != fileset:
                raise FileChanged(f"it changed in {fileset.folder} while it was read")


def _differing_copy(item: BinToVerify, sums: Sequence[FileSums], reader: FileReader) -> str:
    for copy in item.copies:
        for extension, ours, theirs in zip(EXTENSIONS, sums, reader.sums(copy)):
            if ours.md5 != theirs.md5:
                return copies_differ(extension, item.local.folder, copy.folder)
    return ""
