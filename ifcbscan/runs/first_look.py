"""What a scan looks at before it decides: the folder and the archive, by the archive's time; and whether that is silence.

Decides on no bin and sends nothing. The words of silence are those of core/silence.py.
"""

from __future__ import annotations

import math
from typing import Iterable, NamedTuple

from ifcbscan.core.bins import Fileset, Pid, parse_pid
from ifcbscan.core.decision import Now
from ifcbscan.core.series import Series
from ifcbscan.core.silence import is_expected, of_empty_folder, of_misnamed, of_no_new_bin
from ifcbscan.core.window import Window, moment_text
from ifcbscan.core.words import clock_words
from ifcbscan.disk.tree import Inventory
from ifcbscan.runs.backends import Backends
from ifcbscan.runs.listing import RemoteListing, list_remote
from ifcbscan.runs.scan_options import ScanOptions
from ifcbscan.s3.bucket import Bucket

#: If the two clocks differ by more, the days of a recent run are counted by the archive's. (Seconds.)
CLOCKS_DISAGREE = 3600.0

#: So far ahead of the archive's time (seconds) a bin may be and still count as the newest: one that a wrong clock has dated
#: years ahead would be that for ever.
AHEAD_AT_MOST = 86400.0

#: A bin sampled later than this many seconds from now tells of a wrong clock, and not of an instrument that measures.
_CLOCKS_DIFFER = 60.0


class ArchivedBins(NamedTuple):
    """How many bins of a window were seen in the archive; `more`: these are not all that it may hold."""

    bins: int = 0
    more: bool = False


class ExpectedBins(NamedTuple):
    """Of what bins a new one is expected every so many seconds; None: nobody says so."""

    window: Window
    every: float | None


class FirstLook(NamedTuple):
    """The tree as it was walked, the bucket as it was listed, at the moment `now`.

    `archived` is only looked for where the folder is empty.
    """

    inventory: Inventory
    remote: RemoteListing
    now: Now
    archived: ArchivedBins
    warnings: tuple[str, ...]


def first_look(options: ScanOptions, backends: Backends) -> FirstLook:
    """Walk and list. Raises UsageError, BucketRefused, BucketUnreachable, Interrupted.

    What the last days are, a recent run knows for certain only from the first answer. So where this computer's clock is
    wrong, it looks again. Where a run sees no bin, or only such as it leaves alone, it asks all the same, once.
    """
    tree, bucket, clock = backends.tree, backends.bucket, backends.clock
    prefix = Series(options.account, options.time_series).prefix
    inventory = tree.walk()
    remote = list_remote(options, inventory, bucket, backends.pool)
    archived = ArchivedBins()
    if is_without_bins(inventory):
        archived = archived_bins(bucket, prefix, options.window)
    elif not inventory.filesets:
        bucket.is_empty(prefix)  # for the date of the answer, and because a run that succeeds has asked
    ahead = clock.wall() - bucket.server_clock.now()
    disagree = abs(ahead) > CLOCKS_DISAGREE
    if options.max_age is not None and disagree:
        tree.look_back_to(bucket.server_clock.now() - options.max_age)
        inventory = tree.walk()
        remote = list_remote(options, inventory, bucket, backends.pool)
    return FirstLook(
        inventory=inventory,
        remote=remote,
        now=Now(bucket.server_clock.now(), clock.wall()),
        archived=archived,
        warnings=(_of_clocks(ahead),) if disagree else (),
    )


def archived_bins(bucket: Bucket, prefix: str, window: Window) -> ArchivedBins:
    """How many bins of `window` the archive holds, as far as one page of a listing tells.

    One request. Raises BucketRefused, BucketUnreachable, Interrupted.
    """
    # Keys go by year: those before the window's first need not be on the page.
    start_after = "" if window.since == -math.inf else prefix + moment_text(window.since)[:4]
    page = bucket.first_page(prefix, start_after)
    pids = {parse_pid(item.key.rpartition("/")[2].rpartition(".")[0]) for item in page.objects}
    found = sum(pid is not None and window.holds(pid) for pid in pids)
    return ArchivedBins(found, page.truncated and found > 0)


def is_without_bins(inventory: Inventory) -> bool:
    """Whether a walk has met no bin at all, also none that it has left out."""
    return not (
        inventory.filesets
        or inventory.excluded
        or inventory.outside
        or inventory.other_parts
        or inventory.passed_over
    )


def silence_of(look: FirstLook, options: ScanOptions, directory: str) -> str:
    """Why nothing new can come of the folder, "" if there is no reason to think so."""
    if is_without_bins(look.inventory):
        archived = look.archived
        said = of_empty_folder(directory, archived.bins, archived.more) or of_misnamed(
            directory, look.inventory.misnamed
        )
        if said:
            return said
    return no_new_bin(look.inventory, options, look.now.server)


def no_new_bin(inventory: Inventory, options: ScanOptions, now: float) -> str:
    """What is to be said if a new bin should have come by `now` (seconds since 1970, UTC) and has not; else ""."""
    expected = ExpectedBins(options.window, options.expect_every)
    return none_of_these_is_new(inventory.filesets.values(), expected, now, options.max_age)


def none_of_these_is_new(
    filesets: Iterable[Fileset], expected: ExpectedBins, now: float, max_age: float | None = None
) -> str:
    """The same of the bins of a window, which are at most `max_age` seconds old (None: of any age)."""
    every = expected.every
    if every is None or not is_expected(expected.window, now, every):
        return ""
    newest = newest_complete(filesets, now + _CLOCKS_DIFFER)
    if newest is None and max_age is not None and max_age < every:
        return ""  # it may lie just before what this run looks at
    return of_no_new_bin(None if newest is None else newest.sample_time, now, every, max_age)


def newest_complete(filesets: Iterable[Fileset], until: float) -> Pid | None:
    """The newest complete bin sampled not later than `until` (seconds since 1970, UTC)."""
    newest: tuple[int, Pid] | None = None
    for fileset in filesets:
        if fileset.complete:
            pid = fileset.pid
            time = pid.sample_time
            if time <= until and (newest is None or (time, pid) > newest):
                newest = time, pid
    return None if newest is None else newest[1]


def _of_clocks(ahead: float) -> str:
    return (
        f"this computer's clock is {clock_words(ahead)} the archive's, by which the ages of bins are told instead. Please set it "
        "(UTC, ideally by NTP)"
    )
