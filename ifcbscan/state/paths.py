"""Where a user's locks, records and logs lie, and what they are named after."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import tempfile

from ifcbscan.core.series import file_name
from ifcbscan.errors import IfcbscanError
from ifcbscan.state.files import make_folder


def state_folder() -> str:
    """Where locks and logs go: the user's state folder, made if need be; else the temporary folder."""
    temporary = _temporary_folder()
    for base in (_user_folder(), temporary):
        try:
            make_folder(base)
        except OSError:
            continue
        if os.access(base, os.W_OK) and (base != temporary or _is_ours(base)):
            return base
    raise IfcbscanError(
        "There is no folder for locks and logs: neither the home folder nor the temporary folder can be "
        "written to. Is the disk full or read-only?"
    )


def _user_folder() -> str:
    # Not platformdirs, which follows XDG_STATE_HOME: cron does not set it, and a scan that cron started
    # must find the same lock, and `status` the same record, as a person in a terminal.
    home = os.path.expanduser("~")
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local")
        return os.path.join(local, "ifcbscan")
    if sys.platform == "darwin":
        return os.path.join(home, "Library", "Application Support", "ifcbscan")
    return os.path.join(home, ".local", "state", "ifcbscan")


def _is_ours(folder: str) -> bool:
    # In the shared temporary folder somebody else may have made it, or a link to somewhere, before us.
    if not hasattr(os, "getuid"):
        return True
    status = os.lstat(folder)
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()


def _temporary_folder() -> str:
    user = str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    return os.path.join(tempfile.gettempdir(), "ifcbscan-" + user)


def job_file(directory: str, time_series: str, ending: str) -> str:
    """A file of one job. Raises IfcbscanError if there is no folder for it."""
    return os.path.join(state_folder(), job_id(directory, time_series) + ending)


def job_id(directory: str, time_series: str) -> str:
    """The job as the state files name it: `<time series>-<digest of the folder>`.

    Not `ScheduledJob.id`, by which a schedule names it: that one is made of the text of the path alone, because a
    schedule is also read where the folder cannot be (its disk is not mounted). Both are in use on many computers.
    """
    return file_name(f"{time_series}-{path_digest(directory)}")


def path_digest(path: str) -> str:
    """12 hexadecimal digits, the same for all names (links, upper and lower case on Windows) of one file or folder."""
    real = os.path.normcase(os.path.realpath(path))
    return hashlib.sha256(real.encode("utf-8", "surrogateescape")).hexdigest()[:12]
