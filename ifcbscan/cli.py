"""Commands: from arguments to an exit code. The one place where exceptions become exit codes."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from typing import Callable, Sequence

from ifcbscan import config as configuration
from ifcbscan.config import Config
from ifcbscan.errors import AlreadyRunning, ExitCode, IfcbscanError, Interrupted, UsageError
from ifcbscan.interruption import Interruption


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
    from ifcbscan import parser

    built = parser.build_parser()
    options, left_over = built.parse_known_args(arguments(argv))
    if options.command == "once" and options.directory and not options.time_series and left_over:
        # argparse fills optional words only where they stand side by side: DIR --json TIME_SERIES
        options.time_series = left_over.pop(0) if not left_over[0].startswith("-") else None
    if left_over:
        built.error("unrecognized arguments: {}".format(" ".join(left_over)))
    if options.command is None:
        built.print_help()
        raise SystemExit(ExitCode.USAGE)
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. No traceback reaches the user."""
    from ifcbscan import console

    console.make_streams_forgiving()
    options = parse(sys.argv[1:] if argv is None else argv)
    interruption = Interruption()
    interruption.install()
    try:
        return _COMMANDS[options.command](options, interruption)
    except (Interrupted, KeyboardInterrupt):
        console.say("ifcbscan: interrupted; what was not sent is sent by the next run.")
        return interruption.exit_code
    except AlreadyRunning as error:
        if not getattr(options, "quiet", False):
            console.say("ifcbscan: " + str(error))
        return error.exit_code
    except IfcbscanError as error:
        console.say_error(str(error))
        return error.exit_code
    except Exception as error:
        console.say_error(_unexpected(error))
        return ExitCode.UNEXPECTED
    finally:
        console.close_log()


def _unexpected(error: Exception) -> str:
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    where = f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else "?"
    return (
        f"unexpected error: {type(error).__name__}: {error} ({where}). Nothing local was changed, and nothing in the archive was deleted; the next "
        "run starts afresh. If it happens again, please report this line."
    )


def _load_config(options: Namespace) -> Config:
    return configuration.load(configuration.find_env_file(options.env_file, os.getcwd()), os.environ)


def _job(options: Namespace, config: Config) -> tuple[str, str]:
    """The data folder (absolute) and the time series that a command is about."""
    directory = options.directory or config.data_dir
    time_series = options.time_series or config.time_series
    missing = [
        f"{word} (or {name} in the .env file)"
        for word, name, value in (
            ("DIR", "IFCB_DATA_DIR", directory),
            ("TIME_SERIES", "TIME_SERIES", time_series),
        )
        if not value
    ]
    if not directory or not time_series:
        raise UsageError("Which bins, and where to? Please give {}.".format(" and ".join(missing)))
    return os.path.abspath(os.path.expanduser(directory)), configuration.check_time_series(time_series)


def _duration(text: str | None, option: str) -> float | None:
    return None if text is None else configuration.parse_duration(text, option)


def _scan(options: Namespace, interruption: Interruption) -> int:
    from concurrent.futures import ThreadPoolExecutor

    from ifcbscan import console, runlock, scan
    from ifcbscan.bucket import Bucket
    from ifcbscan.clocks import Clock
    from ifcbscan.localtree import LocalTree
    from ifcbscan.plan import Policy

    log_trouble = console.open_log(options.log_file)
    config = _load_config(options)
    directory, time_series = _job(options, config)
    if options.jobs < 1:
        raise UsageError("--jobs must be at least 1.")
    settle = _duration(options.settle, "--settle")
    confirm = _duration(options.confirm, "--confirm")
    scan_options = scan.ScanOptions(
        account=config.account,
        time_series=time_series,
        policy=Policy(
            settle=config.settle if settle is None else settle,
            confirm=config.confirm if confirm is None else confirm,
            replace=options.replace,
            check_integrity=not options.no_integrity_check,
        ),
        dry_run=options.dry_run,
        max_age=_duration(options.max_age, "--max-age"),
        time_limit=_duration(options.time_limit, "--time-limit"),
        jobs=options.jobs,
        retry_rejected=options.retry_rejected,
    )
    clock = Clock()
    tree = LocalTree(
        directory,
        config.exclude_dirs + tuple(options.exclude),
        None if scan_options.max_age is None else clock.wall() - scan_options.max_age,
    )
    bucket = Bucket(config, clock, options.jobs, interruption.requested)
    warnings = config.warnings + ((log_trouble,) if log_trouble else ())
    with runlock.hold(directory, time_series, scan_options.mode):
        report = scan.scan(
            scan_options,
            tree,
            bucket,
            clock,
            ThreadPoolExecutor(options.jobs),
            interruption,
            console.ScanPrinter(options.verbose),
            console.result if not options.json else console.say,
            warnings,
        )
    interactive = sys.stderr.isatty() or options.verbose or options.command == "sync"
    console.print_report(report, options.json, options.quiet, interactive)
    return interruption.exit_code if interruption.requested.is_set() else report.exit_code


def _demo(options: Namespace, interruption: Interruption) -> int:
    from ifcbscan import demo

    return demo.run(interruption)


_COMMANDS: dict[str, Callable[[Namespace, Interruption], int]] = {
    "once": _scan,
    "sync": _scan,
    "demo": _demo,
}
