"""A real nginx before the archive: its limit for a file, the Host header, and the server behind it being away."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from support.dashboard import DashboardStandIn
from support.nginx import HOST_AS_IT_CAME, Nginx, nginx_binary
from support.operator import Operator
from support.runs import rewrite_env

from ifcbscan.demo.sample_bins import write_bin

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix" or nginx_binary() is None, reason="no nginx (Debian: nginx-light)"),
    # rclone, because it checks the signature
    pytest.mark.parametrize("s3", ["rclone"], indirect=True),
]

SMALL, LARGE = "D20130526T095207_IFCB013", "D20130526T101707_IFCB013"
UNLIMITED = HOST_AS_IT_CAME + " client_max_body_size 0;"


def through(env_file: Path, nginx: Nginx) -> None:
    rewrite_env(env_file, S3_ENDPOINT_URL=nginx.endpoint, AWS_CA_BUNDLE=nginx.certificate or None)


def scan(operator: Operator, data: Path, code: int) -> Any:
    return json.loads(operator.run("--once", data, "nauset", "--json", code=code).stdout)


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
def test_a_limit_of_nginx_is_told_before_and_by_the_bin_it_stops_and_the_next_run_sends_it_once_it_is_raised(
    s3: Any, operator: Operator, dashboard: DashboardStandIn, env_file: Path, tmp_path: Path, secure: bool
) -> None:
    data = tmp_path / "data"
    write_bin(data, SMALL, roi_bytes=200_000)
    write_bin(data, LARGE, roi_bytes=5_000_000)
    with Nginx(s3.endpoint, secure=secure) as nginx:
        through(env_file, nginx)
        said = operator.run("check", data, "nauset", "--write-size", "5M", code=None).stdout
        assert "one of 5.0 MB: it was refused with HTTP 413: a proxy on the way" in said
        report = scan(operator, data, 3)
        assert report["bins"]["uploaded"] == 1 and report["bins"]["failed"] == 1
        (problem,) = report["problems"]
        assert problem["pid"] == LARGE and "lets no file of this size through" in problem["reason"]
        assert not any(key.endswith(f"{LARGE}.adc") for key in s3.objects())
        nginx.change(UNLIMITED)
        report = scan(operator, data, 0)
        assert report["bins"]["uploaded"] == 1 and report["bins"]["synced"] == 1
    sizes = {Path(key).name: size for key, size in s3.objects("hablab/nauset/").items()}
    assert sizes == {path.name: path.stat().st_size for path in data.rglob("D*_IFCB013.*")}


def test_a_host_header_that_nginx_puts_there_itself_is_named_beside_a_wrong_secret(
    s3: Any, operator: Operator, dashboard: DashboardStandIn, env_file: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    write_bin(data, SMALL)
    with Nginx(s3.endpoint, settings="") as nginx:
        through(env_file, nginx)
        done = operator.run("--once", data, "nauset", code=2)
        assert "must hand on the Host header as it came" in done.stderr and s3.objects() == {}
        nginx.change(HOST_AS_IT_CAME)
        assert scan(operator, data, 0)["bins"]["uploaded"] == 1


def test_with_the_server_behind_nginx_away_the_next_run_sends(
    s3: Any, operator: Operator, dashboard: DashboardStandIn, env_file: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    write_bin(data, SMALL)
    with Nginx(s3.endpoint, HOST_AS_IT_CAME + " return 502;") as nginx:
        through(env_file, nginx)
        done = operator.run("--once", data, "nauset", code=5)
        assert "HTTP 502" in done.stderr and "is sent by a later run" in done.stderr and s3.objects() == {}
        nginx.change(HOST_AS_IT_CAME)
        assert scan(operator, data, 0)["bins"]["uploaded"] == 1
