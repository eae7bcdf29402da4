"""What a verification found: counts, problems, proofs; the JSON, the exit code and the summary.

Pure. The JSON keys are those of a scan's report where they mean the same (outcome.py).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any

from ifcbscan.bins import Fileset, Pid
from ifcbscan.errors import ExitCode
from ifcbscan.outcome import EXCLUDED, Problem, Requests, human_bytes
from ifcbscan.plan import State
from ifcbscan.proof import BinVerdict, Outcome, Proof

#: The counts of the JSON: every bin that was found is in exactly one of them.
COUNTS = (
    Outcome.PROVEN.value,
    Outcome.MISSING.value,
    Outcome.DIFFERENT.value,
    Outcome.SIZE.value,
    Outcome.UNPROVEN.value,
    State.INCOMPLETE.value,
    State.SETTLING.value,
    State.HELD.value,
    State.REJECTED.value,
    State.CONFLICT.value,
    EXCLUDED,
)

#: The counts of complete bins that are not proven to be in the archive.
NOT_PROVEN = tuple(
    name for name in COUNTS if name not in (Outcome.PROVEN.value, State.INCOMPLETE.value, EXCLUDED)
)


class Publication(enum.Enum):
    """What the dashboard says of a bin that is wholly in the bucket. The values are those of the JSON."""

    PUBLISHED = "published"
    UNPUBLISHED = "unpublished"
    UNKNOWN = "unknown"  # the dashboard did not say


@dataclass(frozen=True)
class BinResult:
    """How one bin ended. `size`: bytes of all its files on this disk, copies in other folders included.

    `filesets` are the copies that were read, `read` is how many bytes that were; `verdict` is None where the
    state was clear without reading. `publication` is None where nobody asked; `unpublished` says why not.
    """

    pid: Pid
    state: str
    reason: str
    size: int
    filesets: tuple[Fileset, ...] = ()
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
class VerifyReport:
    """One verification of one directory and time series. Sizes in bytes, duration in seconds.

    `proofs` counts the files of proven bins by their proof; `published` counts bins that are wholly in the
    bucket, None if nobody asked. `deletable` is how many paths were listed, None if nobody asked or the list
    could not be written. `foreign` files are no part of a bin and were not looked at; `misnamed` ones of them
    look like a bin's.
    """

    time_series: str
    directory: str
    mode: str
    bins: dict[str, int]
    problems: tuple[Problem, ...]
    warnings: tuple[str, ...]
    requests: Requests
    seconds: float
    bytes_read: int
    proofs: dict[str, int]
    published: dict[str, int] | None
    different: tuple[DifferentBin, ...]
    deletable: int | None
    unreadable: int
    list_failed: bool
    foreign: int = 0
    misnamed: int = 0

    @property
    def all_proven(self) -> bool:
        """Whether there are complete bins and every one is proven, and nothing was out of sight.

        Files that look like a bin's but cannot be archived under their name are out of sight, too.
        """
        return (
            bool(self.bins[Outcome.PROVEN.value])
            and not (self.unreadable or self.misnamed)
            and not any(self.bins[name] for name in NOT_PROVEN)
        )

    @property
    def nothing_found(self) -> bool:
        """Whether there was nothing to prove, as on a disk that is not mounted."""
        return not (
            self.unreadable
            or self.misnamed
            or any(self.bins[name] for name in (Outcome.PROVEN.value, *NOT_PROVEN))
        )

    @property
    def all_published(self) -> bool:
        """Whether the dashboard shows every bin that is in the bucket; True if nobody asked."""
        published = self.published
        return published is None or not any(
            published[fact.value] for fact in (Publication.UNPUBLISHED, Publication.UNKNOWN)
        )

    @property
    def exit_code(self) -> int:
        """0 only if everything that was asked for was shown to be so."""
        shown = self.all_proven and self.all_published and not self.list_failed
        return ExitCode.DONE if shown else ExitCode.PARTLY_FAILED

    def to_json(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        made: dict[str, Any] = {
            "time_series": self.time_series,
            "directory": self.directory,
            "mode": self.mode,
            "bins": {name: self.bins[name] for name in COUNTS},
            "proofs": {proof.value: self.proofs[proof.value] for proof in Proof},
            "bytes_read": self.bytes_read,
            "requests": {
                "list": self.requests.list,
                "head": self.requests.head,
                "get": self.requests.get,
            },
            "problems": [{"pid": p.pid, "state": p.state, "reason": p.reason} for p in self.problems],
            "warnings": list(self.warnings),
            "seconds": round(self.seconds, 3),
        }
        if self.published is not None:
            made["published"] = {fact.value: self.published[fact.value] for fact in Publication}
        if self.deletable is not None:
            made["deletable_files"] = self.deletable
        return made


@dataclass
class VerifyTally:
    """Collects while a verification goes on; one thread only."""

    bins: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    proofs: dict[str, int] = field(default_factory=lambda: {proof.value: 0 for proof in Proof})
    published: dict[str, int] = field(default_factory=lambda: {fact.value: 0 for fact in Publication})
    different: list[DifferentBin] = field(default_factory=list)
    bytes_read: int = 0

    def count(self, result: BinResult) -> None:
        """Take in one bin."""
        self.bins[result.state] += 1
        self.bytes_read += result.read
        if result.state != Outcome.PROVEN.value:
            self.problems.append(Problem(result.pid, result.state, result.reason))
        if result.verdict is not None:
            self._count_files(result, result.verdict)
        if result.publication is not None:
            self.published[result.publication.value] += 1
            if result.publication is Publication.UNPUBLISHED:
                problem = Problem(result.pid, Publication.UNPUBLISHED.value, result.unpublished)
                self.problems.append(problem)

    def _count_files(self, result: BinResult, verdict: BinVerdict) -> None:
        if result.state == Outcome.PROVEN.value:
            for file in verdict.files:
                if file.proof is not None:
                    self.proofs[file.proof.value] += 1
        if result.state == Outcome.DIFFERENT.value:
            self.different.append(DifferentBin(result.pid, verdict.extensions(Outcome.DIFFERENT)))


_WORDS = (
    (Outcome.PROVEN.value, "proven to be in the archive"),
    (Outcome.MISSING.value, "not in the archive"),
    (Outcome.DIFFERENT.value, "with other content in the archive"),
    (Outcome.SIZE.value, "with other sizes in the archive"),
    (Outcome.UNPROVEN.value, "not proven"),
    (State.SETTLING.value, "still being written"),
    (State.INCOMPLETE.value, "incomplete"),
    (State.HELD.value, "held back (so not in the archive)"),
    (State.REJECTED.value, "rejected by the archive"),
    (State.CONFLICT.value, "in conflict"),
    (EXCLUDED, "in excluded folders (not looked at)"),
)


def summary(report: VerifyReport) -> str:
    """The verification in one line of words."""
    parts = [f"{report.bins[name]:,} {words}" for name, words in _WORDS if report.bins[name]]
    line = "{}: {}".format(report.time_series, ", ".join(parts) if parts else "no bins found")
    if report.published is not None:
        counts = report.published
        line += f"; on the dashboard {counts['published']:,}, not there {counts['unpublished']:,}"
        if counts["unknown"]:
            line += f", not said {counts['unknown']:,}"
    if report.bytes_read:
        rate = report.bytes_read / report.seconds if report.seconds > 0 else 0.0
        line += f"; read {human_bytes(report.bytes_read)} in {report.seconds:.0f} s ({human_bytes(rate)}/s)"
    if report.deletable is not None:
        line += f"; {report.deletable:,} files listed as deletable"
    return line
