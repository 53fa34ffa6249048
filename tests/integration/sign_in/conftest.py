"""A service with an operator."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.browser import Browser
from tests.support.service_budgets import UNHURRIED
from tests.support.service_process import running_service

OPERATOR_TOKEN = "operator-token-of-a-test"  # noqa: S105 - of a service that lives as long as a test


@pytest.fixture(scope="module")
def url(service_environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    environ = {**service_environ, "OPERATOR_TOKEN": OPERATOR_TOKEN}
    with running_service(environ, tmp_path_factory.mktemp("sign-in") / "log", budgets=UNHURRIED) as service:
        yield service.url


@pytest.fixture
def browser(url: str) -> Iterator[Browser]:
    with Browser(url) as opened:
        yield opened
