"""Installs packages from npm on demand, at the versions of a lock file."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from local.system import programs
from local.system.errors import StackError, log_tail
from local.system.processes import Command, run_to_completion

_QUIET = ("--no-audit", "--no-fund", "--ignore-scripts", "--no-update-notifier")


def install(folder: Path, target: Path, log: Path, name: str) -> None:
    """Installs package.json and package-lock.json of a folder into the target, which does not exist yet.

    Raises StackError, which calls the packages by this name.
    """
    target.mkdir(parents=True)
    for file in ("package.json", "package-lock.json"):
        shutil.copy(folder / file, target / file)
    search_path = programs.search_path_with_npm()
    environment = {**os.environ, "PATH": search_path, "NODE_USE_SYSTEM_CA": "1", "npm_config_fetch_retries": "1"}
    if run_to_completion(Command("npm", ["npm", "ci", *_QUIET], log, environment, target)) != 0:
        raise StackError(f"npm could not install {name}. Is the registry reachable?{log_tail(log)}")
