"""On which disk a folder lies, and whether that is there. Looks at the folders above, and at nothing in them."""

from __future__ import annotations

import os
from typing import Callable

from ifcbscan.core.silence import of_unmounted


def mount_point_of(directory: str, is_mount: Callable[[str], bool] = os.path.ismount) -> str | None:
    """The mount point that `directory` lies on, all links followed; None if that is the root of the file system.

    On Windows a drive or a share is a root, too: without it the folder is not there, and needs no mark. A disk that is
    mounted in a folder of another one is a mount point there as well. `is_mount` says whether something is mounted at a path.
    """
    place = os.path.realpath(directory)
    while True:
        above = os.path.dirname(place)
        if above == place:
            return None
        if is_mount(place):
            return place
        place = above


def unmounted(directory: str, mounted_at: str | None) -> str:
    """What is to be said if nothing is mounted at `mounted_at` any more, on which `directory` lay; "" if all is well.

    None: the folder lay on the system's own disk, or it is not known where.
    """
    if mounted_at is None or os.path.ismount(mounted_at):
        return ""
    return of_unmounted(directory, mounted_at)
