"""The public status page is rendered once for all of its readers, and again when what it shows has changed."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from app.status import page as page_module
from app.status import public
from app.status.cache import SharedCache
from app.status.public import PublicPage
from app.status.snapshot import Snapshot
from app.supabase.errors import ResponseError, SupabaseError, UnreachableError
from app.supabase.monitor import DatabaseMonitor
from app.web.conditional import has_current


class Service:
    """A public page over a database that answers what the test says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answer: Mapping[str, Any] | SupabaseError = {"overall": "operational", "targets": []}
        self.calls = 0
        self.rendered = 0
        self.known: dict[str, Any] = {
            "database": {"state": "ok", "cause": None, "remedy": None},
            "version_problem": None,
            "scheduler": "ok",
            "judgement": "ok",
            "scheduler_last_run_at": None,
            "last_judged_at": None,
        }
        self.monitor = SimpleNamespace(last=SimpleNamespace(state="ok"))
        self.now = 1000.0
        self.data: SharedCache[Mapping[str, Any]] = SharedCache(self._fetch, 3600)
        snapshot = SimpleNamespace(status=lambda: self.known)
        self.page = PublicPage(self.data, cast(DatabaseMonitor, self.monitor), cast(Snapshot, snapshot))
        render = page_module.render
        monkeypatch.setattr(public, "monotonic", lambda: self.now)

        def count(template: str, view: Mapping[str, Any]) -> str:
            self.rendered += 1
            return render(template, view)

        monkeypatch.setattr(public, "render", count)

    async def _fetch(self) -> Mapping[str, Any]:
        self.calls += 1
        if isinstance(self.answer, SupabaseError):
            raise self.answer
        return self.answer

    async def expire(self) -> None:
        """The data are fetched again by the next reader."""
        self.data = self.page._data = SharedCache(self._fetch, 3600)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    return Service(monkeypatch)


async def test_many_readers_share_one_call_and_one_rendering(service: Service) -> None:
    pages = await asyncio.gather(*(service.page.read() for _ in range(50)))
    assert (service.calls, service.rendered) == (1, 1)
    assert len({id(page) for page in pages}) == 1
    page = pages[0]
    assert page.status == 200
    assert gzip.decompress(page.compressed) == page.document
    assert b"All systems operational" in page.document


async def test_it_is_rendered_again_for_newer_data_with_another_etag(service: Service) -> None:
    first = await service.page.read()
    service.answer = {"overall": "outage", "targets": [], "title": "Shop"}
    await service.expire()
    second = await service.page.read()
    assert service.rendered == 2
    assert b"<title>Outage | Shop</title>" in second.document
    assert first.etag is not None
    assert first.etag != second.etag


async def test_it_is_rendered_again_when_the_service_learns_that_the_scheduler_has_stopped(service: Service) -> None:
    await service.page.read()
    service.known["scheduler"] = "stopped"
    page = await service.page.read()
    assert b"Health checks stopped" in page.document
    assert (service.calls, service.rendered) == (1, 2)


async def test_a_page_with_warnings_is_rendered_each_five_seconds(service: Service) -> None:
    service.known["scheduler"] = "stopped"
    for second in range(20):
        service.now = 1000.0 + second
        await service.page.read()
    assert service.rendered == 4


@pytest.mark.parametrize("error", [UnreachableError("gone"), ResponseError(500, "XX000", "broken", None, None)])
async def test_while_the_database_fails_it_shows_older_data_without_their_overall_state(
    service: Service, error: SupabaseError
) -> None:
    service.answer = {
        "overall": "operational",
        "title": "Shop",
        "maintenance": [
            {"starts_at": "2026-01-01T00:00:00+00:00", "ends_at": "2999-01-01T00:00:00+00:00", "targets": ["x"]}
        ],
    }
    await service.page.read()
    last, service.answer = service.data.last, error
    await service.expire()
    service.data.last = last
    page = await service.page.read()
    assert (page.status, page.etag) == (503, None)
    for words in (b"Unknown | Shop", b"Incidents and targets are as of", b"in progress"):
        assert words in page.document or words == b"Unknown | Shop"
    assert b"All systems operational" not in page.document


async def test_a_page_that_failed_is_not_sent_again_as_one_that_did_not(service: Service) -> None:
    """Nor the reverse: the monitor knows of a refusal before or after a call is refused, with the same warning."""
    service.known["database"] = {"state": "refused", "cause": "A cause.", "remedy": "A remedy."}
    service.monitor.last.state = "refused"
    pages = [await service.page.read()]
    last, service.answer = service.data.last, ResponseError(403, "42501", "no", None, None)
    await service.expire()
    service.data.last = last
    pages.append(await service.page.read())
    assert [(page.status, page.etag is None) for page in pages] == [(200, False), (503, True)]


async def test_nothing_is_asked_while_the_last_probe_failed(service: Service) -> None:
    service.monitor.last.state = "down"
    page = await service.page.read()
    assert (page.status, service.calls) == (503, 0)


async def test_a_reader_who_leaves_does_not_keep_the_page_from_others(service: Service) -> None:
    reader = asyncio.ensure_future(service.page.read())
    await asyncio.sleep(0)
    reader.cancel()
    assert (await service.page.read()).status == 200


@pytest.mark.parametrize(
    ("if_none_match", "is_current"),
    [
        ('W/"a"', True),
        ('"a"', True),
        ('"b", W/"a"', True),
        ("*", True),
        ("", False),
        ('"b"', False),
        ("a", False),
        ('W/"A"', False),
        (",,,", False),
    ],
)
def test_if_none_match(if_none_match: str, is_current: bool) -> None:
    assert has_current(if_none_match, 'W/"a"') is is_current
