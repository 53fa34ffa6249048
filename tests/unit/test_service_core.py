"""The service's dependencies: no Postgres driver, no package that is only for development, the size of the service."""

import subprocess
import sys

import pytest

from tests.support.service_process import PROJECT

# Pages and the sign-in to them, and the client program that tests a deployment.
PAGES_AND_CLIENTS = (
    "status/",
    *(
        "routes/incident_pages.py",
        "routes/kill_switch.py",
        "routes/sign_in.py",
        "routes/status.py",
        "routes/target_page.py",
    ),
    *("web/session.py", "web/csrf.py", "web/attempts.py", "web/page.py", "web/page_headers.py", "web/problem_page.py"),
    *("supabase/auth.py", "smoke.py", "doctor.py"),
)


def imported_with(module: str, package: str) -> str:
    script = f"import sys, {module}; print(*(name for name in sys.modules if name.split('.')[0] == {package!r}))"
    ended = subprocess.run(  # noqa: S603 - the names are this file's own
        [sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


@pytest.mark.parametrize("module", ["problems", "settings", "ingest.service", "ingest.replay", "supabase.client"])
def test_what_runs_below_http_imports_no_starlette(module: str) -> None:
    assert imported_with(f"app.{module}", "starlette") == ""


@pytest.mark.parametrize("package", ["psycopg", "supabase", "local"])
def test_the_service_does_not_import(package: str) -> None:
    assert imported_with("app.main", package) == ""


def test_the_service_is_thin() -> None:
    folder = PROJECT / "app"
    lengths = {path.relative_to(folder).as_posix(): len(path.read_text().splitlines()) for path in folder.rglob("*.py")}
    assert sum(length for name, length in lengths.items() if not name.startswith(PAGES_AND_CLIENTS)) <= 8600
