"""From an exception to the end of a command: the exit code, and the lines that say why. The only place that maps errors.

Nothing is printed here.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from ifcbscan.cli.targets import current_folder
from ifcbscan.core.words import without_nothing_sent
from ifcbscan.errors import AlreadyRunning, ExitCode, IfcbscanError, Interrupted


@dataclass(frozen=True)
class Ending:
    """How an exception ends a command.

    `line` is for people: what happened, what it means for the data, what to do. `summary` is what the record of the last
    run and a monitor get. `log`: `line` belongs into the log. `minor`: not to be printed with --quiet.
    """

    exit_code: int
    line: str
    summary: str
    log: bool = True
    minor: bool = False


def ending_of(error: BaseException, sends: bool) -> Ending:
    """How `error` ends a command; `sends`: one that may send files."""
    if isinstance(error, (Interrupted, KeyboardInterrupt)):
        rest = "what was not sent is sent by the next run." if sends else "nothing was changed."
        code = error.exit_code if isinstance(error, Interrupted) else ExitCode.INTERRUPTED
        return Ending(code, f"interrupted; {rest}", "interrupted", log=False)
    if isinstance(error, AlreadyRunning):
        return Ending(error.exit_code, str(error), str(error), log=False, minor=not error.stalled)
    if isinstance(error, IfcbscanError):
        line = str(error) if sends else without_nothing_sent(str(error))
        return Ending(error.exit_code, line, str(error), log=not error.logged)
    if isinstance(error, FileNotFoundError) and current_folder() is None:
        line = (
            "The current folder has been deleted, and this cannot be done from there. Nothing local was changed. Change "
            "into another folder and try again."
        )
        return Ending(ExitCode.USAGE, line, line)
    return Ending(ExitCode.UNEXPECTED, _unexpected(error), f"unexpected error: {error}")


def _unexpected(error: BaseException) -> str:
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    where = f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else "?"
    return (
        f"unexpected error: {type(error).__name__}: {error} ({where}). Nothing local was changed, and nothing in the archive "
        "was deleted; the next run starts afresh. If it happens again, please report this line."
    )
