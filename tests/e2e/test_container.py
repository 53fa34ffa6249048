"""The image of the Dockerfile serves, as a user that is not root, and stops as a platform expects.

Built twice: by buildah, where it can run, and by the same steps in a folder, which needs no root.
"""

# ruff: noqa: S603  # every argument is ours

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from local import Stack
from local.system.paths import PROJECT
from tests.support import http_client
from tests.support.container import BuildahImage, Image, built_by_buildah, built_in_folder, missing_for_buildah
from tests.support.service_process import INGEST_TOKEN, free_port, refusing_port, service_variables
from tests.support.waiting import DEADLINE_SECONDS, wait_until


@pytest.fixture(scope="module", params=["buildah", "folder"])
def image(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    if request.param == "folder":
        yield built_in_folder(tmp_path_factory.mktemp("image"))
        return
    reason = missing_for_buildah()
    if reason is not None:
        pytest.skip(reason)
    with built_by_buildah() as built:
        yield built


@pytest.fixture
def volume(image: Image, tmp_path: Path) -> Path:
    folder = tmp_path / "volume"
    folder.mkdir()
    image.prepare_volume(folder)
    return folder


class Container:
    """The image's command in a container."""

    def __init__(self, image: Image, process: subprocess.Popen[bytes], url: str, log: Path) -> None:
        self.image = image
        self.process = process
        self.url = url
        self.log = log

    def service(self) -> psutil.Process:
        """The process to which a container runtime sends the stop signal: the first one in the container."""
        command = self.image.config.command
        ours = psutil.Process(self.process.pid)
        (found,) = [
            each
            for each in [ours, *ours.children(recursive=True)]
            if each.cmdline()[1:] == command[1:] and each.cmdline()[0].endswith(command[0])
        ]
        return found

    def is_healthy(self) -> bool:
        assert self.process.poll() is None, f"the container ended:\n{self.log.read_text()}"
        try:
            return http_client.get(f"{self.url}/health").status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def running(image: Image, environ: Mapping[str, str], volume: Path, log: Path) -> Iterator[Container]:
    port = free_port()
    command = image.command_line(image.config.command, {**environ, "PORT": str(port)}, volume)
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    container = Container(image, process, f"http://127.0.0.1:{port}", log)
    try:
        wait_until(container.is_healthy, what="the container")
        yield container
    finally:
        if process.poll() is None:
            for each in psutil.Process(process.pid).children(recursive=True):
                each.kill()
            process.kill()
        process.wait()


def check_health(image: Image, port: str, volume: Path) -> int:
    """The exit status of the HEALTHCHECK."""
    command = image.command_line(image.config.healthcheck, {"PORT": port}, volume)
    return subprocess.run(command, capture_output=True, timeout=DEADLINE_SECONDS, check=False).returncode


def example_variables() -> dict[str, str]:
    """What `docker run --env-file` makes of a copy of .env.example."""
    lines = (PROJECT / ".env.example").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_it_serves_and_stops_on_sigterm(image: Image, stack: Stack, volume: Path, tmp_path: Path) -> None:
    environ = {**example_variables(), **service_variables(stack)}
    with running(image, environ, volume, tmp_path / "log") as container:
        report = {"error": {"message": "disk full", "type": "OSError"}, "source": "container"}
        answer = http_client.post(
            f"{container.url}/api/autonomous/error", json=report, headers={"Authorization": f"Bearer {INGEST_TOKEN}"}
        )
        assert answer.status_code == 201, answer.text
        assert check_health(image, container.url.rpartition(":")[2], volume) == 0
        service = container.service()
        if isinstance(image, BuildahImage):
            assert {*service.uids()} == {image.uid}
        service.send_signal(signal.Signals[image.config.stop_signal])
        assert container.process.wait(timeout=DEADLINE_SECONDS) == 0, container.log.read_text()
    assert (volume / "spool.sqlite3").exists()


def test_the_spool_outlives_the_container(image: Image, stack: Stack, volume: Path, tmp_path: Path) -> None:
    """A report that the first container could not deliver is delivered by the next one with the same volume."""
    with (
        refusing_port() as port,
        running(
            image,
            {**service_variables(stack), "SUPABASE_URL": f"http://127.0.0.1:{port}"},
            volume,
            tmp_path / "first",
        ) as container,
    ):
        report = {"error": {"message": "kept on the volume"}, "source": "container"}
        answer = http_client.post(
            f"{container.url}/api/autonomous/error", json=report, headers={"Authorization": f"Bearer {INGEST_TOKEN}"}
        )
        assert answer.status_code == 202, answer.text
        container.service().send_signal(signal.SIGTERM)
        assert container.process.wait(timeout=DEADLINE_SECONDS) == 0, container.log.read_text()
    with running(image, service_variables(stack), volume, tmp_path / "second") as container:
        url = container.url
        wait_until(lambda: http_client.get(f"{url}/health").json()["spool"]["depth"] == 0, what="the empty spool")
        container.service().send_signal(signal.SIGTERM)
        assert container.process.wait(timeout=DEADLINE_SECONDS) == 0, container.log.read_text()


def test_a_container_that_does_not_answer_is_unhealthy(image: Image, volume: Path) -> None:
    with refusing_port() as port:
        assert check_health(image, str(port), volume) == 1


@pytest.mark.parametrize("image", ["buildah"], indirect=True)  # the tests themselves may write everywhere
def test_it_refuses_to_start_on_a_volume_that_it_cannot_write(image: Image, stack: Stack, tmp_path: Path) -> None:
    """Railway mounts volumes as root: without RAILWAY_RUN_UID=0 the deployment fails with this sentence."""
    foreign = tmp_path / "volume"
    foreign.mkdir(mode=0o755)
    command = image.command_line(image.config.command, service_variables(stack), foreign)
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False)
    assert done.returncode == 1
    assert "SPOOL_PATH must be a file that the service may write." in done.stderr
    assert not os.listdir(foreign)


@pytest.mark.parametrize("image", ["buildah"], indirect=True)  # a folder has no layers
def test_the_image_contains_no_sources_tests_or_secrets(image: BuildahImage, volume: Path) -> None:
    unwanted = "/src /app /tests /.env /opt/service/lib/python3*/site-packages/pytest"
    script = f"id -u; for each in {unwanted}; do [ ! -e $each ] || echo $each; done"
    command = image.command_line(["/bin/sh", "-c", script], {}, volume)
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False)
    assert done.stdout.splitlines() == [str(image.uid)]
