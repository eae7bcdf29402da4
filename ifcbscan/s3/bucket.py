"""The bucket: list, head and put, over HTTP. The only user of tenacity and of the S3 client (s3client.py).

It knows keys, sizes and times, and nothing of bins. Nothing here deletes or copies an object.
All retrying is done here, with tenacity; botocore's own retries are off, so that they do not multiply.
"""

from __future__ import annotations

import base64
import hashlib
import os
import random
import threading
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Callable, Iterator, Sequence

from ifcbscan.clock import Clock, ServerClock
from ifcbscan.config import Config
from ifcbscan.core.bins import MISSING, server_text
from ifcbscan.core.checksums import is_md5
from ifcbscan.core.printable import brief
from ifcbscan.core.remote_index import ListedObject
from ifcbscan.core.scan_report import Requests
from ifcbscan.errors import (
    BucketRefused,
    BucketUnreachable,
    ConcurrentWrite,
    FileChanged,
    Interrupted,
    LocalFileProblem,
    PutRefused,
)
from ifcbscan.s3.client import CONDITION, USUAL_TIMEOUTS, Timeouts, make_client
from ifcbscan.s3.list_page import FOLDERS, OBJECTS

#: How often a request is tried in all, and the longest pause between two tries (seconds).
ATTEMPTS = 5
LONGEST_PAUSE = 20.0

_BLOCK = 1024 * 1024

# User name and password in an address; greedy, because a password may hold @ and /.

# What to do about the answers that a second try will not change. {bucket} and {account} are filled in.
_REFUSALS = {
    "AccessDenied": "the key in the .env file has no right to do this under {account}/ in {bucket}. Check "
    "USER_ACCOUNT, and that the key belongs to it",
    "AllAccessDisabled": "access to {bucket} is switched off. Ask the people who run the archive",
    "AuthorizationHeaderMalformed": "the bucket is in another region. Check AWS_REGION",
    "PermanentRedirect": "the bucket is in another region. Check AWS_REGION",
    "ExpiredToken": "the session token has expired. Put a fresh AWS_SESSION_TOKEN into the .env file",
    "InvalidToken": "the session token is not valid. Check AWS_SESSION_TOKEN in the .env file",
    "InvalidAccessKeyId": "the bucket does not know this access key. Check AWS_ACCESS_KEY_ID in the .env file",
    "SignatureDoesNotMatch": "the secret does not fit the access key. Check AWS_SECRET_ACCESS_KEY in the .env file",
    "NoSuchBucket": "there is no bucket {bucket}. Check BUCKET_NAME and S3_ENDPOINT_URL in the .env file",
    "RequestTimeTooSkewed": "this computer's clock is more than 15 minutes wrong. Set it (UTC, "
    "ideally by NTP); nothing is lost meanwhile",
    "QuotaExceeded": "what the archive allows this account to store is used up. Ask the people who run the archive",
    "UserSuspended": "the archive has suspended this account. Ask the people who run the archive",
    "407": "a proxy on the way wants a name and a password. Check http_proxy and https_proxy in the environment",
    "RequestExpired": "this computer's clock is wrong. Set it (UTC, ideally by NTP); nothing is lost meanwhile",
}
# S3 gives its reason for every refusal, so one without a reason comes from something else.
_BY_A_FILTER = (
    "and without a reason of S3's: something between this computer and the archive, such as a virus scanner or a web "
    "filter, may not let it through. A later run tries again; if it lasts, ask the people who run the network"
)
_LOOK_REFUSED = (
    "the archive does not say what is stored of this bin: a virus scanner or a web filter on the way may not let the "
    "request through, or the key may not read. The .adc is not sent without that. A later run tries again"
)
_NO_REASON = (
    "without a reason of S3's. A web filter on the way may not let the request through; or the key has no right to "
    "do this under {account}/ in {bucket}. Check USER_ACCOUNT, and ask the people who run the network"
)
_PASSING_CODES = {
    "BadDigest",  # the bytes were damaged on the way: the bucket has stored nothing
    "ConditionalRequestConflict",  # somebody else's request for the same key is not through yet
    "IncompleteBody",
    "InternalError",
    "OperationAborted",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequests",
}
_PASSING_STATUS = {408, 425, 429}

# Every S3 server's good answer carries these; the web page of a harbour's network does not.
_SIGN_OF_S3 = {
    "list_objects_v2": {"IsTruncated"},
    "put_object": {"ETag"},
    "head_object": {"LastModified", "ContentLength"},
    "get_object": {"LastModified"},
}


@dataclass(frozen=True)
class ObjectHead:
    """What a HEAD request says of an object: size in bytes, time and ETag as in `ListedObject`.

    `md5`: the MD5 (hex) of the object's content, where the ETag is known to be one; else None. What is known
    of that can change during a run, so two looks at one object are compared without it.
    """

    size: int
    modified: str
    etag: str
    md5: str | None = field(compare=False)


@dataclass(frozen=True)
class ObjectContent:
    """What a HEAD request says of an object's content: size in bytes, ETag without quotes.

    `etag_is_sum`: False where encryption makes the ETag something that does not come from the content alone.
    `checksums`: (name in lower case, base64) of those that the bucket keeps of the object as a whole.
    """

    size: int
    etag: str
    etag_is_sum: bool
    checksums: tuple[tuple[str, str], ...]


class _Passing(Exception):
    """An error that may pass: worth another try. `unsure`: the request may have taken effect all the same."""

    def __init__(self, text: str, unsure: bool) -> None:
        super().__init__(text)
        self.unsure = unsure


class Bucket:
    """The archive's bucket, as one account's key may see it."""

    def __init__(
        self,
        config: Config,
        clock: Clock,
        connections: int = 4,
        cancelled: threading.Event | None = None,
        pace: Callable[[int], None] | None = None,
        timeouts: Timeouts = USUAL_TIMEOUTS,
    ) -> None:
        """`connections`: how many requests may be under way at once. `cancelled`: set it to end all
        waiting and sending soon, with `Interrupted`. `pace` is called before each block of an upload
        with its size in bytes, and may wait."""
        self._config = config
        self._clock = clock
        self._cancelled = cancelled or threading.Event()
        self._connections = connections
        self._pace = pace
        self._timeouts = timeouts
        self._made: Any | None = None
        self._conditions = True  # False once the server has said that it knows none
        self._etags_are_md5: bool | None = None  # what the answers to this run's PUTs have shown
        self._lock = threading.Lock()
        self._requests = {"list": 0, "head": 0, "put": 0, "get": 0}
        self.server_clock = ServerClock(clock)
        #: From this moment on (by the monotonic clock) nothing is tried again; None: always.
        self.retry_until: float | None = None
        #: Called after each good answer, from any thread: a long listing is no standstill.
        self.answered: Callable[[], None] = lambda: None

    @property
    def requests(self) -> Requests:
        """How many requests were sent so far."""
        return Requests(**self._requests)

    def list(self, prefix: str, start_after: str = "", up_to: str = "") -> Iterator[ListedObject]:
        """The objects below `prefix` with start_after < key <= up_to (where given), in order of keys.

        Raises BucketRefused or BucketUnreachable; a listing that ends without an error is whole.
        """
        more: dict[str, Any] = {"StartAfter": start_after} if start_after else {}
        shared = os.path.commonprefix([start_after, up_to])
        if shared.startswith(prefix):
            # All keys between the two begin as both do: a server that walks folders has less to walk.
            prefix = shared
        last = ""
        while True:
            page = self._call("list", "list_objects_v2", Bucket=self._config.bucket, Prefix=prefix, **more)
            for item in page[OBJECTS] if OBJECTS in page else _plain_objects(page):
                if up_to and item.key > up_to:
                    return
                yield item
                last = item.key
            if not page.get("IsTruncated") or (up_to and last >= up_to):
                return
            more = self._next_page(page, more)

    def folders(self, prefix: str) -> Sequence[str]:
        """The names directly below `prefix`, such as the time series below `<account>/`.

        Raises BucketRefused, BucketUnreachable.
        """
        names: list[str] = []
        more: dict[str, Any] = {}
        while True:
            page = self._call(
                "list", "list_objects_v2", Bucket=self._config.bucket, Prefix=prefix, Delimiter="/", **more
            )
            names.extend(found[len(prefix) :].rstrip("/") for found in _folders(page))
            if not page.get("IsTruncated"):
                return names
            more = self._next_page(page, more)

    def is_empty(self, prefix: str) -> bool:
        """Whether nothing at all lies below `prefix`: one request. Raises BucketRefused, BucketUnreachable.

        A page without objects that says that more follow counts as something.
        """
        page = self._call("list", "list_objects_v2", Bucket=self._config.bucket, Prefix=prefix, MaxKeys=1)
        nothing = not (page.get(OBJECTS) or page.get("Contents"))
        return nothing and not page.get("IsTruncated")

    def _next_page(self, page: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
        """What to ask for the page behind `page`, which was the answer to `asked`."""
        token = page.get("NextContinuationToken")
        if not token or token == asked.get("ContinuationToken"):
            raise BucketUnreachable(
                f"The bucket {self._where()} could not be listed: it does not say how its listing goes on. Nothing "
                "was sent; a later run tries again. If it lasts, S3_ENDPOINT_URL may not be an S3 server."
            )
        return {"ContinuationToken": token}

    def head(self, key: str) -> ObjectHead | None:
        """What is stored under `key`, or None.

        Raises PutRefused if that is refused for this one object; BucketRefused, BucketUnreachable.
        """
        try:
            answer = self._call("head", "head_object", Bucket=self._config.bucket, Key=key)
        except _NotFound:
            return None
        except _LookRefused as refusal:
            raise PutRefused(f"HTTP {refusal.status}: {_LOOK_REFUSED}") from None
        etag = answer.get("ETag", "").strip('"')
        is_sum = is_md5(etag) and self._etags_are_md5 is not False and not _encrypted(answer)
        return ObjectHead(
            answer["ContentLength"], _text(answer["LastModified"]), etag, etag if is_sum else None
        )

    def content(self, key: str) -> ObjectContent | None:
        """What the bucket knows of the content of `key` beyond its listing, or None if it is not there."""
        try:
            answer = self._call(
                "head", "head_object", Bucket=self._config.bucket, Key=key, ChecksumMode="ENABLED"
            )
        except _NotFound:
            return None
        return ObjectContent(
            answer["ContentLength"],
            answer.get("ETag", "").strip('"'),
            not _encrypted(answer),
            _checksums(answer),
        )

    def content_md5(self, key: str) -> str | None:
        """The MD5 (hex) of what is stored under `key`, by reading it back; None if it is not there."""

        def summed(body: Any) -> str:
            digest = hashlib.md5()
            for block in iter(lambda: body.read(_BLOCK), b""):
                if self._cancelled.is_set():
                    raise Interrupted(130)
                digest.update(block)
            return digest.hexdigest()

        try:
            answer = self._call("get", "get_object", receive=summed, Bucket=self._config.bucket, Key=key)
        except _NotFound:
            return None
        return str(answer["Body"])

    def put(
        self,
        key: str,
        file: BinaryIO,
        size: int,
        replaces: int | None = None,
        etag: str = "",
        before_sending: Callable[[], None] | None = None,
    ) -> str:
        """Store `size` bytes of `file` under `key`; returns the server's time (ISO 8601).

        `replaces`: the size of what is thought to be there (bytes; `MISSING` for nothing), `etag`: its ETag, where that
        is known. If by now it is something else, nothing is stored and ConcurrentWrite is raised (unless these very bytes
        are there). S3 makes sure of that in one step; a server that knows no conditions stores what comes last.

        `before_sending` is called when the bytes have been summed and none has been sent; what it raises ends the put.
        Whatever the file becomes afterwards, these bytes are stored or none.

        The bytes are summed first and the sum goes along as Content-MD5, so that the bucket stores exactly
        what was read, or nothing. Never the whole file in memory. Raises FileChanged or LocalFileProblem
        if the file does not stay as it was; PutRefused if the bucket will not have this one object;
        BucketRefused, BucketUnreachable.
        """
        digest = self._md5(file, size)

        replaced = self.head(key) if replaces not in (None, MISSING) else None
        if replaces not in (None, MISSING) and (
            replaced is None or replaced.size != replaces or (etag and replaced.etag != etag)
        ):
            raise ConcurrentWrite()

        def already_there() -> bool:
            # The answer to a try may have been lost after the bytes had arrived. (Not where the same bytes were
            # there before: an .hdr is sent again for its date.)
            stored = self.head(key)
            if (
                stored is not None
                and stored != replaced
                and (stored.size, stored.etag) == (size, digest.hex())
            ):
                return True
            if replaces is not None and (MISSING if stored is None else stored.size) != replaces:
                raise ConcurrentWrite()
            if self._md5(file, size) != digest:
                raise FileChanged("its content changed while it was sent")
            return False

        if before_sending is not None:
            before_sending()
        arguments: dict[str, Any] = {}
        if replaces is not None:
            arguments[CONDITION] = _condition(replaced)
        try:
            answer = self._call(
                "put",
                "put_object",
                already_done=already_there,
                Bucket=self._config.bucket,
                Key=key,
                Body=_Body(file, size, self._cancelled, self._pace),
                ContentLength=size,
                ContentMD5=base64.b64encode(digest).decode("ascii"),
                **arguments,
            )
        except _PreconditionFailed:
            if not already_there():
                raise ConcurrentWrite() from None
        else:
            self._learn_etags(answer, digest.hex())
        return server_text(self.server_clock.now())

    def _learn_etags(self, answer: dict[str, Any], md5: str) -> None:
        """What the answer to a PUT of content with this MD5 shows of the server's ETags.

        One that fits outweighs any that does not: those are then of content that has changed on its way.
        """
        etag = answer.get("ETag", "").strip('"')
        if etag == md5:
            self._etags_are_md5 = True
        elif etag and self._etags_are_md5 is None:
            self._etags_are_md5 = False

    def _md5(self, file: BinaryIO, size: int) -> bytes:
        body = _Body(file, size, self._cancelled)
        digest = hashlib.md5()
        for block in iter(lambda: body.read(_BLOCK), b""):
            digest.update(block)
        return digest.digest()

    def _call(
        self,
        kind: str,
        operation: str,
        already_done: Callable[[], bool] | None = None,
        receive: Callable[[Any], Any] | None = None,
        **arguments: Any,
    ) -> Any:
        """One request, retried while its errors may pass. The one place where that is done.

        `receive` reads the body of the answer, afresh at every try; what it returns takes the body's place.
        """
        unsure = False

        def attempt() -> Any:
            nonlocal unsure
            if self._cancelled.is_set():
                raise Interrupted(130)
            if unsure and already_done is not None and already_done():
                return {}
            with self._lock:
                self._requests[kind] += 1
            body = arguments.get("Body")
            if body is not None:
                body.seek(0)  # an earlier try may have sent some of it
            try:
                return self._send(operation, arguments, receive)
            except _Passing as error:
                if body is not None and body.problem is not None:
                    raise body.problem from None  # ours, not the network's
                unsure = unsure or error.unsure
                raise

        try:
            return attempt()
        except _Passing as error:
            if self._too_late():
                raise self._unreachable(error) from None
        # Imported only now: most runs need no second try, and one runs every minute.
        import tenacity

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_Passing),
            stop=lambda tries: tries.attempt_number >= ATTEMPTS - 1 or self._too_late(),
            wait=tenacity.wait_random_exponential(multiplier=0.5, max=LONGEST_PAUSE),
            sleep=self._pause,
            reraise=True,
        )
        self._pause(random.uniform(0, 0.5))
        try:
            return retrying(attempt)
        except _Passing as error:
            raise self._unreachable(error) from None

    def _too_late(self) -> bool:
        return self.retry_until is not None and self._clock.monotonic() >= self.retry_until

    def _unreachable(self, error: _Passing) -> BucketUnreachable:
        return BucketUnreachable(
            f"The bucket {self._where()} could not be reached: {error}. What is missing in the archive stays "
            "on this disk and is sent by a later run; check the network if this lasts."
        )

    def _pause(self, seconds: float) -> None:
        self._clock.sleep(seconds, self._cancelled)

    def _where(self) -> str:
        return "{} at {}".format(
            self._config.bucket, self._config.endpoint_url or "AWS " + self._config.region
        )

    def _send(
        self, operation: str, arguments: dict[str, Any], receive: Callable[[Any], Any] | None = None
    ) -> Any:
        client = self._client()
        import botocore.exceptions as boto
        import botocore.parsers

        from ifcbscan.s3.answers import find_trouble

        try:
            if not self._conditions:
                arguments.pop(CONDITION, None)
            answer = getattr(client, operation)(**arguments)
            if not _SIGN_OF_S3.get(operation, set()) <= set(answer) or answer.get("ContentLength", 0) < 0:
                raise _Passing("something that is no S3 server answered", unsure=True)
            self._learn_time(answer)  # before the body: that may take minutes
            if receive is not None:
                answer["Body"] = receive(answer["Body"])
        except boto.ClientError as error:
            answered = dict(error.response.get("Error", {}))
            if _says_why(answered):
                self._learn_time(error.response)
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            raise self._judge(operation, answered, status) from None
        except boto.ProxyConnectionError as error:
            raise _Passing(f"the proxy does not answer ({brief(error)})", unsure=False) from None
        except boto.SSLError as error:
            raise _Passing(
                f"no secure connection ({brief(error)}); a wrong clock on this computer can be the cause",
                unsure=False,
            ) from None
        except (boto.EndpointConnectionError, boto.ConnectTimeoutError) as error:
            raise _Passing(f"no connection ({_cause(error)})", unsure=False) from None
        except (
            boto.HTTPClientError,
            boto.ResponseStreamingError,
            boto.IncompleteReadError,
            boto.ConnectionError,
        ) as error:
            trouble = find_trouble(error)
            if trouble is None and isinstance(error.kwargs.get("error"), ValueError):
                # Its text may hold a part of the address, and that a password; S3_ENDPOINT_URL has been checked.
                trouble = (
                    "a proxy's address cannot be used; check http_proxy and https_proxy in the environment"
                )
            raise _Passing(trouble or brief(error), unsure=True) from None
        except botocore.parsers.ResponseParserError as error:
            # For instance a web page from a harbour's network where XML was expected.
            raise _Passing(f"something that is no S3 server answered ({brief(error)})", unsure=True) from None
        except boto.BotoCoreError as error:
            raise self._cannot_ask(error) from None
        except (RecursionError, TypeError, KeyError, ValueError) as error:
            # What botocore reads of an answer outside of its parsers (there it is _Parser that catches this).
            raise _Passing(
                f"something that is no S3 server answered ({type(error).__name__})", unsure=True
            ) from None
        self.answered()
        return answer

    def _learn_time(self, answer: dict[str, Any]) -> None:
        """Only from answers of an S3 server: the web page of a harbour's network has a time of its own."""
        self.server_clock.learn(answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date"))

    def _judge(self, operation: str, error: dict[str, Any], status: int) -> Exception:
        """What an error answer of the server means for the run."""
        code = brief(error.get("Code") or status)
        message = brief(error.get("Message") or "no reason given")
        text = f"{code} (HTTP {status})" if _says_why(error) else f"HTTP {status}"
        if status == 404 and (operation == "head_object" or (operation, code) == ("get_object", "NoSuchKey")):
            return _NotFound()
        if operation == "put_object" and status == 412:
            return _PreconditionFailed()
        if operation == "put_object" and status == 501 and self._conditions:
            self._conditions = False
            return _Passing("it knows no conditional requests", unsure=False)
        if code in _PASSING_CODES or status in _PASSING_STATUS or status >= 500:
            # After a BadDigest the file is read once more: perhaps it is not the way that changed it.
            return _Passing("it answered " + text, unsure=status >= 500 or code == "BadDigest")
        if 300 <= status < 400 and code not in _REFUSALS:
            return _Passing("something that is no S3 server answered " + text, unsure=False)
        hint = _REFUSALS.get(code)
        if hint is None and not _says_why(error):
            if operation == "put_object":
                return PutRefused(f"it was refused with {text} {_BY_A_FILTER}")
            if operation in ("head_object", "get_object"):
                return _LookRefused(self._refused(f"{text} {_BY_A_FILTER}"), status)
        if hint is None and status in (401, 403):
            hint = _REFUSALS["AccessDenied"] if _says_why(error) else _NO_REASON
        if hint is None and operation == "put_object":
            return PutRefused(f"the bucket answered {text}: {message}")
        if hint is not None:
            message = hint.format(bucket=self._config.bucket, account=self._config.account)
        return BucketRefused(self._refused(f"{text}: {message}"))

    def _refused(self, what: str) -> str:
        return f"The bucket {self._where()} refused: {what}. Nothing more was sent."

    def _cannot_ask(self, error: Exception) -> BucketRefused:
        return BucketRefused(
            f"The bucket {self._where()} cannot be asked: {brief(error)}. Nothing was sent. Check BUCKET_NAME, AWS_REGION and "
            "S3_ENDPOINT_URL in the .env file."
        )

    def _client(self) -> Any:
        with self._lock:
            if self._made is None:
                try:
                    self._made = make_client(self._config, self._connections, self._timeouts)
                except ValueError as error:
                    raise self._cannot_ask(error) from None
            return self._made


class _LookRefused(BucketRefused):
    """HEAD or GET of one object: refused without a reason. (An answer to HEAD has no body that could hold one.)"""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


class _NotFound(Exception):
    """HEAD or GET: no such object."""


class _PreconditionFailed(Exception):
    """PUT: what is stored there is not what was thought to be."""


class _Body:
    """A file on its way, as botocore wants it: exactly `size` bytes, and an end soon when the run is to end.

    botocore turns whatever `read` raises into an error of the network; `problem` keeps what it was.
    """

    def __init__(
        self,
        file: BinaryIO,
        size: int,
        cancelled: threading.Event,
        pace: Callable[[int], None] | None = None,
    ) -> None:
        self._file = file
        self._size = size
        self._cancelled = cancelled
        self._pace = pace
        self.problem: Exception | None = None
        self._file.seek(0)
        self._position = 0

    def __len__(self) -> int:
        return self._size

    def read(self, amount: int = -1) -> bytes:
        try:
            return self._read(amount)
        except Exception as error:
            self.problem = error
            raise

    def _read(self, amount: int) -> bytes:
        if self._cancelled.is_set():
            raise Interrupted(130)
        left = self._size - self._position
        wanted = left if amount is None or amount < 0 else min(amount, left)
        try:
            block = self._file.read(wanted)
        except OSError as error:
            raise LocalFileProblem(f"{self._file.name} cannot be read: {error.strerror}") from None
        if wanted and not block:
            raise FileChanged("it became shorter while it was read")
        self._position += len(block)
        if self._pace is not None:
            self._pace(len(block))
        return block

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = self._file.seek(base + offset)
        return self._position

    def tell(self) -> int:
        return self._position


def _says_why(error: dict[str, Any]) -> bool:
    """Whether an error has a code of S3's, and not only an HTTP status. (For one without a body botocore makes one up.)"""
    return str(error.get("Code") or "")[:1].isalpha()


def _condition(replaced: ObjectHead | None) -> tuple[str, str] | None:
    """The header that lets a PUT through only if nothing, or still what is to be replaced, is there."""
    if replaced is None:
        return "If-None-Match", "*"
    return ("If-Match", f'"{replaced.etag}"') if replaced.etag else None


def _folders(page: dict[str, Any]) -> list[str]:
    found: list[str] = page.get(FOLDERS) or [item["Prefix"] for item in page.get("CommonPrefixes", ())]
    return found


def _plain_objects(page: dict[str, Any]) -> Iterator[ListedObject]:
    # What botocore makes of a page where it did not let the lean parser have its way.
    for item in page.get("Contents", ()):
        etag = item.get("ETag", "").strip('"')
        yield ListedObject(item["Key"], item["Size"], _text(item["LastModified"]), etag)


def _encrypted(answer: dict[str, Any]) -> bool:
    """Whether an object is encrypted so that its ETag does not come from its content alone (KMS, customer's key)."""
    return "kms" in answer.get("ServerSideEncryption", "") or "SSECustomerAlgorithm" in answer


def _checksums(answer: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    # Of an object in parts it may be a sum of sums: then it ends in the number of parts, or says so.
    if answer.get("ChecksumType") == "COMPOSITE":
        return ()
    found = ((name, answer.get("Checksum" + name.upper())) for name in ("sha256", "sha1", "crc32"))
    return tuple((name, value) for name, value in found if value and "-" not in value)


def _cause(error: Any) -> str:
    """What the system said of a connection that did not come about: `[Errno 111] Connection refused`."""
    said = str(error.kwargs.get("error") or error)
    return brief(said.rpartition(": ")[2].rstrip(")'\""))


def _text(moment: Any) -> str:
    return moment if isinstance(moment, str) else str(server_text(moment.timestamp()))
