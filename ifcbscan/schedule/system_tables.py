"""Jobs that an administrator has put into the tables of the whole system: /etc/crontab and the files of /etc/cron.d.

They are read and never written. A line of such a table names the account that runs it, before the command.
"""

from __future__ import annotations

import contextlib
import os
import re
from typing import NamedTuple, Sequence

from ifcbscan.atomic import read_small
from ifcbscan.schedule.crontab_text import how_written, parse_line
from ifcbscan.schedule.jobs import Entry, InstalledJob, Written, installed

#: Where tables with a column for the account lie.
TABLE = "/etc/crontab"
FOLDER = "/etc/cron.d"

#: Five fields or a word such as @hourly, then the account.
_WHEN = re.compile(rb"\s*(?:@\S+|(?:\S+\s+){4}\S+)\s+(?P<user>\S+)\s+(?P<command>\S.*)", re.DOTALL)


#: Cron takes no command of 1,000 bytes, and to take apart what is much longer takes seconds. Bytes of a line.
_LONGEST = 2000


class SystemJob(NamedTuple):
    """A job of a system's table: the file that it stands in, the account that runs it, and when that file was last changed
    (seconds since 1970)."""

    installed: InstalledJob
    table: str
    user: str
    changed: float | None = None


def jobs_in(text: bytes, table: str, changed: float | None = None) -> list[SystemJob]:
    """The jobs of a table of the system. Lines of other programs, and damaged ones, are passed over."""
    entries: dict[str, list[tuple[Entry, Written]]] = {}
    for line in text.splitlines(keepends=True):
        passed_over = len(line) > _LONGEST or line.lstrip().startswith(b"#")
        found = None if passed_over else _WHEN.match(line)
        if found is None:
            continue
        entry = parse_line(found.group("command"))
        if entry is not None:
            user = os.fsdecode(found.group("user"))
            entries.setdefault(user, []).append((entry, how_written(entry, line, user)))
    return [
        SystemJob(job, table, user, changed)
        for user, of_user in entries.items()
        for job in installed(of_user)
    ]


def system_jobs(table: str = TABLE, folder: str = FOLDER) -> list[SystemJob]:
    """The jobs of all tables of this system that can be read, in the order of the files' names; none on Windows.

    Files whose name cron passes over (`.bak`, `~`) are passed over, too.
    """
    names: Sequence[str] = ()
    with contextlib.suppress(OSError):
        names = sorted(name for name in os.listdir(folder) if re.fullmatch(r"[A-Za-z0-9_-]+", name))
    found = []
    for path in (table, *(os.path.join(folder, name) for name in names)):
        with contextlib.suppress(OSError):
            found += jobs_in(read_small(path), path, os.stat(path).st_mtime)
    return found
