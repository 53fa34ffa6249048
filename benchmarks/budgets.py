"""How long the service keeps its callers waiting when something is slow, expensive or unavailable.

Each figure is a ratio within one run: to the limit that the sender sets, or to the ordinary case.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import signal
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psycopg

from app.web.auth import sign
from local import Stack
from tests.support import sentry_bodies as bodies
from tests.support.expensive_input import BODIES, BYTES, FUNCTIONS, TEXTS
from tests.support.fault_proxy import Fault, FaultProxy, running_proxy
from tests.support.health_checks import JOBS, HealthChecks
from tests.support.http_client import TIMEOUT
from tests.support.http_target import http_target
from tests.support.report_load import HEADERS, ROUTE, ReportLoad
from tests.support.service_process import ServiceProcess, is_drained, running_service, service_variables
from tests.support.waiting import wait_until

SECRET = "client-secret-of-the-bench"  # noqa: S105 - of a service that lives as long as the bench
REPORT = {"error": {"message": "an ordinary report"}, "source": "bench budgets"}
SENTRY_SECONDS = 1.0
SHUTDOWN_SECONDS = 10.0
OUTAGE_REPORTS = 5_000
PROBE_DELAYS = (500, 1000)
ORDINARY_TEXT = "The quick brown fox jumps over the lazy dog. " * (BYTES // 45)


def seconds(call: Callable[[], Any], times: int = 5) -> float:
    """The median of so many calls."""
    costs = []
    for _ in range(times):
        started = time.perf_counter()
        call()
        costs.append(time.perf_counter() - started)
    return statistics.median(costs)


def print_ratio(name: str, ratio: float) -> None:
    print(f"  {name:<72} {ratio:8.2f}x")


def measure_budgets(stack: Stack, directory: Path) -> None:
    _measure_expensive_texts(stack)
    _measure_probe_times(stack)
    with running_proxy(stack.supabase_url) as proxy:
        environ = {
            **service_variables(stack),
            "SUPABASE_URL": proxy.url,
            "SENTRY_CLIENT_SECRET": SECRET,
            "LOG_LEVEL": "ERROR",
        }
        with running_service(environ, directory / "budgets.log") as service:
            _measure_expensive_bodies(service)
            _measure_sentry(service)
            _measure_hanging_database(service, proxy)
            _measure_outage(service, proxy)
        with running_service(environ, directory / "shutdown.log") as service:
            _measure_shutdown(service, proxy)


def _measure_expensive_texts(stack: Stack) -> None:
    print("\n100 kB texts against the regular expressions, relative to 100 kB of ordinary text:")
    with psycopg.connect(stack.superuser_database_url, autocommit=True) as connection:
        for name, query in FUNCTIONS.items():

            def cost(text: str, query: str = query) -> float:
                return seconds(lambda: connection.execute(query.encode(), [text]).fetchone())

            ordinary = cost(ORDINARY_TEXT)
            slowest = max(TEXTS, key=lambda each: cost(TEXTS[each]))
            print_ratio(f"{name}, slowest text ({slowest})", cost(TEXTS[slowest]) / ordinary)
            half = cost(TEXTS[slowest][: BYTES // 2])
            print_ratio(f"{name}, the same text relative to its half", cost(TEXTS[slowest]) / half)


def _measure_probe_times(stack: Stack) -> None:
    """What a health check records, relative to what the target really took."""
    print("\nrecorded response time of a health check / time that the target took:")
    with (
        psycopg.connect(stack.database_url, autocommit=True) as connection,
        psycopg.connect(stack.superuser_database_url, autocommit=True) as superuser,
        http_target() as web,
    ):
        health_checks = HealthChecks(connection, superuser, "budgets")
        health_checks.switch_jobs(JOBS, active=False)
        health_checks.set_policy(allow_private=True)
        health_checks.set_targets(
            *(health_checks.target(f"after {delay}", web.url(f"/delay/{delay}")) for delay in PROBE_DELAYS)
        )
        rounds = [health_checks.run_round() for _ in range(3)]
        for delay in PROBE_DELAYS:
            recorded = statistics.median(checks[f"after {delay}"].response_time_ms for checks in rounds)
            print_ratio(f"a target that takes {delay} ms", recorded / delay)
        health_checks.set_targets()
        health_checks.judge()
        connection.execute("delete from monitoring.probes")
        connection.execute("delete from public.monitoring_checks")
        health_checks.switch_jobs(JOBS, active=True)


def _measure_expensive_bodies(service: ServiceProcess) -> None:
    print("\nexpensive request bodies, relative to an ordinary report:")
    with httpx.Client(base_url=service.url, headers=HEADERS, timeout=TIMEOUT) as client:
        ordinary = seconds(lambda: client.post(ROUTE, json=REPORT), 20)
        headers = {"Content-Type": "application/json"}
        for name, body in BODIES.items():
            cost = seconds(partial(client.post, ROUTE, content=body, headers=headers))
            print_ratio(f"{name} ({len(body) / 1000:,.0f} kB)", cost / ordinary)


def _measure_sentry(service: ServiceProcess) -> None:
    print("\nSentry deliveries, 640 by 32 clients, relative to the second that Sentry waits:")

    def deliver(number: int) -> float:
        raw = bodies.encode(bodies.error(str(10**9), f"e{number}"))
        headers = {"Sentry-Hook-Resource": "error", "Sentry-Hook-Signature": sign(raw, SECRET)}
        started = time.perf_counter()
        client.post("/webhooks/sentry", content=raw, headers=headers).raise_for_status()
        return time.perf_counter() - started

    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    with (
        httpx.Client(base_url=service.url, timeout=TIMEOUT, limits=limits) as client,
        concurrent.futures.ThreadPoolExecutor(32) as pool,
    ):
        answered = sorted(pool.map(deliver, range(640)))
    print_ratio("p50", answered[len(answered) // 2] / SENTRY_SECONDS)
    print_ratio("p99", answered[int(0.99 * len(answered))] / SENTRY_SECONDS)


def _measure_hanging_database(service: ServiceProcess, proxy: FaultProxy) -> None:
    print("\nwhile every call to the database hangs:")
    with httpx.Client(base_url=service.url, headers=HEADERS, timeout=TIMEOUT) as client:
        healthy = seconds(lambda: client.get("/health"), 20)
        with _every_call(proxy, Fault.HANG):
            first = seconds(lambda: client.post(ROUTE, json=REPORT).raise_for_status(), 1)
            further = seconds(lambda: client.post(ROUTE, json=REPORT).raise_for_status(), 20)
            health = seconds(lambda: client.get("/health"), 20)
    wait_until(lambda: is_drained(service.url), what="the end of the spool")
    print_ratio("GET /health, relative to the same with a healthy database", health / healthy)
    print_ratio("the first report, relative to its budget of 2 s", first / 2)
    print_ratio("a further report, relative to the first", further / first)


def _measure_outage(service: ServiceProcess, proxy: FaultProxy) -> None:
    def send() -> tuple[float, float]:
        """p99 in milliseconds, and reports a second."""
        load = ReportLoad([service.url], senders=8)
        started = time.perf_counter()
        asyncio.run(load.run(OUTAGE_REPORTS))
        return load.percentile(0.99), OUTAGE_REPORTS / (time.perf_counter() - started)

    print(f"\n{OUTAGE_REPORTS:,} reports during an outage, relative to the same with a healthy database:")
    healthy_p99, _ = send()
    with _every_call(proxy, Fault.BAD_GATEWAY):
        asyncio.run(ReportLoad([service.url]).run(50))  # after these the outage is known
        p99, rate = send()
    wait_until(lambda: _spool_depth(service) < OUTAGE_REPORTS, what="the replay")
    started, depth = time.perf_counter(), _spool_depth(service)
    wait_until(lambda: _spool_depth(service) == 0, what="the end of the spool")
    drained = depth / (time.perf_counter() - started)
    print_ratio("p99", p99 / healthy_p99)
    print_ratio("reports a second that the replay stores, relative to those that came in", drained / rate)


def _measure_shutdown(service: ServiceProcess, proxy: FaultProxy) -> None:
    print("\nshutdown while a call to the database hangs, relative to the 10 s that Railway gives:")
    with _every_call(proxy, Fault.HANG), concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(httpx.post, service.url + ROUTE, json=REPORT, headers=HEADERS, timeout=TIMEOUT)
        wait_until(lambda: proxy.hanging > 0, what="the call to the database")
        started = time.perf_counter()
        service.process.send_signal(signal.SIGTERM)
        service.process.wait()
        took = time.perf_counter() - started
        concurrent.futures.wait([waiting])
    print_ratio("from SIGTERM to the end", took / SHUTDOWN_SECONDS)


def _spool_depth(service: ServiceProcess) -> int:
    return int(httpx.get(f"{service.url}/health", timeout=TIMEOUT).json()["spool"]["depth"])


@contextmanager
def _every_call(proxy: FaultProxy, fault: Fault) -> Iterator[None]:
    proxy.target = b"/rpc/"
    proxy.always = fault
    try:
        yield
    finally:
        proxy.reset()
