"""The core stays free of Starlette and of a Postgres driver, and the files stay short."""

import subprocess
import sys

import pytest

from tests.support.service_process import PROJECT

CORE = (
    "bodies",
    "credentials",
    "delivery",
    "filters",
    "forwarder",
    "logs",
    "monitor",
    "problems",
    "reports",
    "retry",
    "verdicts",
)


def imported_with(module: str, wanted: str) -> str:
    script = (
        f"import sys, {module}; print(*(name for name in sys.modules if name.split('.')[0] == {wanted!r}))"
    )
    ended = subprocess.run(  # noqa: S603 - the names are this file's own
        [sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


@pytest.mark.parametrize("module", CORE)
def test_the_core_imports_no_starlette(module: str) -> None:
    assert imported_with(f"app.{module}", "starlette") == ""


@pytest.mark.parametrize("package", ["psycopg", "supabase", "local"])
def test_the_service_does_not_import(package: str) -> None:
    assert imported_with("app.main", package) == ""


def test_files_are_short() -> None:
    lengths = {path.name: len(path.read_text().splitlines()) for path in (PROJECT / "app").glob("*.py")}
    assert {name: length for name, length in lengths.items() if length >= 150} == {}
