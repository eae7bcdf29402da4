"""Nothing from outside reaches a terminal, a log or a page as it stands, if it is more than visible text."""

from __future__ import annotations

import subprocess
import sys
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ifcbscan.core.printable import brief, named, printable, without_password

#: As they are in Unicode: controls, invisible marks (among them those of direction), lone surrogates, line ends.
DANGEROUS = ("Cc", "Cf", "Cs", "Zl", "Zp")


@pytest.mark.parametrize(
    "text, shown",
    [
        ("nauset", "nauset"),
        ("D20260601 Küste 海", "D20260601 Küste 海"),
        ("a\nb\r\n", "a\\nb\\r\\n"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("\x9b31m\x7f\0", "\\x9b31m\\x7f\\x00"),
        ("a\u2028b\u2029c\u0085d", "a\\u2028b\\u2029c\\x85d"),
        ("\u202egnp.exe\u2066\u200b\ufeff", "\\u202egnp.exe\\u2066\\u200b\\ufeff"),
        ("K\udcfcste", "K\\udcfcste"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_what_is_no_visible_character_is_written_as_an_escape(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text(st.characters(), max_size=50))
@example("\ud83d\ude00")
def test_whatever_comes_in_one_line_of_visible_text_comes_out_that_can_be_encoded(text: str) -> None:
    for shown in (printable(text), brief(text)):
        assert not [c for c in shown if unicodedata.category(c) in DANGEROUS]
        assert len(shown.splitlines()) <= 1
        shown.encode("utf-8")
        assert printable(shown) == shown


def test_what_others_wrote_is_kept_short_after_it_was_made_visible() -> None:
    assert brief("  a \n\n b  ") == "a b"
    assert len(brief("\x1b" * 1000)) == 200 and len(brief("x" * 1000, 50)) == 50


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("at https://me:se/cr@t@host/x it", "at https://host/x it"),
        ("http://a@b http://c:d@e", "http://b http://e"),
        ("//@host a//b@c//d", "//host a//c//d"),
        ("me@host https://host/ a // b", "me@host https://host/ a // b"),
        ("a@b//c", "a@b//c"),
    ],
)
def test_of_an_address_neither_name_nor_password_is_shown(text: str, shown: str) -> None:
    assert without_password(text) == shown


def test_a_text_of_any_length_is_made_brief_at_once() -> None:
    # With time in the square of the length it would take hours.
    for piece in ("/", "//a", "a"):
        code = f"from ifcbscan.core.printable import brief; print(brief({piece!r} * 2000000))"
        done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, timeout=60, check=True)
        assert done.stdout.decode().strip() == (piece * 200)[:200]


def test_the_first_are_named_and_the_others_counted() -> None:
    assert named(["a", "b"], "{} more", 2) == ["a", "b"]
    assert named(["a"] * 2345, "{} more", 2) == ["a", "a", "2,343 more"]
    assert named(["a"] * 21, "{} more") == ["a"] * 21  # and not "1 more warnings"
    assert named(["a"] * 22, "{} more") == ["a"] * 20 + ["2 more"]
