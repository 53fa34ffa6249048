"""Settings of one stack."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from local.system.paths import PROJECT


@dataclass(frozen=True)
class StackSettings:
    """Where the stack keeps its state, its server and ports, and what it installs in the database."""

    state_directory: Path
    """Data, secrets and logs. A lock prevents two stacks from using the same directory."""
    postgres_url: str | None = None
    """URL of a superuser on an external server (STACK_POSTGRES_URL). None: the stack runs its own PostgreSQL.
    """
    postgres_port: int = 0
    """Port of our own PostgreSQL if the port is free; 0 takes any."""
    gateway_port: int = 0
    """Port of the gateway if the port is free; 0 takes any."""
    testing: bool = False
    """Installs pgTAP and, where available, plpgsql_check; empties an external test database at the start."""
    push: bool = True
    """Pushes supabase/migrations at the start."""
    project_directory: Path = PROJECT

    @property
    def log_directory(self) -> Path:
        return self.state_directory / "logs"


def external_postgres_url() -> str | None:
    """STACK_POSTGRES_URL; None if unset or empty."""
    return os.environ.get("STACK_POSTGRES_URL") or None
