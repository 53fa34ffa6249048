"""Rules of the migration files that the catalog cannot show: names, headers and one SQL dialect."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest

from local.commands import names as names_command

FOLDER = Path(__file__).parents[2] / "supabase" / "migrations"
FILES = sorted(FOLDER.glob("*"))
NAME = re.compile(r"(?P<date>\d{8})(?P<topic_number>\d\d)(?P<number>\d{4})_(?P<topic>[a-z]+)_[a-z0-9_]+\.sql")
# The order in which a reader meets them, which is also the order of their dependencies.
TOPICS = [
    "setup",
    "config",
    "table",
    "sanitize",
    "classify",
    "ingest",
    "delivery",
    "sentry",
    "monitor",
    "incident",
    "agent",
    "look",
    "probe",
    "heartbeat",
    "notify",
    "read",
    "retention",
    "jobs",
    "install",
]
OBJECT = re.compile(
    r"^\s*create (?:schema|extension|type|sequence|table|unlogged table|view|function|trigger)"
    r" (?:if not exists )?([a-z0-9_.]+)",
    re.MULTILINE,
)
FUNCTION = re.compile(r"^create function (?P<name>[a-z0-9_.]+)\(.*?^\$\$;$", re.MULTILINE | re.DOTALL)


def names(path: Path) -> re.Match[str]:
    match = NAME.fullmatch(path.name)
    assert match is not None, f"{path.name} is not <date><topic number><number>_<topic>_<what>.sql"
    return match


def header(text: str) -> str:
    """The comment lines at the beginning of a file, joined."""
    lines = text.split("\n")
    end = next(number for number, line in enumerate(lines) if not line.startswith("--"))
    return " ".join(line.removeprefix("--").strip() for line in lines[:end])


def functions(path: Path) -> Iterator[tuple[str, str]]:
    for match in FUNCTION.finditer(path.read_text(encoding="utf-8")):
        yield match["name"], match[0]


# ---- names ----


def test_each_topic_is_one_block_in_reading_order() -> None:
    topics = [topic for topic, _ in groupby(FILES, lambda path: names(path)["topic"])]
    assert topics == TOPICS
    numbers = {(names(path)["topic_number"], names(path)["topic"]) for path in FILES}
    assert len(numbers) == len(TOPICS)


def test_files_of_a_topic_leave_gaps() -> None:
    """So that a file can go between two others before version 1.0."""
    numbers = [int(names(path)["number"]) for path in FILES]
    assert [number for number in numbers if number % 10] == []


def test_the_first_file_knows_all_names() -> None:
    """It stops the push where a project uses one of them. `make names` writes the list."""
    text = names_command.file_with_names().read_text(encoding="utf-8")
    assert names_command.with_names(text) == text


# ---- headers ----


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_header_has_purpose_objects_and_risks(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = re.fullmatch(r"Purpose: (.+?) Objects: (.+?) Risks: (.+)", header(text))
    assert found is not None
    listed = set(re.findall(r"[a-z0-9_.]*[a-z0-9_]", found[2]))
    created = set(OBJECT.findall(text))
    assert created - listed == set()
    assert {name for name in listed if "." in name} - created == set()


# ---- dialect ----


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_functions_are_written_alike(path: Path) -> None:
    form = re.compile(
        r"create function [a-z0-9_.]+\([^$]*?\)\n"
        r"(?:returns [^\n]+\n(?:  [^\n]+\n|\)\n)*)?"
        r"language (?:sql|plpgsql)\n"
        r"(?:immutable|stable|volatile)\n"
        r"(?:strict\n)?(?:parallel safe\n)?"
        r"security (?:invoker|definer)\n"
        r"set search_path = ''\n"
        r"(?:set enable_[a-z_]+ = off\n)*(?:set plan_cache_mode = force_(?:generic|custom)_plan\n)?"
        r"(?:set timezone = 'UTC'\n)?"
        r"(?:set (?:lock|statement)_timeout = '[0-9a-z]+'\n)*"
        r"as \$\$\n.*\n\$\$;",
        re.DOTALL,
    )
    texts = list(functions(path))
    assert [name for name, text in texts if not form.fullmatch(text)] == []
    assert len(texts) == path.read_text(encoding="utf-8").count("\ncreate function ")
    plain_end = [name for name, text in texts if re.search(r"^language plpgsql$", text, re.MULTILINE)]
    assert [name for name, text in texts if name in plain_end and not text.endswith("\nend\n$$;")] == []
    assert [name for name, text in texts if name not in plain_end and text.endswith(";\n$$;")] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_function_is_over_100_lines(path: Path) -> None:
    assert [name for name, text in functions(path) if text.count("\n") >= 100] == []


@pytest.mark.parametrize(
    ("pattern", "instead"),
    [
        (r"\bcast\(", "value::type"),
        (r"\bE'", "e'…' in lower case"),
        (r"\bchr\(", "e'…'"),
        (r"\b(?:text|integer|bigint|jsonb) \[\]", "type[]"),
        (r"\b(?:any|all) \(", "any(…)"),
        (r"\bend (?!if\b|loop\b|case\b)[a-z_]+;", "end without a label"),
    ],
)
def test_each_thing_is_written_in_one_way(pattern: str, instead: str) -> None:
    found = [
        f"{path.name}: {match[0]}, instead of {instead}"
        for path in FILES
        for match in re.finditer(pattern, path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_functions_of_the_closed_schema_are_not_revoked_one_by_one() -> None:
    """The last file revokes them all."""
    texts = [path.read_text(encoding="utf-8") for path in FILES]
    assert [text for text in texts if "revoke all on function monitoring." in text] == []


def test_functions_of_the_exposed_schema_are_revoked_and_granted_below_their_body() -> None:
    """Supabase's default privileges grant EXECUTE to the API roles by name, so each revoke names them."""
    wrong = []
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        for name, body in functions(path):
            if not name.startswith("public."):
                continue
            below = text[text.index(body) + len(body) :]
            roles = "public, anon, authenticated, service_role"
            revoke = rf"\n\nrevoke all on function {re.escape(name)}\([^;]*from {roles};"
            if not re.match(rf"{revoke}\n\ngrant execute on function {re.escape(name)}\(", below):
                wrong.append(name)
    assert wrong == []
