"""Trying again: how often, after which pauses, and when not."""

from __future__ import annotations

import threading
from typing import Callable

import pytest

from ifcbscan.clock import Clock
from ifcbscan.s3.retry import ATTEMPTS, LONGEST_PAUSE, Retries
from ifcbscan.s3.transport import PassingError


class NoWaiting(Clock):
    """Writes the pauses down, with the event that would end each."""

    def __init__(self) -> None:
        self.pauses: list[float] = []
        self.unless: list[threading.Event] = []

    def sleep(self, seconds: float, unless: threading.Event) -> None:
        self.pauses.append(seconds)
        self.unless.append(unless)


class Failing:
    """Fails so often, then answers."""

    def __init__(
        self, times: int, error: Callable[[], Exception] = lambda: PassingError("busy", False)
    ) -> None:
        self.times = times
        self.error = error
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.times:
            raise self.error()
        return "answer"


def retries(clock: Clock, too_late: Callable[[], bool] = lambda: False) -> Retries:
    return Retries(clock, threading.Event(), too_late)


@pytest.mark.parametrize("times", range(ATTEMPTS))
def test_it_is_tried_until_it_works_with_a_pause_before_each_further_try(times: int) -> None:
    clock, attempt = NoWaiting(), Failing(times)
    assert retries(clock).call(attempt) == "answer"
    assert attempt.calls == times + 1 and len(clock.pauses) == times


def test_after_the_last_try_its_error_is_raised_as_it_is() -> None:
    clock, attempt = NoWaiting(), Failing(ATTEMPTS)
    with pytest.raises(PassingError, match="busy"):
        retries(clock).call(attempt)
    assert attempt.calls == ATTEMPTS and len(clock.pauses) == ATTEMPTS - 1


@pytest.mark.parametrize("times", [1, 2])
def test_an_error_that_will_not_pass_is_not_tried_again(times: int) -> None:
    errors = iter([PassingError("busy", False)] * (times - 1) + [KeyError("refused")])
    attempt = Failing(ATTEMPTS, lambda: next(errors))
    with pytest.raises(KeyError):
        retries(NoWaiting()).call(attempt)
    assert attempt.calls == times


@pytest.mark.parametrize("tries", [1, 2, 3])
def test_nothing_is_tried_again_once_it_is_too_late(tries: int) -> None:
    attempt = Failing(ATTEMPTS)
    with pytest.raises(PassingError):
        retries(NoWaiting(), lambda: attempt.calls >= tries).call(attempt)
    assert attempt.calls == tries


def test_pauses_are_random_and_short_at_first_and_can_be_ended() -> None:
    longest = [0.0] * (ATTEMPTS - 1)
    for _ in range(200):
        clock, cancelled = NoWaiting(), threading.Event()
        with pytest.raises(PassingError):
            Retries(clock, cancelled, lambda: False).call(Failing(ATTEMPTS))
        longest = list(map(max, longest, clock.pauses))
        assert set(clock.unless) == {cancelled}
        assert min(clock.pauses) >= 0
    for number, most in enumerate(longest):
        bound = min(LONGEST_PAUSE, 0.5 * 2 ** max(0, number - 1))
        assert 0.7 * bound < most <= bound
