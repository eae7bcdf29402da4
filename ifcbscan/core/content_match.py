"""Is an object in the bucket the very file on the disk? The verdict, from sums that were taken elsewhere.

Pure: no input or output. `match_content` has its table above it.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Iterable, Sequence

from ifcbscan.core.bins import EXTENSIONS, MISSING
from ifcbscan.core.checksums import FileSums, PartSum, is_md5, number_of_parts


class ContentMatch(enum.Enum):
    """How a complete bin, or one of its files, compares. The values are the words of the report and the JSON."""

    PROVEN = "proven"
    UNPROVEN = "unproven"
    DIFFERENT = "different"
    SIZE = "size"
    MISSING = "missing"


#: The worst of its files is what a bin is.
_FROM_BEST_TO_WORST = (
    ContentMatch.PROVEN,
    ContentMatch.UNPROVEN,
    ContentMatch.DIFFERENT,
    ContentMatch.SIZE,
    ContentMatch.MISSING,
)


class Proof(enum.Enum):
    """What shows that the bytes are the same. The values are those of the JSON."""

    MD5 = "md5"  # the ETag is the MD5 of the content
    PARTS = "parts"  # the ETag is the sum of the parts' MD5s
    DOWNLOAD = "download"  # the object was read back


@dataclass(frozen=True)
class RemoteObject:
    """What is known of one object: size in bytes, ETag without quotes, and what was found out beyond the listing.

    `etag_is_sum`: None while nobody knows whether encryption changed the ETag; else whether it comes from the
    content. `downloaded`: MD5 (hex) of what was read back.
    `trouble`: why no more could be found out, for the reason.
    """

    size: int
    etag: str
    etag_is_sum: bool | None = None
    downloaded: str | None = None
    trouble: str = ""


@dataclass(frozen=True)
class FileVerdict:
    """The verdict on one file. `proof` is what proved it (None if nothing did), `reason` in words."""

    extension: str
    match: ContentMatch
    proof: Proof | None
    reason: str


@dataclass(frozen=True)
class BinVerdict:
    """The verdict on a bin: that on its worst file; `files` has all three, in the order of EXTENSIONS."""

    match: ContentMatch
    reason: str
    files: tuple[FileVerdict, ...]

    def extensions(self, match: ContentMatch) -> tuple[str, ...]:
        """The files of which this is the verdict."""
        return tuple(file.extension for file in self.files if file.match is match)

    @property
    def proofs(self) -> tuple[Proof, ...]:
        """What proved its files: one for each that is proven."""
        return tuple(file.proof for file in self.files if file.proof is not None)


def match_content(local: Sequence[FileSums], remote: Sequence[RemoteObject | None]) -> BinVerdict:
    """The verdict on a bin from its three files and objects, in the order of EXTENSIONS (None: no such object).

    For each file the first row that fits holds:

    | object                                                     | match     | proof    |
    |------------------------------------------------------------|-----------|----------|
    | not there                                                  | missing   |          |
    | of another size                                            | size      |          |
    | ETag: the file's MD5                                       | proven    | md5      |
    | ETag: the file's sum in parts of a usual size              | proven    | parts    |
    | was read back: the file's MD5                              | proven    | download |
    | ... another                                                | different |          |
    | ETag: another MD5, and it is known to come from the content| different |          |
    | ETag: another sum of one part, known likewise              | different |          |
    | anything else                                              | unproven  |          |

    An ETag in parts that is not the file's proves nothing: the parts may have had an unusual size.
    """
    return _of_files(_match_file(*triple) for triple in zip(EXTENSIONS, local, remote))


def match_sizes(local: Sequence[int], remote: Sequence[int]) -> BinVerdict:
    """The verdict on a bin of which nothing was read, from the sizes of its files and objects (MISSING: not there).

    A file whose size is right is `unproven`, without a reason; so is a bin whose sizes are all right.
    """
    verdict = _of_files(_match_size(*triple) for triple in zip(EXTENSIONS, local, remote))
    if any(there != MISSING for there in remote):
        return verdict
    return BinVerdict(verdict.match, "not in the archive", verdict.files)


def _of_files(verdicts: Iterable[FileVerdict]) -> BinVerdict:
    files = tuple(verdicts)
    worst = max((file.match for file in files), key=_FROM_BEST_TO_WORST.index)
    reasons = [f".{file.extension} {file.reason}" for file in files if file.reason]
    return BinVerdict(worst, "; ".join(reasons), files)


def _match_size(extension: str, here: int, there: int) -> FileVerdict:
    if there == MISSING:
        return FileVerdict(extension, ContentMatch.MISSING, None, "is not in the archive")
    if there != here:
        reason = f"has {there:,} bytes in the archive, {here:,} here"
        return FileVerdict(extension, ContentMatch.SIZE, None, reason)
    return FileVerdict(extension, ContentMatch.UNPROVEN, None, "")


def _match_file(extension: str, local: FileSums, remote: RemoteObject | None) -> FileVerdict:
    if remote is None or remote.size != local.size:
        return _match_size(extension, local.size, MISSING if remote is None else remote.size)
    if remote.etag == local.md5:
        return FileVerdict(extension, ContentMatch.PROVEN, Proof.MD5, "")
    for part_sum in local.part_sums:
        if remote.etag == part_sum.etag:
            return FileVerdict(extension, ContentMatch.PROVEN, Proof.PARTS, _in_parts(part_sum, local))
    if remote.downloaded is not None:
        if remote.downloaded == local.md5:
            return FileVerdict(extension, ContentMatch.PROVEN, Proof.DOWNLOAD, "proven by reading it back")
        return _different(extension, "MD5", local.md5, remote.downloaded)
    if remote.etag_is_sum:
        if is_md5(remote.etag):
            return _different(extension, "MD5", local.md5, remote.etag)
        if number_of_parts(remote.etag) == 1 and local.part_sums:
            return _different(extension, "ETag", local.part_sums[0].etag, remote.etag)
    return FileVerdict(extension, ContentMatch.UNPROVEN, None, _not_proven(remote))


def _different(extension: str, kind: str, here: str, there: str) -> FileVerdict:
    reason = f"has other content in the archive ({kind} {there}) than here ({here})"
    return FileVerdict(extension, ContentMatch.DIFFERENT, None, reason)


def _in_parts(part_sum: PartSum, local: FileSums) -> str:
    if part_sum.part_size >= local.size:
        return "proven by its sum as one part"
    return f"proven by its sum in parts of {part_sum.part_size // 1024**2} MiB"


def _not_proven(remote: RemoteObject) -> str:
    if remote.trouble:
        return f"is not proven: {remote.trouble}"
    if remote.etag_is_sum is False:
        return (
            "is not proven: it is encrypted in the archive, so its ETag is no sum; --download reads it back"
        )
    parts = number_of_parts(remote.etag)
    if parts is not None:
        return (
            f"is not proven: it was put in {parts} parts, and no usual size of parts gives its ETag {remote.etag}; "
            "--download reads it back"
        )
    return f"is not proven: its ETag {remote.etag!r} says nothing about its content; --download reads it back"
