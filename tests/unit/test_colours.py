"""Colours of pages have the contrast that WCAG 2.2 AA asks for, light and dark: text 4.5, edges and bars 3."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

STYLE = (files("app.status") / "templates" / "site.css").read_text(encoding="utf-8")
DARK = "@media screen and (prefers-color-scheme: dark)"
TONES = ("good", "fair", "bad", "none", "disputed", "info")


def variables(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})\b", block))


def scheme(name: str) -> dict[str, str]:
    """The colours of a scheme; the dark one keeps those that it does not name."""
    light = variables(STYLE.partition(DARK)[0])
    dark = variables(STYLE.partition(DARK)[2].partition("/* Base */")[0])
    return light if name == "light" else {**light, **dark}


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


TEXTS = [
    *((text, ground) for text in ("text", "quiet", "link") for ground in ("page", "card", "sunken")),
    *((tone, ground) for tone in TONES for ground in (f"{tone}-soft", "card")),
    *(("text", f"{tone}-soft") for tone in TONES),
    *((word, f"{word}-soft") for word in ("high", "medium", "low")),
    ("on-critical", "critical"),
    ("on-button", "button"),
    ("on-button", "danger"),
    ("on-tip", "tip"),
]
EDGES = [
    *(("border", ground) for ground in ("card", "page")),
    *(("link", ground) for ground in ("card", "page")),
    *((f"{name}-bar", "card") for name in ("bad", "disputed", "info", "critical")),
    *((line, "card") for line in ("p50-line", "p95-line")),
]


@pytest.mark.parametrize("name", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXTS)
def test_text(name: str, text: str, ground: str) -> None:
    colours = scheme(name)
    assert contrast(colours[text], colours[ground]) >= 4.5


@pytest.mark.parametrize("name", ["light", "dark"])
@pytest.mark.parametrize(("edge", "ground"), EDGES)
def test_edges(name: str, edge: str, ground: str) -> None:
    colours = scheme(name)
    assert contrast(colours[edge], colours[ground]) >= 3


def test_the_overall_state() -> None:
    grounds = dict(re.findall(r"\.overall\.(\w+) \{ background: (#[0-9a-f]{6});", STYLE))
    assert set(grounds) == {"good", "bad", "info", "fair"}
    for tone, ground in grounds.items():
        assert contrast("#1d1500" if tone == "fair" else "#ffffff", ground) >= 4.5
