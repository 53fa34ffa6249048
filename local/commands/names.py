"""`make names`: writes the names of all objects that the migrations create into the functions that list them.

The first migration compares the names with what a project already contains, the last one sets privileges by them. They
are read from the texts of the files, so that no database is needed.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

from local.system.errors import StackError
from local.system.paths import PROJECT

MIGRATIONS = PROJECT / "supabase" / "migrations"
BLOCK = re.compile(r"(    -- names: ([a-z ]+), written by `make names`\n).*?(    -- names: end\n)", re.DOTALL)
KINDS = {"type": "type", "table": "relation", "view": "relation", "sequence": "relation", "function": "function"}
OBJECT = re.compile(
    rf"^\s*create (?:or replace |unlogged )?({'|'.join(KINDS)}) (public|monitoring)\.(\w+)", re.MULTILINE
)
INDEX = re.compile(r"^create (?:unique )?index (\w+)\s+on (public|monitoring)\.", re.MULTILINE)
JOB = re.compile(r"^\s+(?:\(\s*)?'(monitoring-[a-z-]+)', '", re.MULTILINE)
GRANT = re.compile(r"^grant ([a-z, ]+) on (\w+) ([^;]*?)\s+to ([a-z_, ]+);", re.MULTILINE)
GRANTED = {("execute", "function"): "function", ("select", "table"): "relation"}
WIDTH = 118


def run(_state: Path) -> None:
    path = file_with_names()
    path.write_text(with_names(path.read_text(encoding="utf-8")), encoding="utf-8")


def file_with_names() -> Path:
    """The last migration that contains the lists."""
    return max(path for path in MIGRATIONS.glob("*.sql") if BLOCK.search(path.read_text(encoding="utf-8")))


def with_names(text: str) -> str:
    """The text of that migration with the current names."""
    return BLOCK.sub(lambda block: block[1] + _rows(block[2]) + block[3], text)


def _rows(list_name: str) -> str:
    rows = []
    for (kind, schema, grantees), all_names in sorted(_names().items(), reverse=True):
        names = [name for name in all_names if list_name == _list_of(kind, schema, name)]
        if not names:
            continue
        lines = textwrap.fill(
            " ".join(sorted(names)),
            WIDTH,
            initial_indent=" " * 6,
            subsequent_indent=" " * 6,
            break_on_hyphens=False,
        )
        rows.append(f"    ('{schema}', '{kind}', '{grantees}', '\n{lines}\n    ')")
    return ",\n".join(rows) + "\n"


def _list_of(kind: str, schema: str, name: str) -> str:
    """The list of the file that an object belongs to. The internal functions are too many for one."""
    if kind != "function":
        return "other objects"
    if schema == "public":
        return "functions"
    if name < "f":
        return "internal functions a to e"
    return "internal functions f to l" if name < "m" else "internal functions m to z"


def _names() -> dict[tuple[str, str, str], set[str]]:
    """Names by kind, schema and the roles that they are granted to. Jobs have the schema of pg_cron."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(MIGRATIONS.glob("*.sql"))]
    grantees = {name: roles for text in texts for name, roles in _grants(text)}
    names: dict[tuple[str, str, str], set[str]] = {}
    for text in texts:
        for what, schema, name in OBJECT.findall(text):
            key = (KINDS[what], schema, grantees.get((KINDS[what], schema, name), ""))
            names.setdefault(key, set()).add(name)
        for name, schema in INDEX.findall(text):
            names.setdefault(("index", schema, ""), set()).add(name)
        for name in JOB.findall(text):
            names.setdefault(("job", "cron", ""), set()).add(name)
    return names


def _grants(text: str) -> Iterator[tuple[tuple[str, str, str], str]]:
    """Kind, schema and name of each object that is granted, and the roles."""
    for privilege, what, objects, roles in GRANT.findall(text):
        if (privilege, what) not in GRANTED:
            raise StackError(
                f"secure_objects() grants execute on functions and select on tables, not {privilege} on {what}."
            )
        for schema, name in re.findall(r"(public|monitoring)\.(\w+)", re.sub(r"\(.*\)", "", objects, flags=re.DOTALL)):
            yield (GRANTED[privilege, what], schema, name), roles
