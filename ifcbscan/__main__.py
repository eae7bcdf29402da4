"""`python -m ifcbscan`, and what the `ifcbscan` command runs."""

from __future__ import annotations

import os
import sys

from ifcbscan.cli import main
from ifcbscan.errors import ExitCode


def run() -> None:
    """Run the command line and end the process with its exit code."""
    code = main()
    if code in (ExitCode.INTERRUPTED, ExitCode.TERMINATED):
        # Threads may still be waiting for an answer; all that matters has been reported and closed.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    run()
