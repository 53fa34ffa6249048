"""A stack of these tests' own: they kill it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local import Stack, StackSettings
from tests.conftest import fresh_state
from tests.support.service_process import service_variables

# Where the server is not ours to kill, PostgREST and the service still are.
OWN_POSTGRES = pytest.mark.skipif(
    "STACK_POSTGRES_URL" in os.environ, reason="that server is not ours to kill"
)


@pytest.fixture(scope="module")
def disposable_stack(stack: Stack) -> Iterator[Stack]:
    """The shared stack where the server is another's; else one that only these tests use."""
    if "STACK_POSTGRES_URL" in os.environ:
        yield stack
        return
    with fresh_state() as directory, Stack.start(StackSettings(directory, testing=True)) as own:
        yield own


@contextmanager
def without_postgrest(stack: Stack) -> Iterator[Callable[[], None]]:
    """PostgREST is away until what this gives is called, and at the latest until the end."""
    is_away = True

    def bring_back() -> None:
        nonlocal is_away
        if is_away:
            stack.start_postgrest()
        is_away = False

    stack.stop_postgrest()
    try:
        yield bring_back
    finally:
        bring_back()


@pytest.fixture
def environ(disposable_stack: Stack, tmp_path: Path) -> dict[str, str]:
    """Of a service on that stack; its spool outlives it."""
    return {
        **service_variables(disposable_stack),
        "SPOOL_PATH": str(tmp_path / "spool"),
    }


@pytest.fixture
def log_path(tmp_path: Path) -> Path:
    return tmp_path / "log"
