"""The database fails on every report, for a reason of its own: all of them wait, and all are stored after it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from local import Stack
from tests.support import http_client
from tests.support.report_load import HEADERS, ROUTE, ReportLoad
from tests.support.service_process import ServiceProcess, is_drained, running_service
from tests.support.waiting import wait_until

REPORTS = 400
Fault = Callable[[psycopg.Connection[Any]], None]

RAISING = """
create function monitoring.fail() returns trigger language plpgsql as $$
begin
  if tg_argv[1] is null or new.message like tg_argv[1] then
    raise exception using errcode = tg_argv[0], message = 'the test says so';
  end if;
  return new;
end
$$;
"""


def refuse_incidents(database: psycopg.Connection[Any], code: str, pattern: str | None = None) -> None:
    """Makes every insert of an incident fail with the SQLSTATE, or those with a message like the pattern."""
    database.execute(RAISING)
    arguments = sql.SQL(", ").join(sql.Literal(each) for each in (code, pattern) if each is not None)
    database.execute(
        sql.SQL(
            "create trigger fails before insert on public.incidents for each row execute function monitoring.fail({})"
        ).format(arguments)
    )


def accept_incidents(database: psycopg.Connection[Any]) -> None:
    database.execute("drop function monitoring.fail() cascade")


def execute(database: psycopg.Connection[Any], statement: str) -> None:
    database.execute(statement.encode())


def use_up_sequence(database: psycopg.Connection[Any]) -> None:
    (last,) = database.execute("select last_value from public.incident_number").fetchone() or (0,)
    execute(database, f"alter sequence public.incident_number maxvalue {last}")


FAULTS: dict[str, tuple[Fault, Fault]] = {
    **{
        code: (lambda database, code=code: refuse_incidents(database, code), accept_incidents)  # type: ignore[misc]
        for code in ("XX000", "58030", "53100", "25006", "57014", "40001")
    },
    "42703": (
        lambda database: execute(database, "alter table public.incidents rename column message to message_is_gone"),
        lambda database: execute(database, "alter table public.incidents rename column message_is_gone to message"),
    ),
    "2200H": (
        use_up_sequence,
        lambda database: execute(database, "alter sequence public.incident_number no maxvalue"),
    ),
    "42P01": (
        lambda database: execute(database, "alter table monitoring.event_receipts rename to receipts_are_gone"),
        lambda database: execute(database, "alter table monitoring.receipts_are_gone rename to event_receipts"),
    ),
    "42883": (
        lambda database: execute(
            database, "alter function monitoring.store_events(monitoring.prepared_event[]) rename to store_is_gone"
        ),
        lambda database: execute(
            database, "alter function monitoring.store_is_gone(monitoring.prepared_event[]) rename to store_events"
        ),
    ),
    "PGRST202": (
        lambda database: execute(
            database,
            "alter function public.ingest_events(jsonb) rename to ingest_is_gone; notify pgrst, 'reload schema'",
        ),
        lambda database: execute(
            database,
            "alter function public.ingest_is_gone(jsonb) rename to ingest_events; notify pgrst, 'reload schema'",
        ),
    ),
}


@contextmanager
def broken(stack: Stack, fault: str) -> Iterator[None]:
    break_it, heal = FAULTS[fault]
    with psycopg.connect(stack.superuser_database_url, autocommit=True) as database:
        break_it(database)
        try:
            yield
        finally:
            heal(database)


@pytest.fixture
def service(environ: dict[str, str], log_path: Path) -> Iterator[ServiceProcess]:
    with running_service(environ, log_path) as running:
        yield running


def spool_of(service: ServiceProcess) -> Any:
    return http_client.get(f"{service.url}/health").json()["spool"]


def calls_that_failed(service: ServiceProcess) -> int:
    return sum("supabase" in line["msg"] for line in service.logs())


@pytest.mark.parametrize("fault", FAULTS)
def test_a_database_that_fails_on_everything_loses_and_buries_nothing(
    disposable_stack: Stack, service: ServiceProcess, fault: str
) -> None:
    load = ReportLoad([service.url])
    with broken(disposable_stack, fault):
        asyncio.run(load.run(REPORTS))
        assert load.statuses == {202: REPORTS}
        # The replay has tried: so often that three tries of one report would have been over.
        before = calls_that_failed(service)
        wait_until(lambda: calls_that_failed(service) >= before + 4, what="some calls of the replay")
        assert (spool_of(service)["depth"], spool_of(service)["dead_letters"]) == (REPORTS, 0)
    load.assert_stored_once(disposable_stack.database_url, [service.url])
    assert spool_of(service)["dead_letters"] == 0


def test_under_a_lock_that_lasts_nothing_is_lost_and_the_reports_are_answered(
    disposable_stack: Stack, service: ServiceProcess
) -> None:
    load = ReportLoad([service.url])
    with psycopg.connect(disposable_stack.superuser_database_url) as database:
        database.execute("lock table public.incidents in share mode")
        asyncio.run(load.run(REPORTS))
        assert load.statuses == {202: REPORTS}
        wait_until(
            lambda: http_client.get(f"{service.url}/health").json()["breakers"]["events"] != "closed",
            what="the open breaker, after calls that ended with 57014",
        )
        assert spool_of(service)["dead_letters"] == 0
        database.rollback()
    load.assert_stored_once(disposable_stack.database_url, [service.url])
    assert spool_of(service)["dead_letters"] == 0


@pytest.mark.parametrize("code", ["XX000", "P0001"])
def test_of_two_thousand_reports_exactly_the_poisoned_one_becomes_a_dead_letter(
    disposable_stack: Stack, service: ServiceProcess, code: str
) -> None:
    poison = f"poison {secrets.token_hex(6)}"
    load = ReportLoad([service.url])
    with psycopg.connect(disposable_stack.superuser_database_url, autocommit=True) as database:
        refuse_incidents(database, code, f"{poison}%")
        try:
            body = {"error": {"message": poison}, "fingerprint": poison, "source": poison}
            assert http_client.post(service.url + ROUTE, json=body, headers=HEADERS).status_code == 202
            asyncio.run(load.run(2_000))
            assert set(load.statuses) <= {201, 202}
            # It fails alone; others must get through between its tries.
            more = ReportLoad([service.url], f"{load.name}-more", senders=1)

            def is_given_up() -> bool:
                asyncio.run(more.run(1))
                return bool(spool_of(service)["dead_letters"] == 1)

            wait_until(is_given_up, what="the dead letter")
            load.assert_stored_once(disposable_stack.database_url, [service.url])
        finally:
            accept_incidents(database)
    wait_until(lambda: is_drained(service.url), what="the end of the spool")
    assert spool_of(service)["dead_letters"] == 1
