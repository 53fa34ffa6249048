"""Who makes a call, and what is done before it."""

from __future__ import annotations

import json
from typing import Any

import psycopg
from psycopg import sql

from tests.sql.plans.calls import Call


def prepare(connection: psycopg.Connection[Any], call: Call) -> dict[str, object]:
    """Does what the call needs, in the current transaction, and returns its parameters."""
    become(connection, call.role)
    parameters: dict[str, object] = {}
    for parameter, statement in call.prepare.items():
        row = connection.execute(statement.encode()).fetchone()
        parameters[parameter] = row[0] if row else None
    return parameters


def become(connection: psycopg.Connection[Any], role: str) -> None:
    """As PostgREST does for a request, or pg_cron for a job."""
    claims = "" if role == "postgres" else json.dumps({"role": role, "sub": "ann"})
    connection.execute("select set_config('request.jwt.claims', %s, true)", [claims])
    connection.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
