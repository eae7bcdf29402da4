"""The documentation against the source: every message can be looked up, every command line is accepted.

The messages are collected from the source itself, so a new one that nobody has documented fails here.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Iterator

import pytest
from support.places import REPOSITORY

import ifcbscan
from ifcbscan import errors
from ifcbscan.cli import cron_check, options
from ifcbscan.core.content_match import ContentMatch
from ifcbscan.core.states import SCAN_COUNTS
from ifcbscan.errors import ExitCode
from ifcbscan.s3 import list_page
from ifcbscan.schedule import crontab_text, program

PACKAGE = Path(ifcbscan.__file__).resolve().parent
DOCS = REPOSITORY / "docs"
PAGES = sorted(DOCS.glob("*.md"))
DOCUMENTS = [REPOSITORY / "README.md", *PAGES]

#: What stands where a message has a value that changes.
HOLE = "\0"

#: Files whose texts are no messages about a run: only what they give to an error or to the console counts.
NO_MESSAGES = {
    "cli/parser.py": "the help",
    "cli/bundle.py": "what stands in a bundle, which explains itself",
    "cli/masking.py": "what stands in a bundle, which explains itself",
    "demo/show.py": "a story with made-up data",
    "demo/sample_bins.py": "the contents of made-up files",
    "core/archive_verdict.py": "the words of the page's banner, which explains itself",
    "html/page.py": "the words of the page, which explains itself",
    "html/calendars.py": "the words of the page, which explains itself",
    "html/charts.py": "the words of the page, which explains itself",
    "html/index.py": "the words of the page, which explains itself",
    "html/legend.py": "the words of the page, which explains itself",
}

#: Calls whose strings are documented elsewhere: the help texts of the metrics are in docs/monitoring.md.
NOT_TELLING = {"_Metric", "InfoMetricFamily"}

#: Calls whose strings people get to read, however short they are: the last part of the name of what is called.
TELLING = {
    "say",
    "say_error",
    "SeriesAnswer",
    "Finding",
    "Item",
    "unreachable",
    "_refused",
    "_failed",
    "PassingError",
    "Judgement",
}

#: Literals that look like sentences and are none.
NOT_FOR_PEOPLE = {
    "%(asctime)sZ %(levelname)s %(message)s",
    f"cd / && {HOLE} >/dev/null 2>&1",
    re.sub(r"\{[a-z]+\}", HOLE, crontab_text.WITH_FALLBACK),  # a line of sh; its message is NOT_STARTED
    cron_check._SCRIPT,
    program._SAY_VERSION,  # what a Python is given to run
    "text/plain; charset=utf-8",
    list_page._OBJECT.pattern,  # an object of a listing
    r' (?:on|from) endpoint URL: "[^"]*"\.?',  # what is cut out of a message
    r"your[-_ ].*|<.*>|x{3,}|\.{3,}|change.?me",
    f"{HOLE}: {HOLE}%|{HOLE}| {{n_fmt}}/{{total_fmt}} [{HOLE}LEFT, {{rate_fmt}}{HOLE}]",  # the bar
    f"Brings IFCB bins from {HOLE} into the time series {HOLE}: {HOLE}.",  # the description of a task
    "new bins, every minute",
    "system volume information",  # a folder of Windows
    "all bins, once an hour",
    '<?xml version="1.0" encoding="UTF-16"?>\n',
}


@dataclass(frozen=True)
class Message:
    """One text of the program: where it is, and its fixed parts with HOLE between them."""

    where: str
    text: str

    @property
    def fragments(self) -> list[str]:
        """The fixed parts, cut at sentence ends: what somebody would type into a search."""
        parts = re.split(r"\0|\. |\.$|; |: |[()]", self.text)
        stripped = (" ".join(part.split()).strip(" '\".,;:-") for part in parts)
        return [part for part in stripped if len(re.findall(r"[A-Za-z.]{2,}", part)) >= 2]


def literal(node: ast.AST) -> str | None:
    """The text of a string, an f-string or a string with .format(); None for anything else."""
    text = constant(node)
    if text is not None:
        return re.sub(r"\{[a-z]*(![rs])?(:[^}]*)?\}|%s|%d", HOLE, text)
    if isinstance(node, ast.JoinedStr):
        return "".join(HOLE if constant(part) is None else str(constant(part)) for part in node.values)
    return None


def constant(node: ast.AST) -> str | None:
    """The value of a plain string. (Python 3.7 has a node type of its own for those.)"""
    value = getattr(node, "value" if isinstance(node, ast.Constant) else "s", None)
    return value if isinstance(value, str) else None


def error_classes(trees: dict[Path, ast.Module]) -> set[str]:
    """The classes of errors.py and all that are made from them, by name."""
    known = {name for name, thing in vars(errors).items() if isinstance(thing, type) and name != "ExitCode"}
    classes = [node for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    for _ in classes:  # at most so many generations
        known |= {
            c.name for c in classes for base in c.bases if isinstance(base, ast.Name) and base.id in known
        }
    return known


def called(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def is_telling(node: ast.Call, raised: set[str]) -> bool:
    """Whether the strings in this call reach people: errors, lines for the console, warnings."""
    if called(node) in raised | TELLING:
        return True
    function = node.func
    return (
        isinstance(function, ast.Attribute)
        and function.attr in ("append", "extend")
        and ast.dump(function.value).count("warnings") > 0
    )


def texts_in(tree: ast.AST) -> Iterator[ast.AST]:
    """Every string literal that is no docstring and no part of an f-string."""
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and constant(node.value) is not None:
            skipped.add(node.value)
        if isinstance(node, ast.JoinedStr):
            skipped |= {inner for part in node.values for inner in ast.walk(part)}
        if isinstance(node, ast.Call) and called(node) in NOT_TELLING:
            skipped |= set(ast.walk(node))
    for node in ast.walk(tree):
        if node not in skipped and literal(node) is not None:
            yield node


def messages() -> list[Message]:
    """Everything that the program says to people about a run."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}
    raised = error_classes(trees)
    found = {}
    for path, tree in trees.items():
        told = {
            inner
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and is_telling(node, raised)
            for argument in [*node.args, *(keyword.value for keyword in node.keywords)]
            for inner in texts_in(argument)
        }
        for node in texts_in(tree):
            text = literal(node)
            assert text is not None
            words = len(re.findall(r"[A-Za-z.]{2,}", text))
            listed = (
                words >= 3 and " " in text.strip() and path.relative_to(PACKAGE).as_posix() not in NO_MESSAGES
            )
            if text not in NOT_FOR_PEOPLE and (listed or (node in told and words >= 2)):
                where = f"{path.relative_to(PACKAGE).as_posix()}:{getattr(node, 'lineno', 0)}"
                found[text] = Message(where, text)
    return list(found.values())


MESSAGES = messages()
FRAGMENTS = Counter(part for message in MESSAGES for part in set(message.fragments))


def plain(markdown: str) -> str:
    """The text as people see it: no marks, no line breaks."""
    return " ".join(markdown.replace("`", "").replace("\\|", "|").replace("\\*", "*").split())


@lru_cache(maxsize=None)
def looked_up_in() -> str:
    """The pages on which people look a message up."""
    return " ".join(
        plain((DOCS / name).read_text(encoding="utf-8")) for name in ("troubleshooting.md", "states.md")
    )


def distinctive(message: Message) -> str:
    """The first long fragment that no other message has, else the longest there is."""
    own = [part for part in message.fragments if FRAGMENTS[part] == 1]
    good = [part for part in own if len(part) >= 18 and part.count(" ") >= 2]
    return good[0] if good else max(own or message.fragments, key=len)


def test_the_collection_finds_messages_of_every_kind() -> None:
    """If the collector went blind, the test below would hold for nothing."""
    texts = [message.text for message in MESSAGES]
    for sample in (
        "No .env file found",  # an error, built with format
        "Nothing was installed.",  # short
        "the secret does not fit the access key",  # a value of a table
        "it answered HTTP ",  # a warning that is put together
        "the .adc names images up to byte ",  # a reason of a decision
        "this run goes on without it",  # a returned warning
        "cron is not installed",  # an error of a subclass that another module defines
        "answered HTTP ",  # of a helper that raises
    ):
        assert any(sample in text for text in texts), sample
    assert len(texts) > 200


@pytest.mark.parametrize(
    "message", [message for message in MESSAGES if message.fragments], ids=lambda message: message.where
)
def test_every_message_can_be_looked_up(message: Message) -> None:
    wanted = distinctive(message)
    assert wanted in looked_up_in(), (
        f"{message.where}: nobody can look up {message.text!r}. Add a line to docs/troubleshooting.md (or, for the "
        f"reason of a state, docs/states.md) in which {wanted!r} stands word for word."
    )


def test_every_state_outcome_and_exit_code_is_explained() -> None:
    states = (DOCS / "states.md").read_text(encoding="utf-8")
    for state in (state.value for state in SCAN_COUNTS):
        assert f"\n## {state}\n" in states, state
    verify = (DOCS / "verify.md").read_text(encoding="utf-8")
    for match in ContentMatch:
        assert f"\n| `{match.value}` |" in verify, match
    codes = (DOCS / "exit-codes.md").read_text(encoding="utf-8")
    for name, code in vars(ExitCode).items():
        assert name.startswith("_") or re.search(rf"\| .*\b{code}\b.* \|", codes), (name, code)


def command_lines() -> Iterator[tuple[str, str]]:
    """Each line in a fenced block that calls ifcbscan: its page and its words after the program's name."""
    for page in DOCUMENTS:
        for block in re.findall(r"^```(?:sh|bat)\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S):
            for line in block.splitlines():
                call = re.match(r"(?:\S*[\\/])?ifcbscan (.*)", line)
                if call:
                    yield page.name, call.group(1).partition("  #")[0].partition(" > ")[0]


@pytest.mark.parametrize("page, words", sorted(set(command_lines())))
def test_every_command_line_in_the_docs_is_one_that_ifcbscan_knows(page: str, words: str) -> None:
    try:
        assert options.parse(shlex.split(words.replace("\\", "/"))).command
    except SystemExit as ended:  # --version, --help
        assert ended.code == 0, f"{page}: {words}"


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.name)
def test_every_link_in_the_docs_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?:", target):
            continue
        name, _, anchor = target.partition("#")
        there = (page.parent / name).resolve() if name else page
        assert there.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", there.read_text(encoding="utf-8"), re.M)
            assert anchor in {
                re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in headings
            }, target


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.name != "index.md"], ids=lambda page: page.name
)
def test_every_page_is_in_the_index_and_opens_with_what_the_reader_wants(page: Path) -> None:
    assert f"]({page.name})" in (DOCS / "index.md").read_text(encoding="utf-8")
    assert re.match(r"# I (want|use|got) ", page.read_text(encoding="utf-8"))
