"""The questions of `ifcbscan setup`, in their order, and how the archive and the dashboard are asked about each answer."""

from __future__ import annotations

import os
import re
from types import MappingProxyType
from typing import Callable, Dict, Mapping, Sequence

from ifcbscan import config as configuration
from ifcbscan.cli import output
from ifcbscan.cli.more_options import SetupArguments
from ifcbscan.cli.questions import Question, Questions
from ifcbscan.cli.settings_text import with_values
from ifcbscan.cli.signals import Interruption
from ifcbscan.cli.targets import absolute
from ifcbscan.clock import Clock
from ifcbscan.config import Config
from ifcbscan.core.printable import brief, named
from ifcbscan.core.series import check_time_series, is_account
from ifcbscan.core.words import counted
from ifcbscan.dashboard import series
from ifcbscan.dashboard.calls import Dashboard, DashboardUnreachable, SeriesList, UnknownToDashboard
from ifcbscan.disk.tree import LocalTree
from ifcbscan.errors import BucketUnreachable, IfcbscanError, UsageError
from ifcbscan.runs.stock import count_stock
from ifcbscan.s3.bucket import Bucket
from ifcbscan.s3.wire import Wire

#: Values by the names of their settings.
Values = Dict[str, str]

#: So many time series are listed to choose from; any other can be typed.
_MOST_LISTED = 40

_WHERE = "from the people who run the dashboard"

_KEY_ID, _SECRET, _TOKEN = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"

#: What is asked for each setting, and what answers it beforehand.
_QUESTIONS = {
    "USER_ACCOUNT": ("Account (the dashboard calls it team)", "--account"),
    _KEY_ID: ("Key id", "--key-id"),
    _SECRET: ("Secret key", "--secret-file"),
    "IFCB_DATA_DIR": ("Folder that holds the bins", "DIR"),
    "TIME_SERIES": ("Time series, by its number or its name", "TIME_SERIES"),
}


class Interview:
    """One use. `text` is what stands in the settings file at `path`, or would: it may name another archive."""

    def __init__(
        self,
        questions: Questions,
        arguments: SetupArguments,
        interruption: Interruption,
        path: str,
        text: str,
    ) -> None:
        self._questions = questions
        self._force = arguments.force
        self._window = arguments.window
        self._interruption = interruption
        self._path = path
        self._text = text
        self._answers: Values = {}
        self._listed: SeriesList | None = None

    def ask(self, given: Mapping[str, str], known: Mapping[str, str], jobs: Sequence[str] | None) -> Values:
        """All answers. `given` by options; `known` from the file; `jobs`: the time series that are scheduled with it, None
        where nobody can know.

        Raises IfcbscanError.
        """
        before = known.get("USER_ACCOUNT")
        self._answer("USER_ACCOUNT", given, known, lambda text: self._account(text, before, jobs))
        self._key(given, known)
        self._answer("IFCB_DATA_DIR", given, known, self._folder)
        names = self._names()
        choices = {str(number): name for number, name in enumerate(names[:_MOST_LISTED], start=1)}
        for number, name in choices.items():
            output.say(f"  {number}  {brief(name)}")
        if len(names) > len(choices):
            output.say(f"  ... and {len(names) - len(choices):,} more, which can be typed by their names")
        # What is itself a name is no number.
        choices = {number: name for number, name in choices.items() if number not in names}
        self._answer("TIME_SERIES", given, known, lambda text: self._time_series(text, names), choices)
        return self._answers

    def _answer(
        self,
        name: str,
        given: Mapping[str, str],
        known: Mapping[str, str],
        check: Callable[[str], str],
        choices: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        text, option = _QUESTIONS[name]
        question = Question(text, option, given.get(name), known.get(name), name == _SECRET, choices)
        self._answers[name] = self._questions.answer(question, check)

    def _key(self, given: Mapping[str, str], known: Mapping[str, str]) -> None:
        while True:
            self._answer(_KEY_ID, given, known, _half_of_key)
            self._answer(_SECRET, given, known, _half_of_key)
            if known.get(_TOKEN) and self._answers[_KEY_ID] != known.get(_KEY_ID):
                self._answers[_TOKEN] = ""  # it belongs to the key that was there
            try:
                return self._try_key()
            except IfcbscanError as error:
                self._questions.refuse(error)
            given, known = {}, {**known, _KEY_ID: self._answers[_KEY_ID], _SECRET: self._answers[_SECRET]}

    def _config(self) -> Config:
        # What was not asked yet stands in for a moment: nothing that is looked at before depends on it.
        stand_ins = {"AWS_ACCESS_KEY_ID": "-", "AWS_SECRET_ACCESS_KEY": "-"}
        text = with_values(self._text, {**stand_ins, **self._answers})
        return configuration.of_text(self._path, text, os.environ)

    def _account(self, text: str, before: str | None, jobs: Sequence[str] | None) -> str:
        """`before`: the account in the file, None if it names none; `jobs` as for `ask`."""
        if not is_account(text) or configuration.is_placeholder(text):
            raise UsageError(
                f"{text!r} cannot be an account name (letters, digits, '.', '_' and '-'). You get it {_WHERE}."
            )
        self._ask_about_account(text)
        own = ": ifcbscan setup --env-file FILE."
        if text == before or jobs == []:
            return text
        if jobs and before is not None:
            raise UsageError(
                f"{', '.join(jobs)} is scheduled with these settings for the account {before}, and would be sent to "
                f"{text} from then on. Give the settings of {text} a file of their own{own}"
            )
        if jobs is None:
            output.say(
                "  The schedule of this computer cannot be read, so nobody knows whether a job goes by these settings, whose bins "
                f"would be sent to {text} from then on."
            )
        else:
            output.say(
                f"  {', '.join(jobs)} is scheduled with these settings, which name no account any more; its bins will be sent to "
                f"{text}."
            )
        if not self._questions.yes(f"  Is {text} right?", usual=False, unasked=False):
            raise UsageError(f"For another account use another file{own}")
        return text

    def _ask_about_account(self, account: str) -> None:
        """Note down the time series. Raises UsageError if the operator thinks better of an account that nobody knows."""
        self._answers["USER_ACCOUNT"] = account
        self._listed = None
        config = self._config()
        if config.dashboard_url is None:
            return
        try:
            self._listed = Dashboard(config.dashboard_url).series_list(account)
        except UnknownToDashboard:
            pass
        except DashboardUnreachable as error:
            output.say(f"  Note: {error}")
            return
        if self._listed is not None and self._listed.of_account:
            found = counted(len(self._listed.names), "time series", "time series")
            output.say(f"  The dashboard knows {account}: {found}.")
            return
        output.say(f"  The dashboard knows no account {account!r}, or shows nobody its accounts.")
        if not self._questions.yes(f"  Is {account} spelt right?", usual=True, unasked=True):
            raise UsageError(f"You get the name {_WHERE}.")

    def _try_key(self) -> None:
        """Raises BucketRefused if the archive does not take the key; that nobody answers says nothing about it."""
        config = self._config()
        try:
            next(self._bucket(config).list(f"{config.account}/"), None)
            output.say("  The archive takes this key.")
        except BucketUnreachable as error:
            output.say(f"  Note: {error} So the key could not be tried.")

    def _bucket(self, config: Config) -> Bucket:
        return Bucket(config, Clock(), Wire(config, 1), self._interruption.requested)

    def _folder(self, text: str) -> str:
        if not text:
            raise UsageError(
                "Please name the folder that the instrument writes to, or that its files are copied to."
            )
        directory = absolute(text)
        if not is_text(directory):
            raise UsageError(
                f"{directory} has a letter in it that is no UTF-8, and a settings file cannot name it. Rename the folder, or make "
                "a link to it."
            )
        try:
            os.listdir(directory)
        except OSError as error:
            raise UsageError(
                f"The folder {directory} cannot be read: {error.strerror}. Is the disk mounted, the name spelt right?"
            ) from None
        output.say(f"  Looking what is in {directory} ...")
        stock = count_stock(LocalTree(directory, self._config().exclude_dirs, window=self._window))
        if stock.bins:
            output.say(f"  Found {counted(stock.bins, 'complete bin')}:")
            for line in named(list(stock.lines()), "  ... and {} more"):
                output.say(line)
            return directory
        output.say(f"  There is no complete bin in {directory} yet (.hdr, .adc and .roi of one name).")
        if not self._questions.yes("  Is it the right folder all the same?", usual=False, unasked=True):
            raise UsageError("Which folder is it?")
        return directory

    def _names(self) -> Sequence[str]:
        """The time series to choose from: those of the account, or of the archive where the dashboard does not list these."""
        listed = self._listed
        if listed is not None and listed.of_account:
            return sorted(listed.names)
        config = self._config()
        try:
            folders = set(self._bucket(config).folders(f"{config.account}/"))
        except IfcbscanError:
            return []
        return sorted(folders if listed is None else folders & set(listed.names))

    def _time_series(self, text: str, names: Sequence[str]) -> str:
        if not text:
            raise UsageError("Please choose the time series on the dashboard that these bins belong to.")
        name = check_time_series(text)
        config = self._config()
        if self._listed is None or name in names:
            return name
        answer = series.among(self._listed, config.account, name)
        if answer.on_dashboard is series.OnDashboard.YES:
            return name
        where = series.where_to_create(config.dashboard_url, config.account, name)
        if self._force:
            output.say(f"  {answer.line}")
        elif not self._questions.asks:
            raise UsageError(f"{answer.line} {where}")
        else:
            output.say(f"  {answer.line} {where}")
            if not self._questions.yes("  Take it all the same?", usual=False, unasked=False):
                raise UsageError("Which one is it?")
        return name


def _half_of_key(text: str) -> str:
    if configuration.is_placeholder(text) or not re.fullmatch("[!-~]+", text):
        raise UsageError(f"That cannot be a key; you get both halves of it {_WHERE}. (It is not shown here.)")
    return text


def is_text(path: str) -> bool:
    """Whether it can be written into a settings file. (A name from a disk or the environment may hold any byte.)"""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
