"""Where a user's locks, records and logs lie, and what they are named after."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile

from ifcbscan.core.job_ids import real_path_digest, state_id
from ifcbscan.core.series import file_name
from ifcbscan.errors import IfcbscanError
from ifcbscan.state.files import make_folder


def state_folder() -> str:
    """Where locks, records and logs go: the user's state folder, made if need be; else one in the temporary folder.

    Raises IfcbscanError if neither can be written to.
    """
    own = _user_folder()
    if _is_usable(own):
        return own
    temporary = _temporary_folder()
    if _is_usable(temporary) and _is_ours(temporary):
        return temporary
    raise IfcbscanError(
        "There is no folder for locks and logs: neither the home folder nor the temporary folder can be "
        "written to. Is the disk full or read-only?"
    )


def _is_usable(folder: str) -> bool:
    """Whether the folder is there, or could be made, and can be written to."""
    try:
        make_folder(folder)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


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
    # To be called only where it is needed: to find the folder, Python writes a file into it.
    user = str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    return os.path.join(tempfile.gettempdir(), "ifcbscan-" + user)


def job_file(directory: str, time_series: str, ending: str) -> str:
    """A file of one job. Raises IfcbscanError if there is no folder for it."""
    return os.path.join(state_folder(), job_id(directory, time_series) + ending)


def places_of_job_file(directory: str, time_series: str, ending: str) -> list[str]:
    """Where a file of one job may have been left: in the folder in use, and in the user's own one.

    The second differs from the first while the user's own cannot be written to; reading it is still possible.
    """
    folders = [_user_folder()]
    with contextlib.suppress(IfcbscanError):
        folders.insert(0, state_folder())
    name = job_id(directory, time_series) + ending
    return list(dict.fromkeys(os.path.join(folder, name) for folder in folders))


def job_id(directory: str, time_series: str) -> str:
    """The job as its state files are named; why a schedule names it otherwise is told in core/job_ids.py."""
    return file_name(state_id(_real(directory), time_series))


def path_digest(path: str) -> str:
    """12 hexadecimal digits, the same for all names (links, upper and lower case on Windows) of one file or folder."""
    return real_path_digest(_real(path))


def _real(path: str) -> str:
    return os.path.normcase(os.path.realpath(path))
