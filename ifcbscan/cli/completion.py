"""What the Tab key offers besides commands and options: scheduled jobs, and folders. Asks no network, and never fails.

Loaded only when a shell asks (docs/completion.md).
"""

from __future__ import annotations

import contextlib
import re
from argparse import ArgumentParser
from typing import TYPE_CHECKING, Any, Iterable, MutableMapping

from ifcbscan.errors import IfcbscanError

if TYPE_CHECKING:
    from ifcbscan.schedule.jobs import ScheduledJob


def prepare(parser: ArgumentParser, commands: Iterable[ArgumentParser]) -> None:
    """Say for each word of each command what can stand there. `parser`: the whole one, `commands`: those of the commands."""
    from argcomplete.completers import DirectoriesCompleter

    folders = DirectoriesCompleter()
    completers: dict[str, Any] = {
        "directory": folders,
        "time_series": _time_series,
        "what": _jobs,
        "metrics_dir": folders,
        "mounted_at": folders,
    }
    for command in (parser, *commands):
        for action in command._actions:
            if action.dest in completers:
                action.completer = completers[action.dest]  # type: ignore[attr-defined]


def once_as_command(asked: MutableMapping[str, str]) -> None:
    """Let the line that a shell asks about begin with `once` where it begins with `--once`, as it is carried out."""
    line = asked.get("COMP_LINE", "")
    found = re.match(r"(\s*\S+\s+)--once\s", line)
    point = asked.get("COMP_POINT", "")
    if found is None or not point.isdigit() or int(point) < found.end():
        return
    asked["COMP_LINE"] = line[: found.end(1)] + line[found.end(1) + 2 :]
    asked["COMP_POINT"] = str(int(point) - 2)


def _time_series(**_: Any) -> list[str]:
    return sorted({job.time_series for job in _scheduled()})


def _jobs(**_: Any) -> list[str]:
    """By time series and by folder, as `stop` takes them."""
    return sorted({name for job in _scheduled() for name in (job.directory, job.time_series)})


def _scheduled() -> list[ScheduledJob]:
    # not schedule_view, which needs the options of a command
    from ifcbscan.schedule.choose import for_this_system

    with contextlib.suppress(IfcbscanError):
        return [installed.job for installed in for_this_system().jobs()]
    return []
