"""Runs the daemons of a Ceph cluster in a folder that has a `ceph.conf`, for as long as somebody holds it.

To hold it is to be connected to the socket `held` in that folder, which is there as soon as the gateway answers. When
the last connection has closed, or a daemon has ended, all daemons are killed and the folder is removed.

usage: ceph_keeper.py FOLDER       in a process group of its own
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
import selectors
import shutil
import socket
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import List

START_SECONDS = 150.0
NOBODY_SECONDS = 60.0
"""How long the first one may take to come after the gateway answers."""

_NAMES = ("mon.", "client.admin", "osd.0", "client.rgw.a")
_AS_ROOT = ["--setuser", "root", "--setgroup", "root"] if hasattr(os, "getuid") and os.getuid() == 0 else []


Daemons = List["subprocess.Popen[bytes]"]


def keep(folder: Path, daemons: Daemons) -> None:
    """Start the daemons, each added to `daemons`; return when nobody holds them any more or one has ended."""
    configuration = folder / "ceph.conf"
    start(folder, configuration, daemons)
    found = re.search(r"beast endpoint=(\S+)", configuration.read_text("utf-8"))
    assert found is not None
    end = time.monotonic() + START_SECONDS
    while not answers("http://" + found.group(1)):
        if time.monotonic() > end or ended(daemons):
            return
        time.sleep(0.05)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "held"))
        listener.listen(64)
        wait_for_the_last(listener, daemons)


def start(folder: Path, configuration: Path, daemons: Daemons) -> None:
    """A monitor, a store in memory, the gateway."""
    given = ["-c", str(configuration)]
    text = configuration.read_text("utf-8")
    cluster, monitors = (re.findall(rf"^{name} = (.*)$", text, re.M)[0] for name in ("fsid", "mon_host"))
    (folder / "keyring").write_text(keyring(), "utf-8")
    for name in ("mon", "osd"):
        (folder / name).mkdir()
    run("monmaptool", "--create", "--fsid", cluster, "--addv", "a", monitors, "monmap")
    monitor = ["ceph-mon", *given, *_AS_ROOT, "-i", "a"]
    run(*monitor, "--mkfs", "--monmap", "monmap", "--keyring", "keyring")
    daemons.append(subprocess.Popen([*monitor, "-f"]))
    store_id = str(uuid.uuid4())
    run("ceph", *given, "osd", "new", store_id)  # waits for the monitor
    store = ["ceph-osd", *given, *_AS_ROOT, "-i", "0"]
    run(*store, "--mkfs", "--osd-uuid", store_id)
    daemons.append(subprocess.Popen([*store, "-f"]))
    daemons.append(subprocess.Popen(["radosgw", *given, *_AS_ROOT, "-n", "client.rgw.a", "-f"]))


def keyring() -> str:
    """One key for all daemons, with every right. Its form: type 1 (AES), seconds, nanoseconds, length, key."""
    key = base64.b64encode(struct.pack("<hiih", 1, int(time.time()), 0, 16) + os.urandom(16)).decode()
    rights = "".join(f'\tcaps {service} = "allow *"\n' for service in ("mon", "osd"))
    return "".join(f"[{name}]\n\tkey = {key}\n{rights}" for name in _NAMES)


def run(*command: str) -> None:
    subprocess.run(command, check=True, timeout=START_SECONDS)


def ended(daemons: Daemons) -> bool:
    return any(daemon.poll() is not None for daemon in daemons)


def answers(endpoint: str) -> bool:
    """Whether an HTTP server answers there, if only with a refusal."""
    try:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(endpoint, timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def wait_for_the_last(listener: socket.socket, daemons: Daemons) -> None:
    """Until nobody is connected any more, nobody has come, or a daemon has ended."""
    patience = time.monotonic() + NOBODY_SECONDS
    came = False
    with selectors.DefaultSelector() as selector, contextlib.ExitStack() as connections:
        selector.register(listener, selectors.EVENT_READ)
        while not ended(daemons):
            for key, _ in selector.select(1.0):
                if key.fileobj is listener:
                    came = True
                    connection = connections.enter_context(listener.accept()[0])
                    selector.register(connection, selectors.EVENT_READ)
                else:
                    selector.unregister(key.fileobj)  # they send nothing: it has closed
            if len(selector.get_map()) == 1 and (came or time.monotonic() > patience):
                return


def main() -> None:
    """Keep them, and end them whatever happens."""
    folder = Path(sys.argv[1])
    daemons: Daemons = []
    try:
        keep(folder, daemons)
    finally:
        for daemon in daemons:
            daemon.kill()
            daemon.wait()
        shutil.rmtree(str(folder), ignore_errors=True)


if __name__ == "__main__":
    main()
