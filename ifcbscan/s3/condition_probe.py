"""Which conditions of a PUT a server honours, tried on a small object of its own (`check --write`).

A server that ignores a condition stores the object all the same and says nothing, so only trying shows it. Nothing is tried
again here, and nothing is decided: a scan learns by itself what it needs.
"""

from __future__ import annotations

import base64
import enum
import hashlib
import io
import threading
from typing import Mapping, NamedTuple

from ifcbscan.errors import Interrupted
from ifcbscan.s3.body import Body
from ifcbscan.s3.object_head import etag_of
from ifcbscan.s3.transport import CannotAsk, ErrorAnswer, Operation, PassingError, Request, Transport

_OF_NOTHING = "0" * 32  # the MD5 of no object that is put here


class Honours(enum.Enum):
    """What a server does about a condition; the values are words for people."""

    YES = "honoured"
    BARE = "honoured if the ETag has no quotes"
    NO = "not honoured"
    UNKNOWN = "not known"


class Honoured(NamedTuple):
    """What became of `If-None-Match: *` and of `If-Match` with an ETag that fits and one that does not."""

    if_none_match: Honours
    if_match: Honours


class _Reply(enum.Enum):
    STORED = enum.auto()
    UNMET = enum.auto()
    NOT_KNOWN = enum.auto()  # the server says that it knows no such condition
    TROUBLE = enum.auto()


class ConditionProbe:
    """Puts `content` under `key` again and again, each time on another condition. It is in the bucket before."""

    def __init__(self, transport: Transport, key: str, content: bytes, cancelled: threading.Event) -> None:
        self._transport = transport
        self._key = key
        self._content = content
        self._cancelled = cancelled
        self._etag = ""

    def run(self) -> Honoured:
        """Three to six requests. Raises Interrupted."""
        return Honoured(self._if_none_match(), self._if_match())

    def _if_none_match(self) -> Honours:
        reply = self._put({"If-None-Match": "*"})
        if reply is _Reply.STORED:
            # HABON's archive may have deleted the object a moment before; hardly twice.
            reply = self._put({"If-None-Match": "*"})
        return _whether(reply, refused=Honours.YES)

    def _if_match(self) -> Honours:
        if self._put({}) is not _Reply.STORED or not self._etag:
            return Honours.UNKNOWN
        etag = self._etag
        for spelling, honours in ((f'"{etag}"', Honours.YES), (etag, Honours.BARE)):
            reply = self._put({"If-Match": spelling})
            if reply is _Reply.STORED:
                return _whether(self._put({"If-Match": spelling.replace(etag, _OF_NOTHING)}), honours)
            if reply is not _Reply.UNMET:
                return _whether(reply, honours)
        # It refuses what fits, or the object is gone.
        return Honours.NO if self._is_there() else Honours.UNKNOWN

    def _put(self, condition: Mapping[str, str]) -> _Reply:
        if self._cancelled.is_set():
            raise Interrupted(130)
        size = len(self._content)
        md5 = base64.b64encode(hashlib.md5(self._content).digest()).decode("ascii")
        headers = {"Content-Length": str(size), "Content-MD5": md5, **condition}
        body = Body(io.BytesIO(self._content), size, self._cancelled)
        try:
            answer = self._transport.send(Request(Operation.PUT, self._key, headers=headers, body=body))
        except ErrorAnswer as error:
            if error.status == 412 or (error.status == 404 and error.code == "NoSuchKey"):
                return _Reply.UNMET
            return _Reply.NOT_KNOWN if error.status == 501 else _Reply.TROUBLE
        except (PassingError, CannotAsk):
            if isinstance(body.problem, Interrupted):
                raise body.problem from None
            return _Reply.TROUBLE
        self._etag = etag_of(answer.headers)
        return _Reply.STORED

    def _is_there(self) -> bool:
        try:
            self._transport.send(Request(Operation.HEAD, self._key))
        except (ErrorAnswer, PassingError, CannotAsk):
            return False
        return True


def _whether(reply: _Reply, refused: Honours) -> Honours:
    """What `reply` to a condition that is not met says; `refused`: if the server has refused to store."""
    if reply is _Reply.TROUBLE:
        return Honours.UNKNOWN
    return refused if reply is _Reply.UNMET else Honours.NO
