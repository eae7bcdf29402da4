"""`ifcbscan report`: the page, or its figures as JSON, on one folder and time series. Sends nothing."""

from __future__ import annotations

import sys
import webbrowser
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ifcbscan.cli import output
from ifcbscan.cli.job import Job, find_job
from ifcbscan.cli.more_options import ReportArguments
from ifcbscan.cli.printer import say_warnings
from ifcbscan.cli.schedule_view import scheduled_jobs, scheduled_window
from ifcbscan.cli.signals import Interruption
from ifcbscan.cli.targets import absolute, check_replaced, is_page
from ifcbscan.clock import Clock
from ifcbscan.core.archive_report import (
    NotCounted,
    ReportSubject,
    build_report,
    to_json,
)
from ifcbscan.core.decision import Policy
from ifcbscan.core.remote_index import MOST_RANGES
from ifcbscan.core.series import file_name
from ifcbscan.core.window import EVERYTHING, Window
from ifcbscan.dashboard.calls import Dashboard
from ifcbscan.disk.tree import LocalTree
from ifcbscan.errors import ExitCode, LocalFileProblem, UsageError
from ifcbscan.html import page
from ifcbscan.html.thumbnails import SampleImage, sample_images
from ifcbscan.runs.publication import shown_bins
from ifcbscan.runs.scan import ScanOptions
from ifcbscan.runs.survey import Survey, survey
from ifcbscan.s3.bucket import Bucket
from ifcbscan.s3.wire import Wire
from ifcbscan.state import dashboard_notes


def run(arguments: ReportArguments, interruption: Interruption) -> int:
    """Write the report; 3 if some folder could not be read, as after a scan."""
    job = find_job(arguments.job)
    config, directory, time_series = job.config, job.directory, job.time_series
    window = _window(job, arguments.window)
    path = None
    if arguments.output is not None or not arguments.as_json:
        page.check_jinja2()  # before minutes of looking at everything
        path = absolute(arguments.output or file_name(f"{time_series}-report.html"))
        check_replaced("--output", path, is_page)
    if arguments.published and config.dashboard_url is None:
        raise UsageError("--published: there is no dashboard to ask. Set DASHBOARD_URL in the .env file.")
    clock = Clock()
    tree = LocalTree(directory, config.exclude_dirs + arguments.exclude, window=window)
    bucket = Bucket(config, clock, Wire(config, MOST_RANGES), interruption.requested)
    scan_options = ScanOptions(
        config.account, time_series, Policy(config.settle, config.confirm), window=window
    )
    with ThreadPoolExecutor(MOST_RANGES) as pool:
        found = survey(scan_options, tree, bucket, clock, pool)
    warnings = [*config.warnings, *found.warnings]
    published = None
    if arguments.published and config.dashboard_url is not None:
        published, of_dashboard = shown_bins(
            Dashboard(config.dashboard_url), time_series, found.bins, found.refusal
        )
        warnings.extend(of_dashboard)
    warnings.extend(dashboard_notes.read(directory, time_series).warnings())
    images = _images(tree, found, warnings) if arguments.images else ()
    report = build_report(
        found.bins,
        ReportSubject(config.account, time_series, directory, window),
        now=found.now,
        not_counted=NotCounted(found.excluded, found.outside),
        warnings=warnings,
        published=published,
    )
    say_warnings(report.warnings)
    if arguments.as_json:
        output.result_json(to_json(report))
    if path is not None:
        images_of = str(found.newest.pid) if found.newest else ""
        page.write_page(path, page.render(report, images, images_of))
        if sys.stderr.isatty():  # cron would mail it
            output.say(f"The report is in {path}")
        if arguments.open_browser and not webbrowser.open(Path(path).as_uri()):
            output.say("No browser could be started here; open the file by hand.")
    return ExitCode.PARTLY_FAILED if found.unreadable else ExitCode.DONE


def _window(job: Job, named: Window) -> Window:
    """The window of the report: as named, else that of the scheduled job, because the page says what the next scan will do."""
    if named != EVERYTHING:
        return named
    window = scheduled_window(job, scheduled_jobs())
    if window != EVERYTHING:
        output.say(
            f"Only {window}, as this job is scheduled; give --since, --until or --instrument for other bins."
        )
    return window


def _images(tree: LocalTree, found: Survey, warnings: list[str]) -> tuple[SampleImage, ...]:
    if found.newest is None:
        return ()
    try:
        return sample_images(tree, found.newest)
    except LocalFileProblem as error:
        warnings.append(str(error))
        return ()
