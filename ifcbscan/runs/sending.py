"""What a scan does with the bins on which there is something to do: it sends them, or a dry run says what it would send.

Only a scan that has such bins loads this (see scan.py), and with it what acts on bins.
"""

from __future__ import annotations

from typing import Callable, Iterable, Sequence

from ifcbscan.core.bins import MISSING, Fileset
from ifcbscan.core.budget import Cost, PutOn, cost_of
from ifcbscan.core.dashboard_rules import refusal_warning
from ifcbscan.core.decision import Now
from ifcbscan.core.scan_report import Result, Tally
from ifcbscan.core.series import Series
from ifcbscan.core.states import BinState
from ifcbscan.errors import IfcbscanError
from ifcbscan.runs.backends import Backends
from ifcbscan.runs.bin_job import BinJob
from ifcbscan.runs.compared import Compared
from ifcbscan.runs.daily_budget import NO_BUDGET, Budget, DailyBudget
from ifcbscan.runs.listener import Listener
from ifcbscan.runs.listing import added, list_remote, put_on_elsewhere
from ifcbscan.runs.one_bin import result_if_left, result_if_sent
from ifcbscan.runs.scan_options import ScanOptions
from ifcbscan.runs.turns import Turns
from ifcbscan.runs.upload import Uploader, UploadOptions


def send(
    to_do: Iterable[Fileset],
    compared: Compared,
    options: ScanOptions,
    backends: Backends,
    listener: Listener,
    tally: Tally,
) -> IfcbscanError | None:
    """Send the bins, in their order, and count each; returns the error that ended the run early, if one did.

    Of bins that the dashboard will refuse there is a warning. Raises BucketRefused, BucketUnreachable, Interrupted before
    anything is sent: where there is a budget, it has to be known what is spent of it.
    """
    archive = _Archive(compared, options, backends)
    budget = archive.budget()
    turns = Turns(budget.in_turn(to_do), budget.may_begin)
    how = UploadOptions(archive.prefix, options.policy, options.jobs, options.time_limit)
    uploader = Uploader(how, backends, listener, budget)
    with backends.stop.deferred():  # a signal must not come between a bin and its count
        ended_by = uploader.run(turns, archive.job, lambda: budget.list_again(archive.list_again), tally)
    tally.waits = budget.words()
    if tally.refusable:
        tally.warnings.append(refusal_warning(tally.refusable))
    return ended_by


def show_what_would_be_sent(
    to_do: Iterable[Fileset],
    compared: Compared,
    options: ScanOptions,
    backends: Backends,
    show: Callable[[str], None],
    tally: Tally,
) -> None:
    """Count the bins of a dry run, and `show` a line of each. Reads their .adc and .hdr files, and sends nothing.

    Raises BucketRefused, BucketUnreachable, Interrupted: the budget is that of today.
    """
    archive = _Archive(compared, options, backends)
    budget = archive.budget()
    turns = Turns(budget.in_turn(to_do), budget.may_begin)
    for local in iter(turns.take, None):
        job = archive.job(local)
        result = result_if_sent(job, backends.tree, compared.now, compared.policy)
        if result.state is BinState.TO_UPLOAD:
            budget.begin(job)
        tally.count(local.pid, *result)
        show(_line(job, result))
    for local in turns:
        job = archive.job(local)
        job.result = result_if_left(job, "waits for tomorrow (MAX_DAILY)")
        budget.end(job)
        tally.count(local.pid, *job.result)
        show(_line(job, job.result))
    tally.waits = budget.words()


class _Archive:
    """The archive as it was listed last, by whoever asked for that in this run."""

    def __init__(self, compared: Compared, options: ScanOptions, backends: Backends) -> None:
        self.prefix = Series(options.account, options.time_series).prefix
        self._compared = compared
        self._options = options
        self._backends = backends

    def job(self, local: Fileset) -> BinJob:
        """The bin with its first decision, ready to be sent."""
        compared, pid = self._compared, local.pid
        there, decision = compared.there(pid), compared.decide(local)
        return BinJob(
            local, there, compared.copies(pid), decision, compared.known(pid), repairs=there.adc != MISSING
        )

    def list_again(self) -> None:
        """Raises BucketRefused, BucketUnreachable, Interrupted."""
        bucket, clock = self._backends.bucket, self._backends.clock
        remote = list_remote(self._options, self._compared.inventory, bucket, self._backends.pool)
        now = Now(bucket.server_clock.now(), clock.wall())
        self._compared = self._compared.listed_again(remote.bins, now, remote.put_on)

    def budget(self) -> Budget:
        """That of the run."""
        limit = self._options.max_daily
        if limit is None:
            return NO_BUDGET
        now = self._backends.bucket.server_clock.now
        return DailyBudget(limit, now, self._cost, self._compared.put_on, self._put_on)

    def _cost(self, local: Fileset) -> Cost:
        compared, pid = self._compared, local.pid
        return cost_of(local, compared.there(pid), compared.known(pid).other_content)

    def _put_on(self, anew: bool) -> PutOn:
        """What was put on which day; if not `anew`, by the listing that the run has already."""
        if anew:
            self.list_again()
        compared, backends = self._compared, self._backends
        if self._options.max_age is None:
            return compared.put_on
        elsewhere = put_on_elsewhere(self._options, compared.inventory, backends.bucket, backends.pool)
        return added([compared.put_on, elsewhere])


def _line(job: BinJob, result: Result) -> str:
    """What a dry run says of a bin on which there is something to do."""
    if result.state is not BinState.TO_UPLOAD:
        return f"{job.local.pid}  {result.state}: {result.reason}"
    files = _to_send(job)
    size = sum(job.local.size(ext) for ext in files)
    names = " ".join("." + ext for ext in files)
    return f"{job.local.pid:<24}  {size:>12,} bytes  {names}  {result.reason}"


def _to_send(job: BinJob) -> Sequence[str]:
    """What is to be sent of a bin in all: the .adc follows once the archive has kept the rest."""
    adc_is_right = job.remote.adc == job.local.adc and "adc" not in job.known.other_content
    if "adc" in job.decision.send or adc_is_right:
        return job.decision.send
    return (*job.decision.send, "adc")
