"""The limit on the bytes of all request bodies that are being read at once."""

import pytest

from app.door import ReadingBudget
from app.problems import Problem


def test_bodies_that_are_being_read_share_a_limit() -> None:
    budget = ReadingBudget(100)
    budget.take(60)
    with pytest.raises(Problem) as caught:
        budget.take(60)
    assert caught.value.code == "overloaded"
    budget.give_back(60)
    budget.take(100)
