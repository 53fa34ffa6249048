-- Purpose: turns recorded responses into verdicts (up, degraded, down, unknown), plans further attempts of checks that
--   failed, and decides whether a failure is the target's or that of our own connection.
-- Objects: type monitoring.verdict; functions monitoring.describe_statuses, monitoring.is_server_error,
--   monitoring.normalize_host, monitoring.find_target_host, monitoring.judge_answers, monitoring.plan_attempts,
--   monitoring.find_last_answer, monitoring.has_later_silence, monitoring.find_silent_rounds,
--   monitoring.find_ready_verdicts.
-- Risks: rows that pg_net's worker is writing are skipped until the next run, never waited for. These functions run
--   each second: they read the pending checks and, while a failure without an answer is undecided, those of its round.

create type monitoring.verdict as (
  check_id bigint,
  target text,
  scheduled_at timestamptz,
  status public.check_status,
  problem text,
  has_answer boolean,
  is_maintenance boolean,
  is_slow boolean,
  response_time_ms integer,
  may_try_again boolean,
  is_offline boolean
);

comment on type monitoring.verdict is
'The result of the latest attempt of a check, and whether another attempt may follow. has_answer is true when the server
answered, with an HTTP response or with an error of TLS or HTTP. is_offline is true when our own connection may have
failed instead of the target.';

create function monitoring.describe_statuses(statuses int4multirange)
returns text
language sql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
  select string_agg(
    case
      when lower(codes.span) = upper(codes.span) - 1 then lower(codes.span)::text
      else lower(codes.span) || '-' || upper(codes.span) - 1
    end,
    ', ' order by codes.span
  )
  from unnest(describe_statuses.statuses) as codes (span)
$$;

comment on function monitoring.describe_statuses(int4multirange) is
'Formats a multirange of status codes as text, such as 200-399, 401.';

create function monitoring.is_server_error(error text)
returns boolean
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select coalesce(
    is_server_error.error = any(array[
      -- TLS: the server answered the handshake
      'SSL connect error', -- CURLE_SSL_CONNECT_ERROR
      'SSL peer certificate or SSH remote key was not OK', -- CURLE_PEER_FAILED_VERIFICATION
      'Couldn''t use specified SSL cipher', -- CURLE_SSL_CIPHER, until libcurl 8.10
      'Could not use specified SSL cipher',
      'Issuer check against peer certificate failed', -- CURLE_SSL_ISSUER_ERROR
      'SSL public key does not match pinned public key', -- CURLE_SSL_PINNEDPUBKEYNOTMATCH
      'SSL server certificate status verification FAILED', -- CURLE_SSL_INVALIDCERTSTATUS
      'SSL Client Certificate required', -- CURLE_SSL_CLIENTCERT
      'ECH attempted but failed', -- CURLE_ECH_REQUIRED, since libcurl 8.8
      -- HTTP: the server sent something
      'Unsupported protocol', -- CURLE_UNSUPPORTED_PROTOCOL: no HTTP, or a redirect to something else
      'Weird server reply', -- CURLE_WEIRD_SERVER_REPLY
      'Error in the HTTP2 framing layer', -- CURLE_HTTP2
      'Stream error in the HTTP/2 framing layer', -- CURLE_HTTP2_STREAM
      'Transferred a partial file', -- CURLE_PARTIAL_FILE
      'Number of redirects hit maximum amount', -- CURLE_TOO_MANY_REDIRECTS
      'Unrecognized or bad HTTP Content or Transfer-Encoding', -- CURLE_BAD_CONTENT_ENCODING
      'A value or data field grew larger than allowed' -- CURLE_TOO_LARGE: more headers than libcurl takes
    ])
    -- A status code that is none, such as 000, by store_answer().
    or starts_with(is_server_error.error, 'responded with '),
    false
  )
$$;

comment on function monitoring.is_server_error(text) is
'Returns whether an error text of pg_net means that the server answered, if not with a usable HTTP response. The texts
are those of curl_easy_strerror() in lib/strerror.c of libcurl 7.83 to 8.14, which pg_net stores. Errors of TLS that
occur before anything is sent, such as a missing file of certificate authorities, are ours and not among them.';

create function monitoring.normalize_host(host text)
returns text
language sql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
  select case
    -- The names and addresses of this machine.
    when normalize_host.host in ('localhost', '::1') then '127.0.0.1'
    when position(':' in normalize_host.host) > 0 then case
      when not monitoring.is_valid_input(normalize_host.host, 'inet') then normalize_host.host
      when normalize_host.host::inet <<= '::ffff:0:0/96'::inet
        then pg_catalog.host('0.0.0.0'::inet + (normalize_host.host::inet - '::ffff:0:0'::inet))
      else pg_catalog.host(normalize_host.host::inet)
    end
    else coalesce(pg_catalog.host(monitoring.read_ipv4(normalize_host.host)), normalize_host.host)
  end
$$;

comment on function monitoring.normalize_host(text) is
'Returns the one spelling of a host, as returned by find_url_host(): addresses in their usual form, IPv4 addresses also
where they are written as IPv6.';

create function monitoring.find_target_host(target text)
returns text
language sql
stable
strict
security invoker
set search_path = ''
as $$
  select monitoring.normalize_host(
    coalesce(
      (
        select min(known.address)
        from (
          select target_looks.addresses
          from monitoring.target_looks
          where target_looks.target = find_target_host.target
            and target_looks.addresses <> '{}'
          order by target_looks.requested_at desc
          limit 1
        ) as latest
        cross join unnest(latest.addresses) as known (address)
      ),
      monitoring.find_url_host(probe_targets.url)
    )
  )
  from monitoring.probe_targets
  where probe_targets.name = find_target_host.target
$$;

comment on function monitoring.find_target_host(text) is
'Returns the host of a target: the address that the service resolved last, so that two names of one server are one host,
or else the host of its URL. Ports make no difference.';

create function monitoring.judge_answers()
returns setof monitoring.verdict
language sql
volatile
security invoker
set search_path = ''
as $$
  with locked as materialized (
    select probes.*
    from monitoring.probes
    where probes.answered_at is not null
      or (
        probes.send_at is null
        and probes.answer_due_at <= clock_timestamp()
        -- One that became overdue this very moment is withdrawn first, in the next run.
        and not exists (
          select
          from monitoring.awaited_checks
          where awaited_checks.check_id = probes.id
        )
      )
    order by probes.id
    for update skip locked
  ),

  judged as (
    select
      locked.*,
      target.max_response_ms,
      coalesce(target.is_enabled, false) as is_enabled,
      -- Not where the state is an old one, as after a pause.
      coalesce(
        state.status = 'down'
        and state.last_check_at >= locked.scheduled_at - make_interval(mins => 2 * locked.interval_minutes),
        false
      ) as was_down,
      -- The URL was changed since the request was sent, so the response says nothing about the new one.
      coalesce(locked.request_id is not null and locked.url <> monitoring.sanitize_text(target.url, 2000), false)
        as has_moved,
      case
        when locked.answered_at is not null and locked.http_status is null
          then coalesce(locked.error, 'no HTTP response')
        when locked.answered_at is not null then locked.unmet_condition
        when locked.request_id is null and locked.error is not null then locked.error
        when locked.error like 'no response from pg_net, and %' then locked.error
        else 'no response from pg_net, so the state of the target is unknown'
      end as problem
    from locked
    left join monitoring.probe_targets as target on target.name = locked.target
    left join monitoring.target_states as state on state.target = locked.target
  )

  select
    judged.id,
    judged.target,
    judged.scheduled_at,
    case
      when judged.answered_at is null or judged.has_moved then 'unknown'::public.check_status
      when judged.problem is not null then 'down'::public.check_status
      when judged.response_time_ms > judged.max_response_ms then 'degraded'::public.check_status
      else 'up'::public.check_status
    end,
    case
      when judged.has_moved then 'the URL was changed after the request was sent'
      when judged.problem is null and judged.response_time_ms > judged.max_response_ms
        then format('responded in %s ms, expected at most %s ms', judged.response_time_ms, judged.max_response_ms)
      else judged.problem
    end,
    judged.answered_at is not null
    and (judged.http_status is not null or monitoring.is_server_error(judged.error)),
    judged.is_maintenance,
    case
      when judged.answered_at is null then false
      when judged.http_status is not null then coalesce(judged.response_time_ms > 1000, false)
      else coalesce(judged.error like 'timed out%', true)
    end,
    case when judged.answered_at is not null then judged.response_time_ms end,
    coalesce(
      (judged.problem is not null or judged.has_moved)
      -- What cannot be sent now cannot be sent in a few seconds.
      and (judged.answered_at is not null or judged.request_id is not null)
      and judged.is_enabled
      -- One attempt shows that a target is still down.
      and (judged.answered_at is null or judged.has_moved or not judged.was_down)
      and judged.attempt < (monitoring.config('health_check_policy') ->> 'attempts')::integer
      and clock_timestamp() < judged.retry_until,
      false
    ),
    false
  from judged
$$;

comment on function monitoring.judge_answers() is
'Locks the checks whose latest attempt was answered or is overdue, and returns their verdicts. Answers that come later
than that are not accepted.';

create function monitoring.plan_attempts(verdicts monitoring.verdict[])
returns bigint
language sql
volatile
security invoker
set search_path = ''
as $$
  with planned as (
    update monitoring.probes
    set
      attempt = probes.attempt + 1,
      error_count = probes.error_count + 1,
      error = verdict.problem,
      request_id = null,
      answered_at = null,
      answer_due_at = null,
      -- The last attempt is not postponed until it is too late for it.
      send_at = least(
        greatest(
          clock_timestamp(),
          probes.sent_at + make_interval(
            secs => coalesce(
              probe_targets.retry_interval_seconds,
              (monitoring.config('health_check_policy') ->> 'retry_interval_seconds')::integer
            )
          )
        ),
        probes.retry_until
      )
    from unnest(plan_attempts.verdicts) as verdict
    join monitoring.probe_targets on probe_targets.name = verdict.target
    where verdict.may_try_again
      and probes.id = verdict.check_id
    returning probes.id
  )

  select count(*)
  from planned
$$;

comment on function monitoring.plan_attempts(monitoring.verdict[]) is
'Plans another attempt of each check whose verdict may be tried again, the retry interval after its latest one and
before the end of its minute. send_due_checks() sends it. Returns the number of attempts.';

create function monitoring.find_last_answer(
  scheduled_at timestamptz, out has_answer boolean, out last_at timestamptz
)
language sql
stable
security invoker
set search_path = ''
as $$
  select
    count(*) filter (where checks.scheduled_at = find_last_answer.scheduled_at) > 0,
    max(
      case
        when checks.answered_at is not null then checks.answered_at
        -- It answered, and waits for another attempt.
        when checks.request_id is null then checks.sent_at
      end
    )
  from monitoring.all_checks as checks
  where checks.scheduled_at
    between find_last_answer.scheduled_at and find_last_answer.scheduled_at + interval '2 minutes'
    and checks.target_type <> 'heartbeat'
    and (checks.http_status is not null or monitoring.is_server_error(checks.error))
$$;

comment on function monitoring.find_last_answer(timestamptz) is
'Returns whether a server answered in a round, and when one answered last in that round or the two after it.';

create function monitoring.has_later_silence(target text, scheduled_at timestamptz, is_recent boolean)
returns boolean
language sql
stable
strict
security invoker
set search_path = ''
as $$
  select not monitoring.should_confirm(has_later_silence.target)
    and (
      has_later_silence.is_recent
      or exists (
        select
        from monitoring.all_checks as checks
        join monitoring.probe_targets on probe_targets.name = checks.target
        left join monitoring.target_states on target_states.target = checks.target
        where checks.scheduled_at > has_later_silence.scheduled_at
          and checks.scheduled_at <= has_later_silence.scheduled_at + interval '2 minutes'
          and checks.target_type <> 'heartbeat'
          and checks.sent_at is not null
          and checks.http_status is null
          and not monitoring.is_server_error(checks.error)
          and not checks.is_maintenance
          and probe_targets.depends_on is null
          and target_states.status is distinct from 'down'
          and monitoring.find_target_host(checks.target) <> monitoring.find_target_host(has_later_silence.target)
      )
    )
$$;

comment on function monitoring.has_later_silence(text, timestamptz, boolean) is
'Returns whether our own connection is in doubt although a target is the only silent one of its round, because it ended
after the others of that round had answered: while the failure is recent, and later when another host was asked in the
next rounds and is silent too. False where the service is asked about the target, which shows more.';

create function monitoring.find_silent_rounds(verdicts monitoring.verdict[])
returns table (scheduled_at timestamptz, reached_until timestamptz, is_awaited boolean, has_two_hosts boolean)
language sql
stable
security invoker
set search_path = ''
as $$
  with rounds as materialized (
    -- By default the last attempt of a target is sent 30 seconds after the first: what was sent within 25 seconds of an
    -- answer, failed before it as well.
    select failed.scheduled_at, answer.has_answer, answer.last_at + interval '25 seconds' as reached_until
    from (
      select distinct verdict.scheduled_at
      from unnest(find_silent_rounds.verdicts) as verdict
      where verdict.status = 'down'
        and not verdict.has_answer
    ) as failed
    cross join lateral monitoring.find_last_answer(failed.scheduled_at) as answer
  ),

  silent as materialized (
    select
      checks.scheduled_at,
      checks.target,
      checks.sent_at,
      state.is_awaited,
      -- The silence of others is explained: by maintenance, by what they depend on, or because they were down before.
      not checks.is_maintenance
      and probe_targets.depends_on is null
      and target_states.status is distinct from 'down' as counts
    from rounds
    join monitoring.all_checks as checks
      on checks.scheduled_at = rounds.scheduled_at
      and checks.target_type <> 'heartbeat'
    join monitoring.probe_targets on probe_targets.name = checks.target
    left join monitoring.target_states on target_states.target = checks.target
    cross join lateral (
      select checks.status = 'pending' and checks.id not in (
        select verdict.check_id
        from unnest(find_silent_rounds.verdicts) as verdict
      ) as is_awaited
    ) as state
    where case
      when state.is_awaited then true
      when checks.sent_at <= rounds.reached_until then false
      when checks.status = 'pending' then checks.id not in (
        select verdict.check_id
        from unnest(find_silent_rounds.verdicts) as verdict
        where verdict.status <> 'down'
          or verdict.has_answer
      )
      -- An unknown one that was answered failed when our own connection was in doubt before.
      else checks.http_status is null
        and (checks.status = 'down' or (checks.status = 'unknown' and checks.answered_at is not null))
    end
  ),

  counted as materialized (
    select
      rounds.*,
      found.is_awaited,
      found.is_recent,
      found.target,
      monitoring.find_target_host(found.target) as host
    from rounds
    cross join lateral (
      select
        coalesce(bool_or(silent.is_awaited), false) as is_awaited,
        coalesce(max(silent.sent_at) > clock_timestamp() - interval '70 seconds', false) as is_recent,
        min(silent.target) filter (where silent.counts) as target
      from silent
      where silent.scheduled_at = rounds.scheduled_at
    ) as found
  )

  select
    counted.scheduled_at,
    counted.reached_until,
    -- A server answered before the silence began: within a minute its next answer is due.
    counted.is_awaited or (counted.has_answer and counted.is_recent),
    -- Ends at the first that differs, instead of finding the hosts of thousands.
    exists (
      select
      from silent
      where silent.scheduled_at = counted.scheduled_at
        and silent.counts
        and monitoring.find_target_host(silent.target) <> counted.host
    )
    or (
      counted.has_answer
      and counted.target is not null
      and monitoring.has_later_silence(counted.target, counted.scheduled_at, counted.is_recent)
    )
  from counted
$$;

comment on function monitoring.find_silent_rounds(monitoring.verdict[]) is
'Returns the rounds in which one of these targets failed without an answer. A check whose latest attempt was sent before
reached_until, 25 s after the last answer of any server, failed although our own connection worked. Our own connection is
in doubt only where two hosts are silent beyond that, in this round or the one after it: has_two_hosts says whether they
are, or are still awaited; is_awaited, whether more answers may come. Targets do not count that are in maintenance, depend on another one, or were
down before. Checks that are pending and not among the verdicts are awaited, so the verdicts must be final.';

create function monitoring.find_ready_verdicts(verdicts monitoring.verdict[], refused bigint[])
returns setof monitoring.verdict
language sql
stable
security invoker
set search_path = ''
as $$
  with recursive pending as materialized (
    select probes.target, min(probes.scheduled_at) as scheduled_at
    from monitoring.probes
    group by probes.target
  ),

  refused_target as materialized (
    select verdict.target
    from unnest(find_ready_verdicts.verdicts) as verdict
    where verdict.check_id = any(find_ready_verdicts.refused)
  ),

  round as materialized (
    select silent.*
    from monitoring.find_silent_rounds(find_ready_verdicts.verdicts) as silent
  ),

  -- Failures without an answer while our own connection did not show that it works.
  silent as materialized (
    select verdict.check_id
    from unnest(find_ready_verdicts.verdicts) as verdict
    join round on round.scheduled_at = verdict.scheduled_at
    join monitoring.probes on probes.id = verdict.check_id
    where verdict.status = 'down'
      and not verdict.has_answer
      and round.has_two_hosts
      and (probes.sent_at <= round.reached_until) is not true
  ),

  cause as (
    select verdict.check_id, verdict.scheduled_at, probe_targets.depends_on as target, 1 as depth
    from unnest(find_ready_verdicts.verdicts) as verdict
    join monitoring.probe_targets on probe_targets.name = verdict.target
    where verdict.status = 'down'
      and probe_targets.depends_on is not null
    union all
    select cause.check_id, cause.scheduled_at, probe_targets.depends_on, cause.depth + 1
    from cause
    join monitoring.probe_targets on probe_targets.name = cause.target
    where probe_targets.depends_on is not null
      and cause.depth < 100
  )

  select
    verdict.check_id, verdict.target, verdict.scheduled_at, verdict.status, verdict.problem, verdict.has_answer,
    verdict.is_maintenance, verdict.is_slow, verdict.response_time_ms, verdict.may_try_again, doubt.is_offline
  from unnest(find_ready_verdicts.verdicts) as verdict
  join pending on pending.target = verdict.target and pending.scheduled_at = verdict.scheduled_at
  left join round on round.scheduled_at = verdict.scheduled_at
  cross join lateral (
    select verdict.check_id in (select silent.check_id from silent) as is_offline
  ) as doubt
  where verdict.target not in (select refused_target.target from refused_target)
    and case
      when verdict.status <> 'down' then true
      -- Only the end of the round shows whether no server answers.
      when doubt.is_offline then not round.is_awaited
      else verdict.check_id not in (
        select cause.check_id
        from cause
        join pending as awaited on awaited.target = cause.target and awaited.scheduled_at <= cause.scheduled_at
        where cause.target not in (select refused_target.target from refused_target)
      )
    end
$$;

comment on function monitoring.find_ready_verdicts(monitoring.verdict[], bigint[]) is
'Returns the verdicts that can be decided now, each target''s earliest round first. A failure waits for the targets it
depends on. A failure without an answer waits for an answer of another server or for the end of the round, unless no
second host is silent or awaited: is_offline is true where our own connection may have failed. refused are the checks
whose verdicts could not be applied: nothing waits for them but the later rounds of their targets.';
