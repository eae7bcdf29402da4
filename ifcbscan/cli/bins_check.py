"""What `ifcbscan check` says of the bins of a folder: that there are none looks like health, and need not be.

And of the instrument and its disk, as far as its bins tell.
"""

from __future__ import annotations

from typing import Iterator, NamedTuple

from ifcbscan.cli.checked import Item, not_good
from ifcbscan.cli.signals import Interruption
from ifcbscan.clock import Clock
from ifcbscan.config import Config
from ifcbscan.core.series import Series
from ifcbscan.core.silence import of_empty_folder, of_misnamed
from ifcbscan.core.window import Window
from ifcbscan.core.words import counted
from ifcbscan.disk.tree import Inventory, LocalTree
from ifcbscan.errors import IfcbscanError, Interrupted
from ifcbscan.runs.first_look import (
    AHEAD_AT_MOST,
    ExpectedBins,
    archived_bins,
    newest_complete,
    none_of_these_is_new,
)
from ifcbscan.runs.vital import find_vital_signs
from ifcbscan.s3.bucket import Bucket


class BinsSubject(NamedTuple):
    """Whose bins they are: a folder (absolute), the bins of `window`. `expect_every`: seconds, None if none is expected."""

    directory: str
    time_series: str | None
    window: Window
    expect_every: float | None


def check_bins(
    config: Config,
    subject: BinsSubject,
    bucket: Bucket | None,
    clock: Clock,
    interruption: Interruption,
) -> Iterator[Item]:
    """`bucket`: None if it cannot be asked; then the time is this computer's. Raises Interrupted."""

    def unless_interrupted() -> None:
        if interruption.requested.is_set():
            raise Interrupted(interruption.exit_code)

    try:
        tree = LocalTree(subject.directory, config.exclude_dirs, getting_on=unless_interrupted)
        found = tree.walk()
        now = clock.wall() if bucket is None else bucket.server_clock.now()
        newest = newest_complete(found.filesets.values(), now + AHEAD_AT_MOST)
        signs = find_vital_signs(found.filesets, newest, tree, now)
        bins = _bins(config, subject, bucket, found, now)
    except IfcbscanError as error:
        yield not_good("bins", error)
        return
    if signs.inside():
        yield Item(True, "instrument", f"inside: {signs.inside()}")
    if signs.space():
        yield Item(not signs.disk_nearly_full, "data disk", signs.warning(tree.root) or signs.space())
    yield bins


def _bins(config: Config, subject: BinsSubject, bucket: Bucket | None, found: Inventory, now: float) -> Item:
    """`now`: seconds since 1970. Raises Interrupted, and what the archive's answers raise."""
    directory, time_series = subject.directory, subject.time_series
    own = [fileset for pid, fileset in found.filesets.items() if subject.window.holds(pid)]
    complete = sum(fileset.complete for fileset in found.filesets.values())
    late = none_of_these_is_new(own, ExpectedBins(subject.window, subject.expect_every), now)
    if late and found.filesets:
        return Item(False, "bins", late)
    if found.unreadable:
        seen = counted(complete, "complete bin") if found.filesets else "none is seen"
        return Item(False, "bins", f"{seen} in {directory}: {found.warnings[0]}")
    if found.filesets or found.excluded:
        return Item(True, "bins", f"{counted(complete, 'complete bin')} in {directory}")
    if not time_series or bucket is None:
        why = "the archive could not be asked" if time_series else "no TIME_SERIES was given"
        return Item(
            None, "bins", f"none in {directory}; whether the archive holds some was not checked: {why}"
        )
    archived = archived_bins(bucket, Series(config.account, time_series).prefix, subject.window)
    silence = of_empty_folder(directory, archived.bins, archived.more) or of_misnamed(
        directory, found.misnamed
    )
    if silence:
        return Item(False, "bins", silence)
    if late:
        return Item(False, "bins", late)
    return Item(True, "bins", f"none in {directory} yet, and none of {time_series} in the archive")
