"""Headless Chromium, spoken to over WebDriver with the standard library alone; and axe-core from npm.

Chromium and chromedriver come from the system's packages (Debian: chromium, chromium-driver), axe-core from
npm into a temporary folder. Where one of them is missing, `BrowserUnavailable` says so. (Selenium would
bring twenty packages for the six calls that are needed.)
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

from support.servers import free_port

START_SECONDS = 60.0
NPM_SECONDS = 180.0
AXE = "axe-core@4.14.1"
"""One version, so that a new rule of theirs does not fail a test of ours by surprise."""

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
)


class BrowserUnavailable(Exception):
    """This machine cannot show a page; the text says why (a test skips with it)."""


class Browser:
    """A browser with one page, alive inside its `with` block. Nothing of the user's profile is used."""

    def __init__(self) -> None:
        self._folder = Path()
        self._driver: subprocess.Popen[bytes] | None = None
        self._address = ""
        self._session = ""

    def __enter__(self) -> Browser:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        driver = shutil.which("chromedriver")
        if chromium is None or driver is None:
            raise BrowserUnavailable("no chromium with chromedriver (Debian: chromium, chromium-driver)")
        self._folder = Path(tempfile.mkdtemp(prefix="ifcbscan-browser-"))
        try:
            self._start(chromium, driver)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def _start(self, chromium: str, driver: str) -> None:
        port = free_port()
        with open(str(self._folder / "log"), "ab") as log:
            self._driver = subprocess.Popen(
                [driver, f"--port={port}"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(os.environ, HOME=str(self._folder)),
                start_new_session=True,  # so that the browser, its child, can be ended with it
            )
        self._address = f"http://127.0.0.1:{port}"
        end = time.monotonic() + START_SECONDS
        while not self._ready():
            if self._driver.poll() is not None or time.monotonic() > end:
                raise BrowserUnavailable("chromedriver does not start: " + self._log())
            time.sleep(0.05)
        arguments = [*_FLAGS, "--user-data-dir=" + str(self._folder / "profile")]
        wanted = {"browserName": "chrome", "goog:chromeOptions": {"binary": chromium, "args": arguments}}
        try:
            answer = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        except urllib.error.HTTPError as error:
            raise BrowserUnavailable("chromium does not start: " + error.read().decode()[:500]) from None
        self._session = "/session/" + answer["sessionId"]

    def _ready(self) -> bool:
        try:
            return bool(self._call("GET", "/status")["ready"])
        except OSError:
            return False

    def _stop(self) -> None:
        if self._session:
            with contextlib.suppress(OSError):
                self._call("DELETE", self._session)
        if self._driver is not None:
            if self._driver.poll() is None:
                os.killpg(self._driver.pid, signal.SIGKILL)
            self._driver.wait()
        shutil.rmtree(str(self._folder), ignore_errors=True)

    def _log(self) -> str:
        return (self._folder / "log").read_text(encoding="utf-8", errors="replace")[-500:]

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            self._address + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
            method=method,
        )
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(request, timeout=120) as answer:
            return json.loads(answer.read().decode())["value"]

    def _devtools(self, command: str, **parameters: Any) -> Any:
        body = {"cmd": command, "params": parameters}
        return self._call("POST", self._session + "/goog/cdp/execute", body)

    def look(self, width: int, dark: bool = False, height: int = 900, media: str = "screen") -> None:
        """How pages are shown from now on: sizes in CSS pixels."""
        self._devtools(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._devtools("Emulation.setEmulatedMedia", media=media, features=[scheme])

    def scripts(self, allowed: bool) -> None:
        """Whether pages may run scripts of their own (those of `run` always may)."""
        self._devtools("Emulation.setScriptExecutionDisabled", value=not allowed)

    def open(self, path: Path) -> None:
        """Load a file."""
        self._call("POST", self._session + "/url", {"url": path.resolve().as_uri()})

    def run(self, script: str, *arguments: Any) -> Any:
        """What a script returns; `arguments` are its `arguments`."""
        body = {"script": script, "args": list(arguments)}
        return self._call("POST", self._session + "/execute/sync", body)

    def run_async(self, script: str, *arguments: Any) -> Any:
        """What a script hands to its last argument, a function."""
        body = {"script": script, "args": list(arguments)}
        return self._call("POST", self._session + "/execute/async", body)

    def press(self, key: str) -> None:
        """Press a key, as WebDriver names it (Tab is U+E004)."""
        keys = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        actions = {"actions": [{"type": "key", "id": "keyboard", "actions": keys}]}
        self._call("POST", self._session + "/actions", actions)

    def screenshot(self, path: Path, whole: bool = True) -> None:
        """Write a PNG of the page: the whole of it, or what the window shows."""
        shot = self._devtools("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))

    def pdf(self) -> bytes:
        """The page as it is printed."""
        return base64.b64decode(self._devtools("Page.printToPDF", printBackground=True)["data"])


def axe_source(folder: Path) -> str:
    """The script of axe-core, installed into `folder` by npm. Raises BrowserUnavailable."""
    npm = shutil.which("npm")
    if npm is None:
        raise BrowserUnavailable("no npm to install axe-core with")
    command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--silent", AXE]
    try:
        done = subprocess.run(
            command,
            cwd=str(folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=NPM_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BrowserUnavailable("npm did not install axe-core in time") from None
    script = folder / "node_modules" / "axe-core" / "axe.min.js"
    if done.returncode or not script.is_file():
        raise BrowserUnavailable(
            "npm cannot install axe-core: " + done.stdout.decode(errors="replace")[-300:]
        )
    return script.read_text(encoding="utf-8")


def main() -> None:
    """`python -m support.browser PAGE WIDTH light|dark IMAGE`, in tests/: a screenshot by hand."""
    page, width, scheme, image = sys.argv[1:]
    with Browser() as browser:
        browser.look(int(width), dark=scheme == "dark")
        browser.open(Path(page))
        browser.screenshot(Path(image))


if __name__ == "__main__":
    main()
