-- Purpose: the way in for Sentry's webhooks, each stored exactly once with its effect; replays; forged signatures.
-- Objects: type private.sentry_delivery, private.store_sentry_delivery(), private.read_sentry_deliveries(),
-- public.ingest_sentry(), private.replay_delivery(), private.replay_deferred_deliveries(),
-- public.note_forged_signature().
-- Risks: deliveries are taken one after the other, because their order means something (warning, critical, resolved).
-- Advisory locks by fingerprint, all taken first and in order, make batches take turns where they touch the same issue.

create type private.sentry_delivery as (
  delivery_position integer,
  resource text,
  action text,
  body_hash text,
  arrived_at timestamptz,
  sent_at timestamptz,
  body jsonb,
  problem text,
  intent private.sentry_intent,
  lock_key integer
);

comment on type private.sentry_delivery is
'A delivery, read. problem says why its body could not be read whole. lock_key is the advisory lock of its issue.';

create function private.read_sentry_deliveries(deliveries jsonb)
returns setof private.sentry_delivery
language sql
stable
security invoker
set search_path = ''
as $$
  select
    given.position,
    given.resource,
    given.action,
    given.body_hash,
    given.arrived_at,
    coalesce(given.sent_at, given.arrived_at),
    given.body,
    given.problem,
    intent,
    hashtext(coalesce(intent.fingerprint, given.body_hash))
  from (
    select
      items.position::integer as position,
      coalesce(private.keep_first_bytes(private.read_lenient_text(items.item, 'resource'), 100), 'unknown') as resource,
      private.keep_first_bytes(private.read_lenient_text(items.item, 'body', 'action'), 100) as action,
      coalesce(
        private.read_lenient_text(items.item, 'body_hash'),
        encode(sha256(convert_to(coalesce(items.item ->> 'body', ''), 'UTF8')), 'hex')
      ) as body_hash,
      coalesce(private.read_moment(items.item -> 'arrived_at'), clock_timestamp()) as arrived_at,
      private.read_moment(items.item -> 'sent_at') as sent_at,
      case
        when jsonb_typeof(items.item -> 'body') = 'object' then private.trim_sentry_body(items.item -> 'body')
        else '{}'
      end as body,
      private.sanitise_text(private.read_lenient_text(items.item, 'problem'), 200) as problem
    from jsonb_array_elements(read_sentry_deliveries.deliveries) with ordinality as items (item, position)
    offset 0 -- not inlined: a body would be trimmed once for every use
  ) as given
  cross join lateral private.read_sentry_delivery(
    given.resource, given.action, given.body, coalesce(given.sent_at, given.arrived_at)
  ) as intent
$$;

revoke all on function private.read_sentry_deliveries(jsonb) from public, anon, authenticated, service_role;

comment on function private.read_sentry_deliveries(jsonb) is
'What each delivery of a batch is and asks for.';

create function private.store_sentry_delivery(delivery private.sentry_delivery)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_delivery private.sentry_delivery := store_sentry_delivery.delivery;
  v_outcome private.sentry_outcome;
  v_seen private.sentry_outcome;
  v_attempt integer := 0;
  v_error text := v_delivery.problem;
  v_id bigint;
begin
  select seen.effect, seen.incident_id
  into v_seen
  from private.sentry_deliveries as seen
  -- By its arrival: a delivery that waited in the spool may have been stored by the try before.
  where seen.received_at > v_delivery.arrived_at - interval '1 hour'
    and (
      seen.body_hash = v_delivery.body_hash
      or seen.occurrence_key = (v_delivery.intent).occurrence_key
    )
    and seen.effect not in ('failed', 'repeated')
  limit 1;

  if v_seen.effect is not null then
    v_outcome := row('repeated', v_seen.incident_id);
    v_error := null;
  end if;
  while v_outcome.effect is null loop
    v_attempt := v_attempt + 1;
    begin
      v_outcome := private.apply_sentry_intent(v_delivery.intent);
    exception
      when serialization_failure or unique_violation or deadlock_detected then
        if v_attempt = 20 then
          raise;
        end if;
      when others then
        -- Whatever it is, the delivery is kept: Sentry does not send it again.
        v_outcome := row('failed', null);
        v_error := private.sanitise_text(format('%s: %s', sqlstate, sqlerrm), 1000);
    end;
  end loop;

  insert into private.sentry_deliveries (
    resource, action, body_hash, occurrence_key, sent_at, occurred_at, effect, incident_id, error, body
  )
  values (
    v_delivery.resource,
    v_delivery.action,
    v_delivery.body_hash,
    (v_delivery.intent).occurrence_key,
    v_delivery.sent_at,
    (v_delivery.intent).occurred_at,
    v_outcome.effect,
    v_outcome.incident_id,
    case when v_outcome.effect in ('failed', 'recorded') then v_error end,
    case when v_outcome.effect = 'repeated' then '{}' else private.sanitise_jsonb(v_delivery.body, 65536) end
  )
  returning sentry_deliveries.id into v_id;
  return jsonb_build_object(
    'success', true,
    'delivery_id', v_id,
    'effect', v_outcome.effect,
    'incident_id', v_outcome.incident_id,
    'duplicate', v_outcome.effect = 'repeated'
  );
end
$$;

revoke all on function private.store_sentry_delivery(private.sentry_delivery)
from public, anon, authenticated, service_role;

comment on function private.store_sentry_delivery(private.sentry_delivery) is
'Does what one delivery asks for, unless it was seen within the hour, and keeps it: the answer to it. Never raises for
what stands in a body.';

create function public.ingest_sentry(deliveries jsonb)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_deliveries private.sentry_delivery[];
  v_delivery private.sentry_delivery;
  v_answers jsonb := '[]'::jsonb;
begin
  if jsonb_typeof(ingest_sentry.deliveries) is distinct from 'array' then
    raise exception using
      errcode = 'PT400',
      message = 'deliveries must be a JSON array',
      detail = 'deliveries',
      hint = 'Send [{"resource": "event_alert", "body_hash": "…", "body": {…}}].';
  end if;
  if jsonb_array_length(ingest_sentry.deliveries) > 1000 then
    raise exception using
      errcode = 'PT413',
      message = 'deliveries holds more than 1,000 deliveries',
      detail = 'deliveries',
      hint = 'Send them in several calls.';
  end if;
  v_deliveries := array(
    select delivery
    from private.read_sentry_deliveries(ingest_sentry.deliveries) as delivery
    order by delivery.delivery_position
  );
  perform pg_advisory_xact_lock(20261124, locks.lock_key)
  from (
    select distinct delivery.lock_key
    from unnest(v_deliveries) as delivery
    order by delivery.lock_key
  ) as locks;
  foreach v_delivery in array v_deliveries loop
    v_answers := v_answers || private.store_sentry_delivery(v_delivery);
  end loop;
  return v_answers;
end
$$;

revoke all on function public.ingest_sentry(jsonb) from public, anon, authenticated, service_role;

grant execute on function public.ingest_sentry(jsonb) to service_role;

comment on function public.ingest_sentry(jsonb) is
'Takes up to 1,000 webhook deliveries of Sentry, whose signatures were verified, in the order they arrived.

Each is {"resource", "body_hash", "sent_at", "arrived_at", "body", "problem"?}: Sentry-Hook-Resource, the sha256 of the
raw body, Sentry-Hook-Timestamp, when the service got it, the body. Answers an array in the same order: {"success": true, "delivery_id", "effect",
"incident_id", "duplicate"}. The same body, or the same event of the same alert rule, counts once within an hour.
Security definer, because the service role may write incidents through such functions only.';

create function private.replay_delivery(id bigint)
returns text
language plpgsql
volatile
strict
security invoker
set search_path = ''
as $$
declare
  v_row private.sentry_deliveries;
  v_intent private.sentry_intent;
  v_outcome private.sentry_outcome;
begin
  select sentry_deliveries.*
  into v_row
  from private.sentry_deliveries
  where sentry_deliveries.id = replay_delivery.id;
  if not found then
    raise exception using
      errcode = 'no_data_found',
      message = format('there is no delivery %s', replay_delivery.id),
      hint = 'Look it up: select id, resource, action, effect from private.sentry_deliveries order by id desc.';
  elsif v_row.effect = 'repeated' then
    raise exception using
      errcode = 'object_not_in_prerequisite_state',
      message = format('delivery %s is a repeat, whose body was not kept', replay_delivery.id),
      hint = 'Replay the first delivery with the same body_hash.';
  end if;
  v_intent := private.read_sentry_delivery(v_row.resource, v_row.action, v_row.body, v_row.sent_at);
  perform pg_advisory_xact_lock(20261124, hashtext(coalesce(v_intent.fingerprint, v_row.body_hash)));
  v_outcome := private.apply_sentry_intent(v_intent);
  update private.sentry_deliveries
  set
    effect = v_outcome.effect,
    incident_id = coalesce(v_outcome.incident_id, sentry_deliveries.incident_id),
    error = null
  where sentry_deliveries.id = replay_delivery.id;
  return v_outcome.effect;
end
$$;

revoke all on function private.replay_delivery(bigint) from public, anon, authenticated, service_role;

comment on function private.replay_delivery(bigint) is
'Does again what a stored delivery asks for, seen or not: its effect. An occurrence counts again.';

create function private.replay_deferred_deliveries()
returns bigint
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_id bigint;
  v_done bigint := 0::bigint;
begin
  for v_id in
    select sentry_deliveries.id
    from private.sentry_deliveries
    where sentry_deliveries.effect = 'deferred'
    order by sentry_deliveries.id
    limit 500
    for update skip locked
  loop
    -- The first that is still too much ends it: the quota of this minute is used up.
    exit when private.replay_delivery(v_id) = 'deferred';
    v_done := v_done + 1;
  end loop;
  return v_done;
end
$$;

revoke all on function private.replay_deferred_deliveries() from public, anon, authenticated, service_role;

comment on function private.replay_deferred_deliveries() is
'What pg_cron runs each minute: takes the deliveries that were over rate_limits.new_incidents_per_minute. How many.';

create function public.note_forged_signature(ip_address text)
returns boolean
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_address inet := case
    when pg_input_is_valid(note_forged_signature.ip_address, 'inet') then note_forged_signature.ip_address::inet
  end;
begin
  perform pg_advisory_xact_lock(20261125, hashtext(coalesce(host(v_address), '')));
  insert into public.security_events (event_type, severity, confidence, ip_address, action_taken)
  select 'forged_signature', 'MEDIUM', 0.5, v_address, 'refused with 401'
  where not exists (
    select
    from public.security_events
    where security_events.event_type = 'forged_signature'
      and security_events.ip_address is not distinct from v_address
      and security_events.created_at > clock_timestamp() - interval '1 minute'
  );
  return found;
end
$$;

revoke all on function public.note_forged_signature(text) from public, anon, authenticated, service_role;

grant execute on function public.note_forged_signature(text) to service_role;

comment on function public.note_forged_signature(text) is
'Notes in security_events that a webhook came without a good signature: whether it was written.

At most one row a minute and address. Security definer, because the service may note this and write nothing else there.';
