"""Fills an empty stack with the day of `make demo`, and adds what real checks of this machine do not show.

The checks run until each target has its state. Then all jobs are stopped, so that pages stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping

import psycopg

from local.commands import demo
from local.demo import targets
from tests.support.waiting import wait_until

LONG_WORD = "shop_order_line_price_calculation_" * 8
"""Of a title and a message: no space at which a line may break."""

_STOP_JOBS = "update cron.job set schedule = '0 0 1 1 *'"
_IS_TOLD = """
select
  (
    select count(*) = 2
    from public.incidents
    where fingerprint in ('health-check:target:gift-cards', 'health-check:target:invoice-export')
      and status = 'open'
  )
  and not exists (select from monitoring.notifications where status in ('queued', 'sending'))
"""
# A judgement that is running would undo what follows.
_END_ROUNDS = """
select pg_advisory_xact_lock(20261123, 1800);
delete from monitoring.probes;
"""
# The database does not reach payouts, the service does.
_DISPUTE = """
update public.monitoring_checks
set status = 'disputed', http_status = null, error = 'timed out after 5000 ms', service_status = 'up'
where target = 'payouts'
  and scheduled_at = (select max(latest.scheduled_at) from public.monitoring_checks as latest where target = 'payouts')
"""
_SET_STATES = """
update monitoring.target_states
set
  status = case target when 'payouts' then 'disputed'::public.check_status else status end,
  since = now() - case target
    when 'payouts' then interval '4 minutes'
    when 'gift-cards' then interval '12 minutes'
    when 'invoice-export' then interval '8 minutes'
    when 'search' then interval '25 minutes'
    else interval '3 days 4 hours'
  end,
  last_check_at = date_trunc('minute', now())
where target <> 'old-catalog'
"""
_REJECT_CERTIFICATE = """
insert into monitoring.target_certificates (target, endpoint, next_look_at, looked_at, issuer, not_after, problem)
values (
  'gift-cards', 'gifts.example:443', now() + interval '1 hour', now(), 'Office Authority', now() + interval '90 days',
  'the certificate is self-signed'
)
"""
_REPORT_LONG_WORD = """
select public.report_error(jsonb_build_object(
  'error', jsonb_build_object('message', %(word)s::text, 'type', 'LongWord', 'stack', %(word)s::text),
  'severity', 'LOW', 'source', %(word)s::text, 'fingerprint', 'long word'
))
"""


def fill(values: Mapping[str, str], database: psycopg.Connection) -> dict[str, str]:
    """Fills the stack whose variables these are. Returns the ids of the demo's incidents of today by source."""
    incidents = demo.tell_day(values)

    def is_judged() -> bool:
        row = database.execute(_IS_TOLD).fetchone()
        states = database.execute("select target from monitoring.target_states where status <> 'pending'").fetchall()
        return row == (True,) and {target.name for target in targets.TARGETS} <= {name for (name,) in states}

    wait_until(is_judged, what="the first results of all targets, and their messages")
    database.execute(_STOP_JOBS)
    with database.transaction():
        database.execute(_END_ROUNDS)
        database.execute(_DISPUTE)
        database.execute(_SET_STATES)
    database.execute(_REJECT_CERTIFICATE)
    return incidents


def report_long_word(database: psycopg.Connection) -> None:
    """Opens an incident whose texts have no place to break: nothing for pictures."""
    database.execute(_REPORT_LONG_WORD, {"word": LONG_WORD})
