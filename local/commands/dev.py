"""`make dev`: runs the stack and the service until stopped, and restarts a server that ends."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

from local.stack import dev_file
from local.stack.service import Service, choose_port, requested_port
from local.stack.settings import StackSettings, external_postgres_url
from local.stack.stack import Stack
from local.stack.state_directory import StateLock, StateLockedError, check_owner, environment_file
from local.system.errors import StackError
from local.system.paths import PROJECT
from local.system.processes import ChildProcess, ProcessSupervisor
from local.system.progress import ConsoleProgress

# The ports of the Supabase CLI's own stack (`supabase start`).
GATEWAY_PORT = 54321
POSTGRES_PORT = 54322
WATCH_INTERVAL = 0.5
RESTART_DELAY = 2.0


def run(state: Path) -> None:
    """Returns after Ctrl-C, SIGTERM or SIGHUP, when every started process has ended."""
    started = time.monotonic() - _seconds_since_make_began()
    progress = ConsoleProgress()
    variables_file = environment_file(state)
    check_owner(state)
    requested_port()  # reports an invalid PORT before anything is started
    with suppress(StateLockedError), StateLock(state):
        variables_file.unlink(missing_ok=True)  # left by a killed run
    with _stop_on_signals(), ExitStack() as exits:
        settings = StackSettings(state, external_postgres_url(), postgres_port=POSTGRES_PORT, gateway_port=GATEWAY_PORT)
        stack = exits.enter_context(Stack.start(settings, progress))
        _log_to(settings.log_directory / "workers.log")
        exits.callback(lambda: variables_file.unlink(missing_ok=True))
        _report_other_ports(stack, progress)
        service = _start_service(stack, choose_port(progress), exits, progress)
        values = dev_file.variables(stack, service.url)
        dev_file.write(variables_file, values)
        seconds = time.monotonic() - started
        print(_welcome(values, seconds, variables_file, settings.log_directory), flush=True)
        try:
            _restart_ended(_restartable(stack, service), progress)
        except KeyboardInterrupt:
            print("\nStopping … ", end="", flush=True)
    print("all processes have ended.", flush=True)


def _seconds_since_make_began() -> float:
    """What the setup took, which make runs before as a process of its own; 0 without make."""
    began = os.environ.get("MAKE_STARTED_AT", "")
    return max(0.0, time.time() - int(began)) if began.isdecimal() else 0.0


def _report_other_ports(stack: Stack, progress: ConsoleProgress) -> None:
    """Prints the ports that differ from the usual ones."""
    if urlsplit(stack.supabase_url).port != GATEWAY_PORT:
        progress.message(f"Port {GATEWAY_PORT} is in use; the gateway listens on {stack.supabase_url}.")
    address = urlsplit(stack.database_url)
    if stack.postgres is not None and address.port != POSTGRES_PORT:
        progress.message(f"Port {POSTGRES_PORT} is in use; PostgreSQL listens on {address.port}.")


def _log_to(file: Path) -> None:
    """Writes the log messages of the emulated workers to a file, and none to the terminal."""
    logging.raiseExceptions = False  # on a full disk, the terminal would show a traceback per message
    logging.basicConfig(filename=file, format="%(asctime)s %(name)s %(levelname)s %(message)s")


def _start_service(stack: Stack, port: int, exits: ExitStack, progress: ConsoleProgress) -> Service:
    supervisor = ProcessSupervisor()
    exits.callback(supervisor.close)
    service = Service(stack, supervisor, port)
    stack.announce(service.url)
    exits.callback(service.stop)
    with progress.step("Starting the service"):
        service.start()
        service.wait_until_ready()
    return service


Restartable = tuple[str, Callable[[], ChildProcess | None], Callable[[], None]]


def _restartable(stack: Stack, service: Service) -> list[Restartable]:
    """Name, child process and start function of each server that is restarted when it ends."""
    servers: list[Restartable] = [("The service", lambda: service.child, service.start)]
    if stack.postgrest is not None:
        postgrest = stack.postgrest
        servers.append(("PostgREST", lambda: postgrest.child, stack.start_postgrest))
    if stack.postgres is not None:
        postgres = stack.postgres
        servers.append(("PostgreSQL", lambda: postgres.child, stack.start_postgres))
    return servers


def _restart_ended(servers: list[Restartable], progress: ConsoleProgress) -> None:
    """Restarts servers that have ended, as Supabase and Railway do, until KeyboardInterrupt."""
    never = threading.Event()
    while True:
        never.wait(WATCH_INTERVAL)
        for name, child_of, start in servers:
            child = child_of()
            if child is None or child.exit_code is None:
                continue
            progress.message(f"{name} ended with exit code {child.exit_code}; restarting in {RESTART_DELAY:.0f} s.")
            never.wait(RESTART_DELAY)
            try:
                start()
            except StackError as error:
                progress.message(str(error))


@contextmanager
def _stop_on_signals() -> Iterator[None]:
    """The first signal raises KeyboardInterrupt; later ones are ignored while everything is stopped."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    # SIGINT as well, because a shell has a background job ignore it.
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in numbers:
        signal.signal(number, interrupt)
    yield


def _welcome(values: dict[str, str], seconds: float, variables_file: Path, logs: Path) -> str:
    shown = "\n".join(f"  {name:26}{value}" for name, value in values.items())
    return f"""
Ready after {seconds:.0f} s. Until it stops, {_short(variables_file)} contains:

{shown}

Report an error with the ingest token:

  curl -sS -X POST {values["APP_URL"]}/api/autonomous/error \\
    -H 'Authorization: Bearer {values["INGEST_TOKEN"]}' \\
    -H 'Content-Type: application/json' \\
    -d '{{"error": {{"message": "Cannot read properties of undefined", "type": "TypeError"}}}}'

Or give a Sentry SDK, in a browser too, this DSN:

  Sentry.init({{ dsn: "{values["SENTRY_DSN"]}" }})

List the incidents with a user's token:

  curl -sS {values["APP_URL"]}/api/autonomous/incidents \\
    -H 'Authorization: Bearer {values["AUTHENTICATED_JWT"]}'

Pages: {values["APP_URL"]}/status. Sign in as {values["USER_EMAIL"]} with the password {values["USER_PASSWORD"]}.
`make demo`, in a second terminal, fills them.

Logs are in {_short(logs)}. Ctrl-C stops everything and keeps the data; `make reset` removes them.
"""


def _short(path: Path) -> str:
    return str(path.relative_to(PROJECT)) if path.is_relative_to(PROJECT) else str(path)
