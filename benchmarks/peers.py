"""The service beside two peers in one run: PostgREST alone, and Express with supabase-js (benchmarks/express).

Their rounds alternate. CPU time is counted by process, because the machine's other load does not change it, and until
what a peer left in a spool is stored.
"""

import asyncio
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import psycopg

from benchmarks import prefix_proxy
from benchmarks.load import LoadResult, make_distinct, make_post, run_load
from local import Stack
from local.system import npm, programs
from local.system.paths import LOCAL, PROJECT
from local.system.ports import LOOPBACK
from tests.support.service_process import (
    INGEST_TOKEN,
    ServiceProcess,
    free_port,
    is_drained,
    running_service,
    service_variables,
)
from tests.support.waiting import wait_until

ROUNDS = 3
SECONDS = 3.0
CONNECTIONS = (1, 8, 64)
KINDS = ("repeats", "all distinct")
_EXPRESS = PROJECT / "benchmarks" / "express"
_ROUTE = "/api/autonomous/error"
_BEARER = {"Authorization": f"Bearer {INGEST_TOKEN}"}
BASELINE = "service of baseline"
# Of the program in benchmarks/express. PostgREST has to learn of them.
_TABLES = """
create table public.express_errors (
  id bigint generated always as identity primary key,
  message text not null,
  type text,
  stack text,
  source text,
  environment text,
  release text,
  url text,
  context jsonb,
  created_at timestamptz not null default now()
);
create table public.express_audit (
  id bigint generated always as identity primary key,
  error_id bigint not null references public.express_errors,
  action text not null,
  details jsonb,
  created_at timestamptz not null default now()
);
grant select, insert on public.express_errors, public.express_audit to service_role;
notify pgrst, 'reload schema';
"""
_NO_TABLES = "drop table if exists public.express_audit, public.express_errors;"

Event = dict[str, Any]


@dataclass(frozen=True)
class Peer:
    """A way to report errors: its address, how a request to it is written, and its own processes."""

    name: str
    port: int
    write_request: Callable[[bytes], bytes]
    processes: Mapping[str, int]
    wait_until_idle: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Round:
    """What one run saw, and the CPU time that it cost, in milliseconds a request by process."""

    load: LoadResult
    cpu: Mapping[str, float]


def measure_peers(
    stack: Stack,
    directory: Path,
    make_event: Callable[[int], Event],
    baseline: Path | None = None,
    *,
    rounds: int = ROUNDS,
    seconds: float = SECONDS,
    connections: Sequence[int] = CONNECTIONS,
) -> None:
    """Every peer with each number of connections, repeats and all distinct; with the service of a baseline, if any."""
    with running_peers(stack, directory, baseline) as peers:
        sources = {kind: partial(_make_body, kind, make_event, [make_event(n) for n in range(1000)]) for kind in KINDS}
        for peer in peers:
            _run(stack, peer, sources[KINDS[0]], max(connections), min(seconds, 1.0))
        for kind in KINDS:
            for number in connections:
                results: dict[str, list[Round]] = {peer.name: [] for peer in peers}
                for _ in range(rounds):
                    for peer in peers:
                        results[peer.name].append(_run(stack, peer, sources[kind], number, seconds))
                _print(f"{number} connection{'s' * (number > 1)}, {kind}", results)
        print("\nresident memory after it:")
        for peer in peers:
            shares = (f"{name} {_resident_mb(pid):,.0f} MB" for name, pid in peer.processes.items())
            print(f"  {peer.name:<24} {'   '.join(shares)}")


@contextmanager
def running_peers(stack: Stack, directory: Path, baseline: Path | None = None) -> Iterator[list[Peer]]:
    """The three, on the database of a stack, and the service of another checkout."""
    assert stack.postgrest is not None
    assert stack.postgrest.child is not None
    postgrest_address = urlsplit(stack.postgrest_url)
    postgrest_port, postgrest_pid = int(postgrest_address.port or 80), stack.postgrest.child.pid
    with ExitStack() as exits:
        exits.enter_context(_tables(stack))
        proxy_url, proxy_pid = exits.enter_context(_running_proxy(directory, postgrest_port))
        behind = {"proxy": proxy_pid, "PostgREST": postgrest_pid}
        keys = {
            "SUPABASE_URL": proxy_url,
            "SUPABASE_SECRET_KEY": stack.service_role_key,
            "SUPABASE_PUBLISHABLE_KEY": stack.anon_key,
        }
        environ = {**service_variables(stack), **keys, "LOG_LEVEL": "WARNING"}
        checkouts = {"service": PROJECT, **({} if baseline is None else {BASELINE: baseline})}
        services = {
            name: exits.enter_context(running_service(environ, directory / f"peers-{number}.log", checkout=checkout))
            for number, (name, checkout) in enumerate(checkouts.items())
        }
        express_port, express_pid = exits.enter_context(_running_express(directory, keys))
        _wait_for_tables(proxy_url, stack.service_role_key)
        service_role = {"Authorization": f"Bearer {stack.service_role_key}"}
        yield [
            *(_service_peer(name, service, behind) for name, service in services.items()),
            Peer(
                "PostgREST alone",
                postgrest_port,
                lambda body: make_post(LOOPBACK, "/rpc/ingest_events", service_role, b'{"events":[%b]}' % body),
                {"PostgREST": postgrest_pid},
            ),
            Peer(
                "Express + supabase-js",
                express_port,
                partial(make_post, LOOPBACK, _ROUTE, _BEARER),
                {"node": express_pid, **behind},
            ),
        ]


def _service_peer(name: str, service: ServiceProcess, behind: Mapping[str, int]) -> Peer:
    return Peer(
        name,
        int(urlsplit(service.url).port or 80),
        partial(make_post, LOOPBACK, _ROUTE, _BEARER),
        {"service": service.process.pid, **behind},
        lambda: wait_until(lambda: is_drained(service.url), what="the end of the spool"),
    )


@contextmanager
def _tables(stack: Stack) -> Iterator[None]:
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute((_NO_TABLES + _TABLES).encode())
        try:
            yield
        finally:
            connection.execute(_NO_TABLES.encode())


@contextmanager
def _running_proxy(directory: Path, upstream_port: int) -> Iterator[tuple[str, int]]:
    port = free_port()
    command = [sys.executable, "-m", prefix_proxy.__name__, str(port), str(upstream_port)]
    with _running(command, PROJECT, dict(os.environ), directory / "proxy.log") as process:
        url = f"http://{LOOPBACK}:{port}"
        wait_until(lambda: _answers(f"{url}/rest/v1/", process), what="the proxy in front of PostgREST")
        yield url, process.pid


@contextmanager
def _running_express(directory: Path, keys: Mapping[str, str]) -> Iterator[tuple[int, int]]:
    folder, port = provide_express(), free_port()
    environ = {"PATH": os.environ["PATH"], "NODE_ENV": "production", "PORT": str(port), "INGEST_TOKEN": INGEST_TOKEN}
    command = [str(programs.node()), "server.js"]
    with _running(command, folder, {**environ, **keys}, directory / "express.log") as process:
        wait_until(lambda: _answers(f"http://{LOOPBACK}:{port}/health", process), what="Express")
        yield port, process.pid


def provide_express() -> Path:
    """The folder with Express and its program. Installs it if it is missing or has other versions."""
    target = LOCAL / "express"
    installation = target / "installation"
    files = ("package.json", "package-lock.json")
    contents = hashlib.sha256(b"".join((_EXPRESS / name).read_bytes() for name in files)).hexdigest()
    record = installation / "built-from"
    if not record.exists() or record.read_text(encoding="utf-8") != contents:
        partial_installation = target / "installation.partial"
        for folder in (installation, partial_installation):
            shutil.rmtree(folder, ignore_errors=True)
        npm.install(_EXPRESS, partial_installation, target / "npm.log", "Express")
        (partial_installation / "built-from").write_text(contents, encoding="utf-8")
        partial_installation.rename(installation)  # so that a folder with this name is complete
    shutil.copy(_EXPRESS / "server.js", installation / "server.js")
    return installation


@contextmanager
def _running(
    command: list[str], folder: Path, environ: dict[str, str], log_path: Path
) -> Iterator[subprocess.Popen[bytes]]:
    with log_path.open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - ours
            command, cwd=folder, env=environ, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _answers(url: str, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "a program of the benchmark ended while starting"
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.TransportError:
        return False


def _wait_for_tables(url: str, service_role_key: str) -> None:
    headers = {"Authorization": f"Bearer {service_role_key}"}
    tables = [f"{url}/rest/v1/{table}?limit=0" for table in ("express_errors", "express_audit")]
    wait_until(
        lambda: all(httpx.get(table, headers=headers, trust_env=False).is_success for table in tables),
        what="the tables of Express in PostgREST",
    )


def _make_body(kind: str, make_event: Callable[[int], Event], repeats: Sequence[Event], number: int) -> bytes:
    if kind == "repeats":
        return json.dumps(repeats[number % len(repeats)]).encode()
    return json.dumps(make_distinct(make_event(number))).encode()


def _run(stack: Stack, peer: Peer, make_body: Callable[[int], bytes], connections: int, seconds: float) -> Round:
    before = _cpu_seconds(stack, peer)
    load = asyncio.run(
        run_load(
            LOOPBACK,
            peer.port,
            lambda number: peer.write_request(make_body(number)),
            connections=connections,
            seconds=seconds,
        )
    )
    peer.wait_until_idle()
    after = _cpu_seconds(stack, peer)
    return Round(load, {name: (after[name] - before[name]) * 1000 / len(load.latencies) for name in before})


def _cpu_seconds(stack: Stack, peer: Peer) -> dict[str, float]:
    own = {name: sum(psutil.Process(pid).cpu_times()[:2]) for name, pid in peer.processes.items()}
    return {**own, "Postgres": cpu_seconds_with_children(_postmaster(stack))}


def _postmaster(stack: Stack) -> int:
    """The process of the server, which may be another user's child of a launcher."""
    with psycopg.connect(stack.superuser_database_url) as connection:
        return psutil.Process(connection.info.backend_pid).ppid()


def cpu_seconds_with_children(pid: int) -> float:
    """Of a process, its living children, and those that ended and were waited for."""
    parent = psutil.Process(pid)
    seconds = sum(parent.cpu_times()[:4])
    for child in parent.children():
        try:
            seconds += sum(child.cpu_times()[:2])
        except psutil.NoSuchProcess:  # it ended meanwhile
            continue
    return float(seconds)


def _resident_mb(pid: int) -> float:
    return float(psutil.Process(pid).memory_info().rss / 2**20)


def _print(title: str, results: Mapping[str, Sequence[Round]]) -> None:
    print(f"\n{title}:")
    service = results["service"]
    for name, rounds in results.items():
        rate = statistics.median(each.load.rate for each in rounds)
        p50, p99 = (statistics.median(each.load.percentile(share) for each in rounds) for share in (0.50, 0.99))
        cpu = {process: statistics.median(each.cpu[process] for each in rounds) for process in rounds[0].cpu}
        costs = "   ".join(f"{process} {cost:.2f}" for process, cost in cpu.items())
        ratio = statistics.median(
            ours.load.rate / theirs.load.rate for ours, theirs in zip(service, rounds, strict=True)
        )
        shares = (
            [ours.cpu["service"] / theirs.cpu["service"] for ours, theirs in zip(service, rounds, strict=True)]
            if name == BASELINE
            else []
        )
        share = f", CPU of it {statistics.median(shares):.2f}x" if shares else ""
        statuses = sum((each.load.statuses for each in rounds), Counter[int]())
        others = {status: count for status, count in statuses.items() if status not in (200, 201)}
        print(
            f"  {name:<24} {rate:7,.0f}/s   p50 {p50:6.1f} ms   p99 {p99:6.1f} ms"
            f"   CPU ms a request: {costs}   in all {sum(cpu.values()):.2f}"
            f"   service / this {ratio:5.2f}x{share}{f'   {others}' if others else ''}"
        )
