"""Metrics that are read from memory when they are requested: database, scheduler, targets, breakers, spool, replay,
tasks.
"""

from collections.abc import Iterable, Mapping, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.ingest.breaker import CircuitBreaker
from app.ingest.replay import Replay
from app.spool.spool import Spool
from app.status.snapshot import versions
from app.status.targets import TargetStates
from app.supabase.monitor import DatabaseMonitor
from app.supervisor import Supervisor

_BREAKER_STATES = ("closed", "half-open", "open")
_DELIVERY_STATES = ("failed", "deferred")
_NOTIFICATION_STATES = ("queued", "dead")
_SCHEDULER_STATES = ("ok", "late", "stopped", "unknown")


class ServiceCollector(Collector):
    """Reads the objects that the lifespan has built. Values that are not known have no sample."""

    def __init__(
        self,
        monitor: DatabaseMonitor,
        breakers: Mapping[str, CircuitBreaker],
        spool: Spool,
        supervisor: Supervisor,
        replays: Sequence[Replay],
        targets: TargetStates,
    ) -> None:
        self._monitor = monitor
        self._breakers = breakers
        self._spool = spool
        self._supervisor = supervisor
        self._replays = replays
        self._targets = targets

    def collect(self) -> Iterable[Metric]:
        """The metrics, as the client library asks for them."""
        build = {name: str(version) for name, version in versions().items()}
        family = GaugeMetricFamily("monitoring_build_info", "1, with the versions as labels.", labels=list(build))
        family.add_metric(list(build.values()), 1)
        yield family
        yield from self._database()
        yield self._sentry()
        yield from self._notifications()
        yield from self._scheduler()
        yield from self._targets.collect()
        yield from self._breaker_states()
        yield from self._spool_state()
        yield from self._replay_state()
        yield from self._task_states()

    def _database(self) -> Iterable[Metric]:
        last = self._monitor.last
        is_up = None if last.state == "unknown" else last.state == "ok"
        yield _gauge("monitoring_database_up", "1 if the last probe of the database was answered.", is_up)
        is_refused = None if last.state == "unknown" else self._monitor.refusal is not None
        yield _gauge("monitoring_database_refused", "1 while the database refuses this service.", is_refused)
        differs = self._monitor.version_problem is not None if self._monitor.facts else None
        yield _gauge("monitoring_version_mismatch", "1 if the versions of service and schema differ.", differs)
        latency = None if last.latency_ms is None else last.latency_ms / 1000
        yield _gauge("monitoring_database_probe_duration_seconds", "Time of the last probe.", latency)
        at = None if last.checked_at is None else last.checked_at.timestamp()
        yield _gauge("monitoring_database_probe_timestamp_seconds", "When the last probe ended.", at)

    def _sentry(self) -> Metric:
        text = "Sentry deliveries that were acknowledged and are not applied."
        family = GaugeMetricFamily("monitoring_deliveries", text, labels=["state"])
        counts = self._monitor.facts.get("sentry")
        for state in _DELIVERY_STATES:
            number = counts.get(state) if isinstance(counts, Mapping) else None
            if isinstance(number, int):
                family.add_metric([state], number)
        return family

    def _notifications(self) -> Iterable[Metric]:
        text = "Notifications that are not sent yet, and that were given up in the last 24 hours."
        family = GaugeMetricFamily("monitoring_notifications", text, labels=["state"])
        counts = self._monitor.facts.get("notifications")
        known = counts if isinstance(counts, Mapping) else {}
        for state in _NOTIFICATION_STATES:
            number = known.get(state)
            if isinstance(number, int):
                family.add_metric([state], number)
        yield family
        text = "Age of the oldest notification that is not sent yet, 0 if none waits."
        yield _gauge("monitoring_notifications_oldest_age_seconds", text, known.get("oldest_age_seconds"))

    def _scheduler(self) -> Iterable[Metric]:
        scheduler = self._monitor.scheduler
        text = "Time since the next round of health checks was due."
        yield _gauge("monitoring_scheduler_lag_seconds", text, scheduler.lag_seconds)
        family = GaugeMetricFamily("monitoring_scheduler_state", "1 for the state of pg_cron.", labels=["state"])
        for state in _SCHEDULER_STATES:
            family.add_metric([state], scheduler.state == state)
        yield family

    def _breaker_states(self) -> Iterable[Metric]:
        labels = ["feed", "state"]
        family = GaugeMetricFamily("monitoring_breaker_state", "1 for the state of the circuit breaker.", labels=labels)
        for feed, breaker in self._breakers.items():
            for state in _BREAKER_STATES:
                family.add_metric([feed, state], breaker.state == state)
        yield family

    def _spool_state(self) -> Iterable[Metric]:
        spool, counts = self._spool, self._spool.counts
        depth = GaugeMetricFamily("monitoring_spool_reports", "Reports that wait in the spool.", labels=["feed"])
        for feed in self._breakers:
            depth.add_metric([feed], spool.depth(feed))
        yield depth
        text = "About how many bytes of the spool a feed takes, dead letters included."
        size = GaugeMetricFamily("monitoring_spool_feed_bytes", text, labels=["feed"])
        text = "How many bytes of the spool a feed may take."
        limit = GaugeMetricFamily("monitoring_spool_feed_limit_bytes", text, labels=["feed"])
        text = "Reports that were refused because the spool had no room."
        dropped = CounterMetricFamily("monitoring_spool_dropped_reports_total", text, labels=["feed"])
        for feed in self._breakers:
            size.add_metric([feed], counts.sizes.get(feed, 0))
            limit.add_metric([feed], spool.limit(feed))
            dropped.add_metric([feed], spool.dropped[feed])
        yield from (size, limit, dropped)
        yield _gauge("monitoring_spool_size_bytes", "Size of the spool's files.", spool.size_bytes())
        yield _gauge("monitoring_spool_size_limit_bytes", "Largest size of the spool file.", spool.max_bytes)
        oldest = counts.oldest_seconds() or 0.0
        yield _gauge("monitoring_spool_oldest_age_seconds", "Age of the oldest report, 0 if none waits.", oldest)
        yield _gauge("monitoring_spool_dead_letters", "Reports that were given up.", counts.dead_letters)

    def _replay_state(self) -> Iterable[Metric]:
        reports = CounterMetricFamily(
            "monitoring_replay_reports_total", "Reports that the replay sent, by outcome.", labels=["feed", "outcome"]
        )
        running = GaugeMetricFamily(
            "monitoring_replay_running", "1 while reports wait that this process replays.", labels=["feed"]
        )
        for replay in self._replays:
            running.add_metric([replay.kind], self._spool.is_replaying(replay.kind))
            for outcome, number in replay.outcomes.items():
                reports.add_metric([replay.kind, outcome], number)
        yield reports
        yield running

    def _task_states(self) -> Iterable[Metric]:
        restarts = CounterMetricFamily(
            "monitoring_task_restarts_total", "Restarts of a background task that ended unexpectedly.", labels=["task"]
        )
        up = GaugeMetricFamily(
            "monitoring_task_up", "1 unless the background task waits for a restart.", labels=["task"]
        )
        for name, task in self._supervisor.states.items():
            restarts.add_metric([name], task.restarts)
            up.add_metric([name], task.state != "restarting")
        yield restarts
        yield up


def _gauge(name: str, text: str, value: float | None) -> Metric:
    family = GaugeMetricFamily(name, text)
    if value is not None:
        family.add_metric([], value)
    return family
