"""Every task of docs/operator-tasks.md is run by a test of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.operator_tasks import titles

TESTS = "".join(path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parent.glob("test_*.py")))


@pytest.mark.parametrize("title", titles())
def test_the_task_is_run_by_a_test(title: str) -> None:
    assert f'"{title}"' in TESTS
