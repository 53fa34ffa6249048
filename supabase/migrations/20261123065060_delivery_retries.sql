-- Purpose: applies deliveries that were stored but not applied: deferred by the limit of new incidents, or failed.
-- Objects: functions monitoring.apply_stored_delivery, monitoring.postpone_delivery, public.replay_delivery,
--   monitoring.list_waiting_deliveries, monitoring.retry_deliveries.
-- Risks: the advisory lock of an issue or alert comes before any row, as in ingest_deliveries(). The job takes those
--   that are free, because it takes the locks of several issues in no order, and then their rows in order.

create function monitoring.apply_stored_delivery(id bigint, is_waiting boolean)
returns text
language plpgsql
volatile
strict
security invoker
set search_path = ''
as $$
declare
  v_row monitoring.deliveries;
  v_intent monitoring.delivery_intent;
  v_outcome monitoring.delivery_outcome;
  v_lock_key integer;
begin
  select deliveries.*
  into v_row
  from monitoring.deliveries
  where deliveries.id = apply_stored_delivery.id;
  if v_row.effect in ('deferred', 'failed') then
    v_intent := monitoring.read_intent(
      v_row.kind, v_row.name, v_row.resource, v_row.action, v_row.body, v_row.sent_at
    );
    -- As read from the body before it was sanitized.
    v_intent.fingerprint := coalesce(v_row.fingerprint, v_intent.fingerprint);
    v_intent.occurrence_key := coalesce(v_row.occurrence_key, v_intent.occurrence_key);
    v_intent.sent_at := coalesce(case when v_row.fingerprint is not null then v_row.sent_at end, v_intent.sent_at);
    v_lock_key := hashtext(coalesce(v_intent.fingerprint, v_row.body_hash));
    if apply_stored_delivery.is_waiting then
      perform pg_advisory_xact_lock(20261124, v_lock_key);
    elsif not pg_try_advisory_xact_lock(20261124, v_lock_key) then
      return null;
    end if;
    -- Another session may have applied it meanwhile.
    select deliveries.*
    into v_row
    from monitoring.deliveries
    where deliveries.id = apply_stored_delivery.id
    for no key update;
  end if;
  if v_row.effect is null or v_row.effect not in ('deferred', 'failed') then
    return v_row.effect;
  end if;

  if v_row.effect = 'failed' then
    v_outcome := monitoring.find_same_delivery(v_row.body_hash, v_intent.occurrence_key);
  end if;
  if v_outcome.effect is null then
    v_outcome := monitoring.apply_intent(v_intent);
  end if;
  update monitoring.deliveries
  set
    fingerprint = v_intent.fingerprint,
    verb = v_intent.verb,
    occurrence_key = v_intent.occurrence_key,
    occurred_at = v_intent.occurred_at,
    applied_at = clock_timestamp(),
    attempts = deliveries.attempts + (v_outcome.effect <> 'deferred')::integer,
    next_attempt_at = clock_timestamp() + monitoring.pause_before_retry(v_outcome.effect, 1),
    effect = v_outcome.effect,
    incident_id = coalesce(v_outcome.incident_id, deliveries.incident_id),
    error = null,
    body = case when v_outcome.effect = 'repeated' then '{}' else deliveries.body end
  where deliveries.id = apply_stored_delivery.id;
  return v_outcome.effect;
end
$$;

comment on function monitoring.apply_stored_delivery(bigint, boolean) is
'Applies a delivery that is deferred or failed, and returns its effect. One that was applied already is not applied
again. Null when there is no such delivery, or, unless is_waiting, when another session holds the lock of its issue.';

create function monitoring.postpone_delivery(id bigint, code text, message text)
returns void
language sql
volatile
strict
security invoker
set search_path = ''
as $$
  update monitoring.deliveries
  set
    effect = case when fault.is_caused_by_body then 'failed' else deliveries.effect end,
    attempts = deliveries.attempts + fault.is_caused_by_body::integer,
    next_attempt_at = clock_timestamp() + case
      when fault.is_caused_by_body then monitoring.pause_before_retry('failed', deliveries.attempts + 1)
      else interval '1 minute'
    end,
    error = case when fault.is_caused_by_body then fault.error else deliveries.error end
  from (
    select
      monitoring.is_caused_by_body(postpone_delivery.code) as is_caused_by_body,
      monitoring.sanitize_text(format('%s: %s', postpone_delivery.code, postpone_delivery.message), 1000) as error
  ) as fault
  where deliveries.id = (
    -- Without the lock of its issue: do not wait for the row.
    select waiting.id
    from monitoring.deliveries as waiting
    where waiting.id = postpone_delivery.id
      and waiting.effect in ('deferred', 'failed')
    for no key update skip locked
  )
$$;

comment on function monitoring.postpone_delivery(bigint, text, text) is
'Notes that an attempt to apply a delivery raised an error. An error of its body counts as an attempt, and the pause
grows with their number. After a fault of the database the delivery is tried again a minute later.';

create function public.replay_delivery(delivery_id bigint)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_before text;
  v_delivery monitoring.deliveries;
begin
  select deliveries.effect
  into v_before
  from monitoring.deliveries
  where deliveries.id = replay_delivery.delivery_id;
  if not found then
    perform monitoring.refuse_request(
      'PT404', format('there is no delivery %s', replay_delivery.delivery_id), 'delivery_id',
      'Find the id with: select id, kind, resource, action, effect from monitoring.deliveries order by id desc.'
    );
  end if;
  begin
    perform monitoring.apply_stored_delivery(replay_delivery.delivery_id, true);
  exception
    when others then
      if not monitoring.is_caused_by_body(sqlstate) then
        raise;
      end if;
      perform monitoring.postpone_delivery(replay_delivery.delivery_id, sqlstate, sqlerrm);
  end;
  select deliveries.*
  into v_delivery
  from monitoring.deliveries
  where deliveries.id = replay_delivery.delivery_id;
  return jsonb_build_object(
    'delivery_id', v_delivery.id,
    'effect', v_delivery.effect,
    'incident_id', v_delivery.incident_id,
    'result', case
      when v_before not in ('deferred', 'failed')
        then 'It was applied before. Nothing was counted, changed or sent again.'
      when v_delivery.effect = 'failed' then 'It failed again: ' || v_delivery.error
      when v_delivery.effect = 'deferred' then 'It is over the limit of new incidents. A job applies it within minutes.'
      when v_delivery.effect = 'repeated' then 'The same event was applied by another delivery. Nothing was counted again.'
      else 'It was applied now.'
    end
  );
end
$$;

revoke all on function public.replay_delivery(bigint) from public, anon, authenticated, service_role;

grant execute on function public.replay_delivery(bigint) to service_role;

comment on function public.replay_delivery(bigint) is
'Applies a delivery of Sentry or another monitor that failed or is deferred, and says in a sentence what happened.

A delivery that was applied before is not applied again: nothing is counted, changed or sent twice. Returns
{"delivery_id", "effect", "incident_id", "result"}; effect is that of the delivery, result the sentence. A delivery whose
body causes an error again stays failed, with the error in result. 404 when the delivery does not exist, or was purged
after retention.deliveries_days. Security definer, because nobody may write deliveries directly.';

create function monitoring.list_waiting_deliveries()
returns table (id bigint, effect text, sender text, fingerprint text)
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  c_most constant integer := 50;
  -- Not in the condition: an index is not searched for what changes with each row.
  c_now constant timestamptz := clock_timestamp();
begin
  return query
  select due.id, due.effect, due.sender, due.fingerprint
  from unnest(array['deferred', 'failed']) as effects (effect)
  cross join unnest(monitoring.delivery_kinds()) as kinds (kind)
  cross join lateral (
    select
      deliveries.id, deliveries.effect, deliveries.next_attempt_at, deliveries.fingerprint,
      monitoring.delivery_sender(deliveries.kind, deliveries.name) as sender
    from monitoring.deliveries
    where deliveries.effect = effects.effect
      and deliveries.kind = kinds.kind
      and deliveries.effect in ('deferred', 'failed')
      and deliveries.next_attempt_at <= c_now
    order by deliveries.next_attempt_at, deliveries.id
    limit c_most
  ) as due
  order by due.sender, due.effect, due.next_attempt_at, due.id; -- senders as lock_quotas() orders them
end
$$;

comment on function monitoring.list_waiting_deliveries() is
'Returns the deliveries that are due for another attempt: of each kind, up to 50 that are deferred and up to 50 that
failed, by sender, and those that have waited longest first.';

create function monitoring.retry_deliveries()
returns bigint
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  -- Issues of which no other session stores a delivery now.
  v_fingerprints text[] := array(
    select issues.fingerprint
    from (
      select distinct waiting.fingerprint
      from monitoring.list_waiting_deliveries() as waiting
      where waiting.fingerprint is not null
    ) as issues
    where pg_try_advisory_xact_lock(20261124, hashtext(issues.fingerprint))
  );
  v_waiting record;
  v_effect text;
  v_exhausted text[] := '{}'::text[]; -- senders whose limit of this minute is used up
  v_applied bigint := 0::bigint;
begin
  -- Each delivery keeps its locks until commit, so they are taken in the order of every other call.
  perform monitoring.lock_issues(array_agg(issues.fingerprint), array_agg(issues.sender))
  from (
    select distinct waiting.fingerprint, waiting.sender
    from monitoring.list_waiting_deliveries() as waiting
    where waiting.fingerprint = any(v_fingerprints)
  ) as issues;
  for v_waiting in
    select due.id, due.effect, due.sender
    from monitoring.list_waiting_deliveries() as due
    where due.fingerprint is null
      or due.fingerprint = any(v_fingerprints)
  loop
    continue when v_waiting.effect = 'deferred' and v_waiting.sender = any(v_exhausted);
    begin
      v_effect := monitoring.apply_stored_delivery(v_waiting.id, false);
      if v_effect = 'deferred' then
        v_exhausted := v_exhausted || v_waiting.sender;
      end if;
      v_applied := v_applied + coalesce(v_effect <> 'deferred', false)::integer;
    exception
      when others then
        perform monitoring.postpone_delivery(v_waiting.id, sqlstate, sqlerrm);
    end;
  end loop;
  perform monitoring.unschedule_retries();
  return v_applied;
end
$$;

comment on function monitoring.retry_deliveries() is
'Applies, of each kind, up to 50 deliveries that were deferred by rate_limits.new_incidents_per_minute and up to 50 that
failed, and returns how many were applied. One that raises an error is tried again later and stops no other. pg_cron runs
it each minute while deliveries wait; when none is left, it unschedules its own job.';
