"""`main`: from arguments to an exit code. Which module carries out a command is said here; what it does, there."""

from __future__ import annotations

import importlib
import sys
from argparse import Namespace
from typing import Any, NamedTuple, Sequence

from ifcbscan.cli.log import close_log, logger, open_log
from ifcbscan.cli.options import parse
from ifcbscan.cli.output import make_streams_forgiving, say
from ifcbscan.cli.signals import Interruption
from ifcbscan.errors import Interrupted


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
    words = parse(sys.argv[1:] if argv is None else argv)
    command = COMMANDS[words.command]
    interruption = Interruption()
    quiet = getattr(words, "quiet", False)  # some commands have no such option
    try:
        return command.run(_arguments(command, words), interruption)
    except (Exception, KeyboardInterrupt) as error:
        if isinstance(error, Interrupted):
            # Whoever looks at the request to end does not know which signal it was.
            return _end(Interrupted(interruption.exit_code), command.sends, quiet)
        return _end(error, command.sends, quiet)
    finally:
        interruption.finish()
        close_log()


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
