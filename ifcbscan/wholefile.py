"""Replacing a file in one step, so that nobody ever reads half of it."""

from __future__ import annotations

import contextlib
import errno
import os
import threading


def replace_file(path: str, content: bytes) -> None:
    """Make `content` the whole content of the file. Raises OSError; then the file is what it was.

    A link stays a link: what it leads to is replaced. A device (/dev/null, /dev/stdout) or a folder is refused.
    """
    path = os.path.realpath(path)
    if os.path.exists(path) and not os.path.isfile(path):
        raise OSError(errno.EINVAL, "it is no plain file")
    beside = f"{path}.{os.getpid()}.{threading.get_ident()}.part"  # on the same disk, so that it can take its place
    try:
        with open(beside, "wb") as file:
            file.write(content)
        os.replace(beside, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise
