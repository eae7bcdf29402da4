"""Writes the files in packaging/cron and packaging/taskscheduler, from the functions that `ifcbscan start` uses.

Run it after a change in ifcbscan/schedule:  python packaging/generate.py
A test compares the files with what this would write.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))  # the ifcbscan of this repository, installed or not

from ifcbscan.schedule import crontab_text, task_text  # noqa: E402
from ifcbscan.schedule.jobs import Mode, ScheduledJob  # noqa: E402

LINUX = ScheduledJob(
    python="/opt/ifcbscan/bin/python",
    env_file="/etc/ifcbscan/.env",
    directory="/var/lib/ifcb/data",
    time_series="my_time_series",
    log_file="/var/log/ifcbscan/my_time_series.log",
)
LINUX_USER = "ifcb"

WINDOWS = ScheduledJob(
    python="C:\\Program Files\\ifcbscan\\Scripts\\python.exe",
    env_file="C:\\ProgramData\\ifcbscan\\.env",
    directory="D:\\ifcb\\data",
    time_series="my_time_series",
    log_file="C:\\ProgramData\\ifcbscan\\my_time_series.log",
)

_CRON_HEAD = b"""\
# /etc/cron.d/ifcbscan: every minute the recent bins, once an hour all of them. See README.md.
# One pair of lines for each directory and time series; a % in a path is written '\\%'.
"""


def files() -> dict[str, bytes]:
    """The content of each generated file, by its path below packaging/."""
    made = {"cron/ifcbscan": _CRON_HEAD + crontab_text.render_drop_in(LINUX, LINUX_USER)}
    for mode in Mode:
        name = f"{task_text.FOLDER}ifcbscan-{mode.value}"
        xml = task_text.task_xml(WINDOWS, mode, task_text.SYSTEM, name=name)
        made[f"taskscheduler/ifcbscan-{mode.value}.xml"] = task_text.file_bytes(xml)
    return made


if __name__ == "__main__":
    for path, content in files().items():
        (HERE / path).write_bytes(content)
