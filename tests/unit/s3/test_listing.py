"""A listing page by page: what is asked for, where it ends, and what is given up instead of going on for ever."""

from __future__ import annotations

from typing import Mapping

import pytest

from ifcbscan.core.remote_index import ListedObject
from ifcbscan.errors import BucketUnreachable, ExitCode
from ifcbscan.s3.list_page import ListPage
from ifcbscan.s3.listing import pages, query_between


def page(
    keys: str = "", token: str | None = None, folders: str = "", truncated: bool | None = None
) -> ListPage:
    """A page with these keys and common prefixes, each of one letter; with `token`: more follow."""
    objects = [ListedObject(key, 1, "2026-01-01T00:00:00Z", "") for key in keys]
    return ListPage(objects, list(folders), token is not None if truncated is None else truncated, token)


class Server:
    """Answers with these pages, in order, and writes down what it was asked."""

    def __init__(self, *answers: ListPage) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, str]] = []

    def __call__(self, query: Mapping[str, str]) -> ListPage:
        self.asked.append(dict(query))
        return self.answers.pop(0)

    def listed(self, up_to: str = "", **query: str) -> str:
        """The keys and folders of the whole listing."""
        found = list(pages(self, "tests at nowhere", query, up_to))
        return "".join(
            [item.key for page in found for item in page.objects]
            + [f for page in found for f in page.folders]
        )


@pytest.mark.parametrize(
    "start_after, up_to, asked",
    [
        ("", "", {"prefix": "hablab/"}),
        ("", "hablab/nauset/2", {"prefix": "hablab/"}),
        ("hablab/nauset/1", "", {"prefix": "hablab/", "start-after": "hablab/nauset/1"}),
        ("hablab/a", "hablab/b", {"prefix": "hablab/", "start-after": "hablab/a"}),
        (
            "hablab/nauset/2013/D1",
            "hablab/nauset/2013/D2",
            {"prefix": "hablab/nauset/2013/D", "start-after": "hablab/nauset/2013/D1"},
        ),
        ("a", "z", {"prefix": "hablab/", "start-after": "a"}),  # bounds outside of the prefix do not widen it
        ("ha", "hab", {"prefix": "hablab/", "start-after": "ha"}),
    ],
)
def test_a_query_asks_for_no_more_than_its_bounds_have_in_common(
    start_after: str, up_to: str, asked: Mapping[str, str]
) -> None:
    assert query_between("hablab/", start_after, up_to) == asked


def test_the_first_page_is_asked_for_by_its_start_and_each_other_one_by_the_token_before_it() -> None:
    server = Server(page("ab", "1"), page("cd", "2"), page("e"))
    assert server.listed(prefix="p", **{"start-after": "0"}) == "abcde"
    assert server.asked == [
        {"prefix": "p", "start-after": "0"},
        {"prefix": "p", "continuation-token": "1"},
        {"prefix": "p", "continuation-token": "2"},
    ]


@pytest.mark.parametrize("up_to", ["b", "a~"])
def test_no_page_is_asked_for_behind_the_last_key_that_is_wanted(up_to: str) -> None:
    server = Server(page("ab", "1"), page("c"))
    server.listed(up_to)
    assert len(server.asked) == 1


def test_a_page_that_ends_before_the_last_wanted_key_is_followed_by_the_next() -> None:
    server = Server(page("a", "1"), page("", "2"), page("c", "3"), page("d"))
    assert server.listed("c") == "ac"


def test_what_a_token_says_after_the_last_page_is_not_followed() -> None:
    server = Server(page("a", "1", truncated=False))
    assert server.listed() == "a"


@pytest.mark.parametrize(
    "answers",
    [
        [page("a", truncated=True)],  # more follow, but no word how
        [page("a", "")],
        [page("a", "1"), page("b", "1")],  # the token of the page that has just come
    ],
)
def test_a_listing_that_does_not_say_how_it_goes_on_is_given_up(answers: list[ListPage]) -> None:
    server = Server(*answers)
    with pytest.raises(
        BucketUnreachable, match="^The bucket tests at nowhere could not be listed: it does not say"
    ) as error:
        server.listed()
    assert len(server.asked) == len(answers) and error.value.exit_code == ExitCode.UNREACHABLE


@pytest.mark.parametrize("again", [("ab", "ab"), ("a", "a"), ("bc", "a"), ("ab", "ba")])
@pytest.mark.parametrize("of", ["keys", "folders"])
def test_a_listing_with_nothing_new_on_a_page_goes_round_in_circles(again: tuple[str, str], of: str) -> None:
    answers = [page(**{of: names}, token=str(number)) for number, names in enumerate(again)]  # type: ignore[arg-type]
    server = Server(*answers)
    with pytest.raises(BucketUnreachable, match="goes round in circles.*S3_ENDPOINT_URL"):
        server.listed()
    assert len(server.asked) == 2


def test_one_new_key_or_folder_on_a_page_is_enough_whatever_their_order() -> None:
    assert Server(page("b", "1"), page("ac", "2"), page("d")).listed() == "bacd"
    assert (
        Server(page("b", "1", "y"), page("a", "2", "z"), page("c", "3", "x"), page("")).listed() == "bacyzx"
    )
    # What lies behind is measured by the farthest so far, not by the page before.
    with pytest.raises(BucketUnreachable):
        Server(page("d", "1", "x"), page("a", "2", "y"), page("c", "3")).listed()


def test_a_hundred_pages_in_a_row_may_be_empty_and_no_more() -> None:
    def empty(count: int) -> list[ListPage]:
        return [page("", f"t{number}") for number in range(count)]

    assert Server(*empty(100), page("a", "x"), *empty(100), page("b")).listed() == "ab"
    server = Server(page("a", "x"), *empty(101), page("b"))
    with pytest.raises(BucketUnreachable, match="goes round in circles"):
        server.listed()
    assert len(server.asked) == 102
    assert Server(*empty(100), page("")).listed() == ""  # the last page may be empty besides
