"""Whether what the entries of a schedule start can be started: the Python, the package, and what that needs."""

from __future__ import annotations

import os
import re

from ifcbscan.core.printable import brief
from ifcbscan.schedule.jobs import ScheduledJob, ScheduleError
from ifcbscan.schedule.process import Runner, run

#: Says the version, from the root as under cron, if the libraries that every scan needs are there. Any version understands it.
_SAY_VERSION = (
    "import os, runpy, sys; os.chdir(os.sep); import botocore, tenacity; "
    "sys.argv[1:] = ['--version']; runpy.run_module('ifcbscan', run_name='__main__', alter_sys=True)"
)


def version_of(job: ScheduledJob, runner: Runner = run) -> str:
    """The version of ifcbscan that the entries of `job` start. Raises ScheduleError with the reason why they start none.

    `-E`: a schedule does not see the PYTHON... variables of this terminal either.
    """
    what = ["-c", _SAY_VERSION] if job.single_file is None else [job.single_file, "--version"]
    done = runner([job.python, "-E", *what], b"")
    version = re.fullmatch(rb"ifcbscan (\S+)\s*", done.stdout)
    if done.code == 0 and version is not None:
        return os.fsdecode(version.group(1))
    lines = os.fsdecode(done.stderr).strip().splitlines()
    said = brief(lines[-1]) if lines else f"exit code {done.code}"
    raise ScheduleError(f"{job.python} does not start ifcbscan: {said}.")
