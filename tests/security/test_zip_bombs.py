"""Bodies of 1 MiB that inflate to 1 GiB are refused at the limit, and the memory of the service stays bounded."""

from __future__ import annotations

import concurrent.futures
import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import psutil
import pytest

from local import Stack
from tests.support import http_client
from tests.support.service_budgets import UNHURRIED
from tests.support.service_process import (
    INGEST_TOKEN,
    KEPT_ALIVE,
    PUBLIC_KEY,
    ServiceProcess,
    running_service,
    service_variables,
)
from tests.support.zip_bombs import zip_bombs

MEBIBYTE = 2**20
# Eight bodies at once would inflate to 8 GiB.
SENDERS = 8
# What the service may need for that beyond what it needs at rest.
MEMORY = 256 * MEBIBYTE
BEARER = {"Authorization": f"Bearer {INGEST_TOKEN}", "Content-Type": "application/json"}
ROUTES = {
    "an envelope": (f"/api/1/envelope/?sentry_key={PUBLIC_KEY}", {}),
    "an event of an old SDK": (f"/api/1/store/?sentry_key={PUBLIC_KEY}", {}),
    "a report of a server": ("/api/autonomous/error", BEARER),
    "a report of a page": (f"/api/autonomous/error?key={PUBLIC_KEY}", {"Content-Type": "text/plain"}),
}


@pytest.fixture(scope="module")
def bombs() -> dict[str, bytes]:
    return zip_bombs()


@pytest.fixture(scope="module")
def service(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """A service of its own, because its memory is measured."""
    log = tmp_path_factory.mktemp("bombs") / "log"
    with running_service(service_variables(stack), log, budgets=UNHURRIED) as process:
        yield process


@pytest.fixture
def client(service: ServiceProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.url, timeout=http_client.TIMEOUT, limits=KEPT_ALIVE) as opened:
        yield opened


@contextmanager
def measured_memory(service: ServiceProcess) -> Iterator[list[int]]:
    """The resident memory of the service, again and again."""
    process = psutil.Process(service.process.pid)
    samples = [process.memory_info().rss]
    is_over = threading.Event()

    def sample() -> None:
        while not is_over.wait(0.002):
            samples.append(process.memory_info().rss)

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield samples
    finally:
        is_over.set()
        thread.join()


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
def test_a_zip_bomb_is_refused_within_bounded_memory(
    client: httpx.Client, service: ServiceProcess, bombs: dict[str, bytes], route: str, encoding: str
) -> None:
    path, headers = ROUTES[route]
    headers = {**headers, "Content-Encoding": encoding}
    assert len(bombs[encoding]) < MEBIBYTE
    with measured_memory(service) as memory, concurrent.futures.ThreadPoolExecutor(SENDERS) as pool:
        sent = [pool.submit(client.post, path, content=bombs[encoding], headers=headers) for _ in range(SENDERS)]
        answers = [each.result() for each in sent]
    assert {answer.status_code for answer in answers} == {413}, answers[0].text
    assert {answer.json()["code"] for answer in answers} == {"body-too-large"}
    print(f"{route}, {encoding}: {(max(memory) - memory[0]) / MEBIBYTE:.0f} MiB more, {max(memory) / MEBIBYTE:.0f} MiB")
    assert max(memory) - memory[0] < MEMORY


@pytest.mark.parametrize("route", ROUTES)
def test_a_body_that_is_compressed_twice_is_refused(client: httpx.Client, bombs: dict[str, bytes], route: str) -> None:
    path, headers = ROUTES[route]
    answer = client.post(path, content=bombs["gzip, gzip"], headers={**headers, "Content-Encoding": "gzip, gzip"})
    assert (answer.status_code, answer.json()["code"]) == (415, "content-encoding")


@pytest.mark.parametrize("route", ["an envelope", "a report of a page"])
def test_many_bodies_that_inflate_to_the_limit_are_held_within_bounded_memory(
    client: httpx.Client, service: ServiceProcess, route: str
) -> None:
    """Each has 10 kB and nine events of 1 MB, which are well-formed: what does not fit is refused, and not kept."""
    message = "x" * (MEBIBYTE - 1000)
    if route == "an envelope":
        event = json.dumps({"exception": {"values": [{"type": "Error", "value": message}]}})
        raw = "\n".join(["{}", *['{"type":"event"}', event] * 9])
    else:
        raw = json.dumps([{"error": {"message": "large"}, "context": {"text": message}}] * 9)
    path, headers = ROUTES[route]
    headers, body = {**headers, "Content-Encoding": "gzip"}, gzip.compress(raw.encode())
    with measured_memory(service) as memory, concurrent.futures.ThreadPoolExecutor(5 * SENDERS) as pool:
        sent = [pool.submit(client.post, path, content=body, headers=headers) for _ in range(5 * SENDERS)]
        answers = [each.result() for each in sent]
    assert {answer.status_code for answer in answers} <= {200, 201, 202, 503}
    assert max(memory) - memory[0] < MEMORY


def test_refused_reports_are_not_kept_until_the_garbage_collector_runs(
    client: httpx.Client, service: ServiceProcess
) -> None:
    """One after the other: a request with 10 MiB needs so few objects that the collector seldom runs."""
    path, headers = ROUTES["a report of a page"]
    headers, body = {**headers, "Content-Encoding": "gzip"}, gzip.compress(b"{}\n{}\n" + b"x" * (9 * MEBIBYTE))
    with measured_memory(service) as memory:
        answers = [client.post(path, content=body, headers=headers) for _ in range(60)]
    assert {answer.status_code for answer in answers} == {400}
    assert max(memory) - memory[0] < MEMORY


def test_a_bomb_in_an_item_stays_compressed(
    client: httpx.Client, service: ServiceProcess, bombs: dict[str, bytes]
) -> None:
    """An attachment is dropped, whatever is in it; the event beside it is stored."""
    event = json.dumps({"message": "an attachment came along", "level": "error"}).encode()
    items = [b'{"type":"event"}', event]
    items += [b'{"type":"attachment","filename":"log.gz","length":%d}' % len(bombs["gzip"]), bombs["gzip"]]
    path, headers = ROUTES["an envelope"]
    raw = gzip.compress(b"\n".join([b"{}", *items]))
    with measured_memory(service) as memory:
        answer = client.post(path, content=raw, headers={**headers, "Content-Encoding": "gzip"})
    assert answer.status_code == 200, answer.text
    assert max(memory) - memory[0] < MEMORY
