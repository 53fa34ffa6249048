"""The list of accepted linter findings, and how it is applied."""

from __future__ import annotations

import pytest

from tests.support import findings
from tests.support.findings import Accepted, Finding


def test_every_accepted_finding_is_argued() -> None:
    for tool in ("lint", "advisors", "plpgsql_check"):
        for entry in findings.accepted(tool):
            assert len(entry.reason) > 80, entry.name


UNUSED = Finding("advisors", "unused_index", "public.incidents", "never used")


@pytest.mark.parametrize(
    ("found", "entries", "expected"),
    [
        ([UNUSED], [Accepted("advisors", "unused_index", r"public\.\w+", "")], []),
        ([UNUSED], [], [str(UNUSED)]),
        (
            [UNUSED],
            [Accepted("advisors", "unused_index", r"public\.incident", "")],
            [str(UNUSED), r"no finding any more: advisors unused_index of public\.incident"],
        ),
        ([], [Accepted("lint", "x", "y", "")], ["no finding any more: lint x of y"]),
    ],
)
def test_a_finding_is_accepted_by_tool_name_and_object(
    found: list[Finding], entries: list[Accepted], expected: list[str]
) -> None:
    assert findings.objections(found, entries) == expected
