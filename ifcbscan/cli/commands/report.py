"""`ifcbscan report`: the page, or its figures as JSON, on one folder and time series, or on all scheduled ones. Sends nothing."""

from __future__ import annotations

import sys
import webbrowser
from pathlib import Path

from ifcbscan.cli import output
from ifcbscan.cli.job import find_job
from ifcbscan.cli.more_options import ReportArguments
from ifcbscan.cli.printer import say_warnings
from ifcbscan.cli.report_all import report_all
from ifcbscan.cli.report_job import Question, as_scheduled, look_at
from ifcbscan.cli.schedule_view import own_jobs, scheduled_jobs, window_by_hand
from ifcbscan.cli.signals import Interruption
from ifcbscan.cli.targets import absolute, check_not_new_in, check_replaced, is_page, is_same_file
from ifcbscan.core.archive_report import to_json
from ifcbscan.core.archive_verdict import verdict_json
from ifcbscan.core.series import file_name
from ifcbscan.errors import ExitCode
from ifcbscan.html import page


def run(arguments: ReportArguments, interruption: Interruption) -> int:
    """Write the report; 3 if some folder could not be read or is silent, as after a scan."""
    if arguments.all_jobs:
        place, code = report_all(arguments, interruption)
    else:
        place, code = _report_one(arguments, interruption)
    if place is not None:
        if sys.stderr.isatty():  # cron would mail it
            output.say(f"The report is in {place}")
        if arguments.open_browser and not webbrowser.open(Path(place).as_uri()):
            output.say("No browser could be started here; open the file by hand.")
    return code


def _report_one(arguments: ReportArguments, interruption: Interruption) -> tuple[str | None, int]:
    job = find_job(arguments.job)
    jobs = scheduled_jobs()
    own = own_jobs(job, jobs)
    # The page says what the next scan will do.
    window = window_by_hand(job, jobs, arguments.window)
    if window != arguments.window and sys.stderr.isatty():  # cron would mail it
        output.say(
            f"Only {window}, as this job is scheduled; give --since, --until or --instrument for other bins."
        )
    path = None
    if arguments.output is not None or not arguments.as_json:
        page.check_jinja2()  # before minutes of looking at everything
        path = absolute(arguments.output or file_name(f"{job.time_series}-report.html"))
        check_replaced("--output", path, is_page)
        check_not_new_in("--output", path, [job.directory, *(known.directory for known in jobs)])
    question = Question(
        window, arguments.exclude, arguments.published, arguments.images, arguments.expect_every
    )
    # What is known of another folder's disk and of its bins says nothing of this one.
    scheduled = next((known for known in own if is_same_file(known.directory, job.directory)), None)
    answer = look_at(job, as_scheduled(question, job, scheduled), interruption)
    report = answer.report
    say_warnings(report.warnings)
    if arguments.as_json:
        output.result_json({**to_json(report), **verdict_json(report)})
    if path is not None:
        page.write_page(path, page.render(report, answer.images, answer.images_of))
    bad = report.unreadable or report.silence or report.disk_nearly_full
    return path, ExitCode.PARTLY_FAILED if bad else ExitCode.DONE
