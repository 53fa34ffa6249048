"""Bodies of GitHub's webhooks, as GitHub documents them, without the members that nobody reads, with invented names."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

Body = dict[str, Any]
COMMIT = "f95f852bd8fca8fcc58a9a2d6c842781e32a215e"


def moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def person(login: str) -> Body:
    return {"login": login, "id": 15669918, "type": "User", "html_url": f"https://github.com/{login}"}


def repository(name: str) -> Body:
    return {
        "id": 186853002,
        "name": name,
        "full_name": f"acme/{name}",
        "private": True,
        "owner": person("acme"),
        "html_url": f"https://github.com/acme/{name}",
        "default_branch": "main",
    }


def deployment_status(
    name: str, deployment_id: int, state: str, at: datetime, created_at: datetime, **fields: object
) -> Body:
    return {
        "action": "created",
        "deployment_status": {
            "id": 209916254,
            "state": state,
            "creator": person("github-actions[bot]"),
            "description": "",
            "environment": "Staging",
            "target_url": f"https://github.com/acme/{name}/actions/runs/1",
            "log_url": f"https://github.com/acme/{name}/actions/runs/1/job/2",
            "created_at": moment(at),
            "updated_at": moment(at),
        },
        "deployment": {
            "id": deployment_id,
            "task": "deploy",
            "original_environment": "staging",
            "environment": "staging",
            "description": None,
            "created_at": moment(created_at),
            "updated_at": moment(at),
            "creator": person("octocat"),
            "sha": COMMIT,
            "ref": "main",
            "payload": {},
            **fields,
        },
        "workflow_run": None,
        "repository": repository(name),
        "sender": person("octocat"),
    }


def workflow_run(
    name: str, run_id: int, action: str, at: datetime, conclusion: str | None = None, **fields: object
) -> Body:
    """The webhook of a run of the workflow Deploy."""
    workflow = str(fields.pop("workflow", "Deploy"))
    return {
        "action": action,
        "workflow_run": {
            "id": run_id,
            "name": workflow,
            "head_branch": "main",
            "head_sha": COMMIT,
            "path": ".github/workflows/deploy.yml",
            "run_number": 562,
            "run_attempt": 1,
            "event": "push",
            "status": {"requested": "queued", "in_progress": "in_progress", "completed": "completed"}[action],
            "conclusion": conclusion,
            "html_url": f"https://github.com/acme/{name}/actions/runs/{run_id}",
            "pull_requests": [],
            "created_at": moment(at),
            "updated_at": moment(at),
            "run_started_at": moment(at),
            "actor": person("octocat"),
            "triggering_actor": person("hubot"),
            "head_commit": {
                "id": COMMIT,
                "message": "Deploy the shop",
                "author": {"name": "Octo Cat", "email": "o@c.example"},
            },
            **fields,
        },
        "workflow": {"id": 2823525, "name": workflow, "path": ".github/workflows/deploy.yml", "state": "active"},
        "repository": repository(name),
        "sender": person("octocat"),
    }
