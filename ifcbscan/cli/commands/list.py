"""`ifcbscan list`: the time series of the account, and where each one was found."""

from __future__ import annotations

from ifcbscan.cli import output
from ifcbscan.cli.job import load_config
from ifcbscan.cli.more_options import ListArguments
from ifcbscan.cli.signals import Interruption
from ifcbscan.clock import Clock
from ifcbscan.core.printable import printable
from ifcbscan.core.series import TRIAL
from ifcbscan.dashboard.calls import Dashboard, DashboardUnreachable, UnknownToDashboard
from ifcbscan.dashboard.series import not_by_account
from ifcbscan.errors import ExitCode
from ifcbscan.s3.bucket import Bucket
from ifcbscan.s3.wire import Wire


def run(arguments: ListArguments, interruption: Interruption) -> int:
    """Print the list; returns an exit code."""
    config = load_config(arguments.env_file)
    in_archive = set(
        Bucket(config, Clock(), Wire(config, 1), interruption.requested).folders(f"{config.account}/")
    )
    shown: set[str] | None = None
    if config.dashboard_url is not None:
        try:
            listed = Dashboard(config.dashboard_url).series_list(config.account)
            shown = set(listed.names)
            if not listed.of_account:
                shown &= in_archive  # the others may be anybody's
                output.say(
                    f"Note: The dashboard lists {len(listed.names):,} time series of all accounts. "
                    f"{not_by_account(config.account)} The list shows only what is in the archive."
                )
        except UnknownToDashboard as error:
            shown = set()
            output.say(f"Note: {error}")
        except DashboardUnreachable as error:
            output.say(f"Note: {error} The list shows only what is in the archive.")
    names = sorted((in_archive | (shown or set())) - {TRIAL})
    if arguments.as_json:
        found = [
            {
                "name": name,
                "dashboard": None if shown is None else name in shown,
                "archive": name in in_archive,
            }
            for name in names
        ]
        output.result_json({"account": config.account, "time_series": found})
        return ExitCode.DONE
    if not names:
        output.say(f"The account {config.account} has no time series yet.")
    width = max((len(printable(name)) for name in names), default=0)
    for name in names:
        output.result(f"{printable(name):<{width}}  {_where(name, shown, in_archive)}")
    return ExitCode.DONE


def _where(name: str, shown: set[str] | None, in_archive: set[str]) -> str:
    if shown is None:
        return "in the archive (whether the dashboard shows it is not known)"
    if name in shown and name in in_archive:
        return "on the dashboard and in the archive"
    if name in shown:
        return "on the dashboard; nothing in the archive yet"
    return "in the archive only: the dashboard does not know it, so it shows nothing of it"
