"""The real `bucket.Bucket` over a bucket in memory: its retries and its looking for lost answers run for real.

Only the way to the network is replaced. A fault is what the store's hook raises: an error answer, or the error that
a transport makes of silence, so that what the Bucket does about them is the Bucket's own doing.
"""

from __future__ import annotations

import threading
from typing import Any, Callable, Mapping

from ifcbscan.clock import Clock
from ifcbscan.config import Config, load
from ifcbscan.core.bins import server_seconds
from ifcbscan.errors import ConcurrentWrite
from ifcbscan.s3.bucket import Bucket
from ifcbscan.s3.list_page import ListPage
from ifcbscan.s3.transport import Answer, ErrorAnswer, Operation, PassingError, Request, Transport
from support.fakes import FakeBucket, StoredObject
from support.http_dates import http_date


def config() -> Config:
    """A configuration that names no real server."""
    return load(
        None,
        {
            "AWS_ACCESS_KEY_ID": "AKIAIFCBSCANTESTS",
            "AWS_SECRET_ACCESS_KEY": "ifcbscan-tests-secret-key",
            "USER_ACCOUNT": "hablab",
            "S3_ENDPOINT_URL": "http://127.0.0.1:9",
        },
    )


class HalfSent(Exception):
    """Raised by a hook before a put: the connection breaks when half of the body is through."""


class MemoryTransport(Transport):
    """Sends its requests to `store`. Asks for nothing that ifcbscan has no right to."""

    def __init__(self, store: FakeBucket, true_time: Callable[[], float]) -> None:
        self._store = store
        self._true_time = true_time

    def send(self, request: Request) -> Answer:
        methods = {Operation.LIST: self._list, Operation.HEAD: self._head, Operation.PUT: self._put}
        headers, page = methods[request.operation](request)
        date = {"date": http_date(self._true_time())}
        return Answer({**headers, **date}, page)

    def _list(self, request: Request) -> tuple[Mapping[str, str], ListPage | None]:
        query = request.query
        last = query.get("continuation-token") or query.get("start-after", "")
        at_most = int(query["max-keys"]) if "max-keys" in query else None
        page, more = self._store.page(query["prefix"], last, at_most)
        return {}, ListPage(page, (), more, page[-1].key if more else None)

    def _head(self, request: Request) -> tuple[Mapping[str, str], ListPage | None]:
        head = self._store.head(request.key)
        if head is None:
            raise error_answer("", 404)
        modified = http_date(server_seconds(head.modified))
        return {"content-length": str(head.size), "last-modified": modified, "etag": f'"{head.etag}"'}, None

    def _put(self, request: Request) -> tuple[Mapping[str, str], ListPage | None]:
        body: Any = request.body
        size = int(request.headers["Content-Length"])

        gone = False

        def expected(stored: StoredObject | None) -> bool:
            nonlocal gone
            gone = stored is None
            return self._is_met(request.headers, None if stored is None else self._store.etag(stored))

        try:
            etag = self._store.put_if(request.key, body, size, expected)
        except ConcurrentWrite:
            if gone and self._store.conditions == "kept, 404":
                raise error_answer("NoSuchKey", 404) from None
            raise error_answer("PreconditionFailed", 412) from None
        except HalfSent:
            body.read(size // 2)
            raise PassingError("the connection broke", unsure=True) from None
        return {"etag": f'"{etag}"'}, None

    def _is_met(self, headers: Mapping[str, str], etag: str | None) -> bool:
        """Whether the server finds the condition of a put met. `etag` is of what is there; None: nothing is."""
        kind = self._store.conditions
        if kind == "ignored":
            return True
        if "If-Match" in headers:
            fitting = {"unquoted only": (etag,), "neither spelling": ()}.get(kind, (f'"{etag}"',))
            return etag is not None and headers["If-Match"] in fitting
        return etag is None or "If-None-Match" not in headers


def error_answer(code: str, status: int) -> ErrorAnswer:
    """An error answer of the server. Where it has no code of S3's, `code` is empty or the status."""
    return ErrorAnswer(status, {}, "" if code.isdigit() else code, "told to")


class WireBucket(Bucket):
    """A Bucket over `store`."""

    def __init__(
        self,
        store: FakeBucket,
        clock: Clock,
        true_time: Callable[[], float],
        cancelled: threading.Event,
    ) -> None:
        super().__init__(config(), clock, MemoryTransport(store, true_time), cancelled)

    def refusal(self, operation: str, code: str, status: int) -> Exception:
        """An error answer, for a hook to raise. `operation` is of no account."""
        return error_answer(code, status)
