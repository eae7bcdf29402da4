"""The text of a settings file with other values in it. Pure, but for the template, which is read from the package.

Apart from env_file.py, which every scan loads: only `ifcbscan setup` changes settings.
"""

from __future__ import annotations

import io
import pkgutil
import re
from typing import Mapping

from dotenv.parser import parse_stream

#: A value that can stand there as it is; any other is put into quotation marks.
_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+=,~-]*")

# Of a line as the parser gives it, which is with the empty lines before it.
_EXAMPLE = re.compile(r"\s*#[ \t]*([A-Z0-9_]+)=[^\r\n]*(?:\r\n|\n|\r)?")
_BEFORE = re.compile(r"\s*(?:export\s+)?")
_COMMENT = re.compile(r"[ \t]+#(?=([^\r\n]*)(?:\r\n|\n|\r)?\Z)")


def template() -> str:
    """The settings file as it comes: every setting with what it is for, and placeholders for the three that must be there."""
    return (pkgutil.get_data("ifcbscan", "template.env") or b"").decode("utf-8")  # in a single file, too


def with_values(text: str, values: Mapping[str, str]) -> str:
    """`text` with these values, and everything else in it as it was: comments, other names, the order, the line ends.

    A value takes the place of the one that was there, else of its commented example (`#NAME=...`), else it is added at the
    end. A value must have no line end, and `text` no line that cannot be understood.
    """
    bindings = list(parse_stream(io.StringIO(text)))
    to_add = {name: value for name, value in values.items() if all(name != found.key for found in bindings)}
    line_end = "\r\n" if "\r\n" in text else "\n"
    parts = []
    for binding in bindings:
        original = binding.original.string
        name, comment = binding.key, ""
        if name is None:
            example = _EXAMPLE.fullmatch(original)
            name = example.group(1) if example and example.group(1) in to_add else None
            to_add.pop(name or "", None)
        elif values.get(name):  # behind an empty value some readers would take it for the value
            comment = _comment(original, binding.value)
        if name is not None and name in values:
            before = _BEFORE.match(original)
            parts.append(f"{before.group() if before else ''}{_line(name, values[name])}{comment}{line_end}")
        else:
            parts.append(original)
    if to_add and parts and not parts[-1].endswith(("\n", "\r")):
        parts.append(line_end)
    return "".join([*parts, *(_line(name, value) + line_end for name, value in to_add.items())])


def _comment(line: str, value: str | None) -> str:
    """What stands behind the value and can be left out without changing it: a value, too, may have number signs in it."""
    for found in _COMMENT.finditer(line):
        without = list(parse_stream(io.StringIO(line[: found.start()])))
        if len(without) == 1 and not without[0].error and without[0].value == value:
            return found.group() + found.group(1)
    return ""


def _line(name: str, value: str) -> str:
    """In the way that most readers of such files understand alike: quotation marks and backslashes are where they differ."""
    if _PLAIN.fullmatch(value):
        return f"{name}={value}"
    if not re.search(r"['\\]", value):
        return f"{name}='{value}'"
    if not re.search(r"^['\"\s]|\s#|\s$", value):
        return f"{name}={value}"
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"{name}='{escaped}'"
