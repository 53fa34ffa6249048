"""Circuit breaker of one feed: while its calls get no answer, reports go straight to the spool instead of waiting."""

import logging
from collections.abc import Callable
from time import monotonic
from typing import Literal

# One failure may be one report's, or a connection that broke.
_FAILURES_TO_OPEN = 3
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 15.0

_logger = logging.getLogger(__name__)


class CircuitBreaker:
    """Opened by consecutive calls without an answer. After a pause one trial call closes or reopens it."""

    def __init__(self, feed: str, clock: Callable[[], float] = monotonic) -> None:
        self._feed = feed
        self._clock = clock
        self._failures = 0
        self._pause = _FIRST_PAUSE_SECONDS
        self._trial_at = 0.0
        self.state: Literal["closed", "open", "half-open"] = "closed"

    @property
    def is_closed(self) -> bool:
        """Whether calls are made without a pause."""
        return self.state == "closed"

    def begin_trial(self) -> bool:
        """Whether a call may be made although the breaker is open: one after each pause."""
        now = self._clock()
        if now < self._trial_at:
            return False
        # If the trial never ends, because its report stays in a queue, another one follows.
        self._trial_at = now + self._pause
        self.state = "half-open"
        return True

    def record_answer(self) -> None:
        """A call was answered, whatever the answer is."""
        if not self.is_closed:
            _logger.info("circuit breaker of %s closed, reports go to the database", self._feed)
        self.state = "closed"
        self._failures = 0

    def record_failure(self, reason: str) -> None:
        """A call got no answer: it was refused, reset, timed out or found the database unavailable."""
        if self.state == "closed":
            self._failures += 1
            if self._failures >= _FAILURES_TO_OPEN:
                _logger.warning("circuit breaker of %s opened, reports go to the spool: %s", self._feed, reason)
                self._open(_FIRST_PAUSE_SECONDS)
        elif self.state == "half-open":
            self._open(min(self._pause * 2, _LONGEST_PAUSE_SECONDS))
        # A call that began before the breaker opened says nothing new.

    def _open(self, pause: float) -> None:
        self.state = "open"
        self._pause = pause
        self._trial_at = self._clock() + pause
