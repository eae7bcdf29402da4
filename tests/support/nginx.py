"""A real nginx before an S3 server, as people who run one of their own often have it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from support import certificate
from support.servers import START_SECONDS, free_port

_CONFIGURATION = """\
daemon off; pid {folder}/pid; error_log stderr; worker_processes 1;
{user}
events {{ worker_connections 256; }}
http {{
    access_log off; server_tokens on;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    server {{
        listen 127.0.0.1:{port}{tls};
        location / {{ proxy_pass {upstream}; {settings} }}
    }}
}}
"""

HOST_AS_IT_CAME = "proxy_set_header Host $http_host;"
"""What S3 needs of a proxy: the header is signed. nginx puts its own there unless it is told so."""


def nginx_binary() -> str | None:
    """The program, which Debian keeps where only root looks; None if there is none."""
    return shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")


class Nginx:
    """nginx on a free port of 127.0.0.1, alive inside its `with` block, which hands on everything to `upstream`.

    `settings`: lines for the location. `secure`: https, with a certificate (`certificate`) that nobody else has signed.
    """

    def __init__(self, upstream: str, settings: str = HOST_AS_IT_CAME, secure: bool = False) -> None:
        self._upstream = upstream
        self._folder = Path(tempfile.mkdtemp(prefix="ifcbscan-nginx-"))
        self._port = free_port()
        self.certificate, self._key = certificate.make(self._folder) if secure else ("", "")
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self.endpoint = f"{'https' if secure else 'http'}://127.0.0.1:{self._port}"

    def __enter__(self) -> Nginx:
        self._configure()
        command = [str(nginx_binary()), "-p", str(self._folder), "-c", str(self._folder / "nginx.conf")]
        with open(str(self._folder / "log"), "wb") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )
        self._wait_for_worker(None)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(10)
        shutil.rmtree(str(self._folder), ignore_errors=True)

    def change(self, settings: str) -> None:
        """Go on with other settings, as after `nginx -s reload`; back when the new ones are in force."""
        assert self._process is not None
        before = self._workers()
        self._settings = settings
        self._configure()
        self._process.send_signal(signal.SIGHUP)
        self._wait_for_worker(before)

    def _configure(self) -> None:
        tls = (
            f" ssl; ssl_certificate {self.certificate}; ssl_certificate_key {self._key}" if self._key else ""
        )
        text = _CONFIGURATION.format(
            folder=self._folder,
            port=self._port,
            upstream=self._upstream,
            settings=self._settings,
            tls=tls,
            user="user root;" if os.getuid() == 0 else "",
        )
        (self._folder / "nginx.conf").write_text(text)

    def _workers(self) -> set[str]:
        """The process numbers of nginx's workers."""
        assert self._process is not None
        number = self._process.pid
        return set(Path(f"/proc/{number}/task/{number}/children").read_text().split())

    def _wait_for_worker(self, before: set[str] | None) -> None:
        """Until only workers that were not there `before` are left."""
        assert self._process is not None
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            log = (self._folder / "log").read_text(errors="replace")
            assert self._process.poll() is None, log
            now = self._workers()
            if now and not now & (before or set()):
                return
            time.sleep(0.02)
        raise RuntimeError(f"nginx is not ready after {START_SECONDS} s: {log[-2000:]}")
