"""What making a client costs. What it does is shown against real servers (integration/)."""

from __future__ import annotations

import os
from typing import Any

import pytest
from support.wire import config

from ifcbscan.config import load
from ifcbscan.s3.client import USUAL_TIMEOUTS, make_client


def test_the_folders_of_other_services_are_not_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    listdir = os.listdir

    def note(path: Any = ".") -> list[str]:
        looked.append(os.path.basename(str(path)))
        return listdir(path)

    monkeypatch.setattr(os, "listdir", note)
    client = make_client(config(), 1, USUAL_TIMEOUTS)
    assert client.meta.service_model.service_name == "s3"
    assert set(looked) == {"s3"}


@pytest.mark.parametrize(
    "name, value",
    [
        ("AWS_RETRY_MODE", "bogus"),
        ("AWS_DEFAULTS_MODE", "bogus"),
        ("AWS_S3_US_EAST_1_REGIONAL_ENDPOINT", "bogus"),
        ("AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES", "x"),
        ("AWS_USE_FIPS_ENDPOINT", "true"),
        ("AWS_USE_DUALSTACK_ENDPOINT", "true"),
        ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1"),
    ],
)
def test_aws_variables_that_are_meant_for_other_programs_change_nothing(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    settings = load(
        None,
        {"AWS_ACCESS_KEY_ID": "AKIAIFCBSCANTESTS", "AWS_SECRET_ACCESS_KEY": "x", "USER_ACCOUNT": "hablab"},
    )
    monkeypatch.setenv(name, value)
    client = make_client(settings, 1, USUAL_TIMEOUTS)
    url = client.generate_presigned_url("get_object", {"Bucket": settings.bucket, "Key": "k"})
    assert url.startswith("https://s3.us-east-1.amazonaws.com/ifcb-data-sharer.files/k?") or url.startswith(
        "https://s3.amazonaws.com/ifcb-data-sharer.files/k?"
    )
    assert os.environ[name] == value
