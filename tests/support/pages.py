"""README, CONTRIBUTING and docs/, as the tests that compare them with the code read them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

PROJECT = Path(__file__).resolve().parents[2]
README = PROJECT / "README.md"
DOCS = PROJECT / "docs"
PAGES = [README, PROJECT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
GENERATED = DOCS / "sql-api.md"

# A block in a list is indented.
_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", flags=re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.*)$", flags=re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block, with the text of its section that stands before it."""

    page: str
    before: str
    text: str

    @property
    def needs_account(self) -> bool:
        return "Needs an account" in self.before

    @property
    def needs_docker(self) -> bool:
        return "Needs Docker" in self.before


def blocks(language: str) -> list[Block]:
    """The fenced blocks of all pages that are in one language."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in PAGES}
    return [
        Block(name, text[: fence.start()].rpartition("\n#")[2], dedent(fence[2]))
        for name, text in texts.items()
        for fence in _FENCE.finditer(text)
        if fence[1] == language
    ]


def prose(path: Path) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("", path.read_text(encoding="utf-8"))


def spans(path: Path) -> list[str]:
    """The code spans of a page."""
    return re.findall(r"`([^`\n]+)`", prose(path))


def section(path: Path, title: str) -> str:
    """The text under a heading, up to the next heading of any level."""
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#|\Z)", prose(path), flags=re.MULTILINE | re.DOTALL)
    assert found, f"{path.name} has no section {title}"
    return found[1]


def rows(text: str) -> list[list[str]]:
    """The cells of the tables in a text, without their heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    heads = {index - 1 for index, row in enumerate(cells) if set(row[0]) == {"-"}}
    return [row for index, row in enumerate(cells) if index not in heads and set(row[0]) != {"-"}]


def first_names(text: str) -> set[str]:
    """The code spans in the first cells of the tables in a text."""
    return {name for row in rows(text) for name in re.findall(r"`([^`]+)`", row[0])}


def anchors(path: Path) -> set[str]:
    """What a link to a heading of the page may name, as GitHub derives it."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in _HEADING.findall(prose(path))}


def links(path: Path) -> list[str]:
    """The targets of a page's links and pictures."""
    return re.findall(r"\]\(([^)\s]+)\)", prose(path))
