"""The archive's bucket: list, look, read back, put. It knows keys, sizes and times, and nothing of bins.

Nothing here deletes or copies an object. wire.py brings a request over the network, listing.py goes from page to page,
refusals.py says what an error answer means, and retry.py is the one place that tries again.
"""

from __future__ import annotations

import hashlib
import os
import threading
from typing import BinaryIO, Callable, Iterator, Mapping, Sequence, TypeVar

from ifcbscan.clock import Clock, ServerClock, seconds_of
from ifcbscan.config import Config
from ifcbscan.core.bins import server_text
from ifcbscan.core.checksums import is_md5
from ifcbscan.core.printable import brief
from ifcbscan.core.remote_index import ListedObject
from ifcbscan.core.scan_report import Requests
from ifcbscan.errors import (
    BucketRefused,
    BucketUnreachable,
    Interrupted,
    PutRefused,
)
from ifcbscan.s3.body import Body, held_in_memory
from ifcbscan.s3.conditions import (
    Expected as Expected,  # a part of every put, so it can be had from here
)
from ifcbscan.s3.conditions import Spelling, Spellings, is_conflict, is_unmet, without_condition
from ifcbscan.s3.list_page import ListPage
from ifcbscan.s3.listing import pages, query_between
from ifcbscan.s3.object_head import ObjectContent, ObjectHead, content_of, etag_of, head_of, is_of_s3
from ifcbscan.s3.one_put import AlreadyDone, OnePut, Stored, Unmet
from ifcbscan.s3.refusals import NOT_TOLD, Judgement, Meaning, Names, judge
from ifcbscan.s3.retry import Retries
from ifcbscan.s3.transport import (
    Answer,
    CannotAsk,
    ErrorAnswer,
    Operation,
    PassingError,
    Request,
    Transport,
)

_T = TypeVar("_T")

_NO_S3 = "something that is no S3 server answered"


def _nothing() -> None:
    pass


class Bucket:
    """The archive's bucket, as one account's key may see it. Its methods may be called from any thread.

    Besides the errors that they name, all that send a request raise Interrupted once the run was told to end; the first
    request of all raises ConfigError where the environment names certificates that are not there.
    """

    def __init__(
        self,
        config: Config,
        clock: Clock,
        transport: Transport,
        cancelled: threading.Event | None = None,
        pace: Callable[[int], int] | None = None,
    ) -> None:
        """`cancelled`: set it to end all waiting and sending soon, with `Interrupted`.

        `pace` is asked before each block of an upload how many of its bytes may be sent now, see Body.
        """
        self._config = config
        self._clock = clock
        self._transport = transport
        self._cancelled = cancelled or threading.Event()
        self._pace = pace
        self.retries = Retries(clock, self._cancelled, self._is_too_late)  #: a caller may give it patience
        self._conditions = True  # False once the server has said that it knows none
        self._spellings = Spellings()
        self._etags_are_md5: bool | None = None  # what the answers to this run's PUTs have shown
        self._lock = threading.Lock()
        self._requests = dict.fromkeys((operation.value for operation in Operation), 0)
        self.server_clock = ServerClock(clock)
        #: From this moment on (monotonic clock, seconds) nothing is tried again; None: there is no such moment.
        self.retry_until: float | None = None
        #: Called after each good answer, from any thread: a long listing is no standstill.
        self.answered: Callable[[], None] = lambda: None

    @property
    def requests(self) -> Requests:
        """How many requests were sent so far, every try counted."""
        return Requests(**self._requests)

    # Listing

    def list(self, prefix: str, start_after: str = "", up_to: str = "") -> Iterator[ListedObject]:
        """The objects below `prefix` with start_after < key <= up_to (where given), in order of keys.

        Raises BucketRefused or BucketUnreachable; a listing that ends without an error is whole.
        """
        for page in self._pages(query_between(prefix, start_after, up_to), up_to):
            for item in page.objects:
                if not up_to or item.key <= up_to:  # no server is relied on for the order within a page
                    yield item

    def folders(self, prefix: str) -> Sequence[str]:
        """The names directly below `prefix`, such as the time series below `<account>/`.

        Raises BucketRefused, BucketUnreachable.
        """
        found = self._pages({"prefix": prefix, "delimiter": "/"})
        return [folder[len(prefix) :].rstrip("/") for page in found for folder in page.folders]

    def is_empty(self, prefix: str) -> bool:
        """Whether nothing at all lies below `prefix`: one request. Raises BucketRefused, BucketUnreachable.

        A page without objects that says that more follow counts as something.
        """
        page = self._page({"prefix": prefix, "max-keys": "1"})
        return not page.objects and not page.truncated

    def first_page(self, prefix: str, start_after: str = "") -> ListPage:
        """The first objects below `prefix` with start_after < key: one request. Raises BucketRefused, BucketUnreachable."""
        return self._page({"prefix": prefix, **({"start-after": start_after} if start_after else {})})

    def _pages(self, query: Mapping[str, str], up_to: str = "") -> Iterator[ListPage]:
        return pages(self._page, self._where(), query, up_to)

    def _page(self, query: Mapping[str, str]) -> ListPage:
        page = self._ask(Request(Operation.LIST, query=query), lambda answer: answer.page)
        assert page is not None  # what a transport answers to a listing
        return page

    # Looking and reading back

    def head(self, key: str) -> ObjectHead | None:
        """What is stored under `key`, or None if nothing is.

        Raises PutRefused if the answer is refused for this one object; BucketRefused, BucketUnreachable.
        """
        try:
            return self._ask(
                Request(Operation.HEAD, key),
                lambda answer: head_of(answer.headers, self._etags_are_md5 is not False),
            )
        except _NoSuchObject:
            return None
        except _LookRefused as refusal:
            raise PutRefused(f"HTTP {refusal.status}: {NOT_TOLD}") from None

    @property
    def etags_tell_content(self) -> bool:
        """Whether what this run has put has shown that this server's ETags are MD5s."""
        return self._etags_are_md5 is True

    def heads(self, first: str, last: str) -> Mapping[str, ObjectHead]:
        """What is stored under the keys from `first` to `last`, by key: in one request for each 1,000 of them.

        A listing does not say how an object is encrypted, so its ETag passes for an MD5 only where `etags_tell_content`.
        Raises BucketRefused, BucketUnreachable.
        """
        shared = os.path.commonprefix([first, last])
        before = first[:-1] + chr(
            ord(first[-1]) - 1
        )  # a key behind which `first` comes, and none of a bin's between
        known = self.etags_tell_content
        return {
            item.key: ObjectHead(
                item.size, item.modified, item.etag, item.etag if known and is_md5(item.etag) else None
            )
            for item in self.list(shared, before, last)
            if item.key >= first
        }

    def content(self, key: str) -> ObjectContent | None:
        """What the bucket knows of the content of `key` beyond its listing, or None if it is not there.

        Raises BucketRefused, BucketUnreachable.
        """
        try:
            return self._ask(Request(Operation.HEAD, key), lambda answer: content_of(answer.headers))
        except _NoSuchObject:
            return None

    def content_md5(self, key: str) -> str | None:
        """The MD5 (hex) of what is stored under `key`, by reading it back; None if it is not there.

        Raises BucketRefused, BucketUnreachable.
        """

        def summed(answer: Answer) -> str:
            digest = hashlib.md5()
            for block in answer.blocks:
                if self._cancelled.is_set():
                    raise Interrupted(130)
                digest.update(block)
            return digest.hexdigest()

        try:
            return self._ask(Request(Operation.GET, key), summed)
        except _NoSuchObject:
            return None

    # Putting

    def put(
        self,
        key: str,
        file: BinaryIO,
        size: int,
        expected: Expected | None = None,
        before_try: Callable[[], None] | None = None,
    ) -> Stored:
        """Store the first `size` bytes of `file` under `key`.

        `expected`: what is thought to be there; None: whatever is there is replaced. If by now it is something else,
        nothing is stored and ConcurrentWrite is raised (unless these very bytes are there). S3 makes sure of that in one
        step; a server that knows no conditions stores what comes last.

        `before_try` is called when the bytes have been summed and none has been sent, and before each further try; what it
        raises ends the put. Whatever the file becomes afterwards, these bytes are stored or none.

        The bytes are summed first and the sum goes along as Content-MD5, so that the bucket stores exactly
        what was read, or nothing. A small file is read once, a large one twice and never as a whole. Raises FileChanged or LocalFileProblem
        if the file does not stay as it was; PutRefused if the bucket will not have this one object;
        BucketRefused, BucketUnreachable.
        """
        sent = held_in_memory(file, size, self._cancelled)
        one = OnePut(sent, size, expected, lambda: self.head(key), self._cancelled, file)
        if one.needless:
            return self._stored(by_another=True)
        try:
            self._put_as_understood(
                key, one, Body(sent, size, self._cancelled, self._pace), before_try or _nothing
            )
        except AlreadyDone as done:
            return self._stored(done.by_another)
        return self._stored()

    def _put_as_understood(self, key: str, one: OnePut, body: Body, before_try: Callable[[], None]) -> None:
        """Put with a condition that this server understands. Raises AlreadyDone, and what `put` does."""
        for spelling in self._spellings.to_try() if one.names_an_etag else (Spelling.QUOTED,):
            request = Request(Operation.PUT, key, headers=one.headers(spelling), body=body)
            try:
                etag = self._ask(request, lambda answer: etag_of(answer.headers), one.has_arrived, before_try)
            except Unmet as unmet:
                one.look_again(unmet)
                continue
            self._learn_etags(etag, one.md5)
            if one.names_an_etag:
                self._spellings.learn(spelling)
            return
        raise one.unexplained()

    def _stored(self, by_another: bool = False) -> Stored:
        return Stored(server_text(self.server_clock.now()), by_another)

    def _learn_etags(self, etag: str, md5: str) -> None:
        """What the answer to a PUT of content with this MD5 shows of the server's ETags.

        One that fits outweighs any that does not: those are then of content that has changed on its way.
        """
        if etag == md5:
            self._etags_are_md5 = True
        elif etag and self._etags_are_md5 is None:
            self._etags_are_md5 = False

    # One request, tried until it is answered

    def _ask(
        self,
        request: Request,
        receive: Callable[[Answer], _T],
        already_done: Callable[[], bool] = lambda: False,
        before_try: Callable[[], None] = _nothing,
    ) -> _T:
        """What `receive` makes of the answer; it reads it afresh at every try, and raises ValueError if it is no S3's.

        `already_done` is asked before a try that follows one which may have taken effect, or which somebody else's
        request was in the way of; if so, AlreadyDone is raised. `before_try` is called last before each try.
        Raises BucketRefused, BucketUnreachable, PutRefused, Unmet, Interrupted, what the body, `already_done` or
        `before_try` raises, and the exceptions at the end of this module.
        """
        unsure = conflict = False

        def attempt() -> _T:
            nonlocal unsure, conflict
            if self._cancelled.is_set():
                raise Interrupted(130)
            if (unsure or conflict) and already_done():
                raise AlreadyDone(by_another=not unsure)
            before_try()
            with self._lock:
                self._requests[request.operation.value] += 1
            if request.body is not None:
                request.body.seek(0)  # an earlier try may have sent some of it
            try:
                received = self._receive(request, receive)
            except PassingError as error:
                if request.body is not None and request.body.problem is not None:
                    raise request.body.problem from None  # ours, not the network's
                unsure = unsure or error.unsure
                conflict = conflict or isinstance(error, _Conflict)
                raise
            except Unmet:
                raise Unmet(unsure) from None
            self.answered()
            return received

        try:
            return self.retries.call(attempt)
        except PassingError as error:
            raise BucketUnreachable(
                f"The bucket {self._where()} could not be reached: {error}. What is missing in the archive stays "
                "on this disk and is sent by a later run; check the network if this lasts."
            ) from None

    def _receive(self, request: Request, receive: Callable[[Answer], _T]) -> _T:
        try:
            return receive(self._send(request))
        except ValueError as error:
            raise PassingError(f"{_NO_S3} ({type(error).__name__})", unsure=True) from None

    def _send(self, request: Request) -> Answer:
        """The good answer of an S3 server to one try."""
        try:
            answer = self._transport.send(request if self._conditions else without_condition(request))
        except ErrorAnswer as error:
            if error.code:
                self._learn_time(error.headers)
            if is_unmet(request, error):
                raise Unmet() from None
            names = Names(self._config.bucket, self._config.account)
            judgement = judge(request.operation, error, names, self._ahead_of(error))
            if is_conflict(request, error):
                raise _Conflict(judgement.text, unsure=False) from None
            raise self._consequence(judgement, error.status) from None
        except CannotAsk as error:
            raise BucketRefused(
                f"The bucket {self._where()} cannot be asked: {brief(error)}. Nothing was sent. Check BUCKET_NAME, "
                "AWS_REGION and S3_ENDPOINT_URL in the .env file."
            ) from None
        if not is_of_s3(request.operation, answer.headers):
            raise PassingError(_NO_S3, unsure=True)
        self._learn_time(answer.headers)  # before the body: that may take minutes
        return answer

    def _consequence(self, judgement: Judgement, status: int) -> Exception:
        """What to raise after an error answer."""
        meaning = judgement.meaning
        if meaning is Meaning.NO_SUCH_OBJECT:
            return _NoSuchObject()
        if meaning is Meaning.NOT_AS_EXPECTED:
            return Unmet()
        if meaning is Meaning.NO_CONDITIONS and self._conditions:
            self._conditions = False
            return PassingError("it knows no conditional requests", unsure=False)
        if meaning in (Meaning.PASSING, Meaning.NO_CONDITIONS):
            return PassingError(judgement.text, judgement.unsure)
        if meaning is Meaning.OBJECT_REFUSED:
            return PutRefused(judgement.text)
        nothing = "Nothing more was sent" if self._requests[Operation.PUT.value] else "Nothing was sent"
        refused = f"The bucket {self._where()} refused: {judgement.text}. {nothing}."
        return _LookRefused(refused, status) if meaning is Meaning.LOOK_REFUSED else BucketRefused(refused)

    def _learn_time(self, headers: Mapping[str, str]) -> None:
        """Only from answers of an S3 server: the web page of a harbour's network has a time of its own."""
        self.server_clock.learn(headers.get("date"))

    def _ahead_of(self, error: ErrorAnswer) -> float | None:
        """By how many seconds this computer's clock is ahead of that of whoever sent this answer; None if it does not say."""
        date = seconds_of(error.headers.get("date"))
        return None if date is None else self._clock.wall() - date

    def _is_too_late(self) -> bool:
        return self.retry_until is not None and self._clock.monotonic() >= self.retry_until

    def _where(self) -> str:
        return f"{self._config.bucket} at {self._config.endpoint_url or 'AWS ' + self._config.region}"


class _LookRefused(BucketRefused):
    """HEAD or GET of one object: refused without a reason. (An answer to HEAD has no body that could hold one.)"""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


class _NoSuchObject(Exception):
    """HEAD or GET: no such object."""


class _Conflict(PassingError):
    """PUT: somebody else's request for the same key was under way, and this one was not carried out."""
