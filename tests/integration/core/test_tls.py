"""Why there is no secure connection, as real servers and this Python's libraries say it, on both ways out."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import pytest
from support import certificate
from support.scripted import ScriptedServer, empty_listing

from ifcbscan.config import load
from ifcbscan.dashboard.fetch import DashboardUnreachable, Site
from ifcbscan.s3.transport import Operation, PassingError, Request
from ifcbscan.s3.wire import Wire

SAID = {
    "untrusted": "the server's certificate is signed by nobody whom this computer trusts (self",
    "expired": "the server's certificate has expired, or this computer's clock is ahead",
    "future": "the server's certificate is not valid yet, or this computer's clock is behind",
    "another name": "the server's certificate is for another name (",
    "no TLS": "what answers there speaks no TLS",
}


def _said_of_archive(endpoint: str, trusted: str | None) -> str:
    values = {
        "AWS_ACCESS_KEY_ID": "AKIAIFCBSCANTESTS",
        "AWS_SECRET_ACCESS_KEY": "ifcbscan-tests-secret-key",
        "USER_ACCOUNT": "hablab",
        "S3_ENDPOINT_URL": endpoint,
        "AWS_CA_BUNDLE": trusted or "",
    }
    with pytest.raises(PassingError) as error:
        Wire(load(None, values)).send(Request(Operation.LIST, query={"prefix": "hablab/nauset/"}))
    assert str(error.value).startswith("no secure connection: ")
    return str(error.value)


def _said_of_dashboard(endpoint: str, trusted: str | None) -> str:
    with pytest.MonkeyPatch.context() as environment:
        if trusted:
            environment.setenv("SSL_CERT_FILE", trusted)
        with pytest.raises(DashboardUnreachable) as error:
            Site(endpoint).json("list_datasets/hablab")
    assert str(error.value).count(endpoint) == 1
    return str(error.value).replace(endpoint, "")


@pytest.fixture(autouse=True)
def _nothing_trusted_besides(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("said_of", [_said_of_archive, _said_of_dashboard])
@pytest.mark.parametrize(
    "what, validity, address, trusted",
    [
        ("untrusted", certificate.NOW, "127.0.0.1", False),
        ("expired", certificate.EXPIRED, "127.0.0.1", True),
        ("future", certificate.FUTURE, "127.0.0.1", True),
        ("another name", certificate.NOW, "127.0.0.9", True),
    ],
)
def test_the_reason_of_a_certificate_that_does_not_pass_is_said_once_and_without_an_address(
    what: str,
    validity: certificate.Validity,
    address: str,
    trusted: bool,
    tmp_path: Path,
    said_of: Callable[[str, str | None], str],
) -> None:
    files = certificate.make(tmp_path, validity, address)
    with ScriptedServer(then=empty_listing(), tls=certificate.server_side(files)) as server:
        said = said_of(server.endpoint, files[0] if trusted else None)
        assert server.requests == []
    assert [kind for kind, words in SAID.items() if words in said] == [what]
    assert "https://" not in said and "_ssl.c" not in said
    assert ("clock" in said) == (what in ("expired", "future"))


@pytest.mark.parametrize("said_of", [_said_of_archive, _said_of_dashboard])
def test_plain_http_behind_an_https_address_is_called_so(
    said_of: Callable[[str, str | None], str],
) -> None:
    with ScriptedServer(then=empty_listing()) as server:
        said = said_of(server.endpoint.replace("http://", "https://"), None)
    assert SAID["no TLS"] in said and "https://" not in said and "clock" not in said


def test_a_certificate_that_the_settings_name_is_trusted(tmp_path: Path) -> None:
    files = certificate.make(tmp_path)
    env_file = tmp_path / ".env"
    with ScriptedServer(then=empty_listing(), tls=certificate.server_side(files)) as server:
        env_file.write_text(
            "AWS_ACCESS_KEY_ID=AKIAIFCBSCANTESTS\nAWS_SECRET_ACCESS_KEY=x\nUSER_ACCOUNT=hablab\n"
            f"S3_ENDPOINT_URL={server.endpoint}\nAWS_CA_BUNDLE={files[0]}\n",
            encoding="utf-8",
        )
        answer = Wire(load(str(env_file), {})).send(Request(Operation.LIST, query={"prefix": "hablab/"}))
        assert answer.page is not None and len(server.requests) == 1


def test_a_file_that_holds_no_certificate_is_called_so(tmp_path: Path) -> None:
    files = certificate.make(tmp_path)
    empty = tmp_path / "empty.pem"
    empty.write_text("no certificate\n", encoding="utf-8")
    with ScriptedServer(then=empty_listing(), tls=certificate.server_side(files)) as server:
        said = _said_of_archive(server.endpoint, str(empty))
    assert said == (
        "no secure connection: the file with the certificates to trust holds none in PEM form. Check AWS_CA_BUNDLE in the "
        ".env file"
    )
