"""How often somebody may try to sign in: against guessing passwords."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic

from app.problems import problem

ATTEMPT_SECONDS = 15 * 60.0
_KEYS = 10_000


@dataclass
class _Window:
    ends_at: float
    attempts: int = 0


class Attempts:
    """Counts attempts to sign in that have not succeeded, in windows of 15 minutes, by keys such as an address."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._windows: dict[bytes, _Window] = {}  # the oldest first

    def __len__(self) -> int:
        return len(self._windows)

    def begin(self, limits: Mapping[str, int]) -> None:
        """Count an attempt for each key, up to its limit. Raises the Problem `rate-limited`."""
        now = self._clock()
        self._forget_ended(now)
        known = {key: self._windows.get(_digest(key)) for key in limits}
        waits = [window.ends_at - now for key, window in known.items() if window and window.attempts >= limits[key]]
        if waits:
            minutes = round(max(waits) / 60) or 1
            raise problem(
                "rate-limited",
                f"Too many attempts to sign in failed. Try again in {minutes} min.",
                retry_after=int(max(waits)) + 1,
            )
        # Only now: with refused attempts at ever more addresses somebody could push the counts of others out.
        for key in limits:
            self._windows.setdefault(_digest(key), _Window(now + ATTEMPT_SECONDS)).attempts += 1

    def forgive(self, limits: Mapping[str, int]) -> None:
        """The attempt has succeeded, or its failure says nothing about the password."""
        for key in limits:
            window = self._windows.get(_digest(key))
            if window is not None and window.attempts > 0:
                window.attempts -= 1

    def _forget_ended(self, now: float) -> None:
        while self._windows:
            key, window = next(iter(self._windows.items()))
            if window.ends_at > now and len(self._windows) <= _KEYS:
                break
            del self._windows[key]


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode(errors="replace")).digest()
