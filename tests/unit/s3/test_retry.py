"""Trying again: how often, after which pauses, and when not."""

from __future__ import annotations

import contextlib
import threading
from typing import Callable

import pytest

from ifcbscan.clock import Clock
from ifcbscan.errors import BucketUnreachable, FileChanged, LocalFileProblem
from ifcbscan.s3.retry import ATTEMPTS, LONGEST_PAUSE, Patience, Retries
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


class Stopwatch(Clock):
    """Its time passes with the pauses alone."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float, unless: threading.Event) -> None:
        self.now += seconds


class Server:
    """Answers but while it is away, which it is from the moment `gone` for so many seconds."""

    def __init__(self, clock: Stopwatch, seconds: float) -> None:
        self.clock = clock
        self.gone = clock.now
        self.back = clock.now + seconds
        self.tries: list[float] = []

    def __call__(self) -> str:
        self.tries.append(self.clock.now)
        if self.gone <= self.clock.now < self.back:
            raise PassingError("Connection refused", False)
        return "answer"


def patient(clock: Stopwatch, told: list[str]) -> Retries:
    """Waits for a minute for a server that has answered before."""
    found = retries(clock)
    found.patience = Patience(60.0, lambda error: told.append(str(error)))
    assert found.call(lambda: "answer") == "answer"
    return found


@pytest.mark.parametrize("seconds", [10.0, 30.0, 59.0])
def test_with_patience_a_server_that_starts_anew_is_waited_for_and_that_is_told_once(seconds: float) -> None:
    for _ in range(50):
        clock = Stopwatch()
        told: list[str] = []
        tries, server = patient(clock, told), Server(clock, seconds)
        assert tries.call(server) == "answer"
        assert told == ["Connection refused"]
        server.gone, server.back = clock.now, clock.now + seconds
        assert tries.call(server) == "answer"
        assert told == ["Connection refused"]


def test_a_server_that_stays_away_costs_a_minute_and_only_once() -> None:
    for _ in range(50):
        clock = Stopwatch()
        told: list[str] = []
        tries, server = patient(clock, told), Server(clock, 1e6)
        with pytest.raises(PassingError):
            tries.call(server)
        assert 60 <= clock.now - server.gone <= 60.2
        assert ATTEMPTS < len(server.tries) < 40
        server.tries.clear()
        with pytest.raises(PassingError):  # the next bin, or another thread
            tries.call(server)
        assert len(server.tries) == ATTEMPTS


def test_one_that_has_never_answered_gets_the_usual_tries() -> None:
    clock = Stopwatch()
    told: list[str] = []
    tries, server = retries(clock), Server(clock, 1e6)
    tries.patience = Patience(60.0, lambda error: told.append(str(error)))
    with pytest.raises(PassingError):
        tries.call(server)
    assert len(server.tries) == ATTEMPTS and told == []


@pytest.mark.parametrize("problem", [FileChanged("it became shorter"), LocalFileProblem("no such file")])
def test_a_file_that_cannot_be_read_is_no_answer_of_the_server(problem: Exception) -> None:
    def unread() -> str:
        raise problem

    clock = Stopwatch()
    told: list[str] = []
    tries, server = retries(clock), Server(clock, 1e6)
    tries.patience = Patience(60.0, lambda error: told.append(str(error)))
    with pytest.raises(type(problem)):
        tries.call(unread)
    with pytest.raises(PassingError):
        tries.call(server)
    assert len(server.tries) == ATTEMPTS and told == []


class NoSuchObject(Exception):
    pass


def nothing_there() -> str:
    raise NoSuchObject()


@pytest.mark.parametrize("other", [lambda: "answer", nothing_there])
def test_one_that_answers_others_meanwhile_gets_the_usual_tries(other: Callable[[], str]) -> None:
    clock = Stopwatch()
    told: list[str] = []
    tries = patient(clock, told)
    calls: list[float] = []

    def cut_off() -> str:
        calls.append(clock.now)
        clock.now += 1
        with contextlib.suppress(NoSuchObject):
            tries.call(other)
        clock.now += 1
        raise PassingError("reset", True)

    with pytest.raises(PassingError):
        tries.call(cut_off)
    assert len(calls) == ATTEMPTS and told == []


def test_patience_ends_once_it_is_too_late() -> None:
    clock = Stopwatch()
    told: list[str] = []
    server = Server(clock, 1e6)
    tries = retries(clock, lambda: clock.now > server.gone + 20)
    tries.patience = Patience(60.0, lambda error: told.append(str(error)))
    assert tries.call(lambda: "answer") == "answer"
    with pytest.raises(PassingError):
        tries.call(server)
    assert clock.now - server.gone <= 20 + LONGEST_PAUSE


def test_the_end_of_a_run_is_no_answer_of_the_server() -> None:
    """A request may ask another one first: that this one was given up does not mean that the server is there."""
    clock = Stopwatch()
    told: list[str] = []
    tries, server = patient(clock, told), Server(clock, 1e6)

    def given_up() -> str:
        raise BucketUnreachable("gone")

    with pytest.raises(PassingError):
        tries.call(server)
    with pytest.raises(BucketUnreachable):
        tries.call(given_up)
    server.tries.clear()
    with pytest.raises(PassingError):
        tries.call(server)
    assert len(server.tries) == ATTEMPTS
