"""What making a client costs. What it does is shown against real servers (integration/)."""

from __future__ import annotations

import os
from typing import Any

import pytest
from support.wire import config

from ifcbscan.s3client import USUAL_TIMEOUTS, make_client


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
