"""What a person is told of a scan: each bin while it goes on, and the report at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Sequence

from ifcbscan.cli.log import logger
from ifcbscan.cli.output import result_json, say
from ifcbscan.cli.progress import Progress
from ifcbscan.core.bins import Fileset
from ifcbscan.core.printable import NAMED_AT_MOST, named
from ifcbscan.core.scan_report import Problem, ScanReport, loud, summary, told_once, worth_telling
from ifcbscan.core.states import BinState
from ifcbscan.core.words import counted
from ifcbscan.runs.listener import Listener

if TYPE_CHECKING:
    from ifcbscan.runs.bin_job import BinJob


class ScanPrinter(Listener):
    """Tells of each bin of a scan: what was sent in the log, everything on stderr with --verbose."""

    def __init__(self, verbose: bool, progress: Progress) -> None:
        self._verbose = verbose
        self._progress = progress

    def begin(self, bins: int, size: int) -> None:
        self._progress.begin(bins, size)

    def left_alone(self, local: Fileset, state: BinState, reason: str) -> None:
        if self._verbose:
            say(f"{local.pid} {state}: {reason}")

    def waiting(self, bins: int) -> None:
        self._progress.waiting(bins)

    def bin_done(self, job: BinJob, state: BinState, reason: str) -> None:
        self._progress.bin_done(job.local.pid)
        text = "{} {}{}".format(job.local.pid, state, ": " + reason if reason else "")
        if job.files_sent:
            sent = f"{counted(job.files_sent, 'file')}, {counted(job.bytes_sent, 'byte')} sent"
            logger.info("%s (%s)", text, sent)
        if self._verbose:
            say(text)

    def end(self) -> None:
        self._progress.end()


def say_problems(problems: Sequence[Problem], warnings: Sequence[str], ended_by: str | None = None) -> None:
    """The bins in trouble, each with its reason, and the warnings. What ended the run is told by the caller."""
    for problem in told_once(problems[:NAMED_AT_MOST], ended_by):
        say(f"  {problem.pid}  {problem.state}: {problem.reason}")
    if len(problems) > NAMED_AT_MOST:
        say(f"  ... and {len(problems) - NAMED_AT_MOST:,} more; --json lists them all")
    say_warnings(warnings, "  ")


def say_warnings(warnings: Sequence[str], indent: str = "") -> None:
    """The first warnings, one a line, and how many more there are."""
    for line in named(
        [f"warning: {text}" for text in warnings], "... and {} more warnings; --json lists them all"
    ):
        say(indent + line)


def print_report(report: ScanReport, as_json: bool, quiet: bool, interactive: bool) -> None:
    """The end of a run: the summary, each problem with its reason, and the JSON if asked for."""
    if not quiet and (interactive or worth_telling(report)):
        say(summary(report))
        say_problems(loud(report.problems), report.warnings, report.ended_by)
    if report.ended_by:
        say("ifcbscan: " + report.ended_by)
    if as_json:
        result_json(report.to_json())
