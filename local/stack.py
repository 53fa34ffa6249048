"""The embedded Supabase as one object: start it, read its addresses and keys, stop it."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from types import TracebackType

import psycopg

from local import bootstrap, extension_files, external, migrations, tools
from local.errors import StackError
from local.extensions_setup import ExtensionChoice, ExtensionSetup
from local.external import Address
from local.gateway import GatewaySettings
from local.gateway_server import GatewayServer
from local.http_worker import HttpWorker
from local.keys import sign_keys
from local.lock import StateLock, StateLockedError, refuse_foreign
from local.loop_thread import LoopThread
from local.placement import place
from local.postgres import Postgres
from local.postgrest import Postgrest, PostgrestSettings
from local.processes import Nursery
from local.scheduler import Scheduler
from local.secret_store import load_or_create
from local.settings import StackSettings
from local.steps import SilentSteps, Steps
from local.workers import Worker, keep_running


class Stack:
    """A running stack. Made by `Stack.start` only; usable as a context manager."""

    def __init__(self, settings: StackSettings, steps: Steps) -> None:
        self.settings = settings
        self._steps = steps
        self._exits = ExitStack()
        self._lock = _locked(settings)
        self._exits.callback(self._lock.release)
        self.secrets = load_or_create(settings.state_directory / "secrets.json", int(time.time()))
        self._nursery = Nursery()
        self._exits.callback(self._nursery.close)
        self._loop = LoopThread()
        self._exits.callback(self._loop.close)
        self._gateway = GatewayServer(settings.gateway_port)
        self._exits.callback(lambda: self._loop.call(self._gateway.stop()))
        self.postgres: Postgres | None = None
        self.postgrest: Postgrest | None = None
        keys = sign_keys(self.secrets)
        self.jwt_secret = self.secrets.jwt_secret
        self.anon_key = keys.anon
        self.service_role_key = keys.service_role
        self.authenticated_jwt = keys.authenticated
        self.supabase_url = self._gateway.url
        self.superuser_database_url = ""
        self.database_url = ""
        self.applied_migrations: list[str] = []

    @classmethod
    def start(cls, settings: StackSettings, steps: Steps | None = None) -> Stack:
        """Returns when everything answers. A failure or Ctrl-C on the way stops what was started."""
        refuse_foreign(settings.state_directory)
        settings.log_directory.mkdir(parents=True, exist_ok=True)
        stack = cls(settings, steps or SilentSteps())
        try:
            stack._start()
        except BaseException:
            stack.stop()
            raise
        return stack

    def stop(self) -> None:
        """Ends everything in the reverse order of its start. A second call does nothing."""
        self._exits.close()

    def __enter__(self) -> Stack:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def postgrest_url(self) -> str:
        return self._running_postgrest().url

    def announce(self, url: str) -> None:
        """What a second start is told about this one."""
        self._lock.describe(f"process {os.getpid()}, {url}")

    def push(self) -> list[str]:
        """Pushes the migrations again; answers with what was applied."""
        home = self.settings.state_directory / "supabase-home"
        return migrations.push(self.database_url, self.settings.project_directory, home)

    def generate_types(self) -> str:
        """TypeScript types of the public schema, by the Supabase CLI."""
        return migrations.generate_types(self.database_url, self.settings.state_directory / "supabase-home")

    # Faults, for the tests and for `make dev`, which puts back what died.

    def stop_postgres(self) -> None:
        self._own_postgres().stop()

    def kill_postgres(self) -> None:
        """A crash: the postmaster is gone at once, and recovery runs at the next start."""
        server = self._own_postgres()
        if server.child is not None:
            server.child.kill()

    def start_postgres(self) -> None:
        """Comes back on the same port with the same data."""
        self._own_postgres().start(self.settings.postgres_port)

    def stop_postgrest(self) -> None:
        self._running_postgrest().stop()

    def kill_postgrest(self) -> None:
        server = self._running_postgrest()
        if server.child is not None:
            server.child.kill()

    def start_postgrest(self) -> None:
        self._running_postgrest().start()

    # The start, in order.

    def _start(self) -> None:
        address = self._provide_server()
        self.superuser_database_url = address.url()
        self.database_url = address.url("postgres", self.secrets.postgres_password)
        with self._steps.step("Reproducing Supabase's roles, privileges and extensions"):
            choice = self._bootstrap()
        if self.settings.push:
            with self._steps.step("Pushing the migrations with the Supabase CLI"):
                self.applied_migrations = self.push()
        with self._steps.step("Starting PostgREST and the gateway"):
            self._start_postgrest(address)
            known = (self.anon_key, self.service_role_key)
            self._loop.call(self._gateway.start(GatewaySettings(self.postgrest_url, known)))
        self._start_workers(choice)

    def _provide_server(self) -> Address:
        url = self.settings.postgres_url
        if url is not None:
            with self._steps.step("Preparing the server of STACK_POSTGRES_URL"):
                return external.prepare(url, testing=self.settings.testing, steps=self._steps)
        with self._steps.step("Starting PostgreSQL"):
            placement = place(self.settings)
            self._files = extension_files.collect(placement.share, self.settings.testing)
            log = self.settings.log_directory / "postgres.log"
            password = self.secrets.superuser_password
            self.postgres = Postgres(placement, self._nursery, log, password, self._steps)
            self._exits.callback(self.postgres.stop)
            self.postgres.start(self.settings.postgres_port)
        return external.parse(self.postgres.superuser_url)

    def _bootstrap(self) -> ExtensionChoice:
        passwords = {
            "postgres": self.secrets.postgres_password,
            "authenticator": self.secrets.authenticator_password,
        }
        own_server = self.postgres is not None
        if not own_server:
            share = self.settings.state_directory / "share"
            self._files = extension_files.collect(share, self.settings.testing)
        with psycopg.connect(self.superuser_database_url, autocommit=True) as connection:
            bootstrap.reproduce_supabase(connection, passwords)
            setup = ExtensionSetup(connection, self._files, own_server=own_server, steps=self._steps)
            choice = setup.create_all(testing=self.settings.testing)
            bootstrap.grant_extensions(connection)
        return choice

    def _start_postgrest(self, address: Address) -> None:
        settings = PostgrestSettings(
            binary=tools.postgrest(),
            database_url=address.url("authenticator", self.secrets.authenticator_password),
            jwt_secret=self.jwt_secret,
            log=self.settings.log_directory / "postgrest.log",
        )
        self.postgrest = Postgrest(settings, self._nursery)
        self._exits.callback(self.postgrest.stop)
        self.postgrest.start()

    def _start_workers(self, choice: ExtensionChoice) -> None:
        workers: list[Worker] = []
        if choice.cron_stand_in:
            workers.append(Scheduler(self.superuser_database_url))
        if choice.net_stand_in:
            workers.append(HttpWorker(self.superuser_database_url))
        for worker in workers:
            work = self._loop.begin(keep_running(worker, self.settings.log_directory / "workers.log"))
            self._exits.callback(work.cancel)  # also the only reference that keeps the task alive

    def _own_postgres(self) -> Postgres:
        if self.postgres is None:
            raise StackError("The server of STACK_POSTGRES_URL is not ours to stop and start.")
        return self.postgres

    def _running_postgrest(self) -> Postgrest:
        if self.postgrest is None:
            raise StackError("PostgREST has not been started yet.")
        return self.postgrest


def _locked(settings: StackSettings) -> StateLock:
    try:
        return StateLock(settings.state_directory)
    except StateLockedError as error:
        raise StackError(
            f"A stack is already running on {settings.state_directory} ({error}). Stop that one "
            "first: by Ctrl-C where it runs, or by a kill of that process."
        ) from error
