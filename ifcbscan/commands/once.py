"""`ifcbscan --once` and `ifcbscan sync`: one scan."""

from __future__ import annotations

import contextlib
import sys
from argparse import Namespace
from concurrent.futures import ThreadPoolExecutor

from ifcbscan import console, runlock, scan
from ifcbscan.bucket import Bucket
from ifcbscan.claims import ALONE, SharedClaims
from ifcbscan.clocks import Clock
from ifcbscan.commands.aftermath import Aftermath
from ifcbscan.commands.common import duration, job_of, load_config
from ifcbscan.config import Config, parse_rate
from ifcbscan.errors import ExitCode, IfcbscanError, Interrupted, UsageError
from ifcbscan.interruption import Interruption
from ifcbscan.listing import MOST_RANGES
from ifcbscan.localtree import LocalTree
from ifcbscan.outcome import ScanReport
from ifcbscan.plan import Policy
from ifcbscan.progress import Progress
from ifcbscan.throttle import Throttle

#: How long after its time limit a run still tries again what has failed; one answer takes a few minutes at most. Seconds.
_LAST_TRIES = 60.0


def run(options: Namespace, interruption: Interruption) -> int:
    """Scan once; returns the exit code of the report."""
    log_trouble = console.open_log(options.log_file)
    config = load_config(options)
    directory, time_series = job_of(options, config)
    scan_options = _scan_options(options, config, time_series)
    warnings = config.warnings + ((log_trouble,) if log_trouble else ())
    # A dry run changes nothing, so it may look on while a scheduled scan is at work.
    lock = (
        contextlib.nullcontext()
        if options.dry_run
        else runlock.hold(directory, time_series, scan_options.mode)
    )
    with lock:
        aftermath = _aftermath(options, config, directory, scan_options)
        if aftermath is not None:
            aftermath.begin()
        try:
            report = _scan(options, config, directory, scan_options, warnings, interruption)
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
            console.print_report(report, options.json, options.quiet, interactive)
        finally:  # also when nothing can be printed: the bins are sent, and whoever watches is to know
            if aftermath is not None:
                aftermath.finished(report, code)
    if interruption.requested.is_set():
        raise Interrupted(code)
    return code


def _aftermath(
    options: Namespace, config: Config, directory: str, scan_options: scan.ScanOptions
) -> Aftermath | None:
    if options.dry_run:
        return None  # it did nothing that anybody needs to know of
    ping_url = options.ping or config.ping_url
    ping = None
    if ping_url:
        from ifcbscan.ping import Ping

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
) -> ScanReport:
    clock = Clock()
    oldest = None if scan_options.max_age is None else clock.wall() - scan_options.max_age
    tree = LocalTree(directory, config.exclude_dirs + tuple(options.exclude), oldest)
    threads = max(options.jobs, MOST_RANGES)
    bar = sys.stderr.isatty() and not (options.quiet or options.verbose)
    progress = Progress(clock, bar)
    rate = parse_rate(options.bandwidth, "--bandwidth") if options.bandwidth else config.max_bandwidth
    throttle = Throttle(rate, clock, interruption.requested) if rate else None

    def pace(size: int) -> None:
        if throttle is not None:
            throttle.wait_for(size)
        progress.moved(size)

    def guard() -> tuple[str, ...]:
        # Imported only now: it is needed before the very first file of a time series, and never again.
        from ifcbscan.series import check_before_first_file

        return check_before_first_file(
            config.dashboard_url, config.account, scan_options.time_series, options.force
        )

    bucket = Bucket(config, clock, threads, interruption.requested, pace)
    if scan_options.time_limit is not None:
        bucket.retry_until = clock.monotonic() + scan_options.time_limit + _LAST_TRIES
    differs = scan.NOTHING_DIFFERS
    if options.content:
        from ifcbscan.commands.content import compare
        from ifcbscan.commands.verify import Printer

        reading = Progress(clock, bar, "reading")
        try:
            comparison = compare(scan_options, tree, bucket, clock, Printer(reading, options.verbose))
        finally:
            reading.end()
        differs = comparison.differs
        warnings += comparison.warnings
    return scan.scan(
        scan_options,
        tree,
        bucket,
        clock,
        ThreadPoolExecutor(threads),
        interruption,
        console.ScanPrinter(options.verbose, progress),
        console.say if options.json else console.result,
        warnings,
        guard,
        differs,
        ALONE if options.dry_run else _claims(directory, scan_options),
    )


def _claims(directory: str, scan_options: scan.ScanOptions) -> SharedClaims:
    time_series = scan_options.time_series
    other = "recent" if scan_options.mode == "full" else "full"
    return SharedClaims(
        runlock.claims_path(time_series), lambda: runlock.in_progress(directory, time_series, other)
    )
