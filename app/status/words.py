"""Numbers, states and stored texts as pages say them."""

import re
from datetime import datetime
from math import floor

_TONES = {"up": "good", "degraded": "fair", "disputed": "disputed", "down": "bad"}
# Control characters, and those that reverse the text after them.
_UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def show_unseen(text: str) -> str:
    """The text with the code points of unseen characters: it cannot reorder or hide what stands beside it."""
    return _UNSEEN.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)


def tone(status: str | None) -> str:
    """The class that gives a state its colour."""
    return _TONES.get(status or "", "none")


def duration(seconds: float) -> str:
    """3 h 12 min: the two largest units."""
    left, words = int(max(0, seconds)), []
    for size, unit in _UNITS:
        if left >= size:
            words.append(f"{left // size} {unit}")
            left %= size
    return " ".join(words[:2]) or f"{left} s"


def milliseconds(value: float | None) -> str:
    """1,234 ms."""
    return "no data" if value is None else f"{value:,.0f} ms"


def percent(value: float | None) -> str:
    """Truncated, not rounded: a target that failed once never shows 100 %."""
    return "no data" if value is None else f"{floor(round(value * 100, 3)) / 100:g} %"


def run_time(value: float | None) -> str:
    """How long something ran, from milliseconds: 350 ms, 42.5 s, 1 min 21 s, 2 h 5 min."""
    if value is None:
        return "no data"
    if value < 1000:
        return f"{max(value, 0):,.0f} ms"
    if value < 60_000:
        return f"{floor(value / 100) / 10:g} s"
    seconds = int(value / 1000)
    return f"{seconds // 60} min {seconds % 60} s" if seconds < 3600 else duration(seconds)


def from_now(moment: str, now: datetime) -> str:
    """in 41 d 2 h, or 3 d 1 h ago."""
    seconds = (datetime.fromisoformat(moment) - now).total_seconds()
    return f"in {duration(seconds)}" if seconds > 0 else f"{duration(-seconds)} ago"
