"""Numbers and states as pages say them."""

from math import floor

_TONES = {"up": "good", "degraded": "fair", "disputed": "disputed", "down": "bad"}
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


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
