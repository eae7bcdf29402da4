"""`ifcbscan demo`: the real thing against an S3 server on this computer, with made-up bins.

It runs the very commands that it shows, through the same entry as the command line. Needs the extra
`demo` (moto's S3 server); no account, no network; removes what it made.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

from ifcbscan.cli import output
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
  1. copy .env.example to .env and fill in your account and keys
  2. ifcbscan --once DIR TIME_SERIES --dry-run    shows what would be sent, and sends nothing
  3. ifcbscan sync DIR TIME_SERIES                sends it
docs/getting-started-*.md go through it step by step; docs/states.md says what each state means."""


def run() -> int:
    """Show the work of ifcbscan step by step; returns an exit code."""
    with contextlib.ExitStack() as cleaning:
        cleaning.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")  # what moto's libraries say of an old Python helps nobody here
        endpoint = cleaning.enter_context(_s3_server())
        folder = Path(cleaning.enter_context(tempfile.TemporaryDirectory(prefix="ifcbscan-demo-")))
        # Locks go where everything else of the demo goes.
        cleaning.enter_context(_environment(HOME=str(folder), LOCALAPPDATA=str(folder)))
        return _show(folder, endpoint)


def _show(folder: Path, endpoint: str) -> int:
    env_file = folder / ".env"
    env_file.write_text(_ENV.format(account=_ACCOUNT, endpoint=endpoint), encoding="utf-8")
    env_file.chmod(0o600)
    data = folder / "data"
    command = [str(data), _SERIES, "--env-file", str(env_file)]

    _tell("1. An instrument's folder: two good bins, one without its .roi, one still being written,")
    _tell("   one without any image.")
    _make_bins(data)
    _list_folder(data)

    _tell("\n2. What would be sent, and why?")
    code = _ifcbscan("--once", *command, "--dry-run")

    _tell("\n3. Send it. Of each bin .roi and .hdr go first; the .adc, which makes the bin visible on the")
    _tell("   dashboard, follows when the archive has kept the .roi (2 s here, 30 s in earnest).")
    code = code or _ifcbscan("sync", *command)
    _list_bucket(endpoint)

    _tell("\n4. The instrument finishes another bin. Only that one is sent, nothing twice.")
    _write(data, "D20260601T124510_IFCB199", 12)
    code = code or _ifcbscan("--once", *command)
    _list_bucket(endpoint)

    _tell("\n" + _WHERE_NEXT)
    return code


def _make_bins(data: Path) -> None:
    _write(data, "D20260601T120031_IFCB199", 24)
    _write(data, "D20260601T122250_IFCB199", 18)
    for path in _write(data, "D20260601T113809_IFCB199", 9):
        if path.suffix == ".roi":
            path.unlink()
    _write(data, "D20260601T130727_IFCB199", 6, ago=0.0)
    _write(data, "D20260601T111548_IFCB199", 0)


def _write(data: Path, pid: str, images: int, ago: float = _EARLIER) -> list[Path]:
    day = data / pid[1:5] / pid[:9]
    day.mkdir(parents=True, exist_ok=True)
    return sample_bins.write_bin(day, pid, images=images, mtime=time.time() - ago)


def _ifcbscan(*words: str) -> int:
    from ifcbscan.cli import main

    shown = ["DIR" if word == words[1] else word for word in words[:3]]
    options = [word for word in words[5:] if word]
    _tell("   $ ifcbscan " + " ".join(shown + options))
    return main.main(list(words))


def _list_folder(data: Path) -> None:
    for path in sorted(data.rglob("*.*")):
        _tell(f"   {path.relative_to(data)}  {path.stat().st_size:,} bytes")


def _list_bucket(endpoint: str) -> None:
    _tell(f"   The bucket now holds, below {_ACCOUNT}/{_SERIES}/:")
    listing = _client(endpoint).list_objects_v2(Bucket=_BUCKET)
    for item in listing.get("Contents", ()):
        _tell("   {}  {:,} bytes".format(item["Key"], item["Size"]))


def _tell(text: str) -> None:
    sys.stderr.flush()
    output.result(text)


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
def _environment(**values: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _s3_server() -> Iterator[str]:
    """moto's S3 server on a free loopback port, with the bucket; yields its address."""
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
