"""The circuit breaker: while Supabase is known to be away, nobody waits to find it out again."""

import logging

_logger = logging.getLogger(__name__)


class Breaker:
    """Open: reports go to the spool at once. It closes when a call of the replay gets through."""

    def __init__(self) -> None:
        self._is_open = False

    @property
    def is_open(self) -> bool:
        """Whether calls are not worth trying."""
        return self._is_open

    def trip(self, why: str) -> None:
        """A call failed."""
        if not self._is_open:
            _logger.warning("supabase is away, reports go to the spool: %s", why)
        self._is_open = True

    def close(self) -> None:
        """A call got through."""
        if self._is_open:
            _logger.info("supabase is back, reports go to it again")
        self._is_open = False
