"""On what condition an object is put: what is expected under its key, and how a server wants to be told.

Pure. S3 writes `If-Match: "<etag>"`. Ceph's gateway takes the quotes for a part of the ETag until 2025 (ceph/ceph pull
request 63348), so there only the bare ETag fits.
"""

from __future__ import annotations

import enum
from typing import NamedTuple, Sequence

from ifcbscan.s3.object_head import ObjectHead
from ifcbscan.s3.transport import CONDITIONS, ErrorAnswer, Operation, Request


class Expected(NamedTuple):
    """What a put expects to find under its key: an object of `size` bytes, or nothing (None).

    `etag` is its ETag, where that is known; else empty.
    """

    size: int | None
    etag: str = ""

    def is_met_by(self, found: ObjectHead | None) -> bool:
        """Whether this is what is there now."""
        if found is None or self.size is None:
            return found is None and self.size is None
        return found.size == self.size and self.etag in ("", found.etag)


class Spelling(enum.Enum):
    """How the ETag of what is to be replaced is given to the server."""

    QUOTED = enum.auto()  # as S3 answers it
    BARE = enum.auto()
    NOT_AT_ALL = enum.auto()  # the server understands neither: it has been looked at, and that must do


class Spellings:
    """Which spelling a server understands, learned from its answers to one run. Any number of threads may use it."""

    def __init__(self) -> None:
        self._understood: Spelling | None = None

    def to_try(self) -> Sequence[Spelling]:
        """The spellings to try, one after the other; only the one that has been understood, once there is one."""
        return tuple(Spelling) if self._understood is None else (self._understood,)

    def learn(self, spelling: Spelling) -> None:
        """A put with this spelling got through. The first to do so stays for good."""
        self._understood = self._understood or spelling


def condition(replaced: ObjectHead | None, spelling: Spelling) -> dict[str, str]:
    """The header that lets a PUT through only if nothing, or still what is to be replaced, is there."""
    if replaced is None:
        return {"If-None-Match": "*"}
    if not replaced.etag or spelling is Spelling.NOT_AT_ALL:
        return {}
    return {"If-Match": f'"{replaced.etag}"' if spelling is Spelling.QUOTED else replaced.etag}


def without_condition(request: Request) -> Request:
    """The same request, to be carried out whatever is there."""
    kept = {name: value for name, value in request.headers.items() if name not in CONDITIONS}
    return request._replace(headers=kept)


def is_unmet(request: Request, error: ErrorAnswer) -> bool:
    """Whether this answer says that the condition of a PUT is not met (which may not be so: look).

    S3 answers 404 to a condition on an object that is gone.
    """
    conditional = any(name in request.headers for name in CONDITIONS)
    return conditional and (error.status == 412 or (error.status == 404 and error.code == "NoSuchKey"))


def is_conflict(request: Request, error: ErrorAnswer) -> bool:
    """Whether somebody else's request for the same key came first: look, then try again."""
    return request.operation is Operation.PUT and error.code == "ConditionalRequestConflict"


def same_object(one: ObjectHead | None, other: ObjectHead | None) -> bool:
    """Whether two looks at a key have shown the same content, or both nothing."""
    if one is None or other is None:
        return one is other
    return (one.size, one.etag) == (other.size, other.etag)
