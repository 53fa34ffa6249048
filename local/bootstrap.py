"""Applies bootstrap.sql and sets the passwords of the roles that log in."""

from __future__ import annotations

from pathlib import Path

import psycopg
from psycopg import sql

BOOTSTRAP = Path(__file__).with_name("bootstrap.sql")
EXTENSION_GRANTS = Path(__file__).with_name("extension_grants.sql")


def reproduce_supabase(connection: psycopg.Connection, passwords: dict[str, str]) -> None:
    """Roles, schemas and privileges, in one transaction."""
    with connection.transaction():
        connection.execute(_text_of(BOOTSTRAP))
        for role, password in passwords.items():
            _set_password(connection, role, password)


def grant_extensions(connection: psycopg.Connection) -> None:
    with connection.transaction():
        connection.execute(_text_of(EXTENSION_GRANTS))


def _set_password(connection: psycopg.Connection, role: str, password: str) -> None:
    """Sends the verifier, never the password: a statement can end up in the server's log."""
    verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
    statement = sql.SQL("alter role {} password {}")
    connection.execute(statement.format(sql.Identifier(role), sql.Literal(verifier.decode())))


def _text_of(path: Path) -> bytes:
    """Bytes, because psycopg takes a str only where it is a literal in the code."""
    return path.read_bytes()
