"""Sizes, durations, ages and counts in words, and what a command that sends nothing leaves unsaid."""

from __future__ import annotations

import pytest

from ifcbscan.core.words import (
    clock_words,
    counted,
    human_age,
    human_ago,
    human_bytes,
    human_duration,
    without_nothing_sent,
)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (98500, "98.5 kB"),
        (999999, "1.0 MB"),
        (1234567890, "1.2 GB"),
        (5.2e12, "5.2 TB"),
        (5.2e15, "5200.0 TB"),
    ],
)
def test_bytes_are_told_as_disks_are_sold(size: float, text: str) -> None:
    assert human_bytes(size) == text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (0.9, "0 s"),
        (1.9, "1 s"),
        (90, "90 s"),
        (119.9, "119 s"),
        (120, "2 min"),
        (1500, "25 min"),
        (3600, "60 min"),
        (2 * 3600 - 1, "119 min"),
        (2 * 3600, "2 h"),
        (5 * 3600 + 3599, "5 h"),
        (86400, "24 h"),
        (2 * 86400 - 1, "47 h"),
        (2 * 86400, "2 days"),
        (3 * 86400 - 1, "2 days"),
        (730 * 86400, "730 days"),
        (876.6 * 86400, "2.4 years"),
        (1795961109, "56 years"),
    ],
)
def test_durations_are_in_the_largest_unit_that_fits_in_twice_and_rounded_down(
    seconds: float, words: str
) -> None:
    assert human_duration(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "age", "ago"),
    [
        (-3600, "in the future", "in the future"),
        (-60.1, "in the future", "in the future"),
        (-60, "0 s", "0 s ago"),
        (40, "40 s", "40 s ago"),
        (72 * 3600, "3 days", "3 days ago"),
    ],
)
def test_what_is_in_the_future_by_more_than_clocks_differ_is_told_so(
    seconds: float, age: str, ago: str
) -> None:
    assert human_age(seconds) == age
    assert human_ago(seconds) == ago


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 bins"), (1, "1 bin"), (2, "2 bins"), (1234567, "1,234,567 bins")]
)
def test_counts_have_separators_and_a_singular(count: int, words: str) -> None:
    assert counted(count, "bin") == words


def test_a_plural_of_its_own_is_used() -> None:
    assert [counted(count, "copy", "copies") for count in (1, 2)] == ["1 copy", "2 copies"]


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("The bucket refused. Nothing more was sent.", "The bucket refused."),
        ("There is no .env. Nothing was sent. Copy .env.example.", "There is no .env. Copy .env.example."),
        (
            "It could not be listed: why. Nothing was sent. If it lasts, ask.",
            "It could not be listed: why. If it lasts, ask.",
        ),
        (
            "It could not be reached: why. What is missing in the archive stays on this disk and is sent by a later run; check the "
            "network if this lasts.",
            "It could not be reached: why. Please check the network if this lasts.",
        ),
        ("dry run: nothing was sent", "dry run: nothing was sent"),
    ],
)
def test_a_command_that_sends_nothing_does_not_say_that_nothing_was_sent(message: str, said: str) -> None:
    assert without_nothing_sent(message) == said


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (-1795961109.0, "56 years behind"),
        (3 * 86400.0, "3 days ahead of"),
        (-1200.0, "20 min behind"),
        (0.0, "0 s behind"),
    ],
)
def test_a_clock_is_compared_in_words_that_a_person_uses(ahead: float, words: str) -> None:
    assert clock_words(ahead) == words
