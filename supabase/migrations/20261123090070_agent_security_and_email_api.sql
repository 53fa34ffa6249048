-- Purpose: provides the RPCs that record suspected attacks and e-mails about incidents.
-- Objects: functions public.record_security_event, public.queue_email, monitoring.is_email_unsent,
--   monitoring.find_free_provider_id, monitoring.record_email_sent, monitoring.record_email_failed,
--   monitoring.apply_email_event, public.record_email_event.
-- Risks: e-mail providers repeat events and send them in any order: the status of an e-mail only moves forward.

create function public.record_security_event(
  event_type text,
  severity text,
  confidence numeric,
  ip_address text default null,
  user_id text default null,
  action_taken text default null,
  details jsonb default '{}'
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_type text := monitoring.read_required_line('event_type', record_security_event.event_type, 200);
  v_severity public.incident_severity := monitoring.read_severity(record_security_event.severity);
  v_user text := monitoring.read_optional_line('user_id', record_security_event.user_id, 200);
  v_action text := monitoring.read_optional_text('action_taken', record_security_event.action_taken, 1024);
  v_details jsonb := monitoring.read_document('details', record_security_event.details, 16384);
  v_address inet;
  v_report monitoring.prepared_event;
  v_incident_id text;
  v_id bigint;
begin
  if v_severity is null then
    perform monitoring.refuse_request(
      'PT400', 'severity is missing', 'severity', 'Send LOW, MEDIUM, HIGH or CRITICAL.'
    );
  elsif record_security_event.confidence is null or record_security_event.confidence not between 0 and 1 then
    perform monitoring.refuse_request(
      'PT400', 'confidence must be from 0 to 1', 'confidence', 'Send a number such as 0.8.'
    );
  elsif not monitoring.is_valid_input(coalesce(record_security_event.ip_address, '::'), 'inet') then
    perform monitoring.refuse_request(
      'PT400', 'ip_address is not an IP address', 'ip_address', 'Send an address, or leave it out.'
    );
  end if;
  v_address := record_security_event.ip_address::inet;

  if record_security_event.confidence >= (monitoring.config('incident_policy') ->> 'security_min_confidence')::numeric then
    v_report := monitoring.prepare_event(
      jsonb_build_object(
        'error', jsonb_build_object(
          'message', format('%s from %s', v_type, coalesce(host(v_address), v_user, 'an unknown address')),
          'type', 'SecurityEvent'
        ),
        'severity', v_severity,
        'category', 'security',
        'source', 'security',
        'fingerprint', format('security:%s:%s', v_type, coalesce(host(v_address), v_user, '')),
        'context', jsonb_build_object('details', v_details, 'confidence', record_security_event.confidence)
      ),
      1,
      'security'
    );
    v_report.rule := 'security_event';
    if starts_with(monitoring.read_sender(), 'agent:') then
      v_report.quota := monitoring.read_sender();
    end if;
    select upserted.incident_id
    into v_incident_id
    from monitoring.upsert_incidents(array[v_report]) as upserted;
  end if;
  insert into public.security_events (
    event_type, severity, confidence, ip_address, user_id, action_taken, details, incident_id
  )
  values (
    v_type,
    v_severity,
    round(record_security_event.confidence, 3),
    v_address,
    v_user,
    v_action,
    v_details,
    v_incident_id
  )
  returning security_events.id into v_id;
  return jsonb_build_object('security_event_id', v_id, 'incident_id', v_incident_id);
end
$$;

revoke all on function public.record_security_event(
  text, text, numeric, text, text, text, jsonb
) from public, anon, authenticated, service_role;

grant execute on function public.record_security_event(
  text, text, numeric, text, text, text, jsonb
) to authenticated, service_role;

comment on function public.record_security_event(
  text, text, numeric, text, text, text, jsonb
) is
'Records a suspected attack and returns {"security_event_id", "incident_id"}.

severity is LOW, MEDIUM, HIGH or CRITICAL, in any case. confidence, 0 to 1, is how sure the detector is. From
incident_policy.security_min_confidence on, the event opens or repeats an incident, one per event_type and IP address.
Security definer, because agents may write security events through such functions only.';

create function public.queue_email(recipient text, subject text, incident_id text default null)
returns bigint
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_recipient text := btrim(coalesce(queue_email.recipient, ''));
  v_subject text := monitoring.read_required_line('subject', queue_email.subject, 500);
  v_id bigint;
begin
  -- Not sanitized, because the value must be an e-mail address. Agents cannot read the table.
  if v_recipient !~ '^[^@\s]+@[^@\s]+$' or length(v_recipient) > 320 then
    perform monitoring.refuse_request(
      'PT400', 'recipient is not an e-mail address', 'recipient', 'Send an address such as ann@example.com.'
    );
  end if;
  -- The kill switch stops agents; what the product itself sends about incidents goes on.
  if not monitoring.is_feature_on('email')
    or (monitoring.read_role() = 'authenticated' and monitoring.is_kill_switch_on())
  then
    perform monitoring.refuse_request(
      'PT409', 'sending e-mails is disabled', 'recipient',
      'feature_flags.email must be on and, for agents, the kill switch off.'
    );
  end if;
  if monitoring.read_role() = 'authenticated' and not exists (
    select
    from public.system_config
    where system_config.key = 'notification_recipients'
      and system_config.value @> jsonb_build_array(jsonb_build_object('email', v_recipient))
  ) then
    perform monitoring.refuse_request(
      'PT403', 'agents may send e-mails to the configured recipients only', 'recipient',
      'An operator can add the recipient to notification_recipients.'
    );
  end if;
  if queue_email.incident_id is not null then
    perform monitoring.lock_incident(queue_email.incident_id);
  end if;
  insert into public.email_tracking (incident_id, recipient, subject)
  values (queue_email.incident_id, v_recipient, v_subject)
  returning email_tracking.id into v_id;
  insert into public.agent_actions (agent, action, incident_id, success, details)
  values (monitoring.read_actor(), 'email_queued', queue_email.incident_id, true, jsonb_build_object('email_id', v_id));
  return v_id;
end
$$;

revoke all on function public.queue_email(text, text, text) from public, anon, authenticated, service_role;

grant execute on function public.queue_email(text, text, text) to authenticated, service_role;

comment on function public.queue_email(text, text, text) is
'Queues an e-mail and returns its id.

The mailer passes that id, with the id of the provider, to record_email_event(). Agents may write to the addresses
in notification_recipients only, and to nobody while the kill switch is on. 409 while feature_flags.email is off.
Security definer, because e-mails may be written through such functions only.';

create function monitoring.is_email_unsent(email public.email_tracking)
returns boolean
language sql
immutable
security invoker
set search_path = ''
as $$
  select
    (email).status = 'queued'
    or ((email).status = 'failed' and (email).provider_id is null)
$$;

comment on function monitoring.is_email_unsent(public.email_tracking) is
'Returns whether no provider has accepted an e-mail as far as is known. One that was given up after a lost answer may
have been sent: an event of the provider says so.';

create function monitoring.find_free_provider_id(provider_id text, email_id bigint)
returns text
language sql
stable
security invoker
set search_path = ''
as $$
  select ids.id
  from (select monitoring.sanitize_line(find_free_provider_id.provider_id, 255) as id) as ids
  where not exists (
    select
    from public.email_tracking
    where email_tracking.provider_id = ids.id
      and email_tracking.id <> find_free_provider_id.email_id
  )
$$;

comment on function monitoring.find_free_provider_id(text, bigint) is
'Returns the id of a provider as it is stored for an e-mail; null if it is blank, or if another e-mail has it.';

create function monitoring.record_email_sent(email_id bigint, provider_id text, at timestamptz)
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_moment timestamptz := least(coalesce(record_email_sent.at, clock_timestamp()), clock_timestamp());
begin
  perform from public.email_tracking where email_tracking.id = record_email_sent.email_id for no key update;
  update public.email_tracking
  set
    -- An event of the provider may have been recorded before its answer was. Of an e-mail that was sent twice because
    -- an answer was lost, the first id is kept.
    provider_id = coalesce(
      email_tracking.provider_id, monitoring.find_free_provider_id(record_email_sent.provider_id, email_tracking.id)
    ),
    status = case
      when monitoring.is_email_unsent(email_tracking) then 'sent'::public.email_status else email_tracking.status
    end,
    sent_at = least(coalesce(email_tracking.sent_at, v_moment), v_moment),
    error = case when not monitoring.is_email_unsent(email_tracking) then email_tracking.error end
  where email_tracking.id = record_email_sent.email_id;
  return found;
end
$$;

comment on function monitoring.record_email_sent(bigint, text, timestamptz) is
'Records that an e-mail provider accepted an e-mail, with the id that it answered, which may be null. Returns whether
there is such an e-mail. Safe to repeat, and never moves the status backward.';

create function monitoring.record_email_failed(email_id bigint, reason text)
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  update public.email_tracking
  set
    status = 'failed',
    error = coalesce(monitoring.sanitize_text(record_email_failed.reason, 1024), 'failed')
  where email_tracking.id = record_email_failed.email_id
    and monitoring.is_email_unsent(email_tracking);
  return found;
end
$$;

comment on function monitoring.record_email_failed(bigint, text) is
'Records that an e-mail was given up before a provider accepted it. Returns whether its status is failed now. An
e-mail that a provider has reported an event of was sent after all, and keeps its status.';

create function monitoring.apply_email_event(
  email_id bigint, provider_id text, event public.email_status, occurred_at timestamptz, error text
)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  c_undelivered constant public.email_status[] := array['bounced', 'complained', 'failed']::public.email_status[];
  v_event public.email_status := apply_email_event.event;
  v_moment timestamptz := least(coalesce(apply_email_event.occurred_at, clock_timestamp()), clock_timestamp());
  v_email public.email_tracking;
  v_is_unsent boolean;
  v_is_final boolean;
begin
  select email_tracking.*
  into v_email
  from public.email_tracking
  where email_tracking.id = apply_email_event.email_id
  for no key update;
  insert into monitoring.event_receipts (idempotency_key, answer)
  values (
    monitoring.hash_idempotency_key(
      'email', 'service',
      -- Without an id of the provider, events of different e-mails are different.
      jsonb_build_array(
        coalesce(apply_email_event.provider_id, 'e-mail ' || v_email.id), v_event, apply_email_event.occurred_at
      )::text
    ),
    '{}'
  )
  on conflict (idempotency_key) do nothing;
  if not found then
    return jsonb_build_object('email_id', v_email.id, 'status', v_email.status, 'duplicate', true);
  end if;
  v_is_unsent := monitoring.is_email_unsent(v_email);
  v_is_final := not v_is_unsent and v_email.status = any(c_undelivered);
  update public.email_tracking
  set
    provider_id = coalesce(
      v_email.provider_id, monitoring.find_free_provider_id(apply_email_event.provider_id, v_email.id)
    ),
    -- The enum is in the order of delivery; the first of bounced, complained and failed is final.
    status = case
      when v_is_final then v_email.status when v_is_unsent then v_event else greatest(v_email.status, v_event)
    end,
    sent_at = case
      when v_event = 'failed' then v_email.sent_at else least(coalesce(v_email.sent_at, v_moment), v_moment)
    end,
    delivered_at = case
      when v_event in ('delivered', 'opened', 'clicked', 'complained')
        then least(coalesce(v_email.delivered_at, v_moment), v_moment)
      else v_email.delivered_at
    end,
    opened_at = case
      when v_event in ('opened', 'clicked') then least(coalesce(v_email.opened_at, v_moment), v_moment)
      else v_email.opened_at
    end,
    clicked_at = case
      when v_event = 'clicked' then least(coalesce(v_email.clicked_at, v_moment), v_moment)
      else v_email.clicked_at
    end,
    bounced_at = case
      when v_event in ('bounced', 'complained') and not v_is_final then v_moment else v_email.bounced_at
    end,
    open_count = v_email.open_count + (v_event = 'opened')::integer,
    click_count = v_email.click_count + (v_event = 'clicked')::integer,
    error = case
      when v_is_final then v_email.error
      when v_event = any(c_undelivered)
        then coalesce(monitoring.sanitize_text(apply_email_event.error, 1024), v_event::text)
    end
  where email_tracking.id = v_email.id
  returning email_tracking.* into v_email;
  return jsonb_build_object('email_id', v_email.id, 'status', v_email.status, 'duplicate', false);
end
$$;

comment on function monitoring.apply_email_event(bigint, text, public.email_status, timestamptz, text) is
'Applies an event of a provider to an e-mail and returns {"email_id", "status", "duplicate"}. The same event with the
same occurred_at counts once, and the status never moves backward.';

create function public.record_email_event(
  provider_id text,
  event text,
  occurred_at timestamptz default null,
  email_id bigint default null,
  error text default null
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_provider_id text := monitoring.read_required_line('provider_id', record_email_event.provider_id, 255);
  v_event text := monitoring.require_argument(
    'event',
    monitoring.read_choice(
      'event', record_email_event.event,
      array['sent', 'delivered', 'opened', 'clicked', 'complained', 'bounced', 'failed']
    )
  );
  v_email_id bigint;
begin
  select email_tracking.id
  into v_email_id
  from public.email_tracking
  where email_tracking.provider_id = v_provider_id
    or (email_tracking.id = record_email_event.email_id and email_tracking.provider_id is null)
  order by email_tracking.provider_id nulls last
  limit 1;
  if not found then
    perform monitoring.refuse_request(
      'PT404', 'there is no e-mail with this provider_id', 'provider_id',
      'Send email_id, as returned by queue_email(), with the first event of an e-mail.'
    );
  end if;
  return monitoring.apply_email_event(
    v_email_id, v_provider_id, v_event::public.email_status, record_email_event.occurred_at,
    record_email_event.error
  );
end
$$;

revoke all on function public.record_email_event(text, text, timestamptz, bigint, text)
from public, anon, authenticated, service_role;

grant execute on function public.record_email_event(text, text, timestamptz, bigint, text) to service_role;

comment on function public.record_email_event(text, text, timestamptz, bigint, text) is
'Records an event of an e-mail provider and returns {"email_id", "status", "duplicate"}.

event is sent, delivered, opened, clicked, complained, bounced or failed, in any case. The same event with the same
occurred_at counts once, and the status never moves backward. email_id links the provider_id to a queued e-mail; pass it
with the first event. Security definer, because e-mails may be written through such functions only.';
