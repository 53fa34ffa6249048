"""What the service does once for the health checks: it writes its own targets, and starts the first round.

Both are one call of an RPC, and both are harmless when another replica makes them too.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from app.settings import Settings
from app.supabase_rest import SupabaseRest
from app.verdicts import Refusal, Unreachable

FIRST_ROUND_SECONDS = 5.0
_RETRY_SECONDS = 5.0

_logger = logging.getLogger(__name__)

Result = TypeVar("Result")


async def begin_watching(supabase: SupabaseRest, settings: Settings) -> None:
    """Returns when the database has the targets and the round; tries for as long as it is away."""
    start = asyncio.get_running_loop().time()
    console = settings.admin_console_url[0] if settings.admin_console_url else None
    if settings.backend_api_url or console:
        targets = await _persist(
            lambda: supabase.write_service_targets(settings.backend_api_url, console), "writing the targets"
        )
        _tell(targets)
    await asyncio.sleep(max(0.0, start + FIRST_ROUND_SECONDS - asyncio.get_running_loop().time()))
    sent = await _persist(supabase.start_health_check_round, "starting the first round")
    _logger.info("first round of health checks: %s requests", sent)


async def _persist(call: Callable[[], Awaitable[Result]], what: str) -> Result:
    said = ""
    while True:
        try:
            return await call()
        except (Unreachable, Refusal) as failure:
            if str(failure) != said:
                said = str(failure)
                _logger.warning("%s waits for the database: %s", what, said)
        await asyncio.sleep(_RETRY_SECONDS)


def _tell(targets: object) -> None:
    for target in targets if isinstance(targets, list) else []:
        if isinstance(target, Mapping):
            refused = target.get("result") == "refused"
            _logger.log(
                logging.WARNING if refused else logging.INFO,
                "target %s: %s%s",
                target.get("name"),
                target.get("result"),
                f" ({target['reason']})" if target.get("reason") else "",
            )
