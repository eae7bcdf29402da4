"""ifcbscan beside rclone, aws and s5cmd: same machine, same server, same files, one run.

    python tests/benchmarks/run.py                      all parts; about twenty minutes
    python tests/benchmarks/run.py full latency         some of them
    python tests/benchmarks/run.py --write              also put the table into docs/performance.md

Needs Linux or macOS, about 4 GB of disk, and the peers: `pip install -e .[bench]`, or `--peers FOLDER`
for the folder of an environment that has them. Contestants take turns, after one round that only warms
the caches; what is shown is the median. CPU time and memory are those of the whole process as the
system counts them.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator, Mapping, Sequence

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "tests")]

from benchmarks import bench_verify, trees  # noqa: E402
from support import certificate  # noqa: E402
from support.ceph import CephServer  # noqa: E402
from support.servers import S3Server, ServerUnavailable  # noqa: E402

from ifcbscan.core.remote_index import MOST_RANGES  # noqa: E402

PAGE_OF_RESULTS = REPOSITORY / "docs" / "performance.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
BUCKET, ACCOUNT, SERIES = "bench", "hablab", "nauset"
KEY, SECRET = S3Server.access_key, S3Server.secret_key
RCLONE, AWS, S5CMD, OURS = "rclone", "aws", "s5cmd", "ifcbscan"


@dataclass(frozen=True)
class Spent:
    """What a process took: seconds of wall and CPU time, MiB of memory at its peak; and what it printed."""

    wall: float
    cpu: float
    memory: float
    stdout: str


@dataclass(frozen=True)
class Row:
    """One line of the table. `result` and `target` as numbers where smaller is better."""

    work: str
    measured: str
    result: float
    target: float
    form: str = "{:.2f}"

    def __str__(self) -> str:
        met = "yes" if self.result <= self.target else "**no**"
        result, target = self.form.format(self.result), self.form.format(self.target)
        return f"| {self.work} | {self.measured} | {result} | {target} | {met} |"


@dataclass(frozen=True)
class Setting:
    """Where everything is, and how much of it."""

    work: Path
    peers: Mapping[str, str]
    runs: int
    files: int
    big: int
    keys: int
    bins: int
    sparse: int
    end: float
    certificate: tuple[str, str]  # the files of it, which is its own authority, and of its key

    def environment(self, endpoint: str) -> dict[str, str]:
        """The environment of every contestant: nothing of this user's, and the way to the server."""
        remote = {
            "TYPE": "s3",
            "PROVIDER": "Rclone",
            "ENDPOINT": endpoint,
            "ACCESS_KEY_ID": KEY,
            "SECRET_ACCESS_KEY": SECRET,
        }
        trusted = self.certificate[0]
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.work / "home"),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(REPOSITORY),
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            **({"AWS_CA_BUNDLE": trusted, "RCLONE_CA_CERT": trusted} if endpoint.startswith("https") else {}),
            **{"RCLONE_CONFIG_B_" + name: value for name, value in remote.items()},
        }

    def env_file(self, endpoint: str) -> Path:
        """A `.env` for ifcbscan."""
        path = self.work / "env"
        path.touch(mode=0o600)
        path.write_text(
            f"AWS_ACCESS_KEY_ID={KEY}\nAWS_SECRET_ACCESS_KEY={SECRET}\nUSER_ACCOUNT={ACCOUNT}\n"
            f"BUCKET_NAME={BUCKET}\nS3_ENDPOINT_URL={endpoint}\nSETTLE_SECONDS=0\nCONFIRM_SECONDS=0\n"
            + (f"AWS_CA_BUNDLE={self.certificate[0]}\n" if endpoint.startswith("https") else ""),
            encoding="utf-8",
        )
        return path

    def command(
        self, name: str, endpoint: str, tree: Path, series: str, options: Sequence[str] = ()
    ) -> list[str]:
        """How a contestant brings `tree` into `series`; `options` are for ifcbscan alone."""
        target = f"{BUCKET}/{ACCOUNT}/{series}"
        if name == OURS:
            command = [sys.executable, "-m", "ifcbscan", "--once", str(tree), series, "--json"]
            return [*command, "--env-file", str(self.env_file(endpoint)), *options]
        if name == RCLONE:
            command = [self.peers[RCLONE], "--config", "", "copy", "--size-only", "--transfers", "8"]
            return [*command, str(tree), "b:" + target]
        if name == AWS:
            command = [self.peers[AWS], "--endpoint-url", endpoint, "s3", "sync", "--size-only", "--quiet"]
            return [*command, str(tree), "s3://" + target]
        command = [self.peers[S5CMD], "--endpoint-url", endpoint, "--log", "error", "sync", "--size-only"]
        return [*command, f"{tree}/*", f"s3://{target}/"]


def spend(command: Sequence[str], environment: Mapping[str, str]) -> Spent:
    """Run a command to its end. Raises RuntimeError if it fails."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        began = time.perf_counter()
        process = subprocess.Popen(command, env=dict(environment), stdout=output, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = status
        output.seek(0)
        errors.seek(0)
        stdout = output.read().decode("utf-8", "replace")
        if status != 0:
            said = stdout[-500:] + errors.read().decode("utf-8", "replace")[-1000:]
            raise RuntimeError(f"{command} ended with {status}: {said}")
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return Spent(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit, stdout)


def in_turns(contestants: Mapping[str, Callable[[], Spent]], runs: int) -> dict[str, list[Spent]]:
    """Every contestant once to warm up, then `runs` times in turns."""
    for contestant in contestants.values():
        contestant()
    spent: dict[str, list[Spent]] = {name: [] for name in contestants}
    for _ in range(runs):
        for name, contestant in contestants.items():
            spent[name].append(contestant())
            print(f"  {name:24} {spent[name][-1].wall:7.2f} s  CPU {spent[name][-1].cpu:.2f} s", flush=True)
    return spent


def wall(spent: Sequence[Spent]) -> float:
    """The median of the wall times."""
    return statistics.median(one.wall for one in spent)


def cpu(spent: Sequence[Spent]) -> float:
    """The median of the CPU times."""
    return statistics.median(one.cpu for one in spent)


@contextlib.contextmanager
def _program(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[int]:
    """A program that prints its port and serves; gives the port."""
    process = subprocess.Popen(command, env=dict(environment), stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@contextlib.contextmanager
def rclone_server(setting: Setting, folder: Path, tls: bool = False) -> Iterator[str]:
    """`rclone serve s3` over a folder; gives its endpoint."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [setting.peers[RCLONE], "--config", "", "serve", "s3", "--auth-key", f"{KEY},{SECRET}"]
    command += ["--addr", f"127.0.0.1:{port}", "--cache-dir", str(setting.work / "cache"), str(folder)]
    if tls:
        command += ["--cert", setting.certificate[0], "--key", setting.certificate[1]]
    with open(str(setting.work / "server.log"), "ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _requests(spent: Spent) -> dict[str, int]:
    counted: dict[str, int] = json.loads(spent.stdout)["requests"]
    return counted


def part_quiet(setting: Setting) -> list[Row]:
    """The every-minute run with nothing to do, over little and over much; and the memory of the full run."""
    small, big = setting.work / "small", setting.work / "big"
    trees.make_tiny(small, 1000 // 3, setting.end)
    trees.make_tiny(big, setting.big // 3, setting.end)
    server = [sys.executable, str(HERE / "listing_server.py"), str(setting.end)]
    with _program(server, setting.environment("")) as port:
        endpoint = f"http://127.0.0.1:{port}"
        environment = setting.environment(endpoint)

        def scan(tree: Path, keys: int, *options: str) -> Callable[[], Spent]:
            command = setting.command(OURS, endpoint, tree, f"k{keys}", options)
            return lambda: spend(command, environment)

        boto3_alone = [sys.executable, "-W", "ignore", "-c", "import boto3; boto3.client('s3')"]
        spent = in_turns(
            {
                "1,000 keys": scan(small, 1000, "--max-age", "3d"),
                f"{setting.big:,} keys": scan(big, setting.big, "--max-age", "3d"),
                "boto3": lambda: spend(boto3_alone, environment),
            },
            2 * setting.runs + 1,
        )
        few, many, boto3 = spent.values()
        most = scan(big, setting.keys, "--max-age", "3d")()
        print("  the full run", flush=True)
        full = [scan(big, setting.big)() for _ in range(min(2, setting.runs))]
    lists = max(_requests(one)["list"] for one in [few[0], many[0], most])
    memory = max(one.memory for one in full)
    return [
        Row(
            "every-minute run, nothing new: LIST requests",
            f"{_requests(few[0])['list']} at 1,000 keys, {_requests(most)['list']} at {setting.keys:,}",
            lists,
            1,
            "{:.0f}",
        ),
        Row(
            f"the same: wall time, {setting.big:,} local files and keys against 1,000",
            f"{wall(many):.2f} s against {wall(few):.2f} s",
            wall(many) / wall(few),
            1.1,
        ),
        Row(
            "the same: CPU of the whole process against `import boto3; boto3.client('s3')`",
            f"{cpu(few):.2f} s against {cpu(boto3):.2f} s",
            cpu(few) / cpu(boto3),
            0.65,
        ),
        Row(
            f"full run, {setting.big:,} files: peak memory",
            f"{memory:.0f} MiB, in {wall(full):.0f} s and {_requests(full[0])['list']} LIST requests",
            memory,
            230,
            "{:.0f} MiB",
        ),
    ]


def _full(
    setting: Setting, delay: float, targets: Mapping[str, float], cpu_target: float = 0.0, tls: bool = False
) -> list[Row]:
    tree, served = setting.work / "tree", setting.work / "served"
    if not tree.exists():
        trees.make_tiny(tree, setting.files // 3, setting.end)
        trees.make_tiny(served / BUCKET / ACCOUNT / SERIES, setting.files // 3, setting.end)
    with contextlib.ExitStack() as stack:
        endpoint = stack.enter_context(rclone_server(setting, served, tls))
        if delay:
            proxy = [sys.executable, str(HERE / "latency.py"), endpoint.rpartition(":")[2], str(delay)]
            endpoint = f"http://127.0.0.1:{stack.enter_context(_program(proxy, os.environ))}"
        environment = setting.environment(endpoint)

        def run(name: str) -> Callable[[], Spent]:
            command = setting.command(name, endpoint, tree, SERIES)
            return lambda: spend(command, environment)

        spent = in_turns({name: run(name) for name in (OURS, *targets)}, setting.runs)
    synced = json.loads(spent[OURS][0].stdout)["bins"]["synced"]
    assert synced == setting.files // 3, "the benchmark is wrong: something was to be sent"
    pages = -(-setting.files // 1000)
    lists = _requests(spent[OURS][0])["list"]
    way = f" with {delay * 1000:.0f} ms latency on every request" if delay else ""
    way += " over TLS" if tls else ""
    rows = [
        Row(
            f"full run, nothing new, {setting.files:,} files{way}: wall time against {name}",
            f"{wall(spent[OURS]):.2f} s against {wall(spent[name]):.2f} s",
            wall(spent[OURS]) / wall(spent[name]),
            target,
        )
        for name, target in targets.items()
    ]
    if cpu_target:
        work = (
            f"full run, nothing new, {setting.files:,} files{way}: CPU of the whole process against {RCLONE}"
        )
        measured = f"{cpu(spent[OURS]):.2f} s against {cpu(spent[RCLONE]):.2f} s"
        rows.append(Row(work, measured, cpu(spent[OURS]) / cpu(spent[RCLONE]), cpu_target))
        work = "requests of that run: LIST, pages + at most one per range"
        rows.append(Row(work, f"{lists}", lists, pages + MOST_RANGES, "{:.0f}"))
    return rows


def part_full(setting: Setting) -> list[Row]:
    """The full run, nothing new."""
    return _full(setting, 0.0, {RCLONE: 0.95, AWS: 0.18, S5CMD: 0.3}, cpu_target=0.55)


def part_tls(setting: Setting) -> list[Row]:
    """The same over TLS, with a certificate of an authority of its own."""
    return _full(setting, 0.0, {RCLONE: 0.95, AWS: 0.18}, tls=True)


def part_latency(setting: Setting) -> list[Row]:
    """The same over a long way."""
    return _full(setting, 0.05, {RCLONE: 0.4, AWS: 0.1, S5CMD: 0.15})


def part_far(setting: Setting) -> list[Row]:
    """The same from Europe or Australia."""
    return _full(setting, 0.2, {RCLONE: 0.35, AWS: 0.08, S5CMD: 0.12})


@dataclass(frozen=True)
class Receiver:
    """A server that bins are sent to. `take_away` removes the files of a time series and says how many there were."""

    endpoint: str
    take_away: Callable[[str], int]


@contextlib.contextmanager
def rclone_receiver(setting: Setting) -> Iterator[Receiver]:
    """`rclone serve s3` over an empty folder."""
    served = setting.work / "received"
    (served / BUCKET).mkdir(parents=True, exist_ok=True)

    def take_away(series: str) -> int:
        arrived = served / BUCKET / ACCOUNT / series
        count = len(list(arrived.rglob("*.*")))
        shutil.rmtree(str(arrived))
        return count

    with rclone_server(setting, served) as endpoint:
        yield Receiver(endpoint, take_away)


@contextlib.contextmanager
def ceph_receiver(setting: Setting) -> Iterator[Receiver]:
    """Ceph's gateway over a store in memory. Raises ServerUnavailable."""
    with CephServer(setting.work) as server:
        server.make_bucket(BUCKET)

        def take_away(series: str) -> int:
            pages = server.client().get_paginator("list_objects_v2")
            count = 0
            for page in pages.paginate(Bucket=BUCKET, Prefix=f"{ACCOUNT}/{series}/"):
                keys = [{"Key": found["Key"]} for found in page.get("Contents", ())]
                count += len(keys)
                if keys:
                    server.client().delete_objects(Bucket=BUCKET, Delete={"Objects": keys, "Quiet": True})
            return count

        yield Receiver(server.endpoint, take_away)


def _upload(
    setting: Setting, receiver: Receiver, tree: Path, bins: int, contestants: Sequence[str]
) -> dict[str, list[Spent]]:
    """Everything in `tree` sent by each contestant in turns, each time into a series of its own."""
    fresh = iter(range(10**6))
    environment = setting.environment(receiver.endpoint)

    def run(name: str) -> Callable[[], Spent]:
        def once() -> Spent:
            series = f"u{next(fresh)}"
            os.sync()  # what the one before left unwritten must not slow this one down
            command = setting.command(name, receiver.endpoint, tree, series, ["--jobs", "8"])  # as rclone
            spent = spend(command, environment)
            assert receiver.take_away(series) == 3 * bins, f"{name} did not send everything"
            return spent

        return once

    return in_turns({name: run(name) for name in contestants}, setting.runs)


def _upload_rows(what: str, spent: Mapping[str, list[Spent]], targets: Mapping[str, float]) -> list[Row]:
    words = {RCLONE: RCLONE + " --transfers 8", AWS: AWS + " s3 sync", S5CMD: S5CMD + " sync"}
    return [
        Row(
            f"{what}, `--jobs 8`: wall time against {words[name]}",
            f"{wall(spent[OURS]):.2f} s against {wall(spent[name]):.2f} s",
            wall(spent[OURS]) / wall(spent[name]),
            target,
        )
        for name, target in targets.items()
    ]


def part_upload(setting: Setting) -> list[Row]:
    """Many bins to send."""
    tree, bins = setting.work / "large", setting.bins
    trees.make_large(tree, bins, 2_000_000, setting.end)
    with rclone_receiver(setting) as receiver:
        spent = _upload(setting, receiver, tree, bins, (OURS, RCLONE, AWS))
    rows = _upload_rows(f"{bins} bins of 2 MB to the server", spent, {RCLONE: 0.95, AWS: 0.65})
    ours, theirs = cpu(spent[OURS]) / bins * 1000, cpu(spent[RCLONE]) / bins * 1000
    rows.append(
        Row(
            "the same: CPU a bin against rclone", f"{ours:.1f} ms against {theirs:.1f} ms", ours / theirs, 0.8
        )
    )
    requests = _requests(spent[OURS][0])
    for work, kind, allowed in (
        ("PUT, one a file", "put", 3 * bins),
        ("LIST, pages and one for each batch of bins that are due", "list", 1 + int(wall(spent[OURS])) + 2),
        ("HEAD", "head", 0),
    ):
        rows.append(
            Row(f"requests of that upload: {work}", f"{requests[kind]}", requests[kind], allowed, "{:.0f}")
        )
    return rows


def part_sparse(setting: Setting) -> list[Row]:
    """Many small bins to send, as of water with little in it."""
    with rclone_receiver(setting) as receiver:
        return _sparse(setting, receiver, "the server")


def part_ceph(setting: Setting) -> list[Row]:
    """The same to Ceph's gateway."""
    try:
        with ceph_receiver(setting) as receiver:
            return _sparse(setting, receiver, "Ceph's gateway")
    except ServerUnavailable as missing:
        sys.exit(f"the part ceph: {missing}")


def _sparse(setting: Setting, receiver: Receiver, where: str) -> list[Row]:
    tree, bins = setting.work / "sparse", setting.sparse
    if not tree.exists():
        trees.make_sparse(tree, bins, setting.end)
    targets = {RCLONE: 0.65, S5CMD: 1.3}
    spent = _upload(setting, receiver, tree, bins, (OURS, *targets))
    return _upload_rows(f"{bins:,} bins of 5 to 60 kB to {where}", spent, targets)


def part_verify(setting: Setting) -> list[Row]:
    """Summing what lies on the disk, with the files in memory and a listing that is made up (see bench_verify.py)."""
    folder = setting.work / "verified"
    folder.mkdir()
    best, size = bench_verify.measure_speed(folder, 100, 10_000_000, setting.runs)
    shutil.rmtree(str(folder))
    ours, theirs = best[bench_verify.TWO_BINS], best[bench_verify.TWO_SUMS]
    return [
        Row(
            f"verify, {size / 1e9:.1f} GB of bins of 10 MB: time against two `md5sum` side by side",
            f"{size / ours / 1e6:.0f} MB/s against {size / theirs / 1e6:.0f} MB/s (best of {setting.runs})",
            ours / theirs,
            1.05,
        )
    ]


PARTS = {
    "quiet": part_quiet,
    "full": part_full,
    "tls": part_tls,
    "latency": part_latency,
    "far": part_far,
    "upload": part_upload,
    "sparse": part_sparse,
    "ceph": part_ceph,
    "verify": part_verify,
}


def _version(command: Sequence[str]) -> str:
    said = subprocess.run(
        list(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    ).stdout.decode("utf-8", "replace")
    return said.split("\n")[0].strip().split(" Python/")[0]


def _circumstances(setting: Setting, loads: tuple[float, float], chosen: Sequence[str]) -> list[str]:
    import botocore

    import ifcbscan

    cores = os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    peers = ", ".join(
        [
            _version([setting.peers[RCLONE], "--version"]),
            _version([setting.peers[AWS], "--version"]),
            "s5cmd " + _version([setting.peers[S5CMD], "version"]),
        ]
    )
    options = f"--runs {setting.runs} --files {setting.files} --big {setting.big} --keys {setting.keys} --bins {setting.bins}"
    options += f" --sparse {setting.sparse}"
    return [
        f"Measured on {datetime.date.today().isoformat()} by",
        f"`python tests/benchmarks/run.py {' '.join([*chosen, options])}`: medians of {setting.runs} runs in turns.",
        f"{platform.system()} on {platform.machine()}, {cores} cores, {memory:.0f} GiB of memory; load average before "
        f"{loads[0]:.1f}, after {loads[1]:.1f}. Python {platform.python_version()}, botocore {botocore.__version__}, "
        f"ifcbscan {ifcbscan.__version__}; {peers}.",
        "",
    ]


def _table(rows: Sequence[Row]) -> list[str]:
    return [
        "| work | measured | result | target: at most | met |",
        "|---|---|---|---|---|",
        *map(str, rows),
    ]


def write_page(lines: Sequence[str]) -> None:
    """Replace what stands between the markers of docs/performance.md."""
    text = PAGE_OF_RESULTS.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE_OF_RESULTS.write_text(
        "\n".join([before.rstrip("\n"), "", BEGIN, *lines, END]).lstrip("\n") + after, encoding="utf-8"
    )


def _find_peers(folder: str | None) -> dict[str, str]:
    places = [folder] if folder else [sysconfig.get_path("scripts"), os.environ["PATH"]]
    found = {
        name: next(filter(None, (shutil.which(name, path=place) for place in places)), None)
        for name in (RCLONE, AWS, S5CMD)
    }
    missing = [name for name, path in found.items() if path is None]
    if missing:
        sys.exit(f"not found: {', '.join(missing)}. Install the extra `bench`, or say --peers FOLDER.")
    return {name: os.path.abspath(path) for name, path in found.items() if path}


def main() -> None:
    """Measure the parts that were asked for and print the table."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all if none is named"
    )
    parser.add_argument("--runs", type=int, default=5, help="runs of each contestant")
    parser.add_argument("--files", type=int, default=30000, help="files of the full run")
    parser.add_argument("--big", type=int, default=660000, help="files and keys of the large time series")
    parser.add_argument("--keys", type=int, default=1000000, help="keys of the largest time series")
    parser.add_argument("--bins", type=int, default=300, help="bins of 2 MB to send")
    parser.add_argument("--sparse", type=int, default=3000, help="bins of 5 to 60 kB to send")
    parser.add_argument("--peers", metavar="FOLDER", help="where rclone, aws and s5cmd are")
    parser.add_argument(
        "--work", metavar="FOLDER", help="where to make the files (default: a temporary folder)"
    )
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error("no such part: " + ", ".join(sorted(unknown)))
    chosen = options.parts or list(PARTS)
    load_before = os.getloadavg()[0]
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="ifcbscan-bench-", dir=options.work) as work:
        (Path(work) / "home").mkdir()
        setting = Setting(
            Path(work),
            _find_peers(options.peers),
            options.runs,
            options.files,
            options.big,
            options.keys,
            options.bins,
            options.sparse,
            time.time() - 3600,
            certificate.make(Path(work)),
        )
        for name in chosen:
            print(name, flush=True)
            rows += PARTS[name](setting)
        lines = _circumstances(setting, (load_before, os.getloadavg()[0]), options.parts) + _table(rows)
    print("\n".join(lines))
    if options.write:
        write_page(lines)


if __name__ == "__main__":
    main()
