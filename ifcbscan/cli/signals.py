"""SIGINT and SIGTERM: the run ends soon, in order, and with the exit code of the signal."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from typing import Any, Iterator

from ifcbscan.errors import ExitCode, Interrupted


class Interruption:
    """Turns signals into `Interrupted`, or, where a run keeps counts, into a flag that it looks at."""

    def __init__(self) -> None:
        self.requested = threading.Event()
        self.exit_code = ExitCode.INTERRUPTED
        self._deferred = False

    def install(self) -> None:
        """Handle signals from now on. A second signal of the same kind ends the process at once."""
        _print_no_interruption()
        signal.signal(signal.SIGINT, self._handle)
        signal.signal(signal.SIGTERM, self._handle)

    def finish(self) -> None:
        """The command has ended, and its exit code stands: from now on a signal only sets `requested`."""
        self._deferred = True

    def _handle(self, number: int, _frame: Any | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        self.exit_code = ExitCode.INTERRUPTED if number == signal.SIGINT else ExitCode.TERMINATED
        self.requested.set()
        if not self._deferred:
            raise Interrupted(self.exit_code)

    @contextlib.contextmanager
    def deferred(self) -> Iterator[None]:
        """Within it a signal only sets `requested`; at its end `Interrupted` is not raised."""
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False


def _print_no_interruption() -> None:
    """Keep Python from printing an `Interrupted` that came up where nobody could catch it.

    That is in a destructor or a weak reference's callback, of which imports have many. `requested` is set all the same.
    Python 3.7 knows no such hook, and prints.
    """
    usual = getattr(sys, "unraisablehook", None)
    if usual is None:
        return

    def hook(unraisable: Any) -> None:
        if not isinstance(unraisable.exc_value, Interrupted):
            usual(unraisable)

    sys.unraisablehook = hook
