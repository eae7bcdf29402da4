"""Questions to a person at a terminal. An answer is checked at once, and asked for again if it is not good.

Each question can be answered beforehand, by an option or by what is known already; without a terminal it must be.
"""

from __future__ import annotations

import sys
from types import MappingProxyType
from typing import Callable, Mapping, NamedTuple, TypeVar

from ifcbscan.cli import output
from ifcbscan.core.words import without_nothing_sent
from ifcbscan.errors import IfcbscanError, Interrupted, UsageError

_T = TypeVar("_T")


class Question(NamedTuple):
    """What is asked, which option answers it beforehand, what that has said (None: nothing), and what is known already.

    `choices`: what may be typed for some answers, such as their numbers in a list; nowhere else it means them.
    """

    text: str
    option: str
    given: str | None = None
    known: str | None = None
    secret: bool = False
    choices: Mapping[str, str] = MappingProxyType({})


class Questions:
    """Asks, or goes by what was given and is known where nobody is to be asked."""

    def __init__(self, silent: bool) -> None:
        """`silent`: ask nothing, though there may be a terminal."""
        self.asks = not silent and sys.stdin.isatty() and sys.stderr.isatty()

    def answer(self, question: Question, check: Callable[[str], _T]) -> _T:
        """What `check` makes of the answer. Raises its error if nobody can be asked for another; Interrupted."""
        given = question.given is not None or not self.asks
        text = self._beforehand(question) if given else self._read(question)
        while True:
            try:
                return check(text)
            except IfcbscanError as error:
                self.refuse(error)
            text = self._read(question)

    def refuse(self, error: IfcbscanError) -> None:
        """Say why an answer is not good; raise the error where nobody can give another one."""
        if not self.asks:
            raise error
        output.say(f"  {without_nothing_sent(str(error))}")

    def yes(self, text: str, usual: bool, unasked: bool) -> bool:
        """A question for yes or no; `usual` is what Enter says, `unasked` what holds if nobody is asked."""
        if not self.asks:
            return unasked
        answer = _line(f"{text} [{'Y/n' if usual else 'y/N'}] ").lower()
        return answer in ("y", "yes") if answer else usual

    @staticmethod
    def _beforehand(question: Question) -> str:
        text = question.known if question.given is None else question.given
        if text is None:
            raise UsageError(
                f"{question.text}: nobody can be asked here, so please give {question.option}. At a terminal 'ifcbscan setup' "
                "asks for it."
            )
        return text.strip()

    @staticmethod
    def _read(question: Question) -> str:
        if not question.secret:
            typed = _line(f"{question.text}{f' [{question.known}]' if question.known else ''}: ")
            return question.choices.get(typed, typed) or question.known or ""
        import getpass

        kept = " [Enter keeps the one that is there]" if question.known else ""
        try:
            typed = getpass.getpass(f"{question.text} (is not shown){kept}: ", sys.stderr).strip()
            return typed or question.known or ""
        except EOFError:
            raise _ended() from None


def typed_line() -> str:
    """What a person types up to Enter, with that; "" at the end of the input. What is no text is as if nothing had been typed."""
    try:
        return sys.stdin.readline()
    except UnicodeDecodeError:
        return "\n"


def _line(prompt: str) -> str:
    output.prompt(prompt)
    try:
        line = typed_line()
    except Interrupted:
        output.say("")
        raise
    if not line:
        output.say("")
        raise _ended()
    return line.strip()


def _ended() -> UsageError:
    return UsageError("The answers ended.")
