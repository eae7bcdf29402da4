"""`python -m ifcbscan`, and what the `ifcbscan` command runs.

Loads nothing before `run` has set up what happens at a signal, so that Ctrl-C during the first tenth of a second ends the
program in silence or with a line, like later ones. Only what Python does before its first line here stays as it is.
"""

import os

try:
    import signal
except KeyboardInterrupt:  # loading it takes a millisecond where nothing else has done so before
    os._exit(130)


def run() -> None:
    """Run the command line and end the process with its exit code."""
    try:
        signal.signal(signal.SIGINT, _end_at_once)
        signal.signal(signal.SIGTERM, _end_at_once)
    except KeyboardInterrupt:  # before the first of them has taken effect
        _end_at_once(signal.SIGINT, None)
    import gc

    # What a run makes by the hundred thousand (files, listed objects) holds no cycles. Looking for some after
    # every 700 of them, Python's default, took up to a fifth of the CPU time of a full run.
    gc.set_threshold(50000, 20, 50)
    code = _code()
    _flush()
    # All that matters has been reported and closed. Taking the interpreter down in order would cost a quiet
    # run a fifth of its CPU time, and after an interruption wait for threads that wait for an answer.
    os._exit(code)


def _end_at_once(number: int, _frame: object) -> None:
    """Until a command begins, nothing has been done that would have to be ended in order.

    An exception raised here could come up in the middle of an import, whose own clean-up would print it.
    """
    try:  # noqa: SIM105 (contextlib may not be loaded yet)
        os.write(2, b"ifcbscan: interrupted; nothing was changed.\n")
    except OSError:
        pass
    os._exit(128 + number)


def _code() -> int:
    from ifcbscan.cli.main import main
    from ifcbscan.errors import Interrupted

    try:
        return main()
    except Interrupted as error:  # while the end of the command was being told
        return error.exit_code


def _flush() -> None:
    import contextlib
    import sys

    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, AttributeError):  # closed; pythonw.exe has none
            stream.flush()


if __name__ == "__main__":
    try:
        run()
    except KeyboardInterrupt:  # as it was being called
        _end_at_once(signal.SIGINT, None)
