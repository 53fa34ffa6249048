"""The pages name what exists, all of it and nothing else; their links work; docs/sql-api.md is up to date."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from starlette.routing import Route

from app import problems
from app.main import create_app
from app.settings import Settings
from local import Stack
from local.commands import docs
from tests.support.pages import (
    DOCS,
    GENERATED,
    PAGES,
    PROJECT,
    README,
    Block,
    anchors,
    blocks,
    first_names,
    links,
    prose,
    rows,
    section,
    spans,
)

CONFIGURATION = DOCS / "configuration.md"
HTTP_API = DOCS / "http-api.md"
OPERATIONS = DOCS / "operations.md"
OPERATOR_TASKS = DOCS / "operator-tasks.md"
WRITTEN = [path for path in PAGES if path != GENERATED]


# What the local stack does not have.
ON_HOSTED_SUPABASE = {"create_secret", "update_secret"}
# Names of Supabase's and Railway's, which occur on one page only.
PERMISSIONS = {"project_admin_read", "projects_read", "database_pooling_config_read"}
RAILWAY_VARIABLES = {"RAILWAY_DEPLOYMENT_DRAINING_SECONDS", "RAILWAY_HEALTHCHECK_TIMEOUT_SEC"}
# PostgreSQL's, and the name that a page gives to a publication.
REPLICATION_WORDS = {
    "max_slot_wal_keep_size",
    "monitoring_analytics",
    "pg_drop_replication_slot",
    "pg_last_xact_replay_timestamp",
}
# What Slack answers, and a parameter of Discord's.
CHAT_WORDS = {
    "action_prohibited",
    "channel_is_archived",
    "channel_not_found",
    "invalid_payload",
    "no_service",
    "rollup_error",
    "thread_id",
}
DEPLOYMENT_FILES = ("Dockerfile", "railway.toml", ".railway/railway.ts", ".github/workflows/ci.yml")

CATALOG = """
select pronamespace::regnamespace || '.' || proname from pg_catalog.pg_proc
union
select relnamespace::regnamespace || '.' || relname from pg_catalog.pg_class
"""

FIELDS = """
select entry, field, kind, minimum, maximum, choices, is_required, default_value
from monitoring.config_field
"""


def read(stack: Stack, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(stack.superuser_database_url) as connection:
        return connection.execute(query.encode()).fetchall()


def read_names(stack: Stack, query: str) -> set[str]:
    return {name for (name,) in read(stack, query)}


def sources() -> str:
    """All that is shipped or that `make` runs, as one text."""
    folders = ("app", "benchmarks", "local", "supabase/migrations")
    files = [path for folder in folders for path in (PROJECT / folder).rglob("*") if path.is_file()]
    texts = [path for path in files if path.suffix in (".py", ".sql", ".html", ".control")]
    texts += [PROJECT / name for name in ("Makefile", ".env.example", *DEPLOYMENT_FILES)]
    return "\n".join(path.read_text(encoding="utf-8") for path in texts)


# The pages themselves.


def test_readme_is_short() -> None:
    assert README.stat().st_size <= 6000


def linked_pages(path: Path) -> set[Path]:
    return {path.parent / link.partition("#")[0] for link in links(path)}


def test_readme_links_every_page() -> None:
    assert {path for path in PAGES if path.parent in (PROJECT, DOCS)} - {README} <= linked_pages(README)


def test_each_folder_has_a_page_of_its_name_that_links_its_pages() -> None:
    pages = [path for path in PAGES if path.parent not in (PROJECT, DOCS)]
    assert pages
    assert [path.name for path in pages if path not in linked_pages(path.parent.with_suffix(".md"))] == []


def test_no_two_pages_have_one_name() -> None:
    """A failure names the page by its file name."""
    assert len({path.name for path in PAGES}) == len(PAGES)


@pytest.mark.parametrize("path", [path for path in PAGES if path != README], ids=lambda path: path.name)
def test_the_first_sentence_says_what_the_page_covers(path: Path) -> None:
    title, _, rest = path.read_text(encoding="utf-8").partition("\n\n")
    opening = rest.partition("\n\n")[0]
    assert title.startswith("# ")
    assert opening.startswith("This page ")
    assert opening.endswith(".")
    assert re.search(r"\.\s", opening) is None


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links(path: Path) -> None:
    for link in links(path):
        if link.startswith("https://"):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_generated_page_is_up_to_date(stack: Stack) -> None:
    with psycopg.connect(stack.database_url) as connection:
        text = docs.render(connection)
    assert text == GENERATED.read_text(encoding="utf-8"), "run `make docs`"


# The service.


def test_variables() -> None:
    fields = Settings.model_fields
    documented = {row[0].strip("`"): row[2] for row in rows(section(CONFIGURATION, "Environment variables"))}
    assert documented.keys() == {name.upper() for name in fields}
    for name, field in fields.items():
        cell = documented[name.upper()]
        if isinstance(field.default, tuple) and field.default:
            assert cell == f"`{','.join(field.default)}`", name
        else:
            has_default = isinstance(field.default, str | int | Path)
            assert cell == f"`{field.default}`" if has_default else cell in ("required", "none"), name


def test_routes() -> None:
    settings = Settings(
        SUPABASE_URL="http://127.0.0.1:1",
        SUPABASE_PUBLISHABLE_KEY="sb_publishable_x",
        SUPABASE_SECRET_KEY="sb_secret_x",  # noqa: S106 - of this test
        INGEST_TOKEN="ingest-token-0123456789",  # noqa: S106 - of this test
    )
    routes = [route for route in create_app(settings).routes if isinstance(route, Route)]
    expected = {f"{method} {route.path}" for route in routes for method in (route.methods or set()) - {"HEAD"}}
    assert first_names(section(HTTP_API, "Routes")) == expected


def test_problems() -> None:
    table = problems.PROBLEM_TYPES
    documented = {row[0].strip("`"): int(row[1]) for row in rows(section(HTTP_API, "Errors"))}
    assert documented == {code: row.status for code, row in table.items()}


def test_packages() -> None:
    """Every folder of app/ that holds Python is described, and each of its modules."""
    folders = {path.parent.name for path in (PROJECT / "app").glob("*/*.py")}
    text = section(DOCS / "architecture.md", "Service packages")
    assert folders <= first_names(text)
    for cells in rows(text):
        name = cells[0].strip("`")
        if name in folders:
            modules = {path.stem for path in (PROJECT / "app" / name).glob("[!_]*.py")}
            assert modules <= set(re.findall(r"`([^`]+)`", cells[1])), name


# The database.


def test_functions(stack: Stack) -> None:
    """A function of the API is on the generated page; what else is written like a call exists as well."""
    known = {name.partition(".")[2] for name in read_names(stack, CATALOG)}
    for path in WRITTEN:
        called = {span.partition("(")[0] for span in spans(path) if re.match(r"[a-z_]+\(", span)}
        assert called - known == set(), path.name


def test_config_entries(stack: Stack) -> None:
    entries = {entry for entry, *_ in read(stack, FIELDS)}
    assert entries >= read_names(stack, "select key from public.system_config")
    _, _, page = prose(CONFIGURATION).partition("\n## Entries of system_config\n")
    assert set(re.findall(r"^###+ (.*)$", page, flags=re.MULTILINE)) == entries


def test_config_fields(stack: Stack) -> None:
    expected: dict[str, dict[str, tuple[str, str]]] = {}
    for entry, field, kind, minimum, maximum, choices, is_required, default in read(stack, FIELDS):
        cell = "required" if is_required else "none" if default is None else f"`{json.dumps(default)}`"
        expected.setdefault(entry, {})[field] = (describe_kind(kind, choices, minimum, maximum), cell)
    for entry, fields in expected.items():
        documented = rows(section(CONFIGURATION, entry))
        assert {row[0].strip("`"): (row[1], row[2]) for row in documented} == fields, entry
    kinds = {kind.partition(":")[0].partition(",")[0] for of in expected.values() for kind, _ in of.values()}
    assert kinds - first_names(section(CONFIGURATION, "Entries of system_config")) == set()


def describe_kind(kind: str, choices: list[str] | None, minimum: Decimal | None, maximum: Decimal | None) -> str:
    words = f": {', '.join(choices)}" if choices else ""
    bounds = "" if minimum is None else f", {minimum:,} to {maximum:,}"
    return f"{kind}{words}{bounds}"


def test_named_config_fields_exist(stack: Stack) -> None:
    fields = {f"{entry}.{field}" for entry, field, *_ in read(stack, FIELDS)}
    entries = "|".join(read_names(stack, "select key from public.system_config"))
    for path in WRITTEN:
        named = {span for span in spans(path) if re.fullmatch(rf"(?:{entries})\.[a-z_.]+", span)}
        assert named - fields == set(), path.name


def test_cron_jobs(stack: Stack) -> None:
    with psycopg.connect(stack.database_url) as connection:
        jobs: dict[str, str] = dict(connection.execute("select name, schedule from monitoring.list_jobs()").fetchall())
    documented = rows(section(OPERATIONS, "Scheduled jobs"))
    assert {row[0].strip("`"): row[1].strip("`") for row in documented} == jobs


def test_snippets() -> None:
    named = first_names(section(OPERATIONS, "Queries for the SQL editor"))
    assert named == {path.stem for path in (PROJECT / "supabase" / "snippets").glob("*.sql")}


def test_statements(stack: Stack) -> None:
    """What a statement or a sentence names with its schema exists."""
    known = read_names(stack, CATALOG)
    for path in WRITTEN:
        text = " ".join(spans(path))
        named = set(re.findall(r"(?<!/)\b((?:monitoring|public|cron|net)\.[a-z_]+)", text))
        assert named - known == set(), path.name


# tests/integration/operator/ runs those of the operator tasks, tests/sql/replicas/ those of the page about scale.
SQL = [block for block in blocks("sql") if block.page not in (OPERATOR_TASKS.name, "scale.md")]


@pytest.mark.parametrize("block", SQL, ids=lambda block: block.page)
def test_sql_runs(block: Block, stack: Stack) -> None:
    """As the role postgres, which is the one of the SQL editor."""
    with psycopg.connect(stack.database_url) as connection:
        cursor = connection.execute(block.text.encode())
        assert cursor.rowcount == 1
        connection.rollback()


# The repository.


def test_commands() -> None:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z0-9-]+):.*## ", makefile, flags=re.MULTILINE))
    assert first_names(section(PROJECT / "CONTRIBUTING.md", "Commands")) == {f"make {name}" for name in targets}
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        assert set(re.findall(r"(?:^|`)make ([a-z0-9-]+)", text, flags=re.MULTILINE)) <= targets, path.name


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_paths(path: Path) -> None:
    folders = r"(?:\.ci|app|benchmarks|docs|local|supabase|tests)"
    for span in spans(path):
        if re.fullmatch(rf"{folders}/[\w./-]*", span):
            assert (PROJECT / span).exists(), span


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_identifiers(path: Path) -> None:
    """What looks like an identifier or a variable is one of the code's."""
    pattern = re.compile(r"\b(?:[a-z]+(?:_[a-z0-9]+)+|[A-Z]+(?:_[A-Z]+)+)\b")
    snippets = {file.stem for file in (PROJECT / "supabase" / "snippets").glob("*.sql")}
    examples = {name for block in blocks("json") for name in re.findall(r'_secret": "(\w+)"', block.text)}
    words = {*ON_HOSTED_SUPABASE, *PERMISSIONS, *RAILWAY_VARIABLES, *REPLICATION_WORDS, *CHAT_WORDS, *examples}
    known = {*pattern.findall(sources()), *snippets, *words}
    named = {name for span in spans(path) if "/" not in span for name in pattern.findall(span)}
    assert named - known == set()


def test_json_is_json() -> None:
    for block in blocks("json"):
        json.loads(block.text)
