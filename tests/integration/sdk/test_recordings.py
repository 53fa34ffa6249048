"""What SDKs sent when tests/support/envelope_recorder.py recorded them is understood."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tests.integration.sdk.conftest import Incidents
from tests.integration.sdk.test_envelope_route import AUTH, ROUTE
from tests.support import http_client
from tests.support.envelope_recorder import NAME, RECORDINGS, SCENARIOS
from tests.support.service_process import ServiceProcess

FILES = sorted(RECORDINGS.glob("*.envelope"))


def test_there_are_recordings_of_every_scenario() -> None:
    names = {path.name.rpartition("_")[0] for path in FILES}
    assert names == {f"{sdk}_{scenario}" for sdk in ("node", "python") for scenario in SCENARIOS}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_recording_is_accepted(service: ServiceProcess, path: Path) -> None:
    raw = path.read_bytes()
    headers = {**AUTH, "Content-Encoding": "gzip"}
    answer = http_client.post(f"{service.url}{ROUTE}", content=gzip.compress(raw), headers=headers)
    assert answer.status_code == 200


@pytest.mark.parametrize("sdk", ["node", "python"])
def test_the_events_of_recordings_are_stored(service: ServiceProcess, incidents: Incidents, sdk: str) -> None:
    for path in FILES:
        if path.name.startswith(sdk):
            http_client.post(f"{service.url}{ROUTE}", content=path.read_bytes(), headers=AUTH)
    messages = {each["message"] for each in incidents(NAME)}
    expected = ("could not be priced", "ended at once", "refused the connection", "is nearly full", "is slow")
    assert {f"{NAME} {text}" for text in expected} <= messages
