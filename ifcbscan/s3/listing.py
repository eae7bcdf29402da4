"""One listing from its first page to its last: what is asked for, how it goes on, and when it is given up.

Whatever asks for a page comes in from outside; this module sends nothing itself. What is on a page is list_page.py's.
"""

from __future__ import annotations

import os
from typing import Callable, Iterator, Mapping

from ifcbscan.errors import BucketUnreachable
from ifcbscan.s3.list_page import ListPage

# Pages in a row that hold nothing and say that more follow: a server may pass over what was deleted, but not for ever.
_MOST_EMPTY_PAGES = 100


def query_between(prefix: str, start_after: str, up_to: str) -> dict[str, str]:
    """What asks for the keys below `prefix` that are > start_after (where given), and at least those <= up_to."""
    shared = os.path.commonprefix([start_after, up_to])
    if shared.startswith(prefix):
        # All keys between the two begin as both do: a server that walks folders has less to walk.
        prefix = shared
    query = {"prefix": prefix}
    if start_after:
        query["start-after"] = start_after
    return query


def pages(
    ask: Callable[[Mapping[str, str]], ListPage], where: str, query: Mapping[str, str], up_to: str = ""
) -> Iterator[ListPage]:
    """Page after page of a listing; none behind the key `up_to` (where given).

    `ask` gets the page that answers a query. `where` names the bucket in a message. Raises what `ask` raises, and
    BucketUnreachable for a listing that does not come to its end.
    """
    token: str | None = None
    course = _Course()
    while True:
        page = ask(query)
        if not course.goes_on_with(page):
            raise _unlistable(where, "its listing goes round in circles")
        yield page
        if not page.truncated or (up_to and page.objects and page.objects[-1].key >= up_to):
            return
        if not page.next_token or page.next_token == token:
            raise _unlistable(where, "it does not say how its listing goes on")
        token = page.next_token
        others = {name: value for name, value in query.items() if name != "start-after"}
        query = {**others, "continuation-token": token}


def _unlistable(where: str, what: str) -> BucketUnreachable:
    return BucketUnreachable(
        f"The bucket {where} could not be listed: {what}. Nothing was sent. Try again later; if it "
        "lasts, S3_ENDPOINT_URL may not be the address of an S3 server."
    )


class _Course:
    """Whether a listing gets on: each page must have a key, or a common prefix, behind all that came before.

    No more is asked of their order, because servers differ in it.
    """

    def __init__(self) -> None:
        self._last_key = ""
        self._last_folder = ""
        self._empty_pages = 0

    def goes_on_with(self, page: ListPage) -> bool:
        """False if `page` has nothing that lies behind the pages before it, or is one empty page too many."""
        key = max((item.key for item in page.objects), default="")
        folder = max(page.folders, default="")
        if not key and not folder:
            self._empty_pages += page.truncated
            return self._empty_pages <= _MOST_EMPTY_PAGES
        gets_on = key > self._last_key or folder > self._last_folder
        self._last_key, self._last_folder = max(key, self._last_key), max(folder, self._last_folder)
        self._empty_pages = 0
        return gets_on
