"""The `.env` file as a file: which one is meant, its text, its lines, one value of it. What the values mean, `config` says."""

from __future__ import annotations

import contextlib
import os
import re
from typing import Mapping

from ifcbscan.atomic import read_small
from ifcbscan.errors import ConfigError

_LINE_END = re.compile(r"\r\n|\n|\r")


def user_env_file() -> str:
    """Where the configuration lies if neither `--env-file` nor the current folder has one."""
    import platformdirs

    return os.path.join(platformdirs.user_config_dir("ifcbscan", appauthor=False), ".env")


def find_env_file(named: str | None, folder: str | None) -> str | None:
    """The `.env` file to use (absolute), or None. Raises ConfigError if the one named is not there.

    `named`: the one that `--env-file` names (absolute). `folder`: the current folder, None if it has been deleted.
    """
    if named is not None:
        if not os.path.isfile(named):
            raise ConfigError(
                f"--env-file: there is no file {named}. Nothing was sent. Correct the path, or let 'ifcbscan setup' with that "
                "--env-file make it."
            )
        return named
    in_folder = [] if folder is None else [os.path.join(folder, ".env")]
    for candidate in (*in_folder, user_env_file()):
        if os.path.isfile(candidate):
            return os.path.abspath(candidate)
    return None


def text_of(path: str) -> str:
    """The text of the file, however an editor has written it. Raises ConfigError."""
    try:
        raw = read_small(path)
        # Notepad writes a byte-order mark; PowerShell's `>` writes UTF-16.
        encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        return raw.decode(encoding)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}. Nothing was sent.") from None
    except UnicodeDecodeError:
        raise ConfigError(
            f"{path} is not a text file in UTF-8. Nothing was sent. Please save it as UTF-8."
        ) from None


def values_of(path: str, text: str) -> dict[str, str]:
    """The values of `text` by their names, whatever they are. `path` is named in messages. Raises ConfigError."""
    import io

    # Not dotenv_values: it goes on after a line that it cannot parse, and only logs that. Neither does this
    # interpolate: a secret may hold a dollar sign.
    from dotenv.parser import parse_stream

    values = {}
    for binding in parse_stream(io.StringIO(text)):
        if binding.error:
            original = binding.original
            empty = original.string[: -len(original.string.lstrip())]
            line = original.line + len(_LINE_END.findall(empty))
            raise ConfigError(
                f"{path}, line {line}, cannot be understood (no NAME=VALUE, or a quotation mark that does not end?). "
                "Nothing was sent."
            )
        if binding.key is not None:
            values[binding.key] = binding.value or ""
    return values


def value_of(name: str, environ: Mapping[str, str], named: str | None, folder: str | None) -> str | None:
    """One value of the settings, of which the rest may be wrong; None if there is none or it cannot be read.

    `named` and `folder` as for `find_env_file`.
    """
    value = environ.get(name)
    with contextlib.suppress(ConfigError):
        path = find_env_file(named, folder)
        if path is not None:
            # Each line by itself: one that cannot be parsed must not hide the others.
            for line in re.split(r"[\r\n]+", text_of(path)):
                with contextlib.suppress(ConfigError):
                    value = values_of(path, line).get(name, value)
    return value or None
