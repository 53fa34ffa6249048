"""STACK_POSTGRES_URL: makes a given server fit for the stack, and refuses where that would do harm."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from urllib.parse import quote

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from local.errors import StackError
from local.postgres import SUPERUSER
from local.steps import Steps

OURS = "Made by the local stack, for "
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
    """One role's way into one database."""

    host: str
    port: str
    database: str
    user: str
    password: str | None
    options: str = ""

    def url(self, user: str | None = None, password: str | None = None, database: str | None = None) -> str:
        name, secret = (self.user, self.password) if user is None else (user, password)
        login = quote(name, safe="") if secret is None else f"{quote(name, safe='')}:{quote(secret, safe='')}"
        place = quote(database or self.database, safe="")
        return f"postgresql://{login}@{self.host}:{self.port}/{place}{self.options}"


def parse(url: str) -> Address:
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise StackError(f"STACK_POSTGRES_URL is no connection URL ({error}).") from error
    host = str(parts.get("host") or "")
    if not host or host.startswith("/") or not parts.get("user"):
        raise StackError(
            "STACK_POSTGRES_URL has to name a user and a TCP host, not a socket: "
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


def prepare(url: str, *, testing: bool, steps: Steps) -> Address:
    """Answers with a superuser's address of a database that is ours to fill."""
    address = _as_superuser(parse(url))
    purpose = "tests" if testing else "make dev"
    with connect(address) as connection:
        mark = _mark(connection, address)
        if mark is None and _value(connection, USER_OBJECTS):
            raise StackError(
                f"The database {address.database} of STACK_POSTGRES_URL holds tables of somebody else. "
                "Name an empty one: the stack changes roles and privileges."
            )
        if mark is not None and mark != OURS + purpose:
            raise StackError(
                f"The database {address.database} was {mark[0].lower()}{mark[1:]}; name another one."
            )
        if address.user == "postgres":
            address = _free_the_name_postgres(connection, address, steps)
    if mark is not None and testing:
        _recreate(address)
    with connect(address) as connection:
        statement = sql.SQL("comment on database {} is {}")
        connection.execute(statement.format(sql.Identifier(address.database), sql.Literal(OURS + purpose)))
    return address


def connect(address: Address, database: str | None = None) -> psycopg.Connection:
    try:
        return psycopg.connect(address.url(database=database), autocommit=True, connect_timeout=10)
    except psycopg.OperationalError as error:
        raise StackError(f"The server of STACK_POSTGRES_URL does not let us in: {error}") from error


def _as_superuser(address: Address) -> Address:
    with connect(address) as connection:
        if _value(connection, "select rolsuper from pg_catalog.pg_roles where rolname = current_user"):
            return address
        knows_ours = _value(connection, "select to_regrole('supabase_admin') is not null")
    if address.user == "postgres" and knows_ours:  # an earlier start gave the superuser this name
        return Address(
            address.host, address.port, address.database, SUPERUSER, address.password, address.options
        )
    raise StackError(f"STACK_POSTGRES_URL has to name a superuser, and {address.user} is none.")


def _free_the_name_postgres(connection: psycopg.Connection, address: Address, steps: Steps) -> Address:
    """Hosted Supabase's `postgres` is no superuser: the one that has the name becomes supabase_admin.

    Only on a server without other databases: elsewhere somebody may count on the name.
    """
    others = _value(
        connection,
        "select string_agg(datname, ', ') from pg_catalog.pg_database"
        " where datname not in ('postgres', 'template0', 'template1', current_database())",
    )
    taken = _value(connection, "select to_regrole('supabase_admin') is not null")
    if others is not None or taken:
        raise StackError(
            "The superuser of STACK_POSTGRES_URL is called postgres. On Supabase that role is no superuser; "
            f"here it cannot be renamed, as others use the server ({others or 'role supabase_admin'}). Use a "
            "server of its own, or one whose superuser has another name (initdb --username=supabase_admin)."
        )
    password = secrets.token_hex(16)
    helper = sql.Identifier("stack_bootstrap")
    _create_helper(connection, helper, password)
    connection.close()
    with psycopg.connect(address.url("stack_bootstrap", password), autocommit=True) as other:
        other.execute("alter role postgres rename to supabase_admin")
        if address.password is not None:
            _set_password(other, SUPERUSER, address.password)  # an md5 verifier does not survive the renaming
    renamed = Address(
        address.host, address.port, address.database, SUPERUSER, address.password, address.options
    )
    with connect(renamed) as again:
        again.execute(sql.SQL("drop role {}").format(helper))
    steps.say(
        "The server's superuser postgres is now called supabase_admin, as on Supabase; postgres is made anew."
    )
    return renamed


def _create_helper(connection: psycopg.Connection, helper: sql.Identifier, password: str) -> None:
    """A role can rename any but itself."""
    connection.execute(sql.SQL("drop role if exists {}").format(helper))
    connection.execute(sql.SQL("create role {} superuser login").format(helper))
    _set_password(connection, "stack_bootstrap", password)


def _set_password(connection: psycopg.Connection, role: str, password: str) -> None:
    verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    statement = sql.SQL("alter role {} password {}")
    connection.execute(statement.format(sql.Identifier(role), sql.Literal(verifier)))


def _recreate(address: Address) -> None:
    """An empty database for a new session of tests."""
    name = sql.Identifier(address.database)
    with connect(address, database="template1") as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(name))
        connection.execute(sql.SQL("create database {}").format(name))


def _mark(connection: psycopg.Connection, address: Address) -> str | None:
    query = "select shobj_description(oid, 'pg_database') from pg_catalog.pg_database where datname = %s"
    row = connection.execute(query, (address.database,)).fetchone()
    text = None if row is None else row[0]
    return text if isinstance(text, str) and text.startswith(OURS) else None


def _value(connection: psycopg.Connection, query: str) -> object:
    row = connection.execute(query).fetchone()
    return None if row is None else row[0]
