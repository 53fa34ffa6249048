"""Texts of JSON, made by hypothesis: those that jsonb takes as they are, and those that have to be changed first."""

from __future__ import annotations

import json
from collections.abc import Sequence

from hypothesis import strategies as st

TEXTS = st.text(st.characters(codec="utf-8"), max_size=20).map(json.dumps) | st.sampled_from(
    [
        r'"\u0000"',
        r'"\\u0000"',
        r'"\ud800"',
        r'"\ud83d\ude00"',
        r'"\u00e9"',
        r'"\/\b\f"',
        '"ü"',
        '"\x7f"',
        '"[{,"',
        '""',
    ]
)
NUMBERS = st.integers().map(str) | st.sampled_from(
    ["-0", "0.5", "-0.0", "1e5", "1E400", "-1e400", "1e-400", "1.50", "9" * 400, "9" * 5000, "1" * 400 + ".5", "0.1e+2"]
)
VALUES = st.recursive(
    TEXTS | NUMBERS | st.sampled_from(["null", "true", "false", "NaN", "Infinity", "-Infinity"]),
    lambda values: (
        st.lists(values, max_size=4).map(lambda items: f"[{' , '.join(items)}]")
        | st.lists(st.tuples(TEXTS, values), max_size=4).map(lambda members: write_object(members))
    ),
    max_leaves=20,
)
KEYS = st.sampled_from([None, "key", 'a "key" \\'])


def write_object(members: Sequence[tuple[str, str]]) -> str:
    return "{" + ",".join(f"{name}:\t{value}" for name, value in members) + "}"
