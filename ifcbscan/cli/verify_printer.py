"""What a person is told while bins are read and compared. Apart from `printer`, because a scan compares no content."""

from __future__ import annotations

from ifcbscan.cli.output import say
from ifcbscan.cli.progress import Progress
from ifcbscan.core.verify_report import BinResult
from ifcbscan.runs.verify import VerifyListener


class VerifyPrinter(VerifyListener):
    """Moves the progress on, and with --verbose tells of each bin."""

    def __init__(self, progress: Progress, verbose: bool) -> None:
        self._progress = progress
        self._verbose = verbose

    def begin(self, bins: int, size: int) -> None:
        self._progress.begin(bins, size)

    def bin_done(self, result: BinResult) -> None:
        self._progress.bin_done(result.pid)
        self._progress.moved(result.size)
        if self._verbose:
            say("{} {}{}".format(result.pid, result.state, ": " + result.reason if result.reason else ""))
