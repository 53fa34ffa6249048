"""What was deployed today, as GitHub's webhooks tell it."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta

JsonObject = dict[str, object]


@dataclass(frozen=True)
class Deployment:
    """A deployment to production, and when it began: minutes before the start of the present hour."""

    service: str
    version: str
    by: str
    began_before: int
    lasted_minutes: int
    state: str = "success"

    def webhook(self, today: str, this_hour: datetime) -> JsonObject:
        """The webhook deployment_status at its end. GitHub sends an id once; here it is one a day."""
        began = this_hour - timedelta(minutes=self.began_before)
        ended = began + timedelta(minutes=self.lasted_minutes)
        number = int(today.replace("-", "")) * 2**32 + zlib.crc32(self.service.encode())
        page = f"https://github.com/hazel-and-oak/{self.service}/actions/runs/{number}"
        return {
            "action": "created",
            "deployment_status": {
                "id": number,
                "state": self.state,
                "environment": "production",
                "log_url": page,
                "created_at": ended.isoformat(),
            },
            "deployment": {
                "id": number,
                "environment": "production",
                "created_at": began.isoformat(),
                "creator": {"login": self.by},
                "sha": f"{number:x}".rjust(40, "f"),
                "ref": self.version,
            },
            "repository": {
                "name": self.service,
                "full_name": f"hazel-and-oak/{self.service}",
                "default_branch": "main",
            },
            "sender": {"login": self.by},
        }


# Those of checkout and of the shop are followed by an error of the same service within half an hour.
DEPLOYMENTS = (
    Deployment("shop", "v1.42.1", "emily-carter", 60 * 15 + 9, 6),
    Deployment("search", "v1.9.2", "ben-okafor", 60 * 11 + 20, 4),
    Deployment("checkout", "v2.14.0", "ben-okafor", 60 * 5 + 11, 7),
    Deployment("payments", "v7.3.0", "emily-carter", 60 * 2 + 16, 5),
    Deployment("images", "v0.31.0", "release-bot", 95, 3, "failure"),
)
