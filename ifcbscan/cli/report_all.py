"""`ifcbscan report --all`: a page for every job in the schedule, and an index over them.

Safe to be started by cron, and to be served meanwhile: each file is replaced in one step, the index after the pages that it
leads to. A job that cannot be looked at costs its own page and no other.

A page of a job that is not scheduled any more would stay as green as it was for ever. So it is taken away, if the index of the
last time leads to it and ifcbscan has made it; nothing else in the folder is touched.
"""

from __future__ import annotations

import contextlib
import os
import re
from typing import Any, NamedTuple, Sequence

from ifcbscan.atomic import read_head, read_small
from ifcbscan.cli import output
from ifcbscan.cli.endings import ending_of
from ifcbscan.cli.job import find_job
from ifcbscan.cli.known_jobs import JobStatus, known_jobs
from ifcbscan.cli.more_options import ReportArguments
from ifcbscan.cli.options import JobArguments
from ifcbscan.cli.printer import say_warnings
from ifcbscan.cli.report_job import Answer, Question, as_scheduled, look_at
from ifcbscan.cli.side_by_side import side_by_side
from ifcbscan.cli.signals import Interruption
from ifcbscan.cli.targets import absolute, check_replaced, is_inside, is_page, is_same_file
from ifcbscan.clock import Clock
from ifcbscan.core.archive_report import ArchiveReport, to_json
from ifcbscan.core.archive_verdict import Stage
from ifcbscan.core.health import Light
from ifcbscan.core.printable import printable
from ifcbscan.core.series import file_name
from ifcbscan.errors import ExitCode, Interrupted, UsageError
from ifcbscan.html import page
from ifcbscan.html.index import IndexedJob, render_index, render_problem
from ifcbscan.schedule.choose import for_this_system
from ifcbscan.schedule.jobs import ScheduledJob

_INDEX = "index.html"

#: A link of the index to the page of a job. In the name is what `ScheduledJob.id` is made of, and nothing that leads
#: out of the folder.
_LINK = re.compile(rb'<a href="((?:=|%3D)?[A-Za-z0-9_.-]+-[0-9a-f]{12}\.html)">')

#: No index comes near this size: a job takes 8 kB of it. Bytes.
_MOST_BYTES = 1 << 24


class _Looked(NamedTuple):
    """A job as it stands in the index, and the whole text of its page; "" where there is none yet."""

    job: IndexedJob
    page: str = ""


def report_all(arguments: ReportArguments, interruption: Interruption) -> tuple[str | None, int]:
    """Write the pages, then the index; returns the path of the index (None where only JSON is wanted) and the exit code.

    Raises UsageError, ScheduleError, Interrupted.
    """
    scheduled = [found for found in known_jobs(for_this_system()) if not found.known.foreign]
    jobs = [found.job for found in scheduled]
    folder = None if arguments.output is None else absolute(arguments.output)
    if folder is not None:
        page.check_jinja2()  # before minutes of looking at everything
        _check_folder(folder, jobs)
    now = Clock().wall()
    answers = side_by_side(lambda status: _look_at(status, arguments, interruption), scheduled)
    looked: list[IndexedJob] = []
    for status, answer in zip(scheduled, answers):
        indexed, text = answer or _without_answer(status)
        looked.append(indexed)
        if folder is not None:
            _write(os.path.join(folder, indexed.page), indexed, text, now)
    for indexed in looked:
        _say(indexed)
    if not jobs:
        output.say("Nothing is scheduled for this user. 'ifcbscan start DIR TIME_SERIES' does it.")
    if arguments.as_json:
        output.result_json({"jobs": [_json(job) for job in looked]})
    if folder is None:
        return None, _exit_code(looked)
    index = os.path.join(folder, _INDEX)
    before = _linked(index)
    page.write_page(index, render_index(looked, now))
    _remove(folder, before - {job.page for job in looked})
    return index, _exit_code(looked)


def _write(path: str, job: IndexedJob, text: str, now: float) -> None:
    # What a short outage has left is better than a page that says nothing else.
    if text or job.verdict.stage is Stage.NEEDS_YOU or not os.path.lexists(path):
        page.write_page(path, text or render_problem(job, now))


def _indexed(
    status: JobStatus, report: ArchiveReport | None, problem: str = "", outage: bool = False
) -> IndexedJob:
    """A job with what is known of it: by the page, and by its records and its schedule, of which `status` says the same."""
    light, words = status.health
    cure = "; the same 'ifcbscan start' again puts it back" if light is Light.INCOMPLETE else ""
    calm = outage and not light.needs_attention
    return IndexedJob(
        printable(status.job.time_series),
        printable(status.job.directory),
        _page_name(status.job),
        report,
        problem,
        f"{light.value}: {printable(words)}{cure}" if words else "",
        Stage.NEEDS_YOU if light.needs_attention else Stage.ON_ITS_WAY,
        Stage.ON_ITS_WAY if calm else Stage.NEEDS_YOU,
    )


def _page_name(job: ScheduledJob) -> str:
    return file_name(f"{job.id}.html")


def _check_folder(folder: str, jobs: Sequence[ScheduledJob]) -> None:
    """Make `folder` be there. Raises UsageError if it cannot be, or nothing may be written to it."""
    for job in jobs:
        if is_same_file(folder, job.directory) or is_inside(folder, job.directory):
            raise UsageError(
                f"--output: {folder} lies in the data folder {job.directory}, where nothing is ever written. Nothing was done; "
                "choose another place."
            )
    if not os.path.isdir(folder):
        try:
            os.mkdir(folder)
        except OSError as error:
            raise UsageError(
                f"--output: the folder {folder} cannot be made: {error.strerror}. Nothing was done; choose another place."
            ) from None
    for name in (_INDEX, *map(_page_name, jobs)):
        check_replaced("--output", os.path.join(folder, name), is_page)


def _look_at(status: JobStatus, arguments: ReportArguments, interruption: Interruption) -> _Looked:
    """Raises nothing but Interrupted: whatever happens to one job must not cost the pages of the others."""
    wants_page = arguments.output is not None
    try:
        answer = _answer(status.job, arguments, interruption)
        indexed = _indexed(status, answer.report)
        return _Looked(indexed, page.render(*answer, indexed.verdict) if wants_page else "")
    except Interrupted:
        raise
    except Exception as error:
        ending = ending_of(error, sends=False)
        outage = ending.exit_code == ExitCode.UNREACHABLE
        return _Looked(_indexed(status, None, printable(ending.line), outage))


def _without_answer(status: JobStatus) -> _Looked:
    what = "it was ended from outside (is there too little memory?)"
    line = f"The folder and the archive could not be compared: {what}. Try again later."
    return _Looked(_indexed(status, None, line))


def _answer(scheduled: ScheduledJob, arguments: ReportArguments, interruption: Interruption) -> Answer:
    if not scheduled.window.understood:
        raise UsageError(
            f"The window in the schedule of {scheduled.time_series} cannot be understood: somebody has edited it. 'ifcbscan "
            "start --restart' puts it right."
        )
    job = find_job(JobArguments(scheduled.directory, scheduled.time_series, scheduled.env_file))
    question = Question(
        scheduled.window, arguments.exclude, arguments.published, arguments.images, arguments.expect_every
    )
    return look_at(job, as_scheduled(question, job, scheduled), interruption)


def _say(job: IndexedJob) -> None:
    if job.report is None:
        output.say(f"{job.time_series}: {job.problem}")
        return
    say_warnings([f"{job.time_series}: {text}" for text in job.report.warnings])


def _json(job: IndexedJob) -> dict[str, Any]:
    verdict = job.verdict
    return {
        "time_series": job.time_series,
        "directory": job.directory,
        **({} if job.report is None else to_json(job.report)),
        "state": verdict.stage.value,
        "reason": verdict.text,
        "page": job.page,
        "error": job.problem or None,
    }


def _exit_code(jobs: Sequence[IndexedJob]) -> int:
    good = all(job.verdict.stage is not Stage.NEEDS_YOU for job in jobs)
    return ExitCode.DONE if jobs and good else ExitCode.PARTLY_FAILED


def _linked(index: str) -> set[str]:
    """The pages that an index leads to; none where it is not there."""
    with contextlib.suppress(OSError):
        return {
            link.decode("ascii").replace("%3D", "=") for link in _LINK.findall(read_small(index, _MOST_BYTES))
        }
    return set()


def _remove(folder: str, names: set[str]) -> None:
    for name in names:
        path = os.path.join(folder, name)
        with contextlib.suppress(OSError):  # it is not there, or it stays and nothing leads to it
            if not os.path.islink(path) and is_page(read_head(path, 65536)):
                os.unlink(path)
