"""Random names in tests stay as they are in a report, which loses what can be the number of a payment card."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]


def test_no_random_name_has_the_length_of_a_card_number() -> None:
    """Of 13 to 19 hex digits, one name in 16,000 is a card number: now and then a test would fail."""
    lengths = {
        f"{path.relative_to(TESTS)}: {call}": 2 * int(size)
        for path in TESTS.rglob("*.py")
        for call, size in re.findall(r"(token_hex\((\d+)\))", path.read_text(encoding="utf-8"))
    }
    assert lengths
    assert [call for call, length in lengths.items() if 13 <= length <= 19] == []
