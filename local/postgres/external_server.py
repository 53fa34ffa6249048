"""STACK_POSTGRES_URL: prepares an external server, and refuses databases whose content would be damaged."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from urllib.parse import quote

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from local.postgres.server import SUPERUSER
from local.system.errors import StackError
from local.system.progress import ProgressReporter

MARK = "Made by the local stack, for "
"""Comment on a database that the stack may change, followed by the purpose."""
USER_OBJECTS = """
select exists (
  select
  from pg_catalog.pg_class
  where
    relnamespace not in (select oid from pg_catalog.pg_namespace where nspname ~ '^(pg_|information_schema$)')
    and not exists (
      select from pg_catalog.pg_depend
      where classid = 'pg_class'::regclass and objid = pg_class.oid and deptype = 'e'
    )
)
"""


@dataclass(frozen=True)
class Address:
    """Host, port, database, role and password of a connection."""

    host: str
    port: str
    database: str
    user: str
    password: str | None
    options: str = ""

    def url(self, user: str | None = None, password: str | None = None, database: str | None = None) -> str:
        name, secret = (self.user, self.password) if user is None else (user, password)
        login = quote(name, safe="") if secret is None else f"{quote(name, safe='')}:{quote(secret, safe='')}"
        path = quote(database or self.database, safe="")
        return f"postgresql://{login}@{self.host}:{self.port}/{path}{self.options}"


def parse(url: str) -> Address:
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise StackError(f"STACK_POSTGRES_URL is not a connection URL ({error}).") from error
    host = str(parts.get("host") or "")
    if not host or host.startswith("/") or not parts.get("user"):
        raise StackError(
            "STACK_POSTGRES_URL needs a user and a TCP host, not a socket: "
            "postgresql://user:password@host:5432/postgres."
        )
    password = parts.get("password")
    return Address(
        host=f"[{host}]" if ":" in host else host,
        port=str(parts.get("port") or 5432),
        database=str(parts.get("dbname") or parts["user"]),
        user=str(parts["user"]),
        password=None if password is None else str(password),
        options=f"?sslmode={parts['sslmode']}" if parts.get("sslmode") else "",
    )


def prepare(url: str, *, testing: bool, progress: ProgressReporter) -> Address:
    """Checks and marks the database, and returns its address with a superuser's login."""
    address = _as_superuser(parse(url))
    purpose = "tests" if testing else "make dev"
    with connect(address) as connection:
        mark = _mark(connection, address)
        if mark is None and _value(connection, USER_OBJECTS):
            raise StackError(
                f"The database {address.database} of STACK_POSTGRES_URL contains tables of another program. "
                "Use an empty database: the stack changes roles and privileges."
            )
        if mark is not None and mark != MARK + purpose:
            raise StackError(f"The database {address.database} was {mark[0].lower()}{mark[1:]}; use another one.")
        if address.user == "postgres":
            address = _rename_superuser(connection, address, progress)
    if mark is not None and testing:
        _recreate(address)
    with connect(address) as connection:
        statement = sql.SQL("comment on database {} is {}")
        connection.execute(statement.format(sql.Identifier(address.database), sql.Literal(MARK + purpose)))
    return address


def connect(address: Address, database: str | None = None) -> psycopg.Connection:
    try:
        return psycopg.connect(address.url(database=database), autocommit=True, connect_timeout=10)
    except psycopg.OperationalError as error:
        raise StackError(f"Cannot connect to the server of STACK_POSTGRES_URL: {error}") from error


def _as_superuser(address: Address) -> Address:
    with connect(address) as connection:
        if _value(connection, "select rolsuper from pg_catalog.pg_roles where rolname = current_user"):
            return address
        has_our_superuser = _value(connection, "select to_regrole('supabase_admin') is not null")
    if address.user == "postgres" and has_our_superuser:  # an earlier start renamed the superuser
        return Address(address.host, address.port, address.database, SUPERUSER, address.password, address.options)
    raise StackError(f"STACK_POSTGRES_URL needs a superuser, and {address.user} is not one.")


def _rename_superuser(connection: psycopg.Connection, address: Address, progress: ProgressReporter) -> Address:
    """Renames the superuser `postgres` to supabase_admin, because hosted Supabase's `postgres` is not a
    superuser.

    Only on a server without other databases, whose users may depend on the name.
    """
    others = _value(
        connection,
        "select string_agg(datname, ', ') from pg_catalog.pg_database"
        " where datname not in ('postgres', 'template0', 'template1', current_database())",
    )
    taken = _value(connection, "select to_regrole('supabase_admin') is not null")
    if others is not None or taken:
        raise StackError(
            "The superuser of STACK_POSTGRES_URL is called postgres. On Supabase that role is not a "
            "superuser; here it cannot be renamed, because the server has other users "
            f"({others or 'role supabase_admin'}). Use a separate server, or one whose superuser has another "
            "name (initdb --username=supabase_admin)."
        )
    password = secrets.token_hex(16)
    helper = sql.Identifier("stack_bootstrap")
    _create_helper_role(connection, helper, password)
    connection.close()
    with psycopg.connect(address.url("stack_bootstrap", password), autocommit=True) as other:
        other.execute("alter role postgres rename to supabase_admin")
        if address.password is not None:
            _set_password(other, SUPERUSER, address.password)  # renaming a role clears an md5 password
    renamed = Address(address.host, address.port, address.database, SUPERUSER, address.password, address.options)
    with connect(renamed) as again:
        again.execute(sql.SQL("drop role {}").format(helper))
    progress.message("The server's superuser postgres was renamed to supabase_admin, as on Supabase.")
    return renamed


def _create_helper_role(connection: psycopg.Connection, helper: sql.Identifier, password: str) -> None:
    """A temporary superuser, because a role cannot rename itself."""
    connection.execute(sql.SQL("drop role if exists {}").format(helper))
    connection.execute(sql.SQL("create role {} superuser login").format(helper))
    _set_password(connection, "stack_bootstrap", password)


def _set_password(connection: psycopg.Connection, role: str, password: str) -> None:
    verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    statement = sql.SQL("alter role {} password {}")
    connection.execute(statement.format(sql.Identifier(role), sql.Literal(verifier)))


def _recreate(address: Address) -> None:
    """Drops and creates the database, for a new test session."""
    name = sql.Identifier(address.database)
    with connect(address, database="template1") as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(name))
        connection.execute(sql.SQL("create database {}").format(name))


def _mark(connection: psycopg.Connection, address: Address) -> str | None:
    query = "select shobj_description(oid, 'pg_database') from pg_catalog.pg_database where datname = %s"
    row = connection.execute(query, (address.database,)).fetchone()
    text = None if row is None else row[0]
    return text if isinstance(text, str) and text.startswith(MARK) else None


def _value(connection: psycopg.Connection, query: str) -> object:
    row = connection.execute(query).fetchone()
    return None if row is None else row[0]
