"""Heartbeats are kept while the database is away, and what nobody can check is kept within bounds."""

from __future__ import annotations

import uuid
from pathlib import Path

import httpx

from local import Stack
from tests.integration.heartbeats.conftest import Heartbeats
from tests.support import http_client
from tests.support.fault_proxy import Fault, running_proxy
from tests.support.service_budgets import UNHURRIED_CALLS
from tests.support.service_process import running_service, service_variables
from tests.support.waiting import wait_until


def test_heartbeats_are_spooled_and_count_for_their_time(heartbeats: Heartbeats, stack: Stack, log_path: Path) -> None:
    path = heartbeats.expect("backup")
    with running_proxy(stack.supabase_url) as proxy:
        proxy.target = b"/rpc/"
        environ = {**service_variables(stack), "SUPABASE_URL": proxy.url}
        with (
            running_service(environ, log_path, budgets=UNHURRIED_CALLS) as process,
            httpx.Client(base_url=process.url, timeout=http_client.TIMEOUT) as client,
        ):
            proxy.always = Fault.RESET
            answer = client.get(path)
            assert (answer.status_code, answer.json()) == (202, {"success": True, "status": "spooled"})
            # Of no heartbeat, which nobody can know now.
            assert client.get(f"/heartbeat/{uuid.uuid4()}").status_code == 202
            proxy.reset()
            wait_until(lambda: client.get("/health").json()["spool"]["depth"] == 0, what="the replay")
            assert client.get("/health").json()["spool"]["dead_letters"] == 1
    assert heartbeats.row("backup").state == "ok"
    assert path.rpartition("/")[2] not in log_path.read_text()
