"""monitoring.is_valid_input() against PostgreSQL's own pg_input_is_valid(), which PostgreSQL 15 does not have."""

from __future__ import annotations

import random
from typing import LiteralString

import psycopg
import pytest

SEED = 13
TEXTS = 4000
# Pieces, separated by |, from which valid and invalid texts of each type are made.
PIECES = {
    "date": "2026|-|02|29|30|/|Feb| |infinity|tomorrow|BC|0000|J2451187|9999999",
    "double precision": "1|0|.|-|+|e|E|400|-400| |NaN|Infinity|0x1",
    "inet": "10|255|256|.|0|:|::|ffff|fffff|1|/8|/129|%eth0|g| |127.0.0.1",
    "interval": "1|-2| |day|hours|P|T|Y|:|30|99999999999|ago|mons|.5|@",
    "time": "10|:|59|60|24|.5| |PM|allballs|now|+02|Z|Europe/Berlin",
    "timestamp": "2026-11-26|T| |10:00|:59|:60|.123456|+02|Z|infinity|294277|-|BC",
    "timestamptz": "2026-11-26|T| |10:00|+02|+99|Z|Europe/Berlin|Mars/North|epoch|-31|PST",
}


def make_texts(kind: str) -> list[str]:
    chance = random.Random(f"{SEED} {kind}")  # noqa: S311  # reproducible inputs, no secrets
    pieces = [*PIECES[kind].split("|"), "9" * 308]
    return ["".join(chance.choices(pieces, k=chance.randint(0, 7))) for _ in range(TEXTS)]


@pytest.mark.parametrize("kind", PIECES)
def test_the_result_is_postgresqls_own(kind: str, database_url: str) -> None:
    texts = make_texts(kind)
    with psycopg.connect(database_url) as connection:
        if connection.info.server_version < 160000:
            pytest.skip("PostgreSQL 15 has no pg_input_is_valid() to compare with")
        rows = connection.execute(
            "select value, monitoring.is_valid_input(value, %s), pg_catalog.pg_input_is_valid(value, %s)"
            " from unnest(%s::text[]) as given (value)",
            (kind, kind, texts),
        ).fetchall()
    assert [row for row in rows if row[1] is not row[2]] == []
    assert {expected for _, _, expected in rows} == {True, False}


def test_tests_of_texts_take_no_transaction_ids(database_url: str) -> None:
    """Each handler is a subtransaction. One with an id would count against the 64 that a session can cache."""
    with psycopg.connect(database_url) as connection:
        if connection.info.server_version < 160000:
            pytest.skip("PostgreSQL 15 does not show the subtransactions of a session")
        connection.execute("select pg_current_xact_id()")
        calls: LiteralString = (
            "select monitoring.is_valid_input(n::text || 'x', 'inet') from generate_series(1, 200) as n"
        )
        connection.execute(calls)
        query: LiteralString = (
            "select (pg_stat_get_backend_subxact(backend_id)).* from pg_stat_get_backend_idset() as backend_id"
        )
        own: LiteralString = f"{query} where pg_stat_get_backend_pid(backend_id) = pg_backend_pid()"
        assert connection.execute(own).fetchone() == (0, False)
