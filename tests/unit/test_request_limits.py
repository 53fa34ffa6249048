"""The limit on the bytes of all request bodies that are being read at once."""

import pytest

from app.problems import Problem
from app.web.body import BodyBudget


def test_bodies_that_are_being_read_share_a_limit() -> None:
    budget = BodyBudget(100)
    budget.acquire(60)
    with pytest.raises(Problem) as caught:
        budget.acquire(60)
    assert caught.value.code == "overloaded"
    budget.release(60)
    budget.acquire(100)
