"""`ifcbscan --once` and `ifcbscan sync`: one scan."""

from __future__ import annotations

from ifcbscan.cli import scanning
from ifcbscan.cli.job import find_job_with_log
from ifcbscan.cli.log import check_beside_log
from ifcbscan.cli.options import ScanArguments
from ifcbscan.cli.signals import Interruption


def run(arguments: ScanArguments, interruption: Interruption) -> int:
    """Scan once; returns the exit code of the report."""
    check_beside_log(arguments.metrics_file, "--metrics-file", arguments.output.log_file)
    job = find_job_with_log(arguments.job, arguments.output.log_file)
    return scanning.carry_out(job, arguments, interruption)
