"""Notifications to a local server, on the shared stack. The job is off: tests send what is due themselves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local import Stack
from tests.support.notification_receiver import Receiver, notification_receiver
from tests.support.notifications import Notifications, notifications_running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A server whose answers the test chooses by path."""
    with notification_receiver() as running:
        yield running


@pytest.fixture
def notifications(stack: Stack, receiver: Receiver) -> Iterator[Notifications]:
    with notifications_running(stack, receiver) as driver:
        yield driver
