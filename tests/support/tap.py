"""Runs a pgTAP file over one connection and reads the TAP that comes back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import psycopg
from psycopg.pq import ExecStatus, TransactionStatus

PLAN = re.compile(r"1\.\.(\d+)\b")
RESULT = re.compile(r"(not )?ok\b(?: (\d+))?(?: - )?(.*)")
DIRECTIVE = re.compile(r"#\s*(skip|todo)\b", re.IGNORECASE)
COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)


@dataclass
class Assertion:
    """One ok or not ok, with the diagnostics that follow it."""

    passed: bool
    description: str
    diagnostics: list[str] = field(default_factory=list)


@dataclass
class Report:
    """The output of a file, and the problems outside of its assertions."""

    plans: list[int] = field(default_factory=list)
    assertions: list[Assertion] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    def problems(self) -> list[str]:
        """Everything that makes the file fail; a skipped or postponed assertion does too."""
        return [*self.troubles, *self._plan_problems(), *self._failures()]

    def _plan_problems(self) -> Iterator[str]:
        if not self.assertions:
            yield "it asserts nothing"
        if len(self.plans) != 1:
            yield f"it has {len(self.plans)} plans instead of one"
        elif self.plans[0] != len(self.assertions):
            yield f"it planned {self.plans[0]} assertions and made {len(self.assertions)}"

    def _failures(self) -> Iterator[str]:
        for number, assertion in enumerate(self.assertions, start=1):
            if not assertion.passed:
                yield "\n".join([f"not ok {number} - {assertion.description}", *assertion.diagnostics])
            elif DIRECTIVE.search(assertion.description):
                yield f"ok {number} is skipped or postponed: {assertion.description}"


def parse(lines: Iterable[str]) -> Report:
    report = Report()
    for line in lines:
        if plan := PLAN.match(line):
            report.plans.append(int(plan[1]))
        elif result := RESULT.match(line):
            passed = result[1] is None and not DIRECTIVE.search(result[3])
            report.assertions.append(Assertion(passed, result[3]))
        elif line.startswith("Bail out!"):
            report.troubles.append(line)
        elif line.startswith("#") and report.assertions:
            report.assertions[-1].diagnostics.append(line)
    return report


def run(connection: psycopg.Connection, script: str) -> Report:
    """Sends the file as one simple query and keeps what came before an error.

    psycopg's own execute() would throw the earlier results away, and with them the place of the error.
    """
    lines: list[str] = []
    troubles = list(_transaction_problems(script))
    if troubles:
        return Report(troubles=troubles)
    server = connection.pgconn
    server.send_query(script.encode())
    while (result := server.get_result()) is not None:
        if result.status in (ExecStatus.FATAL_ERROR, ExecStatus.BAD_RESPONSE):
            troubles.append(result.error_message.decode(errors="replace").strip())
        elif result.status == ExecStatus.TUPLES_OK and result.nfields == 1:
            values = (result.get_value(row, 0) for row in range(result.ntuples))
            lines += [line for value in values if value is not None for line in value.decode().splitlines()]
    if not troubles and server.transaction_status != TransactionStatus.IDLE:
        troubles.append("it leaves a transaction open")
    report = parse(lines)
    report.troubles += troubles
    return report


def _transaction_problems(script: str) -> Iterator[str]:
    statements = [part.strip().lower() for part in COMMENT.sub("", script).split(";") if part.strip()]
    if not statements or statements[0] != "begin":
        yield "its first statement is not begin"
    if not statements or statements[-1] != "rollback":
        yield "its last statement is not rollback"
    if "commit" in statements:
        yield "it commits"
