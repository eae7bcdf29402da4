"""What somebody may have meant who typed a word that ifcbscan does not know. Says it, and does nothing of it."""

from __future__ import annotations

import difflib
from typing import Iterable, Sequence

#: How like a word must be to one that is known.
_ALIKE = 0.6

#: Words of other programs for what is a command here.
_MEANING = {
    "scan": "once",
    "run": "once",
    "send": "sync",
    "upload": "sync",
    "push": "sync",
    "install": "start",
    "enable": "start",
    "schedule": "start",
    "uninstall": "stop",
    "remove": "stop",
    "disable": "stop",
    "series": "list",
    "ls": "list",
    "test": "check",
    "doctor": "check",
    "compare": "verify",
    "page": "report",
}


def of_command(word: str, commands: Iterable[str]) -> str:
    """A sentence for a first word that is no command; "" if nothing is like it."""
    known = list(commands)
    if "/" in word or "\\" in word:
        return "A command comes first, then the folder: 'ifcbscan sync DIR TIME_SERIES'."
    meant = _MEANING.get(word.lower()) or _nearest(word.lower(), known)
    return f"Did you mean '{meant}'?" if meant in known else ""


def of_words(left_over: Sequence[str], options: Iterable[str]) -> str:
    """A sentence for words that a command does not know; "" if nothing comes to mind."""
    first = left_over[0]
    if not first.startswith("-"):
        return 'Quote a name that has spaces, as in "/data/my ifcb".'
    meant = _nearest(first.partition("=")[0], options)
    return f"Did you mean {meant}?" if meant else ""


def _nearest(word: str, known: Iterable[str]) -> str:
    return next(iter(difflib.get_close_matches(word, list(known), 1, _ALIKE)), "")
