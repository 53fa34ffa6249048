"""The workflow of GitHub Actions: what it may do, and that its commands exist."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from typing import Any, cast

import pytest
import yaml  # type: ignore[import-untyped]  # a dependency of sqlfluff

from local.system import programs
from local.system.paths import PROJECT

PATH = PROJECT / ".github" / "workflows" / "ci.yml"
WORKFLOW = cast(dict[Any, Any], yaml.safe_load(PATH.read_text(encoding="utf-8")))
JOBS = cast(dict[str, dict[str, Any]], WORKFLOW["jobs"])
STEPS = [step for job in JOBS.values() for step in job["steps"]]
COMMANDS = [line for step in STEPS for line in step.get("run", "").splitlines()]


def test_it_runs_for_pull_requests_and_for_main() -> None:
    triggers = WORKFLOW[True]  # YAML 1.1 reads the word on as a truth value
    assert triggers == {"pull_request": None, "push": {"branches": ["main"]}}  # Railway's "Wait for CI" needs the push


def test_it_may_only_read_the_repository() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert not any("permissions" in job for job in JOBS.values())
    checkouts = [step for step in STEPS if step.get("uses", "").startswith("actions/checkout@")]
    assert len(checkouts) == len(JOBS)
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_jobs_end_and_actions_have_a_major_version() -> None:
    assert all(0 < job["timeout-minutes"] <= 60 for job in JOBS.values())
    uses = [step["uses"] for step in STEPS if "uses" in step]
    assert all(re.fullmatch(r"[a-z-]+/[a-z-]+@v\d+", action) for action in uses)
    assert "main" in WORKFLOW["concurrency"]["cancel-in-progress"]


def test_secrets_are_given_to_the_push_alone() -> None:
    """A pull request gets none, because anybody may write its code: the job needs main and an environment."""
    with_secrets = [name for name, job in JOBS.items() if "secrets." in json.dumps(job)]
    assert with_secrets == ["database"]
    job = JOBS["database"]
    assert job["environment"] == "production"
    assert job["needs"] == "test"
    assert "github.event_name == 'push' && github.ref == 'refs/heads/main'" in job["if"]
    steps = [list(step) for step in job["steps"] if "secrets." in json.dumps(step)]
    assert steps == [["run", "env"]]  # no action of others gets one
    assert "secrets." not in json.dumps(job.get("env", {}))


def test_expressions_are_not_pasted_into_commands() -> None:
    assert not any("${{" in command for command in COMMANDS)


def test_it_runs_what_ci_runs() -> None:
    assert [line for line in COMMANDS if not line.startswith("supabase ")] == ['sudo env "PATH=$PATH" .ci/run']
    assert os.access(PROJECT / ".ci" / "run", os.X_OK)


def test_the_cli_is_that_of_the_tests() -> None:
    tools = json.loads((PROJECT / "package.json").read_text(encoding="utf-8"))["dependencies"]
    (version,) = [step["with"]["version"] for step in STEPS if step.get("uses", "").startswith("supabase/setup-cli@")]
    assert version == tools["supabase"]


@pytest.mark.parametrize("command", [line for line in COMMANDS if line.startswith("supabase ")])
def test_the_cli_knows_the_command(command: str) -> None:
    words = shlex.split(command)[1:]
    subcommand = [word for word in words if re.fullmatch("[a-z]+", word)]
    environ = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "SUPABASE_TELEMETRY_DISABLED": "1"}
    done = subprocess.run(  # noqa: S603 - the CLI's own help
        [str(programs.supabase_cli()), *subcommand, "--help"], env=environ, capture_output=True, text=True, check=True
    )
    assert f"supabase {' '.join(subcommand)} [flags]" in done.stdout
    for flag in (word for word in words if word.startswith("--")):
        assert re.search(rf"^  {flag}\b", done.stdout, flags=re.MULTILINE), f"{flag} is not in the help"
