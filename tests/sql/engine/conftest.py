"""Tests that need a server with the real extensions, which `make test-engine` starts."""

from __future__ import annotations

import os

collect_ignore_glob = [] if os.environ.get("STACK_ENGINE") else ["test_*.py"]
