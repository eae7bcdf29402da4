"""What a run found and did: counts, problems, warnings; the JSON, the exit code and the summary.

Pure. The JSON keys and the exit codes are a contract with scripts and schedulers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Iterable, NamedTuple

from ifcbscan.core.bins import Pid
from ifcbscan.core.dashboard_note import DashboardNote
from ifcbscan.core.printable import named
from ifcbscan.core.states import SCAN_COUNTS, BinState, ReportedState
from ifcbscan.core.words import counted, human_bytes, human_duration
from ifcbscan.errors import ExitCode

if TYPE_CHECKING:
    from ifcbscan.core.vital_signs import VitalSigns

#: From so many characters on a reason is not told again with each further bin.
_LONG_REASON = 100


class Result(NamedTuple):
    """What became of one bin, and why (for an operator; may be empty where there is nothing to say)."""

    state: BinState
    reason: str = ""


class Problem(NamedTuple):
    """A bin that is told of by itself, and why. `state` is a `BinState`; `verify` has states of its own (verify_report.py).

    `calm`: it passes by itself or needs nothing (a bin being written, one without images), so only programs are told.
    """

    pid: str
    state: ReportedState
    reason: str
    calm: bool = False


class Requests(NamedTuple):
    """How many requests a run sent, by kind, every try counted."""

    list: int = 0
    head: int = 0
    put: int = 0
    get: int = 0


class ScanReport(NamedTuple):
    """One run over one directory and time series. Sizes in bytes, duration in seconds."""

    time_series: str
    directory: str
    mode: str
    dry_run: bool
    bins: dict[BinState, int]  # every state of SCAN_COUNTS
    files_uploaded: int
    bytes_uploaded: int
    requests: Requests
    problems: tuple[Problem, ...]
    warnings: tuple[str, ...]
    seconds: float
    unreadable: int = 0
    ended_by: str | None = None  # one line, when the run ended early
    ended_code: int = ExitCode.DONE
    ended_at: float = 0.0  # by the bucket's clock, seconds since 1970 UTC
    uploaded: tuple[Pid, ...] = ()  # the bins whose .adc this run has put
    newest_local: Pid | None = (
        None  # of the complete bins here, and of those whole in the archive; only if asked for
    )
    newest_archived: Pid | None = None
    dashboard: DashboardNote | None = None  # what it said last, if it was ever asked; full runs only
    elsewhere: str = ""  # which other runs on this computer have bins of those to upload
    stalled: bool = False  # another run holds bins or a lock, and has given no sign of life for an hour
    silence: str = ""  # why nothing new can come of this folder (core/silence.py); also among the warnings
    waits: str = (
        ""  # how many bins wait for tomorrow, because of MAX_DAILY; what the operator wants is no warning
    )
    max_age: float | None = None  # of a recent run: how old the bins are that it looks at, at most
    attention: int = 0  # bins that need a person; the other problems are calm
    vital: VitalSigns | None = None  # of the instrument and its disk; full runs only, and only if asked for

    @property
    def exit_code(self) -> int:
        """The exit code of the most severe thing that happened."""
        if self.ended_code:
            return self.ended_code
        disk_nearly_full = self.vital is not None and self.vital.disk_nearly_full
        if self.bins[BinState.FAILED] or self.unreadable or self.stalled or self.silence or disk_nearly_full:
            return ExitCode.PARTLY_FAILED
        return ExitCode.DONE

    def to_json(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        return {
            "time_series": self.time_series,
            "directory": self.directory,
            "mode": self.mode,
            "dry_run": self.dry_run,
            "bins": {state.value: self.bins[state] for state in SCAN_COUNTS},
            "files_uploaded": self.files_uploaded,
            "bytes_uploaded": self.bytes_uploaded,
            "requests": {
                "list": self.requests.list,
                "head": self.requests.head,
                "put": self.requests.put,
            },
            "uploaded_bins": list(self.uploaded),
            "newest": {"local": self.newest_local, "archived": self.newest_archived},
            "problems": [{"pid": p.pid, "state": str(p.state), "reason": p.reason} for p in self.problems],
            "warnings": list(self.warnings),
            "seconds": round(self.seconds, 3),
        }


@dataclass
class Tally:
    """Collects while a run goes on; one thread only."""

    bins: dict[BinState, int] = field(default_factory=lambda: dict.fromkeys(SCAN_COUNTS, 0))
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    uploaded: list[Pid] = field(default_factory=list)
    sent_elsewhere: list[Pid] = field(default_factory=list)  # by others, after this run had listed the bucket
    refusable: list[tuple[Pid, str]] = field(default_factory=list)  # of these: those with a reason
    files_uploaded: int = 0
    bytes_uploaded: int = 0
    unreadable: int = 0
    waits: str = ""  # as in the report

    def count(self, pid: Pid, state: BinState, reason: str) -> None:
        """Put one bin into its count, and among the problems if it is one.

        `reason` of one that was uploaded: what will keep it off the dashboard all the same, "" if nothing is known.
        """
        counted = state.in_scan
        self.bins[counted] += 1
        if state is BinState.SYNCED:
            return  # most of a million
        if state is BinState.UPLOADED:
            self.uploaded.append(pid)
            if reason:
                self.refusable.append((pid, reason))
        if counted.needs_attention:
            self.problems.append(Problem(pid, counted, reason, calm=not state.needs_attention))

    @property
    def attention(self) -> int:
        """How many bins need a person."""
        return len(loud(self.problems))


def loud(problems: Iterable[Problem]) -> list[Problem]:
    """Those that a person is told of."""
    return [problem for problem in problems if not problem.calm]


def told_once(problems: Iterable[Problem], ended_by: str | None = None) -> list[Problem]:
    """The problems as people are told them: a long reason is said once, and `ended_by`, which is told by itself, not at all.

    Several bins are under way at once, so what refuses one of them refuses them all in the same words.
    """
    first_of: dict[str, str] = {}
    told = []
    for problem in problems:
        pid, reason = problem.pid, problem.reason
        if reason == ended_by:
            problem = problem._replace(reason="for the reason that ended the run")
        elif len(reason) >= _LONG_REASON and first_of.setdefault(reason, pid) != pid:
            problem = problem._replace(reason=f"for the same reason as {first_of[reason]}")
        told.append(problem)
    return told


def summary(report: ScanReport) -> str:
    """The run in one line of words."""
    parts = [
        f"{report.bins[state]:,} {state.words}"
        for state in BinState
        if state in SCAN_COUNTS and report.bins[state]
    ]
    if report.elsewhere:
        words = f"{report.bins[BinState.TO_UPLOAD]:,} {BinState.TO_UPLOAD.words}"
        parts = [f"{part} ({report.elsewhere})" if part == words else part for part in parts]
    none = (
        "no bins found" if report.max_age is None else f"no bin of the last {human_duration(report.max_age)}"
    )
    line = "{}: {}".format(report.time_series, ", ".join(parts) if parts else none)
    if report.files_uploaded:
        sent = f"{counted(report.files_uploaded, 'file')}, {human_bytes(report.bytes_uploaded)}"
        line += f"; sent {sent} in {report.seconds:,.0f} s"
    if report.waits:
        line += f"; {report.waits}"
    return line + (" (dry run: nothing was sent)" if report.dry_run else "")


def why_failed(report: ScanReport) -> str:
    """The run in one line, then what was wrong with it: counts alone do not say that a disk is not mounted."""
    reasons = [report.ended_by] if report.ended_by else []
    reasons += named(report.warnings, "... and {} more warnings; --json lists them all")
    return "; ".join([summary(report), *reasons])


def reason_of(report: ScanReport) -> str:
    """Why a run partly failed (exit code 3), in one line of words; "" if it did not, or the summary says it."""
    failed = [problem for problem in report.problems if problem.state is BinState.FAILED]
    if report.silence:
        return report.silence
    if report.vital is not None and report.vital.disk_nearly_full:
        return report.vital.warning(report.directory)
    if failed:
        return f"{counted(len(failed), 'bin')} failed: {failed[0].pid}: {failed[0].reason}"
    return next(iter(report.warnings), "") if report.unreadable or report.stalled else ""


def worth_telling(report: ScanReport) -> bool:
    """Whether there is anything that a person who is mailed the output would want to read."""
    return bool(
        report.files_uploaded or loud(report.problems) or report.warnings or report.ended_by or report.dry_run
    )
