"""Fixtures that all tests share: one stack per session, to which the Supabase CLI has pushed every migration.

The folder of a test is its tier, and each tier is a marker: `pytest -m unit`.
"""

from __future__ import annotations

import fcntl
import os
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
from tests.support.progress import Progress

TESTS = Path(__file__).parent
TEST_STATES = LOCAL / "test"

pytest_plugins = ["tests.support.service_fixtures"]


def pytest_configure(config: pytest.Config) -> None:
    if external_postgres_url() and getattr(config.option, "numprocesses", None):
        raise pytest.UsageError("STACK_POSTGRES_URL names one database for all tests: set WORKERS=0.")
    is_worker = hasattr(config, "workerinput")
    if not is_worker and config.option.verbose >= 0 and not config.option.collectonly:
        config.pluginmanager.register(Progress(config, LOCAL / "test-durations.json"))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks each test with its tier, which is the first folder of its path."""
    for item in items:
        item.add_marker(item.path.relative_to(TESTS).parts[0])


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """A stack with an empty database. STACK_POSTGRES_URL puts it on another server."""
    drop_abandoned_states()
    with fresh_state() as directory:
        settings = StackSettings(directory, external_postgres_url(), testing=True)
        with Stack.start(settings) as running:
            yield running


@pytest.fixture
def state() -> Iterator[Path]:
    """The state directory of a stack that the test starts by itself."""
    with fresh_state() as directory:
        yield directory


@pytest.fixture(scope="session")
def database_url(stack: Stack) -> str:
    """The URL of the role postgres, which is no superuser."""
    return stack.database_url


@pytest.fixture(scope="session")
def superuser_database_url(stack: Stack) -> str:
    return stack.superuser_database_url


@contextmanager
def fresh_state() -> Iterator[Path]:
    """A new state directory. At the end it is removed, with everything that it keeps elsewhere."""
    folder = TEST_STATES / secrets.token_hex(4)
    folder.mkdir(parents=True)
    with owned(folder) as is_ours:
        assert is_ours
        try:
            yield folder / "state"
        finally:
            drop(folder)


@contextmanager
def owned(folder: Path) -> Iterator[bool]:
    """Locks a folder and yields whether that succeeded. The lock of a killed session ends with it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(descriptor)


def drop(folder: Path) -> None:
    remove_state(folder / "state")
    shutil.rmtree(folder)


def drop_abandoned_states() -> None:
    """Removes what sessions left that were killed. Folders of other sessions that run now are locked."""
    for folder in TEST_STATES.iterdir() if TEST_STATES.exists() else ():
        try:
            with owned(folder) as is_ours:
                if is_ours:
                    drop(folder)
        except (FileNotFoundError, StateLockedError):
            continue  # another session drops it, or a stack of a killed session is still ending
