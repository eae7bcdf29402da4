"""How fast `verify` reads, beside `md5sum` over the same files, and what memory many files take.

    python tests/benchmarks/bench_verify.py                 a minute: 1 GB, and up to 30,000 files
    python tests/benchmarks/bench_verify.py --files 1000000

Prints a table in Markdown with the date and the versions. Speed is that of files which the system has in
memory, so that it is the summing that is measured and not the disk; the best of several rounds counts, in
which all take turns. For the memory a folder is filled with links to a few small files (a million real
ones would take 4 GB), and `verify` runs in a process of its own. The bucket is a listing made up from the
local files: it is what `verify` reads of one, and no server can get in the way.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from pathlib import Path
from typing import Any, Callable, Iterator

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ifcbscan import __version__  # noqa: E402
from ifcbscan.clock import Clock, ServerClock  # noqa: E402
from ifcbscan.core.bins import EXTENSIONS, Pid, parse_pid  # noqa: E402
from ifcbscan.core.decision import Policy  # noqa: E402
from ifcbscan.core.remote_index import ListedObject  # noqa: E402
from ifcbscan.core.scan_report import Requests  # noqa: E402
from ifcbscan.core.series import Series  # noqa: E402
from ifcbscan.core.verify_report import (
    VerifyReport,  # noqa: E402
    VerifyState,  # noqa: E402
)
from ifcbscan.disk.tree import LocalTree  # noqa: E402
from ifcbscan.runs.verify import VerifyBackends, VerifyListener, VerifyOptions, verify  # noqa: E402

OLD = 1400000000.0
FIRST = datetime.datetime(2013, 1, 1)
BINS_A_DAY = 60
LINKS = 20000  # to one file; file systems have a limit
ONE_BIN, TWO_BINS = "verify, 1 bin at a time", "verify, 2 bins at a time"
ONE_SUM, TWO_SUMS = "md5sum, 1 process", "md5sum, 2 processes"
PREFIX = Series("hablab", "nauset").prefix


class MadeUpBucket:
    """Lists the bins of a folder as S3 would, with these sizes and MD5s."""

    def __init__(self, count: int, members: Callable[[int, str], tuple[int, str]]) -> None:
        self.server_clock = ServerClock(Clock())
        self.server_clock.learn(formatdate(usegmt=True))
        self.requests = Requests()
        self._count = count
        self._members = members

    def list(self, prefix: str, start_after: str = "", up_to: str = "") -> Iterator[ListedObject]:
        assert prefix == PREFIX
        for number in range(self._count):
            pid = pid_of(number)
            for extension in sorted(EXTENSIONS):
                key = pid.key(PREFIX, extension)
                if key > start_after and (not up_to or key <= up_to):
                    size, md5 = self._members(number, extension)
                    yield ListedObject(key, size, "2014-01-01T00:00:00.000Z", md5)


def pid_of(number: int) -> Pid:
    day, bin_of_day = divmod(number, BINS_A_DAY)
    moment = FIRST + datetime.timedelta(days=day, minutes=24 * bin_of_day)
    pid = parse_pid(moment.strftime("D%Y%m%dT%H%M%S_IFCB013"))
    assert pid is not None
    return pid


def run(root: Path, bucket: MadeUpBucket, jobs: int, deletable: str | None = None) -> VerifyReport:
    options = VerifyOptions("hablab", "nauset", Policy(), jobs=jobs, deletable=deletable)
    fake: Any = bucket
    with ThreadPoolExecutor(jobs) as pool:
        return verify(options, VerifyBackends(LocalTree(str(root)), fake, Clock(), pool), VerifyListener())


# --- speed


def make_bins(root: Path, count: int, roi_bytes: int) -> dict[str, tuple[int, str]]:
    """Bins with contents that do not repeat; name -> size and MD5."""
    members = {}
    for number in range(count):
        for extension, size in (("hdr", 3000), ("adc", 200000), ("roi", roi_bytes)):
            body = os.urandom(size)
            path = root / f"{pid_of(number)}.{extension}"
            path.write_bytes(body)
            os.utime(str(path), (OLD, OLD))
            members[path.name] = (size, hashlib.md5(body).hexdigest())
    return members


def md5sum(files: list[str], processes: int) -> float:
    began = time.perf_counter()
    shares = [files[share::processes] for share in range(processes)]
    running = [subprocess.Popen(["md5sum", *share], stdout=subprocess.DEVNULL) for share in shares]
    assert all(process.wait() == 0 for process in running)
    return time.perf_counter() - began


def measure_speed(folder: Path, count: int, roi_bytes: int, rounds: int) -> tuple[dict[str, float], int]:
    """Fill the folder with bins and read them; gives the best seconds of each way, and the bytes of all files."""
    members = make_bins(folder, count, roi_bytes)
    files = sorted(str(path) for path in folder.iterdir())
    size = sum(item[0] for item in members.values())
    bucket = MadeUpBucket(count, lambda number, extension: members[f"{pid_of(number)}.{extension}"])

    def verify_with(jobs: int) -> Callable[[], float]:
        def once() -> float:
            began = time.perf_counter()
            report = run(folder, bucket, jobs)
            took = time.perf_counter() - began
            assert report.bins[VerifyState.PROVEN] == count and report.bytes_read == size
            return took

        return once

    ways: list[tuple[str, Callable[[], float]]] = [(ONE_BIN, verify_with(1)), (TWO_BINS, verify_with(2))]
    if shutil.which("md5sum"):
        ways.append((ONE_SUM, lambda: md5sum(files, 1)))
        ways.append((TWO_SUMS, lambda: md5sum(files, 2)))
    best: dict[str, float] = {}
    for _ in range(rounds):
        for name, way in ways:
            best[name] = min(best.get(name, 1e9), way())
    return best, size


def print_speed(best: dict[str, float], size: int) -> None:
    print("| what | seconds | MB/s |\n|---|---|---|")
    for name, seconds in best.items():
        print(f"| {name} | {seconds:.2f} | {size / seconds / 1e6:.0f} |")
    print()


# --- memory


def fill_with_links(root: Path, bins: int) -> None:
    """Bins in day folders whose files are links to a few real ones."""
    folder = root
    sources: dict[str, Path] = {}
    for number in range(bins):
        pid = pid_of(number)
        if number % BINS_A_DAY == 0:
            folder = root / pid.day_folder
            folder.mkdir(parents=True)
        for extension in EXTENSIONS:
            path = folder / f"{pid}.{extension}"
            if number % LINKS == 0:
                path.write_bytes(extension.encode() * 10)
                os.utime(str(path), (OLD, OLD))
                sources[extension] = path
            else:
                os.link(str(sources[extension]), str(path))


def measure_memory_here(root: Path, bins: int, jobs: int) -> None:
    """Verify, and print bins, bytes of peak memory before and after, and seconds. For a process of its own."""
    digests = {ext: (30, hashlib.md5(ext.encode() * 10).hexdigest()) for ext in EXTENSIONS}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    began = time.perf_counter()
    report = run(root, MadeUpBucket(bins, lambda _, extension: digests[extension]), jobs, f"{root}.list")
    took = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    assert report.deletable is not None and report.deletable.bins == bins, report
    print(bins, before, after, took, threading.active_count())


def measure_memory(folder: Path, counts: list[int]) -> None:
    print("Memory of the whole process (peak), files of 30 bytes, with a list of deletable files:\n")
    print("| files | MiB before | MiB at most | bytes a file | seconds |\n|---|---|---|---|---|")
    for files in counts:
        root = folder / f"files-{files}"
        root.mkdir()
        bins = files // 3
        fill_with_links(root, bins)
        command = [sys.executable, __file__, "--one-memory-run", str(root), str(bins)]
        answer = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.decode().split()
        before, after, took = int(answer[1]), int(answer[2]), float(answer[3])
        a_file = (after - before) / (3 * bins)
        print(f"| {3 * bins:,} | {before / 2**20:.0f} | {after / 2**20:.0f} | {a_file:.0f} | {took:.1f} |")
        shutil.rmtree(str(root))
    print()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bins", type=int, default=100, help="for the speed (100)")
    parser.add_argument("--roi-mb", type=float, default=10.0, help="size of each .roi in MB (10)")
    parser.add_argument("--rounds", type=int, default=5, help="of which the best counts (5)")
    parser.add_argument("--files", type=int, default=30000, help="for the memory, at most (30000)")
    parser.add_argument("--one-memory-run", nargs=2, metavar=("FOLDER", "BINS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one_memory_run:
        measure_memory_here(Path(options.one_memory_run[0]), int(options.one_memory_run[1]), 2)
        return
    print(
        f"{datetime.date.today()}, ifcbscan {__version__}, Python {platform.python_version()}, "
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        speed = Path(folder) / "speed"
        speed.mkdir()
        best, size = measure_speed(speed, options.bins, round(options.roi_mb * 1e6), options.rounds)
        print(f"Reading {options.bins} bins, {size / 1e6:.0f} MB, best of {options.rounds}:\n")
        print_speed(best, size)
        shutil.rmtree(str(speed))
        counts = [count for count in (3000, 30000, 300000) if count < options.files]
        measure_memory(Path(folder), [*counts, options.files])


if __name__ == "__main__":
    main()
