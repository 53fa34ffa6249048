"""Every fault of the database and of the spool: what was acknowledged during it is stored once when it is over.

Each test sends reports and Sentry deliveries during one fault, so that requests and replay both meet it, and then heals
it. `make test` runs the part of the matrix that is not marked as thorough, and most of it with small numbers.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from local import Stack
from tests.faults.conftest import OWN_POSTGRES
from tests.support import fault_matrix as faults
from tests.support import http_client
from tests.support.fault_matrix import DatabaseFault, SpoolDamage
from tests.support.fault_proxy import Fault, FaultProxy, running_proxy
from tests.support.mixed_load import SENTRY_SECRET, MixedLoad, Outcome
from tests.support.service_process import ServiceProcess, free_port, is_drained, running_service
from tests.support.small_volume import small_volume
from tests.support.waiting import DEADLINE_SECONDS, wait_until

# part: what `make test` runs; all: every fault; full: every fault with the full numbers, timeouts and pauses.
EXTENT = os.environ.get("FAULT_MATRIX", "part")
IS_FULL = EXTENT == "full"
LOCK_SECONDS = 240.0 if IS_FULL else 10.0
# The replay's calls that must have met the fault after everything was sent; a breaker that only probes makes none.
CALLS = 20 if IS_FULL else 4
CALLS_SECONDS = 30.0 if IS_FULL else 3.0
# In this time the replay tries a report often enough to give it up.
FEW_SECONDS = 60.0 if IS_FULL else 6.0
KNOWN_ERRORS = 20
# Replay and breaker pause up to 15 s after a failure, which here only makes the tests slow.
BUDGETS = {} if IS_FULL else {"replay_pause": 0.4, "breaker_pause": 0.4}


@dataclass(frozen=True)
class Size:
    reports: int
    deliveries: int


FULL = Size(2_000, 500)
SIZE = FULL if IS_FULL else Size(300, 75)


NO_FAULT = DatabaseFault("no other fault", lambda _stack: nullcontext())
EVERY_WRITE = DatabaseFault("XX000 from every write of an incident", faults.raising("XX000"))
EVERY_RECEIPT = DatabaseFault("XX000 from every receipt", faults.raising("XX000", faults.RECEIPTS))
SHARE_LOCK = DatabaseFault("a share lock", faults.share_lock, hold_seconds=LOCK_SECONDS)
DATABASE_FAULTS = [
    DatabaseFault("53100 from every write of an incident", faults.raising("53100")),
    DatabaseFault("58030 when a call commits", faults.raising("58030", at_commit=True)),
    DatabaseFault("42883, a missing function", faults.renamed("function", "monitoring.upsert_incidents")),
    DatabaseFault("42703, a missing column", faults.renamed("table", faults.INCIDENTS, column="rule")),
    DatabaseFault("PGRST202, a stale schema cache", faults.stale_schema_cache),
    DatabaseFault("2200H, no incident numbers left", faults.full_sequence("public.incident_number")),
    DatabaseFault("57014, every statement", faults.role_setting("statement_timeout", "1ms")),
    DatabaseFault("57014, large batches", faults.slow_writes),
    DatabaseFault("55P03, a share lock and a short lock timeout", faults.short_share_lock, hold_seconds=5.0),
    DatabaseFault("25006, read only", faults.role_setting("transaction_read_only", "on")),
    DatabaseFault("0A000, a standby", faults.standby, restarts_postgres=True),
]
THOROUGH_FAULTS = [
    EVERY_RECEIPT,
    SHARE_LOCK,
    DatabaseFault("2200H, no delivery numbers left", faults.full_sequence("monitoring.deliveries_id_seq")),
    DatabaseFault("PGRST202, missing RPCs", faults.without_rpcs),
    DatabaseFault("58030 from every write of an incident", faults.raising("58030")),
    DatabaseFault("ZZ999 from every write of an incident", faults.raising("ZZ999")),
    DatabaseFault("XX000 from every delivery", faults.raising("XX000", faults.DELIVERIES)),
    DatabaseFault("23502, a column that needs a value", faults.required_column),
    DatabaseFault("42P01, a missing table of receipts", faults.renamed("table", faults.RECEIPTS)),
    DatabaseFault("42P01, a missing table of deliveries", faults.renamed("table", faults.DELIVERIES)),
    DatabaseFault("42501, no grant", faults.revoked),
    DatabaseFault("2200H, no audit numbers left", faults.full_sequence("public.agent_actions_id_seq")),
]


THOROUGH = pytest.mark.skipif(EXTENT == "part", reason="`make faults` runs it")


def thorough(*values: Any) -> Any:
    """Values that `make test` leaves out."""
    return pytest.param(*values, marks=THOROUGH, id=" and ".join(map(str, values)))


DAMAGES = [
    pytest.param(faults.GARBAGE_IN_THE_MIDDLE, False, id="garbage in the middle, stopped"),
    pytest.param(faults.CUT_LOG, True, id="a cut log, running"),
    pytest.param(faults.DELETED, True, id="deleted, running"),
    thorough(faults.GARBAGE_IN_THE_MIDDLE, True),
    thorough(faults.CUT_LOG, False),
    thorough(faults.DELETED, False),
    *(thorough(damage, is_running) for damage in faults.GARBAGE_ELSEWHERE for is_running in (False, True)),
]


@dataclass(frozen=True)
class Arena:
    """A stack, a service behind a proxy that can cut it off, and senders."""

    stack: Stack
    proxy: FaultProxy
    service: ServiceProcess
    load: MixedLoad
    environ: dict[str, str]
    port: int

    @property
    def spool_path(self) -> Path:
        return Path(self.environ["SPOOL_PATH"])

    def cut_off(self) -> None:
        """The service has no connection to Supabase from now on."""
        self.proxy.always = Fault.RESET

    def connect(self) -> None:
        self.proxy.always = Fault.NONE

    def ingest_calls(self) -> int:
        """How many batches the service has tried to send."""
        return sum(body.startswith((b'{"events":', b'{"deliveries":')) for body in list(self.proxy.bodies))

    def meet(self, least_seconds: float = 0.0) -> None:
        """Returns when the replay has met the fault several times, or has had the time to."""
        started, calls = time.monotonic(), self.ingest_calls()
        wait_until(
            lambda: (
                time.monotonic() - started >= least_seconds
                and (self.ingest_calls() >= calls + CALLS or time.monotonic() - started >= CALLS_SECONDS)
            ),
            least_seconds + DEADLINE_SECONDS,
            "the replay",
        )

    def settle(self) -> Outcome:
        """Waits until everything is acknowledged and the spool is empty; what is left after the deadline is counted.

        Meanwhile others go on sending, because a report is given up only while others are stored.
        """

        def is_over() -> bool:
            if all(each.is_acknowledged or each.refusal for each in self.load.reports) and is_drained(self.service.url):
                return True
            self.load.send(1, 1)
            time.sleep(0.3)
            return False

        waiting = 0
        try:
            wait_until(is_over, what="the end of the spool")
        except AssertionError:
            waiting = self.spool()["depth"] or 1
        outcome = self.load.outcome(waiting)
        unread = self.spool()["dead_letters"] - len(outcome.dead_letters)
        outcome.dead_letters += [("", "a dead letter that cannot be read")] * unread
        return outcome

    def spool(self) -> dict[str, Any]:
        return cast(dict[str, Any], http_client.get(f"{self.service.url}/health").json()["spool"])


NewArena = Callable[..., AbstractContextManager[Arena]]


@pytest.fixture(autouse=True)
def _healed(disposable_stack: Stack) -> Iterator[None]:
    """Every fault is healed when a test ends, however it ends."""
    before = faults.read_pristine_state(disposable_stack)
    yield
    after = faults.read_pristine_state(disposable_stack)
    assert after - before == set()
    assert before - after == set()


@pytest.fixture
def proxy(disposable_stack: Stack) -> Iterator[FaultProxy]:
    with running_proxy(disposable_stack.supabase_url) as running:
        running.target = b"/rpc/"
        yield running


@pytest.fixture
def new_arena(disposable_stack: Stack, proxy: FaultProxy, environ: dict[str, str], log_path: Path) -> NewArena:
    """Starts a service with further variables. It has a connection, and some errors are known."""

    @contextmanager
    def start(**variables: str) -> Iterator[Arena]:
        own = {**environ, "SUPABASE_URL": proxy.url, "SENTRY_CLIENT_SECRET": SENTRY_SECRET, **variables}
        port = free_port()
        with (
            running_service(own, log_path, port, budgets=BUDGETS) as service,
            MixedLoad(service.url, disposable_stack.superuser_database_url, Path(own["SPOOL_PATH"])) as load,
        ):
            load.send(KNOWN_ERRORS, KNOWN_ERRORS)
            wait_until(lambda: is_drained(service.url), what="the end of the spool")
            yield Arena(disposable_stack, proxy, service, load, own, port)

    return start


@pytest.fixture
def volume() -> Iterator[Path]:
    """A small file system for the spool."""
    with small_volume(6144 if IS_FULL else 1536) as mounted:
        if mounted is None:
            pytest.skip("only root may mount a file system")
        yield mounted


def suffer(where: Arena, fault: DatabaseFault, size: Size, *, has_poison: bool = False) -> Outcome:
    """Sends everything during the fault, heals it, and compares.

    A third arrives while reports go straight to the database, a third while the service is cut off, so that it is in
    the spool for certain, and a third while the replay meets the fault.
    """
    reports, deliveries = size.reports // 3, size.deliveries // 3
    with fault.inject(where.stack):
        where.load.send(reports, deliveries)
        where.cut_off()
        where.load.send(reports, deliveries, has_poison=has_poison)
        where.connect()
        where.meet()
        where.load.send(size.reports - 2 * reports, size.deliveries - 2 * deliveries)
        where.meet(fault.hold_seconds)
    return where.settle()


def test_a_fault_of_the_database_loses_nothing_of_the_full_numbers(
    new_arena: NewArena,
) -> None:
    with new_arena() as where:
        outcome = suffer(where, EVERY_WRITE, FULL)
        print(f"\n{EVERY_WRITE}: {outcome}")
        outcome.assert_nothing_is_wrong()


@pytest.mark.parametrize(
    "fault",
    [
        *(
            pytest.param(each, id=str(each), marks=OWN_POSTGRES if each.restarts_postgres else ())
            for each in DATABASE_FAULTS
        ),
        *map(thorough, THOROUGH_FAULTS),
    ],
)
def test_a_fault_of_the_database_loses_nothing(new_arena: NewArena, fault: DatabaseFault) -> None:
    with new_arena() as where:
        outcome = suffer(where, fault, SIZE)
        print(f"\n{fault}: {outcome}")
        outcome.assert_nothing_is_wrong()


@pytest.mark.parametrize(
    "fault",
    [
        DatabaseFault("2200H, no incident numbers left", faults.full_sequence("public.incident_number")),
        thorough(DatabaseFault("42883, a missing function", faults.renamed("function", "monitoring.insert_incidents"))),
        thorough(DatabaseFault("53100 from every new incident", faults.raising("53100", event="insert"))),
    ],
    ids=str,
)
def test_few_new_errors_wait_while_many_known_ones_are_stored(new_arena: NewArena, fault: DatabaseFault) -> None:
    """The fault looks like one of the reports: each of them fails alone while others get through."""
    with new_arena() as where:
        with fault.inject(where.stack):
            where.load.send(3, 1)
            started = time.monotonic()
            while time.monotonic() - started < FEW_SECONDS:
                where.load.send(5, 2, are_known=True)
                time.sleep(0.1)
        outcome = where.settle()
        print(f"\nfew new errors, {fault}: {outcome}")
        outcome.assert_nothing_is_wrong()


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        pytest.param("XX000", NO_FAULT, id="XX000"),
        pytest.param("22P02", NO_FAULT, id="22P02"),
        thorough("XX000", EVERY_RECEIPT),
        thorough("22P02", EVERY_RECEIPT),
        thorough("XX000", SHARE_LOCK),
        thorough("22P02", SHARE_LOCK),
    ],
)
def test_a_poisoned_body_is_given_up_alone_with_its_reason(
    new_arena: NewArena, code: str, fault: DatabaseFault
) -> None:
    """One report and one delivery make the database fail. XX000 could be anything; 22P02 can only be the body."""
    with new_arena() as where, faults.poisoned(code)(where.stack):
        outcome = suffer(where, fault, SIZE, has_poison=True)
        print(f"\n{fault} and a body with {code}: {outcome}")
        outcome.assert_only_poison_was_given_up(code)


def test_a_full_volume_of_the_spool_stops_nothing_while_the_database_is_available(
    new_arena: NewArena, volume: Path
) -> None:
    with new_arena(SPOOL_PATH=str(volume / "spool")) as where:
        where.cut_off()
        where.load.send(SIZE.reports // 4, SIZE.deliveries // 4)
        with faults.filled(volume):
            where.connect()
            where.load.send(SIZE.reports - SIZE.reports // 4, SIZE.deliveries - SIZE.deliveries // 4)
            # Acknowledged while the volume is full: by the database.
            where.load.finish()
            where.meet()
        outcome = where.settle()
        print(f"\na full volume: {outcome}")
        outcome.assert_nothing_is_wrong()


def test_a_spool_at_its_limit_refuses_only_what_it_has_not_acknowledged(
    new_arena: NewArena,
) -> None:
    with new_arena(SPOOL_MAX_MB="1") as where:
        fill_the_spool(where)


@THOROUGH
def test_a_spool_on_a_full_volume_refuses_only_what_it_has_not_acknowledged(new_arena: NewArena, volume: Path) -> None:
    with new_arena(SPOOL_PATH=str(volume / "spool")) as where:
        fill_the_spool(where)


def fill_the_spool(where: Arena) -> None:
    """The database fails on everything until reports were refused; their senders repeat them."""
    with faults.raising("58030")(where.stack):
        where.load.send(SIZE.reports, SIZE.deliveries, padding=(8 if IS_FULL else 3) * 2**20 // SIZE.reports)
        where.meet()
        assert any(503 in each.statuses for each in where.load.reports)
    outcome = where.settle()
    print(f"\na full spool: {outcome}")
    outcome.assert_nothing_is_wrong()


@pytest.mark.parametrize(("damage", "is_running"), DAMAGES)
def test_a_damaged_spool_stops_nothing_and_its_loss_is_an_incident(
    new_arena: NewArena,
    damage: SpoolDamage,
    is_running: bool,
) -> None:
    """What was in the file may be lost, and an incident says so. What arrives from then on is stored, once."""
    with ExitStack() as exits:
        where = exits.enter_context(new_arena())
        forget_spool_incidents(where.stack)
        where.cut_off()
        where.load.send(SIZE.reports // 4, SIZE.deliveries // 4)
        where.load.excuse_what_was_sent()
        if not is_running:
            where.service.process.send_signal(signal.SIGKILL if damage.needs_log else signal.SIGTERM)
            where.service.process.wait(DEADLINE_SECONDS)
        damage.inflict(where.spool_path)
        if not is_running:
            exits.enter_context(running_service(where.environ, where.service.log_path, where.port, budgets=BUDGETS))
        where.load.send(SIZE.reports // 4, SIZE.deliveries // 4)
        where.connect()
        where.load.send(SIZE.reports // 2, SIZE.deliveries // 2)
        outcome = where.settle()
        incidents = read_spool_incidents(where.stack)
        print(f"\na spool {damage}, {'running' if is_running else 'stopped'}: {outcome}; {incidents}")
        outcome.assert_nothing_is_wrong()
        # A service that starts cannot know what was in a file that is not there, or in the part of a log that was cut
        # off: SQLite takes the rest for all that was ever committed.
        is_unknown = damage in (faults.DELETED, faults.CUT_LOG) and not is_running
        assert incidents or is_unknown or not outcome.excused


def forget_spool_incidents(stack: Stack) -> None:
    """Those of other tests were resolved long ago, so that the next one is a new incident."""
    faults.run(
        stack,
        """update public.incidents
        set status = 'resolved', first_seen = now() - interval '60 days', last_seen = now() - interval '60 days',
          resolved_at = now() - interval '59 days'
        where error_type = 'SpoolDamaged'""",
    )


def read_spool_incidents(stack: Stack) -> list[str]:
    """The messages of the service about its spool."""
    query = "select message from public.incidents where error_type = 'SpoolDamaged' and status = 'open'"
    with faults.connect(stack) as connection:
        return [str(message) for (message,) in connection.execute(query.encode())]
