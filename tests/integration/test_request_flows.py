"""The request flows of docs/architecture.md are the files that requests really pass through, in that order."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar
from pathlib import Path
from types import FrameType

import httpx
import pytest

from app.main import create_app
from app.settings import Settings
from app.web.auth import sign
from local import Stack
from tests.support.service_process import INGEST_TOKEN, PROJECT

APP = PROJECT / "app"
SECRET = "client-secret-of-sentry"  # noqa: S105 - of a service that lives as long as a test
# Tables of types, problems and settings, what is logged and what is counted: used from anywhere, and calling nothing.
LEAVES = {"logs.py", "metrics.py", "problems.py", "settings.py", "state.py"}

is_in_request: ContextVar[bool] = ContextVar("is_in_request", default=False)


def documented_flow(title: str) -> list[str]:
    """The first column of the table under a heading."""
    text = (PROJECT / "docs" / "architecture.md").read_text()
    section = text.partition(f"\n### {title}\n")[2].partition("\n#")[0]
    return re.findall(r"^\| `app/([a-z_/]+\.py)` \|", section, flags=re.MULTILINE)


@pytest.fixture
async def service(stack: Stack, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The application in this process, against the real Supabase."""
    app = create_app(
        Settings(
            SUPABASE_URL=stack.supabase_url,
            SUPABASE_PUBLISHABLE_KEY=stack.publishable_key,
            SUPABASE_SECRET_KEY=stack.secret_key,
            INGEST_TOKEN=INGEST_TOKEN,
            SENTRY_CLIENT_SECRET=(SECRET,),
            SPOOL_PATH=tmp_path / "spool",
        )
    )
    async with app.router.lifespan_context(app) as state:

        async def with_state(scope, receive, send):  # type: ignore[no-untyped-def]
            await app({**scope, "state": dict(state or {})}, receive, send)

        transport = httpx.ASGITransport(with_state)
        async with httpx.AsyncClient(transport=transport, base_url="http://service", timeout=60) as client:
            yield client


async def trace(send: Callable[[], object]) -> list[str]:
    """The files of app/ in which functions run for a request, in the order of their first call."""
    files: list[str] = []

    def note_call(frame: FrameType, event: str, _argument: object) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and is_in_request.get() and path.suffix == ".py" and path.is_relative_to(APP):
            name = path.relative_to(APP).as_posix()
            if name not in files:
                files.append(name)

    token = is_in_request.set(True)
    threading.setprofile(note_call)
    sys.setprofile(note_call)
    try:
        response = await send()  # type: ignore[misc]
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
        is_in_request.reset(token)
    assert response.status_code in (200, 201), response.text
    return [name for name in files if name not in LEAVES]


async def test_error_report(service: httpx.AsyncClient) -> None:
    headers = {"Authorization": f"Bearer {INGEST_TOKEN}"}
    body = {"error": {"message": "a traced request"}, "source": "request-flow"}
    files = await trace(lambda: service.post("/api/autonomous/error", json=body, headers=headers))
    assert files == documented_flow("Error report")
    assert len(files) <= 13


async def test_sentry_delivery(service: httpx.AsyncClient) -> None:
    body = b'{"action":"created","data":{"installation":{"uuid":"a-traced-request"}}}'
    headers = {"Sentry-Hook-Resource": "installation", "Sentry-Hook-Signature": sign(body, SECRET)}
    files = await trace(lambda: service.post("/webhooks/sentry", content=body, headers=headers))
    assert files == documented_flow("Sentry delivery")
    assert len(files) <= 13


async def test_status_page(service: httpx.AsyncClient) -> None:
    files = await trace(lambda: service.get("/status", headers={"Accept": "text/html"}))
    assert files == documented_flow("Status page")
    assert len(files) <= 16
