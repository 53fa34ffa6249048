"""The operator exports incidents and uptime: the files contain what is stored, whatever the texts contain."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from local import Stack
from local.stack.dev_file import variables
from tests.support.operator_tasks import run_shell_task, run_sql_task

MESSAGES = [
    "commas, \"quotes\", 'apostrophes'",
    "two\nlines\r\nand three",
    "C:\\temp\\new and \\\\server",
    "Zürich 漢字 🚀 é",
    " spaces around ",
    "(a,b) {x} ;|\t tab",
    "",
]
FORMULAS = ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\uff1d1"]
# Years in which no other test has rows.
PERIOD = {"2026-01-01": "2001-01-01", "2027-01-01": "2003-01-01"}
ROWS = 1002


@pytest.fixture(scope="module")
def incidents(superuser_database_url: str) -> Iterator[list[str]]:
    """More than a page of incidents; returns their messages, oldest first."""
    messages = [*MESSAGES, *FORMULAS]
    messages += [f"message {number}" for number in range(ROWS - len(messages))]
    begin = datetime(2002, 1, 1, tzinfo=UTC)
    rows = [(f"export {number}", message, begin + timedelta(minutes=number)) for number, message in enumerate(messages)]
    insert = """
    insert into public.incidents (
      fingerprint, title, message, severity, category, rule, first_seen, last_seen, status, resolved_at, stack
    )
    values (%s, 't', %s, 'LOW', 'backend', 'unmatched', %s, '2002-12-31', 'resolved', '2002-12-31', 'at line 1')
    """
    with psycopg.connect(superuser_database_url, autocommit=True) as connection:
        # Without audit rows, so that the incidents can be deleted.
        connection.execute("set session_replication_role = replica")
        connection.cursor().executemany(insert, rows)
        yield messages
        connection.execute("delete from public.incidents where fingerprint like 'export %'")


def environment(stack: Stack) -> dict[str, str]:
    """What `.local/dev.env` contains."""
    return variables(stack, "http://127.0.0.1:1")


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def test_incidents_as_csv(incidents: list[str], sql_editor: psycopg.Connection, stack: Stack, tmp_path: Path) -> None:
    title = "Export incidents as CSV"
    run_shell_task(title, environment(stack), tmp_path, PERIOD)
    rows = read_csv(tmp_path / "incidents.csv")
    expected = ["'" + message if message in FORMULAS else message for message in incidents]
    assert [row["message"] for row in rows] == expected
    assert (rows[0]["severity"], rows[0]["first_seen"]) == ("LOW", "2002-01-01T00:00:00+00:00")
    assert not {"stack", "context"} & rows[0].keys()

    (in_editor,) = run_sql_task(sql_editor, title, PERIOD)
    assert [row[2] for row in in_editor] == incidents


def test_incidents_as_json(incidents: list[str], stack: Stack, tmp_path: Path) -> None:
    run_shell_task("Export incidents as JSON", environment(stack), tmp_path, PERIOD)
    pages = [json.loads((tmp_path / f"incidents-{page}.json").read_text(encoding="utf-8")) for page in (1, 2, 3)]
    assert [len(page) for page in pages] == [1000, ROWS - 1000, 0]
    assert [row["message"] for page in pages for row in page] == incidents


def test_both_formats_have_the_same_columns_and_values(incidents: list[str], stack: Stack) -> None:
    rows = json.loads(get(stack, "export_incidents", "application/json").text, parse_float=str)
    text = get(stack, "export_incidents_csv", "text/csv")
    assert text.headers["content-type"] == "text/csv; charset=utf-8"
    lines = list(csv.reader(io.StringIO(text.text, newline=""), strict=True))
    assert lines[0] == list(rows[0])
    assert len(lines) == len(rows) + 1 == 1001
    for row, line in zip(rows, lines[1:], strict=True):
        cells = ["" if value is None else str(value) for value in row.values()]
        assert [cell.removeprefix("'") if cell[1:2] and cell[1] in "=+-@\uff1d" else cell for cell in line] == cells


def test_null_is_no_empty_text(incidents: list[str], stack: Stack) -> None:
    """The empty message is quoted; the missing type and code are not."""
    assert "" in incidents
    assert ',"t","",,,"LOW",' in get(stack, "export_incidents_csv", "text/csv").text


@pytest.mark.parametrize("name", ["export_incidents", "export_uptime"])
def test_an_empty_page_has_only_a_header(name: str, stack: Stack) -> None:
    period = {"since": "1901-01-01", "until": "1902-01-01"}
    assert get(stack, name, "application/json", **period).json() == []
    header = get(stack, f"{name}_csv", "text/csv", **period).text
    assert header.endswith("\n")
    assert header.count("\n") == 1


@pytest.mark.parametrize("name", ["export_incidents", "export_incidents_csv", "export_uptime", "export_uptime_csv"])
@pytest.mark.parametrize("changes", [{"page": "0"}, {"page_size": "1001"}, {"page_size": "0"}])
def test_pages_are_bounded(name: str, changes: dict[str, str], stack: Stack) -> None:
    """PostgREST cuts an answer off after 1,000 rows on hosted Supabase, without a word."""
    media_type = "text/csv" if name.endswith("_csv") else "application/json"
    response = get(stack, name, media_type, **changes)
    assert response.status_code == 400
    assert response.json()["message"] == "since and until must be times, page 1 or more, page_size 1 to 1000"


@pytest.fixture
def checks(sql_editor: psycopg.Connection) -> Iterator[None]:
    """A day of a target, summed up by hour."""
    sql_editor.execute(
        """
        insert into monitoring.target_hourly_stats
        values
        ('=exported', '2002-05-01 22:00Z', 60, 50, 4, 3, 2, 1, 100, 200, 900, 3000, 240, 180, 120, 60, 0),
        ('=exported', '2002-05-01 23:00Z', 12, 12, 0, 0, 0, 0, 300, 400, 900, 720, 0, 0, 0, 0, 2880)
        """
    )
    yield
    sql_editor.execute("delete from monitoring.target_hourly_stats where target = '=exported'")


def test_uptime(checks: None, stack: Stack, tmp_path: Path) -> None:
    run_shell_task("Export uptime", environment(stack), tmp_path, PERIOD)
    rows = read_csv(tmp_path / "uptime.csv")
    (row,) = (list(row.values()) for row in rows)
    assert row == ["2002-05-01", "'=exported", "72", "62", "4", "3", "2", "1", "95.652", "3.0", "200", "400"]
    first = get(stack, "export_uptime", "application/json").json()[0]
    assert (first["target"], first["uptime_percent"]) == ("=exported", 95.652)


def get(stack: Stack, name: str, media_type: str, **parameters: str) -> httpx.Response:
    """As a signed-in user, who reads what the policies show."""
    return httpx.get(
        f"{stack.supabase_url}/rest/v1/rpc/{name}",
        params={"since": "2001-01-01", "until": "2003-01-01", **parameters},
        headers={
            "apikey": stack.publishable_key,
            "Authorization": f"Bearer {stack.authenticated_jwt}",
            "Accept": media_type,
        },
        timeout=30,
    )


def test_nobody_exports_without_a_token(stack: Stack) -> None:
    url = f"{stack.supabase_url}/rest/v1/rpc/export_incidents?since=2001-01-01"
    response: Any = httpx.get(url, headers={"apikey": stack.publishable_key}, timeout=30)
    assert response.json()["code"] == "42501"
