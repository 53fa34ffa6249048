"""A feed: the way of one kind of report to the database.

Senders that do not trust each other have feeds of their own: what one of them sends or breaks delays no other.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

from app.ingest.batcher import Batcher, BatcherLimits
from app.ingest.breaker import CircuitBreaker
from app.ingest.replay import Replay
from app.ingest.sender import Sender
from app.ingest.service import IngestService
from app.metrics import Metrics
from app.spool.spool import Spool


@dataclass(frozen=True)
class FeedPlan:
    """What distinguishes a feed.

    function is the RPC that stores a batch, and parameter its list. wait_seconds is how long a client waits for the
    database before its report is spooled, replay_batch how many reports the replay sends in one step.
    """

    kind: str
    function: str
    parameter: str
    wait_seconds: float
    replay_batch: int
    is_ordered: bool = False
    limits: BatcherLimits = field(default_factory=BatcherLimits)


class Feed:
    """The objects of one feed. call takes the kind, the function and the body of a call."""

    def __init__(
        self, plan: FeedPlan, call: Callable[[str, str, bytes], Awaitable[object]], spool: Spool, metrics: Metrics
    ) -> None:
        self.breaker = CircuitBreaker(plan.kind)
        sender = Sender(
            metrics.time_calls(plan.kind, partial(call, plan.kind, plan.function)), plan.parameter, self.breaker
        )
        self.batcher = Batcher(metrics.count_batches(plan.kind, sender), plan.limits)
        self.replay = Replay(plan.kind, spool, sender, self.breaker, plan.replay_batch, is_ordered=plan.is_ordered)
        self.service = IngestService(plan.kind, self.batcher, spool, self.breaker, plan.wait_seconds)
