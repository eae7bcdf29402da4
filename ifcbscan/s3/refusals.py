"""What an error answer of the bucket means: try again, no such object, this object refused, or the end of the run.

Pure: from the answer to a judgement with its words. Raises nothing and asks nothing.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

from ifcbscan.core.printable import brief
from ifcbscan.core.words import clock_words
from ifcbscan.s3.transport import ErrorAnswer, Operation

# What to do about the answers that a second try will not change. {bucket}, {account} and {region} are filled in.
_HINTS = {
    "AccessDenied": "the key in the .env file has no right to do this under {account}/ in {bucket}. Check "
    "USER_ACCOUNT, and that the key belongs to it",
    "AllAccessDisabled": "access to {bucket} is switched off. Ask the people who run the archive",
    "AuthorizationHeaderMalformed": "the bucket is in another region. Check AWS_REGION",
    "PermanentRedirect": "the bucket is in another region. Check AWS_REGION",
    "ExpiredToken": "the session token has expired. Put a fresh AWS_SESSION_TOKEN into the .env file",
    "InvalidToken": "the session token is not valid. Check AWS_SESSION_TOKEN in the .env file",
    "InvalidAccessKeyId": "the bucket does not know this access key. Check AWS_ACCESS_KEY_ID in the .env file",
    "SignatureDoesNotMatch": "the secret does not fit the access key, or a proxy changes the request on its way (in front "
    "of a server of your own it must hand on the Host header as it came). Check AWS_SECRET_ACCESS_KEY in the .env file",
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
#: What is told of a bin if an answer to HEAD means LOOK_REFUSED.
NOT_TOLD = (
    "the archive does not say what is stored of this bin: a virus scanner or a web filter on the way may not let the "
    "request through, or the key may not read. The .adc is not sent without that. A later run tries again"
)
# Some servers (Ceph's gateway) send the code of an error and no text with it.
_NO_MESSAGE = "with no more words than that. Ask the people who run the archive what it stands for"
_NO_REASON = (
    "without a reason of S3's. A web filter on the way may not let the request through; or the key has no right to "
    "do this under {account}/ in {bucket}. Check USER_ACCOUNT, and ask the people who run the network"
)

# Of a server of one's own, mostly: nginx lets 1 MB through unless it is told otherwise.
_TOO_LARGE = (
    "a proxy on the way, or in front of the archive's server, lets no file of this size through. Nothing is wrong with the "
    "file; it is sent by a later run once the limit is above the largest .roi. Ask the people who run that proxy (in "
    "nginx the limit is called client_max_body_size)"
)
# To a listing S3 never answers so: the server has taken the bucket's name for that of an object.
_LISTED_AS_AN_OBJECT = (
    "the server takes the name of the bucket, {bucket}, for that of an object, so the bucket's name may stand in the "
    "address, too. Check S3_ENDPOINT_URL in the .env file: the address of the server alone"
)

#: S3 names the region of the bucket where a request was signed for another one.
_REGION = "x-amz-bucket-region"
_OF_ANOTHER_REGION = (
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "PermanentRedirect",
    "TemporaryRedirect",
)
_IN_THE_REGION = "the bucket is in the region {region}. Write AWS_REGION={region} into the .env file"

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


#: S3 takes a request whose time is at most so far from its own. Seconds.
_CLOCK_LIMIT = 900.0

#: What is said of a request's signature with other numbers than 401 and 403.
_SIGNED = {
    "AuthorizationHeaderMalformed",
    "ExpiredToken",
    "InvalidToken",
    "RequestExpired",
    "RequestTimeTooSkewed",
}


class Meaning(enum.Enum):
    """What an error answer means for the run."""

    PASSING = enum.auto()  # worth another try
    NO_SUCH_OBJECT = enum.auto()  # HEAD or GET: nothing is stored under the key
    NOT_AS_EXPECTED = enum.auto()  # PUT: what is stored there does not meet the condition
    NO_CONDITIONS = enum.auto()  # PUT: the server may know no conditional requests
    OBJECT_REFUSED = enum.auto()  # PUT: the bucket, or a filter, will not have this one object
    LOOK_REFUSED = enum.auto()  # HEAD or GET: refused without a reason, perhaps for this one object only
    REFUSED = enum.auto()  # the run ends


class Judgement(NamedTuple):
    """A meaning and its words, which go into a message of the bucket's. `unsure`: as in PassingError."""

    meaning: Meaning
    text: str = ""
    unsure: bool = False


class Names(NamedTuple):
    """What is named in the words."""

    bucket: str
    account: str


def judge(operation: Operation, error: ErrorAnswer, names: Names, ahead: float | None = None) -> Judgement:
    """What this answer to that request means.

    `ahead`: by how many seconds this computer's clock is ahead of the Date of the answer; None where it has none. A clock
    that is far off is refused in many words: S3 says that it is, others say that the signature, the token or the right
    is missing, or nothing at all. So it comes before all of these.
    """
    status = error.status
    code = brief(error.code or status)
    answered = f"{code} (HTTP {status})" if error.code else f"HTTP {status}"
    if _is_no_such_object(operation, status, code):
        return Judgement(Meaning.NO_SUCH_OBJECT)
    if operation is Operation.PUT and status == 412:
        return Judgement(Meaning.NOT_AS_EXPECTED)
    if operation is Operation.PUT and status == 501:
        return Judgement(Meaning.NO_CONDITIONS, "it answered " + answered, unsure=True)
    if code in _PASSING_CODES or status in _PASSING_STATUS or status >= 500:
        # After a BadDigest the file is read once more: perhaps it is not the way that changed it.
        return Judgement(
            Meaning.PASSING, "it answered " + answered, unsure=status >= 500 or code == "BadDigest"
        )
    if ahead is not None and abs(ahead) > _CLOCK_LIMIT and _is_about_who_asks(error):
        return Judgement(
            Meaning.REFUSED,
            f"{answered}: this computer's clock is {clock_words(ahead)} the archive's, which is too much. Set it (UTC, ideally by "
            "NTP); nothing is lost meanwhile",
        )
    hint = _HINTS.get(code)
    region = brief(error.headers.get(_REGION, ""))
    if region and code in _OF_ANOTHER_REGION:
        hint = _IN_THE_REGION
    if operation is Operation.LIST and code == "NoSuchKey":
        hint = _LISTED_AS_AN_OBJECT
    if hint is None and 300 <= status < 400:
        return Judgement(Meaning.PASSING, "something that is no S3 server answered " + answered)
    if hint is None and not error.code:
        if operation is Operation.PUT and status == 413:
            return Judgement(Meaning.OBJECT_REFUSED, f"it was refused with {answered}: {_TOO_LARGE}")
        if operation is Operation.PUT:
            return Judgement(Meaning.OBJECT_REFUSED, f"it was refused with {answered} {_BY_A_FILTER}")
        if operation in (Operation.HEAD, Operation.GET):
            return Judgement(Meaning.LOOK_REFUSED, f"{answered} {_BY_A_FILTER}")
    if hint is None and status in (401, 403):
        hint = _HINTS["AccessDenied"] if error.code else _NO_REASON
    if hint is not None:
        return Judgement(
            Meaning.REFUSED,
            f"{answered}: {hint.format(bucket=names.bucket, account=names.account, region=region)}",
        )
    said = brief(error.message).rstrip(".")
    reason = f"{answered}: {said}" if said else f"{answered}, {_NO_MESSAGE}"
    if operation is Operation.PUT:
        return Judgement(Meaning.OBJECT_REFUSED, f"the bucket answered {reason}")
    return Judgement(Meaning.REFUSED, reason)


def _is_about_who_asks(error: ErrorAnswer) -> bool:
    """Whether it may be an answer to a request with a wrong time: a signature is good for some minutes around it."""
    return error.status in (401, 403) or error.code in _SIGNED or (error.status == 400 and not error.code)


def _is_no_such_object(operation: Operation, status: int, code: str) -> bool:
    # An answer to HEAD has no body that could say of what there is none; one to GET may mean the bucket.
    if status != 404:
        return False
    return operation is Operation.HEAD or (operation is Operation.GET and code == "NoSuchKey")
