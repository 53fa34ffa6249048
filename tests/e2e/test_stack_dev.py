"""`python -m local dev` from outside: its output, its files, and its processes."""

# ruff: noqa: S603, S607  # all arguments are fixed

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest

from local.system.paths import PROJECT
from tests.support import http_client
from tests.support.browser import Browser
from tests.support.waiting import DEADLINE_SECONDS, wait_until

START_PATIENCE = 2 * DEADLINE_SECONDS
STOP_PATIENCE = DEADLINE_SECONDS
INCIDENT_URL = """
select value ->> 'incident_url'
from public.system_config
where key = 'incident_policy' and value ? 'incident_url'
"""


class Dev:
    """One run of the command on a state directory of its own."""

    def __init__(self, state: Path, **variables: str) -> None:
        self.state = state
        self.environment_file = state.with_name(f"{state.name}.env")
        self.output = state.with_name(f"{state.name}.out")
        self.output.parent.mkdir(parents=True, exist_ok=True)
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "local", "dev", "--state", str(state)],
                cwd=PROJECT,
                env={**clean_environment(), **variables},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def wait_until_ready(self) -> dict[str, str]:
        wait_until(lambda: self.environment_file.exists() or self.process.poll() is not None, START_PATIENCE)
        assert self.process.poll() is None, self.output.read_text()
        lines = self.environment_file.read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def children(self) -> list[int]:
        """Everything that writes its log into this state, which every server of a stack does."""
        return [pid for pid in psutil.pids() if pid != self.process.pid and works_on(pid, self.state)]

    def stop(self, signal_number: signal.Signals) -> int:
        self.process.send_signal(signal_number)
        return self.process.wait(STOP_PATIENCE)


def works_on(pid: int, state: Path) -> bool:
    try:
        links = [os.readlink(f"/proc/{pid}/fd/{number}") for number in (1, 2)]
    except OSError:
        return False
    return any(link.startswith(f"{state}/") for link in links)


def clean_environment() -> dict[str, str]:
    """Without the server and port that the tests themselves may use."""
    return {name: value for name, value in os.environ.items() if name not in ("STACK_POSTGRES_URL", "PORT")}


@pytest.fixture
def dev(state: Path) -> Iterator[Dev]:
    running = Dev(state)
    yield running
    if running.process.poll() is None:
        running.stop(signal.SIGTERM)


def reset(state: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "local", "reset", "--state", str(state)]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)


def test_dev_env_is_complete_private_and_correct(dev: Dev) -> None:
    values = dev.wait_until_ready()
    assert stat.S_IMODE(dev.environment_file.stat().st_mode) == 0o600
    assert list(values) == [
        "APP_URL",
        "SUPABASE_URL",
        "SUPABASE_PUBLISHABLE_KEY",
        "SUPABASE_SECRET_KEY",
        "SUPABASE_ANON_KEY",
        "SUPABASE_SERVICE_ROLE_KEY",
        "AUTHENTICATED_JWT",
        "USER_EMAIL",
        "USER_PASSWORD",
        "DATABASE_URL",
        "SUPERUSER_DATABASE_URL",
        "INGEST_TOKEN",
        "SENTRY_CLIENT_SECRET",
        "OPERATOR_TOKEN",
        "PUBLIC_KEY",
        "SENTRY_DSN",
        "GENERIC_KEY",
        "PUBLIC_KEYS",
        "SENTRY_WEBHOOK_TOKEN",
        "ALERTMANAGER_KEY",
        "GRAFANA_KEY",
        "UPTIME_KUMA_KEY",
        "GITHUB_KEY",
        "GENERIC_KEYS",
    ]
    address = urlsplit(values["APP_URL"])
    assert values["SENTRY_DSN"] == f"http://{values['PUBLIC_KEY']}@{address.netloc}/1"
    assert values["PUBLIC_KEYS"] == f"dev:{values['PUBLIC_KEY']}"
    assert values["GENERIC_KEYS"] == f"dev:{values['GENERIC_KEY']}"
    shown = f'Sentry.init({{ dsn: "{values["SENTRY_DSN"]}" }})'
    wait_until(lambda: shown in dev.output.read_text(), what="the welcome")
    database_health = f"{values['APP_URL']}/health/db"
    wait_until(lambda: http_client.get(database_health).status_code == 200, what="the database")
    with Browser(values["APP_URL"]) as browser:
        form = {"email": values["USER_EMAIL"], "password": values["USER_PASSWORD"]}
        assert browser.submit("/sign-in", form, page="/sign-in").status_code == 303
        assert browser.is_signed_in()
    for name in ("PUBLISHABLE", "SECRET", "ANON", "SERVICE_ROLE"):
        headers = {"apikey": values[f"SUPABASE_{name}_KEY"]}
        status = http_client.get(f"{values['SUPABASE_URL']}/rest/v1/", headers=headers).status_code
        # The OpenAPI document is for secret keys; the gateway knows the others too.
        assert status == (200 if name in ("SECRET", "SERVICE_ROLE") else 403)
    with psycopg.connect(values["DATABASE_URL"], autocommit=True) as connection:
        assert connection.execute("select current_user").fetchone() == ("postgres",)
        # The service writes it after its first round of health checks.
        wait_until(lambda: connection.execute(INCIDENT_URL).fetchone() is not None, what="the link of messages")
        assert connection.execute(INCIDENT_URL).fetchone() == (f"{values['APP_URL']}/incidents/{{id}}",)


def test_the_time_until_it_is_ready_includes_the_setup(state: Path) -> None:
    recipe = subprocess.run(["make", "-n", "dev"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    variable = re.search(r"MAKE_STARTED_AT=(\d+) .*-m local dev", recipe)
    assert variable is not None
    assert abs(time.time() - int(variable[1])) < DEADLINE_SECONDS
    dev = Dev(state, MAKE_STARTED_AT=str(int(time.time()) - 5000))  # as if the setup had taken so long
    try:
        dev.wait_until_ready()
        wait_until(lambda: "Ready after" in dev.output.read_text(), what="the welcome")
    finally:
        dev.stop(signal.SIGTERM)
    ready = re.search(r"^Ready after (\d+) s\.", dev.output.read_text(), re.MULTILINE)
    assert ready is not None
    assert 5000 <= int(ready[1]) < 5000 + START_PATIENCE


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_every_process_and_removes_dev_env(dev: Dev, signal_number: signal.Signals) -> None:
    dev.wait_until_ready()
    assert len(dev.children()) >= 3
    assert dev.stop(signal_number) == 0
    assert dev.children() == []
    assert not dev.environment_file.exists()
    assert "all processes have ended" in dev.output.read_text()


def test_a_signal_during_the_start_leaves_no_process(dev: Dev) -> None:
    wait_until(lambda: len(dev.children()) > 0, START_PATIENCE)
    assert dev.stop(signal.SIGTERM) == 130
    assert dev.children() == []
    assert "Traceback" not in dev.output.read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties children to a parent that is killed")
def test_the_children_of_a_killed_parent_end(dev: Dev) -> None:
    dev.wait_until_ready()
    dev.stop(signal.SIGKILL)
    wait_until(lambda: dev.children() == [], STOP_PATIENCE)


def test_a_second_start_names_the_running_one(dev: Dev) -> None:
    values = dev.wait_until_ready()
    second = subprocess.run(
        [sys.executable, "-m", "local", "dev", "--state", str(dev.state)],
        cwd=PROJECT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 1
    assert f"already running on {dev.state} (process {dev.process.pid}, {values['APP_URL']})" in second.stderr
    assert reset(dev.state).returncode == 1
    assert http_client.get(f"{values['APP_URL']}/health").status_code == 200
    assert dev.environment_file.exists()


def test_the_next_start_finds_data_and_secrets_and_reset_drops_them(dev: Dev) -> None:
    first = dev.wait_until_ready()
    with psycopg.connect(first["DATABASE_URL"]) as connection:
        connection.execute("create table public.kept as select 42 as id")
    dev.stop(signal.SIGINT)
    again = Dev(dev.state)
    second = again.wait_until_ready()
    with psycopg.connect(second["DATABASE_URL"]) as connection:
        assert connection.execute("select id from public.kept").fetchone() == (42,)
    bearer = {"Authorization": f"Bearer {first['AUTHENTICATED_JWT']}"}
    assert http_client.get(f"{second['APP_URL']}/api/autonomous/incidents", headers=bearer).status_code == 200
    again.stop(signal.SIGINT)
    for name in (
        "INGEST_TOKEN",
        "SENTRY_CLIENT_SECRET",
        "PUBLIC_KEY",
        "GRAFANA_KEY",
        "SUPABASE_ANON_KEY",
        "SUPABASE_SECRET_KEY",
    ):
        assert second[name] == first[name]
    assert reset(dev.state).returncode == 0
    assert not dev.state.exists()


def test_an_invalid_port_is_reported_without_a_traceback(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "local", "dev", "--state", str(tmp_path / "state")],
        cwd=PROJECT,
        env={**clean_environment(), "PORT": "0x"},
        capture_output=True,
        text=True,
        check=False,
    )
    reset(tmp_path / "state")
    assert result.returncode == 1
    assert "PORT is '0x', which is not a port number." in result.stderr
    assert "Traceback" not in result.stderr
