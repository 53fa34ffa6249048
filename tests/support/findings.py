"""Findings of the linters about the schema, and the list of those that are accepted."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.system.paths import PROJECT

FILE = PROJECT / "supabase" / "accepted_findings.toml"


@dataclass(frozen=True)
class Finding:
    tool: str
    name: str
    about: str
    detail: str

    def __str__(self) -> str:
        return f"{self.tool}: {self.about}: {self.name}: {self.detail}"


@dataclass(frozen=True)
class Accepted:
    """One entry of the file."""

    tool: str
    name: str
    objects: str
    reason: str

    def covers(self, finding: Finding) -> bool:
        same_kind = self.tool == finding.tool and re.fullmatch(self.name, finding.name) is not None
        return same_kind and re.fullmatch(self.objects, finding.about) is not None


def accepted(tool: str, file: Path = FILE) -> list[Accepted]:
    entries = tomllib.loads(file.read_text(encoding="utf-8"))["finding"]
    return [entry for entry in (Accepted(**entry) for entry in entries) if entry.tool == tool]


def objections(found: Sequence[Finding], entries: Sequence[Accepted]) -> list[str]:
    """Findings that are not accepted, and entries without a finding."""
    new = [str(finding) for finding in found if not any(entry.covers(finding) for entry in entries)]
    idle = [
        f"no finding any more: {entry.tool} {entry.name} of {entry.objects}"
        for entry in entries
        if not any(entry.covers(finding) for finding in found)
    ]
    return new + idle


def of_lint(output: str) -> Iterator[Finding]:
    for function in json.loads(output)["results"]:
        for issue in function["issues"]:
            yield Finding("lint", issue["message"], function["function"], _place_of(issue))


def of_advisors(output: str) -> Iterator[Finding]:
    for result in json.loads(output)["results"]:
        metadata = result.get("metadata") or {}
        parts = [str(metadata[part]) for part in ("schema", "name") if metadata.get(part)]
        yield Finding("advisors", result["name"], ".".join(parts), result["detail"])


def _place_of(issue: dict[str, Any]) -> str:
    statement = issue.get("statement") or {}
    return f"line {statement.get('lineNumber')} ({statement.get('text')}), {issue.get('detail')}"
