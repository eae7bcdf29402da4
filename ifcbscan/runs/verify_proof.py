"""Proving the files of a bin against the archive's objects: by the listing, else by asking, else by reading back.

What counts as a proof is decided in core/content_match.py; here the bucket is asked for what that needs.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
from typing import Callable, Optional, Sequence

from ifcbscan.core.bins import Fileset, Pid
from ifcbscan.core.checksums import FileSums
from ifcbscan.core.content_match import BinVerdict, ContentMatch, RemoteObject, match_content
from ifcbscan.errors import BucketRefused, BucketUnreachable
from ifcbscan.s3.bucket import Bucket

log = logging.getLogger("ifcbscan")

_Way = Callable[[str, RemoteObject], Optional[RemoteObject]]


class Prover:
    """Gives the verdict on the content of a bin. One for a whole run; its methods may be called from any thread."""

    def __init__(self, bucket: Bucket, prefix: str, download: bool) -> None:
        """`download`: read objects back where nothing else proves them."""
        self.warnings: list[str] = []
        #: Bins of which an object was another one when it was asked about than when it was listed. (The listed one may
        #: come back, so they are proven and not deletable.)
        self.replaced: set[Pid] = set()
        self._bucket = bucket
        self._prefix = prefix
        self._ways: tuple[_Way, ...] = (self._ask, self._read_back) if download else (self._ask,)
        self._bucket_is_away = threading.Event()
        self._first = threading.Lock()

    def prove(self, local: Fileset, sums: Sequence[FileSums], etags: Sequence[str]) -> BinVerdict:
        """Compare the sums of the files with their objects, which are listed with `etags` and the files' sizes.

        A bucket that refuses, or that cannot be reached any more, leaves files unproven; no error is raised.
        """
        objects: list[RemoteObject | None] = [
            RemoteObject(size, etag) for size, etag in zip(local.sizes, etags)
        ]
        verdict = match_content(sums, objects)
        for way in self._ways:
            for index, file in enumerate(verdict.files):
                known = objects[index]
                if file.match is ContentMatch.UNPROVEN and known is not None:
                    key = local.pid.key(self._prefix, file.extension)
                    objects[index] = found = self._unless_away(way, key, known)
                    if found is not None and known.etag and found.etag != known.etag:
                        self.replaced.add(local.pid)
            verdict = match_content(sums, objects)
        return verdict

    def _unless_away(self, way: _Way, key: str, known: RemoteObject) -> RemoteObject | None:
        if not self._bucket_is_away.is_set():
            try:
                return way(key, known)
            except BucketRefused as error:
                log.info("%s: %s", key, error)
                return dataclasses.replace(known, trouble="the bucket refused to say more about it")
            except BucketUnreachable as error:
                with self._first:
                    if not self._bucket_is_away.is_set():
                        self._bucket_is_away.set()
                        self.warnings.append(
                            f"{error} Bins that could only be proven by asking it are not proven."
                        )
        return dataclasses.replace(known, trouble="the bucket could not be asked about it")

    def _ask(self, key: str, _known: RemoteObject) -> RemoteObject | None:
        content = self._bucket.content(key)
        if content is None:
            return None
        return RemoteObject(content.size, content.etag.lower(), content.etag_is_sum)

    def _read_back(self, key: str, known: RemoteObject) -> RemoteObject | None:
        downloaded = self._bucket.content_md5(key)
        return None if downloaded is None else dataclasses.replace(known, downloaded=downloaded, trouble="")
