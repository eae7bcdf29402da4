"""Random faults for as long as you like: `python tests/soak.py --minutes 10 --seed 1`.

Turns alternate between worlds (the model of support/world.py, in memory) and real processes: `ifcbscan
sync` against rclone's server through a proxy that breaks requests, some of them killed. After each turn
the faults stop, and all bins must be in the bucket with the bytes of the local files. Each turn has a seed
of its own, which is printed when it fails; `--seed N --turns 1` repeats it. Exit code 1 if anything failed.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Counter

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent)]

from support.faultproxy import Break, FaultProxy  # noqa: E402
from support.randomworld import play  # noqa: E402
from support.servers import RcloneServer  # noqa: E402

from ifcbscan import samplebins  # noqa: E402

WORLDS_A_TURN = 200
BINS = 12
RUNS = 5
PREFIX = "hablab/nauset/"
_LONGEST_RUN = 300.0  # seconds; no time-out of the program adds up to more here


def worlds(seed: int, seen: Counter[str]) -> list[str]:
    """Some worlds; returns the violations."""
    for number in range(seed * WORLDS_A_TURN, (seed + 1) * WORLDS_A_TURN):
        world = play(number)
        seen.update(world.statistics)
        seen["worlds"] += 1
        if world.violations:
            return [f"world {number}: {violation}" for violation in world.violations]
    return []


def processes(seed: int, server: RcloneServer, seen: Counter[str]) -> list[str]:
    """A few runs of the real program with faults and kills, then one without; returns the violations."""
    draw = random.Random(seed)
    bucket = f"soak-{os.getpid()}-{seed}"
    server.make_bucket(bucket)
    client = server.client()
    with tempfile.TemporaryDirectory(prefix="ifcbscan-soak-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        files = _make_bins(folder / "data", seed)
        proxy = stack.enter_context(FaultProxy(server.endpoint))
        for _ in range(RUNS):
            proxy.begin_again(*(_random_break(draw) for _ in range(draw.randrange(4))))
            killed_after = draw.uniform(0.3, 3.0) if draw.random() < 0.6 else None
            code = _sync(folder, server, bucket, proxy.endpoint, killed_after)
            seen[f"process: exit {code}"] += 1
            seen["scans"] += 1
            wrong = _published_wrongly(server, bucket)
            if wrong:
                return [f"processes {seed}: {pid} was published without .roi and .hdr" for pid in wrong]
        seen.update({f"proxy: {way}": times for way, times in proxy.broken.items()})
        code = _sync(folder, server, bucket, server.endpoint, None)
        seen["scans"] += 1
        stored = server.objects(bucket, PREFIX)
        seen["bins"] += BINS
        if code != 0 or set(stored) != set(files):
            return [f"processes {seed}: exit {code}, {len(stored)} of {len(files)} files arrived"]
        for key, path in files.items():
            if client.get_object(Bucket=bucket, Key=key)["Body"].read() != path.read_bytes():
                return [f"processes {seed}: {key} differs from the local file"]
    return []


def _make_bins(data: Path, seed: int) -> dict[str, Path]:
    files = {}
    for number in range(BINS):
        pid = f"D20260601T{number:02d}3000_IFCB199"
        day = data / pid[1:5] / pid[:9]
        day.mkdir(parents=True, exist_ok=True)
        written = samplebins.write_bin(day, pid, images=20, seed=seed, mtime=time.time() - 600)
        files.update({f"{PREFIX}2026/D20260601/{path.name}": path for path in written})
    return files


def _random_break(draw: random.Random) -> Break:
    kind = draw.choice(["list", "head", "put", "put", "put"])
    way = draw.choice(["reset", "cut", "garbage", "drop", "delay"])
    up = draw.choice([None, 0, 100, 20000])
    return Break(kind, way, up, draw.choice([0, 20]), draw.randrange(10), draw.choice([1, 1, 2, 3]))


def _sync(
    folder: Path, server: RcloneServer, bucket: str, endpoint: str, killed_after: float | None
) -> int | str:
    env_file = folder / ".env"
    env_file.write_text(
        f"AWS_ACCESS_KEY_ID={server.access_key}\nAWS_SECRET_ACCESS_KEY={server.secret_key}\n"
        f"USER_ACCOUNT=hablab\nBUCKET_NAME={bucket}\nS3_ENDPOINT_URL={endpoint}\n"
        "CONFIRM_SECONDS=0\nSETTLE_SECONDS=0\n",
        encoding="utf-8",
    )
    env_file.chmod(0o600)
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "ifcbscan",
            "sync",
            str(folder / "data"),
            "nauset",
            "--env-file",
            str(env_file),
        ],
        env={**os.environ, "HOME": str(folder), "PYTHONPATH": str(Path(__file__).resolve().parent.parent)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        return process.wait(_LONGEST_RUN if killed_after is None else killed_after)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return "killed" if killed_after is not None else "hung"


def _published_wrongly(server: RcloneServer, bucket: str) -> list[str]:
    keys = set(server.objects(bucket, PREFIX))
    stems = {key[:-4] for key in keys if key.endswith(".adc")}
    return sorted(stem for stem in stems if not {stem + ".roi", stem + ".hdr"} <= keys)


def main() -> int:
    """Soak; returns an exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1, help="of the first turn; each turn adds one")
    parser.add_argument("--turns", type=int, help="so many turns, however long they take")
    options = parser.parse_args()
    seen: Counter[str] = collections.Counter()
    violations: list[str] = []
    began = time.monotonic()
    seed = options.seed
    with RcloneServer() as server:
        while (
            time.monotonic() - began < options.minutes * 60
            if options.turns is None
            else seed < options.seed + options.turns
        ):
            violations += worlds(seed, seen) + processes(seed, server, seen)
            seed += 1
    print(f"seeds {options.seed} to {seed - 1}, {(time.monotonic() - began) / 60:.1f} minutes")
    for what, times in sorted(seen.items()):
        print(f"{times:>9,}  {what}")
    print(f"{len(violations):>9,}  violations")
    for violation in violations:
        print(violation)
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
