"""One job as the page shows it: folder, archive and (if asked) dashboard are looked at, nothing is written or printed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import NamedTuple

from ifcbscan.cli.job import Job
from ifcbscan.cli.signals import Interruption
from ifcbscan.clock import Clock
from ifcbscan.core.archive_report import ArchiveReport, NotCounted, ReportSubject, build_report
from ifcbscan.core.decision import Policy
from ifcbscan.core.printable import printable
from ifcbscan.core.remote_index import MOST_RANGES
from ifcbscan.core.units import parse_interval
from ifcbscan.core.window import EVERYTHING, Window
from ifcbscan.dashboard.calls import Dashboard
from ifcbscan.disk.mounts import unmounted
from ifcbscan.disk.tree import LocalTree
from ifcbscan.errors import LocalFileProblem, UsageError
from ifcbscan.html.thumbnails import SampleImage, sample_images
from ifcbscan.runs.publication import shown_bins
from ifcbscan.runs.scan_options import ScanOptions
from ifcbscan.runs.survey import Survey, survey
from ifcbscan.s3.bucket import Bucket
from ifcbscan.s3.wire import Wire
from ifcbscan.schedule.jobs import ScheduledJob
from ifcbscan.state import dashboard_notes


class Question(NamedTuple):
    """What is asked of a job. `expect_every` in seconds, None if no new bin is expected by some time; `mounted_at`: the mount
    point that the folder lay on when the schedule was made, None if that is not known."""

    window: Window = EVERYTHING
    exclude: tuple[str, ...] = ()
    published: bool = False
    images: bool = False
    expect_every: float | None = None
    mounted_at: str | None = None


class Answer(NamedTuple):
    """The report, and samples of the images of the bin `images_of` ("" if there is none)."""

    report: ArchiveReport
    images: tuple[SampleImage, ...]
    images_of: str


def as_scheduled(question: Question, job: Job, scheduled: ScheduledJob | None) -> Question:
    """`question` with what it leaves open taken from the schedule, then from the settings. Raises ConfigError."""
    expect_every = question.expect_every
    mounted_at = question.mounted_at
    if scheduled is not None:
        mounted_at = scheduled.extras.mounted_at if mounted_at is None else mounted_at
        words = scheduled.extras.expect_every
        if expect_every is None and words is not None:
            expect_every = parse_interval(words, "--expect-every")
    if expect_every is None:
        expect_every = job.config.expect_every
    return question._replace(expect_every=expect_every, mounted_at=mounted_at)


def look_at(job: Job, question: Question, interruption: Interruption) -> Answer:
    """Look at everything once. Raises UsageError, BucketRefused, BucketUnreachable, Interrupted."""
    config, directory, time_series = job.config, job.directory, job.time_series
    if question.published and config.dashboard_url is None:
        raise UsageError("--published: there is no dashboard to ask. Set DASHBOARD_URL in the .env file.")
    clock = Clock()
    tree = LocalTree(directory, config.exclude_dirs + question.exclude, window=question.window)
    bucket = Bucket(config, clock, Wire(config, MOST_RANGES), interruption.requested)
    options = ScanOptions(
        config.account,
        time_series,
        Policy(config.settle, config.confirm),
        window=question.window,
        expect_every=question.expect_every,
    )
    with ThreadPoolExecutor(MOST_RANGES) as pool:
        found = survey(options, tree, bucket, clock, pool)
    gone = unmounted(directory, question.mounted_at)
    warnings = [*([gone] if gone else []), *job.warnings, *found.warnings]
    published = None
    if question.published and config.dashboard_url is not None:
        published, of_dashboard = shown_bins(
            Dashboard(config.dashboard_url), time_series, found.bins, found.refusal
        )
        warnings.extend(of_dashboard)
    of_series = dashboard_notes.read(directory, time_series).warnings()
    warnings.extend(of_series)
    images = _images(tree, found, warnings) if question.images else ()
    report = build_report(
        found.bins,
        ReportSubject(config.account, time_series, directory, question.window),
        now=found.now,
        not_counted=NotCounted(found.excluded, found.outside, found.unreadable),
        warnings=warnings,
        published=published,
    )
    images_of = str(found.newest.pid) if found.newest else ""
    report = replace(
        report,
        silence=printable(gone or found.silence),
        instrument_lines=tuple(map(printable, found.vital.lines())),
        unaware=printable("; ".join(of_series)),
        disk_nearly_full=found.vital.disk_nearly_full,
    )
    return Answer(report, images, images_of)


def _images(tree: LocalTree, found: Survey, warnings: list[str]) -> tuple[SampleImage, ...]:
    if found.newest is None:
        return ()
    try:
        return sample_images(tree, found.newest)
    except LocalFileProblem as error:
        warnings.append(str(error))
        return ()
