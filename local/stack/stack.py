"""The local stack as one object: starts it, provides its addresses and keys, stops it."""

from __future__ import annotations

import json
import os
import time
from contextlib import ExitStack
from types import TracebackType

import psycopg

from local.emulators.background_worker import BackgroundWorker, keep_running
from local.emulators.pg_cron.scheduler import Scheduler
from local.emulators.pg_net.worker import HttpWorker
from local.postgres import bootstrap, external_server
from local.postgres.data_directory import provide_data_directory
from local.postgres.extensions import EmulatedExtensions, ExtensionSetup, collect_extension_files
from local.postgres.external_server import Address
from local.postgres.server import PostgresServer
from local.stack import supabase_cli
from local.stack.auth import LocalAuth
from local.stack.credentials import SigningKeys, derive_keys, load_or_create
from local.stack.gateway import GatewayServer, GatewaySettings
from local.stack.postgrest import Postgrest, PostgrestSettings
from local.stack.settings import StackSettings
from local.stack.state_directory import StateLock, StateLockedError, check_owner
from local.system import programs
from local.system.errors import StackError
from local.system.event_loop import EventLoopThread
from local.system.processes import ProcessSupervisor
from local.system.progress import ProgressReporter, RecordedProgress

WORKER_STOP_TIMEOUT = 10.0
"""How long a worker may take to finish its batch when the stack stops."""


class Stack:
    """A running stack, created by `Stack.start`. A context manager that stops the stack."""

    def __init__(self, settings: StackSettings, progress: ProgressReporter) -> None:
        self.settings = settings
        self._progress = progress
        self._exits = ExitStack()
        self._lock = _lock_state(settings)
        self._exits.callback(self._lock.release)
        self.secrets = load_or_create(settings.state_directory / "secrets.json", int(time.time()))
        self._supervisor = ProcessSupervisor()
        self._exits.callback(self._supervisor.close)
        self._loop = EventLoopThread()
        self._exits.callback(self._loop.close)
        self._gateway = GatewayServer(settings.gateway_port)
        self._exits.callback(lambda: self._loop.call(self._gateway.stop()))
        self.postgres: PostgresServer | None = None
        self.postgrest: Postgrest | None = None
        keys = derive_keys(self.secrets)
        self.publishable_key = keys.publishable
        self.secret_key = keys.secret
        # The legacy keys, which are JSON Web Tokens.
        self.anon_key = keys.anon
        self.service_role_key = keys.service_role
        self.authenticated_jwt = keys.authenticated
        self.jwt_secret = self.secrets.jwt_secret
        self.signing_keys = SigningKeys(self.jwt_secret)
        self.auth = LocalAuth(self.secrets, self.signing_keys)
        self.roles_by_key = {
            keys.publishable: "anon",
            keys.secret: "service_role",
            keys.anon: "anon",
            keys.service_role: "service_role",
        }
        """The keys that the gateway accepts. A key that is deleted here is revoked, one that is added is accepted."""
        self.supabase_url = self._gateway.url
        self.superuser_database_url = ""
        self.database_url = ""
        self.applied_migrations: list[str] = []

    @classmethod
    def start(cls, settings: StackSettings, progress: ProgressReporter | None = None) -> Stack:
        """Starts everything and returns when it is ready. On failure or Ctrl-C, stops what was started."""
        check_owner(settings.state_directory)
        settings.log_directory.mkdir(parents=True, exist_ok=True)
        stack = cls(settings, progress or RecordedProgress())
        try:
            stack._start()
        except BaseException:
            stack.stop()
            raise
        return stack

    def stop(self) -> None:
        """Stops everything in reverse order of its start. A second call does nothing."""
        self._exits.close()

    def __enter__(self) -> Stack:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def postgrest_url(self) -> str:
        return self._started_postgrest().url

    def announce(self, url: str) -> None:
        """Sets the description that the error of a second start on the same state directory contains."""
        self._lock.describe(f"process {os.getpid()}, {url}")

    def push(self) -> list[str]:
        """Pushes the missing migrations and returns their file names."""
        home = self.settings.state_directory / "supabase-home"
        return supabase_cli.push(self.database_url, self.settings.project_directory, home)

    def generate_types(self) -> str:
        """TypeScript types of the public schema, from the Supabase CLI."""
        return supabase_cli.generate_types(self.database_url, self.settings.state_directory / "supabase-home")

    # Stops, crashes and restarts of single servers, for the fault tests and for the restarts of `make dev`.

    def stop_postgres(self) -> None:
        self._own_postgres().stop()

    def kill_postgres(self) -> None:
        """Kills the postmaster, as a crash does. The next start runs recovery."""
        server = self._own_postgres()
        if server.child is not None:
            server.child.kill()

    def start_postgres(self) -> None:
        """Starts PostgreSQL again on the same port with the same data."""
        self._own_postgres().start(self.settings.postgres_port)

    def stop_postgrest(self) -> None:
        self._started_postgrest().stop()

    def kill_postgrest(self) -> None:
        server = self._started_postgrest()
        if server.child is not None:
            server.child.kill()

    def start_postgrest(self) -> None:
        self._started_postgrest().start()

    # The start, in order.

    def _start(self) -> None:
        address = self._provide_server()
        self.superuser_database_url = address.url()
        self.database_url = address.url("postgres", self.secrets.postgres_password)
        with self._progress.step("Creating Supabase's roles, privileges and extensions"):
            emulated = self._bootstrap()
        if self.settings.push:
            with self._progress.step("Pushing the migrations with the Supabase CLI"):
                self.applied_migrations = self.push()
        with self._progress.step("Starting PostgREST and the gateway"):
            self._start_postgrest(address)
            gateway = GatewaySettings(self.postgrest_url, self.roles_by_key, self.signing_keys, self.auth)
            self._loop.call(self._gateway.start(gateway))
        self._start_workers(emulated)

    def _provide_server(self) -> Address:
        url = self.settings.postgres_url
        if url is not None:
            with self._progress.step("Preparing the server of STACK_POSTGRES_URL"):
                return external_server.prepare(url, testing=self.settings.testing, progress=self._progress)
        with self._progress.step("Starting PostgreSQL"):
            directory = provide_data_directory(self.settings.state_directory, self.settings.project_directory)
            self._files = collect_extension_files(directory.share, self.settings.testing)
            log = self.settings.log_directory / "postgres.log"
            password = self.secrets.superuser_password
            self.postgres = PostgresServer(directory, self._supervisor, log, password, self._progress)
            self._exits.callback(self.postgres.stop)
            self.postgres.start(self.settings.postgres_port)
        return external_server.parse(self.postgres.superuser_url)

    def _bootstrap(self) -> EmulatedExtensions:
        passwords = {
            "postgres": self.secrets.postgres_password,
            "authenticator": self.secrets.authenticator_password,
        }
        own_server = self.postgres is not None
        if not own_server:
            share = self.settings.state_directory / "share"
            self._files = collect_extension_files(share, self.settings.testing)
        with psycopg.connect(self.superuser_database_url, autocommit=True) as connection:
            bootstrap.reproduce_supabase(connection, passwords)
            setup = ExtensionSetup(connection, self._files, own_server=own_server, progress=self._progress)
            emulated = setup.create_all(testing=self.settings.testing)
            bootstrap.grant_extensions(connection)
        return emulated

    def _start_postgrest(self, address: Address) -> None:
        settings = PostgrestSettings(
            binary=programs.postgrest(),
            database_url=address.url("authenticator", self.secrets.authenticator_password),
            jwt_secret=json.dumps(self.signing_keys.key_set),
            log=self.settings.log_directory / "postgrest.log",
        )
        self.postgrest = Postgrest(settings, self._supervisor)
        self._exits.callback(self.postgrest.stop)
        self.postgrest.start()

    def _start_workers(self, emulated: EmulatedExtensions) -> None:
        if emulated.pg_cron:
            self._start_worker(Scheduler(self.superuser_database_url))
        if emulated.pg_net:
            self._start_worker(HttpWorker(self.superuser_database_url))

    def _start_worker(self, worker: BackgroundWorker) -> None:
        log = self.settings.log_directory / "workers.log"
        running = self._loop.begin(keep_running(worker, log))

        def stop() -> None:
            self._loop.call(worker.stop(WORKER_STOP_TIMEOUT), timeout=None)
            running.cancel()

        self._exits.callback(stop)

    def _own_postgres(self) -> PostgresServer:
        if self.postgres is None:
            raise StackError("The stack cannot stop or start the server of STACK_POSTGRES_URL.")
        return self.postgres

    def _started_postgrest(self) -> Postgrest:
        if self.postgrest is None:
            raise StackError("PostgREST has not been started yet.")
        return self.postgrest


def _lock_state(settings: StackSettings) -> StateLock:
    try:
        return StateLock(settings.state_directory)
    except StateLockedError as error:
        raise StackError(
            f"A stack is already running on {settings.state_directory} ({error}). Stop it first: press "
            "Ctrl-C in its terminal, or kill that process."
        ) from error
