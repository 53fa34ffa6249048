"""Malforms a body: missing fields, other types, too long, too deep, unusual characters."""

from __future__ import annotations

import copy
import random
from typing import Any

UNUSUAL_VALUES: list[Any] = [
    None,
    True,
    0,
    -1,
    1.0,
    2**53 + 1,
    10**40,
    1e308,
    "",
    " ",
    "\0",
    "a\0b",
    "\ud800",
    "\u202eevil\u202c",
    "日本語 🚀",
    "x" * 70_000,
    "{{ default }}",
    "2026-99-99T99:99:99Z",
    "infinity",
    "postgres://app:hunter2@db:5432/x",
    "'; drop table incidents; --",
    "%s%n\\",
    [],
    {},
    [[]],
    [None, {}, [1, 2, 3], "level"],
    {"key": None},
    {"values": "x", "frames": 5},
]


def mutate(body: Any, chance: random.Random) -> Any:
    """A copy with one to six changes in places of its own choice."""
    changed = copy.deepcopy(body)
    for _ in range(chance.randint(1, 6)):
        holder, key = _choose(changed, chance)
        change = chance.random()
        if change < 0.25 and isinstance(holder, dict):
            del holder[key]
        elif change < 0.35:
            holder[key] = [holder[key]] * chance.randint(0, 3)
        elif change < 0.4:
            for _ in range(chance.choice([3, 63, 64, 65, 400])):
                holder[key] = {"deeper": holder[key]}
        else:
            holder[key] = copy.deepcopy(chance.choice(UNUSUAL_VALUES))
    return changed


def _choose(root: dict[str, Any], chance: random.Random) -> tuple[Any, Any]:
    """A place to change: its holder and its key. The root always has one."""
    holder: Any = root
    if not root:
        root["action"] = "created"
    while True:
        key = chance.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        inside = holder[key]
        if not isinstance(inside, dict | list) or not inside or chance.random() < 0.15:
            return holder, key
        holder = inside
