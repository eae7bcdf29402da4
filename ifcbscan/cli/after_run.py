"""What follows a scan: the record of the last run, the log, the metrics file, the monitor.

None of it changes the result of the run; trouble here becomes a line of warning.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, NamedTuple

from ifcbscan.cli.log import log_trouble, logger
from ifcbscan.cli.output import say
from ifcbscan.core.bins import Pid
from ifcbscan.core.last_run import has_looked, seconds
from ifcbscan.core.scan_report import ScanReport, reason_of, summary, why_failed
from ifcbscan.errors import ExitCode
from ifcbscan.state import last_runs, log_memory
from ifcbscan.state.last_runs import LastRun

if TYPE_CHECKING:
    from ifcbscan.monitor.ping import Ping


class AfterRun(NamedTuple):
    """Who is told how a run of one job went. `log_file` and `metrics_file` as the operator gave them.

    `recorded`: False for a run of other bins than those of the scheduled job, which `status` must not take for its own.
    `job_log`: False where the log of this run, if any, is not that of the scheduled job: nothing of it is the job's.
    """

    directory: str
    time_series: str
    mode: str
    log_file: str | None
    metrics_file: str | None
    ping: Ping | None
    quiet: bool
    recorded: bool = True
    job_log: bool = True

    def begin(self) -> None:
        """The run begins: the monitor is told."""
        if self.ping is not None:
            self.ping.start()

    def finished(self, report: ScanReport, exit_code: int) -> int:
        """The run came to a report; returns the exit code, which is no longer 0 if the log cannot be written."""
        code = self._of_job(exit_code, report)
        troubles = self._tell(code, summary(report), report, why_failed(report))
        logged, day, now = self._logged_before()
        report = report._replace(warnings=report.warnings + troubles)
        told_by_other = self._reached_by_other() if logged.outage_since else 0.0
        lines, then = log_memory.lines_of(report, logged, day, now, told_by_other)
        self._log(lines, logged, then)
        late = log_trouble()  # a limit (quota) that shows only when a line is written
        if late is not None and late not in report.warnings:
            say(f"  warning: {late}")
            exit_code = exit_code or ExitCode.PARTLY_FAILED
            self._record(self._of_job(exit_code, report), summary(report), report)
        return exit_code

    def _of_job(self, exit_code: int, report: ScanReport) -> int:
        """The exit code without what only a log that is not the job's has made of it."""
        return exit_code if self.job_log or exit_code != ExitCode.PARTLY_FAILED else report.exit_code

    def locked_out(self, text: str) -> None:
        """The run did not begin, because its lock is held by a process that shows no sign of life.

        Only the log and the record are told: for a monitor and for the metrics no run has taken place.
        """
        self._log_failure(text, ExitCode.LOCKED)
        self._record(ExitCode.LOCKED, text, None)

    def failed(self, text: str, exit_code: int) -> None:
        """The run ended without a report."""
        logged_now = self._log_failure(text, exit_code)
        troubles = self._tell(exit_code, text, None)
        if logged_now and self.log_file is not None:
            for trouble in troubles:
                logger.warning("%s", trouble)

    def told_outside(self, text: str, exit_code: int) -> None:
        """A run that is no scheduled one could not even begin: only its metrics and its monitor are told."""
        self._tell(exit_code, text, None)

    def _tell(
        self, exit_code: int, text: str, report: ScanReport | None, for_monitor: str = ""
    ) -> tuple[str, ...]:
        """Write the record and the metrics, and call the monitor; returns what went wrong with them, for the log.

        `for_monitor`: what it is told of a failure, if that is more than `text`.
        """
        self._record(exit_code, text, report)
        troubles = []
        if self.metrics_file is not None:
            troubles.append(self._write_metrics(self.metrics_file, exit_code, report))
        if self.ping is not None:
            good = exit_code == ExitCode.DONE
            troubles.append(self.ping.success() if good else self.ping.fail(for_monitor or text))
        found = tuple(trouble for trouble in troubles if trouble)
        for trouble in () if self.quiet else found:
            say(f"  warning: {trouble}")
        return found

    def _record(self, exit_code: int, text: str, report: ScanReport | None) -> None:
        if not self.recorded:
            return
        trouble = self._log_trouble()
        if trouble:  # also where it is not this run that met it
            exit_code = exit_code or ExitCode.PARTLY_FAILED
        record = LastRun.that_ends_now(exit_code, text, {})._replace(log_trouble=trouble)
        if report is not None:
            record = record._replace(
                bins={state.value: count for state, count in report.bins.items()},
                silence=report.silence,
                reason=reason_of(report),
                waits=report.waits,
                attention=report.attention,
                newest=report.newest_local,
                instrument=() if report.vital is None else report.vital.lines(),
            )
        last_runs.write(self.directory, self.time_series, self.mode, record)

    def _log_trouble(self) -> str:
        """What keeps the log of the job from being written. A run that does not write it knows nothing new of it."""
        if self.job_log:
            return log_trouble() or ""
        before = last_runs.read(self.directory, self.time_series, self.mode)
        return "" if before is None else before.log_trouble

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

    def _reached_by_other(self) -> float:
        """When the other run of this job last succeeded and had asked the archive, seconds since 1970; 0 if it never did."""
        if self.log_file is None:
            return 0.0
        other = last_runs.read(self.directory, self.time_series, "recent" if self.mode == "full" else "full")
        if other is None or other.last_success is None or not has_looked(other.bins):
            return 0.0
        return seconds(other.last_success)

    def _log_failure(self, text: str, exit_code: int) -> bool:
        """Log why there is no report; returns whether that was worth a line (it is not every minute)."""
        logged, _day, now = self._logged_before()
        outage = exit_code == ExitCode.UNREACHABLE
        lines, then = log_memory.lines_of_failure(text, logged, now, outage)
        self._log(lines, logged, then)
        return bool(lines)

    def _logged_before(self) -> tuple[log_memory.AlreadyLogged, str, float]:
        """What the log knows already; today's date (UTC), and the time in seconds since 1970."""
        now = time.time()
        logged = log_memory.NOTHING_LOGGED
        if self.job_log:
            logged = log_memory.read(self.directory, self.time_series, self.mode)
        return logged, time.strftime("%Y-%m-%d", time.gmtime(now)), now

    def _log(
        self, lines: list[log_memory.Line], logged: log_memory.AlreadyLogged, then: log_memory.AlreadyLogged
    ) -> None:
        if self.log_file is None:
            return
        for line in lines:
            logger.log(logging.WARNING if line.warning else logging.INFO, "%s", line.text)
        # What a full disk has not taken is news to the log of the next run.
        if self.job_log and then != logged and log_trouble() is None:
            log_memory.write(self.directory, self.time_series, self.mode, then)


def _sampled(pid: Pid | None) -> float | None:
    return None if pid is None else pid.sample_time
