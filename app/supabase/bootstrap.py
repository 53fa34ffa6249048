"""What the service asks of the database once, when it starts: its own targets, the first round of health checks, and
links to its pages.

All are RPCs that replicas may call at the same time without harm.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from app.settings import Settings
from app.supabase.client import SupabaseClient
from app.supabase.errors import SupabaseError

FIRST_ROUND_SECONDS = 5.0
_RETRY_SECONDS = 5.0

_logger = logging.getLogger(__name__)

Result = TypeVar("Result")


async def bootstrap(supabase: SupabaseClient, settings: Settings) -> None:
    """Write the targets, start the round, write the links, and return.

    Retries each for as long as the database is unavailable.
    """
    start = asyncio.get_running_loop().time()
    console = settings.admin_console_url[0] if settings.admin_console_url else None
    if settings.backend_api_url or console:
        targets = await _retry_until_done(
            lambda: supabase.write_service_targets(settings.backend_api_url, console), "writing the targets"
        )
        _log_targets(targets)
    await asyncio.sleep(max(0.0, start + FIRST_ROUND_SECONDS - asyncio.get_running_loop().time()))
    sent = await _retry_until_done(supabase.start_health_check_round, "starting the first round")
    _logger.info("first round of health checks: %s requests", sent)
    url = settings.public_url
    if url is not None:
        outcome = await _retry_until_done(lambda: supabase.write_service_url(url), "writing the link to incidents")
        _log_link(outcome)


async def _retry_until_done(call: Callable[[], Awaitable[Result]], what: str) -> Result:
    logged = ""
    while True:
        try:
            return await call()
        except SupabaseError as error:
            if str(error) != logged:
                logged = str(error)
                _logger.warning("%s waits for the database: %s", what, logged)
        await asyncio.sleep(_RETRY_SECONDS)


def _log_targets(targets: object) -> None:
    for target in targets if isinstance(targets, list) else []:
        if isinstance(target, Mapping):
            name, result, reason = (target.get(member) for member in ("name", "result", "reason"))
            level = logging.WARNING if result == "refused" else logging.INFO
            _logger.log(level, "target %s: %s%s", name, result, f" ({reason})" if reason else "")


def _log_link(outcome: object) -> None:
    if isinstance(outcome, Mapping):
        result, reason = outcome.get("result"), outcome.get("reason")
        level = logging.WARNING if result == "refused" else logging.INFO
        _logger.log(level, "link to incidents: %s%s", result, f" ({reason})" if reason else "")
