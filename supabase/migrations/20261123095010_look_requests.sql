-- Purpose: asks the service to look at targets from its own network: to confirm that one is down, or to read its
--   certificate.
-- Objects: functions monitoring.find_certificate_endpoint, monitoring.is_service_looking, monitoring.should_confirm,
--   monitoring.request_confirmations, monitoring.request_certificate_looks, monitoring.read_secret_headers,
--   monitoring.lease_looks, monitoring.describe_look, public.take_looks.
-- Risks: what take_looks() returns contains secrets of headers: it is for service_role only, and stored nowhere.
--   Replicas of the service take looks at the same time: rows are leased with skip locked, and nothing waits but the
--   row in job_runs, which is written last.

create function monitoring.find_certificate_endpoint(target monitoring.probe_targets)
returns text
language sql
stable
strict
security invoker
set search_path = ''
as $$
  select format(
    case when position(':' in parts.host) > 0 then '[%s]:%s' else '%s:%s' end,
    parts.host,
    coalesce(
      substring((find_certificate_endpoint.target).url from '^https://(?:\[[^/?#\]]*\]|[^/?#:\[]*):([0-9]{1,5})'), '443'
    )
  )
  from (select monitoring.find_url_host((find_certificate_endpoint.target).url) as host) as parts
  where parts.host is not null
    and (find_certificate_endpoint.target).url like 'https://%'
    and (find_certificate_endpoint.target).is_enabled
    and not (
      (find_certificate_endpoint.target).is_paused
      and monitoring.is_paused_by_owner(find_certificate_endpoint.target)
    )
$$;

comment on function monitoring.find_certificate_endpoint(monitoring.probe_targets) is
'Returns the host and port whose certificate is watched for a target. Null when it is disabled, paused by its owner or
not https.';

create function monitoring.is_service_looking()
returns boolean
language sql
stable
security invoker
set search_path = ''
as $$
  select exists (
    select
    from monitoring.job_runs
    where job_runs.job = 'service-looks'
      and job_runs.ran_at > clock_timestamp() - interval '20 seconds'
      -- A time in the future was written before the clock was set back.
      and job_runs.ran_at < clock_timestamp() + interval '20 seconds'
  )
$$;

comment on function monitoring.is_service_looking() is
'Returns whether the service has called take_looks() within the last 20 seconds.';

create function monitoring.should_confirm(target text)
returns boolean
language sql
stable
strict
security invoker
set search_path = ''
as $$
  select exists (
    select
    from monitoring.probe_targets
    cross join monitoring.config('health_check_policy') as policies (policy)
    where probe_targets.name = should_confirm.target
      and probe_targets.is_enabled
      and probe_targets.url is not null
      and coalesce(probe_targets.confirm_from_service, (policies.policy ->> 'confirm_from_service')::boolean)
      and (
        (policies.policy ->> 'allow_private')::boolean
        or not monitoring.is_private_host(monitoring.find_url_host(probe_targets.url))
      )
  ) and monitoring.is_service_looking()
$$;

comment on function monitoring.should_confirm(text) is
'Returns whether the service is to look at a target before it counts as down: confirm_from_service of the target, or
else of health_check_policy, is true, the service is running, and the address is not private, unless allow_private is
true.';

create function monitoring.request_confirmations(check_ids bigint[])
returns bigint
language sql
volatile
strict
security invoker
set search_path = ''
as $$
  with requested as (
    insert into monitoring.target_looks (target, purpose, check_id, due_at)
    select probes.target, 'confirm', probes.id, clock_timestamp() + interval '10 seconds'
    from monitoring.probes
    where probes.id = any(request_confirmations.check_ids)
    order by probes.id
    on conflict (check_id) where check_id is not null do nothing
    returning target_looks.id
  )

  select count(*)
  from requested
$$;

comment on function monitoring.request_confirmations(bigint[]) is
'Asks the service to look at the targets of these checks, and waits 10 seconds for it. Returns the number of looks: none
for checks that it was asked about before.';

create function monitoring.request_certificate_looks(most integer)
returns bigint
language sql
volatile
strict
security invoker
set search_path = ''
as $$
  with requested as (
    insert into monitoring.target_certificates as known (target, endpoint, next_look_at)
    select chosen.name, chosen.endpoint, clock_timestamp() + interval '1 hour'
    from (
      select (due.target).name, found.endpoint
      from (
        select probe_targets as target
        from monitoring.probe_targets
        left join monitoring.target_certificates on target_certificates.target = probe_targets.name
        where probe_targets.is_enabled
          and probe_targets.url like 'https://%'
          and (
            target_certificates.target is null
            -- A time further ahead was written before the clock was set back.
            or target_certificates.next_look_at not between clock_timestamp() and clock_timestamp() + interval '7 hours'
          )
        order by target_certificates.next_look_at nulls first, probe_targets.place
      ) as due
      -- Evaluated until there are enough.
      cross join lateral (select monitoring.find_certificate_endpoint(due.target) as endpoint offset 0) as found
      where found.endpoint is not null
      limit request_certificate_looks.most
    ) as chosen
    order by chosen.name
    on conflict (target) do update
      set next_look_at = excluded.next_look_at
      -- Another replica may have been first.
      where known.next_look_at not between clock_timestamp() and clock_timestamp() + interval '7 hours'
    returning known.target
  ),

  added as (
    insert into monitoring.target_looks (target, purpose, due_at)
    select requested.target, 'certificate', clock_timestamp() + interval '10 minutes'
    from requested
    order by requested.target
    returning target_looks.id
  )

  select count(*)
  from added
$$;

comment on function monitoring.request_certificate_looks(integer) is
'Asks the service to look at the certificates that are due, at most so many, and returns their number. A new target is
due at once, a certificate 6 hours after the service saw it, or 1 hour after a look that failed, found a problem or
was not answered.';

create function monitoring.read_secret_headers(secret_headers jsonb)
returns jsonb
language sql
stable
strict
security invoker
set search_path = ''
as $$
  select case when bool_and(read.secret is not null) is not false
    then coalesce(jsonb_object_agg(read.header, read.secret) filter (where read.secret is not null), '{}'::jsonb)
  end
  from (
    -- As read_channel_secret() does, so that pg_net and the service send the same.
    select headers.header, nullif(btrim(monitoring.read_secret(headers.name), e' \n\r\t'), '') as secret
    from jsonb_each_text(read_secret_headers.secret_headers) as headers (header, name)
  ) as read
$$;

comment on function monitoring.read_secret_headers(jsonb) is
'Returns headers with the values of their secrets, from headers with the names of their secrets. Null when one of the
secrets does not exist or is empty. What it returns must not be stored.';

create function monitoring.lease_looks(most integer)
returns setof monitoring.target_looks
language plpgsql
volatile
strict
security invoker
set search_path = ''
as $$
declare
  -- Half of what a service looks at at a time.
  c_most_certificates constant integer := 10;
  v_now constant timestamptz := clock_timestamp();
begin
  return query
  with running as materialized (
    select count(*) as certificates
    from monitoring.target_looks
    where target_looks.recorded_at is null
      and target_looks.purpose = 'certificate'
      and target_looks.lease_expires_at > v_now
  ),

  free as materialized (
    select
      target_looks.id,
      target_looks.purpose,
      target_looks.due_at,
      monitoring.find_certificate_endpoint(probe_targets) as endpoint
    from monitoring.target_looks
    join monitoring.probe_targets on probe_targets.name = target_looks.target
    where target_looks.recorded_at is null
      and target_looks.due_at > v_now
      and (target_looks.lease_expires_at is null or target_looks.lease_expires_at <= v_now)
      and probe_targets.is_enabled
      and probe_targets.url is not null
      and not (probe_targets.is_paused and monitoring.is_paused_by_owner(probe_targets))
    -- A judgement waits for a confirmation, and nobody for a certificate.
    order by target_looks.purpose = 'certificate', target_looks.due_at, target_looks.id
    limit lease_looks.most
    for no key update of target_looks skip locked
  ),

  numbered as (
    select
      free.*,
      row_number() over (partition by free.purpose order by free.due_at, free.id) as place
    from free
  )

  update monitoring.target_looks
  set lease_expires_at = v_now + interval '20 seconds', endpoint = numbered.endpoint
  from numbered
  cross join running
  where target_looks.id = numbered.id
    and (numbered.purpose <> 'certificate' or numbered.place + running.certificates <= c_most_certificates)
  returning target_looks.*;
end
$$;

comment on function monitoring.lease_looks(integer) is
'Leases looks that wait for the service, at most so many, for 20 seconds: until then no other replica takes them, and
afterwards any does, because the one that took them may have ended. Confirmations come first, and at most 10 certificates
are leased at a time, so that servers that are silent do not delay them.';

create function monitoring.describe_look(look monitoring.target_looks, allow_private boolean)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_target monitoring.probe_targets;
  v_secrets jsonb;
begin
  select probe_targets.*
  into v_target
  from monitoring.probe_targets
  where probe_targets.name = (describe_look.look).target;

  v_secrets := monitoring.read_secret_headers(v_target.secret_headers);
  if v_secrets is null and (describe_look.look).purpose = 'confirm' then
    -- Without the secret the target would refuse the request, and seem to be down.
    update monitoring.target_looks
    set
      recorded_at = clock_timestamp(),
      status = 'unknown',
      problem = 'the service did not look: a secret of secret_headers does not exist or is empty'
    where target_looks.id = (describe_look.look).id;
    return null;
  end if;
  return jsonb_build_object(
    'id', (describe_look.look).id,
    'purpose', (describe_look.look).purpose,
    'target', v_target.name,
    'url', v_target.url,
    'method', v_target.method,
    'headers', v_target.headers || coalesce(v_secrets, '{}'::jsonb),
    -- pg_net sends an empty object where there is no body.
    'body', case when v_target.method = 'POST' then coalesce(v_target.body, '{}') end,
    'content_type', case when v_target.method = 'POST' then v_target.content_type end,
    'timeout_ms', v_target.timeout_ms,
    'allow_private', describe_look.allow_private,
    'wants_body', (describe_look.look).purpose = 'confirm'
    and num_nonnulls(v_target.body_contains, v_target.body_lacks, v_target.json_path) > 0
  );
end
$$;

comment on function monitoring.describe_look(monitoring.target_looks, boolean) is
'Returns what the service needs for a look, with the secrets of the headers. When one is missing, a look that confirms a
check is recorded as unknown, and null is returned; a certificate is the same without the header.';

create function public.take_looks(max_looks integer default 20)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_most constant integer := coalesce(take_looks.max_looks, 20);
  v_waiting bigint;
  v_looks jsonb := '[]'::jsonb;
begin
  if v_most not between 1 and 100 then
    perform monitoring.refuse_request(
      'PT400', 'max_looks must be from 1 to 100', 'max_looks', 'Take the others with the next call.'
    );
  end if;
  if monitoring.is_feature_on('monitoring') then
    v_waiting := (
      select count(*)
      from monitoring.target_looks
      where target_looks.recorded_at is null
        and target_looks.due_at > now()
        and (target_looks.lease_expires_at is null or target_looks.lease_expires_at <= now())
        and target_looks.purpose = 'certificate'
    );
    if v_waiting < v_most then
      perform monitoring.request_certificate_looks((v_most - v_waiting)::integer);
    end if;
    v_looks := (
      select coalesce(
        jsonb_agg(described.look order by described.purpose = 'certificate', described.due_at, described.id)
        filter (where described.look is not null), '[]'::jsonb
      )
      from (
        select
          leased.id, leased.purpose, leased.due_at,
          monitoring.describe_look(leased, (policies.policy ->> 'allow_private')::boolean) as look
        from monitoring.lease_looks(v_most) as leased
        cross join monitoring.config('health_check_policy') as policies (policy)
      ) as described
    );
  end if;

  insert into monitoring.job_runs (job, ran_at)
  values ('service-looks', clock_timestamp())
  on conflict (job) do update
    set ran_at = excluded.ran_at;
  return v_looks;
end
$$;

revoke all on function public.take_looks(integer) from public, anon, authenticated, service_role;

grant execute on function public.take_looks(integer) to service_role;

comment on function public.take_looks(integer) is
'Returns the targets at which the service is to look now, at most max_looks (1 to 100), and leases them for 20 seconds.

Each is {"id", "purpose": "confirm" | "certificate", "target", "url", "method", "headers", "body", "content_type",
"timeout_ms", "allow_private", "wants_body"}. headers contain the values of secrets: send them to the target, and
store and log them nowhere. Unless allow_private is true, no connection may go to a private address, nor may a
redirect lead to one. The result goes to record_looks(). A look that is not recorded is returned again after its
lease. Replicas may call at the same time: each gets other looks. Security definer, because service_role may read
neither the targets nor the secrets.';
