"""Two versions of ifcbscan live through the same day: do they do the same?

    python tests/benchmarks/compare_versions.py before-house            that git ref against this working tree
    python tests/benchmarks/compare_versions.py before-house HEAD~3     two refs

Each version runs in a fresh world at the same path: one tree of bins, a real S3 server behind
support/scripted.py, a stand-in for the dashboard and one for `crontab`. Compared are, step by step, the exit
code, the requests to the bucket (in their order, with query, conditions and bodies) and to the dashboard,
the JSON, and the crontab's text. What is written for people is not compared; times, durations and ports are
left out. Prints what differs and exits with 1 if anything does. Needs Linux or macOS, and git.

A ref is checked out into a temporary git worktree, which is removed at the end.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Iterator

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "tests")]

from support.dashboard import DashboardStandIn  # noqa: E402
from support.operator import Crontab  # noqa: E402
from support.scripted import Answer, Request, ScriptedServer  # noqa: E402
from support.servers import MotoServer, RcloneServer, S3Server, ServerUnavailable, rclone_binary  # noqa: E402

from ifcbscan.demo.sample_bins import write_bin  # noqa: E402

BUCKET = "test.compare"
DAY = 86400.0
LONG_AGO = 1400000000.0
#: Header -> what is kept of a request besides method, path, query and body.
CONDITIONS = ("if-match", "if-none-match", "content-md5", "content-length", "content-type")
#: Members of the JSON that say when or how long, at any depth.
TIMES = {
    "seconds",
    "age_seconds",
    "started",
    "finished",
    "ended",
    "at",
    "time",
    "age",
    "since",
    "made",
    "server_time",
    "pid",
}
#: Query parameters that a server makes up.
INVENTED = {"continuation-token"}


@dataclass
class Step:
    """What can be seen of one command."""

    name: str
    code: int
    stdout: str
    stderr: str
    requests: list[str]
    dashboard: list[str]
    crontab: str

    def comparable(self) -> str:
        """What must be equal, as text, so that a difference can be shown line by line."""
        # `check` looks whether this computer's cron service runs, which other programs may start and stop
        lines = ["" if self.name == "check" else f"exit code {self.code}"]
        lines += [f"bucket: {request}" for request in self.requests]
        lines += [f"dashboard: {request}" for request in self.dashboard]
        lines += [f"stdout: {line}" for line in self.stdout.splitlines() if " scheduler " not in line]
        lines += [f"crontab: {line}" for line in self.crontab.splitlines()]
        return "\n".join(lines)


@dataclass
class World:
    """The computer and the archive of one version."""

    folder: Path
    source: Path
    bucket: ScriptedServer
    server: S3Server
    dashboard: DashboardStandIn
    crontab: Crontab
    steps: list[Step] = field(default_factory=list)

    @property
    def data(self) -> Path:
        """Where the bins are."""
        return self.folder / "data"

    def run(self, name: str, *arguments: str) -> None:
        """One command of the version, from start to end."""
        requests, calls = len(self.bucket.requests), len(self.dashboard.paths())
        environment = {
            "PATH": os.pathsep.join([str(self.crontab.folder), "/usr/bin", "/bin"]),
            "HOME": str(self.folder / "home"),
            "PYTHONPATH": str(self.source),
            "PYTHONIOENCODING": "utf-8",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        done = subprocess.run(
            [sys.executable, "-m", "ifcbscan", *arguments],
            cwd=str(self.folder),
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=300,
            check=False,
        )
        self.steps.append(
            Step(
                name,
                done.returncode,
                self._told(done.stdout.decode("utf-8", "replace")),
                done.stderr.decode("utf-8", "replace"),
                [_request(request) for request in self.bucket.requests[requests:]],
                self.dashboard.paths()[calls:],
                self._neutral((self.crontab.text or b"").decode("utf-8", "replace")),
            )
        )

    def _told(self, text: str) -> str:
        try:
            return json.dumps(_timeless(json.loads(self._neutral(text))), indent=1, sort_keys=False)
        except ValueError:
            return self._neutral(text)

    def _neutral(self, text: str) -> str:
        """Without what differs between any two runs: ports, the clock, the space on the disk."""
        text = re.sub(r"127\.0\.0\.1:[0-9]+", "127.0.0.1:PORT", text)
        text = re.sub(r"[0-9,]+ MB free", "N MB free", text)
        text = re.sub(r" in [0-9]+ (s|min)\b", " in N s", text)
        return re.sub(r"[0-9]+ s (ahead of|behind) ", "N s from ", text)


def _request(request: Request) -> str:
    query = urllib.parse.parse_qsl(request.query, keep_blank_values=True)
    shown = [f"{name}={'...' if name in INVENTED else value}" for name, value in query]
    conditions = [f"{name}: {request.headers[name]}" for name in CONDITIONS if name in request.headers]
    return (
        f"{request.method} {request.path}?{'&'.join(shown)} {request.md5} {conditions} -> {request.answered}"
    )


def _timeless(value: Any) -> Any:
    """JSON without the values that say when or how long; that they are there is kept."""
    if isinstance(value, dict):
        return {
            name: "TIME" if name in TIMES and isinstance(inner, (int, float)) else _timeless(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_timeless(inner) for inner in value]
    if isinstance(value, str):
        return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?", "TIME", value)
    return value


def pid(now: float, days: float) -> str:
    """A bin of so many days ago, at noon."""
    return time.strftime("D%Y%m%dT120000_IFCB101", time.gmtime(now - days * DAY))


def the_day(world: World, now: float) -> None:
    """Everything that ifcbscan is asked on a scripted day. `now` is the same for both versions."""
    where = [str(world.data), "nauset"]
    once = ["--once", *where, "--json", "--jobs", "1"]
    for days in (1, 2, 30, 400):
        write_bin(world.data / pid(now, days)[:9], pid(now, days), seed=int(days), mtime=LONG_AGO)
    incomplete = write_bin(world.data, pid(now, 4), seed=4, mtime=LONG_AGO)
    incomplete[2].unlink()
    empty = write_bin(world.data, pid(now, 5), seed=5, mtime=LONG_AGO)
    empty[2].write_bytes(b"")
    os.utime(str(empty[2]), (LONG_AGO, LONG_AGO))
    world.run("check", "check", *where)
    world.run("a dry run", *once, "--dry-run")
    world.run("the first upload", *once)
    world.run("nothing new", *once)
    world.run("nothing new, recent", *once, "--max-age", "10d")
    growing = write_bin(world.data, pid(now, 3), seed=3)
    world.run("a bin that grows", *once, "--max-age", "10d")
    for path in growing:
        os.utime(str(path), (LONG_AGO, LONG_AGO))
    world.run("it has stopped to grow", *once, "--max-age", "10d")
    write_bin(world.data, refused_pid(now), seed=6, mtime=LONG_AGO)
    world.run("a bin that the archive refuses", *once)
    world.run("the refused bin, a minute later", *once, "--max-age", "10d")
    world.run("the refused bin, tried again", *once, "--retry-rejected")
    changed = world.data / pid(now, 2)[:9] / f"{pid(now, 2)}.roi"
    changed.write_bytes(changed.read_bytes() + b"\1\2\3")
    os.utime(str(changed), (LONG_AGO, LONG_AGO))
    world.run("a bin that is larger than before", *once)
    world.run("verify", "verify", *where, "--json")
    world.run("verify by download", "verify", *where, "--json", "--download", "--jobs", "1")
    world.run("verify what may be deleted", "verify", *where, "--deletable", "deletable.txt", "--json")
    world.run("report", "report", *where, "--output", "page.html", "--json")
    world.run("list", "list", "--json")
    world.run("start --print", "start", *where, "--print")
    world.run("start", "start", *where, "--no-sync")
    world.run("status", "status", "--json")
    world.run("stop", "stop", "nauset")
    world.run("status after stop", "status", "--json")
    world.run("no such folder", "--once", str(world.data / "none"), "nauset", "--json")
    world.run("wrong usage", "verify", *where, "--no-such-option")


def refused_pid(now: float) -> str:
    """The bin whose `.roi` the archive deletes as soon as it has it."""
    return pid(now, 6)


def _refuser(server: S3Server, refused: str) -> Callable[[Request], Answer | None]:
    """Deletes the `.roi` of a bin before the first look at it after its upload, as the archive does."""

    def before(request: Request) -> Answer | None:
        if request.name == f"{refused}.roi" and request.method == "HEAD":
            bucket, _, key = request.path.lstrip("/").partition("/")
            server.client().delete_object(Bucket=bucket, Key=key)
        return None

    return before


@contextlib.contextmanager
def source_of(ref: str) -> Iterator[Path]:
    """The source of a ref; the working tree if there is none."""
    if not ref:
        yield REPOSITORY
        return
    with tempfile.TemporaryDirectory(prefix="ifcbscan-version-") as folder:
        tree = Path(folder) / "tree"
        git = ["git", "-C", str(REPOSITORY), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(tree), ref], check=True)
        try:
            yield tree
        finally:
            subprocess.run([*git, "remove", "--force", str(tree)], check=True)


def live(folder: Path, source: Path, now: float) -> list[Step]:
    """One version's day, in `folder`, which is removed at the end."""
    try:
        rclone_binary()
        kind: type[S3Server] = RcloneServer
    except ServerUnavailable:
        kind = MotoServer
    folder.mkdir()
    (folder / "home").mkdir()
    try:
        with kind() as server, DashboardStandIn({"hablab": ["nauset"]}, {"nauset": []}) as dashboard:
            server.make_bucket(BUCKET)
            refuser = _refuser(server, refused_pid(now))
            with ScriptedServer(upstream=server.endpoint, filtered=refuser) as bucket:
                _write_env(folder / ".env", server, bucket.endpoint, dashboard.url)
                crontab = Crontab(folder / "programs")
                world = World(folder, source, bucket, server, dashboard, crontab)
                the_day(world, now)
                return world.steps
    finally:
        shutil.rmtree(str(folder))


def _write_env(path: Path, server: S3Server, endpoint: str, dashboard: str) -> None:
    path.touch(mode=0o600)
    path.write_text(
        f"AWS_ACCESS_KEY_ID={server.access_key}\nAWS_SECRET_ACCESS_KEY={server.secret_key}\n"
        f"USER_ACCOUNT=hablab\nBUCKET_NAME={BUCKET}\nS3_ENDPOINT_URL={endpoint}\n"
        f"DASHBOARD_URL={dashboard}\nCONFIRM_SECONDS=1\n",
        encoding="utf-8",
    )


def main() -> int:
    """Compare, print, and say by the exit code whether anything differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("old", help="a git ref")
    parser.add_argument("new", nargs="?", default="", help="a git ref; the working tree if left out")
    parser.add_argument("--show", action="store_true", help="also what is equal")
    options = parser.parse_args()
    # so that the temporary worktree goes, too
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    now = time.time()
    with tempfile.TemporaryDirectory(prefix="ifcbscan-compare-") as top, contextlib.ExitStack() as stack:
        days = []
        for ref in (options.old, options.new):
            days.append(live(Path(top) / "world", stack.enter_context(source_of(ref)), now))
    different = 0
    for old, new in zip(*days):
        lines = old.comparable().splitlines(), new.comparable().splitlines()
        equal = lines[0] == lines[1]
        different += not equal
        counts = f"exit code {new.code}, {len(new.requests)} requests"
        print(f"{'equal    ' if equal else 'DIFFERENT'}  {new.name}: {counts}")
        if options.show:
            print(new.comparable() + "\n" + new.stderr)
        for line in difflib.unified_diff(*lines, options.old, options.new or "working tree", lineterm=""):
            print("    " + line)
    print(f"{different} of {len(days[0])} steps differ")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
