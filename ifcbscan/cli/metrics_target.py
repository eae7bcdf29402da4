"""Where the metrics of a job go: into the file of `--metrics-file`, or into a file of its own in METRICS_DIR.

Writes nothing; `remove_own_file` takes away what runs have written into METRICS_DIR.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from ifcbscan import config as configuration
from ifcbscan.cli.job import Job
from ifcbscan.cli.options import ScanArguments
from ifcbscan.cli.targets import absolute, check_target, is_metrics
from ifcbscan.core.job_ids import schedule_id
from ifcbscan.errors import IfcbscanError, UsageError
from ifcbscan.state.paths import job_id

if TYPE_CHECKING:
    from ifcbscan.schedule.jobs import ScheduledJob

#: node_exporter reads the files of its folder that end so, and no others.
ENDING = ".prom"


def metrics_path(job: Job, arguments: ScanArguments) -> str | None:
    """The file (absolute) for the metrics of a run, None for none. Raises UsageError if nothing may be written there.

    What the command line says comes before METRICS_DIR. With METRICS_DIR alone, a `sync` of a folder that nobody has
    scheduled makes no file: it would raise an alarm for ever, because no run follows.
    """
    if arguments.metrics_file is not None:
        path = absolute(arguments.metrics_file)
        check_target("--metrics-file", path, is_metrics, None)
        _check_ending(path)
        return path
    folder = arguments.metrics_dir or job.config.metrics_dir
    if folder is None:
        return None
    path = own_file(folder, arguments.scheduled_as or job.directory, job.time_series)
    check_target("--metrics-dir" if arguments.metrics_dir else "METRICS_DIR", path, is_metrics, None)
    if arguments.by_hand and arguments.metrics_dir is None and not os.path.exists(path):
        return None
    return path


def own_file(folder: str, directory: str, time_series: str) -> str:
    """The file (absolute) of one job in a folder of metrics. `directory` as it stands in the schedule.

    No link of it is followed: one that lies on a disk leads elsewhere while the disk is not mounted, and the job would have
    a second file then, with a last success that grows older for ever.
    """
    return _file(folder, schedule_id(absolute(directory), time_series))


def _file(folder: str, job_name: str) -> str:
    return os.path.join(absolute(folder), f"ifcbscan-{job_name}{ENDING}")


def remove_own_file(job: ScheduledJob) -> str:
    """Remove the file of a job that is scheduled no longer. Returns a line that says so, "" if there was none."""
    folder = job.extras.metrics_dir  # comes before that of its settings
    if folder is None:
        with contextlib.suppress(IfcbscanError):
            folder = configuration.load(job.env_file, {}).metrics_dir
    if not folder:
        return ""
    # Runs of an earlier version named it after the real path of the data folder.
    names = (schedule_id(job.directory, job.time_series), job_id(job.directory, job.time_series))
    said = (_removed(_file(folder, name)) for name in names)
    return " ".join(line for line in said if line)


def _removed(path: str) -> str:
    try:
        os.unlink(path)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        return (
            f"The metrics file {path} cannot be removed ({error.strerror}). Please delete it, else the alerts go on about a job "
            "that is gone."
        )
    return f"Removed its metrics file {path}."


def _check_ending(path: str) -> None:
    # What is there and no plain file (/dev/null) is told when it is written to.
    if path.endswith(ENDING) or (os.path.exists(path) and not os.path.isfile(path)):
        return
    raise UsageError(
        f"--metrics-file: {path} does not end in {ENDING}, and node_exporter reads no other file. Nothing was done; choose "
        "another name."
    )
