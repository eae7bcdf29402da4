"""Which conditions a server honours, as real servers, and one that behaves as the others are known to, answer."""

from __future__ import annotations

import hashlib
import os
import threading
from typing import Any, Mapping

import pytest

from ifcbscan.config import load
from ifcbscan.errors import Interrupted
from ifcbscan.s3.condition_probe import ConditionProbe, Honoured, Honours
from ifcbscan.s3.transport import Answer, ErrorAnswer, Operation, PassingError, Request, Transport
from ifcbscan.s3.wire import Wire

KEY = "hablab/ifcbscan-check/ifcbscan-check.txt"
CONTENT = b"to try it"
ETAG = hashlib.md5(CONTENT).hexdigest()


def probed(transport: Transport) -> Honoured:
    return ConditionProbe(transport, KEY, CONTENT, threading.Event()).run()


def test_a_real_server_says_what_it_honours(s3: Any, request: pytest.FixtureRequest) -> None:
    s3.client.put_object(Bucket=s3.bucket, Key=KEY, Body=CONTENT)
    values = {
        "AWS_ACCESS_KEY_ID": "AKIAIFCBSCANTESTS",
        "AWS_SECRET_ACCESS_KEY": "ifcbscan-tests-secret-key",
        "USER_ACCOUNT": "hablab",
        "BUCKET_NAME": s3.bucket,
        "S3_ENDPOINT_URL": s3.endpoint,
        "AWS_CA_BUNDLE": os.environ.get("AWS_CA_BUNDLE", ""),
    }
    expected = {
        "moto": Honoured(Honours.YES, Honours.YES),
        "rclone": Honoured(Honours.NO, Honours.NO),
        "ceph": Honoured(Honours.YES, Honours.BARE),
        "ceph-versioned": Honoured(Honours.NO, Honours.NO),
    }
    name = request.node.callspec.params["s3"]
    assert probed(Wire(load(None, values))) == expected.get(name, expected[s3.server.name])
    assert s3.client.get_object(Bucket=s3.bucket, Key=KEY)["Body"].read() == CONTENT


class Server(Transport):
    """One object. `match`: the spellings of the ETag that it takes for a right one; None: it ignores If-Match.

    `error`: what it answers to a condition of that name in place of anything else. `deleted`: the object is gone
    before so many requests more have come.
    """

    def __init__(
        self,
        none_match: bool = True,
        match: tuple[str, ...] | None = (f'"{ETAG}"',),
        errors: Mapping[str, Exception] | None = None,
        deleted: int | None = None,
    ) -> None:
        self.none_match = none_match
        self.match = match
        self.errors = errors or {}
        self.deleted = deleted
        self.there = True
        self.requests: list[Request] = []

    def send(self, request: Request) -> Answer:
        self.requests.append(request)
        if self.deleted is not None and len(self.requests) > self.deleted:
            self.there, self.deleted = False, None
        if request.operation is Operation.HEAD:
            if not self.there:
                raise ErrorAnswer(404, {}, "", "")
            return Answer({})
        for name, error in self.errors.items():
            if name in request.headers:
                raise error
        if self.none_match and "If-None-Match" in request.headers and self.there:
            raise ErrorAnswer(412, {}, "PreconditionFailed", "")
        if "If-Match" in request.headers and self.match is not None:
            if not self.there:
                raise ErrorAnswer(404, {}, "NoSuchKey", "")
            if request.headers["If-Match"] not in self.match:
                raise ErrorAnswer(412, {}, "PreconditionFailed", "")
        self.there = True
        return Answer({"etag": f'"{ETAG}"'})


NOT_IMPLEMENTED = ErrorAnswer(501, {}, "NotImplemented", "")
DENIED = ErrorAnswer(403, {}, "AccessDenied", "")
LOST = PassingError("the connection broke", unsure=True)


@pytest.mark.parametrize(
    "server, none_match, match",
    [
        (Server(), Honours.YES, Honours.YES),
        (Server(match=(f'"{ETAG}"', ETAG)), Honours.YES, Honours.YES),
        (Server(match=(ETAG,)), Honours.YES, Honours.BARE),  # Ceph's gateway before 2025
        (Server(match=()), Honours.YES, Honours.NO),  # refuses what fits
        (Server(match=None), Honours.YES, Honours.NO),
        (Server(none_match=False), Honours.NO, Honours.YES),
        (Server(errors={"If-Match": NOT_IMPLEMENTED}), Honours.YES, Honours.NO),
        (Server(errors={"If-None-Match": NOT_IMPLEMENTED}), Honours.NO, Honours.YES),
        (Server(errors={"If-Match": DENIED}), Honours.YES, Honours.UNKNOWN),
        (Server(errors={"If-None-Match": LOST, "If-Match": LOST}), Honours.UNKNOWN, Honours.UNKNOWN),
        (Server(deleted=0), Honours.YES, Honours.YES),  # the archive deletes the object before the first look
        (Server(deleted=2), Honours.YES, Honours.UNKNOWN),  # and before the first If-Match
    ],
)
def test_what_a_server_honours_is_told_from_what_it_ignores(
    server: Server, none_match: Honours, match: Honours
) -> None:
    assert probed(server) == Honoured(none_match, match)
    assert 3 <= len(server.requests) <= 6
    assert {request.key for request in server.requests} == {KEY}


def test_a_server_without_etags_cannot_be_asked_about_them() -> None:
    class NoEtags(Server):
        def send(self, request: Request) -> Answer:
            super().send(request)
            return Answer({})

    assert probed(NoEtags()) == Honoured(Honours.YES, Honours.UNKNOWN)


def test_nothing_is_put_once_the_command_was_told_to_end() -> None:
    server, cancelled = Server(), threading.Event()
    cancelled.set()
    with pytest.raises(Interrupted):
        ConditionProbe(server, KEY, CONTENT, cancelled).run()
    assert server.requests == []
