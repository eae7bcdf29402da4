"""Trees for the benchmarks: many tiny bins quickly, or some of a given size.

The bins end at a given time and go back from it, 60 a day as an instrument takes them. What the files
of a tiny bin hold does not matter, only that their sizes are known to the listing server, too.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Iterator

from ifcbscan.demo.sample_bins import bin_contents

SECONDS_A_BIN = 24 * 60

#: Bytes of the files of a tiny bin, in the order in which S3 lists them.
TINY = (("adc", 7), ("hdr", 9), ("roi", 11))


def pids(count: int, end: float) -> Iterator[str]:
    """`count` pids, oldest first; the newest is of `end` (seconds since 1970)."""
    for back in range(count - 1, -1, -1):
        yield time.strftime("D%Y%m%dT%H%M%S_IFCB101", time.gmtime(end - back * SECONDS_A_BIN))


def day_folder(pid: str) -> str:
    """`2013/D20130526`: where the archive keeps a bin, and how instruments lay out their disks."""
    return f"{pid[1:5]}/{pid[:9]}"


def make_tiny(root: Path, bins: int, end: float) -> None:
    """Write `bins` bins of a few bytes each below `root`, in folders by year and day."""
    made = ""
    for pid in pids(bins, end):
        folder = os.path.join(str(root), day_folder(pid))
        if folder != made:
            os.makedirs(folder, exist_ok=True)
            made = folder
        for extension, size in TINY:
            descriptor = os.open(f"{folder}/{pid}.{extension}", os.O_WRONLY | os.O_CREAT, 0o644)
            os.write(descriptor, b"x" * size)
            os.close(descriptor)


def make_large(root: Path, bins: int, size: int, end: float) -> None:
    """Write `bins` bins of about `size` bytes each below `root`; `.adc` and `.roi` of each agree."""
    sample = bin_contents("D20240501T000000_IFCB101", images=400, roi_bytes=size)
    for pid in pids(bins, end):
        folder = root / day_folder(pid)
        folder.mkdir(parents=True, exist_ok=True)
        for extension in ("hdr", "adc", "roi"):
            (folder / f"{pid}.{extension}").write_bytes(getattr(sample, extension))


def make_sparse(root: Path, bins: int, end: float) -> None:
    """Write `bins` bins below `root`, of 5 to 60 kB each, as an instrument takes them where little is in the water."""
    samples = [
        bin_contents("D20240501T000000_IFCB101", images=1 + size // 3, roi_bytes=size * 1000)
        for size in range(4, 56)
    ]
    for number, pid in enumerate(pids(bins, end)):
        folder = root / day_folder(pid)
        folder.mkdir(parents=True, exist_ok=True)
        sample = samples[number * 31 % len(samples)]
        for extension in ("hdr", "adc", "roi"):
            (folder / f"{pid}.{extension}").write_bytes(getattr(sample, extension))
