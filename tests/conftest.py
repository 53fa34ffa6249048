"""What tests share: one stack a session, with every migration pushed by the real CLI."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local import Stack, StackSettings
from local.stack.settings import external_postgres_url
from local.stack.state_directory import StateLockedError, remove_state
from local.system.paths import LOCAL

TEST_STATES = LOCAL / "test"

pytest_plugins = ["tests.support.service_fixtures"]


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """A fresh database. STACK_POSTGRES_URL puts it on another server."""
    drop_abandoned_states()
    with fresh_state() as directory:
        settings = StackSettings(directory, external_postgres_url(), testing=True)
        with Stack.start(settings) as running:
            yield running


@pytest.fixture
def state() -> Iterator[Path]:
    """For a test that starts, breaks or stops a stack of its own."""
    with fresh_state() as directory:
        yield directory


@pytest.fixture(scope="session")
def database_url(stack: Stack) -> str:
    """As the role postgres, which is no superuser."""
    return stack.database_url


@pytest.fixture(scope="session")
def superuser_database_url(stack: Stack) -> str:
    return stack.superuser_database_url


@contextmanager
def fresh_state() -> Iterator[Path]:
    """A state directory of its own, dropped at the end with all that it kept elsewhere."""
    folder = TEST_STATES / secrets.token_hex(4)
    try:
        yield folder / "state"
    finally:
        drop(folder)


def drop(folder: Path) -> None:
    remove_state(folder / "state")
    shutil.rmtree(folder)


def drop_abandoned_states() -> None:
    """A session that was killed could not clean up; its lock went with it."""
    for folder in TEST_STATES.iterdir() if TEST_STATES.exists() else ():
        try:
            drop(folder)
        except StateLockedError:
            continue  # another session is using it
