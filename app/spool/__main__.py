"""`python -m app.spool`: lists, exports and requeues the dead letters of a spool file, also while the service runs."""

import argparse
import json
import os
import sqlite3
import sys
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from app.settings import Settings
from app.spool.database import TABLES, DamagedError, open_existing

_DEFAULT_PATH = Path(Settings.model_fields["spool_path"].default)
_DESCRIPTION = """\
Reads the spool, the file in which reports wait for the database, and its dead letters: reports that were given up, each
with the reason. The service may run meanwhile. Payloads are reports as they arrived, before anything is redacted.
"""


class CommandError(Exception):
    """The command cannot be carried out. The message says why."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Carry out a command. Exits with 1 and a sentence if that is not possible."""
    options = _parser().parse_args(arguments)
    try:
        if not options.spool_path.is_file():
            raise CommandError(f"there is no file {options.spool_path}. Name it with --spool-path or SPOOL_PATH.")
        with closing(open_existing(options.spool_path)) as spool:
            options.command(spool, options)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader, such as head, has seen enough. Python would complain when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except CommandError as error:
        sys.exit(f"error: {error}")
    except (sqlite3.Error, DamagedError) as error:
        sys.exit(f"error: {options.spool_path} cannot be read as a spool: {error}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m app.spool", description=_DESCRIPTION)
    commands = parser.add_subparsers(metavar="command", required=True)

    listing = commands.add_parser("list", help="print one line per dead letter, and how many reports wait")
    listing.set_defaults(command=_list)

    export = commands.add_parser("export", help="print dead letters as JSON lines, with their payloads")
    export.set_defaults(command=_export)

    requeue = commands.add_parser("requeue", help="put dead letters back into the spool, so that they are sent again")
    requeue.set_defaults(command=_requeue)
    chosen = requeue.add_mutually_exclusive_group(required=True)
    chosen.add_argument("--all", action="store_true", help="all dead letters")
    chosen.add_argument("ids", nargs="*", type=int, default=[], metavar="id", help="ids of dead letters, from `list`")

    for command in (listing, export):
        command.add_argument("--spooled", action="store_true", help="the reports that wait instead of the dead letters")
    for command in (listing, export, requeue):
        command.add_argument(
            "--spool-path",
            type=Path,
            default=Path(os.environ.get("SPOOL_PATH", "").strip() or _DEFAULT_PATH),
            metavar="file",
            help=f"the spool file; SPOOL_PATH unless given, else {_DEFAULT_PATH}",
        )
    return parser


def _list(spool: sqlite3.Connection, options: argparse.Namespace) -> None:
    (depth,) = spool.execute("select count(*) from spooled").fetchone()
    (dead_letters,) = spool.execute("select count(*) from dead_letters").fetchone()
    print(f"{depth:,} reports wait, {dead_letters:,} dead letters")
    if options.spooled:
        query = "select id, kind, length(payload), spooled_at from spooled order by id"
        _print_table(("id", "kind", "bytes", "spooled at"), spool.execute(query))
    else:
        query = "select id, kind, length(payload), rejected_at, reason from dead_letters order by id"
        _print_table(("id", "kind", "bytes", "rejected at", "reason"), spool.execute(query))


def _print_table(names: tuple[str, ...], rows: Iterable[tuple[int, str, int, float, str]]) -> None:
    layout = "{:>8}  {:<10}  {:>9}  {:<20}  {}"
    missing = ("",) * (5 - len(names))
    print(layout.format(*names, *missing).rstrip())
    for report_id, kind, size, moment, *reason in rows:
        # One line each, whatever the reason holds.
        text = " ".join("".join(reason).split())
        printable = "".join(each if each.isprintable() else "\ufffd" for each in text)
        print(layout.format(report_id, kind, size, _format_time(moment), printable).rstrip())


def _export(spool: sqlite3.Connection, options: argparse.Namespace) -> None:
    table = "spooled" if options.spooled else "dead_letters"
    columns = TABLES[table]
    for row in spool.execute(f"select {', '.join(columns)} from {table} order by id"):  # noqa: S608 - fixed names
        members = dict(zip(columns, row, strict=True))
        times = {name: _format_time(members[name]) for name in columns if name.endswith("_at")}
        print(json.dumps({**members, **times, "payload": _read_payload(members["payload"])}))


def _requeue(spool: sqlite3.Connection, options: argparse.Namespace) -> None:
    if not options.all and not options.ids:
        raise CommandError("name the ids of dead letters, or --all")
    with spool:
        spool.execute("begin immediate")
        ids = [row[0] for row in spool.execute("select id from dead_letters order by id")]
        if not options.all:
            missing = sorted(set(options.ids) - set(ids))
            if missing:
                raise CommandError(f"there is no dead letter {', '.join(map(str, missing))}; none was requeued")
            ids = sorted(set(options.ids))
        for report_id in ids:
            spool.execute(
                "insert into spooled (kind, payload, spooled_at)"
                " select kind, payload, spooled_at from dead_letters where id = ?",
                [report_id],
            )
            spool.execute("delete from dead_letters where id = ?", [report_id])
    print(f"requeued: {len(ids):,}")


def _format_time(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _read_payload(payload: bytes) -> object:
    """As JSON, or as text if it is not JSON."""
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):
        return payload.decode("utf-8", "replace")


if __name__ == "__main__":
    main()
