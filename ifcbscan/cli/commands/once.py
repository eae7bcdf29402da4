"""`ifcbscan --once` and `ifcbscan sync`: one scan."""

from __future__ import annotations

import contextlib
import sys
from argparse import Namespace
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Mapping, Sequence

from ifcbscan.cli import output
from ifcbscan.cli.after_run import Aftermath
from ifcbscan.cli.options import duration, job_with_log
from ifcbscan.cli.progress import Progress
from ifcbscan.cli.signals import Interruption
from ifcbscan.cli.targets import absolute, check_target, is_metrics
from ifcbscan.clock import Clock
from ifcbscan.config import Config
from ifcbscan.core.bins import Pid
from ifcbscan.core.companions import examine
from ifcbscan.core.decision import Policy
from ifcbscan.core.remote_index import MOST_RANGES
from ifcbscan.core.scan_report import ScanReport
from ifcbscan.core.states import BinState
from ifcbscan.core.units import parse_rate
from ifcbscan.disk.tree import LocalTree
from ifcbscan.errors import AlreadyRunning, ExitCode, IfcbscanError, Interrupted, UsageError
from ifcbscan.runs import scan
from ifcbscan.runs.backends import Backends, StopRequest
from ifcbscan.s3.bucket import Bucket
from ifcbscan.s3.client import S3Client
from ifcbscan.s3.throttle import Throttle
from ifcbscan.state import run_locks
from ifcbscan.state.bin_locks import ALONE, Claims, SharedClaims, UnsharedClaims, bin_locks_path

#: How long after its time limit a run still tries again what has failed; one answer takes a few minutes at most. Seconds.
_LAST_TRIES = 60.0


def run(options: Namespace, interruption: Interruption) -> int:
    """Scan once; returns the exit code of the report."""
    job = job_with_log(options)
    config, directory, warnings = job.config, job.directory, job.warnings
    if options.metrics_file is not None:
        check_target("--metrics-file", absolute(options.metrics_file), is_metrics, directory)
    scan_options = _scan_options(options, config, job.time_series)
    aftermath = _aftermath(options, config, directory, scan_options)
    with contextlib.ExitStack() as stack:
        # A dry run changes nothing, so it may look on while a scheduled scan is at work.
        held = run_locks.Held()
        if not options.dry_run:
            held = _take_lock(stack, aftermath, directory, scan_options)
        if aftermath is not None:
            aftermath.begin()
        try:
            report = _scan(
                options, config, directory, scan_options, warnings + held.warnings, interruption, held
            )
        except IfcbscanError as error:
            if aftermath is not None:
                aftermath.failed(str(error), error.exit_code)
                error.logged = True
            raise
        except Exception as error:  # told to the monitor; what it is, cli.main says
            if aftermath is not None:
                aftermath.failed(f"unexpected error: {error}", ExitCode.UNEXPECTED)
            raise
        code = interruption.exit_code if interruption.requested.is_set() else report.exit_code
        interactive = sys.stderr.isatty() or options.verbose or options.command == "sync"
        try:
            output.print_report(report, options.json, options.quiet, interactive)
        finally:  # also when nothing can be printed: the bins are sent, and whoever watches is to know
            if aftermath is not None:
                aftermath.finished(report, code)
    if interruption.requested.is_set():
        raise Interrupted(code)
    return code


def _take_lock(
    stack: contextlib.ExitStack,
    aftermath: Aftermath | None,
    directory: str,
    scan_options: scan.ScanOptions,
) -> run_locks.Held:
    """Hold the lock until `stack` ends. Raises AlreadyRunning; one without end is noted down, because nobody looks."""
    try:
        return stack.enter_context(run_locks.hold(directory, scan_options.time_series, scan_options.mode))
    except AlreadyRunning as error:
        if error.stalled and aftermath is not None:
            aftermath.locked_out(str(error))
        raise


def _aftermath(
    options: Namespace, config: Config, directory: str, scan_options: scan.ScanOptions
) -> Aftermath | None:
    if options.dry_run:
        return None  # it did nothing that anybody needs to know of
    ping_url = options.ping or config.ping_url
    ping = None
    if ping_url:
        from ifcbscan.monitor.ping import Ping

        ping = Ping(ping_url)
    return Aftermath(
        directory,
        scan_options.time_series,
        scan_options.mode,
        options.log_file,
        options.metrics_file,
        ping,
        options.quiet,
    )


def _scan_options(options: Namespace, config: Config, time_series: str) -> scan.ScanOptions:
    if options.jobs < 1:
        raise UsageError("--jobs must be at least 1.")
    settle = duration(options.settle, "--settle")
    confirm = duration(options.confirm, "--confirm")
    return scan.ScanOptions(
        account=config.account,
        time_series=time_series,
        policy=Policy(
            settle=config.settle if settle is None else settle,
            confirm=config.confirm if confirm is None else confirm,
            replace=options.replace,
            check_integrity=not options.no_integrity_check,
        ),
        dry_run=options.dry_run,
        max_age=duration(options.max_age, "--max-age"),
        time_limit=duration(options.time_limit, "--time-limit"),
        jobs=options.jobs,
        retry_rejected=options.retry_rejected,
        find_newest=options.metrics_file is not None,
    )


def _scan(
    options: Namespace,
    config: Config,
    directory: str,
    scan_options: scan.ScanOptions,
    warnings: tuple[str, ...],
    interruption: Interruption,
    held: run_locks.Held,
) -> ScanReport:
    clock = Clock()
    oldest = None if scan_options.max_age is None else clock.wall() - scan_options.max_age
    exclude = config.exclude_dirs + tuple(options.exclude)
    tree = LocalTree(directory, exclude, oldest, held.getting_on)
    threads = max(options.jobs, MOST_RANGES)
    bar = sys.stderr.isatty() and not (options.quiet or options.verbose)
    progress = Progress(clock, bar, getting_on=held.getting_on)
    rate = parse_rate(options.bandwidth, "--bandwidth") if options.bandwidth else config.max_bandwidth
    throttle = Throttle(rate, clock, interruption.requested) if rate else None

    def pace(size: int) -> None:
        if throttle is not None:
            throttle.wait_for(size)
        progress.moved(size)

    def guard() -> tuple[str, ...]:
        # Imported only now: it is needed before the very first file of a time series, and never again.
        from ifcbscan.dashboard.series import check_before_first_file

        return check_before_first_file(
            config.dashboard_url, config.account, scan_options.time_series, options.force
        )

    bucket = Bucket(config, clock, S3Client(config, threads), interruption.requested, pace)
    bucket.answered = held.getting_on
    if scan_options.time_limit is not None:
        bucket.retry_until = clock.monotonic() + scan_options.time_limit + _LAST_TRIES
    differs: Mapping[Pid, Sequence[str]] = {}
    if options.content:
        from ifcbscan.cli.commands.verify import Printer
        from ifcbscan.runs.content import compare

        reading = Progress(clock, bar, "reading", held.getting_on)
        try:
            comparison = compare(scan_options, tree, bucket, clock, Printer(reading, options.verbose))
        finally:
            reading.end()
        differs = comparison.differs
        warnings += comparison.warnings
    claims = ALONE if options.dry_run else _claims(directory, scan_options, held)
    stop = StopRequest(interruption.requested, interruption.deferred)
    report = scan.scan(
        scan_options,
        Backends(tree, bucket, clock, ThreadPoolExecutor(threads), stop, claims),
        output.ScanPrinter(options.verbose, progress),
        output.say if options.json else output.result,
        scan.Preparations(warnings, guard, differs),
    )
    return report if options.dry_run else _with_companions(report, claims, held)


def _claims(directory: str, scan_options: scan.ScanOptions, held: run_locks.Held) -> Claims:
    time_series = scan_options.time_series
    try:
        path = bin_locks_path(time_series)
    except IfcbscanError:
        return UnsharedClaims()  # no folder for it: the lock has said so
    other = _other(scan_options.mode)
    return SharedClaims(path, lambda: not held.alone or run_locks.in_progress(directory, time_series, other))


def _other(mode: str) -> str:
    return "recent" if mode == "full" else "full"


def _with_companions(report: ScanReport, claims: Claims, held: run_locks.Held) -> ScanReport:
    """The report with what is to be said of other runs on this computer. Most runs meet none, and end at once here."""
    warnings = report.warnings
    if claims.trouble and not held.warnings:  # else the same is said of the lock
        warnings += (
            f"bins cannot be claimed: {claims.trouble}. The scan went on without; if another scan ran at the same time, a "
            "file may have been sent twice, and nothing is lost",
        )
    other = run_locks.companion_in_silence(report.directory, report.time_series, _other(report.mode))
    present = run_locks.companions(report.time_series) if claims.refused else []
    found = examine(report.bins[BinState.TO_UPLOAD], claims.refused, present, other)
    return replace(
        report, warnings=warnings + found.warnings, elsewhere=found.elsewhere, stalled=found.stalled
    )
