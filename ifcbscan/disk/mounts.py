"""On which disk a folder lies: the mount point that it is on. Looks at the folders above, and at nothing in them."""

from __future__ import annotations

import os
from typing import Callable


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
