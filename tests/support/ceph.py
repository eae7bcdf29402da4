"""Ceph's RADOS Gateway as an S3 server: a monitor, one store in memory and the gateway, from Debian's packages.

One cluster serves all workers of a test session. A keeper process (`ceph_keeper.py`) holds the daemons; every worker
holds a connection to it, and it ends them when the last connection has closed, so that they end with the tests
however those end. There is no manager daemon: a cluster with a fixed number of placement groups serves without one.

The gateway knows two users, as the real archive does: the owner makes the buckets and acts for the archive
(`client()`); the sharer, whose key the program gets, has the rights of FACTS.md's section 4 by a bucket policy.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any, Iterator, Mapping

from support.places import TESTS
from support.servers import (
    START_SECONDS,
    S3Server,
    ServerUnavailable,
    free_port,
    plain_environment,
)

PROGRAMS = ("ceph-mon", "ceph-osd", "ceph", "monmaptool", "radosgw", "radosgw-admin")
PACKAGES = "radosgw ceph-mon ceph-osd ceph-common"
ACCOUNT = "hablab"

_OWNER = ("ifcbscan-tests-owner", "ifcbscan-tests-owner-secret")
_USED_FIRST = "ifcbscan.first"


class CephServer(S3Server):
    """The gateway of a cluster that the workers of one test session share."""

    name = "ceph"
    takes_quoted_etags = False

    def __init__(self, shared: Path, secure: bool = False) -> None:
        """`shared`: a folder that all workers of the session know. Both kinds, `secure` or not, are of one cluster."""
        super().__init__(secure)
        self.tls_endpoint = ""
        self._shared = shared
        self._held: socket.socket | None = None

    def _command(self, port: int, folder: Path) -> list[str]:
        # -I: the folder of that file has an operator.py, which Python must not take for its own
        return [sys.executable, "-I", str(TESTS / "support" / "ceph_keeper.py"), str(folder)]

    def __enter__(self) -> CephServer:
        missing = [program for program in PROGRAMS if shutil.which(program) is None]
        if missing:
            raise ServerUnavailable(f"no {missing[0]}: Debian's packages {PACKAGES} are not installed")
        with _locked(self._shared / "ceph.lock"):
            try:
                self._join()
            except (OSError, ValueError):  # nobody has started it, or all who used it have ended
                self._begin()
        return self

    def _stop(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None
        if self._process is not None:
            self._process.wait()  # the other workers hold it until they have ended, too
            self._process = None

    def log(self) -> str:
        """What the keeper and its daemons have printed so far."""
        return "" if self._folder is None else _text(self._folder / "log")

    def make_bucket(self, name: str) -> None:
        """A bucket of the owner, in which the sharer may do what its account needs and no more."""
        super().make_bucket(name)
        self.client().put_bucket_policy(Bucket=name, Policy=json.dumps(_policy(name)))

    def client(self) -> Any:
        """The owner's boto3 client: what the archive does, and what others do who share the bucket."""
        if self._client is None:
            self._client = self.client_of(*_OWNER)
        return self._client

    # --- the shared cluster

    def _join(self) -> None:
        """Hold the cluster that runs. Raises OSError or ValueError if none does."""
        known = json.loads((self._shared / "ceph.json").read_text("utf-8"))
        self._hold(Path(known["folder"]))
        self._speak_to(known["endpoint"], known["tls_endpoint"])

    def _speak_to(self, endpoint: str, tls_endpoint: str) -> None:
        self.endpoint, self.tls_endpoint = tls_endpoint if self.secure else endpoint, tls_endpoint

    def _hold(self, folder: Path) -> None:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(str(folder / "held"))
        except OSError:
            connection.close()
            raise
        self._held, self._folder, self.certificate = connection, folder, str(folder / "a.crt")

    def _begin(self) -> None:
        # The path of a socket has at most 107 bytes, so this is not below pytest's folder.
        folder = Path(tempfile.mkdtemp(prefix="ifcbscan-ceph-"))
        port, tls_port = _configure(folder)
        with open(str(folder / "log"), "ab") as log:
            keeper = self._process = subprocess.Popen(
                self._command(port, folder),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=str(folder),
                env=plain_environment(),
                start_new_session=True,  # the keeper ends its whole process group
            )
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                self._hold(folder)
                break
            except OSError:
                if keeper.poll() is not None or time.monotonic() > end:
                    log_text = _text(folder / "log")
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(keeper.pid, signal.SIGKILL)
                    shutil.rmtree(str(folder), ignore_errors=True)
                    self._stop()
                    raise RuntimeError("ceph did not start: " + log_text[-2000:]) from None
                time.sleep(0.05)
        known = {
            "folder": str(folder),
            "endpoint": f"http://127.0.0.1:{port}",
            "tls_endpoint": f"https://127.0.0.1:{tls_port}",
        }
        self._speak_to(known["endpoint"], known["tls_endpoint"])
        _add_user(folder, "owner", *_OWNER)
        _add_user(folder, "sharer", self.access_key, self.secret_key)
        # The gateway makes its pools at the first bucket and the first object, which takes seconds.
        self.make_bucket(_USED_FIRST)
        self.client().put_object(Bucket=_USED_FIRST, Key="first", Body=b"")
        (self._shared / "ceph.json").write_text(json.dumps(known), "utf-8")


#: What would show nothing of the gateway that the rest does not show: files and tests ...
_LEFT_OUT = (
    "cli/test_report.py",
    "cli/test_window.py",
    "integration/runs/test_real_bins.py",
    "integration/runs/test_recent.py",
    "integration/schedule/",
    "integration/support/test_archive.py",
    "::test_a_stopped_s",
    "::test_a_fault_in_the_middle_of_a_long_listing_makes_no_file_look_missing",
    "::test_after_random_damage_exactly_the_undamaged_bins_are_proven",
)
#: ... and parameters: the ways that a connection breaks and that no server notices, and the archive's other rules.
_LEFT_OUT_WITH = {"way": ("stall", "delay", "garbage"), "generation": ("lenient",)}


def is_left_out(test: str, parameters: Mapping[str, Any]) -> bool:
    """Whether a test is not run over Ceph, so that its suite takes about a minute. `test`: its id in pytest."""
    rules = getattr(parameters.get("rules"), "name", "")
    given = dict(parameters, generation=rules)
    return any(part in test for part in _LEFT_OUT) or any(
        given.get(name) in values for name, values in _LEFT_OUT_WITH.items()
    )


#: What runs over Ceph among the slow tests, in well under a minute: one of each kind. All else is marked `matrix`.
_AMONG_THE_SLOW = (
    "integration/s3/",
    "cli/test_scan.py::test_every_complete_bin_arrives_whole_in_its_place_once",
    "cli/test_verify.py::test_one_damaged_file_ends_in_3",
    "integration/runs/test_faults.py::test_what_stays_broken_halfway_is_finished_by_a_later_run[strict-ceph-reset-put-1]",
    "integration/runs/test_two_runs.py::test_two_runs_at_once_share_the_bins",
)


def is_among_the_slow(test: str) -> bool:
    """Whether a test over Ceph is run with the slow ones already. `test`: its id in pytest."""
    return any(part in test for part in _AMONG_THE_SLOW)


def _policy(bucket: str) -> dict[str, Any]:
    """The rights of a key of the real archive. The owner stands in it, too: on this gateway an object belongs to who
    put it, and the owner of the bucket could list and delete it, but not read it."""
    sharer, owner = "arn:aws:iam:::user/sharer", "arn:aws:iam:::user/owner"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": [sharer]},
                "Action": ["s3:ListBucket"],
                "Resource": [f"arn:aws:s3:::{bucket}"],
            },
            {
                "Effect": "Allow",
                "Principal": {"AWS": [sharer]},
                "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
                "Resource": [f"arn:aws:s3:::{bucket}/{ACCOUNT}/*"],
            },
            {
                "Effect": "Allow",
                "Principal": {"AWS": [owner]},
                "Action": ["s3:GetObject"],
                "Resource": [f"arn:aws:s3:::{bucket}/*"],
            },
        ],
    }


def _configure(folder: Path) -> tuple[int, int]:
    """Write `ceph.conf` and a certificate; the gateway's ports without and with TLS."""
    from support import (
        certificate,  # cryptography is slow to load, and conftest.py loads this module for every test
    )

    certificate.make(folder)
    port, tls_port, monitor, monitor_old = (free_port() for _ in range(4))
    (folder / "ceph.conf").write_text(
        _CONFIGURATION.format(
            folder=folder,
            cluster=uuid.uuid4(),
            port=port,
            tls_port=tls_port,
            monitors=f"[v2:127.0.0.1:{monitor},v1:127.0.0.1:{monitor_old}]",
        ),
        "utf-8",
    )
    return port, tls_port


_CONFIGURATION = """[global]
fsid = {cluster}
mon_host = {monitors}
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
keyring = {folder}/keyring
run_dir = {folder}
admin_socket = {folder}/$name.$pid.asok
log_file = {folder}/$name.log
crash_dir = {folder}/crash
log_to_stderr = false
mon_data = {folder}/mon
mon_data_avail_crit = 0
osd_data = {folder}/osd
osd_objectstore = memstore
memstore_device_bytes = 1073741824
osd_crush_chooseleaf_type = 0
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pgp_num = 1
osd_pool_default_pg_autoscale_mode = off
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 1000
rgw_data = {folder}/gateway
rgw_frontends = beast endpoint=127.0.0.1:{port} ssl_endpoint=127.0.0.1:{tls_port} ssl_certificate={folder}/a.crt ssl_private_key={folder}/a.key
"""  # noqa: E501


def _add_user(folder: Path, name: str, access_key: str, secret_key: str) -> None:
    command = ["radosgw-admin", "-c", str(folder / "ceph.conf"), "user", "create"]
    command += ["--uid", name, "--display-name", name, "--access-key", access_key, "--secret", secret_key]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=60)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Alone among the workers of a session."""
    import fcntl  # there is no Ceph where this is missing

    with open(str(path), "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
