"""The documentation as a site: it builds strictly and without a network, and loads nothing from other hosts.

Skips without mkdocs, which is in the extra `dev`; `.ci/run lint` has it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from support.places import REPOSITORY

pytest.importorskip("mkdocs")
pytestmark = [pytest.mark.slow, pytest.mark.any_python]


class Loaded(HTMLParser):
    """The addresses that a browser fetches by itself to show a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        wanted = ("href",) if tag == "link" else ("src", "srcset", "data", "poster")
        self.addresses += [value or "" for name, value in attrs if name in wanted]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    nowhere = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")
    config = REPOSITORY / "packaging" / "site" / "mkdocs.yml"
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "-q", "-f", str(config), "-d", str(folder)],
        env=dict(os.environ, **nowhere),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")
    return folder


def pages(site: Path) -> dict[str, str]:
    return {
        path.relative_to(site).as_posix(): path.read_text(encoding="utf-8") for path in site.rglob("*.html")
    }


def test_the_navigation_is_the_table_of_the_index(site: Path) -> None:
    index = (REPOSITORY / "docs" / "index.md").read_text(encoding="utf-8")
    named = [name + ".html" for name in re.findall(r"\]\(([\w-]+)\.md\) \|$", index, re.M)]
    assert len(named) > 10
    navigation = pages(site)["project/overview.html"].partition("wy-menu-vertical")[2].partition("</nav>")[0]
    linked = re.findall(r'href="\.\./([\w-]+\.html)"', navigation)
    assert linked == ["index.html", *named]


def test_a_page_outside_docs_leads_to_the_pages_of_the_site_and_back(site: Path) -> None:
    assert 'href="../states.html"' in pages(site)["project/overview.html"]
    assert 'href="tests.html"' in pages(site)["project/contributing.html"]
    assert 'href="../security.html"' in pages(site)["project/reporting.html"]
    assert (site / "project" / "license.txt").read_bytes() == (REPOSITORY / "LICENSE").read_bytes()


def test_nothing_is_loaded_from_another_host(site: Path) -> None:
    loaded = {name: Loaded(page).addresses for name, page in pages(site).items()}
    assert any("css" in address for address in loaded["index.html"])
    for path in site.rglob("*.css"):
        text = path.read_text(encoding="utf-8")
        loaded[path.name] = re.findall(r"""(?:url\(|@import)\s*["']?([^"')\s]+)""", text)
    for path in site.rglob("*.svg"):
        loaded[path.name] = re.findall(r'(?:href|src)="([^"]*)"', path.read_text(encoding="utf-8"))
    elsewhere = {
        (name, address)
        for name, found in loaded.items()
        for address in found
        if re.match(r"\w+:|//", address)
    }
    assert {(name, address) for name, address in elsewhere if not address.startswith("data:")} == set()


def test_no_list_and_no_table_is_shown_as_text(site: Path) -> None:
    """mkdocs wants a blank line before a list, and four columns where GitHub is content with two."""
    paragraphs = [
        (name, text) for name, page in pages(site).items() for text in re.findall(r"<p>(.*?)</p>", page, re.S)
    ]
    assert [found for found in paragraphs if re.search(r"^ *([-*|]|\d+\.) ", found[1], re.M)] == []
