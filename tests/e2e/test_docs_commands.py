"""Every command in README, CONTRIBUTING and docs/ runs as printed, but for those that need an account."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import Stack
from local.stack import dev_file
from local.system import programs
from local.system.paths import LOCAL, PROJECT
from tests.support.pages import Block, blocks
from tests.support.rounds import note_round
from tests.support.service_process import INGEST_TOKEN, running_service, service_variables

# A text in a block, and what the block prints.
EXPECTED = {
    "/api/autonomous/error": '"success":true',
    "rpc begin_agent_action": '"success": *true',
    "app.smoke": "Everything works.",
    "--remote=$DATABASE_URL": "up to date",
    "@supabase/supabase-js": r"INC-\d+ is resolved; it had \d+ known fixes",
}


def is_make(block: Block) -> bool:
    """Whether a block only calls make. `make walkthrough` runs those of the quick start."""
    return all(line.startswith("make ") for line in block.text.splitlines())


# tests/integration/operator/ runs those of the operator tasks.
SHELL = [
    block
    for block in blocks("sh")
    if not block.needs_account and not is_make(block) and block.page != "operator-tasks.md"
]
JAVASCRIPT = blocks("js")


@pytest.fixture(scope="module")
def checkout(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder as a checkout is while `make dev` runs."""
    folder = tmp_path_factory.mktemp("checkout")
    (folder / ".local").mkdir()
    for name in ("venv", "node"):
        (folder / ".local" / name).symlink_to(LOCAL / name)
    (folder / "supabase").symlink_to(PROJECT / "supabase")
    environ = {
        **service_variables(stack),
        "SENTRY_CLIENT_SECRET": stack.secrets.sentry_client_secret,
        "OPERATOR_TOKEN": stack.secrets.operator_token,
    }
    with running_service(environ, folder / "log") as service:
        values = {**dev_file.variables(stack, service.url), "INGEST_TOKEN": INGEST_TOKEN}
        dev_file.write(folder / ".local" / "dev.env", values)
        yield folder


def run(command: list[str], folder: Path, **variables: str) -> str:
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONIOENCODING": "utf-8", **variables}
    done = subprocess.run(  # noqa: S603 - the pages' own commands
        command, cwd=folder, env=environ, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def check_output(text: str, output: str) -> None:
    (pattern,) = {printed for part, printed in EXPECTED.items() if part in text}
    assert re.search(pattern, output), output


@pytest.mark.parametrize("block", SHELL, ids=lambda block: block.page)
def test_shell(block: Block, stack: Stack, checkout: Path) -> None:
    # The smoke test fails when no health checks run, and here none do.
    note_round(stack, dev_file.read(checkout / ".local" / "dev.env")["APP_URL"])
    check_output(block.text, run(["bash", "-euo", "pipefail", "-c", block.text], checkout))


@pytest.mark.parametrize("block", JAVASCRIPT, ids=lambda block: block.page)
def test_javascript(block: Block, stack: Stack, checkout: Path, tmp_path: Path) -> None:
    script = tmp_path / "docs.mjs"
    script.write_text(block.text)
    (tmp_path / "node_modules").symlink_to(programs.NODE_MODULES)
    # Node.js 20, unlike browsers and later ones, has no WebSocket of its own.
    prepared = tmp_path / "websocket.mjs"
    prepared.write_text('import WebSocket from "ws"; globalThis.WebSocket ??= WebSocket;')
    report = next(each.text for each in SHELL if "/api/autonomous/error" in each.text)
    run(["bash", "-euo", "pipefail", "-c", report], checkout)
    output = run(
        [str(programs.node()), "--import", str(prepared), str(script)],
        checkout,
        SUPABASE_URL=stack.supabase_url,
        SUPABASE_PUBLISHABLE_KEY=stack.publishable_key,
        AUTHENTICATED_JWT=stack.authenticated_jwt,
    )
    check_output(block.text, output)


def test_what_needs_an_account_says_so() -> None:
    needing = [block.text for block in blocks("sh") if block.needs_account]
    assert len(needing) == 1
    assert "supabase login" in needing[0]
    assert len(SHELL) + len(JAVASCRIPT) == len(EXPECTED)
