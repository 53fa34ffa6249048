"""Every command in README runs as it stands there, but for those that need an account and say so."""

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
from tests.support.rounds import note_round
from tests.support.service_process import INGEST_TOKEN, running_service, service_variables

README = (PROJECT / "README.md").read_text()
# A text in a block, and what the block prints.
EXPECTED = {
    "/api/autonomous/error": '"success":true',
    "rpc begin_agent_action": '"success": *true',
    "app.smoke": "Everything works.",
    "--remote=$DATABASE_URL": "up to date",
    "@supabase/supabase-js": r"INC-\d+ is resolved; it had \d+ known fixes",
}


def blocks(language: str) -> list[tuple[str, str]]:
    """The fenced blocks of a language, each with the text between the heading before it and itself."""
    fences = re.finditer(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
    return [(README[: fence.start()].rpartition("\n#")[2], fence[1]) for fence in fences]


def is_for_account(before: str) -> bool:
    return "Needs an account" in before


SHELL = [
    block
    for before, block in blocks("sh")
    # The two commands themselves are what runs this; `make walkthrough` goes the whole way.
    if not is_for_account(before) and not all(line.startswith("make ") for line in block.splitlines())
]


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
        note_round(stack, service.url)
        yield folder


def run(command: list[str], folder: Path, **variables: str) -> str:
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONIOENCODING": "utf-8", **variables}
    done = subprocess.run(  # noqa: S603 - README's own commands
        command, cwd=folder, env=environ, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def check_output(block: str, output: str) -> None:
    (pattern,) = {printed for text, printed in EXPECTED.items() if text in block}
    assert re.search(pattern, output), output


@pytest.mark.parametrize("block", SHELL)
def test_shell(block: str, checkout: Path) -> None:
    check_output(block, run(["bash", "-euo", "pipefail", "-c", block], checkout))


@pytest.mark.parametrize("block", [block for _, block in blocks("js")])
def test_javascript(block: str, stack: Stack, checkout: Path, tmp_path: Path) -> None:
    script = tmp_path / "readme.mjs"
    script.write_text(block)
    (tmp_path / "node_modules").symlink_to(programs.NODE_MODULES)
    # Node.js 20, unlike browsers and later ones, has no WebSocket of its own.
    prepared = tmp_path / "websocket.mjs"
    prepared.write_text('import WebSocket from "ws"; globalThis.WebSocket ??= WebSocket;')
    report = next(each for each in SHELL if "/api/autonomous/error" in each)
    run(["bash", "-euo", "pipefail", "-c", report], checkout)
    output = run(
        [str(programs.node()), "--import", str(prepared), str(script)],
        checkout,
        SUPABASE_URL=stack.supabase_url,
        SUPABASE_ANON_KEY=stack.anon_key,
        AUTHENTICATED_JWT=stack.authenticated_jwt,
    )
    check_output(block, output)


def test_what_needs_an_account_says_so() -> None:
    needing = [block for before, block in blocks("sh") if is_for_account(before)]
    assert len(needing) == 1
    assert "supabase login" in needing[0]
    assert len(SHELL) == len(EXPECTED) - len(blocks("js"))
