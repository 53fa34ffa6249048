"""Circuit breaker: while Supabase is unavailable, reports go straight to the spool instead of waiting for a timeout."""

import logging

_logger = logging.getLogger(__name__)


class CircuitBreaker:
    """Opened by a failed call; closed when the replay reaches the database again."""

    def __init__(self) -> None:
        self.is_open = False

    def open(self, reason: str) -> None:
        """A call failed because Supabase is unavailable."""
        if not self.is_open:
            _logger.warning("circuit breaker opened, reports go to the spool: %s", reason)
        self.is_open = True

    def close(self) -> None:
        """A call succeeded."""
        if self.is_open:
            _logger.info("circuit breaker closed, reports go to the database")
        self.is_open = False
