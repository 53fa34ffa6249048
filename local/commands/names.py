"""`make names`: writes the names of all objects that the migrations create into the functions that list them.

The first migration compares them with what a project already contains. They are read from the texts of the files, so
that no database is needed.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from local.system.paths import PROJECT

MIGRATIONS = PROJECT / "supabase" / "migrations"
BLOCK = re.compile(r"(    -- names: ([a-z ]+), written by `make names`\n).*?(    -- names: end\n)", re.DOTALL)
KINDS = {"type": "type", "table": "relation", "view": "relation", "sequence": "relation", "function": "function"}
OBJECT = re.compile(rf"^\s*create (?:or replace )?({'|'.join(KINDS)}) (public|monitoring)\.(\w+)", re.MULTILINE)
INDEX = re.compile(r"^create (?:unique )?index (\w+)\s+on (public|monitoring)\.", re.MULTILINE)
JOB = re.compile(r"cron\.schedule\(\s*'([\w-]+)'")
WIDTH = 118


def run(_state: Path) -> None:
    path = file_with_names()
    path.write_text(with_names(path.read_text(encoding="utf-8")), encoding="utf-8")


def file_with_names() -> Path:
    """The last migration that contains the lists."""
    return max(path for path in MIGRATIONS.glob("*.sql") if BLOCK.search(path.read_text(encoding="utf-8")))


def with_names(text: str) -> str:
    """The text of that migration with the current names."""
    return BLOCK.sub(lambda block: block[1] + _rows(block[2] == "functions") + block[3], text)


def _rows(of_functions: bool) -> str:
    rows = []
    for (schema, kind), names in sorted(_names().items(), reverse=True):
        if (kind == "function") is not of_functions:
            continue
        lines = textwrap.fill(" ".join(sorted(names)), WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6)
        rows.append(f"    ('{schema}', '{kind}', '\n{lines}\n    ')")
    return ",\n".join(rows) + "\n"


def _names() -> dict[tuple[str, str], set[str]]:
    """Names by schema and kind. Jobs have the schema of pg_cron."""
    names: dict[tuple[str, str], set[str]] = {}
    for path in MIGRATIONS.glob("*.sql"):
        text = path.read_text(encoding="utf-8")
        for what, schema, name in OBJECT.findall(text):
            names.setdefault((schema, KINDS[what]), set()).add(name)
        for name, schema in INDEX.findall(text):
            names.setdefault((schema, "index"), set()).add(name)
        for name in JOB.findall(text):
            names.setdefault(("cron", "job"), set()).add(name)
    return names
