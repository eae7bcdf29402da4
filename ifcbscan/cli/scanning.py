"""Carry out one scan: its lock, what it works with, what is told of it. For every command that scans.

What a scan does with the bins is in runs/; here are the parts that depend on who has asked for it and how.
"""

from __future__ import annotations

import contextlib
import math
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Mapping, NamedTuple, Sequence

from ifcbscan.cli.after_run import AfterRun
from ifcbscan.cli.ask_dashboard import wants_newest, with_dashboard
from ifcbscan.cli.job import Job
from ifcbscan.cli.log import log_trouble
from ifcbscan.cli.options import ScanArguments
from ifcbscan.cli.output import result, say
from ifcbscan.cli.printer import ScanPrinter, print_report
from ifcbscan.cli.progress import Progress
from ifcbscan.cli.signals import Interruption
from ifcbscan.clock import Clock
from ifcbscan.core.bins import Pid
from ifcbscan.core.companions import other_runs
from ifcbscan.core.decision import Policy
from ifcbscan.core.remote_index import MOST_RANGES
from ifcbscan.core.scan_report import ScanReport
from ifcbscan.core.states import BinState
from ifcbscan.disk.mounts import unmounted
from ifcbscan.disk.tree import LocalTree
from ifcbscan.errors import AlreadyRunning, ExitCode, IfcbscanError, Interrupted
from ifcbscan.runs import scan
from ifcbscan.runs.backends import Backends, StopRequest
from ifcbscan.s3.bucket import Bucket
from ifcbscan.s3.retry import Patience
from ifcbscan.s3.throttle import Throttle
from ifcbscan.s3.transport import PassingError
from ifcbscan.s3.wire import Wire
from ifcbscan.state import last_runs, run_locks
from ifcbscan.state.bin_locks import ALONE, BinLocks, CannotLock, SharedBinLocks, bin_locks_path

#: How long after its time limit a run still tries again what has failed; one answer takes a few minutes at most. Seconds.
_LAST_TRIES = 60.0

#: How long a run by hand waits for an archive that has answered and does so no longer. Seconds.
_PATIENCE = 60.0


class _Order(NamedTuple):
    """What is to be scanned, and how. `options` are those of the run, made of the arguments and the settings."""

    job: Job
    arguments: ScanArguments
    options: scan.ScanOptions
    interruption: Interruption
    metrics_file: str | None

    @property
    def by_hand(self) -> bool:
        """Whether somebody waits for the end: no run of the schedule, which comes again by itself."""
        return self.arguments.by_hand or sys.stderr.isatty()

    @property
    def bar(self) -> bool:
        """Whether a progress bar is drawn."""
        output = self.arguments.output
        return sys.stderr.isatty() and not (output.quiet or output.verbose)


class _Tools(NamedTuple):
    """What a scan works with."""

    clock: Clock
    tree: LocalTree
    bucket: Bucket
    progress: Progress


def carry_out(job: Job, arguments: ScanArguments, interruption: Interruption) -> int:
    """Scan once, with everything around it; returns the exit code of the report. Raises what makes a scan impossible."""
    metrics_file = _metrics_file(job, arguments)
    order = _Order(job, arguments, _scan_options(arguments, job, metrics_file), interruption, metrics_file)
    # Of a dry run, which does nothing, nobody needs to know. It may look on while a scheduled scan is at work.
    after_run = None if arguments.dry_run else _after_run(order)
    with contextlib.ExitStack() as stack:
        held = run_locks.Held() if arguments.dry_run else _take_lock(stack, order, after_run)
        if after_run is not None:
            after_run.begin()
        try:
            report = _scan(order, held)
        except Exception as error:
            if after_run is not None:
                _tell_of_failure(after_run, error)
            raise
        report, code = _with_log_trouble(report)
        code = interruption.exit_code if interruption.requested.is_set() else code
        output = arguments.output
        interactive = sys.stderr.isatty() or output.verbose or arguments.by_hand
        try:
            print_report(report, output.as_json, output.quiet, interactive)
        finally:  # also when nothing can be printed: the bins are sent, and whoever watches is to know
            if after_run is not None:
                code = after_run.finished(report, code)
    if interruption.requested.is_set():
        raise Interrupted(code)
    return code


def _with_log_trouble(report: ScanReport) -> tuple[ScanReport, int]:
    """The report and its exit code, with what keeps its log from being written."""
    trouble = log_trouble()
    if trouble is None:
        return report, report.exit_code
    if trouble not in report.warnings:
        report = report._replace(warnings=(*report.warnings, trouble))
    return report, report.exit_code or ExitCode.PARTLY_FAILED


def _metrics_file(job: Job, arguments: ScanArguments) -> str | None:
    settings = job.config.metrics_dir if arguments.watched else None
    if not (arguments.metrics_file or arguments.metrics_dir or settings):
        return None
    from ifcbscan.cli.metrics_target import metrics_path

    return metrics_path(job, arguments)


def _scan_options(arguments: ScanArguments, job: Job, metrics_file: str | None) -> scan.ScanOptions:
    config = job.config
    expect_every = config.expect_every if arguments.expect_every is None else arguments.expect_every
    max_daily = config.max_daily if arguments.max_daily is None else arguments.max_daily
    return scan.ScanOptions(
        account=config.account,
        time_series=job.time_series,
        policy=Policy(
            settle=config.settle if arguments.settle is None else arguments.settle,
            confirm=config.confirm if arguments.confirm is None else arguments.confirm,
            replace=arguments.replace,
            check_integrity=arguments.check_integrity,
        ),
        dry_run=arguments.dry_run,
        max_age=arguments.max_age,
        time_limit=arguments.time_limit,
        jobs=arguments.jobs,
        retry_rejected=arguments.retry_rejected,
        find_newest=metrics_file is not None
        or arguments.output.as_json
        or expect_every is not None
        or (not arguments.dry_run and _notes_newest(job, "full" if arguments.max_age is None else "recent")),
        find_vital=not arguments.dry_run,
        window=arguments.window,
        expect_every=expect_every,
        max_daily=None if max_daily == math.inf else max_daily,
    )


def _notes_newest(job: Job, mode: str) -> bool:
    """Whether the newest bin has to be found, for the dashboard or for the record. That takes time for each bin, so a full
    run, whose bins are many, finds it for the record only where that does not name one yet."""
    if mode == "recent" or wants_newest(job, mode):
        return True
    record = last_runs.read(job.directory, job.time_series, mode)
    return record is None or record.newest is None


def _after_run(order: _Order) -> AfterRun:
    arguments = order.arguments
    ping_url = arguments.ping_url or (order.job.config.ping_url if arguments.watched else None)
    ping = None
    if ping_url:
        from ifcbscan.monitor.ping import Ping, filled_in

        ping = Ping(filled_in(ping_url, order.job.time_series))
    return AfterRun(
        directory=order.job.directory,
        time_series=order.options.time_series,
        mode=order.options.mode,
        log_file=arguments.output.log_file,
        metrics_file=order.metrics_file,
        ping=ping,
        quiet=arguments.output.quiet,
        recorded=not arguments.beside,
        job_log=arguments.job_log,
    )


def _take_lock(stack: contextlib.ExitStack, order: _Order, after_run: AfterRun | None) -> run_locks.Held:
    """Hold the lock until `stack` ends. Raises AlreadyRunning; one without end is noted down, because nobody looks."""
    try:
        return stack.enter_context(
            run_locks.hold(order.job.directory, order.options.time_series, order.options.mode)
        )
    except AlreadyRunning as error:
        if error.stalled and after_run is not None:
            after_run.locked_out(str(error))
        raise


def _tell_of_failure(after_run: AfterRun, error: Exception) -> None:
    from ifcbscan.cli.endings import ending_of

    ending = ending_of(error, sends=True)
    after_run.failed(ending.summary, ending.exit_code)
    error.recorded = True  # type: ignore[attr-defined]  # of any exception: nobody is to be told twice
    if isinstance(error, IfcbscanError):
        error.logged = True


def _scan(order: _Order, held: run_locks.Held) -> ScanReport:
    tools = _tools(order, held)
    warnings = order.job.warnings + held.warnings
    differs: Mapping[Pid, Sequence[str]] = {}
    if order.arguments.content:
        from ifcbscan.cli.verify_printer import VerifyPrinter
        from ifcbscan.runs.content import compare

        stopped = order.interruption.requested.is_set
        reading = Progress(tools.clock, order.bar, "reading", held.getting_on, stopped)
        printer = VerifyPrinter(reading, order.arguments.output.verbose)
        try:
            comparison = compare(order.options, tools.tree, tools.bucket, tools.clock, printer)
        finally:
            reading.end()
        differs = comparison.differs
        warnings += comparison.warnings
    bin_locks = ALONE if order.arguments.dry_run else _bin_locks(order, held)
    stop = StopRequest(order.interruption.requested, order.interruption.deferred)
    pool = ThreadPoolExecutor(_threads(order))
    guard = _Guard(order)
    try:
        report = scan.scan(
            order.options,
            Backends(tools.tree, tools.bucket, tools.clock, pool, stop, bin_locks),
            ScanPrinter(order.arguments.output.verbose, tools.progress),
            say if order.arguments.output.as_json else result,
            scan.Preparations(
                warnings, guard, differs, unmounted(order.job.directory, order.arguments.mounted_at)
            ),
        )
    finally:
        tools.progress.end()  # whatever ended the scan, no bar stays on the screen
    if order.arguments.dry_run:
        return report
    return with_dashboard(
        _with_companions(report, order.job.directory, bin_locks, held),
        order.job,
        order.arguments.by_hand,
        guard.result,
    )


def _threads(order: _Order) -> int:
    return max(order.arguments.jobs, MOST_RANGES)


def _tools(order: _Order, held: run_locks.Held) -> _Tools:
    clock = Clock()
    config, options = order.job.config, order.options
    oldest = None if options.max_age is None else clock.wall() - options.max_age
    tree = LocalTree(
        order.job.directory,
        config.exclude_dirs + order.arguments.exclude,
        oldest,
        held.getting_on,
        options.window,
    )
    requested = order.interruption.requested
    progress = Progress(clock, order.bar, getting_on=held.getting_on, stopped=requested.is_set)
    rates = order.arguments.bandwidth or config.max_bandwidth
    throttle = Throttle(rates, clock, requested, order.arguments.jobs) if rates else None

    def pace(wanted: int) -> int:
        size = wanted if throttle is None else throttle.grant(wanted)
        progress.moved(size)
        return size

    bucket = Bucket(config, clock, Wire(config, _threads(order)), requested, pace)
    bucket.answered = held.getting_on
    if order.by_hand:
        bucket.retries.patience = Patience(_PATIENCE, lambda error: _tell_of_waiting(order, progress, error))
    if options.time_limit is not None:
        bucket.retry_until = clock.monotonic() + options.time_limit + _LAST_TRIES
    return _Tools(clock, tree, bucket, progress)


def _tell_of_waiting(order: _Order, progress: Progress, error: PassingError) -> None:
    if not order.arguments.output.quiet:
        progress.say(
            f"The archive does not answer any more ({error}). It is asked again for up to a minute, in case its server starts "
            "anew; Ctrl-C ends the waiting, and nothing is lost."
        )


class _Guard:
    """Asks the dashboard for the time series before its very first file; see `scan.Preparations`."""

    def __init__(self, order: _Order) -> None:
        self._order = order
        #: Whether the dashboard has said that it knows the time series; None while it was not asked.
        self.result: bool | None = None

    def __call__(self) -> tuple[str, ...]:
        # Imported only now: it is needed once in the life of a time series.
        from ifcbscan.dashboard.series import check_before_first_file

        config, order = self._order.job.config, self._order
        warnings = check_before_first_file(
            config.dashboard_url, config.account, order.options.time_series, order.arguments.force
        )
        self.result = not warnings
        return warnings


def _bin_locks(order: _Order, held: run_locks.Held) -> BinLocks:
    directory, time_series = order.job.directory, order.options.time_series
    try:
        path = bin_locks_path(time_series)
    except IfcbscanError:
        return CannotLock()  # no folder for it: the lock has said so
    other = _other(order.options.mode)
    return SharedBinLocks(
        path, lambda: not held.alone or run_locks.in_progress(directory, time_series, other)
    )


def _other(mode: str) -> str:
    return "recent" if mode == "full" else "full"


def _with_companions(
    report: ScanReport, directory: str, bin_locks: BinLocks, held: run_locks.Held
) -> ScanReport:
    """The report with what is to be said of other runs on this computer. Most runs meet none, and end at once here.

    `directory`: the folder as the locks know it.
    """
    warnings = report.warnings
    if bin_locks.trouble and not held.warnings:  # else the same is said of the lock
        warnings += (
            f"bins cannot be locked: {bin_locks.trouble}. The scan went on without; if another scan ran at the same time, a "
            "file may have been sent twice, and nothing is lost",
        )
    other = run_locks.companion_in_silence(directory, report.time_series, _other(report.mode))
    present = run_locks.companions(report.time_series) if bin_locks.refused else []
    found = other_runs(report.bins[BinState.TO_UPLOAD], bin_locks.refused, present, other)
    return report._replace(
        warnings=warnings + found.warnings, elsewhere=found.elsewhere, stalled=found.stalled
    )
