"""Finds the vital signs of an instrument: looks into the newest bin's `.hdr`, and at the room on its disk. Never fails."""

from __future__ import annotations

from typing import Mapping

from ifcbscan.core.bins import Fileset, Pid
from ifcbscan.core.hdr import LONGEST_HEADER
from ifcbscan.core.vital_signs import Readings, VitalSigns, days_until_full, read_readings
from ifcbscan.disk.tree import LocalTree
from ifcbscan.errors import LocalFileProblem


def find_vital_signs(
    filesets: Mapping[Pid, Fileset], newest: Pid | None, tree: LocalTree, now: float
) -> VitalSigns:
    """`filesets`: all bins of the folder, as a full run has seen them; `newest`: the newest complete one, None if none is.

    `now`: seconds since 1970, by the clock that counts for the run.
    """
    readings = Readings() if newest is None else _readings(tree, filesets[newest])
    free = tree.free_space()
    days_left = None if free is None else days_until_full(free, filesets.values(), now)
    return VitalSigns(newest, readings, free, days_left)


def _readings(tree: LocalTree, local: Fileset) -> Readings:
    from ifcbscan.runs.examination import one_at_a_time  # here only: most runs look into no header  # noqa: PLC0415

    try:
        with tree.open(local, "hdr") as file:
            header = file.read(LONGEST_HEADER + 1)
        with one_at_a_time:
            return read_readings(header)
    except (LocalFileProblem, OSError):
        return Readings()  # what is wrong with the files is told where they are compared
