"""What is told after a scan: the last-run record, the log, the metrics file, the monitor.

None of it changes the result of the run; trouble here becomes a line of warning.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ifcbscan.cli import output
from ifcbscan.core.scan_report import ScanReport, summary
from ifcbscan.errors import ExitCode
from ifcbscan.state import last_runs, log_memory
from ifcbscan.state.last_runs import LastRun

if TYPE_CHECKING:
    from ifcbscan.monitor.ping import Ping

log = logging.getLogger("ifcbscan")


@dataclass(frozen=True)
class Aftermath:
    """Whom to tell how a run of one job went. `log_file` and `metrics_file` as the operator gave them."""

    directory: str
    time_series: str
    mode: str
    log_file: str | None
    metrics_file: str | None
    ping: Ping | None
    quiet: bool

    def begin(self) -> None:
        """The run begins."""
        if self.ping is not None:
            self.ping.start()

    def finished(self, report: ScanReport, exit_code: int) -> None:
        """The run came to a report."""
        troubles = self._tell(exit_code, summary(report), report)
        told, day, now = self._told()
        lines, then = log_memory.lines_of(
            replace(report, warnings=report.warnings + troubles), told, day, now
        )
        self._log(lines, told, then)

    def locked_out(self, text: str) -> None:
        """The run did not begin, because a process that does not get on has its lock.

        Only the log and the record are told: for a monitor and for the metrics no run has taken place.
        """
        told, day, now = self._told()
        lines, then = log_memory.lines_of_failure(text, told, day, now)
        self._log(lines, told, then)
        record = LastRun.that_ends_now(ExitCode.LOCKED, text, {})
        last_runs.write(self.directory, self.time_series, self.mode, record)

    def failed(self, text: str, exit_code: int) -> None:
        """The run ended without a report."""
        told, day, now = self._told()
        lines, then = log_memory.lines_of_failure(text, told, day, now)
        self._log(lines, told, then)
        troubles = self._tell(exit_code, text, None)
        self._log([log_memory.Line(trouble, True) for trouble in troubles] if lines else [], then, then)

    def _told(self) -> tuple[log_memory.AlreadyLogged, str, float]:
        now = time.time()
        told = log_memory.read(self.directory, self.time_series, self.mode)
        return told, time.strftime("%Y-%m-%d", time.gmtime(now)), now

    def _log(self, lines: list[log_memory.Line], told: log_memory.AlreadyLogged, then: log_memory.AlreadyLogged) -> None:
        if self.log_file is None:
            return
        for line in lines:
            log.log(logging.WARNING if line.warning else logging.INFO, "%s", line.text)
        if then != told:
            log_memory.write(self.directory, self.time_series, self.mode, then)

    def _tell(self, exit_code: int, text: str, report: ScanReport | None) -> tuple[str, ...]:
        """Write the record, the metrics, and call the monitor; returns what went wrong with them, for the log."""
        bins = {state.value: count for state, count in report.bins.items()} if report is not None else {}
        record = LastRun.that_ends_now(exit_code, text, bins)
        last_runs.write(self.directory, self.time_series, self.mode, record)
        troubles = []
        if self.metrics_file is not None:
            troubles.append(self._write_metrics(self.metrics_file, exit_code, report))
        if self.ping is not None:
            good = exit_code == ExitCode.DONE
            troubles.append(self.ping.success() if good else self.ping.fail(text))
        told = tuple(trouble for trouble in troubles if trouble)
        for trouble in () if self.quiet else told:
            output.say(f"  warning: {trouble}")
        return told

    def _write_metrics(self, path: str, exit_code: int, report: ScanReport | None) -> str | None:
        from ifcbscan.monitor.metrics import FinishedRun, write_metrics

        return write_metrics(
            path,
            FinishedRun(
                self.time_series,
                self.directory,
                self.mode,
                exit_code,
                report.ended_at if report is not None else time.time(),
                report,
                report.newest_local if report is not None else None,
                report.newest_archived if report is not None else None,
            ),
        )
