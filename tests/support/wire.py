"""The real `bucket.Bucket` over a bucket in memory: its retries and its looking for lost answers run for real.

Only the way to the network is replaced. A fault is what the store's hook raises: the very exceptions
that `Bucket._send` makes of an answer or of a silence, so that what the Bucket does about them is the
Bucket's own doing.
"""

from __future__ import annotations

import threading
from email.utils import formatdate
from typing import Any, Callable

from ifcbscan.clock import Clock
from ifcbscan.config import Config, load
from ifcbscan.errors import ConcurrentWrite
from ifcbscan.s3.bucket import Bucket, _NotFound, _Passing
from ifcbscan.s3.client import CONDITION
from ifcbscan.s3.list_page import OBJECTS
from support.fakes import FakeBucket, StoredObject


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


class WireBucket(Bucket):
    """Sends its requests to `store`. Asks for nothing that ifcbscan has no right to."""

    def __init__(
        self,
        store: FakeBucket,
        clock: Clock,
        true_time: Callable[[], float],
        cancelled: threading.Event,
    ) -> None:
        super().__init__(config(), clock, 1, cancelled)
        self._store = store
        self._true_time = true_time

    def refusal(self, operation: str, code: str, status: int) -> Exception:
        """What the Bucket makes of an error answer."""
        return self._judge(operation, {"Code": code, "Message": "told to"}, status)

    def _send(
        self, operation: str, arguments: dict[str, Any], receive: Callable[[Any], Any] | None = None
    ) -> Any:
        answer = getattr(self, "_" + operation)(arguments)
        self.server_clock.learn(formatdate(int(self._true_time()), usegmt=True))
        return answer

    def _list_objects_v2(self, arguments: dict[str, Any]) -> Any:
        last = arguments.get("ContinuationToken") or arguments.get("StartAfter", "")
        page, more = self._store._page(arguments["Prefix"], last, arguments.get("MaxKeys"))
        return {
            OBJECTS: page,
            "IsTruncated": more,
            "NextContinuationToken": page[-1].key if more else None,
        }

    def _head_object(self, arguments: dict[str, Any]) -> Any:
        head = self._store.head(arguments["Key"])
        if head is None:
            raise _NotFound()
        return {"ContentLength": head.size, "LastModified": head.modified, "ETag": f'"{head.etag}"'}

    def _put_object(self, arguments: dict[str, Any]) -> Any:
        body = arguments["Body"]
        header, value = arguments.get(CONDITION) or ("", "")

        def expected(stored: StoredObject | None) -> bool:
            if header == "If-Match":
                return stored is not None and value == f'"{self._store.etag(stored)}"'
            return stored is None or not header

        try:
            etag = self._store.put_if(arguments["Key"], body, arguments["ContentLength"], expected)
        except ConcurrentWrite:
            raise self.refusal("put_object", "PreconditionFailed", 412) from None
        except HalfSent:
            body.read(arguments["ContentLength"] // 2)
            raise _Passing("the connection broke", unsure=True) from None
        return {"ETag": f'"{etag}"'}
