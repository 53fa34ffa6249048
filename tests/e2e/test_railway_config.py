""".railway/railway.ts, checked against the types of Railway's SDK and evaluated by it as `railway config plan` does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any, cast

import pytest

from local.system.paths import LOCAL, PROJECT
from tests.support.waiting import INSTALL_SECONDS

PACKAGES = ("railway@3.11.0", "typescript@5.9.3")
PROGRAM = """
import program from "./railway.mjs";
import { createRailwayContext } from "railway/iac";
console.log(JSON.stringify(await program(createRailwayContext({ command: "plan", environment: "production" }))));
"""


def run(folder: Path, *command: str) -> str:
    # make setup puts npm into the virtual environment where the machine has none.
    environ = {**os.environ, "PATH": f"{LOCAL / 'venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(  # noqa: S603 - our own commands
        command, cwd=folder, env=environ, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("railway")
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    quiet = ("--no-audit", "--no-fund", "--ignore-scripts", "--no-update-notifier")
    run(folder, "npm", "install", *quiet, *PACKAGES)
    for name in ("railway.ts", "railway.mjs"):
        shutil.copy(PROJECT / ".railway" / "railway.ts", folder / name)
    return folder


def test_railway_knows_every_field(folder: Path) -> None:
    options = ("--noEmit", "--strict", "--module", "nodenext", "--skipLibCheck")
    run(folder, "node_modules/.bin/tsc", *options, "railway.ts")


def test_it_describes_the_service_and_its_volume(folder: Path) -> None:
    (folder / "evaluate.mjs").write_text(PROGRAM)
    project = cast(dict[str, Any], json.loads(run(folder, "node", "evaluate.mjs")))
    service, volume = project["resources"]
    file = tomllib.loads((PROJECT / "railway.toml").read_text(encoding="utf-8"))
    assert service["build"] == file["build"]
    assert service["deploy"] == file["deploy"]
    (attachment,) = service["volumeAttachments"].values()
    assert attachment["volume"] == volume["address"]
    assert attachment["mountPath"] == file["deploy"]["requiredMountPath"]
    assert service["variables"].pop("RAILWAY_RUN_UID") == {"type": "literal", "value": "0"}
    assert all(value == {"type": "preserve"} for value in service["variables"].values())
