"""Claims of incidents: each incident has one holder at a time, whatever happens at once."""

from __future__ import annotations

import json
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import jwt
import psycopg
import pytest

from local import Stack
from tests.integration.agents.conftest import Call
from tests.support.waiting import wait_until

Configure = Callable[[str, dict[str, object]], None]
Connection = psycopg.Connection[Any]

CLAIM = "select public.claim_next_incident('session', source => %s) ->> 'id'"


@pytest.fixture
def source() -> str:
    """A source that no other test uses."""
    return f"claims {secrets.token_hex(6)}"


@pytest.fixture
def open_incidents(connection: Connection, source: str) -> Iterator[Callable[..., list[str]]]:
    """Opens incidents of the source, and returns their ids."""

    def insert(**numbers: int) -> list[str]:
        opened = connection.execute(
            "insert into public.incidents (fingerprint, title, message, severity, category, rule, source)"
            " select gen_random_uuid(), 't', 'm', severity::public.incident_severity, 'backend', 'r', %s"
            " from jsonb_each_text(%s) as wanted (severity, number), generate_series(1, number::integer)"
            " returning id",
            [source, json.dumps(numbers)],
        )
        return [incident_id for (incident_id,) in opened]

    yield insert
    connection.execute(
        "update public.incidents set status = 'resolved', resolved_at = clock_timestamp()"
        " where source = %s and status <> 'resolved'",
        [source],
    )


@pytest.fixture
def claim_as(agent: httpx.Client, stack: Stack, source: str) -> Callable[..., httpx.Response]:
    """Claims the next incident of the source with the token of a user."""

    def claim(user: str, **arguments: object) -> httpx.Response:
        token = jwt.encode({"role": "authenticated", "sub": user, "exp": 4102444800}, stack.jwt_secret)
        body = {"agent": f"agent {user}", "source": source, **arguments}
        return agent.post("/rpc/claim_next_incident", json=body, headers={"Authorization": f"Bearer {token}"})

    return claim


@contextmanager
def signed_in(stack: Stack, user: str) -> Iterator[Connection]:
    """A session of the database that calls as PostgREST does for a user, in a transaction that the test ends."""
    with psycopg.connect(stack.superuser_database_url) as session:
        claims = json.dumps({"role": "authenticated", "sub": user})
        session.execute("select set_config('request.jwt.claims', %s, false)", [claims])
        session.commit()
        yield session


def value_of(session: Connection, query: str, *parameters: object) -> Any:
    row = session.execute(query, parameters).fetchone()
    return None if row is None else row[0]


def state_of(connection: Connection, incident_id: str) -> tuple[str, str | None]:
    row = connection.execute(
        "select status, claim_caller from public.incidents where id = %s", [incident_id]
    ).fetchone()
    assert row is not None
    return row[0], row[1]


# ---- many agents ----


def test_of_two_hundred_agents_a_hundred_get_an_incident_each(
    claim_as: Callable[..., httpx.Response],
    open_incidents: Callable[..., list[str]],
    connection: Connection,
    source: str,
) -> None:
    opened = open_incidents(CRITICAL=10, HIGH=30, MEDIUM=30, LOW=30)

    def claim(number: int) -> tuple[str, Any]:
        answer = claim_as(f"{source} {number}")
        assert answer.status_code == 200, answer.text
        return f"user:{source} {number}", answer.json()

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(claim, range(200)))
    claimed = {claim["id"]: caller for caller, claim in answers if claim is not None}
    assert sum(claim is None for _, claim in answers) == 100
    assert sorted(claimed) == sorted(opened)
    holders = connection.execute("select id, claim_caller from public.incidents where source = %s", [source])
    assert dict(holders.fetchall()) == claimed


def test_the_most_severe_incidents_are_claimed_first(
    claim_as: Callable[..., httpx.Response], open_incidents: Callable[..., list[str]], source: str
) -> None:
    open_incidents(LOW=8, CRITICAL=8, MEDIUM=8, HIGH=8)
    with ThreadPoolExecutor(8) as pool:
        for wave, severity in enumerate(("CRITICAL", "HIGH", "MEDIUM", "LOW")):
            users = [f"{source} {wave} {number}" for number in range(8)]
            assert Counter(answer.json()["severity"] for answer in pool.map(claim_as, users)) == {severity: 8}


def test_a_caller_holds_no_more_than_its_limit_however_it_asks(
    claim_as: Callable[..., httpx.Response],
    open_incidents: Callable[..., list[str]],
    configure: Configure,
    source: str,
) -> None:
    configure("rate_limits", {"claims_per_agent": 3})
    open_incidents(HIGH=20)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda number: claim_as(source, agent=f"name {number}"), range(20)))
    assert Counter(answer.status_code for answer in answers) == {200: 3, 409: 17}
    refused = next(answer.json() for answer in answers if answer.status_code == 409)
    assert refused == {
        "code": "PT409",
        "message": "you hold 3 incidents, as many as rate_limits.claims_per_agent allows",
        "details": "agent",
        "hint": "Resolve an incident that you hold, or call release_claim() for it.",
    }


def test_the_kill_switch_leaves_no_claim(
    claim_as: Callable[..., httpx.Response],
    open_incidents: Callable[..., list[str]],
    configure: Configure,
    connection: Connection,
    source: str,
) -> None:
    """Whether a claim comes before it or after it."""
    open_incidents(HIGH=60)
    with ThreadPoolExecutor(20) as pool:
        answers = [pool.submit(claim_as, f"{source} {number}") for number in range(60)]
        wait_until(lambda: any(answer.done() for answer in answers), what="the first claim")
        configure("kill_switch", {"enabled": True, "reason": "claims"})
        statuses = Counter(answer.result().status_code for answer in answers)
    assert set(statuses) <= {200, 409}
    assert value_of(connection, "select count(*) from public.incidents where claim_caller is not null") == 0
    ends = value_of(
        connection,
        "select count(*) from public.incident_timeline join public.incidents on incidents.id = incident_id"
        " where source = %s and what = 'claim_released' and why = 'stopped by the kill switch'",
        source,
    )
    assert ends == statuses[200]


# ---- sessions that end in the middle ----


def test_what_a_dead_session_had_claimed_is_free(
    stack: Stack, open_incidents: Callable[..., list[str]], connection: Connection, call: Call, source: str
) -> None:
    opened = open_incidents(HIGH=20)

    def claim_and_die(number: int) -> str:
        with signed_in(stack, f"{source} dying {number}") as session:
            claimed = value_of(session, CLAIM, source)
            connection.execute("select pg_terminate_backend(%s)", [session.info.backend_pid])
            with pytest.raises(psycopg.OperationalError):
                session.commit()
        return str(claimed)

    def claim(number: int) -> str:
        with signed_in(stack, f"{source} {number}") as session:
            claimed = value_of(session, CLAIM, source)
            session.commit()
        return str(claimed)

    with ThreadPoolExecutor(10) as pool:
        died = list(pool.map(claim_and_die, range(10)))
        claimed = list(pool.map(claim, range(20)))
    assert set(died) <= set(opened)
    assert sorted(claimed) == sorted(opened)
    for incident_id in opened[:3]:
        audit = call("verify_audit", incident_id=incident_id).json()
        assert (audit["is_intact"], audit["actions"]) == (True, 2)


# ---- two at once ----


def test_an_extension_and_the_expiry_at_once(
    stack: Stack, open_incidents: Callable[..., list[str]], connection: Connection, source: str
) -> None:
    """Who has the lock first wins: an extension made in time holds, one that waits for the expiry fails."""
    (incident_id,) = open_incidents(HIGH=1)
    expire = "update public.incidents set claim_expires_at = clock_timestamp() + %s::interval where id = %s"
    is_over = "select claim_expires_at <= clock_timestamp() from public.incidents where id = %s"
    extend = "select public.extend_claim(%s)"
    with signed_in(stack, source) as holder, psycopg.connect(stack.database_url) as job:
        assert value_of(holder, CLAIM, source) == incident_id
        holder.commit()

        connection.execute(expire, ["3 seconds", incident_id])
        holder.execute(extend, [incident_id])
        wait_until(lambda: value_of(connection, is_over, incident_id), what="the end of the claim")
        job.execute("select monitoring.end_expired_claims()")
        job.commit()
        holder.commit()
        assert state_of(connection, incident_id) == ("acknowledged", f"user:{source}")

        connection.execute(expire, ["-1 second", incident_id])
        job.execute("select monitoring.end_expired_claims()")
        with ThreadPoolExecutor(1) as pool:
            extending = pool.submit(holder.execute, extend, [incident_id])
            wait_until(lambda: is_waiting(connection, holder), what="the extension at the lock of the incident")
            job.commit()
            with pytest.raises(psycopg.Error) as refused:
                extending.result()
        assert refused.value.sqlstate == "PT409"
        assert state_of(connection, incident_id) == ("open", None)


def test_a_claim_and_a_resolution_at_once(
    stack: Stack, open_incidents: Callable[..., list[str]], connection: Connection, source: str
) -> None:
    """A claim skips what is being resolved; a resolution waits for the claim, and ends it."""
    (worst,), (other,) = open_incidents(CRITICAL=1), open_incidents(LOW=1)
    resolve = "select public.resolve_incident(%s, 'fixed')"
    with signed_in(stack, source) as holder, psycopg.connect(stack.database_url) as resolver:
        resolver.execute(resolve, [worst])
        assert value_of(holder, CLAIM, source) == other
        resolver.commit()
        assert value_of(holder, CLAIM, source) is None
        with ThreadPoolExecutor(1) as pool:
            resolving = pool.submit(resolver.execute, resolve, [other])
            wait_until(lambda: is_waiting(connection, resolver), what="the resolution at the lock of the incident")
            holder.commit()
            resolving.result()
        resolver.commit()
    assert (state_of(connection, worst), state_of(connection, other)) == (("resolved", None), ("resolved", None))


def is_waiting(connection: Connection, session: Connection) -> bool:
    return bool(value_of(connection, "select cardinality(pg_blocking_pids(%s)) > 0", session.info.backend_pid))


# ---- while errors arrive ----


def ingest(session: Connection, source: str, errors: list[str]) -> None:
    events = [
        {"error": {"message": "m"}, "fingerprint": error, "source": source, "severity": "HIGH"} for error in errors
    ]
    answers = value_of(session, "select public.ingest_events(%s)", json.dumps(events))
    assert all(answer["success"] for answer in answers), answers


def test_a_claim_waits_for_the_only_incident_there_is(
    stack: Stack, open_incidents: Callable[..., list[str]], connection: Connection, source: str
) -> None:
    """It waits for a moment only, so it asks again until somebody has seen it wait."""
    (incident_id,) = open_incidents(HIGH=1)
    claimed: list[str] = []

    def claim(session: Connection) -> None:
        while not claimed:
            claimed.extend(filter(None, [value_of(session, CLAIM, source)]))

    with psycopg.connect(stack.database_url) as holder, signed_in(stack, source) as session:
        session.autocommit = True
        holder.execute("select from public.incidents where id = %s for update", [incident_id])
        with ThreadPoolExecutor(1) as pool:
            claiming = pool.submit(claim, session)
            try:
                wait_until(lambda: is_waiting(connection, session), what="the claim at the lock of the incident")
                assert claimed == []
            finally:
                holder.rollback()
            claiming.result()
    assert claimed == [incident_id]


def test_an_incident_that_is_reported_all_the_time_is_claimed(
    stack: Stack, claim_as: Callable[..., httpx.Response], connection: Connection, source: str
) -> None:
    """Ingest has its lock nearly always."""
    ingest(connection, source, [source])
    is_claimed = threading.Event()

    def report() -> None:
        with psycopg.connect(stack.superuser_database_url, autocommit=True) as session:
            while not is_claimed.is_set():
                ingest(session, source, [source] * 50)

    with ThreadPoolExecutor(3) as pool:
        reporting = [pool.submit(report) for _ in range(3)]
        try:
            wait_until(lambda: claim_as(source).json(), what="the claim")
        finally:
            is_claimed.set()
        for session in reporting:
            session.result()


def test_claims_and_reports_of_the_same_errors_do_not_deadlock(
    stack: Stack, connection: Connection, source: str
) -> None:
    errors = [f"{source} {number}" for number in range(12)]
    order = secrets.SystemRandom()
    ingest(connection, source, errors)
    deadlocks = "select deadlocks from pg_catalog.pg_stat_database where datname = current_database()"
    before = value_of(connection, deadlocks)

    def report(_: int) -> None:
        with psycopg.connect(stack.superuser_database_url, autocommit=True) as session:
            for _ in range(40):
                ingest(session, source, order.sample(errors, 8))

    def work(number: int) -> int:
        claims = 0
        with signed_in(stack, f"{source} {number}") as session:
            session.autocommit = True
            for _ in range(40):
                claimed = value_of(session, CLAIM, source)
                if claimed is not None:
                    claims += 1
                    attempt(session, "select public.extend_claim(%s, 60)", claimed)
                    attempt(session, order.choice(ends), claimed)
        return claims

    def attempt(session: Connection, query: str, incident_id: str) -> None:
        """Others may have ended the claim, and somebody else may hold the incident."""
        try:
            session.execute(query, [incident_id])
        except psycopg.Error as error:
            if error.sqlstate not in ("PT403", "PT409"):
                raise

    ends = (
        "select public.release_claim(%s, 'again')",
        "select public.resolve_incident(%s, 'until it is reported again')",
        "update public.incidents set claim_expires_at = clock_timestamp() where id = %s and claim_caller is not null",
    )

    def end_all(_: int) -> None:
        with psycopg.connect(stack.database_url, autocommit=True) as session:
            for _ in range(20):
                session.execute("select monitoring.end_expired_claims()")
                session.execute(
                    "select monitoring.end_claims(array(select id from public.incidents"
                    " where source = %s and claim_caller is not null order by fingerprint for update), 'claims', '{}')",
                    [source],
                )

    with ThreadPoolExecutor(12) as pool:
        running = [pool.submit(report, number) for number in range(4)]
        working = [pool.submit(work, number) for number in range(6)]
        running.append(pool.submit(end_all, 0))
        claims = sum(session.result() for session in working)
        for session in running:
            session.result()
    assert claims > 0
    # The statistics of a session that has ended are those of all.
    assert value_of(connection, deadlocks) == before
    counted = connection.execute(
        "select context ->> 'fingerprint', occurrence_count from public.incidents where source = %s", [source]
    ).fetchall()
    assert sum(count for _, count in counted) == len(errors) + 4 * 40 * 8
