"""`ifcbscan --once` and `ifcbscan sync`: one scan."""

from __future__ import annotations

import sys

from ifcbscan.cli import output, scanning
from ifcbscan.cli.job import Job, find_job_with_log
from ifcbscan.cli.log import check_beside_log
from ifcbscan.cli.options import ScanArguments
from ifcbscan.cli.signals import Interruption
from ifcbscan.core.window import EVERYTHING
from ifcbscan.errors import UsageError


def run(arguments: ScanArguments, interruption: Interruption) -> int:
    """Scan once; returns the exit code of the report."""
    check_beside_log(arguments.metrics_file, "--metrics-file", arguments.output.log_file)
    job = find_job_with_log(arguments.job, arguments.output.log_file)
    if arguments.by_hand or arguments.max_age is None or sys.stderr.isatty():
        job, arguments = _as_scheduled(job, arguments)
    return scanning.carry_out(job, arguments, interruption)


def _as_scheduled(job: Job, arguments: ScanArguments) -> tuple[Job, ScanArguments]:
    """With the window of the scheduled job, if the command gives none, and a warning of jobs that send the same bins elsewhere.

    By hand, bins that belong to another job are not sent to this time series without --force, unless this one is
    scheduled for them as well. Not for the every-minute run: it would have to read the schedule, and its command says
    everything.
    """
    from ifcbscan.cli.schedule_view import own_jobs, rival_words, rivals, scheduled_jobs, scheduled_window

    jobs = scheduled_jobs()
    own = own_jobs(job, jobs)
    window = arguments.window
    if window == EVERYTHING:
        window = scheduled_window(job, jobs)
        if not window.understood:
            raise UsageError(
                f"This job is scheduled with {window}: somebody has edited the entry. Nothing was sent. Say which bins are meant: "
                "--since, --until, --instrument."
            )
        if window != EVERYTHING and not arguments.output.quiet:
            output.say(
                f"Only {window}, as this job is scheduled; give --since, --until or --instrument for other bins."
            )
    found = rivals(job, window, jobs)
    for rival in found if arguments.by_hand and not arguments.force else ():
        if not any(mine.window.overlaps(rival.window) for mine in own):
            raise UsageError(f"{rival_words(rival)} Nothing was sent; --force sends all the same.")
    warnings = tuple(rival_words(rival) for rival in found)
    beside = bool(own) and window != own[0].window
    return job._replace(warnings=job.warnings + warnings), arguments._replace(window=window, beside=beside)
