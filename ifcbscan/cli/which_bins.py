"""Before a job is installed: show what lies in its folder, and where that may be of an earlier deployment, ask what to send."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

from ifcbscan.cli import output
from ifcbscan.cli.job import Job
from ifcbscan.cli.questions import typed_line
from ifcbscan.clock import Clock
from ifcbscan.core.decision import Policy
from ifcbscan.core.remote_index import MOST_RANGES
from ifcbscan.core.stock import Stock
from ifcbscan.core.window import Window, parse_moment
from ifcbscan.core.words import counted
from ifcbscan.disk.tree import LocalTree
from ifcbscan.errors import UsageError
from ifcbscan.runs.scan import ScanOptions
from ifcbscan.runs.stock import count_stock, take_stock
from ifcbscan.s3.bucket import Bucket

_QUESTION = (
    "What is to be sent? a = all of it; a day (UTC) such as 2026-06-01 = only bins sampled from then on; "
    "n = only from now on; Enter alone = nothing, and nothing is installed. [a/DAY/n]"
)


def settle_window(job: Job, window: Window, bucket: Bucket | None, answered: bool) -> Window:
    """The window for a new job: `window`, or what the operator makes of it after seeing what there is.

    `bucket`: None if it cannot be asked; then only the disk is looked at. `answered`: the operator has said beforehand
    what is to be sent, so nothing is asked. Without a terminal nothing is asked either, and everything of `window` is sent.
    Raises UsageError if the operator wants none of it, BucketRefused, BucketUnreachable, Interrupted.
    """
    tree = LocalTree(job.directory, job.config.exclude_dirs, window=window)
    clock = Clock()
    at_terminal = sys.stdin.isatty() and sys.stderr.isatty()
    options = ScanOptions(
        job.config.account, job.time_series, Policy(job.config.settle, job.config.confirm), window=window
    )
    if at_terminal and bucket is not None:
        with ThreadPoolExecutor(MOST_RANGES) as pool:
            stock = take_stock(options, tree, bucket, clock, pool)
    else:
        stock = count_stock(tree)
    _show(job, stock, window)
    doubts = stock.doubts(clock.wall() if bucket is None else bucket.server_clock.now())
    if not doubts or answered:
        return window
    output.say(
        "Please look twice: "
        + ", and ".join(doubts)
        + ". If some of this is of an earlier deployment, or of another "
        f"place, it does not belong to {job.time_series}, and what was sent cannot be taken back by this program."
    )
    if not at_terminal:
        output.say(
            "Nobody can be asked here, so all of it is sent; --since or --yes say beforehand what is to be sent."
        )
        return window
    output.say(_QUESTION)
    while True:
        answer = typed_line().strip()
        try:
            return _answered(answer, window, clock.wall())
        except UsageError as error:
            if not answer[:1].isdigit():
                raise UsageError(f"{error} Nothing was installed, and nothing was sent.") from None
            output.say(f"{error} Once more: a, a day, n, or Enter alone.")


def _show(job: Job, stock: Stock, window: Window) -> None:
    if not stock.bins:
        if stock.outside:
            output.say(
                f"Please look twice: there are {counted(stock.outside, 'bin')} in {job.directory}, and none of them is among the "
                f"{window} that this job is for. Are --since, --until and --instrument right?"
            )
        return
    to_send = f", at most {stock.to_send:,} to be sent to {job.time_series}" if stock.compared else ""
    output.say(f"Found in {job.directory}: {counted(stock.bins, 'complete bin')}{to_send}.")
    for line in stock.lines():
        output.say(line)


def _answered(answer: str, window: Window, now: float) -> Window:
    """The window that an answer means. Raises UsageError if it means none."""
    if answer.lower() in ("a", "all"):
        return window
    try:
        since = parse_moment("now" if answer.lower() == "n" else answer, "the day", now)
    except UsageError:
        raise UsageError(
            f"{answer!r} is none of the answers." if answer else "There was no answer."
        ) from None
    if since >= window.until:
        raise UsageError("That is not before --until, so no bin would be left.")
    return window._replace(since=since)
