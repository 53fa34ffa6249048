"""The README names what exists, and nothing else: variables, routes, functions, entries, jobs, commands."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg
import pytest
from starlette.routing import Route

from app.main import create_app
from app.settings import Settings
from local import Stack

PROJECT = Path(__file__).resolve().parents[2]
README = (PROJECT / "README.md").read_text()

FUNCTIONS = """
select proname
from pg_catalog.pg_proc
where pronamespace = 'public'::regnamespace
  and not exists (select from pg_catalog.pg_depend where objid = pg_proc.oid and deptype = 'e')
"""


def chapter(title: str) -> str:
    """The text under a heading."""
    return README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def first_cells(text: str) -> set[str]:
    """The code in the first column of the tables in a text."""
    cells = re.findall(r"^\| (`[^|]+`) \|", text, flags=re.MULTILINE)
    return {code for cell in cells for code in re.findall(r"`([^`]+)`", cell)}


def read_names(stack: Stack, query: str) -> set[str]:
    with psycopg.connect(stack.superuser_database_url) as connection:
        return {name for (name,) in connection.execute(query)}


def test_variables() -> None:
    expected = {name.upper() for name in Settings.model_fields}
    assert first_cells(chapter("Variables of the service")) == expected


def test_routes() -> None:
    settings = Settings(
        supabase_url="http://127.0.0.1:1",
        supabase_anon_key="anon-key",
        supabase_service_role_key="service-key",
        ingest_token="ingest-token-0123456789",  # noqa: S106 - of no service
    )
    routes = [route for route in create_app(settings).routes if isinstance(route, Route)]
    expected = {
        f"{method} {route.path}" for route in routes for method in (route.methods or set()) - {"HEAD"}
    }
    assert first_cells(chapter("HTTP")) == expected


def test_functions(stack: Stack) -> None:
    named = {cell.partition("(")[0] for cell in first_cells(chapter("RPC and tables")) if "(" in cell}
    assert named == read_names(stack, FUNCTIONS)


def test_config_entries(stack: Stack) -> None:
    keys = read_names(stack, "select key from public.system_config")
    assert keys == first_cells(chapter("RPC and tables").partition("| entry |")[2].partition("\n\n")[0])


def test_cron_jobs(stack: Stack) -> None:
    named = {cell for cell in first_cells(chapter("RPC and tables")) if cell.startswith("monitoring-")}
    assert named == read_names(stack, "select jobname from cron.job where jobname like 'monitoring-%'")


def test_statements(stack: Stack) -> None:
    """What an operator is told to run exists."""
    named = set(re.findall(r"`(?:select|notify)[^`]*?\b((?:monitoring|public)\.[a-z_]+)", README))
    known = read_names(
        stack,
        "select pronamespace::regnamespace || '.' || proname from pg_catalog.pg_proc"
        " union select relnamespace::regnamespace || '.' || relname from pg_catalog.pg_class",
    )
    assert named
    assert named - known == set()


def test_commands() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", (PROJECT / "Makefile").read_text(), flags=re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)", README)) == targets


def test_links() -> None:
    headings = re.findall(r"^##+ (.*)$", README, flags=re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    linked = re.findall(r"\]\(([^)]+)\)", README)
    assert linked
    for link in linked:
        assert link.removeprefix("#") in anchors if link.startswith("#") else (PROJECT / link).exists()


def test_snippets() -> None:
    named = first_cells(chapter("Deploying")) | {"verify_database"}
    assert named == {path.stem for path in (PROJECT / "supabase" / "snippets").glob("*.sql")}


@pytest.mark.parametrize("path", re.findall(r"^\| `([a-z/]+/)` \|", README, flags=re.MULTILINE))
def test_folders(path: str) -> None:
    assert (PROJECT / path).is_dir()
