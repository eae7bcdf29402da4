"""`ifcbscan verify`: prove that what is on this disk is in the archive, bit for bit."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Sequence

from ifcbscan.cli import output
from ifcbscan.cli.job import Job, find_job_with_log
from ifcbscan.cli.log import check_beside_log, log_problems, logger
from ifcbscan.cli.more_options import VerifyArguments
from ifcbscan.cli.options import OutputArguments
from ifcbscan.cli.printer import say_problems
from ifcbscan.cli.progress import Progress
from ifcbscan.cli.schedule_view import own_jobs, scheduled_jobs, scheduled_window
from ifcbscan.cli.signals import Interruption
from ifcbscan.cli.targets import absolute, check_replaced, is_path_list
from ifcbscan.cli.verify_printer import VerifyPrinter
from ifcbscan.clock import Clock
from ifcbscan.config import Config
from ifcbscan.core import verify_words
from ifcbscan.core.decision import Policy
from ifcbscan.core.remote_index import MOST_RANGES
from ifcbscan.core.verify_report import VerifyReport
from ifcbscan.core.window import EVERYTHING
from ifcbscan.dashboard.calls import Dashboard
from ifcbscan.disk.mounts import unmounted
from ifcbscan.disk.tree import LocalTree
from ifcbscan.errors import UsageError
from ifcbscan.runs.verify import VerifyBackends, VerifyOptions, verify
from ifcbscan.s3.bucket import Bucket
from ifcbscan.s3.wire import Wire
from ifcbscan.schedule.jobs import ScheduledJob


def run(arguments: VerifyArguments, interruption: Interruption) -> int:
    """Verify; 0 only if everything that was asked for is shown to be so."""
    check_beside_log(arguments.deletable, "--deletable", arguments.output.log_file)
    job = find_job_with_log(arguments.job, arguments.output.log_file)
    deletable = absolute(arguments.deletable) if arguments.deletable else None
    if deletable is not None:
        check_replaced("--deletable", deletable, is_path_list)
    jobs = scheduled_jobs()
    _remark_on_window(job, arguments, jobs)
    silence = _unmounted(job, jobs)
    report = _verify(job, arguments, _verify_options(job, arguments, deletable), silence, interruption)
    _print(report, arguments.output)
    return report.exit_code


def _unmounted(job: Job, jobs: Sequence[ScheduledJob]) -> str:
    """Why the folder is not on the disk on which it, or a part of it, was when it was scheduled; "" if nothing is known."""
    found = (unmounted(job.directory, known.extras.mounted_at) for known in own_jobs(job, jobs))
    return next(filter(None, found), "")


def _remark_on_window(job: Job, arguments: VerifyArguments, jobs: Sequence[ScheduledJob]) -> None:
    window = scheduled_window(job, jobs) if arguments.window == EVERYTHING else EVERYTHING
    if window != EVERYTHING and not arguments.output.quiet:
        output.say(
            f"Note: this job is scheduled for {window}. Every bin on this disk is looked at here, so those that the job does "
            "not send are told as missing."
        )


def _verify_options(job: Job, arguments: VerifyArguments, deletable: str | None) -> VerifyOptions:
    config = job.config
    settle, deletable_after = arguments.settle, arguments.deletable_after
    return VerifyOptions(
        account=config.account,
        time_series=job.time_series,
        policy=Policy(settle=config.settle if settle is None else settle, confirm=config.confirm),
        max_age=arguments.max_age,
        jobs=arguments.jobs,
        deletable=deletable,
        null_separated=arguments.null_separated,
        deletable_after=config.deletable_after if deletable_after is None else deletable_after,
        download=arguments.download,
        part=arguments.part,
    )


def _verify(
    job: Job, arguments: VerifyArguments, options: VerifyOptions, silence: str, interruption: Interruption
) -> VerifyReport:
    clock = Clock()
    oldest = None if options.max_age is None else clock.wall() - options.max_age
    threads = max(options.jobs, MOST_RANGES)
    quiet, verbose = arguments.output.quiet, arguments.output.verbose
    bar = sys.stderr.isatty() and not (quiet or verbose)
    progress = Progress(clock, bar, "reading", stopped=interruption.requested.is_set)
    try:
        return verify(
            options,
            VerifyBackends(
                LocalTree(
                    job.directory,
                    job.config.exclude_dirs + arguments.exclude,
                    oldest,
                    window=arguments.window,
                    part=arguments.part,
                ),
                Bucket(job.config, clock, Wire(job.config, threads), interruption.requested),
                clock,
                ThreadPoolExecutor(threads),
                _dashboard(job.config) if arguments.published else None,
            ),
            VerifyPrinter(progress, verbose),
            job.warnings,
            silence,
        )
    finally:
        progress.end()


def _dashboard(config: Config) -> Dashboard:
    if config.dashboard_url is None:
        raise UsageError("--published: there is no dashboard to ask. Set DASHBOARD_URL in the .env file.")
    return Dashboard(config.dashboard_url)


def _print(report: VerifyReport, how: OutputArguments) -> None:
    line = verify_words.summary(report)
    logger.info("%s", line)
    log_problems(report.problems, report.warnings)
    if not how.quiet:
        output.say(line)
        say_problems(report.problems, report.warnings)
        for conclusion in verify_words.conclusion(report):
            output.say(conclusion)
    if how.as_json:
        output.result_json(report.to_json())
