"""What `ifcbscan check` says of the bins of a folder: that there are none looks like health, and need not be."""

from __future__ import annotations

from ifcbscan.cli.checked import Item, not_good
from ifcbscan.cli.signals import Interruption
from ifcbscan.config import Config
from ifcbscan.core.series import Series
from ifcbscan.core.silence import of_empty_folder
from ifcbscan.core.window import Window
from ifcbscan.core.words import counted
from ifcbscan.disk.tree import LocalTree
from ifcbscan.errors import IfcbscanError, Interrupted
from ifcbscan.runs.first_look import archived_bins
from ifcbscan.s3.bucket import Bucket


def check_bins(
    config: Config,
    directory: str,
    time_series: str | None,
    window: Window,
    bucket: Bucket | None,
    interruption: Interruption,
) -> Item:
    """`bucket`: None if it cannot be asked. Raises Interrupted."""

    def unless_interrupted() -> None:
        if interruption.requested.is_set():
            raise Interrupted(interruption.exit_code)

    try:
        found = LocalTree(directory, config.exclude_dirs, getting_on=unless_interrupted).walk()
        complete = sum(fileset.complete for fileset in found.filesets.values())
        if found.filesets or found.excluded:
            return Item(True, "bins", f"{counted(complete, 'complete bin')} in {directory}")
        if found.unreadable:
            return Item(False, "bins", f"none is seen in {directory}: {found.warnings[0]}")
        if not time_series or bucket is None:
            why = "the archive could not be asked" if time_series else "no TIME_SERIES was given"
            return Item(
                None, "bins", f"none in {directory}; whether the archive holds some was not checked: {why}"
            )
        archived = archived_bins(bucket, Series(config.account, time_series).prefix, window)
    except Interrupted:
        raise
    except IfcbscanError as error:
        return not_good("bins", error)
    silence = of_empty_folder(directory, archived.bins, archived.more)
    if silence:
        return Item(False, "bins", silence)
    return Item(True, "bins", f"none in {directory} yet, and none of {time_series} in the archive")
