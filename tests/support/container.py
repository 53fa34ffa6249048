"""The image of the Dockerfile without Docker: built by buildah, or by the same steps in a folder."""

# ruff: noqa: S603  # every argument is ours

from __future__ import annotations

import ast
import fcntl
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

from local.postgres import debian_tree
from local.system.paths import LOCAL, PROJECT
from local.system.progress import ConsoleProgress
from tests.support import dockerfile
from tests.support.dockerfile import ImageConfig
from tests.support.waiting import INSTALL_SECONDS

FOLDER = LOCAL / "container"
# The base image: the Debian that the default base image is made of, because docker.io may be out of reach.
SUITE = "bookworm"
PACKAGES = ("python3", "python3-venv", "ca-certificates")
BASE = "localhost/monitoring-base"
INSTALLED = "/opt/service"
VOLUME = "/data"


class Image(Protocol):
    """A built image."""

    @property
    def config(self) -> ImageConfig: ...

    def command_line(self, arguments: Sequence[str], environ: Mapping[str, str], volume: Path) -> list[str]:
        """The command that runs the arguments in a container, with these variables and the volume at /data."""

    def prepare_volume(self, volume: Path) -> None:
        """Gives the folder the owner that the container's user needs."""


def missing_for_buildah() -> str | None:
    """Why buildah cannot run here, else None."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "building the image by buildah needs root on Linux"
    if shutil.which("buildah") is None:
        return "buildah is not installed; .ci/run installs it from apt"
    if shutil.which("apt-get") is None and shutil.which("debootstrap", path=debian_tree.SYSTEM_PATH) is None:
        return "there is no debootstrap for the base image"
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode != 0:  # noqa: S607
        return "this machine does not allow mounts, which buildah needs"
    return None


@dataclass(frozen=True)
class BuildahImage:
    """The image in a store of its own, and the working container that all commands run in."""

    storage: list[str]
    container: str
    config: ImageConfig
    uid: int

    def command_line(self, arguments: Sequence[str], environ: Mapping[str, str], volume: Path) -> list[str]:
        variables = [word for name, value in environ.items() for word in ("--env", f"{name}={value}")]
        mount = ["--volume", f"{volume}:{VOLUME}"]
        command = ["run", "--isolation", "chroot", "--network", "host", *mount, *variables]
        return ["buildah", *self.storage, *command, self.container, "--", *arguments]

    def prepare_volume(self, volume: Path) -> None:
        # As the container runtime does for a new volume, which gets the owner of the folder in the image.
        os.chown(volume, self.uid, self.uid)


@contextmanager
def built_by_buildah() -> Iterator[BuildahImage]:
    """Builds the Dockerfile on a Debian with Python, which is itself built once, and removes the image at the end."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for abandoned in FOLDER.glob("store-*"):  # of a run that was killed
            debian_tree.remove(abandoned)
        step = f"Building the base image from Debian {SUITE}, once (270 MB)"
        tree = debian_tree.provide(FOLDER, SUITE, PACKAGES, step, ConsoleProgress(sys.stderr))
        store = FOLDER / f"store-{secrets.token_hex(4)}"
        storage = ["--root", str(store / "root"), "--runroot", str(store / "run"), "--storage-driver", "vfs"]
        try:
            _import_base(tree, storage, store)
            _buildah(storage, *_build_arguments(store))
            container = _buildah(storage, "from", "--pull-never", "localhost/monitoring").strip()
            config = _config_of(json.loads(_buildah(storage, "inspect", "--type", "image", "localhost/monitoring")))
            yield BuildahImage(storage, container, config, uid=int(config.user.partition(":")[0]))
        finally:
            debian_tree.remove(store)


def _buildah(storage: Sequence[str], *arguments: str) -> str:
    done = subprocess.run(["buildah", *storage, *arguments], capture_output=True, text=True, check=False)  # noqa: S607
    assert done.returncode == 0, f"buildah {arguments[0]} failed:\n{done.stdout}{done.stderr}"
    return done.stdout


def _import_base(tree: Path, storage: Sequence[str], store: Path) -> None:
    store.mkdir(mode=0o700)
    archive = store / "base.tar"
    subprocess.run(["tar", "-C", str(tree), "-cf", str(archive), "."], check=True)  # noqa: S607
    empty = _buildah(storage, "from", "scratch").strip()
    _buildah(storage, "add", empty, str(archive), "/")
    _buildah(storage, "commit", "--rm", empty, BASE)
    archive.unlink()


def _build_arguments(store: Path) -> list[str]:
    """A build on our base image, in which pip is configured as on this machine."""
    settings = _pip_settings()
    (store / "pip.conf").write_text(
        "[global]\n" + "".join(f"{name} = {value}\n" for name, value in settings.items()), encoding="utf-8"
    )
    mounts = {"/etc/pip.conf": store / "pip.conf", **{str(path): path for path in _paths_in(settings)}}
    volumes = [word for inside, path in mounts.items() for word in ("--volume", f"{path}:{inside}:ro")]
    # --format docker: OCI has no HEALTHCHECK.
    options = ["--isolation", "chroot", "--network", "host", "--pull-never", "--format", "docker"]
    base = ["--build-arg", f"BASE_IMAGE={BASE}"]
    return ["build", *options, *base, *volumes, "--tag", "localhost/monitoring", str(PROJECT)]


def _pip_settings() -> dict[str, str]:
    command = [sys.executable, "-m", "pip", "config", "list"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    pairs = [line.split("=", 1) for line in done.stdout.splitlines() if "=" in line]
    return {name.rpartition(".")[2]: str(ast.literal_eval(value)) for name, value in pairs}


def _paths_in(settings: Mapping[str, str]) -> set[Path]:
    """Files and folders of this machine that pip's settings name. Of an index, the folder that holds it."""
    found: set[Path] = set()
    for word in " ".join(settings.values()).split():
        path = Path(word.removeprefix("file://"))
        if path.is_absolute() and path.exists():
            is_index = word.startswith("file://") and len(path.parts) > 3
            found.add(path.parent if is_index else path)
    return found


def _config_of(inspected: dict[str, Any]) -> ImageConfig:
    config = cast(dict[str, Any], inspected["Docker"]["config"])
    return ImageConfig(
        command=config["Cmd"],
        healthcheck=config["Healthcheck"]["Test"][1:],  # the first word is CMD
        environment=dict(variable.split("=", 1) for variable in config["Env"]),
        user=config["User"],
        stop_signal=config["StopSignal"],
    )


@dataclass(frozen=True)
class UnpackedImage:
    """What the RUN and COPY instructions made, in a folder instead of in an image. It runs as the user of the tests."""

    folder: Path
    config: ImageConfig = field(default_factory=dockerfile.image_config)

    def command_line(self, arguments: Sequence[str], environ: Mapping[str, str], volume: Path) -> list[str]:
        variables = {**self.config.environment, **environ}
        moved = [f"{name}={value.replace(VOLUME, str(volume))}" for name, value in variables.items()]
        inside = [self.inside(argument) for argument in arguments]
        # Not in the checkout, whose package app would be found first.
        return ["sh", "-c", 'cd "$0" && exec env -i "$@"', str(self.folder), *moved, *inside]

    def prepare_volume(self, volume: Path) -> None:
        """It belongs to the user of the tests."""

    def inside(self, text: str) -> str:
        return text.replace(INSTALLED, f"{self.folder}{INSTALLED}")


def built_in_folder(folder: Path) -> UnpackedImage:
    """Follows the first stage: copies the files that it copies, and runs its commands on the paths in the folder."""
    image = UnpackedImage(folder)
    source = folder / "src"
    source.mkdir()
    (folder / Path(INSTALLED).relative_to("/")).parent.mkdir(parents=True)
    for instruction in dockerfile.stages()[0]:
        if instruction.name == "COPY":
            *names, _ = instruction.words()
            for name in names:
                _copy(PROJECT / name, source / name)
        elif instruction.name == "RUN":
            command = re.sub(r"^python3\b", sys.executable, image.inside(instruction.text))
            done = subprocess.run(  # noqa: S602 - as a builder runs the RUN instruction
                command, shell=True, cwd=source, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
            )
            assert done.returncode == 0, done.stdout + done.stderr
    return image


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)
