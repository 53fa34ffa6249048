"""The read API through supabase-js, as a front-end agent uses it."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from pathlib import Path

from local import Stack
from local.system import programs
from tests.integration.agents.conftest import Call
from tests.support.waiting import DEADLINE_SECONDS

SCRIPT = Path(__file__).with_name("read_api.mjs")


def test_supabase_js_reads_every_view(stack: Stack, call: Call) -> None:
    source = f"js {secrets.token_hex(6)}"
    ids = [
        call(
            "report_error",
            report={
                "error": {"message": "m"},
                "fingerprint": secrets.token_hex(6),
                "source": source,
                "severity": severity,
            },
        ).json()["incident_id"]
        for severity in ("HIGH", "LOW", "CRITICAL", "HIGH")
    ]
    call("acknowledge_incident", incident_id=ids[0])
    environment = {
        **os.environ,
        "NODE_MODULES": str(programs.NODE_MODULES),
        "SUPABASE_URL": stack.supabase_url,
        "SUPABASE_PUBLISHABLE_KEY": stack.publishable_key,
        "SUPABASE_TOKEN": stack.authenticated_jwt,
    }
    run = subprocess.run(  # noqa: S603 - our own script
        [programs.node(), SCRIPT, source],
        env=environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    assert result["filtered"] == {
        "ids": [{"id": ids[2], "severity": "CRITICAL"}, {"id": ids[0], "severity": "HIGH"}],
        "count": 3,
    }
    assert result["embedded"]["id"] == ids[0]
    actions = [entry["action"] for entry in result["embedded"]["agent_actions"]]
    assert sorted(actions) == ["incident_acknowledged", "incident_created"]
    assert result["timeline"] == [
        {"who": "agent:0f0f", "what": "incident_created", "from": None, "to": "open"},
        {"who": "fe-agent", "what": "incident_acknowledged", "from": "open", "to": "acknowledged"},
    ]
    assert result["errors"] == [None] * 5
    assert result["context"] == [
        "earlier_actions",
        "fixes",
        "incident",
        "notice",
        "recent_checks",
        "recent_deployments",
        "regression",
        "similar_incidents",
        "timeline",
    ]
    assert result["refused"] == "42501"
