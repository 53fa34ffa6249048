"""A stack that these tests may break."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local import Stack, StackSettings
from tests.conftest import fresh_state
from tests.support.report_load import lift_limit_of_new_incidents
from tests.support.service_process import service_variables

# The server of STACK_POSTGRES_URL is not killed; PostgREST and the service are.
OWN_POSTGRES = pytest.mark.skipif(
    "STACK_POSTGRES_URL" in os.environ, reason="the server of STACK_POSTGRES_URL is not killed"
)


@pytest.fixture(scope="session")
def disposable_stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """A stack that only these tests use; with STACK_POSTGRES_URL, the shared one."""
    if "STACK_POSTGRES_URL" in os.environ:
        shared: Stack = request.getfixturevalue("stack")
        lift_limit_of_new_incidents(shared)
        yield shared
        return
    with fresh_state() as directory, Stack.start(StackSettings(directory, testing=True)) as own:
        lift_limit_of_new_incidents(own)
        yield own


@contextmanager
def without_postgrest(stack: Stack) -> Iterator[Callable[[], None]]:
    """Stops PostgREST, until the function that this yields is called or until the context ends."""
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
    """The variables of a service on that stack; its spool outlives the service."""
    return {
        **service_variables(disposable_stack),
        "SPOOL_PATH": str(tmp_path / "spool"),
    }


@pytest.fixture
def log_path(tmp_path: Path) -> Path:
    return tmp_path / "log"
