"""Makes a database look like hosted Supabase: roles, schemas, privileges, passwords of login roles."""

from __future__ import annotations

from pathlib import Path

import psycopg
from psycopg import sql

BOOTSTRAP = Path(__file__).with_name("bootstrap.sql")
EXTENSION_GRANTS = Path(__file__).with_name("extension_grants.sql")


def reproduce_supabase(connection: psycopg.Connection, passwords: dict[str, str]) -> None:
    """Creates roles, schemas and privileges, in one transaction."""
    with connection.transaction():
        connection.execute(_text_of(BOOTSTRAP))
        for role, password in passwords.items():
            _set_password(connection, role, password)


def grant_extensions(connection: psycopg.Connection) -> None:
    """Grants on pg_cron and pg_net, after these were created."""
    with connection.transaction():
        connection.execute(_text_of(EXTENSION_GRANTS))


def _set_password(connection: psycopg.Connection, role: str, password: str) -> None:
    """Sends the SCRAM verifier instead of the password, because the server may log the statement."""
    verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
    statement = sql.SQL("alter role {} password {}")
    connection.execute(statement.format(sql.Identifier(role), sql.Literal(verifier.decode())))


def _text_of(path: Path) -> bytes:
    """Bytes, because psycopg's type hints accept a str only as a literal."""
    return path.read_bytes()
