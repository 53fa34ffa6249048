"""The files that platforms read agree with each other, with the settings of the service, and with the pages."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from app.settings import Settings
from local.system import programs
from local.system.paths import PROJECT
from tests.support import dockerfile
from tests.support.pages import DOCS, first_names, section

RAILWAY: dict[str, Any] = tomllib.loads((PROJECT / "railway.toml").read_text(encoding="utf-8"))
RAILWAY_TS = (PROJECT / ".railway" / "railway.ts").read_text(encoding="utf-8")
STAGES = dockerfile.stages()
IMAGE = dockerfile.image_config()


def test_the_python_version_is_the_same_everywhere() -> None:
    version = (PROJECT / ".python-version").read_text(encoding="utf-8").strip()
    (base,) = [each.text for each in dockerfile.instructions() if each.name == "ARG"]
    assert base.startswith(f"BASE_IMAGE=python:{version}-slim-")
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["mypy"]["python_version"] == version
    assert project["project"]["requires-python"] == f">={version}"


def test_the_image_installs_the_pinned_versions_in_a_stage_of_its_own() -> None:
    build, final = STAGES
    (install,) = [each.text for each in build if "pip install" in each.text]
    assert install.endswith("install --no-cache-dir -c constraints.txt .")
    assert [each.text for each in final if each.name == "COPY"] == ["--from=build /opt/service /opt/service"]


def test_signals_reach_python() -> None:
    """The exec form: with a shell in between, SIGTERM would end the shell alone."""
    assert IMAGE.command == ["/opt/service/bin/python", "-m", "app"]
    assert IMAGE.stop_signal == "SIGTERM"


def test_the_user_is_not_root() -> None:
    uid, gid = IMAGE.user.split(":")
    assert int(uid) > 0
    assert int(gid) > 0


def test_the_health_check_asks_the_route_that_railway_asks() -> None:
    program = IMAGE.healthcheck[-1]
    assert f"'GET', '{RAILWAY['deploy']['healthcheckPath']}'" in program
    assert f"os.environ.get('PORT') or {Settings.model_fields['port'].default}" in program


def test_the_spool_is_on_the_volume() -> None:
    mount = RAILWAY["deploy"]["requiredMountPath"]
    assert Path(IMAGE.environment["SPOOL_PATH"]).parent == Path(mount)
    assert not any(each.name == "VOLUME" for each in dockerfile.instructions())  # Railway refuses such a Dockerfile


def test_the_build_gets_what_it_copies_and_nothing_else() -> None:
    lines = (PROJECT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    copied = {word for each in STAGES[0] if each.name == "COPY" for word in each.words()[:-1]}
    assert patterns[0] == "*"
    assert {pattern[1:] for pattern in patterns if pattern.startswith("!")} == copied


def test_railway_builds_the_dockerfile() -> None:
    assert RAILWAY["build"] == {"builder": "DOCKERFILE", "dockerfilePath": dockerfile.DOCKERFILE.name}


@pytest.mark.parametrize(("name", "value"), [*RAILWAY["build"].items(), *RAILWAY["deploy"].items()])
def test_both_files_of_railway_say_the_same(name: str, value: object) -> None:
    text = f'"{value}"' if isinstance(value, str) else str(value)
    assert re.search(rf"\b{name}: {re.escape(text)}", RAILWAY_TS)


def test_railway_waits_until_the_service_has_drained() -> None:
    text = (PROJECT / "app" / "main.py").read_text(encoding="utf-8")
    (seconds,) = re.findall(r"^SHUTDOWN_REQUEST_SECONDS = (\d+)$", text, flags=re.MULTILINE)
    assert RAILWAY["deploy"]["drainingSeconds"] > int(seconds) + 3


def test_railway_keeps_the_variables_that_the_service_needs() -> None:
    required = {name.upper() for name, field in Settings.model_fields.items() if field.is_required()}
    kept = set(re.findall(r"^ +([A-Z_]+): preserve\(\)", RAILWAY_TS, flags=re.MULTILINE))
    assert required <= kept
    assert kept <= {name.upper() for name in Settings.model_fields}


def test_the_page_names_every_setting_of_railway() -> None:
    documented = first_names(section(DOCS / "deploy.md", "Railway's settings"))
    assert {*RAILWAY["build"], *RAILWAY["deploy"], "RAILWAY_RUN_UID"} - {"dockerfilePath"} <= documented


def read_with_cli(folder: Path) -> str:
    """What the Supabase CLI says of the folder's config.toml, before it fails to reach a database."""
    environ = {"PATH": os.environ["PATH"], "SUPABASE_HOME": str(folder / "home"), "SUPABASE_TELEMETRY_DISABLED": "1"}
    command = [str(programs.supabase_cli()), "migration", "list", f"--workdir={folder}"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)  # noqa: S603 - the CLI
    return done.stdout + done.stderr


def test_the_cli_accepts_the_config(tmp_path: Path) -> None:
    """`supabase start` needs Docker; what it reads first is read by every command."""
    folder = tmp_path / "supabase"
    folder.mkdir()
    shutil.copy(PROJECT / "supabase" / "config.toml", folder)
    # No database is reachable under this port.
    config = (folder / "config.toml").read_text(encoding="utf-8").replace("[db]\n", "[db]\nport = 1\n")
    (folder / "config.toml").write_text(config, encoding="utf-8")
    said = read_with_cli(tmp_path)
    assert "WARN" not in said
    assert "Failed reading config" not in said
    assert "failed to connect to postgres" in said
    (folder / "config.toml").write_text(f"{config}\n[nonsense]\nenabled = true\n", encoding="utf-8")
    assert "does not recognize and ignores: nonsense" in read_with_cli(tmp_path)
