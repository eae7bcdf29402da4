"""What must hold against carelessness and against whoever sits between here and the archive.

That no test's output or file holds a secret is looked after in tests/conftest.py for every test. That a
readable `.env` file is a warning, and that the log is private, is in test_config.py and test_cli_scan.py.
"""

from __future__ import annotations

import io
import json
import os
import re
import socket
import ssl
import stat
import string
import subprocess
import sys
import threading
import time
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any, Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.certificate import make as make_certificate
from support.dashboard import DashboardStandIn
from support.fakes import FakeBucket, FakeTree, SerialExecutor, VirtualClock
from support.operator import Operator
from support.runs import end, rewrite_env, start
from support.scripted import Act, Answer, ScriptedServer, html, s3_error
from support.secrecy import leaks, secrets_of, told

from ifcbscan.clock import Clock
from ifcbscan.config import load
from ifcbscan.core.bins import parse_pid
from ifcbscan.core.decision import Policy
from ifcbscan.core.series import Series, check_time_series
from ifcbscan.dashboard.calls import Dashboard, DashboardUnreachable
from ifcbscan.demo.sample_bins import write_bin
from ifcbscan.errors import BucketRefused, BucketUnreachable, IfcbscanError, PutRefused
from ifcbscan.runs.backends import Backends
from ifcbscan.runs.listener import Listener
from ifcbscan.runs.scan import ScanOptions, scan
from ifcbscan.s3.bucket import Bucket
from ifcbscan.s3.wire import Timeouts, Wire
from ifcbscan.schedule.jobs import Mode, ScheduledJob
from ifcbscan.schedule.task_text import file_bytes, task_xml

PID = "D20130526T095207_IFCB013"
KEY = f"hablab/nauset/2013/D20130526/{PID}.roi"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
PING = "6a1f-secret-check"
TOKEN = "FwoGZXIvYXdzEBYaDKtoken0123456789=="

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX")


class NoPauses(Clock):
    """The real clock, but nobody waits between two tries."""

    def sleep(self, seconds: float, unless: threading.Event) -> None:
        pass


def bucket_at(endpoint: str) -> Bucket:
    values = {
        "AWS_ACCESS_KEY_ID": "AKIAIFCBSCANTESTS",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_SESSION_TOKEN": TOKEN,
        "USER_ACCOUNT": "hablab",
        "S3_ENDPOINT_URL": endpoint,
        "AWS_CA_BUNDLE": os.environ.get("AWS_CA_BUNDLE", ""),
    }
    settings = load(None, values)
    return Bucket(settings, NoPauses(), Wire(settings, timeouts=Timeouts(5.0, 5.0)))


def put(bucket: Bucket) -> str:
    return bucket.put(KEY, io.BytesIO(b"bytes" * 100), 500).at


# --- secrets


def test_the_search_for_secrets_finds_them_wherever_a_program_may_have_left_them(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "my.env").write_text(f"AWS_SECRET_ACCESS_KEY='{SECRET}'\nAWS_SESSION_TOKEN={TOKEN}\n")
    assert {SECRET, TOKEN} <= secrets_of(inner)
    assert leaks(inner) == []
    for name, encoding, secret in (("a.log", "utf-8", SECRET), ("b.xml", "utf-16", TOKEN)):
        (inner / name).write_text(f"some {secret} text", encoding=encoding)
        assert leaks(inner) == [str(inner / name)]
        (inner / name).unlink()
    with zipfile.ZipFile(str(inner / "a.zip"), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", f"some {SECRET} text " * 9)
    assert SECRET.encode() not in (inner / "a.zip").read_bytes()
    assert leaks(inner) == [str(inner / "a.zip")]
    (inner / "a.zip").unlink()
    assert told(f"x{SECRET}y", secrets_of(inner)) == [SECRET]


FAILURES = {
    "wrong-secret": s3_error(403, "SignatureDoesNotMatch"),
    "denied": s3_error(403, "AccessDenied"),
    "odd": s3_error(418, "Teapot", "a {message} that\nis {0} a template"),
    "page": html(200, "log in"),
    "stops": Act.RESET,
}


@pytest.mark.parametrize("failure", list(FAILURES))
def test_no_command_gives_a_secret_away_when_the_bucket_fails(
    ifcbscan_cli: Any, tmp_path: Path, failure: str
) -> None:
    write_bin(tmp_path / "data", PID, mtime=1.0)
    env = tmp_path / ".env"
    env.touch(mode=0o600)
    log = tmp_path / "a.log"
    with ScriptedServer(then=FAILURES[failure]) as server:
        env.write_text(
            f"AWS_ACCESS_KEY_ID=AKIAIFCBSCANTESTS\nAWS_SECRET_ACCESS_KEY={SECRET}\nAWS_SESSION_TOKEN={TOKEN}\n"
            f"USER_ACCOUNT=hablab\nS3_ENDPOINT_URL={server.endpoint}\nSETTLE_SECONDS=0\n"
        )
        commands: list[tuple[Any, ...]] = [
            ("--once", "data", "nauset", "--verbose", "--json", "--log-file", log),
            ("verify", "data", "nauset", "--json"),
            ("check", "data", "nauset", "--write", "--bundle", "for-help.zip"),
            ("list",),
        ]
        # a bucket that may come back is asked again, with pauses: one command will do
        for command in commands if failure not in ("page", "stops") else commands[:1]:
            done = ifcbscan_cli(*command)  # looks for the secrets itself
            assert done.code in (2, 3, 5), (command, done)
            assert "Traceback" not in done.stderr and "unexpected error" not in done.stderr
            for line in (done.stderr + done.stdout).splitlines():
                assert line.isprintable()
    assert leaks(tmp_path) == []


def test_what_a_server_writes_into_an_error_stays_one_line_and_is_no_template() -> None:
    message = "first line\n2026-01-01 ERROR forged {bucket.__class__} {0} {x} %s \u0085\u202e end"
    with ScriptedServer(then=s3_error(400, "Odd{0}", message)) as server:
        for request, error in ((lambda b: list(b.list("hablab/")), BucketRefused), (put, PutRefused)):
            with pytest.raises(error) as found:
                request(bucket_at(server.endpoint))
            text = str(found.value)
            assert "first line 2026-01-01 ERROR forged {bucket.__class__} {0} {x} %s" in text
            assert text.isprintable()


@posix
def test_a_secret_is_neither_in_the_process_list_nor_in_the_environment_of_a_run(
    cli_environment: dict[str, str], tmp_path: Path
) -> None:
    if not os.path.isdir("/proc/self"):
        pytest.skip("no /proc here")
    write_bin(tmp_path / "data", PID, mtime=1.0)
    env = tmp_path / ".env"
    env.touch(mode=0o600)
    with ScriptedServer(then=Act.STALL) as server:
        env.write_text(
            f"AWS_ACCESS_KEY_ID=AKIAIFCBSCANTESTS\nAWS_SECRET_ACCESS_KEY={SECRET}\n"
            f"USER_ACCOUNT=hablab\nS3_ENDPOINT_URL={server.endpoint}\nPING_URL=http://127.0.0.1:9/{PING}\n"
        )
        process = start(cli_environment, tmp_path, "--once", "data", "nauset")
        server.wait_for("list", 1)
        shown = [Path(f"/proc/{process.pid}/{name}").read_bytes() for name in ("cmdline", "environ")]
        process.terminate()
        end(process)
    assert b"nauset" in shown[0] and b"HOME=" in shown[1]
    assert SECRET.encode() not in shown[0] + shown[1]
    assert PING.encode() not in shown[0] + shown[1]


def test_the_help_says_that_an_address_on_the_command_line_is_seen_by_others(ifcbscan_cli: Any) -> None:
    for command in ("once", "sync"):
        text = " ".join(ifcbscan_cli(command, "--help").stdout.split())
        assert (
            "everybody on this computer can see it in the list of processes: PING_URL in the .env file"
            in text
        )


@posix
@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_the_crontab_and_everything_that_start_leaves_behind_hold_no_secret_and_are_private(
    s3: Any, operator: Operator, dashboard: DashboardStandIn, env_file: Path
) -> None:
    write_bin(operator.folder / "data", PID, mtime=1.0)
    rewrite_env(env_file, PING_URL="http://127.0.0.1:9/" + PING)
    operator.run("start", operator.folder / "data", "nauset")
    operator.run("status")
    table = operator.crontab.text or b""
    assert table.count(b"--once") == 2
    secrets = secrets_of(operator.folder)
    assert s3.server.secret_key in secrets
    assert (
        told(table.decode("utf-8") + operator.run("start", "data", "nauset", "--print").stdout, secrets) == []
    )
    assert leaks(operator.folder) == []
    left = [path for path in operator.home.rglob("*") if path.is_file()]
    assert {path.suffix for path in left} >= {".lock", ".json"}
    for path in left:
        assert not readable_by_others(path, operator.home), path
        assert PING.encode() not in path.read_bytes()
    assert PING.encode() not in table


def readable_by_others(path: Path, above: Path) -> bool:
    """Whether another user could open it: every folder on the way lets them through, and the file lets them read."""
    folders = [folder for folder in path.parents if above in folder.parents]
    through = all(folder.stat().st_mode & stat.S_IXOTH for folder in folders)
    return through and bool(path.stat().st_mode & stat.S_IROTH)


@posix
@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_with_the_most_careless_umask_nothing_that_a_run_leaves_can_be_read_by_others(
    s3: Any, cli_environment: dict[str, str], tmp_path: Path, env_file: Path
) -> None:
    write_bin(tmp_path / "data", PID, mtime=1.0)
    log = tmp_path / "home" / "logs" / "a.log"
    command = [sys.executable, "-m", "ifcbscan", "--once", "data", "nauset", "--log-file", str(log)]
    done = subprocess.run(
        ["/bin/sh", "-c", 'umask 0; exec "$@"', "sh", *command],
        cwd=str(tmp_path),
        env=cli_environment,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    home = tmp_path / "home"
    left = [path for path in home.rglob("*") if path.is_file()]
    assert log in left and len(left) >= 4
    assert not [path for path in left if readable_by_others(path, home)]
    assert log.stat().st_mode & 0o077 == 0


def test_a_task_for_windows_holds_paths_and_no_secret(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"AWS_SECRET_ACCESS_KEY={SECRET}\n")
    job = ScheduledJob("C:\\Python\\python.exe", "C:\\ifcb\\.env", "D:\\data", "nauset", "C:\\ifcb\\a.log")
    for mode in Mode:
        xml = task_xml(job, mode, "SHIP\\ifcb")
        assert "C:\\ifcb\\.env" in xml
        assert told(xml + file_bytes(xml).decode("utf-16"), secrets_of(tmp_path)) == []


# --- keys


PREFIX = re.compile(
    r"hablab/nauset/[0-9]{4}/(D[0-9]{8}/D[0-9]{8}T[0-9]{6}_IFCB[0-9]{3}|"
    r"IFCB[0-9]_[0-9]{4}_[0-9]{3}/IFCB[0-9]_[0-9]{4}_[0-9]{3}_[0-9]{6})\.(hdr|adc|roi)"
)
ALPHABET = string.ascii_letters + string.digits + "./\\_-%+ \n\0\u0660\uff11\u00e9'\"<>&*?~$"


@given(st.text(ALPHABET, max_size=40) | st.from_regex(r"(\.\./)*D20130526T095207_IFCB013(/\.\.)*[./\n]*"))
@example("../../otherlab/D20130526T095207_IFCB013")
@example("D20130526T095207_IFCB013\n")
@example("D２０１３0526T095207_IFCB013")
@settings(max_examples=300, deadline=None)
def test_whatever_a_file_is_called_its_key_stays_in_the_place_of_a_bin(name: str) -> None:
    pid = parse_pid(name)
    if pid is not None:
        for extension in ("hdr", "adc", "roi"):
            assert PREFIX.fullmatch(Series("hablab", "nauset").key(pid, extension))


@given(st.lists(st.text(ALPHABET.replace("\0", ""), min_size=1, max_size=12), min_size=1, max_size=3))
@example(["..", "..", "otherlab"])
@example(["%2e%2e"])
@settings(max_examples=100, deadline=None)
def test_whatever_folders_are_called_a_bin_in_them_goes_to_its_one_place(folders: list[str]) -> None:
    clock = VirtualClock(1900000000.0)
    tree = FakeTree()
    tree.write_bin(PID, 1400000000.0, "/".join(folders))
    bucket = FakeBucket(clock)
    options = ScanOptions("hablab", "nauset", Policy())
    scan(
        options,
        Backends(tree, bucket, clock, SerialExecutor()),  # type: ignore[arg-type]
        Listener(),
        lambda line: None,
    )
    assert all(PREFIX.fullmatch(key) for key in bucket.objects)


@pytest.mark.parametrize(
    "name", ["..", ".", "a/b", "../otherlab", "a\\b", "a b", "", "nauset/", "a\n", "\u0660"]
)
def test_no_account_and_no_time_series_leads_out_of_its_prefix(name: str) -> None:
    with pytest.raises(IfcbscanError):
        check_time_series(name)
    values = {"AWS_ACCESS_KEY_ID": "AKIAIFCBSCANTESTS", "AWS_SECRET_ACCESS_KEY": SECRET, "USER_ACCOUNT": name}
    with pytest.raises(IfcbscanError):
        load(None, values)


# --- what servers answer


def bomb(encoding: str = "utf-8", root: str = "ListBucketResult") -> bytes:
    """A thousand million laughs: small to send, large once its entities are expanded."""
    entities = '<!ENTITY a0 "ha">' + "".join(
        f'<!ENTITY a{depth} "{f"&a{depth - 1};" * 10}">' for depth in range(1, 10)
    )
    text = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE {root} [{entities}]><{root}><Code>&a9;</Code></{root}>'
    return text.encode(encoding)


def quadratic(root: str) -> bytes:
    """One long entity, often."""
    text = f'<!DOCTYPE {root} [<!ENTITY a "{"x" * 50000}">]><{root}><Code>{"&a;" * 50000}</Code></{root}>'
    return text.encode("ascii")


def late_bomb() -> bytes:
    """The document type behind a comment longer than anybody looks at."""
    return bomb().replace(b"<!DOCTYPE", b"<!--" + b"x" * 5000 + b"--><!DOCTYPE")


BOMBS = {
    "laughs": bomb(),
    "laughs in UTF-16": bomb("utf-16"),
    "laughs in EBCDIC": b'<?xml version="1.0" encoding="cp037"?>' + bomb("cp037")[40:],
    "laughs, later": late_bomb(),
    "quadratic": quadratic("ListBucketResult"),
    "error, laughs": bomb(root="Error"),
    "error, quadratic": quadratic("Error"),
    "file": b'<!DOCTYPE E [<!ENTITY x SYSTEM "file:///etc/passwd">]><Error><Code>&x;</Code></Error>',
}
XML = (("Content-Type", "application/xml"), ("ETag", '"x"'))


@pytest.mark.parametrize(
    "status", [200, 403, *(pytest.param(status, marks=pytest.mark.slow) for status in (301, 400, 404, 500))]
)
@pytest.mark.parametrize("kind", list(BOMBS))
def test_xml_with_a_document_type_is_refused_quickly_in_every_answer(kind: str, status: int) -> None:
    with ScriptedServer(then=Answer(status, BOMBS[kind], XML)) as server:
        bucket = bucket_at(server.endpoint)
        with pytest.raises(IfcbscanError):
            list(bucket.list("warm/"))  # loads what is loaded once
        tracemalloc.start()
        began = time.monotonic()
        try:
            for request in (lambda: list(bucket.list("hablab/")), lambda: put(bucket)):
                try:
                    request()
                except (IfcbscanError, PutRefused) as error:
                    text = str(error)
                    assert len(text) < 1000 and "root:" not in text and "haha" not in text
                else:
                    assert status == 200  # a PUT: its answer has no body that anybody reads
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert time.monotonic() - began < 10
    assert peak < 20000000


def test_a_listing_that_never_gets_on_ends() -> None:
    page = (
        b"<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>same</NextContinuationToken>"
        b"<Contents><Key>hablab/nauset/a</Key><Size>1</Size><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
        b"</Contents></ListBucketResult>"
    )
    for body in (page, page.replace(b"<NextContinuationToken>same</NextContinuationToken>", b"")):
        with ScriptedServer(then=Answer(200, body, XML)) as server:
            with pytest.raises(
                BucketUnreachable, match="does not say how its listing goes on|goes round in circles"
            ):
                list(bucket_at(server.endpoint).list("hablab/nauset/"))
            assert len(server.requests) <= 2
            with pytest.raises(BucketUnreachable):
                bucket_at(server.endpoint).folders("hablab/")


@pytest.mark.parametrize(
    "body", [b"[" * 200000, b'{"datasets":' * 100000, b'{"datasets": [' + b"9" * 100000 + b"]}"]
)
def test_json_that_is_nested_beyond_reason_is_no_answer_of_the_dashboard(body: bytes) -> None:
    with ScriptedServer(
        then=Answer(200, body, (("Content-Type", "application/json"),))
    ) as server, pytest.raises(DashboardUnreachable):
        Dashboard(server.endpoint).list_datasets("hablab")


# --- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A certificate for 127.0.0.1 that nobody has signed, and its key."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


class TlsServer:
    """Accepts TLS and writes down whether anybody went on to speak HTTP."""

    def __init__(self, certificate: tuple[str, str]) -> None:
        self.heard = b""
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(*certificate)
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(20)
        self.endpoint = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        self._ended = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self._ended:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            try:
                with self._context.wrap_socket(connection, server_side=True) as speaking:
                    speaking.settimeout(5)
                    self.heard += speaking.recv(1000)
                    speaking.sendall(
                        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                    )
            except OSError:
                connection.close()

    def close(self) -> None:
        self._ended = True
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)


@pytest.fixture
def tls(certificate: tuple[str, str]) -> Iterator[TlsServer]:
    server = TlsServer(certificate)
    yield server
    server.close()


@pytest.fixture
def no_ca_settings(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


CARELESS = [
    {},
    {"AWS_CA_BUNDLE": ""},
    {"AWS_CA_BUNDLE": "  "},
    {"REQUESTS_CA_BUNDLE": ""},
    {"CURL_CA_BUNDLE": ""},
    {"AWS_CA_BUNDLE": "", "REQUESTS_CA_BUNDLE": "", "CURL_CA_BUNDLE": ""},
    {"PYTHONHTTPSVERIFY": "0", "AWS_VERIFY_SSL": "false", "AWS_NO_VERIFY_SSL": "1"},
]


@pytest.mark.parametrize("careless", CARELESS, ids=str)
def test_no_setting_of_the_environment_makes_a_certificate_pass_that_nobody_has_signed(
    tls: TlsServer, no_ca_settings: pytest.MonkeyPatch, careless: dict[str, str]
) -> None:
    for name, value in careless.items():
        no_ca_settings.setenv(name, value)
    with pytest.raises(BucketUnreachable, match="no secure connection"):
        list(bucket_at(tls.endpoint).list("hablab/nauset/"))
    with pytest.raises(DashboardUnreachable):
        Dashboard(tls.endpoint).list_datasets("hablab")
    assert tls.heard == b""


@pytest.mark.parametrize("name", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
def test_a_certificate_that_the_machines_owner_trusts_is_trusted(
    tls: TlsServer, certificate: tuple[str, str], no_ca_settings: pytest.MonkeyPatch, name: str
) -> None:
    no_ca_settings.setenv(name, certificate[0])
    with pytest.raises(BucketRefused, match="403"):  # it speaks HTTP, so the handshake was accepted
        list(bucket_at(tls.endpoint).list("hablab/nauset/"))
    assert tls.heard.startswith(b"GET /")


def test_a_file_of_certificates_that_is_not_there_ends_the_run_with_a_line(
    tls: TlsServer, no_ca_settings: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    no_ca_settings.setenv("AWS_CA_BUNDLE", str(tmp_path / "none.pem"))
    with pytest.raises(IfcbscanError) as error:
        list(bucket_at(tls.endpoint).list("hablab/nauset/"))
    assert "none.pem" in str(error.value) and tls.heard == b""


PLAIN = {
    "http://127.0.0.1:9000": False,
    "http://127.8.8.8": False,
    "http://localhost:9000": False,
    "http://[::1]:9000": False,
    "https://s3.example.org": False,
    "http://s3.example.org": True,
    "http://192.168.1.5:9000": True,
    "http://127.0.0.1.example.org": True,
    "http://localhost.example.org": True,
    "http://[2001:db8::1]": True,
}


@pytest.mark.parametrize("endpoint", list(PLAIN))
def test_an_endpoint_without_encryption_gets_a_warning_unless_it_is_this_machine(endpoint: str) -> None:
    values = {
        "AWS_ACCESS_KEY_ID": "AKIAIFCBSCANTESTS",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "USER_ACCOUNT": "hablab",
        "S3_ENDPOINT_URL": endpoint,
    }
    found = [line for line in load(None, values).warnings if "not encrypted" in line]
    assert bool(found) == PLAIN[endpoint]
    assert all(endpoint in line for line in found)


@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_the_warning_about_an_endpoint_without_encryption_is_in_the_report(
    s3: Any, ifcbscan_cli: Any, tmp_path: Path, env_file: Path
) -> None:
    # a name that is no loopback address, and leads nowhere
    rewrite_env(env_file, S3_ENDPOINT_URL="http://s3.invalid")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "D20130526T095207_IFCB013.hdr").touch()  # nothing to ask about
    report = json.loads(ifcbscan_cli("--once", "data", "nauset", "--json").stdout)
    (warning,) = report["warnings"]
    assert warning.startswith("S3_ENDPOINT_URL is http://s3.invalid, which is not encrypted")
