"""Commands: from arguments to an exit code. The one place where exceptions become exit codes."""

from __future__ import annotations

import importlib
import os
import sys
from argparse import Namespace
from typing import Sequence

from ifcbscan.cli.signals import Interruption
from ifcbscan.cli.targets import current_folder
from ifcbscan.errors import AlreadyRunning, ExitCode, IfcbscanError, Interrupted


def arguments(argv: Sequence[str]) -> list[str]:
    """`argv` with `--once`, wherever it stands, turned into the command `once`."""
    given = list(argv)
    before_dashes = given[: given.index("--")] if "--" in given else given
    if "--once" not in before_dashes:
        return given
    given.remove("--once")
    return ["once"] + given


def parse(argv: Sequence[str]) -> Namespace:
    """The options of a command line. Exits with 2 and a usage line if it cannot be understood."""
    from ifcbscan.cli import parser

    built = parser.build_parser()
    if "_ARGCOMPLETE" in os.environ:  # a shell asks what could come next, see docs/completion.md
        import argcomplete

        argcomplete.autocomplete(built)
    options, left_over = built.parse_known_args(arguments(argv))
    half = getattr(options, "directory", None) and not getattr(options, "time_series", "")
    if half and left_over:
        # argparse fills optional words only where they stand side by side: DIR --json TIME_SERIES
        options.time_series = left_over.pop(0) if not left_over[0].startswith("-") else None
    if left_over:
        built.prog = f"ifcbscan {options.command or ''}".rstrip()
        built.error("unrecognized arguments: {}".format(" ".join(left_over)))
    if options.command is None:
        built.print_help()
        raise SystemExit(ExitCode.USAGE)
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. No traceback reaches the user."""
    from ifcbscan.cli import output

    output.make_streams_forgiving()
    output.open_log(None)
    options = parse(sys.argv[1:] if argv is None else argv)
    interruption = Interruption()
    try:
        command = importlib.import_module("ifcbscan.cli.commands." + options.command)
        interruption.install()
        code: int = command.run(options, interruption)
        return code
    except (Interrupted, KeyboardInterrupt):
        sends = options.command in ("once", "sync", "start")
        rest = "; what was not sent is sent by the next run." if sends else "; nothing was changed."
        output.say("ifcbscan: interrupted" + rest)
        return interruption.exit_code
    except AlreadyRunning as error:
        if error.stalled or not getattr(options, "quiet", False):
            output.say("ifcbscan: " + str(error))
        return error.exit_code
    except IfcbscanError as error:
        output.say_error(str(error), logged=error.logged)
        return error.exit_code
    except Exception as error:
        if isinstance(error, FileNotFoundError) and current_folder() is None:
            output.say_error(
                "The current folder has been deleted, and this cannot be done from there. Nothing local was changed. Change "
                "into another folder and try again."
            )
            return ExitCode.USAGE
        output.say_error(_unexpected(error))
        return ExitCode.UNEXPECTED
    finally:
        interruption.finish()
        output.close_log()


def _unexpected(error: Exception) -> str:
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    where = f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else "?"
    return (
        f"unexpected error: {type(error).__name__}: {error} ({where}). Nothing local was changed, and nothing in the archive was deleted; the next "
        "run starts afresh. If it happens again, please report this line."
    )
