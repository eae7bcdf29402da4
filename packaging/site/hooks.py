"""What mkdocs is not told by its configuration: the order of the pages, and the pages that lie outside docs/.

mkdocs calls these functions (mkdocs.yml, `hooks`).
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

REPOSITORY = Path(__file__).resolve().parents[2]
DOCS = REPOSITORY / "docs"

#: File of the repository -> its place in the site. A folder of their own, because SECURITY.md and docs/security.md
#: are one file where upper and lower case are alike.
OUTSIDE = {
    "README.md": "project/overview.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "tests/README.md": "project/tests.md",
    "CHANGELOG.md": "project/changelog.md",
    "SECURITY.md": "project/reporting.md",
    "LICENSE": "project/license.txt",
    "CITATION.cff": "project/CITATION.cff",
}


def anchor(heading: str, separator: str) -> str:
    """The anchor that GitHub gives to a heading, so that links to it are right there and here."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", separator)


def on_config(config: MkDocsConfig) -> None:
    """The navigation is the table of docs/index.md, in its order and with its words."""
    config.mdx_configs["toc"] = {"slugify": anchor}
    table = (DOCS / "index.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\|.*\| \[(.+)\]\((\S+\.md)\) \|$", table, re.M)
    config.nav = [
        {"what it is": OUTSIDE["README.md"]},
        {"what do you want to do?": "index.md"},
        {"pages": [{title: page} for title, page in rows]},
        {
            "the project": [
                {"what changed": OUTSIDE["CHANGELOG.md"]},
                {"working on it": OUTSIDE["CONTRIBUTING.md"]},
                {"the tests": OUTSIDE["tests/README.md"]},
                {"reporting a vulnerability": OUTSIDE["SECURITY.md"]},
            ]
        },
    ]


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Adds the files outside docs/."""
    for path, place in OUTSIDE.items():
        files.append(File.generated(config, place, abs_src_path=str(REPOSITORY / path)))


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lets links that are right in the repository lead to the same page of the site.

    A link to what is not in the site stays as it is, and mkdocs complains of it.
    """
    here = Path(str(page.file.abs_src_path)).parent
    folder = posixpath.dirname(page.file.src_uri)

    def moved(match: re.Match[str]) -> str:
        target = (here / match.group(1)).resolve()
        for path, place in OUTSIDE.items():
            if target == REPOSITORY / path:
                return "](" + posixpath.relpath(place, folder)
        if target.is_file() and DOCS in target.parents:
            return "](" + posixpath.relpath(target.relative_to(DOCS).as_posix(), folder)
        return match.group(0)

    return re.sub(r"\]\(([^)\s#:]+)", moved, markdown)
