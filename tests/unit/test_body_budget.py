"""How much of inflated bodies is held at a time."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from app.problems import Problem
from app.web.body import BodyBudget, BodyLimits


def budget_of(total_bytes: int) -> BodyBudget:
    return BodyBudget(BodyLimits(100, total_bytes, bodies=10, seconds=1.0, replaces_oldest=True))


def test_what_was_read_of_bodies_is_held_up_to_the_limit_of_all_bodies() -> None:
    budget = budget_of(1000)
    with ExitStack() as held:
        held.enter_context(budget.hold_read(600))
        held.enter_context(budget.hold_read(400))
        with pytest.raises(Problem) as refused, budget.hold_read(1):
            pass
        assert refused.value.code == "overloaded"
    with budget.hold_read(1000):
        pass


def test_one_body_is_held_whatever_its_size() -> None:
    budget = budget_of(1000)
    with budget.hold_read(5000), pytest.raises(Problem), budget.hold_read(1):
        pass
    with budget.hold_read(0), budget.hold_read(5000):
        pass
