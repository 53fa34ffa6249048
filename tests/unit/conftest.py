"""Unit tests need no stack: one that asks for it fails."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def stack() -> None:
    pytest.fail("a unit test must not start a stack: move it to tests/integration")
