"""One request to the bucket and its answer: what the bucket asks of whoever speaks to the network.

`wire.py` does it over HTTP; tests do it in memory. Nothing is tried again here, and nothing is said about what an
error means for a run: that is `bucket.py` and `refusals.py`.
"""

from __future__ import annotations

import abc
import enum
from types import MappingProxyType
from typing import Iterable, Mapping, NamedTuple

from ifcbscan.s3.body import Body
from ifcbscan.s3.list_page import ListPage

#: The headers that make a PUT conditional.
CONDITIONS = ("If-Match", "If-None-Match")

_NONE: Mapping[str, str] = MappingProxyType({})


class Operation(enum.Enum):
    """The four things that are ever asked of the bucket; the values are their names in reports."""

    LIST = "list"
    HEAD = "head"
    GET = "get"
    PUT = "put"


class Request(NamedTuple):
    """One request. `key` is empty for a listing; `query` and `headers` have the names of S3's REST API.

    Not among the headers: those that the transport sets by itself (signature, date, host).
    """

    operation: Operation
    key: str = ""
    query: Mapping[str, str] = _NONE
    headers: Mapping[str, str] = _NONE
    body: Body | None = None


class Answer(NamedTuple):
    """A good answer, read except for the content of an object. The names of `headers` are in lower case.

    `page`: what a listing says. `blocks`: the content that a GET has asked for; reading it may raise PassingError.
    """

    headers: Mapping[str, str]
    page: ListPage | None = None
    blocks: Iterable[bytes] = ()


class ErrorAnswer(Exception):
    """The server answered with an error. `code` is S3's, empty where the answer has none; `message` as it came."""

    def __init__(self, status: int, headers: Mapping[str, str], code: str, message: str) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.headers = headers
        self.code = code
        self.message = message


class PassingError(Exception):
    """An error that may pass: worth another try. `unsure`: the request may have taken effect all the same."""

    def __init__(self, text: str, unsure: bool) -> None:
        super().__init__(text)
        self.unsure = unsure


class CannotAsk(Exception):
    """There is no way to send such a request: the bucket's name, the region or the address is no valid one."""


class Transport(abc.ABC):
    """Sends requests to one bucket. Any number of threads may do so at once."""

    @abc.abstractmethod
    def send(self, request: Request) -> Answer:
        """One request, once.

        Raises ErrorAnswer if the server answers with an error, PassingError if no usable answer comes, CannotAsk.
        Also what reading the body raises (or PassingError in its place: `Body.problem` then says what it was).
        """
