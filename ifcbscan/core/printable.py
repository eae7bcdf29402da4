"""Text from outside as it may be shown: on a terminal, in the log, on the page, in a label.

Names of files and folders, what servers answer, values of the environment: any of them may hold what forges a
line, steers a terminal or turns the direction of writing round. Whatever prints text passes it through here;
there is no second function of this kind.
"""

from __future__ import annotations

import re
from typing import Sequence

# Not //\S*@, which takes time in the square of the length where many slashes and no @ come.
_ADDRESS = re.compile(r"//(\S*)")

#: So many problems or warnings are told one by one; a thousand lines help nobody. JSON holds them all.
NAMED_AT_MOST = 20


def printable(text: str) -> str:
    r"""`text` as one line: `\x1b`, `\n`, `\u202e` in the place of what is no visible character or space.

    Printable is what `str.isprintable` says: no control character, line or paragraph separator, direction mark,
    or character of no width. A byte of a file name that is no UTF-8 (Python holds it as a lone surrogate) is
    written as `\udce9`, as `--json` does, so that the result can be encoded.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def without_password(text: str) -> str:
    """A text with the names and passwords of its addresses left out: `https://me:secret@host` as `https://host`.

    A password may hold @ and /.
    """
    return _ADDRESS.sub(lambda found: "//" + found.group(1).rpartition("@")[2], text)


def brief(text: object, most: int = 200) -> str:
    """At most `most` characters of what somebody else has written, as one line without superfluous spaces and without
    the passwords of addresses (a proxy's is in the errors of the libraries)."""
    return printable(" ".join(without_password(str(text)).split()))[:most]


def named(texts: Sequence[str], rest: str, most: int = NAMED_AT_MOST) -> list[str]:
    """The first `most` of `texts`; if two or more are left, then `rest` with their number in the place of {}."""
    if len(texts) == most + 1:
        most += 1  # it takes no more room than the line about it
    shown = list(texts[:most])
    if len(texts) > most:
        shown.append(rest.format(f"{len(texts) - most:,}"))
    return shown
