r"""What a job (one folder that feeds one time series) is called: by its state files, and by a schedule. Pure.

Both names are `<time series>-<12 hexadecimal digits>`; the digits are made of different things, for a reason:

- Locks, records and logs are named after the *real path*. Runs that reach one folder by different names (a symbolic
  link, upper and lower case on Windows) must find the same lock.
- The entries of a schedule are named after the *text* of the path in them. A schedule is also read, shown and taken
  out while the folder cannot be reached (its disk is not mounted), and then no link can be followed.

Both are in use on other computers, so neither may ever change: a run would find no lock and no record of earlier runs,
and `start` would add a second pair of entries beside the first.
"""

from __future__ import annotations

import hashlib
import re

#: How an absolute path begins on Windows: `C:\`, `C:/` or `\\server`. What is not of this form is a POSIX path.
WINDOWS_PATH = re.compile(r"[A-Za-z]:[\\/]|\\\\")


def state_id(real_directory: str, time_series: str) -> str:
    """The job as its state files are named. `real_directory` is the path with all links followed."""
    return f"{time_series}-{real_path_digest(real_directory)}"


def real_path_digest(real_path: str) -> str:
    """12 hexadecimal digits for a file or folder, given with all links followed."""
    # A name that is not in UTF-8 gets digits, too: of its bytes, and where half a character stands for none (Windows
    # allows that) of the half.
    try:
        named = real_path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        named = real_path.encode("utf-8", "surrogatepass")
    return _digest(named)


def schedule_id(directory: str, time_series: str) -> str:
    """The job as its entries in a schedule are recognised, from the text of the path that stands in them.

    On Windows, upper and lower case and the two slashes make no difference.
    """
    if WINDOWS_PATH.match(directory):
        directory = directory.replace("/", "\\").lower()
    # surrogatepass: half a character, which Windows allows in a name, gets digits, too
    named = (directory + "\0" + time_series).encode("utf-8", "surrogatepass")
    return f"{time_series}-{_digest(named)}"


def hourly_minute(of_schedule_id: str) -> int:
    """Minute of the hour (0 to 59) of the full scan of a job with this `schedule_id`: not all jobs list at once."""
    return int(hashlib.sha256(of_schedule_id.encode("ascii")).hexdigest(), 16) % 60


def _digest(named: bytes) -> str:
    return hashlib.sha256(named).hexdigest()[:12]
