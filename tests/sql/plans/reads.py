"""Counts what a statement reads: rows of sequential scans, index entries and blocks, per table.

The counters of the session (pg_stat_get_xact_*) include every nested statement, foreign key and trigger, and
depend neither on the machine nor on what other sessions do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg

_COUNTERS: LiteralString = """
select
  root.oid::regclass::text,
  sum(pg_stat_get_xact_tuples_returned(relations.oid)) filter (where relations.relkind <> 'i'),
  sum(pg_stat_get_xact_tuples_returned(relations.oid)) filter (where relations.relkind = 'i'),
  sum(pg_stat_get_xact_blocks_fetched(relations.oid))
from pg_catalog.pg_class as relations
left join pg_catalog.pg_index on pg_index.indexrelid = relations.oid
join pg_catalog.pg_class as tables on tables.oid = coalesce(pg_index.indrelid, relations.oid)
join pg_catalog.pg_class as root on root.oid = coalesce(pg_partition_root(tables.oid), tables.oid)
join pg_catalog.pg_namespace on pg_namespace.oid = tables.relnamespace
where nspname in ('public', 'monitoring', 'cron', 'net')
  and relations.relkind in ('r', 'i', 'p')
  and not exists (select from pg_catalog.pg_depend where objid = root.oid and deptype = 'e' and nspname = 'public')
group by root.oid
"""


@dataclass(frozen=True)
class Reads:
    """What was read of one table and its partitions."""

    scanned: int = 0
    """Rows that sequential scans returned."""
    entries: int = 0
    """Index entries that were read."""
    blocks: int = 0
    """Blocks of the table and its indexes, of 8 kB, however often each was read."""

    def __sub__(self, earlier: Reads) -> Reads:
        return Reads(self.scanned - earlier.scanned, self.entries - earlier.entries, self.blocks - earlier.blocks)


@dataclass(frozen=True)
class Budget:
    """The most that a call may read of each table that grows."""

    scanned: int = 1_000
    entries: int = 5_000
    blocks: int = 10_000
    reason: str = ""
    """Why it is more than usual."""

    def exceeded(self, table: str, reads: Reads) -> list[str]:
        return [
            f"{table}: {found:,} {what}, at most {most:,}"
            for what, found, most in (
                ("rows read by a sequential scan", reads.scanned, self.scanned),
                ("index entries read", reads.entries, self.entries),
                ("blocks read", reads.blocks, self.blocks),
            )
            if found > most
        ]


def count_reads(connection: psycopg.Connection[Any]) -> dict[str, Reads]:
    """The counters of this session so far, by table. The caller has to be a superuser again."""
    rows = connection.execute(_COUNTERS).fetchall()
    return {
        table: Reads(int(scanned or 0), int(entries or 0), int(blocks or 0)) for table, scanned, entries, blocks in rows
    }


def subtract(later: Mapping[str, Reads], earlier: Mapping[str, Reads]) -> dict[str, Reads]:
    return {table: reads - earlier.get(table, Reads()) for table, reads in later.items()}
