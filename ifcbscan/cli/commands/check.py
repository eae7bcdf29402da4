"""`ifcbscan check`: is everything in order? One line for each thing that must be."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
from dataclasses import dataclass, replace
from typing import Callable, Iterator, Sequence

from ifcbscan.cli import output
from ifcbscan.cli.bins_check import BinsSubject, check_bins
from ifcbscan.cli.bundle import Bundle
from ifcbscan.cli.checked import Item, not_good
from ifcbscan.cli.cron_check import check_cron
from ifcbscan.cli.job import Job, load_config
from ifcbscan.cli.limits_check import check_limits
from ifcbscan.cli.more_options import CheckArguments
from ifcbscan.cli.schedule_check import check_entries, not_on_its_disk
from ifcbscan.cli.schedule_view import installed_jobs, rival_words, rivals_among
from ifcbscan.cli.signals import Interruption
from ifcbscan.cli.start_plan import scheduled_job
from ifcbscan.cli.targets import absolute, is_same_file
from ifcbscan.clock import Clock
from ifcbscan.config import Config
from ifcbscan.core.printable import named, without_password
from ifcbscan.core.series import TRIAL, Series, check_time_series, remark_on_name
from ifcbscan.core.units import parse_interval
from ifcbscan.core.window import EVERYTHING
from ifcbscan.core.words import clock_words, human_bytes
from ifcbscan.dashboard import series
from ifcbscan.dashboard.calls import Dashboard, DashboardError, SeriesList
from ifcbscan.errors import ExitCode, IfcbscanError, PutRefused, UsageError
from ifcbscan.s3.bucket import Bucket
from ifcbscan.s3.condition_probe import ConditionProbe, Honoured, Honours
from ifcbscan.s3.wire import Wire
from ifcbscan.schedule.choose import for_this_system
from ifcbscan.schedule.extras import NO_EXTRAS
from ifcbscan.schedule.jobs import InstalledJob, ScheduledJob
from ifcbscan.state import paths

_CLOCK_TOLERANCE = 60.0  # seconds; S3 refuses requests from 15 minutes on
_LOG_SPACE = 50 * 1000 * 1000  # bytes

#: Not .hdr, .adc or .roi, so the Lambda of HABON's archive deletes it by itself.
_TRIAL_NAME = "ifcbscan-check.txt"
_TRIAL_CONTENT = b"written by 'ifcbscan check --write'; HABON's archive removes it by itself\n"


@dataclass
class _Account:
    """What the archive shows of the account: it holds something of it, or a file could be written there."""

    known: bool = False


def run(arguments: CheckArguments, interruption: Interruption) -> int:
    """Print one line per item; 0 only if all that was checked is in order.

    Else 5 if the bucket cannot be reached, whatever else there is, because then little could be checked at all; else the
    exit code of the first that is not in order.
    """
    code = ExitCode.DONE
    bundle = None if arguments.bundle is None else Bundle(arguments.bundle, arguments.job)
    said = []
    for item in _items(arguments, interruption):
        said.append(output.result_checked(item.good, f"{item.name:<12} {item.text}"))
        if item.good is False and (item.decides or code == ExitCode.DONE):
            code = item.exit_code
    if bundle is not None:
        output.say(bundle.write(said))
    return code


def _items(arguments: CheckArguments, interruption: Interruption) -> Iterator[Item]:
    yield _scheduler()
    jobs = installed_jobs()
    yield from _unreadable_schedule() if jobs is None else check_entries(jobs)
    yield from _rivals([installed.job for installed in jobs or ()])
    yield _log_space()
    try:
        config = load_config(arguments.job.env_file)
    except IfcbscanError as error:
        yield not_good("settings", error)
        yield from _without_settings(arguments, jobs or ())
        return
    yield from _settings(config)
    directory = arguments.job.directory or config.data_dir
    time_series = arguments.job.time_series or config.time_series
    folder = _folder(directory, time_series, jobs or ())
    yield folder
    clock = Clock()
    scheduled = (
        _scheduled(absolute(directory), time_series, jobs or ()) if directory and folder.good else None
    )
    yield from check_limits(config, scheduled, clock)
    client = Wire(config, 1)
    bucket = Bucket(config, clock, client, interruption.requested)
    account = _Account()
    reached = _asked("credentials", lambda: _list(bucket, config, account))
    yield replace(reached, decides=reached.exit_code == ExitCode.UNREACHABLE)
    if bucket.server_clock.known:
        yield _clock(bucket, clock)
    else:
        yield Item(None, "clock", "not checked: the archive has not answered")
    if arguments.write and reached.good:
        key = Series(config.account, TRIAL).prefix + _TRIAL_NAME
        probe = ConditionProbe(client, key, _TRIAL_CONTENT, interruption.requested)
        writing = _asked("writing", lambda: f"{_write(bucket, key, account)}. {_conditions(probe.run())}")
        yield writing
        if arguments.write_size is not None and writing.good:
            yield _large_file(bucket, key, arguments.write_size)
    elif arguments.write:
        yield Item(None, "writing", "not checked: the archive could not be asked")
    if directory and folder.good:
        asked = bucket if reached.good else None
        subject = _subject(config, absolute(directory), time_series, scheduled)
        yield from check_bins(config, subject, asked, clock, interruption)
    yield from _on_dashboard(config, time_series, account)
    if arguments.cron:
        yield _under_cron(config, directory, time_series, jobs or (), interruption)


def _under_cron(
    config: Config,
    directory: str | None,
    time_series: str | None,
    jobs: Sequence[InstalledJob],
    interruption: Interruption,
) -> Item:
    if not directory or not time_series:
        return Item(None, "cron", "not checked: that takes DIR and TIME_SERIES")
    try:
        job = scheduled_job(
            Job(config, absolute(directory), check_time_series(time_series), ()), EVERYTHING, NO_EXTRAS
        )
    except IfcbscanError as error:
        return not_good("cron", error)
    same = [installed.job for installed in jobs if installed.job.id == job.id]
    return check_cron(same[0] if same else job, for_this_system(), Clock(), interruption.requested)


def _without_settings(arguments: CheckArguments, jobs: Sequence[InstalledJob]) -> Iterator[Item]:
    """What can be checked all the same."""
    directory, time_series = arguments.job.directory, arguments.job.time_series
    if directory:
        yield _folder(directory, time_series, jobs)
    for name in ("credentials", "clock", "dashboard", *(["cron"] if arguments.cron else [])):
        yield Item(None, name, "not checked: that takes the settings")
    if time_series:
        try:
            check_time_series(time_series)
        except IfcbscanError as error:
            yield not_good("time series", error)
        else:
            yield Item(None, "time series", f"{time_series} may be a name; whether it exists was not checked")


def _scheduled(directory: str, time_series: str | None, jobs: Sequence[InstalledJob]) -> ScheduledJob | None:
    for installed in jobs:
        job = installed.job
        if job.time_series == time_series and is_same_file(job.directory, directory):
            return job
    return None


def _subject(
    config: Config, directory: str, time_series: str | None, job: ScheduledJob | None
) -> BinsSubject:
    """With what the scheduled job of this folder says, if there is one and it can be understood."""
    subject = BinsSubject(directory, time_series, EVERYTHING, config.expect_every)
    if job is None:
        return subject
    words = job.extras.expect_every
    with contextlib.suppress(IfcbscanError):  # an entry that somebody has edited: its scans say what is wrong
        if words is not None:
            subject = subject._replace(expect_every=parse_interval(words, "--expect-every"))
    return subject._replace(window=job.window) if job.window.understood else subject


def _unreadable_schedule() -> Iterator[Item]:
    """The reason, where it is not that of the line before: a block that somebody has damaged, say."""
    scheduler = for_this_system()
    try:
        if scheduler.available() is None:
            scheduler.jobs()
    except IfcbscanError as error:
        yield not_good("schedule", error)


def _scheduler() -> Item:
    scheduler = for_this_system()
    reason = scheduler.available()
    if reason:
        return Item(False, "scheduler", reason)
    notes = " ".join(scheduler.notes())
    # On Linux the only note is that cron does not run; elsewhere they say under which conditions jobs run.
    return Item(
        not (notes and sys.platform.startswith("linux")), "scheduler", notes or f"{scheduler.name} runs"
    )


def _rivals(jobs: Sequence[ScheduledJob]) -> Iterator[Item]:
    """Scheduled jobs that send the same bins to two time series."""
    for one, other in rivals_among(jobs):
        yield Item(False, "time series", f"{one.time_series}: {rival_words(other)}")


def _log_space() -> Item:
    try:
        folder = paths.state_folder()
        free = shutil.disk_usage(folder).free
    except (OSError, IfcbscanError) as error:
        return Item(False, "log space", f"{error} Scans need a folder for their lock and log.")
    text = f"{free // 1000000:,} MB free for logs in {folder}"
    if free < _LOG_SPACE:
        return Item(False, "log space", text + ": please make room; scans go on, but without a log")
    return Item(True, "log space", text)


def _settings(config: Config) -> Iterator[Item]:
    if config.env_file is None:
        yield Item(True, "settings", "taken from the environment; 'ifcbscan start' needs a .env file")
    for warning in named(config.warnings, "... and {} more warnings"):
        yield Item(False, "settings", warning)
    if config.env_file is not None and not config.warnings:
        yield Item(True, "settings", f"{config.env_file} (account {config.account})")
    # Over http:// there is no certificate, and nothing is trusted by one.
    encrypted = not (config.endpoint_url or "").lower().startswith("http://")
    if config.ca_bundle is not None and encrypted:
        yield Item(
            True, "settings", f"the archive's server is trusted by the certificates in {config.ca_bundle}"
        )


def _folder(given: str | None, time_series: str | None, jobs: Sequence[InstalledJob]) -> Item:
    if not given:
        return Item(None, "folder", "no DIR was given, and no IFCB_DATA_DIR in the .env file: not checked")
    try:
        directory = absolute(given)
    except UsageError as error:
        return not_good("folder", error)
    try:
        os.listdir(directory)
    except (FileNotFoundError, NotADirectoryError):
        what = "is a file, not a folder" if os.path.exists(directory) else "does not exist"
        return Item(
            False,
            "folder",
            f"The data folder {directory} {what}. Is the disk mounted, the name spelt right?",
        )
    except OSError as error:
        return Item(
            False,
            "folder",
            f"{directory} cannot be read: {error.strerror}. Is the disk mounted, and may this user read it?",
        )
    unmounted = not_on_its_disk(directory, time_series, jobs)
    if unmounted:
        return Item(False, "folder", unmounted)
    return Item(True, "folder", f"{directory} can be read")


def _asked(name: str, question: Callable[[], str]) -> Item:
    try:
        return Item(True, name, question())
    except IfcbscanError as error:
        return not_good(name, error)
    except PutRefused as error:
        return Item(False, name, f"{error}. Ask the people who run the archive.")


def _list(bucket: Bucket, config: Config, account: _Account) -> str:
    account.known = next(bucket.list(f"{config.account}/"), None) is not None
    return f"accepted; what lies below {config.account}/ in {config.bucket} can be listed"


def _clock(bucket: Bucket, clock: Clock) -> Item:
    ahead = clock.wall() - bucket.server_clock.now()
    text = f"{clock_words(ahead)} the archive's"
    if abs(ahead) <= _CLOCK_TOLERANCE:
        return Item(True, "clock", text)
    return Item(
        False,
        "clock",
        text + ": please set it (UTC, ideally by NTP); from 15 minutes on, the archive refuses everything",
    )


def _write(bucket: Bucket, key: str, account: _Account) -> str:
    bucket.put(key, io.BytesIO(_TRIAL_CONTENT), len(_TRIAL_CONTENT))
    account.known = True
    return f"allowed (tried with {key}, which HABON's archive removes by itself; elsewhere delete it)"


def _large_file(bucket: Bucket, key: str, size: int) -> Item:
    """A file of `size` bytes: only such a one shows that something on the way lets small files through only."""
    content = _TRIAL_CONTENT.ljust(size, b"\n")
    shown = human_bytes(len(content))

    def put() -> str:
        bucket.put(key, io.BytesIO(content), len(content))
        return f"one of {shown} was let through"

    item = _asked("large file", put)
    return item if item.good else replace(item, text=f"one of {shown}: {item.text}")


def _conditions(honoured: Honoured) -> str:
    """Not red where the server honours none: a scan looks before it sends, and can do no more there."""
    none_match, match = honoured
    text = f"If-None-Match is {none_match.value}, If-Match is {match.value}"
    if Honours.NO not in honoured:
        return text
    return (
        f"{text}: if two computers send the same file at the same moment, what comes last stays. ifcbscan looks before it "
        "sends; let one computer alone send a time series"
    )


def _on_dashboard(config: Config, time_series: str | None, account: _Account) -> Iterator[Item]:
    """The dashboard, asked once; then the time series: its name, and what the dashboard says of it."""
    url = config.dashboard_url
    listed: SeriesList | None = None
    if url is None:
        yield Item(None, "dashboard", "none to ask: DASHBOARD_URL is not set, and the archive is not HABON's")
    else:
        try:
            listed = Dashboard(url).series_list(config.account)
        except DashboardError as error:
            yield not_good("dashboard", error)
        else:
            yield _dashboard(url, listed, config.account, account)
    if not time_series:
        yield Item(None, "time series", "no TIME_SERIES was given, and none is in the .env file: not checked")
        return
    try:
        check_time_series(time_series)
    except IfcbscanError as error:
        refused = not_good("time series", error)
        meant = series.meant(listed.names, time_series) if listed is not None else ""
        yield replace(refused, text=refused.text + meant)
        return
    remark = remark_on_name(Series(config.account, time_series))
    if url is not None and listed is not None:
        found = _series(listed, url, config.account, time_series)
        yield replace(found, text=f"{found.text}. {remark}" if found.good and remark else found.text)
    else:
        why = "there is no dashboard to ask" if url is None else "the dashboard could not be asked"
        text = f"whether {time_series} exists was not checked: {why}"
        yield Item(None, "time series", f"{text}. {remark}" if remark else text)


def _dashboard(url: str, listed: SeriesList, name: str, account: _Account) -> Item:
    shown, many = without_password(url), len(listed.names)
    if listed.of_account:
        return Item(True, "dashboard", f"{shown} answers; time series of {name}: {many}")
    text = f"{shown} answers; time series of all accounts: {many}. {series.not_by_account(name)}"
    if account.known:
        return Item(
            True, "dashboard", f"{text} The archive holds something of it, so the name may well be right"
        )
    # A name that is wrong fits any list of all, so only the archive can tell.
    return Item(
        False,
        "dashboard",
        f"{text} The archive holds nothing of it either, which is right only before the first upload; 'ifcbscan check "
        "--write' tells by trying to write there.",
    )


def _series(listed: SeriesList, url: str, account: str, time_series: str) -> Item:
    answer = series.among(listed, account, time_series)
    if answer.on_dashboard is series.OnDashboard.YES:
        return Item(True, "time series", f"{time_series} exists on the dashboard")
    return Item(False, "time series", f"{answer.line} {series.where_to_create(url, account, time_series)}")
