"""Why nothing new can come of a folder, in a sentence: it is empty, its disk is not mounted, or the instrument is silent.

Pure. Silence is no health: a folder in which nothing is to be done looks the same as one in which nothing can be seen. Each
function returns "" where there is no reason to say anything.
"""

from __future__ import annotations

from ifcbscan.core.window import Window, moment_text
from ifcbscan.core.words import human_duration

_NO_NEW_BIN = "no new bin: "


def of_empty_folder(directory: str, archived_bins: int, more: bool = False) -> str:
    """Of a folder in which no bin was found. `archived_bins`: how many of its time series the archive was seen to hold.

    `more`: it was seen that there are others.
    """
    if not archived_bins and not more:
        return ""
    number = f"at least {max(archived_bins, 1):,}" if more else f"{archived_bins:,}"
    return f"no bin was found in {directory}, though the archive holds {number} of this series. Is the disk mounted?"


def of_misnamed(directory: str, files: int) -> str:
    """Of a folder in which no bin was found, but so many files that look like those of bins; "" if there are none."""
    if not files:
        return ""
    which = "1 file that looks" if files == 1 else f"{files:,} files that look"
    return f"no bin was found in {directory}, only {which} like a bin's and whose name is no valid bin id: nothing of it is ever sent"


def of_unmounted(directory: str, mounted_at: str) -> str:
    """Of a folder below `mounted_at`, which was a mount point when the schedule was made and is none now."""
    return (
        f"{mounted_at} is no mount point any more, so {directory} is now a folder of the system's own disk: what the "
        "instrument writes to its disk is not seen. Is the disk mounted?"
    )


def of_no_new_bin(
    newest_sample_time: float | None, now: float, expect_every: float, looked_back: float | None = None
) -> str:
    """Of a folder from which a new bin is expected every so many seconds; `now` is the archive's time.

    Both in seconds since 1970 (UTC). None: no complete bin was found, of those that are at most `looked_back` seconds old
    (None: of any age).
    """
    expected = f"one is expected every {human_duration(expect_every)}"
    what_to_do = "Does the instrument measure, and is its clock right?"
    if newest_sample_time is None:
        found_none = (
            "no complete one here"
            if looked_back is None
            else f"none of the last {human_duration(looked_back)}"
        )
        return f"{_NO_NEW_BIN}there is {found_none}, and {expected}. {what_to_do}"
    age = now - newest_sample_time
    if age <= expect_every:
        return ""
    when = moment_text(newest_sample_time)
    return f"{_NO_NEW_BIN}the newest one here was sampled {human_duration(age)} ago ({when}), and {expected}. {what_to_do}"


def is_expected(window: Window, now: float, expect_every: float) -> bool:
    """Whether a new bin must be in a job's window by `now` (seconds since 1970, UTC), and none is too late for it."""
    return window.since + expect_every < now < window.until


def is_late(silence: str) -> bool:
    """Whether these words are of `of_no_new_bin`: the instrument is late, while its folder is as it should be.

    Asked of words, because a record of the last run holds them alone.
    """
    return silence.startswith(_NO_NEW_BIN)
