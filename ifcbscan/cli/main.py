"""`main`: from arguments to an exit code. Which module carries out a command is said here; what it does, there."""

from __future__ import annotations

import importlib
import sys
from argparse import Namespace
from typing import Any, NamedTuple, Sequence

from ifcbscan.cli.log import close_log, log_trouble, logger, open_log, was_opened
from ifcbscan.cli.options import parse
from ifcbscan.cli.output import make_streams_forgiving, say
from ifcbscan.cli.signals import Interruption
from ifcbscan.errors import ExitCode, Interrupted, UsageError


class Command(NamedTuple):
    """One command: its module in cli/commands, the function in cli/ that reads its options, whether it may send files.

    Both are loaded when they are needed, because the every-minute scan must start quickly.
    """

    module: str
    reader: str
    sends: bool = False

    def arguments(self, words: Namespace) -> Any:
        """The record of its options. Raises UsageError and ConfigError."""
        module, _, function = self.reader.partition(".")
        return getattr(importlib.import_module("ifcbscan.cli." + module), function)(words)

    def run(self, arguments: Any, interruption: Interruption) -> int:
        """Carry it out; returns an exit code."""
        module = importlib.import_module("ifcbscan.cli.commands." + self.module)
        interruption.install()
        code: int = module.run(arguments, interruption)
        return code


COMMANDS = {
    "once": Command("once", "options.scan_arguments", sends=True),
    "sync": Command("once", "options.scan_arguments", sends=True),
    "setup": Command("setup", "more_options.setup_arguments"),
    "start": Command("start", "more_options.start_arguments", sends=True),
    "stop": Command("stop", "more_options.stop_arguments"),
    "status": Command("status", "more_options.status_arguments"),
    "list": Command("list", "more_options.list_arguments"),
    "check": Command("check", "more_options.check_arguments"),
    "verify": Command("verify", "more_options.verify_arguments"),
    "report": Command("report", "more_options.report_arguments"),
    "demo": Command("demo", "more_options.demo_arguments"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. No traceback reaches the user."""
    make_streams_forgiving()
    open_log(None)
    given = sys.argv[1:] if argv is None else argv
    words = _parse(given)
    command = COMMANDS[words.command]
    interruption = Interruption()
    quiet = getattr(words, "quiet", False)  # some commands have no such option
    try:
        return _with_log_trouble(command.run(_arguments(command, words), interruption), quiet)
    except (Exception, KeyboardInterrupt) as error:
        if command.module == "once" and isinstance(error, Exception):
            from ifcbscan.cli import before_scan

            before_scan.tell(given, error)
        if isinstance(error, Interrupted):
            # Whoever looks at the request to end does not know which signal it was.
            return _end(Interrupted(interruption.exit_code), command.sends, quiet)
        return _end(error, command.sends, quiet)
    finally:
        interruption.finish()
        close_log()


def _parse(given: Sequence[str]) -> Namespace:
    """The words of the command line. Those of a schedule's entry that cannot be understood are told to who watches the job."""
    try:
        return parse(given)
    except SystemExit as refused:
        line = getattr(refused, "line", "")
        if line:
            from ifcbscan.cli import before_scan

            before_scan.tell(given, UsageError(line))
            close_log()
        raise


def _with_log_trouble(code: int, quiet: bool) -> int:
    """The exit code of a command that has done what it should, no longer 0 if its log could not be written.

    A scan has told it already, in its report, and so has every command whose log could not even be opened.
    """
    trouble = log_trouble()
    if trouble is None or code != ExitCode.DONE:
        return code
    if not quiet and was_opened():
        say(f"  warning: {trouble}")
    return ExitCode.PARTLY_FAILED


def _arguments(command: Command, words: Namespace) -> Any:
    """The record of the command. What is wrong with an option belongs into the log, too."""
    try:
        return command.arguments(words)
    except Exception:
        from ifcbscan.cli.job import open_log_for_an_error

        open_log_for_an_error(getattr(words, "log_file", None))
        raise


def _end(error: BaseException, sends: bool, quiet: bool) -> int:
    """Tell why a command ends; returns the exit code."""
    from ifcbscan.cli.endings import ending_of

    ending = ending_of(error, sends)
    if not (ending.minor and quiet):
        say("ifcbscan: " + ending.line)
    if ending.log:
        logger.error("%s", ending.line)
    return ending.exit_code
