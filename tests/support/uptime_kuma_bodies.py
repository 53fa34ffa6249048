"""Bodies of Uptime Kuma's webhooks, as its provider `webhook` builds them from a monitor and a heartbeat."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

Body = dict[str, Any]
DOWN, UP, PENDING, MAINTENANCE = range(4)


def heartbeat(monitor_id: int, status: int, at: datetime, message: str = "Request failed with status code 503") -> Body:
    """A webhook of the preset application/json."""
    time = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    text = message if status == DOWN else "200 - OK"
    return {
        "heartbeat": {
            "monitorID": monitor_id,
            "status": status,
            "time": time,
            "msg": text,
            "ping": None if status == DOWN else 42,
            "important": True,
            "duration": 60,
            "retries": 1,
            "response": None,
            "timezone": "Europe/Berlin",
            "timezoneOffset": "+01:00",
            "localDateTime": time[:19],
        },
        "monitor": {
            "id": monitor_id,
            "name": "Shop",
            "description": None,
            "path": ["Production", "Shop"],
            "pathName": "Production / Shop",
            "parent": 1,
            "childrenIDs": [],
            "url": "https://shop.example/health",
            "method": "GET",
            "hostname": None,
            "port": None,
            "maxretries": 1,
            "active": True,
            "type": "http",
            "interval": 60,
            "resendInterval": 0,
            "accepted_statuscodes": ["200-299"],
            "notificationIDList": {"1": True},
            "tags": [
                {
                    "id": 3,
                    "monitor_id": monitor_id,
                    "tag_id": 2,
                    "value": "production",
                    "name": "environment",
                    "color": "#4B5563",
                }
            ],
            "maintenance": status == MAINTENANCE,
            "includeSensitiveData": False,
        },
        "msg": f"[Shop] [{'🔴 Down' if status == DOWN else '✅ Up'}] {text}",
    }


def notice(message: str) -> Body:
    """A test, or the notice of an expiring certificate: neither has a heartbeat."""
    return {"heartbeat": None, "monitor": None, "msg": message}
