"""`make dev`: the stack and the service, until somebody stops them."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

from local import dev_file
from local.errors import StackError
from local.lock import StateLock, StateLockedError, refuse_foreign
from local.processes import Child, Nursery
from local.service import Service, choose_port, requested_port
from local.settings import PROJECT, StackSettings, external_postgres_url
from local.stack import Stack
from local.steps import PrintedSteps

# Where the Supabase CLI's own stack listens, so that habits and tools fit.
GATEWAY_PORT = 54321
POSTGRES_PORT = 54322
WATCH_INTERVAL = 0.5
RESTART_DELAY = 2.0


def run(state: Path) -> None:
    """Returns after Ctrl-C, SIGTERM or SIGHUP, when everything that was started has ended."""
    started = time.monotonic()
    steps = PrintedSteps()
    environment_file = dev_file.environment_file(state)
    refuse_foreign(state)
    requested_port()  # a mistake in it is told at once
    with suppress(StateLockedError), StateLock(state):
        environment_file.unlink(missing_ok=True)  # left by a killed run: nobody may take it for this one
    with _stop_on_signals(), ExitStack() as exits:
        settings = StackSettings(
            state, external_postgres_url(), postgres_port=POSTGRES_PORT, gateway_port=GATEWAY_PORT
        )
        stack = exits.enter_context(Stack.start(settings, steps))
        _log_to(settings.log_directory / "workers.log")
        exits.callback(lambda: environment_file.unlink(missing_ok=True))
        _say_where_it_is(stack, steps)
        service = _start_service(stack, choose_port(steps), exits, steps)
        values = dev_file.variables(stack, service.url)
        dev_file.write(environment_file, values)
        print(
            _welcome(values, time.monotonic() - started, environment_file, settings.log_directory), flush=True
        )
        try:
            _watch(_watched(stack, service), steps)
        except KeyboardInterrupt:
            print("\nStopping … ", end="", flush=True)
    print("everything has ended.", flush=True)


def _say_where_it_is(stack: Stack, steps: PrintedSteps) -> None:
    """Where it is not where it usually is."""
    if urlsplit(stack.supabase_url).port != GATEWAY_PORT:
        steps.say(f"Port {GATEWAY_PORT} is taken; the gateway is at {stack.supabase_url}.")
    address = urlsplit(stack.database_url)
    if stack.postgres is not None and address.port != POSTGRES_PORT:
        steps.say(f"Port {POSTGRES_PORT} is taken; PostgreSQL listens on {address.port}.")


def _log_to(file: Path) -> None:
    """What the workers report goes beside the other logs; the terminal is for what concerns the person."""
    logging.raiseExceptions = False  # on a full disk, nobody is helped by traces of the log itself
    logging.basicConfig(filename=file, format="%(asctime)s %(name)s %(levelname)s %(message)s")


def _start_service(stack: Stack, port: int, exits: ExitStack, steps: PrintedSteps) -> Service:
    nursery = Nursery()
    exits.callback(nursery.close)
    service = Service(stack, nursery, port)
    stack.announce(service.url)
    exits.callback(service.stop)
    with steps.step("Starting the service"):
        service.start()
        service.wait_until_ready()
    return service


Restartable = tuple[str, Callable[[], Child | None], Callable[[], None]]


def _watched(stack: Stack, service: Service) -> list[Restartable]:
    """What is put back when it dies, with the way to do so."""
    watched: list[Restartable] = [("The service", lambda: service.child, service.start)]
    if stack.postgrest is not None:
        postgrest = stack.postgrest
        watched.append(("PostgREST", lambda: postgrest.child, stack.start_postgrest))
    if stack.postgres is not None:
        postgres = stack.postgres
        watched.append(("PostgreSQL", lambda: postgres.child, stack.start_postgres))
    return watched


def _watch(watched: list[Restartable], steps: PrintedSteps) -> None:
    """Restarts what died, as Supabase and Railway would. Ends by the exception of a signal."""
    never = threading.Event()
    while True:
        never.wait(WATCH_INTERVAL)
        for name, child_of, start in watched:
            child = child_of()
            if child is None or child.exit_code is None:
                continue
            steps.say(f"{name} ended with {child.exit_code}; it is started again in {RESTART_DELAY:.0f} s.")
            never.wait(RESTART_DELAY)
            try:
                start()
            except StackError as error:
                steps.say(str(error))


@contextmanager
def _stop_on_signals() -> Iterator[None]:
    """The first signal interrupts whatever is under way; later ones wait for the orderly end."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    # Also SIGINT, which a shell ignores on behalf of a background job: there is no other use for it here.
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in numbers:
        signal.signal(number, interrupt)
    yield


def _welcome(values: dict[str, str], seconds: float, environment_file: Path, logs: Path) -> str:
    shown = "\n".join(f"  {name:26}{value}" for name, value in values.items())
    return f"""
Ready after {seconds:.1f} s. These are in {_short(environment_file)} while it runs:

{shown}

An error becomes an incident, with the ingest token:

  curl -sS -X POST {values["APP_URL"]}/api/autonomous/error \\
    -H 'Authorization: Bearer {values["INGEST_TOKEN"]}' \\
    -H 'Content-Type: application/json' \\
    -d '{{"error": {{"message": "Cannot read properties of undefined", "type": "TypeError"}}}}'

Incidents are read with a user's token:

  curl -sS {values["APP_URL"]}/api/autonomous/incidents \\
    -H 'Authorization: Bearer {values["AUTHENTICATED_JWT"]}'

How everything is, in a browser: {values["APP_URL"]}/status (sign in with OPERATOR_TOKEN).

Logs are in {_short(logs)}. Ctrl-C stops everything; the data stay (`make reset` drops them).
"""


def _short(path: Path) -> str:
    return str(path.relative_to(PROJECT)) if path.is_relative_to(PROJECT) else str(path)
