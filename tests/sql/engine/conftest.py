"""What only a server with the real extensions can show. `make test-engine` starts one."""

from __future__ import annotations

import os

collect_ignore_glob = [] if os.environ.get("STACK_ENGINE") else ["test_*.py"]
