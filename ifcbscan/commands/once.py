"""`ifcbscan --once` and `ifcbscan sync`: one scan."""

from __future__ import annotations

import sys
from argparse import Namespace
from concurrent.futures import ThreadPoolExecutor

from ifcbscan import console, lastrun, runlock, scan
from ifcbscan.bucket import Bucket
from ifcbscan.clocks import Clock
from ifcbscan.commands.common import duration, job_of, load_config
from ifcbscan.config import Config
from ifcbscan.errors import IfcbscanError, UsageError
from ifcbscan.interruption import Interruption
from ifcbscan.listing import MOST_RANGES
from ifcbscan.localtree import LocalTree
from ifcbscan.outcome import ScanReport, summary
from ifcbscan.plan import Policy


def run(options: Namespace, interruption: Interruption) -> int:
    """Scan once; returns the exit code of the report."""
    log_trouble = console.open_log(options.log_file)
    config = load_config(options)
    directory, time_series = job_of(options, config)
    scan_options = _scan_options(options, config, time_series)
    warnings = config.warnings + ((log_trouble,) if log_trouble else ())
    with runlock.hold(directory, time_series, scan_options.mode):
        try:
            report = _scan(options, config, directory, scan_options, warnings, interruption)
        except IfcbscanError as error:
            if not options.dry_run:
                lastrun.write(
                    directory,
                    time_series,
                    scan_options.mode,
                    error.exit_code,
                    str(error),
                    {},
                    options.log_file,
                )
            raise
        code = interruption.exit_code if interruption.requested.is_set() else report.exit_code
        if not options.dry_run:
            lastrun.write(
                directory,
                time_series,
                scan_options.mode,
                code,
                summary(report),
                report.bins,
                options.log_file,
            )
    interactive = sys.stderr.isatty() or options.verbose or options.command == "sync"
    console.print_report(report, options.json, options.quiet, interactive)
    return code


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

    def guard() -> tuple[str, ...]:
        # Imported only now: it is needed before the very first file of a time series, and never again.
        from ifcbscan.series import check_before_first_file

        return check_before_first_file(
            config.dashboard_url, config.account, scan_options.time_series, options.force
        )

    return scan.scan(
        scan_options,
        tree,
        Bucket(config, clock, threads, interruption.requested),
        clock,
        ThreadPoolExecutor(threads),
        interruption,
        console.ScanPrinter(options.verbose),
        console.say if options.json else console.result,
        warnings,
        guard,
    )
