"""Looks for secrets where none may be: in what a test's programs have printed, and in the files that they left.

`tests/conftest.py` does this after every test, so that each failure that some test provokes is also a
test of what is said about it.
"""

from __future__ import annotations

import os
import re
import zipfile
from pathlib import Path
from typing import Iterable, Iterator

from support.servers import S3Server

_SECRET = re.compile(r"^\s*(?:AWS_SECRET_ACCESS_KEY|AWS_SESSION_TOKEN)\s*=\s*(.*?)\s*$", re.MULTILINE)
_IN_AN_ADDRESS = re.compile(r"^\s*\w+_URL\s*=\s*['\"]?\w+://[^\s:/@]*:(\S+)@", re.MULTILINE)
_DATA = (".roi", ".adc", ".hdr", ".py", ".pyc", ".so", ".png", ".gz", ".whl", ".pyz")
_MOST_FILES = 3000
_LARGEST = 5000000
_SHORTEST_SECRET = 12  # anything shorter is a test's stand-in and may be a word of the language


def secrets_of(folder: Path) -> set[str]:
    """The secrets of the test servers, and those in the configuration files below `folder`, also in addresses."""
    found = {S3Server.secret_key}
    for path in _files(folder):
        if _is_configuration(path):
            text = _content(path).decode("utf-8", "replace").replace("\0", "")
            found.update(value.strip("'\"") for value in _SECRET.findall(text))
            found.update(_IN_AN_ADDRESS.findall(text))
    return {secret for secret in found if len(secret) >= _SHORTEST_SECRET and "your" not in secret}


def told(text: str, secrets: Iterable[str]) -> list[str]:
    """The secrets that `text` gives away."""
    return [secret for secret in secrets if secret in text]


def leaks(folder: Path) -> list[str]:
    """The files below `folder`, other than configuration files, that hold a secret."""
    secrets = [
        form
        for secret in secrets_of(folder)
        # a task's XML is UTF-16
        for form in (secret.encode("utf-8"), secret.encode("utf-16-le"))
    ]
    return [
        str(path)
        for path in _files(folder)
        if not _is_configuration(path)
        and any(secret in content for content in _contents(path) for secret in secrets)
    ]


def _contents(path: Path) -> Iterator[bytes]:
    """The content of a file; of a zip also the names and the content of what is in it."""
    yield _content(path)
    if path.suffix == ".zip" and zipfile.is_zipfile(str(path)):
        with zipfile.ZipFile(str(path)) as archive:
            for name in archive.namelist():
                yield name.encode("utf-8")
                yield archive.read(name)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # gone meanwhile, or held by another process (Windows)
        return b""


def _is_configuration(path: Path) -> bool:
    return ".env" in path.name or path.suffix == ".env"


def _files(folder: Path) -> Iterator[Path]:
    count = 0
    for root, folders, names in os.walk(str(folder)):
        folders[:] = [name for name in folders if name not in ("site-packages", ".git", "shared")]
        for name in names:
            path = Path(root, name)
            if name.endswith(_DATA) or path.is_symlink() or not path.is_file():
                continue
            count += 1
            if count > _MOST_FILES:
                return
            try:
                if path.stat().st_size <= _LARGEST and os.access(str(path), os.R_OK):
                    yield path
            except OSError:
                continue
