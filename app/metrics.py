"""What the service counts and measures, as metrics of Prometheus' client library.

A leaf module. app.status.metrics adds what is read from memory when the metrics are requested. No label contains what a
caller says: a request to an unknown path counts under one label.
"""

from collections.abc import Awaitable, Callable, Iterator
from time import perf_counter
from typing import TypeVar

from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
# Senders that do not trust each other share no feed: servers and agents, Sentry's webhooks, public keys, other
# monitors, heartbeats.
FEEDS = ("events", "deliveries", "public", "monitors", "heartbeats")
# What became of a report; app.ingest.service decides, except about those that were refused before.
OUTCOMES = ("stored", "duplicate", "spooled", "rejected", "rate_limited", "refused", "dropped")

MONITORS = ("alertmanager", "grafana", "uptime-kuma", "github", "generic")
# What became of an alert of another monitor; SQL decides, except about those in the spool.
ALERT_EFFECTS = (
    *("opened", "counted", "reopened", "escalated", "resolved", "deployed"),
    *("late", "recorded", "repeated", "deferred", "failed", "spooled", "other"),
)
# Types of the items that Sentry's SDKs send; any other counts as unknown.
ENVELOPE_ITEMS = (
    *("event", "check_in", "transaction", "span", "session", "sessions", "client_report", "attachment", "log"),
    *("otel_log", "trace_metric", "statsd", "profile", "profile_chunk", "replay_event", "replay_recording"),
    *("replay_video", "feedback", "user_report", "unknown"),
)

# What a look at a target found: a response, or the step that failed. Then what became of the result; SQL decides,
# except about those that could not be delivered.
LOOK_RESULTS = ("response", "dns", "connect", "tls", "timeout", "private_address", "protocol")
LOOK_OUTCOMES = ("recorded", "late", "unknown", "refused", "lost")

EMAIL_PROVIDERS = ("resend", "postmark")
EMAIL_EFFECTS = ("recorded", "duplicate", "ignored", "failed")

_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS"})
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_REPORTS = (1, 2, 5, 10, 20, 50, 100, 200, 500)

Item = TypeVar("Item")
Result = TypeVar("Result")


class Metrics:
    """The metrics of one application, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        # By labels: labels() takes longer than counting.
        self._of_request: dict[tuple[str, str | None, int], Histogram] = {}
        self._of_report: dict[tuple[str, str], Counter] = {}
        self._requests = Histogram(
            "monitoring_http_request_duration_seconds",
            "Time from a request's head to the end of its response.",
            ("method", "route", "status"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._reports = Counter(
            "monitoring_reports_total", "Reports by outcome.", ("feed", "outcome"), registry=self.registry
        )
        self._batches = Histogram(
            "monitoring_batch_reports", "Reports in a batch.", ("feed",), buckets=_REPORTS, registry=self.registry
        )
        self._calls = Histogram(
            "monitoring_database_call_duration_seconds",
            "Time of a call that stores reports, including those of the replay.",
            ("feed", "result"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._email_events = Counter(
            "monitoring_email_events_total",
            "Events of e-mail providers, by what became of them.",
            ("provider", "effect"),
            registry=self.registry,
        )
        self._alerts = Counter(
            "monitoring_alerts_total",
            "Alerts of other monitors, by what became of them; a delivery in the spool counts as one.",
            ("kind", "effect"),
            registry=self.registry,
        )
        for monitor in MONITORS:
            for effect in ALERT_EFFECTS:
                self._alerts.labels(monitor, effect)
        self._envelope_items = Counter(
            "monitoring_envelope_items_total",
            "Items that Sentry SDKs sent, by type. Of these, events and check-ins are kept.",
            ("type",),
            registry=self.registry,
        )
        for item_type in ENVELOPE_ITEMS:
            self._envelope_items.labels(item_type)
        self._looks = Counter(
            "monitoring_looks_total",
            "Looks at targets from this service, by what was seen.",
            ("result",),
            registry=self.registry,
        )
        for result in LOOK_RESULTS:
            self._looks.labels(result)
        self._look_results = Counter(
            "monitoring_look_results_total",
            "Results of looks, by what became of them.",
            ("outcome",),
            registry=self.registry,
        )
        for outcome in LOOK_OUTCOMES:
            self._look_results.labels(outcome)
        for provider in EMAIL_PROVIDERS:
            for effect in EMAIL_EFFECTS:
                self._email_events.labels(provider, effect)
        for feed in FEEDS:
            self._batches.labels(feed)
            for outcome in OUTCOMES:
                self._of_report[feed, outcome] = self._reports.labels(feed, outcome)
            for result in ("ok", "error"):
                self._calls.labels(feed, result)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def observe_request(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """A response was sent. The route is the pattern of its path, or None for an unknown path."""
        of_request = (method, route, status)
        histogram = self._of_request.get(of_request)
        if histogram is None:
            histogram = self._requests.labels(method if method in _METHODS else "other", route or "unknown", status)
            if method in _METHODS:  # the others are what callers say
                self._of_request[of_request] = histogram
        histogram.observe(seconds)

    def count_report(self, feed: str, outcome: str, count: int = 1) -> None:
        """It is known what became of a report, or of so many."""
        self._of_report[feed, outcome].inc(count)

    def count_alert(self, kind: str, effect: str) -> None:
        """It is known what became of an alert of another monitor."""
        self._alerts.labels(kind, effect if effect in ALERT_EFFECTS else "other").inc()

    def count_email_event(self, provider: str, effect: str) -> None:
        """It is known what became of an event of an e-mail provider."""
        self._email_events.labels(provider, effect if effect in EMAIL_EFFECTS else "failed").inc()

    def count_envelope_item(self, item_type: str) -> None:
        """A Sentry SDK sent an item of this type."""
        self._envelope_items.labels(item_type if item_type in ENVELOPE_ITEMS else "unknown").inc()

    def count_look(self, error_kind: str | None) -> None:
        """The service looked at a target; None: there was an HTTP response."""
        self._looks.labels(error_kind or "response").inc()

    def count_look_results(self, outcome: str, count: int = 1) -> None:
        """It is known what became of the result of a look, or of so many."""
        self._look_results.labels(outcome if outcome in LOOK_OUTCOMES else "unknown").inc(count)

    def count_batches(
        self, feed: str, send: Callable[[list[Item]], Awaitable[Result]]
    ) -> Callable[[list[Item]], Awaitable[Result]]:
        """The same function, counting the batches that it sends."""

        async def counted(batch: list[Item]) -> Result:
            self._batches.labels(feed).observe(len(batch))
            return await send(batch)

        return counted

    def time_calls(self, feed: str, call: Callable[[bytes], Awaitable[Result]]) -> Callable[[bytes], Awaitable[Result]]:
        """The same call, with its time observed."""

        async def timed(body: bytes) -> Result:
            started, result = perf_counter(), "error"
            try:
                answer = await call(body)
                result = "ok"
                return answer
            finally:
                self._calls.labels(feed, result).observe(perf_counter() - started)

        return timed

    def render(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(_WithoutCreationTimes(self.registry))


class _WithoutCreationTimes(Collector):
    """The text format has no creation times: the library would write each as a gauge, which doubles the output."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        for metric in self._registry.collect():
            metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
            yield metric
