"""`ifcbscan --once` and `ifcbscan sync`: one scan."""

from __future__ import annotations

import sys

from ifcbscan.cli import output, scanning
from ifcbscan.cli.job import Job, find_job_with_log
from ifcbscan.cli.log import check_beside_log
from ifcbscan.cli.options import ScanArguments
from ifcbscan.cli.signals import Interruption
from ifcbscan.core.window import EVERYTHING


def run(arguments: ScanArguments, interruption: Interruption) -> int:
    """Scan once; returns the exit code of the report."""
    check_beside_log(arguments.metrics_file, "--metrics-file", arguments.output.log_file)
    job = find_job_with_log(arguments.job, arguments.output.log_file)
    if arguments.by_hand or arguments.max_age is None or sys.stderr.isatty():
        job, arguments = _as_scheduled(job, arguments)
    return scanning.carry_out(job, arguments, interruption)


def _as_scheduled(job: Job, arguments: ScanArguments) -> tuple[Job, ScanArguments]:
    """With the window of the scheduled job, if the command gives none, and a warning of jobs that send the same bins elsewhere.

    Not for the every-minute run: it would have to read the schedule, and its command says everything.
    """
    from ifcbscan.cli.schedule_view import rival_words, rivals, scheduled_jobs, scheduled_window

    jobs = scheduled_jobs()
    window = arguments.window
    if window == EVERYTHING:
        window = scheduled_window(job, jobs)
        if window != EVERYTHING and not arguments.output.quiet:
            output.say(
                f"Only {window}, as this job is scheduled; give --since, --until or --instrument for other bins."
            )
    warnings = tuple(rival_words(rival) for rival in rivals(job, window, jobs))
    return job._replace(warnings=job.warnings + warnings), arguments._replace(window=window)
