"""`ifcbscan --once` and `ifcbscan sync`: one scan."""

from __future__ import annotations

import sys
from argparse import Namespace
from concurrent.futures import ThreadPoolExecutor

from ifcbscan import console, runlock, scan
from ifcbscan.bucket import Bucket
from ifcbscan.clocks import Clock
from ifcbscan.commands.common import duration, job_of, load_config
from ifcbscan.errors import UsageError
from ifcbscan.interruption import Interruption
from ifcbscan.localtree import LocalTree
from ifcbscan.plan import Policy


def run(options: Namespace, interruption: Interruption) -> int:
    """Scan once; returns the exit code of the report."""
    log_trouble = console.open_log(options.log_file)
    config = load_config(options)
    directory, time_series = job_of(options, config)
    if options.jobs < 1:
        raise UsageError("--jobs must be at least 1.")
    settle = duration(options.settle, "--settle")
    confirm = duration(options.confirm, "--confirm")
    scan_options = scan.ScanOptions(
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
    clock = Clock()
    tree = LocalTree(
        directory,
        config.exclude_dirs + tuple(options.exclude),
        None if scan_options.max_age is None else clock.wall() - scan_options.max_age,
    )
    bucket = Bucket(config, clock, options.jobs, interruption.requested)
    warnings = config.warnings + ((log_trouble,) if log_trouble else ())
    with runlock.hold(directory, time_series, scan_options.mode):
        report = scan.scan(
            scan_options,
            tree,
            bucket,
            clock,
            ThreadPoolExecutor(options.jobs),
            interruption,
            console.ScanPrinter(options.verbose),
            console.result if not options.json else console.say,
            warnings,
        )
    interactive = sys.stderr.isatty() or options.verbose or options.command == "sync"
    console.print_report(report, options.json, options.quiet, interactive)
    return interruption.exit_code if interruption.requested.is_set() else report.exit_code
