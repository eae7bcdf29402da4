"""What a verification found: counts, problems, proofs; the JSON and the exit code. How it is told is in verify_words.py.

Pure. The JSON keys are those of a scan's report (scan_report.py) where they mean the same.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any

from ifcbscan.core.bins import Pid
from ifcbscan.core.content_match import BinVerdict, ContentMatch, Proof
from ifcbscan.core.decision import State
from ifcbscan.core.part import Part
from ifcbscan.core.scan_report import Problem, Requests
from ifcbscan.core.states import ReportedState
from ifcbscan.errors import ExitCode


class VerifyState(ReportedState):
    """How a bin ended. The values are the words of the JSON, in its order: every bin that was found is in exactly one (and a
    further copy of it that is incomplete counts once more)."""

    PROVEN = "proven"
    MISSING = "missing"
    DIFFERENT = "different"
    SIZE = "size"
    UNPROVEN = "unproven"
    INCOMPLETE = "incomplete"
    SETTLING = "settling"
    HELD = "held"
    REJECTED = "rejected"
    CONFLICT = "conflict"
    EXCLUDED = "excluded"
    OUTSIDE = "outside"

    @classmethod
    def of_match(cls, match: ContentMatch) -> VerifyState:
        """The state of a complete bin that compares like this with the archive."""
        return cls(match.value)

    @classmethod
    def of_state(cls, state: State) -> VerifyState:
        """The state of a bin that a scan would leave alone. Raises ValueError for those that lead to an upload."""
        return cls(state.counted.in_scan.value)


#: The states of complete bins that are not proven to be in the archive.
NOT_PROVEN = tuple(
    state
    for state in VerifyState
    if state not in (VerifyState.PROVEN, VerifyState.INCOMPLETE, VerifyState.EXCLUDED, VerifyState.OUTSIDE)
)


class Flaw(ReportedState):
    """What can be wrong with a bin besides its state. The values are words among the problems of the JSON."""

    UNPUBLISHED = "unpublished"  # the dashboard does not show it
    CHANGED = (
        "changed"  # it was proven, and not the same any more when the list of deletable files was written
    )


class Publication(enum.Enum):
    """What the dashboard says of a bin that is wholly in the bucket. The values are those of the JSON."""

    PUBLISHED = "published"
    UNPUBLISHED = "unpublished"
    UNKNOWN = "unknown"  # the dashboard did not say


class PublicationRecord:
    """What was found out of one bin in the archive: whether the dashboard shows it, and if not, why.

    There may be many of these records. `publication` is None where nobody asked.
    """

    __slots__ = ("publication", "unpublished")

    def __init__(self) -> None:
        self.publication: Publication | None = None
        self.unpublished = ""


@dataclass(frozen=True)
class BinResult:
    """How one bin ended. `size`: bytes of all its files on this disk, copies in other folders included.

    `read`: how many bytes of them were read; `verdict` is None where the state was clear without reading.
    `publication` is None where nobody asked; `unpublished` says why the dashboard does not show it.
    """

    pid: Pid
    state: VerifyState
    reason: str
    size: int
    read: int = 0
    verdict: BinVerdict | None = None
    publication: Publication | None = None
    unpublished: str = ""


@dataclass(frozen=True)
class DifferentBin:
    """A bin of which these files have the right size but other content in the archive."""

    pid: Pid
    extensions: tuple[str, ...]


@dataclass(frozen=True)
class DeletableReport:
    """What became of the list of deletable files: how many files of how many bins are in it.

    `written`: False if it could not be written. Left out, though proven: `too_young` bins, whose objects were put
    less than `after` seconds ago, `changed` ones, which were not the same any more here or in the bucket, and
    `unlistable` ones, which have a line end in a path.
    From `first_at` the first of those that are too young may be listed, from `all_at` all (seconds since 1970,
    UTC, by the server's clock; None if there is none with a date).
    """

    after: float
    written: bool
    files: int = 0
    bins: int = 0
    too_young: int = 0
    changed: int = 0
    unlistable: int = 0
    first_at: float | None = None
    all_at: float | None = None

    @property
    def whole(self) -> bool:
        """Whether there is a list, and no proven bin was left out."""
        return self.written and not (self.too_young or self.changed or self.unlistable)


@dataclass(frozen=True)
class PartReport:
    """Only bins of this part were looked at: so many, and `others` were not. (Those in excluded folders are not among them.)

    `others_complete`: whether one of those others has all its files, by their names, so that its part has something to prove.
    """

    part: Part
    bins: int
    others: int
    others_complete: bool


@dataclass(frozen=True)
class VerifyReport:
    """One verification of one directory and time series. Sizes in bytes, duration in seconds.

    `proofs` counts the files of proven bins by their proof; `published` counts bins that are wholly in the
    bucket, None if nobody asked; `deletable` is None, too, if nobody asked. `unreadable` are folders and files that the
    system would not show; `out_of_sight` are folders that may hold bins and were not looked into. `foreign` files
    are no part of a bin and were not looked at; `misnamed` ones of them look like a bin's.
    `excluded_copies` are bins with a copy in an excluded folder, which was not compared, and another one elsewhere.
    `part`: None where all bins were to be looked at; else nothing here says anything of the bins of the other parts.
    `silence`: why what this folder should hold is not seen at all (core/silence.py), "" if nothing is known; a warning, too.
    """

    time_series: str
    directory: str
    mode: str
    bins: dict[VerifyState, int]
    problems: tuple[Problem, ...]
    warnings: tuple[str, ...]
    requests: Requests
    seconds: float
    bytes_read: int
    proofs: dict[Proof, int]
    published: dict[Publication, int] | None
    different: tuple[DifferentBin, ...]
    deletable: DeletableReport | None
    unreadable: int
    out_of_sight: int = 0
    foreign: int = 0
    misnamed: int = 0
    excluded_copies: int = 0
    silence: str = ""
    part: PartReport | None = None

    @property
    def all_proven(self) -> bool:
        """Whether there are complete bins, every one is proven and still the same, and nothing was out of sight.

        A part may be without complete bins where others have some: if each part is proven, all bins are. Files that look
        like a bin's but cannot be archived under their name are out of sight, too.
        """
        return (
            bool(self.bins[VerifyState.PROVEN] or (self.part is not None and self.part.others_complete))
            and not self._not_seen
            and not self.silence
            and not any(self.bins[state] for state in NOT_PROVEN)
            and not (self.deletable is not None and self.deletable.changed)
        )

    @property
    def _not_seen(self) -> int:
        return self.unreadable + self.out_of_sight + self.misnamed

    @property
    def nothing_found(self) -> bool:
        """Whether there was nothing to prove, as on a disk that is not mounted."""
        return not (self._not_seen or any(self.bins[state] for state in (VerifyState.PROVEN, *NOT_PROVEN)))

    @property
    def all_published(self) -> bool:
        """Whether the dashboard shows every bin that is in the bucket; True if nobody asked."""
        published = self.published
        return published is None or not any(
            published[fact] for fact in (Publication.UNPUBLISHED, Publication.UNKNOWN)
        )

    @property
    def exit_code(self) -> int:
        """0 only if everything that was asked for was shown to be so."""
        listed = self.deletable is None or self.deletable.whole
        shown = self.all_proven and self.all_published and listed
        return ExitCode.DONE if shown else ExitCode.PARTLY_FAILED

    def to_json(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        made: dict[str, Any] = {
            "time_series": self.time_series,
            "directory": self.directory,
            "mode": self.mode,
            "bins": {state.value: self.bins[state] for state in VerifyState},
            "proofs": self._proofs(),
            "bytes_read": self.bytes_read,
            "requests": {
                "list": self.requests.list,
                "head": self.requests.head,
                "get": self.requests.get,
            },
            "problems": [{"pid": p.pid, "state": str(p.state), "reason": p.reason} for p in self.problems],
            "warnings": list(self.warnings),
            "seconds": round(self.seconds, 3),
        }
        if self.part is not None:
            made["part"], made["other_parts"] = str(self.part.part), self.part.others
        if self.published is not None:
            made["published"] = {fact.value: self.published[fact] for fact in Publication}
        if self.deletable is not None:
            made["deletable"] = {
                "files": self.deletable.files,
                "bins": self.deletable.bins,
                "too_young": self.deletable.too_young,
                "changed": self.deletable.changed,
            }
            if self.deletable.written:
                made["deletable_files"] = self.deletable.files
        return made

    def _proofs(self) -> dict[str, int]:
        return {
            "md5": self.proofs[Proof.MD5],
            "parts": self.proofs[Proof.PARTS],
            "checksum": 0,  # of checksums that the bucket keeps, which older versions compared; scripts may read it
            "download": self.proofs[Proof.DOWNLOAD],
        }


@dataclass
class VerifyTally:
    """Collects while a verification goes on; one thread only."""

    bins: dict[VerifyState, int] = field(default_factory=lambda: dict.fromkeys(VerifyState, 0))
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    proofs: dict[Proof, int] = field(default_factory=lambda: dict.fromkeys(Proof, 0))
    published: dict[Publication, int] = field(default_factory=lambda: dict.fromkeys(Publication, 0))
    different: list[DifferentBin] = field(default_factory=list)
    bytes_read: int = 0

    def count(self, result: BinResult) -> None:
        """Take in one bin."""
        self.bins[result.state] += 1
        self.bytes_read += result.read
        if result.state is not VerifyState.PROVEN:
            self.problems.append(Problem(result.pid, result.state, result.reason))
        if result.verdict is not None:
            self._count_files(result, result.verdict)
        if result.publication is not None:
            self.published[result.publication] += 1
            if result.publication is Publication.UNPUBLISHED:
                self.problems.append(Problem(result.pid, Flaw.UNPUBLISHED, result.unpublished))

    def _count_files(self, result: BinResult, verdict: BinVerdict) -> None:
        if result.state is VerifyState.PROVEN:
            for proof in verdict.proofs:
                self.proofs[proof] += 1
        if result.state is VerifyState.DIFFERENT:
            self.different.append(DifferentBin(result.pid, verdict.extensions(ContentMatch.DIFFERENT)))
