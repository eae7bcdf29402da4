"""What a scan does with the bins on which there is something to do: it sends them, or a dry run says what it would send.

Only a scan that has such bins loads this (see scan.py), and with it what acts on bins.
"""

from __future__ import annotations

from typing import Callable, Iterable, Sequence

from ifcbscan.core.bins import MISSING, Fileset
from ifcbscan.core.dashboard_rules import refusal_warning
from ifcbscan.core.decision import Now
from ifcbscan.core.scan_report import Result, Tally
from ifcbscan.core.series import Series
from ifcbscan.core.states import BinState
from ifcbscan.disk.tree import LocalTree
from ifcbscan.errors import IfcbscanError
from ifcbscan.runs.backends import Backends
from ifcbscan.runs.compared import Compared
from ifcbscan.runs.listener import Listener
from ifcbscan.runs.listing import list_remote
from ifcbscan.runs.one_bin import BinJob, result_if_sent
from ifcbscan.runs.scan_options import ScanOptions
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

    Of bins that the dashboard will refuse there is a warning.
    """
    prefix = Series(options.account, options.time_series).prefix
    how = UploadOptions(prefix, options.policy, options.jobs, options.time_limit)
    uploader = Uploader(how, backends, listener)
    latest = compared

    def list_again() -> None:
        nonlocal latest
        remote = list_remote(options, compared.inventory, backends.bucket, backends.pool).bins
        now = Now(backends.bucket.server_clock.now(), backends.clock.wall())
        latest = latest.listed_again(remote, now)

    with backends.stop.deferred():  # a signal must not come between a bin and its count
        ended_by = uploader.run(to_do, lambda local: _job(latest, local), list_again, tally)
    if tally.refusable:
        tally.warnings.append(refusal_warning(tally.refusable))
    return ended_by


def show_what_would_be_sent(
    to_do: Iterable[Fileset], compared: Compared, tree: LocalTree, show: Callable[[str], None], tally: Tally
) -> None:
    """Count the bins of a dry run, and `show` a line of each. Reads their .adc and .hdr files, and sends nothing."""
    for local in to_do:
        job = _job(compared, local)
        result = result_if_sent(job, tree, compared.now, compared.policy)
        tally.count(local.pid, *result)
        show(_line(job, result))


def _job(compared: Compared, local: Fileset) -> BinJob:
    """The bin with its first decision, ready to be sent."""
    pid = local.pid
    there, decision = compared.there(pid), compared.decide(local)
    return BinJob(
        local, there, compared.copies(pid), decision, compared.known(pid), repairs=there.adc != MISSING
    )


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
