"""What an ETag says of an object's content, and the sums of a local file that can be held against it.

Pure: no file is opened here and nothing is asked of the bucket. Known of S3 (its documentation,
"Checking object integrity"): the ETag of an object put with one request is the MD5 of its content;
put in parts, it is the MD5 of the MD5s of the parts, a minus sign and the number of parts; with
encryption under a KMS or a customer's key it is neither, although it may look like an MD5.
"""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

_MIB = 1024 * 1024

#: Sizes of parts (bytes) that clients use unless told otherwise: rclone 5, boto3 and awscli 8, s3cmd 15,
#: MinIO's mc 16, s5cmd 50 MiB; and the round ones that people choose.
PART_SIZES = tuple(mib * _MIB for mib in (5, 8, 10, 15, 16, 20, 25, 32, 50, 64, 100, 128))

_MD5 = re.compile(r"[0-9a-f]{32}")
_IN_PARTS = re.compile(r"[0-9a-f]{32}-([0-9]{1,5})")


def is_md5(etag: str) -> bool:
    """Whether an ETag (without quotes) has the form of an MD5."""
    return _MD5.fullmatch(etag) is not None


def number_of_parts(etag: str) -> int | None:
    """In how many parts the object was put, by its ETag; None if the ETag does not say so."""
    match = _IN_PARTS.fullmatch(etag)
    return int(match.group(1)) if match else None


def fitting_part_sizes(etag: str, size: int) -> tuple[int, ...]:
    """The usual part sizes that make as many parts of `size` bytes as the ETag says; none for an MD5."""
    parts = number_of_parts(etag)
    if not parts or size == 0:
        return ()
    if parts == 1:
        return (size,)  # one part is the whole, whatever size was allowed
    return tuple(part for part in PART_SIZES if -(-size // part) == parts)


class PartSum(NamedTuple):
    """The ETag that a file has when it is put in parts of `part_size` bytes."""

    part_size: int
    etag: str


class FileSums(NamedTuple):
    """What was computed of one local file: size in bytes, MD5 (hex), and the ETags it would have in parts."""

    size: int
    md5: str
    part_sums: tuple[PartSum, ...] = ()


class Summer:
    """Sums a file that is given to it block by block."""

    def __init__(self, part_sizes: tuple[int, ...] = ()) -> None:
        self._size = 0
        self._whole = hashlib.md5()
        self._in_parts = [_PartSummer(part_size) for part_size in part_sizes]

    def update(self, block: bytes) -> None:
        """Take in the next block."""
        self._size += len(block)
        self._whole.update(block)
        for summer in self._in_parts:
            summer.update(block)

    def sums(self) -> FileSums:
        """The sums of all blocks; to be called once, at the end."""
        return FileSums(self._size, self._whole.hexdigest(), tuple(part.sum() for part in self._in_parts))


class _PartSummer:
    def __init__(self, part_size: int) -> None:
        self._part_size = part_size
        self._part = hashlib.md5()
        self._left = part_size
        self._digests = b""

    def update(self, block: bytes) -> None:
        view = memoryview(block)
        while view:
            if not self._left:
                self._end_part()
            piece = view[: self._left]
            self._part.update(piece)
            self._left -= len(piece)
            view = view[len(piece) :]

    def _end_part(self) -> None:
        self._digests += self._part.digest()
        self._part = hashlib.md5()
        self._left = self._part_size

    def sum(self) -> PartSum:
        self._end_part()  # the last one, which may be shorter
        count = len(self._digests) // 16
        return PartSum(self._part_size, f"{hashlib.md5(self._digests).hexdigest()}-{count}")
