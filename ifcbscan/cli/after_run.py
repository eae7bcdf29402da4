"""What follows a scan: the record of the last run, the log, the metrics file, the monitor.

None of it changes the result of the run; trouble here becomes a line of warning.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, NamedTuple

from ifcbscan.cli.log import logger
from ifcbscan.cli.output import say
from ifcbscan.core.bins import Pid
from ifcbscan.core.scan_report import ScanReport, summary
from ifcbscan.errors import ExitCode
from ifcbscan.state import last_runs, log_memory
from ifcbscan.state.last_runs import LastRun

if TYPE_CHECKING:
    from ifcbscan.monitor.ping import Ping


class AfterRun(NamedTuple):
    """Who is told how a run of one job went. `log_file` and `metrics_file` as the operator gave them.

    `recorded`: False for a run of other bins than those of the scheduled job, which `status` must not take for its own.
    """

    directory: str
    time_series: str
    mode: str
    log_file: str | None
    metrics_file: str | None
    ping: Ping | None
    quiet: bool
    recorded: bool = True

    def begin(self) -> None:
        """The run begins: the monitor is told."""
        if self.ping is not None:
            self.ping.start()

    def finished(self, report: ScanReport, exit_code: int) -> None:
        """The run came to a report."""
        troubles = self._tell(exit_code, summary(report), report)
        logged, day, now = self._logged_before()
        lines, then = log_memory.lines_of(
            report._replace(warnings=report.warnings + troubles), logged, day, now
        )
        self._log(lines, logged, then)

    def locked_out(self, text: str) -> None:
        """The run did not begin, because its lock is held by a process that shows no sign of life.

        Only the log and the record are told: for a monitor and for the metrics no run has taken place.
        """
        self._log_failure(text)
        self._record(ExitCode.LOCKED, text, {})

    def failed(self, text: str, exit_code: int) -> None:
        """The run ended without a report."""
        logged_now = self._log_failure(text)
        troubles = self._tell(exit_code, text, None)
        if logged_now and self.log_file is not None:
            for trouble in troubles:
                logger.warning("%s", trouble)

    def _tell(self, exit_code: int, text: str, report: ScanReport | None) -> tuple[str, ...]:
        """Write the record and the metrics, and call the monitor; returns what went wrong with them, for the log."""
        bins = {state.value: count for state, count in report.bins.items()} if report is not None else {}
        self._record(exit_code, text, bins)
        troubles = []
        if self.metrics_file is not None:
            troubles.append(self._write_metrics(self.metrics_file, exit_code, report))
        if self.ping is not None:
            good = exit_code == ExitCode.DONE
            troubles.append(self.ping.success() if good else self.ping.fail(text))
        found = tuple(trouble for trouble in troubles if trouble)
        for trouble in () if self.quiet else found:
            say(f"  warning: {trouble}")
        return found

    def _record(self, exit_code: int, text: str, bins: dict[str, int]) -> None:
        if not self.recorded:
            return
        record = LastRun.that_ends_now(exit_code, text, bins)
        last_runs.write(self.directory, self.time_series, self.mode, record)

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
                *(_sampled(pid) for pid in ((report.newest_local, report.newest_archived) if report else ())),
            ),
        )

    def _log_failure(self, text: str) -> bool:
        """Log why there is no report; returns whether that was worth a line (it is not every minute)."""
        logged, day, now = self._logged_before()
        lines, then = log_memory.lines_of_failure(text, logged, day, now)
        self._log(lines, logged, then)
        return bool(lines)

    def _logged_before(self) -> tuple[log_memory.AlreadyLogged, str, float]:
        """What the log knows already; today's date (UTC), and the time in seconds since 1970."""
        now = time.time()
        logged = log_memory.read(self.directory, self.time_series, self.mode)
        return logged, time.strftime("%Y-%m-%d", time.gmtime(now)), now

    def _log(
        self, lines: list[log_memory.Line], logged: log_memory.AlreadyLogged, then: log_memory.AlreadyLogged
    ) -> None:
        if self.log_file is None:
            return
        for line in lines:
            logger.log(logging.WARNING if line.warning else logging.INFO, "%s", line.text)
        if then != logged:
            log_memory.write(self.directory, self.time_series, self.mode, then)


def _sampled(pid: Pid | None) -> float | None:
    return None if pid is None else pid.sample_time
