"""What a verification found: counts, problems, proofs; the JSON, the exit code and the summary.

Pure. The JSON keys are those of a scan's report where they mean the same (outcome.py).
"""

from __future__ import annotations

import datetime
import enum
import math
from dataclasses import dataclass, field
from typing import Any, Sequence

from ifcbscan.core.bins import Fileset, Pid
from ifcbscan.core.content_match import BinVerdict, Outcome, Proof
from ifcbscan.core.decision import State
from ifcbscan.core.scan_report import Problem, Requests
from ifcbscan.core.states import BinState
from ifcbscan.core.words import human_bytes, human_duration
from ifcbscan.errors import ExitCode

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
    BinState.EXCLUDED.value,
)

#: The counts of complete bins that are not proven to be in the archive.
NOT_PROVEN = tuple(
    name
    for name in COUNTS
    if name not in (Outcome.PROVEN.value, State.INCOMPLETE.value, BinState.EXCLUDED.value)
)


# The proofs of the JSON. "checksum" is always 0: older versions also compared checksums that the bucket keeps, and
# scripts may read the key.
_PROOFS = (Proof.MD5.value, Proof.PARTS.value, "checksum", Proof.DOWNLOAD.value)

#: The word among the problems for a proven bin that was not the same any more when the list was written.
CHANGED = "changed"


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
class DeletableReport:
    """What became of the list of deletable files: how many files of how many bins are in it.

    `written`: False if it could not be written. Left out, though proven: `too_young` bins, whose objects were put
    less than `after` seconds ago, and `changed` ones, which were not the same any more here or in the bucket.
    From `first_at` the first of those that are too young may be listed, from `all_at` all (seconds since 1970,
    UTC, by the server's clock; None if there is none with a date).
    """

    after: float
    written: bool
    files: int = 0
    bins: int = 0
    too_young: int = 0
    changed: int = 0
    first_at: float | None = None
    all_at: float | None = None

    @property
    def whole(self) -> bool:
        """Whether there is a list, and no proven bin was left out."""
        return self.written and not (self.too_young or self.changed)


@dataclass(frozen=True)
class VerifyReport:
    """One verification of one directory and time series. Sizes in bytes, duration in seconds.

    `proofs` counts the files of proven bins by their proof; `published` counts bins that are wholly in the
    bucket, None if nobody asked; `deletable` is None, too, if nobody asked. `unreadable` folders and files the
    system would not show; `out_of_sight` are folders that may hold bins and were not looked into. `foreign` files
    are no part of a bin and were not looked at; `misnamed` ones of them look like a bin's.
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
    deletable: DeletableReport | None
    unreadable: int
    out_of_sight: int = 0
    foreign: int = 0
    misnamed: int = 0

    @property
    def all_proven(self) -> bool:
        """Whether there are complete bins, every one is proven and still the same, and nothing was out of sight.

        Files that look like a bin's but cannot be archived under their name are out of sight, too.
        """
        return (
            bool(self.bins[Outcome.PROVEN.value])
            and not self._not_seen
            and not any(self.bins[name] for name in NOT_PROVEN)
            and not (self.deletable is not None and self.deletable.changed)
        )

    @property
    def _not_seen(self) -> int:
        return self.unreadable + self.out_of_sight + self.misnamed

    @property
    def nothing_found(self) -> bool:
        """Whether there was nothing to prove, as on a disk that is not mounted."""
        return not (self._not_seen or any(self.bins[name] for name in (Outcome.PROVEN.value, *NOT_PROVEN)))

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
        listed = self.deletable is None or self.deletable.whole
        shown = self.all_proven and self.all_published and listed
        return ExitCode.DONE if shown else ExitCode.PARTLY_FAILED

    def to_json(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        made: dict[str, Any] = {
            "time_series": self.time_series,
            "directory": self.directory,
            "mode": self.mode,
            "bins": {name: self.bins[name] for name in COUNTS},
            "proofs": {name: self.proofs.get(name, 0) for name in _PROOFS},
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
            made["deletable"] = {
                "files": self.deletable.files,
                "bins": self.deletable.bins,
                "too_young": self.deletable.too_young,
                "changed": self.deletable.changed,
            }
            if self.deletable.written:
                made["deletable_files"] = self.deletable.files
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
    (BinState.EXCLUDED.value, "in excluded folders (not looked at)"),
)


def summary(report: VerifyReport) -> str:
    """The verification in one line of words."""
    parts = [f"{report.bins[name]:,} {words}" for name, words in _WORDS if report.bins[name]]
    line = "{}: {}".format(report.time_series, ", ".join(parts) if parts else "no bins found")
    if report.published is not None:
        counts = report.published
        line += f"; published {counts['published']:,}, unpublished {counts['unpublished']:,}"
        if counts["unknown"]:
            line += f", unknown {counts['unknown']:,}"
    if report.bytes_read:
        rate = report.bytes_read / report.seconds if report.seconds > 0 else 0.0
        line += f"; read {human_bytes(report.bytes_read)} in {report.seconds:.0f} s ({human_bytes(rate)}/s)"
    if report.deletable is not None:
        line += "; " + _list_human_duration(report.deletable)
    return line


def _list_human_duration(deletable: DeletableReport) -> str:
    if not deletable.written:
        return "no list of deletable files"
    words = f"{deletable.files:,} files of {deletable.bins:,} bins listed as deletable"
    if deletable.too_young:
        words += f", {deletable.too_young:,} bins too young for it"
    if deletable.changed:
        words += f", {deletable.changed:,} bins changed since they were read"
    return words


def conclusion(report: VerifyReport) -> Sequence[str]:
    """What the verification means for the data, and what to do: the lines that follow the problems."""
    lines = [_verdict(report)]
    deletable = report.deletable
    if deletable is None:
        if report.exit_code == ExitCode.DONE:
            lines.append(
                "Before you delete anything: --deletable FILE looks at everything again and lists what may go."
            )
    elif not deletable.written:
        lines.append("No list of deletable files was written. Delete nothing, and use no older list.")
    else:
        lines.extend(_left_out(deletable))
    beside = report.bins[State.INCOMPLETE.value] + report.bins[BinState.EXCLUDED.value]
    if beside:
        lines.append(
            f"Not compared: bins that are incomplete or in excluded folders ({beside:,}). They may exist only on this disk."
        )
    if report.out_of_sight:
        lines.append(
            f"Not looked into: {report.out_of_sight:,} folders that may hold bins; the warnings name them. What is in "
            "them may exist only on this disk."
        )
    if report.foreign:
        lines.append(
            f"Not looked at: {report.foreign:,} files that are no part of a bin. They may exist only on this disk."
        )
    return lines


def _verdict(report: VerifyReport) -> str:
    if report.exit_code == ExitCode.DONE:
        return "Everything that was asked for is proven."
    if report.nothing_found:
        return "There was nothing to prove: no complete bin was found. Is this the right folder?"
    if not report.all_proven:
        # Not "what is listed here": the list of problems may be cut short.
        return "NOT everything is proven. Delete nothing, or only what --deletable FILE lists."
    if not report.all_published:
        return (
            "Everything is proven to be in the archive, but the dashboard does not show all of it. Delete nothing, or "
            "only what --deletable FILE lists."
        )
    return "Everything is proven to be in the archive, but NOT everything may be deleted yet."


def _left_out(deletable: DeletableReport) -> list[str]:
    lines = []
    if deletable.too_young:
        line = (
            f"Left out of the list: {deletable.too_young:,} bins of which the archive got a file less than "
            f"{human_duration(deletable.after)} ago (--deletable-after); it may still refuse one."
        )
        if deletable.first_at is not None and deletable.all_at is not None:
            first, last = _utc(deletable.first_at), _utc(deletable.all_at)
            line += f" All of them can be listed from {last}" + (
                f", the first from {first}" if first != last else ""
            )
            line += ": verify again then."
        lines.append(line)
    if deletable.changed:
        lines.append(
            f"Left out of the list: {deletable.changed:,} bins that are not the same any more, here or in the archive. "
            "Send what is missing with 'ifcbscan sync', then verify again."
        )
    return lines


def _utc(seconds: float) -> str:
    """`2026-06-02 11:15 UTC`: the minute after which it is true."""
    try:
        moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(minutes=math.ceil(seconds / 60))
    except OverflowError:
        return "the year 10000"
    return f"{moment:%Y-%m-%d %H:%M} UTC"
