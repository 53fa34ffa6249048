"""Charts as inline SVG, with axes and texts for screen readers."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup


def day_bars(days: Sequence[Mapping[str, Any]]) -> Markup:
    """A bar for each of 90 days, with the numbers of the day on focus and hover. days as in target_page()."""
    return Markup("")


def latency_chart(points: Sequence[Mapping[str, Any]]) -> Markup:
    """p50 and p95 in milliseconds over time. points: [{"at", "p50_ms", "p95_ms"}], oldest first, null for a gap."""
    return Markup("")


def hour_bars(hours: Sequence[Mapping[str, Any]]) -> Markup:
    """Reports by hour, stacked by severity. hours: [{"hour", "CRITICAL", "HIGH", "MEDIUM", "LOW"}], oldest first."""
    return Markup("")


def count_bars(counts: Sequence[int], since: str) -> Markup:
    """Counts by hour of one incident, oldest first; since is the first hour."""
    return Markup("")
