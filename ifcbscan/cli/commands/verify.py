"""`ifcbscan verify`: prove that what is on this disk is in the archive, bit for bit."""

from __future__ import annotations

import sys
from argparse import Namespace
from concurrent.futures import ThreadPoolExecutor

from ifcbscan.cli import output
from ifcbscan.cli.options import duration, job_with_log
from ifcbscan.cli.progress import Progress
from ifcbscan.cli.signals import Interruption
from ifcbscan.cli.targets import absolute, check_target, is_path_list
from ifcbscan.clock import Clock
from ifcbscan.config import Config
from ifcbscan.core import verify_words
from ifcbscan.core.decision import Policy
from ifcbscan.core.remote_index import MOST_RANGES
from ifcbscan.core.verify_report import BinResult, VerifyReport
from ifcbscan.dashboard.calls import Dashboard
from ifcbscan.disk.tree import LocalTree
from ifcbscan.errors import UsageError
from ifcbscan.runs.verify import VerifyBackends, VerifyListener, VerifyOptions, verify
from ifcbscan.s3.bucket import Bucket
from ifcbscan.s3.client import S3Client


class Printer(VerifyListener):
    """Moves the progress on, and with --verbose tells each bin."""

    def __init__(self, progress: Progress, verbose: bool) -> None:
        self._progress = progress
        self._verbose = verbose

    def begin(self, bins: int, size: int) -> None:
        self._progress.begin(bins, size)

    def bin_done(self, result: BinResult) -> None:
        self._progress.bin_done(result.pid)
        self._progress.moved(result.size)
        if self._verbose:
            output.say(
                "{} {}{}".format(result.pid, result.state, ": " + result.reason if result.reason else "")
            )


def run(options: Namespace, interruption: Interruption) -> int:
    """Verify; 0 only if everything that was asked for is shown to be so."""
    job = job_with_log(options)
    config, directory, time_series = job.config, job.directory, job.time_series
    if options.jobs < 1:
        raise UsageError("--jobs must be at least 1.")
    if options.null and not options.deletable:
        raise UsageError("-0 goes with --deletable FILE.")
    if options.deletable_after is not None and not options.deletable:
        raise UsageError("--deletable-after goes with --deletable FILE.")
    clock = Clock()
    max_age = duration(options.max_age, "--max-age")
    oldest = None if max_age is None else clock.wall() - max_age
    tree = LocalTree(directory, config.exclude_dirs + tuple(options.exclude), oldest)
    threads = max(options.jobs, MOST_RANGES)
    progress = Progress(clock, sys.stderr.isatty() and not (options.quiet or options.verbose), "reading")
    settle = duration(options.settle, "--settle")
    deletable_after = duration(options.deletable_after, "--deletable-after")
    deletable = absolute(options.deletable) if options.deletable else None
    if deletable is not None:
        check_target("--deletable", deletable, is_path_list, directory)
    try:
        report = verify(
            VerifyOptions(
                account=config.account,
                time_series=time_series,
                policy=Policy(settle=config.settle if settle is None else settle, confirm=config.confirm),
                max_age=max_age,
                jobs=options.jobs,
                deletable=deletable,
                null_separated=options.null,
                deletable_after=config.deletable_after if deletable_after is None else deletable_after,
                download=options.download,
            ),
            VerifyBackends(
                tree,
                Bucket(config, clock, S3Client(config, threads), interruption.requested),
                clock,
                ThreadPoolExecutor(threads),
                _dashboard(options, config),
            ),
            Printer(progress, options.verbose),
            job.warnings,
        )
    finally:
        progress.end()
    _print(report, options)
    return report.exit_code


def _dashboard(options: Namespace, config: Config) -> Dashboard | None:
    if not options.published:
        return None
    if config.dashboard_url is None:
        raise UsageError("--published: there is no dashboard to ask. Set DASHBOARD_URL in the .env file.")
    return Dashboard(config.dashboard_url)


def _print(report: VerifyReport, options: Namespace) -> None:
    line = verify_words.summary(report)
    output.log.info("%s", line)
    output.log_problems(report.problems, report.warnings)
    if not options.quiet:
        output.say(line)
        output.say_problems(report.problems, report.warnings)
        for conclusion in verify_words.conclusion(report):
            output.say(conclusion)
    if options.json:
        output.result_json(report.to_json())
