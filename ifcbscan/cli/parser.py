"""The command line: `build_parser` and nothing else.

Loading this file loads only the standard library and nothing of ifcbscan, because the manual page is built
by running it alone (argparse-manpage, see setup.cfg).
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    _Commands = argparse._SubParsersAction["_Parser"]

#: Bins sent at the same time, if --jobs does not say otherwise.
SCAN_JOBS = 4

DESCRIPTION = (
    "Brings the bins of an Imaging FlowCytobot (IFCB) from this computer into the archive behind the HABON "
    "dashboard. Each run compares the folder with the archive and sends the complete bins that are missing; "
    "nothing local is ever changed and nothing in the archive is ever deleted."
)

EPILOG = (
    "First steps: 'ifcbscan demo' shows how it works; 'ifcbscan setup' asks for what it needs to know, and offers to start; "
    "'ifcbscan COMMAND --help' lists the options of a command. "
    "Exit codes: 0 done; 1 unexpected error; 2 usage or configuration; 3 finished, but something failed; "
    "4 another scan of the same folder and time series is running; 5 the bucket could not be reached; "
    "130, 143 interrupted."
)


class _Help(argparse.HelpFormatter):
    """Unwrapped while the manual page is built: there, a line that begins with ".roi" would be lost."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=100000 if "BUILD_MANPAGES_RUNNING" in os.environ else None)


class Refused(SystemExit):
    """The words cannot be understood; `line` has been printed and says why."""

    line = ""


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong with the words of a command; argparse puts up to eight of usage before it."""

    def error(self, message: str) -> NoReturn:
        from ifcbscan.core.printable import printable  # not needed, and not there, while the manual is built

        stop = "" if message.endswith("?") else "."
        line = f"{self.prog}: {message}{stop} Nothing was done; '{self.prog} --help' shows what can be said."
        self._print_message(printable(line) + "\n", sys.stderr)
        refused = Refused(2)
        refused.line = line
        raise refused


def _file(text: str) -> str:
    """FILE of an option. An empty one comes of a shell variable that is not set, and must not pass for none."""
    if not text.strip():
        raise argparse.ArgumentTypeError("the name of the file is empty")
    return text


class _Version(argparse.Action):
    """-V: looks the version up only when it is asked for."""

    def __call__(self, parser, namespace, values, option_string=None):  # type: ignore[no-untyped-def]
        from ifcbscan import __version__

        print("ifcbscan " + __version__)
        parser.exit()


def build_parser() -> argparse.ArgumentParser:
    """The parser of every command, with help texts written for operators."""
    # The manual page has sections of its own for what the epilog says (manual.man).
    epilog = None if "BUILD_MANPAGES_RUNNING" in os.environ else EPILOG
    parser = _Parser(prog="ifcbscan", description=DESCRIPTION, epilog=epilog, formatter_class=_Help)
    parser.add_argument("-V", "--version", nargs=0, action=_Version, help="print the version and exit")
    # Taken out of the arguments before parsing (see options.parse); here for the help and the manual.
    parser.add_argument(
        "--once",
        action="store_true",
        help="one scan of [DIR TIME_SERIES], for cron, Task Scheduler and by hand; 'ifcbscan once --help' lists "
        "its options",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")

    for add in (
        _add_once,
        _add_sync,
        _add_setup,
        _add_start,
        _add_stop,
        _add_status,
        _add_list,
        _add_check,
        _add_verify,
        _add_report,
        _add_demo,
    ):
        add(commands)
    return parser


def _add_once(commands: _Commands) -> None:
    once = _command(
        commands,
        "once",
        "one scan (the same as --once)",
        "One scan: compare DIR with the archive's TIME_SERIES, send the complete bins that are missing, report. "
        "Both default to IFCB_DATA_DIR and TIME_SERIES of the .env file.",
    )
    _add_job(once)
    _add_scan_options(once)
    once.set_defaults(content=False)


def _add_sync(commands: _Commands) -> None:
    sync = _command(
        commands,
        "sync",
        "send everything that is missing, now",
        "The same scan as --once, by hand. Interrupting it is safe: the next run goes on where it ended.",
    )
    _add_job(sync)
    _add_scan_options(sync)
    sync.add_argument(
        "--content",
        action="store_true",
        help="read every bin and compare its content with the archive's, not only sizes; send again what differs",
    )


def _add_setup(commands: _Commands) -> None:
    setup = _command(
        commands,
        "setup",
        "ask for what must be known, write the settings file, check, and offer to start",
        "Asks for account, key, secret, folder and time series, and looks at once whether each answer is right. Writes the "
        "settings file, which then nobody but you can read, and keeps what else stands in it; nothing is written before all "
        "settings are answered. Then runs 'check' and offers 'start'. Each option answers a question beforehand.",
    )
    _add_job(setup, " (asked for if left out)")
    setup.add_argument(
        "--env-file",
        metavar="FILE",
        type=_file,
        help="the settings file to write; else ./.env if it is there, else the one in your configuration folder",
    )
    setup.add_argument("--account", metavar="NAME", help="the account, which the dashboard calls team")
    setup.add_argument("--key-id", metavar="ID", help="the key's first half, which is no secret")
    setup.add_argument(
        "--secret-file",
        metavar="FILE",
        type=_file,
        help="a file whose first line is the key's secret half; - is the standard input",
    )
    _add_window(setup)
    setup.add_argument(
        "--force",
        action="store_true",
        help="take the time series even if the dashboard does not know it (yet)",
    )
    setup.add_argument(
        "--yes",
        action="store_true",
        help="ask nothing: what no option gives and no file holds already is an error; start if all is in order, and send "
        "all that lies in the folder",
    )
    setup.add_argument("--no-start", action="store_true", help="write and check only")
    setup.add_argument(
        "--print-template",
        action="store_true",
        help="print the settings file as it comes, with what each setting is for; do nothing else",
    )


def _add_start(commands: _Commands) -> None:
    start = _command(
        commands,
        "start",
        "install the schedule: from then on bins are sent by themselves",
        "Installs two entries in the schedule of this computer (cron; on Windows the Task Scheduler): every minute "
        "a scan of the last days, every hour a scan of everything. Then sends what is there already. "
        "Doing it twice changes nothing.",
    )
    _add_job(start)
    _add_env_file(start)
    _add_window(start)
    start.add_argument(
        "--force",
        action="store_true",
        help="start even if the dashboard does not know the time series (yet), another job sends the same bins to "
        "another time series, or the archive cannot be reached",
    )
    start.add_argument(
        "--restart",
        action="store_true",
        help="replace what is scheduled for this time series, for instance with another folder",
    )
    start.add_argument(
        "--yes",
        action="store_true",
        help="ask nothing about what lies in the folder already: send all of it",
    )
    start.add_argument("--no-sync", action="store_true", help="do not send anything now")
    start.add_argument("--print", action="store_true", help="show what would be installed; install nothing")
    start.add_argument(
        "--system",
        action="store_true",
        help="Windows, as administrator: run for the SYSTEM account, so also while nobody is logged on",
    )

    _add_start_extras(start)


def _add_stop(commands: _Commands) -> None:
    stop = _command(
        commands,
        "stop",
        "remove the schedule and end a scan that is under way",
        "Removes the entries that 'start' installed, for one folder or one time series, and ends its scans. "
        "Nothing is lost: what was not sent is sent after the next 'start'.",
    )
    stop.allow_abbrev = False  # half an --all must not end every job
    stop.add_argument(
        "what",
        metavar="DIR|TIME_SERIES",
        nargs="?",
        help="the folder or the time series, as given to 'start'",
    )
    stop.add_argument("--all", action="store_true", help="every job of this user")
    stop.add_argument(
        "--system", action="store_true", help="Windows, as administrator: what was started with --system"
    )


def _add_status(commands: _Commands) -> None:
    status = _command(
        commands,
        "status",
        "what is scheduled, when it last ran, and how that went",
        "Shows each scheduled folder with its last runs, and the bins that wait or are in trouble: a table, worst first, or "
        "everything about one job. Exit code 3 if a job needs attention.",
    )
    status.add_argument(
        "what",
        metavar="DIR|TIME_SERIES",
        nargs="?",
        help="show everything about this job; without it, all jobs",
    )
    status.add_argument("--json", action="store_true", help="print it as one JSON object, for programs")


def _add_list(commands: _Commands) -> None:
    series = _command(
        commands,
        "list",
        "the time series of your account",
        "Lists the time series of the account, with where each one was found: on the dashboard, in the archive.",
    )
    _add_env_file(series)
    series.add_argument("--json", action="store_true", help="print it as one JSON object, for programs")


def _add_check(commands: _Commands) -> None:
    check = _command(
        commands,
        "check",
        "is everything in order? one line for each thing that must be",
        "Checks configuration, credentials, clock, dashboard, folder and scheduler, and says what to do about "
        "what is not in order. Exit code 0 only if all is.",
    )
    _add_job(check)
    _add_env_file(check)
    check.add_argument(
        "--write",
        action="store_true",
        help="also try to write, under a name that HABON's archive removes by itself, and on which conditions the server "
        "does so",
    )
    check.add_argument(
        "--write-size",
        metavar="SIZE",
        help="with --write, also try a file of so many bytes, such as 5M: a proxy on the way may let small files through only",
    )
    check.add_argument(
        "--cron",
        action="store_true",
        help="also let cron run one scan that sends nothing, and wait up to 2 minutes for its answer: the proof that a "
        "schedule works, and on macOS that cron may read DIR",
    )
    check.add_argument(
        "--bundle",
        metavar="FILE",
        type=_file,
        help="also write what the maintainers need to help into FILE, a zip to be mailed: these lines, versions, settings, "
        "schedule, last runs, logs, names of the newest files; no key, no token, no address of a monitor",
    )


def _add_verify(commands: _Commands) -> None:
    verify = _command(
        commands,
        "verify",
        "prove that everything on this disk is in the archive, bit for bit",
        "Reads every bin of DIR and compares it with the archive by checksum: do this before a disk is wiped. "
        "Sends nothing and deletes nothing. Exit code 0 only if there are complete bins and every one is proven (and, with "
        "--deletable, listed), else 3.",
    )
    _add_job(verify)
    _add_env_file(verify)
    verify.add_argument(
        "--max-age", metavar="AGE", help="only bins whose id says they are younger, such as 30d"
    )
    _add_exclude(verify)
    _add_window(verify)
    verify.add_argument(
        "--part",
        metavar="N/M",
        help="only the N-th of M parts of all bins, such as 3/30: one of them each night, and in the end every bin was read",
    )
    verify.add_argument(
        "--published", action="store_true", help="also ask the dashboard whether it shows every bin"
    )
    verify.add_argument(
        "--deletable",
        metavar="FILE",
        type=_file,
        help="write the paths of the files of all proven (and, with --published, published) bins into FILE, once they "
        "are old enough and everything has been looked at again",
    )
    verify.add_argument(
        "--deletable-after",
        metavar="AGE",
        help="with --deletable: only bins that the archive has had for so long, such as 24h or 3d (DELETABLE_AFTER, 24h)",
    )
    verify.add_argument(
        "-0",
        dest="null",
        action="store_true",
        help="with --deletable: end each path with a NUL, for xargs -0",
    )
    verify.add_argument(
        "--download",
        action="store_true",
        help="read objects back from the archive where nothing else proves them",
    )
    verify.add_argument(
        "--jobs", metavar="N", type=int, default=2, help="bins read at the same time (default 2, at most 64)"
    )
    verify.add_argument(
        "--settle",
        metavar="SECONDS",
        help="bins that changed less than so many seconds ago count as still being written (SETTLE_SECONDS, 60)",
    )
    _add_output_options(verify)


def _add_report(commands: _Commands) -> None:
    report = _command(
        commands,
        "report",
        "a page that shows what is in the archive, and what is not",
        "Writes one HTML file, readable without network: a calendar, the gaps, every bin that is not in the archive "
        "with what to do about it. Sends nothing. Needs the extra 'report'.",
    )
    _add_job(report)
    _add_env_file(report)
    _add_exclude(report)
    _add_window(report)
    report.add_argument(
        "--all",
        action="store_true",
        help="a page for every scheduled job, and index.html over all of them; -o names the FOLDER for them",
    )
    report.add_argument(
        "--expect-every",
        metavar="TIME",
        help="a new bin is expected so often, such as 2h: if the newest one is older, the page is red (EXPECT_EVERY)",
    )
    report.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=_file,
        help="where to write it (if left out: TIME_SERIES-report.html in the current folder)",
    )
    report.add_argument(
        "--json",
        action="store_true",
        help="print the figures as one JSON object; with -o, in addition to the page",
    )
    report.add_argument("--published", action="store_true", help="also ask the dashboard what it shows")
    report.add_argument("--images", action="store_true", help="with a few images from the newest bin")
    report.add_argument("--open", action="store_true", help="open the page in the browser")


def _add_demo(commands: _Commands) -> None:
    _command(
        commands,
        "demo",
        "see it work, without account and network",
        "Starts an S3 server on this computer, makes a few bins, and scans them. Nothing leaves this computer, "
        "and everything is removed at the end.",
    )


def _command(commands: _Commands, name: str, help_line: str, description: str) -> argparse.ArgumentParser:
    return commands.add_parser(name, help=help_line, description=description, formatter_class=_Help)


def _add_job(parser: argparse.ArgumentParser, otherwise: str = " (if left out: {} of the .env file)") -> None:
    parser.add_argument(
        "directory",
        metavar="DIR",
        nargs="?",
        help="the folder that holds the bins, in whatever subfolders" + otherwise.format("IFCB_DATA_DIR"),
    )
    parser.add_argument(
        "time_series",
        metavar="TIME_SERIES",
        nargs="?",
        help="name of the time series on the dashboard, such as nauset" + otherwise.format("TIME_SERIES"),
    )


def _add_env_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--env-file",
        metavar="FILE",
        type=_file,
        help="configuration file; else ./.env, else the one in your configuration folder",
    )


def _add_exclude(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--exclude",
        metavar="NAME",
        action="append",
        default=[],
        help="leave out folders of this name, in addition to EXCLUDE_DIRS; may be given more than once",
    )


def _add_window(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--since",
        metavar="TIME",
        help="only bins whose id says they were sampled then or later (UTC): 2026-06-01, 2026-06-01T14:30:00Z or now",
    )
    parser.add_argument(
        "--until",
        metavar="TIME",
        help="only bins sampled before (UTC); a day alone is its first second, so --until 2026-06-01 ends with 31 May",
    )
    parser.add_argument(
        "--instrument",
        metavar="N[,M]",
        help="only bins of these instruments, such as 13 for IFCB013",
    )


def _add_start_extras(parser: argparse.ArgumentParser) -> None:
    extras = parser.add_argument_group("what the scans of the schedule are given besides")
    extras.add_argument(
        "--max-age",
        metavar="AGE",
        help="the every-minute scan looks at bins up to this age, such as 10d (default 3d)",
    )
    extras.add_argument(
        "--expect-every",
        metavar="TIME",
        help="a new bin is expected so often, such as 2h; where none comes, the scans say so (EXPECT_EVERY)",
    )
    extras.add_argument(
        "--bandwidth",
        metavar="RATE",
        help="they send at most so many bytes a second, such as 500K, or at which time how many in local time, such as "
        "'08:00,200K 20:00,2M'; off is no limit (MAX_BANDWIDTH)",
    )
    extras.add_argument(
        "--max-daily",
        metavar="SIZE",
        help="they begin no new bin once so many bytes of this time series are put on a day (UTC), such as 1G; off is no "
        "limit (MAX_DAILY)",
    )
    extras.add_argument(
        "--metrics-dir",
        metavar="FOLDER",
        type=_file,
        help="they write figures for Prometheus' node_exporter into a file of FOLDER (METRICS_DIR)",
    )
    extras.add_argument(
        "--ping",
        metavar="URL",
        help="they tell a monitor of scheduled jobs how they went. The address stands in the schedule, and while a scan runs "
        "everybody on this computer can see it: PING_URL in the .env file is the safer place",
    )


def _add_scan_options(parser: argparse.ArgumentParser) -> None:
    _add_env_file(parser)
    what = parser.add_argument_group("which bins")
    what.add_argument(
        "--max-age",
        metavar="AGE",
        help="only bins whose id says they are younger, such as 3d or 12h (for the every-minute run)",
    )
    _add_exclude(what)
    _add_window(what)
    what.add_argument(
        "--expect-every",
        metavar="TIME",
        help="a new bin is expected so often, such as 2h: if the newest one is older, exit with 3 and say so (EXPECT_EVERY)",
    )
    what.add_argument(
        "--mounted-at",
        metavar="FOLDER",
        type=_file,
        help="DIR lies on the disk that is mounted there: if none is, exit with 3 and say so ('start' writes it into the "
        "schedule)",
    )
    what.add_argument("--replace", action="store_true", help="send a file even where the archive's is larger")
    what.add_argument(
        "--retry-rejected",
        action="store_true",
        help="send bins again that the archive deleted less than 24 h ago",
    )
    what.add_argument(
        "--no-integrity-check",
        action="store_true",
        help="send bins even where the .adc names images that the .roi does not hold or cannot be read; never those "
        "that would break the dashboard",
    )
    how = parser.add_argument_group("how")
    how.add_argument("--dry-run", action="store_true", help="show what would be sent and why; send nothing")
    how.add_argument(
        "--jobs",
        metavar="N",
        type=int,
        default=SCAN_JOBS,
        help=f"bins sent at the same time (default {SCAN_JOBS})",
    )
    how.add_argument(
        "--bandwidth",
        metavar="RATE",
        help="send at most so many bytes a second in all, such as 500K, or at which time how many in local time, such as "
        "'08:00,200K 20:00,2M'; off is no limit (MAX_BANDWIDTH)",
    )
    how.add_argument(
        "--max-daily",
        metavar="SIZE",
        help="begin no new bin once so many bytes of this time series are put on this day (UTC), by whatever run, such as 1G; "
        "off is no limit (MAX_DAILY)",
    )
    how.add_argument(
        "--time-limit",
        metavar="TIME",
        help="begin no new bin after this time, such as 5m; the next run goes on",
    )
    how.add_argument(
        "--settle",
        metavar="SECONDS",
        help="leave bins alone that changed less than so many seconds ago (SETTLE_SECONDS, 60)",
    )
    how.add_argument(
        "--confirm",
        metavar="SECONDS",
        help="how long the archive must have kept .roi before the .adc follows (CONFIRM_SECONDS, 30)",
    )
    how.add_argument(
        "--force", action="store_true", help="send even if the dashboard does not know the time series (yet)"
    )
    output = _add_output_options(parser)
    metrics = output.add_mutually_exclusive_group()
    metrics.add_argument(
        "--metrics-file",
        metavar="FILE",
        type=_file,
        help="write figures for Prometheus' node_exporter (textfile collector) into FILE, which ends in .prom; needs the "
        "extra 'metrics'",
    )
    metrics.add_argument(
        "--metrics-dir",
        metavar="FOLDER",
        type=_file,
        help="the same, into a file of FOLDER that each job has for itself (METRICS_DIR)",
    )
    output.add_argument(
        "--ping",
        metavar="URL",
        help="tell a monitor of scheduled jobs: URL/start, then URL or URL/fail; {time_series} in it is filled in. While the "
        "scan runs, everybody on this computer can see it in the list of processes: PING_URL in the .env file is safer",
    )


def _add_output_options(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    output = parser.add_argument_group("output")
    output.add_argument("--json", action="store_true", help="print the report as one JSON object")
    output.add_argument(
        "--log-file", metavar="FILE", type=_file, help="also write a log; it is kept below 10 MB"
    )
    loudness = output.add_mutually_exclusive_group()
    loudness.add_argument("-v", "--verbose", action="store_true", help="say what is done with each bin")
    loudness.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    return output
