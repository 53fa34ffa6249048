"""Programs with unmodified SDKs for Python and Node, which have nothing of this service but a DSN."""

from __future__ import annotations

import pytest

from tests.integration.sdk.conftest import Incidents, Run, run_node, run_python
from tests.support.service_process import PUBLIC_NAME


def test_a_handled_error(run: Run, dsn: str, source: str, incidents: Incidents) -> None:
    assert run(dsn, source, "handled") == 0
    [incident] = incidents(source)
    assert incident["message"] == f"{source} could not be priced"
    assert incident["error_type"] in ("ValueError", "TypeError")
    assert (incident["sender"], incident["source"]) == (f"public:{PUBLIC_NAME}", PUBLIC_NAME)
    assert (incident["environment"], incident["release"]) == ("staging", f"{source}@1.2.3")
    assert "program." in incident["stack"]
    context = incident["context"]
    assert context["tags"]["tenant"] == "acme"
    assert [each["message"] for each in context["breadcrumbs"]] == [f"step {number}" for number in range(10, 30)]


def test_a_user_is_reduced_to_a_hash(run: Run, dsn: str, source: str, incidents: Incidents) -> None:
    run(dsn, source, "handled")
    [incident] = incidents(source)
    assert len(incident["context"]["user"]) == 12
    for private in ("user-42", "jane@example.com", "10.1.2.3"):
        assert private not in str(incident)


def test_an_unhandled_error_of_a_program_that_ends(run: Run, dsn: str, source: str, incidents: Incidents) -> None:
    assert run(dsn, source, "unhandled") == 1
    [incident] = incidents(source)
    assert incident["message"] == f"{source} ended at once"
    assert incident["context"]["sentry"]["handled"] is False


def test_an_unhandled_rejection(dsn: str, source: str, incidents: Incidents) -> None:
    run_node(dsn, source, "rejection")
    [incident] = incidents(source)
    assert incident["message"] == f"{source} was rejected"


def test_a_chain_of_errors(run: Run, dsn: str, source: str, incidents: Incidents) -> None:
    run(dsn, source, "chained")
    [incident] = incidents(source)
    assert incident["message"] == f"{source} refused the connection"
    assert incident["context"]["reported_error"]["message"] == f"{source} has no cart"


def test_a_logged_error(dsn: str, source: str, incidents: Incidents) -> None:
    run_python(dsn, source, "logged")
    [incident] = incidents(source)
    assert incident["message"] == f"{source} cannot be reached"


def test_a_message(run: Run, dsn: str, source: str, incidents: Incidents) -> None:
    run(dsn, source, "message")
    [incident] = incidents(source)
    assert incident["message"] == f"{source} is nearly full"


def test_the_same_error_again_is_counted(run: Run, dsn: str, source: str, incidents: Incidents) -> None:
    run(dsn, source, "handled")
    run(dsn, source, "handled")
    assert [incident["occurrence_count"] for incident in incidents(source)] == [2]


def test_a_fingerprint_groups_different_errors(run: Run, dsn: str, source: str, incidents: Incidents) -> None:
    run(dsn, source, "fingerprints")
    assert [incident["occurrence_count"] for incident in incidents(source)] == [2]


def test_a_fingerprint_divides_the_same_error(run: Run, dsn: str, source: str, incidents: Incidents) -> None:
    run(dsn, source, "default_fingerprints")
    assert sorted(incident["occurrence_count"] for incident in incidents(source)) == [1, 2]


def test_an_event_of_300_kb(run: Run, dsn: str, source: str, incidents: Incidents) -> None:
    run(dsn, source, "large")
    [incident] = incidents(source)
    assert len(incident["context"]["breadcrumbs"]) == 20


@pytest.mark.parametrize("scenario", ["burst"])
def test_a_burst_of_1000_events(run: Run, dsn: str, source: str, incidents: Incidents, scenario: str) -> None:
    assert run(dsn, source, scenario) == 0
    assert [incident["occurrence_count"] for incident in incidents(source)] == [1000]
