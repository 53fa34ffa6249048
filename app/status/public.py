"""The status page for everybody, rendered once for all of its readers."""

import asyncio
import gzip
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from time import monotonic
from typing import Any

from app.status.cache import SharedCache
from app.status.page import find_warnings, render, site_of
from app.status.snapshot import Snapshot
from app.supabase.errors import ResponseError, SupabaseError, UnreachableError
from app.supabase.monitor import DatabaseMonitor

# How long a page with warnings is sent again: it says how old its data are.
_WARNING_SECONDS = 5.0

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RenderedPage:
    """A document in UTF-8, also compressed with gzip. status is that of the HTTP response; only 200 has an etag."""

    status: int
    document: bytes
    compressed: bytes
    etag: str | None


@dataclass(frozen=True)
class PublicView:
    """The variables of public.html. error is why the data are older ones, or missing."""

    variables: Mapping[str, Any]
    error: SupabaseError | None

    @property
    def status(self) -> int:
        """The HTTP status."""
        return 503 if self.error else 200


class PublicPage:
    """Renders the page when the data have changed, or what the service itself knows about them."""

    def __init__(self, data: SharedCache[Mapping[str, Any]], monitor: DatabaseMonitor, snapshot: Snapshot) -> None:
        self._data = data
        self._monitor = monitor
        self._snapshot = snapshot
        self._lock = asyncio.Lock()
        self._page: RenderedPage | None = None
        self._key: object = None

    async def read(self) -> RenderedPage:
        """The page. Never raises SupabaseError: then the page says that its data are old."""
        view = await self.view()
        key = self._key_of(view)
        async with self._lock:
            if self._page is None or key != self._key:
                self._page, self._key = await asyncio.to_thread(_render, view), key
            return self._page

    async def view(self) -> PublicView:
        """What public.html shows now. The data are shared for some seconds."""
        data, error = await self._fetch()
        now, read_at = datetime.now(UTC), None
        if error is not None:
            # The overall state is not taken from older data.
            last = self._data.last
            data, read_at = {**(last.result or {}), "overall": None}, last.read_at
        variables = {
            "now": now,
            "path": "/status",
            "root": "",
            "reader": None,
            "form_token": "",
            "site": site_of(data),
            "is_signed_in": False,
            "warnings": find_warnings(self._snapshot.status(), error, read_at, now),
            "refusal": None,
            "overall": data.get("overall") or "unknown",
            "targets": data.get("targets", []),
            "targets_limit": data.get("targets_limit"),
            "targets_are_cut": data.get("targets_are_cut", False),
            "maintenance": data.get("maintenance", []),
        }
        return PublicView(variables, error)

    async def _fetch(self) -> tuple[Mapping[str, Any], SupabaseError | None]:
        if self._monitor.last.state == "down":
            return {}, UnreachableError("the last probe failed")  # the page need not wait for another timeout
        try:
            return await self._data.read(), None
        except SupabaseError as error:
            # The monitor has logged a refusal.
            if isinstance(error, ResponseError) and self._monitor.last.state != "refused":
                _logger.error("supabase rejected the public status page: %s: %s", error, error.message)
            return {}, error

    def _key_of(self, view: PublicView) -> object:
        """Equal for views that need not be rendered again."""
        titles = tuple(warning.title for warning in view.variables["warnings"])
        return self._data.last.read_at, view.status, titles, int(monotonic() / _WARNING_SECONDS) if titles else 0


def _render(view: PublicView) -> RenderedPage:
    document = render("public.html", view.variables).encode()
    etag = f'W/"{sha256(document).hexdigest()[:32]}"' if view.status == 200 else None
    return RenderedPage(view.status, document, gzip.compress(document, mtime=0), etag)
