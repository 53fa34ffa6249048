"""What a stack is told: where it keeps its things and which server it stands on."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
LOCAL = PROJECT / ".local"


@dataclass(frozen=True)
class StackSettings:
    """The choices of one stack. Two stacks never share a state directory: a lock in it sees to that."""

    state_directory: Path
    postgres_url: str | None = None
    """Superuser URL of another server (STACK_POSTGRES_URL); without it we run our own Postgres."""
    postgres_port: int = 0
    """Port to take if it is free; 0 takes any."""
    gateway_port: int = 0
    testing: bool = False
    """Adds pgTAP (and plpgsql_check where the server has it); empties what earlier tests left."""
    push: bool = True
    """Whether supabase/migrations is pushed at the start."""
    project_directory: Path = PROJECT

    @property
    def log_directory(self) -> Path:
        return self.state_directory / "logs"


def external_postgres_url() -> str | None:
    """STACK_POSTGRES_URL, where an empty value counts as none."""
    return os.environ.get("STACK_POSTGRES_URL") or None
