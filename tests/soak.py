"""Random faults for as long as you like: `python tests/soak.py --minutes 60 --seed 7`.

Two kinds of rounds take turns. A *world* is the model (support/randomworld.py): virtual time, no
processes, hundreds a minute; its seed repeats it exactly (`--world SEED`). A *voyage* is real: processes of
ifcbscan, a proxy that breaks connections, a real S3 server, the archive at work; its seed repeats what is
done to them (`--voyage SEED`), and where exactly a kill hits is up to the machine.

Prints scans, faults by kind, bins and violations. Exits with 1 if there was any violation.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, Callable

TESTS = Path(__file__).resolve().parent
sys.path[:0] = [str(TESTS), str(TESTS.parent)]

from support.archive import GENERATIONS, Archive  # noqa: E402
from support.faultproxy import Break, FaultProxy  # noqa: E402
from support.randomworld import play  # noqa: E402
from support.runs import assert_adc_last, snapshot  # noqa: E402
from support.scripted import ScriptedServer  # noqa: E402
from support.servers import MotoServer, RcloneServer, S3Server, ServerUnavailable  # noqa: E402

from ifcbscan.demo.sample_bins import bin_contents, write_bin  # noqa: E402

LONG_AGO = 1400000000.0
OLD_TIMES = [LONG_AGO, LONG_AGO, 0.0, -1.0, -2000000000.0]  # 1906, which every file system here can hold
FOREIGN = [".adc.mod", ".json", ".hdr.bak", ".ROI", "_blobs_v4.zip", ".a"]
STEPS = 12
LONGEST_RUN = 180.0  # seconds; a run that takes longer hangs
CODES = {0, 3, 4, 5, 130, 143, -signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT}


class Log:
    """What has happened so far."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.violations: list[str] = []

    def world(self, seed: int) -> None:
        """Play one world of the model."""
        world = play(seed)
        self.counts["worlds"] += 1
        for name, count in world.statistics.items():
            kind = {"scans": "scans in worlds", "puts": "files put in worlds"}.get(name, name)
            self.counts[kind if name.startswith("fault") else kind.replace("run: ", "run in a world: ")] += (
                count
            )
        self.violations += [f"world {seed}: {text}" for text in world.violations]

    def voyage(self, seed: int, server: S3Server) -> None:
        """Make one voyage."""
        folder = Path(tempfile.mkdtemp(prefix="ifcbscan-soak-"))
        self.counts["voyages"] += 1
        try:
            Voyage(seed, server, folder, self.counts).make()
        except Exception as error:
            self.violations.append(f"voyage {seed} on {server.name}: {type(error).__name__}: {error}")
        finally:
            shutil.rmtree(str(folder), ignore_errors=True)


class Voyage:
    """An instrument that writes bins, runs that send them, and whatever may come between."""

    def __init__(self, seed: int, server: S3Server, folder: Path, counts: Counter[str]) -> None:
        self.draw = random.Random(seed)
        self.server = server
        self.folder = folder
        self.counts = counts
        self.data = folder / "data"
        self.data.mkdir()
        self.bucket = f"soak.{seed}-{os.getpid()}-{self.counts['voyages']}"
        self.made: list[str] = []
        self.growing: str | None = None
        self.copying: str | None = None
        self.too_late: set[str] = set()  # changed after their .adc went: no size shows it
        self.refused: set[str] = set()
        self.rules = self.draw.choice(GENERATIONS)
        server.make_bucket(self.bucket)

    def make(self) -> None:
        """All of it; raises AssertionError for a violation."""
        self.archive = Archive(
            self.server.client(),
            self.bucket,
            self.rules,
            lag=self.draw.choice([0.0, 0.2, 0.6]),
            refuse=lambda key, body: any(pid in key for pid in self.refused),
        )
        with ScriptedServer(upstream=self.server.endpoint) as observer:
            with FaultProxy(observer.endpoint) as proxy, self.archive.running(0.1):
                self.configure(proxy.endpoint)
                for _ in range(STEPS):
                    self.step(proxy)
                    self.check_sent(observer)
                self.counts.update({f"fault: {way}": count for way, count in proxy.broken.items()})
                proxy.begin_again()
                self.finish_growing()
                self.finish_copying()
                time.sleep(1.5)  # for what has just been written to settle
                self.run_quietly()
                time.sleep(1.0)
                report = self.run_quietly()
            self.archive.step()
            self.check_sent(observer)
            self.check_arrived(report)

    def configure(self, endpoint: str) -> None:
        """The `.env` file."""
        values = {
            "AWS_ACCESS_KEY_ID": self.server.access_key,
            "AWS_SECRET_ACCESS_KEY": self.server.secret_key,
            "USER_ACCOUNT": "hablab",
            "BUCKET_NAME": self.bucket,
            "S3_ENDPOINT_URL": endpoint,
            "CONFIRM_SECONDS": "1",
            "SETTLE_SECONDS": "1",
        }
        path = self.folder / ".env"
        path.touch(mode=0o600)
        path.write_text("".join(f"{name}={value}\n" for name, value in values.items()))

    def step(self, proxy: FaultProxy) -> None:
        """Some bins, some faults, one or two runs."""
        for _ in range(self.draw.randrange(3)):
            self.new_bin()
        if self.draw.random() < 0.4:
            self.grow()
        if self.draw.random() < 0.3:
            self.finish_copying()
        if self.draw.random() < 0.2:
            self.begin_copying()
        if self.draw.random() < 0.4:
            self.rewrite()
        if self.draw.random() < 0.3:
            self.put_foreign()
        proxy.begin_again(*[self.fault() for _ in range(self.draw.choice([0, 1, 1, 2, 3]))])
        modes: list[list[str]] = [[], ["--max-age", "5000d"]]
        before = snapshot(self.data)
        running = [
            self.start(*mode) for mode in (modes if self.draw.random() < 0.3 else [self.draw.choice(modes)])
        ]
        if self.draw.random() < 0.4:
            number = self.draw.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
            time.sleep(self.draw.uniform(0.0, 2.0))
            running[0].send_signal(number)
            self.counts[f"fault: {signal.Signals(number).name}"] += 1
        elif self.draw.random() < 0.3:
            self.stop_and_go_on(running[0], modes)
        for process in running:
            self.end(process, hit=process is running[0])
        assert snapshot(self.data) == before, "I4: something local has changed"

    def stop_and_go_on(self, process: subprocess.Popen[bytes], modes: list[list[str]]) -> None:
        """A process stands still while another run comes and goes; then it goes on, or is killed."""
        kills, mode = self.draw.random() < 0.3, self.draw.choice(modes)
        time.sleep(self.draw.uniform(0.2, 2.0))
        process.send_signal(signal.SIGSTOP)
        self.counts["fault: SIGSTOP"] += 1
        try:
            self.end(self.start(*mode))
            time.sleep(self.draw.uniform(0.0, 2.0))
        finally:
            process.send_signal(signal.SIGKILL if kills else signal.SIGCONT)

    def fault(self) -> Break:
        """A break of the connection at some request."""
        kind = self.draw.choice(["list", "put", "put", "put", "head"])
        way = self.draw.choice(["reset", "cut", "garbage", "delay", "drop"])
        up = None if way == "drop" else self.draw.choice([None, 10, 300, 2000, 20000])
        return Break(
            kind,
            way,
            up=up,
            down=0 if way == "drop" else self.draw.choice([0, 30, 300]),
            first=self.draw.randrange(6),
            times=self.draw.choice([1, 1, 1, 2, 8]),
        )

    def new_bin(self) -> None:
        """A whole bin; one in ten is of the kind that an archive refuses if it judges the content of a .roi."""
        number = len(self.made)
        pid = f"D2026{1 + number // 600:02d}{1 + number // 24 % 25:02d}T{number % 24:02d}1500_IFCB199"
        if self.draw.random() < 0.1 and self.rules.judges_roi:
            self.refused.add(pid)
        size = self.draw.choice([300, 3000, 30000, 300000])
        changed = self.draw.choice(OLD_TIMES)
        write_bin(self.data / pid[1:5] / pid[:9], pid, images=4, roi_bytes=size, mtime=changed)
        self.made.append(pid)
        self.counts["bins"] += 1

    def grow(self) -> None:
        """A bin that is being written: a part of it more, with an old time all the same."""
        if self.growing is None:
            self.growing = f"D20270101T{self.draw.randrange(24):02d}0000_IFCB199"
        contents = bin_contents(self.growing, 5, roi_bytes=5000)
        for extension in ("hdr", "adc", "roi"):
            body: bytes = getattr(contents, extension)
            path = self.data / f"{self.growing}.{extension}"
            have = path.stat().st_size if path.exists() else 0
            path.write_bytes(body[: self.draw.randint(have, len(body))])
            os.utime(str(path), (LONG_AGO, LONG_AGO))

    def finish_growing(self) -> None:
        """The bin that was being written is whole now."""
        if self.growing is not None:
            write_bin(self.data, self.growing, images=5, roi_bytes=5000, mtime=LONG_AGO)
            self.made.append(self.growing)
            self.counts["bins"] += 1

    def begin_copying(self) -> None:
        """A copy begins that makes the .roi as large as it will be, of zeros, and stalls."""
        if self.copying is None:
            self.copying = f"D20270102T{self.draw.randrange(24):02d}0000_IFCB199"
            *_, roi = write_bin(self.data, self.copying, images=5, roi_bytes=5000, mtime=LONG_AGO)
            roi.write_bytes(bytes(roi.stat().st_size))
            os.utime(str(roi), (LONG_AGO, LONG_AGO))
            self.made.append(self.copying)
            self.counts["bins"] += 1

    def finish_copying(self) -> None:
        """The copy goes on; a copy of rsync gives the file its old time in the end."""
        if self.copying in self.made and self.copying not in self.too_late:
            roi = self.data / f"{self.copying}.roi"
            if roi.read_bytes().count(0) == roi.stat().st_size:
                self.change_in_place(roi, bin_contents(self.copying, 5, roi_bytes=5000).roi)

    def rewrite(self) -> None:
        """Files of a bin whose .adc has not gone yet get other content of equal size."""
        sent = {key.rsplit("/", 1)[-1] for key in self.server.objects(self.bucket)}
        left = [pid for pid in self.made if pid not in self.refused and f"{pid}.adc" not in sent]
        if left:
            pid = self.draw.choice(left)
            for path in sorted(self.data.rglob(pid + ".[hr]*")):
                body = path.read_bytes()
                self.change_in_place(path, bytes([body[0] ^ 1]) + body[1:])
            self.counts["fault: bin written again in place"] += 1

    def change_in_place(self, path: Path, body: bytes) -> None:
        """Other content of equal size, with a new time or an old one."""
        assert len(body) == path.stat().st_size
        path.write_bytes(body)
        if self.draw.random() < 0.5:
            os.utime(str(path), (LONG_AGO, LONG_AGO))
        sent = {key.rsplit("/", 1)[-1] for key in self.server.objects(self.bucket)}
        if f"{path.stem}.adc" in sent:
            self.too_late.add(path.stem)

    def put_foreign(self) -> None:
        """Somebody puts an object, or a file, beside a bin's own."""
        if self.made:
            pid, ending = self.draw.choice(self.made), self.draw.choice(FOREIGN)
            key = f"hablab/nauset/{pid[1:5]}/{pid[:9]}/{pid}{ending}"
            self.server.client().put_object(Bucket=self.bucket, Key=key, Body=b"foreign")
            if ending != ".ROI":  # which is a bin's file on a disk
                (self.data / (pid + ending)).write_bytes(b"foreign")
            self.counts["foreign objects"] += 1

    def start(self, *options: str) -> subprocess.Popen[bytes]:
        """A run in the background."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(home),
            "PYTHONPATH": str(TESTS.parent),
        }
        self.counts["scans in voyages"] += 1
        return subprocess.Popen(
            [sys.executable, "-m", "ifcbscan", "--once", str(self.data), "nauset", "--json", *options],
            cwd=str(self.folder),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def end(self, process: subprocess.Popen[bytes], hit: bool = False) -> dict[str, Any] | None:
        """The report of a run, if it came to one."""
        try:
            stdout, stderr = process.communicate(timeout=LONGEST_RUN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise AssertionError(f"I5: a run took longer than {LONGEST_RUN:.0f} s") from None
        code = process.returncode
        text = stderr.decode("utf-8", "replace")
        self.counts[f"run in a voyage: exit {code}"] += 1
        assert self.server.secret_key not in text + stdout.decode("utf-8", "replace"), "a secret was shown"
        if hit and code == 1 and "KeyboardInterrupt" in text:
            return None  # SIGINT while Python itself was starting
        assert code in CODES, f"I5: exit code {code}: {text[-500:]}"
        assert "unexpected error" not in text and ("Traceback" not in text or hit), text[-500:]
        if not stdout:
            return None
        report: dict[str, Any] = json.loads(stdout)
        found = {path.stem for path in self.data.rglob("*.*") if path.suffix in (".hdr", ".adc", ".roi")}
        assert sum(report["bins"].values()) == len(found), f"I5: {len(found)} bins, counted {report['bins']}"
        return report

    def run_quietly(self) -> dict[str, Any]:
        """A run that nothing disturbs."""
        report = self.end(self.start())
        assert report is not None, "I5: no report"
        return report

    def check_sent(self, observer: ScriptedServer) -> None:
        """I2, I3 and I4 over everything that has taken effect so far."""
        stored = observer.stored
        assert_adc_last(stored)
        assert not [row for row in self.archive.registered.values() if row.broken], "I2: a broken row"
        latest: dict[str, Any] = {}
        deleted = {event.key.rsplit("/", 1)[-1] for event in self.archive.events if event.kind == "deleted"}
        for request in stored:
            earlier = latest.get(request.name)
            if earlier is not None:
                assert request.size >= earlier.size, f"I4: {request.name} became smaller"
                again = request.md5 == earlier.md5 and not request.name.endswith(".hdr")
                # A refused bin is tried again if its first try was cut before its .hdr.
                assert not again or request.name in deleted, f"I3: {request.name} was put again"
            latest[request.name] = request
        for name in deleted:
            roi = [request for request in stored if request.name == name]
            hdr = [request for request in stored if request.name == name[:-3] + "hdr"]
            assert len(hdr) <= 1, f"I3: {name} was tried again within a day: {len(roi)}, {len(hdr)}"

    def check_arrived(self, report: dict[str, Any]) -> None:
        """I1."""
        client = self.server.client()
        for pid in self.made:
            if pid in self.refused:
                continue
            for path in self.data.rglob(pid + ".???"):
                if path.suffix[1:] not in ("hdr", "adc", "roi"):
                    continue
                key = f"hablab/nauset/{pid[1:5]}/{pid[:9]}/{path.name}"
                with contextlib.closing(client.get_object(Bucket=self.bucket, Key=key)["Body"]) as body:
                    there = body.read()
                assert pid in self.too_late or there == path.read_bytes(), f"I1: {path.name} differs"
        assert report["bins"]["synced"] == len(self.made) - len(self.refused), f"I1: {report['bins']}"
        assert report["bins"]["rejected"] == len(self.refused), f"I1: {report['bins']}"
        assert report["requests"]["put"] == 0, "I3: a quiet run put something"


def servers(stack: contextlib.ExitStack) -> list[S3Server]:
    """The S3 servers that this machine can run."""
    found: list[S3Server] = [stack.enter_context(MotoServer())]
    with contextlib.suppress(ServerUnavailable):
        found.append(stack.enter_context(RcloneServer()))
    return found


def soak(minutes: float, seed: int, say: Callable[[str], None]) -> Log:
    """Worlds and voyages in turn until the time is over."""
    log = Log()
    end = time.monotonic() + minutes * 60
    with contextlib.ExitStack() as stack:
        available = servers(stack)
        number = 0
        while time.monotonic() < end and len(log.violations) < 20:
            began = time.monotonic()
            log.voyage(seed * 1000000 + number, available[number % len(available)])
            spent = time.monotonic() - began
            while time.monotonic() < min(began + 2 * spent, end):
                log.world(seed * 1000000 + log.counts["worlds"])
            number += 1
            say(
                f"{log.counts['voyages']} voyages, {log.counts['worlds']} worlds, {len(log.violations)} violations"
            )
    return log


def main() -> int:
    """Returns 1 if an invariant was violated."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--world", type=int, help="repeat one world")
    parser.add_argument("--voyage", type=int, help="repeat one voyage, on each server")
    options = parser.parse_args()
    began = time.monotonic()
    log = Log()
    if options.world is not None:
        log.world(options.world)
    elif options.voyage is not None:
        with contextlib.ExitStack() as stack:
            for server in servers(stack):
                log.voyage(options.voyage, server)
    else:
        log = soak(options.minutes, options.seed, lambda line: print(line, file=sys.stderr, flush=True))
    print(f"Python {platform.python_version()}, {(time.monotonic() - began) / 60:.1f} minutes")
    for name, count in sorted(log.counts.items()):
        print(f"{count:>10,}  {name}")
    print(f"{len(log.violations):>10,}  violations")
    for violation in log.violations:
        print("  " + violation)
    return 1 if log.violations else 0


if __name__ == "__main__":
    sys.exit(main())
