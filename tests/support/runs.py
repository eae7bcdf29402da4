"""What the tests of the command line share: decent output, where bins belong, and what a tree looks like.

It computes the places of bins by itself, so that it can judge those that ifcbscan computes.
"""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Iterable

from support.servers import S3Server

COUNTS = {
    "synced",
    "uploaded",
    "to_upload",
    "unconfirmed",
    "settling",
    "incomplete",
    "held",
    "rejected",
    "conflict",
    "failed",
    "excluded",
    "outside",
}


def checked(cli: Callable[..., Any]) -> Callable[..., Any]:
    """`ifcbscan_cli`, but every run must end with `code` and say nothing that no run may say."""

    def run(*arguments: Any, code: int = 0, **options: Any) -> Any:
        result = cli(*arguments, **options)
        assert_decent(result.stdout, result.stderr)
        assert result.code == code, f"{result.code}, not {code}: {result.stdout}{result.stderr}"
        return result

    return run


def assert_decent(*texts: str) -> None:
    """No traceback, no secret."""
    for text in texts:
        assert "Traceback" not in text, text
        assert S3Server.secret_key not in text, text


def start(
    environment: dict[str, str], folder: Path, *arguments: Any, stderr: int = subprocess.PIPE
) -> subprocess.Popen[bytes]:
    """ifcbscan in the background, both outputs in pipes."""
    return subprocess.Popen(
        [sys.executable, "-m", "ifcbscan"] + [str(argument) for argument in arguments],
        cwd=str(folder),
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
    )


def end(process: subprocess.Popen[bytes], timeout: float = 30.0) -> tuple[int, str, str]:
    """Wait for it: exit code, stdout, stderr."""
    try:
        stdout, stderr = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    texts = stdout.decode("utf-8", "replace"), (stderr or b"").decode("utf-8", "replace")
    assert_decent(*texts)
    return (process.returncode, *texts)


def place(pid: str, prefix: str = "hablab/nauset/") -> str:
    """The key of a bin without its extension: where the archive moves it, and the dashboard finds it."""
    if pid.startswith("D"):
        return f"{prefix}{pid[1:5]}/{pid[:9]}/{pid}"
    return f"{prefix}{pid[6:10]}/{pid[:14]}/{pid}"


def sizes_of(paths: Iterable[Path], prefix: str = "hablab/nauset/") -> dict[str, int]:
    """Key -> size in bytes that the bucket must hold once these files are in it."""
    return {f"{place(path.stem, prefix)}{path.suffix.lower()}": path.stat().st_size for path in paths}


def bytes_of(s3: Any, key: str) -> bytes:
    """What is stored under a key."""
    body: bytes = s3.client.get_object(Bucket=s3.bucket, Key=key)["Body"].read()
    return body


def upper_case(files: Iterable[Path]) -> list[Path]:
    """Rename files as some copying on Windows does: `.ROI`."""
    renamed = [path.with_suffix(path.suffix.upper()) for path in files]
    for path, name in zip(files, renamed):
        path.rename(name)
    return renamed


def assert_whole(s3: Any, paths: Iterable[Path], prefix: str = "hablab/nauset/") -> None:
    """Every file is in its place in the bucket, byte for byte, and nothing else is there."""
    files = list(paths)
    assert s3.objects() == sizes_of(files, prefix)
    for path in files:
        assert bytes_of(s3, f"{place(path.stem, prefix)}{path.suffix.lower()}") == path.read_bytes(), path


def assert_adc_last(stored: Iterable[Any]) -> None:
    """No `.adc` was stored before `.roi` and `.hdr` of its bin. `stored`: the PUTs in their order."""
    there: set[str] = set()
    for request in stored:
        stem, _, extension = request.path.rpartition(".")
        if extension == "adc":
            assert {stem + ".roi", stem + ".hdr"} <= there, f"{request.path} came too early"
        there.add(request.path)


def snapshot(folder: Path) -> dict[bytes, tuple[Any, ...]]:
    """Names, modes, sizes, times and contents of everything below a folder."""
    found: dict[bytes, tuple[Any, ...]] = {}
    for top, folders, files in os.walk(os.fsencode(str(folder))):
        for name in folders + files + [b"."]:
            path = os.path.join(top, name)
            status = os.lstat(path)
            size, content = 0, ""  # a folder's own size means nothing
            if stat.S_ISREG(status.st_mode):
                with open(path, "rb") as file:
                    size, content = status.st_size, hashlib.md5(file.read()).hexdigest()
            found[path] = (status.st_mode, size, status.st_mtime_ns, content)
    return found


def rewrite_env(path: Path, **values: str | None) -> None:
    """Set lines of a `.env` file; None takes one out. Keeps the file's mode."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line]
    kept = [line for line in lines if line.partition("=")[0] not in values]
    kept += [f"{name}={value}" for name, value in values.items() if value is not None]
    path.write_text("\n".join(kept) + "\n", encoding="utf-8")


# Root may read everything; without these two capabilities it may not, and remains itself otherwise.
_DROPPED = (
    "import ctypes, os, sys\n"
    "for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH; 24 is PR_CAPBSET_DROP\n"
    "    if os.getuid() == 0 and ctypes.CDLL(None).prctl(24, capability, 0, 0, 0):\n"
    "        sys.exit('cannot drop capabilities')\n"
    "os.execv(sys.executable, [sys.executable] + sys.argv[1:])\n"
)


def without_privileges(environment: dict[str, str], folder: Path, *arguments: Any) -> tuple[int, str, str]:
    """Run ifcbscan as somebody whom file permissions concern: exit code, stdout, stderr."""
    command = [sys.executable, "-c", _DROPPED, "-m", "ifcbscan"] + [str(argument) for argument in arguments]
    process = subprocess.Popen(
        command,
        cwd=str(folder),
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    return end(process, 120.0)


def permissions_hold(closed: Path) -> bool:
    """Whether `without_privileges` works here; `closed` is a folder that nobody may read."""
    if not sys.platform.startswith("linux"):
        return False
    look = "import os, sys; os.listdir(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", _DROPPED, "-c", look, str(closed)], capture_output=True, check=False
    )
    return b"PermissionError" in done.stderr
