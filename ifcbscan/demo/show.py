"""`ifcbscan demo`: the program itself, with made-up bins and an S3 server on this computer.

It runs the very commands that it shows, each as a process of its own, as a person at a terminal would. Needs the
extra `demo` (moto's S3 server), no account and no network; removes what it made. Imports nothing of the command line:
the caller says how the program is run and where to print.
"""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path
from typing import Callable, Iterator, Sequence

from ifcbscan.demo import sample_bins
from ifcbscan.errors import UsageError

_ACCOUNT = "hablab"
_SERIES = "nauset"
_BUCKET = "ifcb-data-sharer.files"
_EARLIER = 600.0  # seconds: long enough ago that a bin counts as finished

_ENV = """\
AWS_ACCESS_KEY_ID=demo
AWS_SECRET_ACCESS_KEY=demo
USER_ACCOUNT={account}
S3_ENDPOINT_URL={endpoint}
CONFIRM_SECONDS=2
"""

_WHERE_NEXT = """\
That was all of it: no database, no background process. Everything was made up and is removed now.

Where to go from here:
  1. ifcbscan setup                               asks for your account, key, folder and time series
  2. ifcbscan --once DIR TIME_SERIES --dry-run    shows what would be sent, and sends nothing
  3. ifcbscan sync DIR TIME_SERIES                sends it
docs/getting-started-*.md go through it step by step; docs/states.md says what each state means."""


def run(program: Sequence[str], print_line: Callable[[str], None]) -> int:
    """Show the work of ifcbscan step by step; returns an exit code. Raises UsageError without moto.

    `program`: the words that run ifcbscan. `print_line` prints one line on stdout at once.
    """
    with contextlib.ExitStack() as cleaning:
        cleaning.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")  # what moto's libraries say of an old Python helps nobody here
        endpoint = cleaning.enter_context(_s3_server())
        folder = Path(cleaning.enter_context(tempfile.TemporaryDirectory(prefix="ifcbscan-demo-")))
        return _Demo(program, print_line, folder, endpoint).show()


class _Demo:
    """One demonstration: its folder, its server, and where it is shown."""

    def __init__(
        self, program: Sequence[str], print_line: Callable[[str], None], folder: Path, endpoint: str
    ) -> None:
        self._program = program
        self._print_line = print_line
        self._folder = folder
        self._endpoint = endpoint
        self._data = folder / "data"
        self._env_file = folder / ".env"

    def show(self) -> int:
        """All steps, in order; returns the exit code of the first one that went wrong, else 0."""
        self._env_file.write_text(_ENV.format(account=_ACCOUNT, endpoint=self._endpoint), encoding="utf-8")
        self._env_file.chmod(0o600)

        self._tell("1. An instrument's folder: two good bins, one without its .roi, one still being written,")
        self._tell("   one without any image.")
        self._make_bins()
        self._list_folder()

        self._tell("\n2. What would be sent, and why?")
        code = self._ifcbscan("--once", "--dry-run")

        self._tell(
            "\n3. Send it. Of each bin .roi and .hdr go first; the .adc, which makes the bin visible on the"
        )
        self._tell("   dashboard, follows when the archive has kept the .roi (2 s here, 30 s in earnest).")
        code = code or self._ifcbscan("sync")
        self._list_bucket()

        self._tell("\n4. The instrument finishes another bin. Only that one is sent, nothing twice.")
        self._write("D20260601T124510_IFCB199", 12)
        code = code or self._ifcbscan("--once")
        self._list_bucket()

        self._tell("\n" + _WHERE_NEXT)
        return code

    def _make_bins(self) -> None:
        self._write("D20260601T120031_IFCB199", 24)
        self._write("D20260601T122250_IFCB199", 18)
        for path in self._write("D20260601T113809_IFCB199", 9):
            if path.suffix == ".roi":
                path.unlink()
        self._write("D20260601T130727_IFCB199", 6, ago=0.0)
        self._write("D20260601T111548_IFCB199", 0)

    def _write(self, pid: str, images: int, ago: float = _EARLIER) -> list[Path]:
        day = self._data / pid[1:5] / pid[:9]
        day.mkdir(parents=True, exist_ok=True)
        return sample_bins.write_bin(day, pid, images=images, mtime=time.time() - ago)

    def _ifcbscan(self, command: str, *options: str) -> int:
        """Run a command of ifcbscan on the folder of the demo, after showing it as a person would type it."""
        self._tell("   $ " + " ".join(["ifcbscan", command, "DIR", _SERIES, *options]))
        words = [
            *self._program,
            command,
            str(self._data),
            _SERIES,
            "--env-file",
            str(self._env_file),
            *options,
        ]
        # Locks and records lie in the demo's own folder, which is removed.
        home = {"HOME": str(self._folder), "LOCALAPPDATA": str(self._folder)}
        return subprocess.call(words, env={**os.environ, **home})

    def _list_folder(self) -> None:
        for path in sorted(self._data.rglob("*.*")):
            self._tell(f"   {path.relative_to(self._data)}  {path.stat().st_size:,} bytes")

    def _list_bucket(self) -> None:
        self._tell(f"   The bucket now holds, below {_ACCOUNT}/{_SERIES}/:")
        listing = _client(self._endpoint).list_objects_v2(Bucket=_BUCKET)
        for item in listing.get("Contents", ()):
            self._tell("   {}  {:,} bytes".format(item["Key"], item["Size"]))

    def _tell(self, text: str) -> None:
        sys.stderr.flush()
        for line in text.split("\n"):
            self._print_line(line)


def _client(endpoint: str):  # type: ignore[no-untyped-def]
    import boto3

    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id="demo",
        aws_secret_access_key="demo",
        region_name="us-east-1",
    )


@contextlib.contextmanager
def _s3_server() -> Iterator[str]:
    """moto's S3 server on a free loopback port, with the bucket; yields its address. Raises UsageError without moto."""
    try:
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import make_server
    except ImportError:
        raise UsageError(
            "The demo needs its extra: in the folder with the source, pip install '.[demo]'."
        ) from None
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    try:
        _client(endpoint).create_bucket(Bucket=_BUCKET)
        yield endpoint
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
