-- Purpose: records the response to a health check on its row.
-- Objects: functions monitoring.read_excerpt, monitoring.read_answer_headers, monitoring.find_unmet_condition,
--   monitoring.store_answer, monitoring.record_answer, monitoring.install_answer_trigger,
--   monitoring.collect_missed_answers; trigger monitoring_records_answers.
-- Risks: the trigger runs inside pg_net's worker, in the transaction of a whole batch. If it raised, the worker
--   would crash on the same request again and again, and pg_net would stop for all its users. So it catches every
--   error, locks only the row of its check, skips that row when another session holds it, and ignores requests of
--   others.

create function monitoring.read_excerpt(content bytea)
returns text
language plpgsql
stable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_bytes bytea := substring(read_excerpt.content from 1 for 1000);
  v_cut integer := 0;
begin
  -- Truncation inside a character leaves up to three of its bytes.
  while v_cut < 4 loop
    begin
      return monitoring.sanitize_text(convert_from(substring(v_bytes from 1 for length(v_bytes) - v_cut), 'UTF8'), 1000);
    exception
      when character_not_in_repertoire or untranslatable_character then
        v_cut := v_cut + 1;
    end;
    exit when length(read_excerpt.content) <= 1000 or v_cut >= length(v_bytes);
  end loop;
  -- Not UTF-8: ASCII characters stay readable.
  return monitoring.sanitize_text(left(encode(v_bytes, 'escape'), 1000), 1000);
end
$$;

comment on function monitoring.read_excerpt(bytea) is
'Returns the beginning of a body as sanitized text, at most 1,000 bytes. Bytes that are not UTF-8 become octal
escapes.';

create function monitoring.read_answer_headers(headers jsonb, names text[])
returns jsonb
language plpgsql
stable
strict
parallel safe
security invoker
set search_path = ''
as $$
begin
  return (
    select jsonb_object_agg(
      lower(header.key), left(monitoring.read_excerpt(pg_catalog.textsend(header.value)), 200)
    )
    from jsonb_each_text(read_answer_headers.headers) as header (key, value)
    where lower(header.key) = any(read_answer_headers.names)
  );
exception
  when others then
    return null; -- a name that is not UTF-8
end
$$;

comment on function monitoring.read_answer_headers(jsonb, text[]) is
'Returns the headers of a response with these names, in lower case, sanitized, at most 200 characters each. pg_net
stores bytes that are not UTF-8, which no client could read: they become octal escapes.';

create function monitoring.find_unmet_condition(
  target monitoring.probe_targets, http_status integer, headers jsonb, content bytea
)
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  if not find_unmet_condition.http_status <@ (find_unmet_condition.target).expected_status then
    return format(
      'responded with %s, expected %s',
      find_unmet_condition.http_status,
      monitoring.describe_statuses((find_unmet_condition.target).expected_status)
    );
  elsif position(
    pg_catalog.textsend((find_unmet_condition.target).body_contains)
    in substring(find_unmet_condition.content from 1 for 1048576)
  ) = 0 then
    return format('the body does not contain "%s"', (find_unmet_condition.target).body_contains);
  end if;
  return null;
end
$$;

comment on function monitoring.find_unmet_condition(monitoring.probe_targets, integer, jsonb, bytea) is
'Returns the first condition of a target that a response does not meet, as a reason in words, or null when it meets all of
them. content is the body; at most 1 MiB of it is searched.';

create function monitoring.store_answer(
  request_id bigint,
  status_code integer,
  headers jsonb,
  content text,
  has_timed_out boolean,
  error_msg text,
  created timestamptz,
  response_time_ms integer
)
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_check record;
  v_content bytea;
begin
  select monitoring_checks.id, probe_targets as target, probe_targets.timeout_ms
  into v_check
  from public.monitoring_checks
  left join monitoring.probe_targets on probe_targets.name = monitoring_checks.target
  where monitoring_checks.request_id = store_answer.request_id
    and monitoring_checks.status = 'pending'
    and monitoring_checks.answered_at is null
    -- After a crash of PostgreSQL, pg_net counts request ids from 1 again: a response belongs to a check only if it
    -- came about when its request was sent.
    and store_answer.created between monitoring_checks.sent_at - interval '1 second' and monitoring_checks.answer_due_at
  order by monitoring_checks.sent_at desc
  limit 1
  for update of monitoring_checks skip locked;
  if not found then
    return false;
  end if;

  -- textsend() instead of convert_to(), which rejects the invalid UTF-8 that pg_net stores.
  v_content := pg_catalog.textsend(store_answer.content);
  update public.monitoring_checks
  set
    answered_at = clock_timestamp(),
    http_status = case when store_answer.status_code between 100 and 999 then store_answer.status_code end,
    response_time_ms = case when store_answer.status_code is not null then store_answer.response_time_ms end,
    error = case
      when store_answer.has_timed_out then format('timed out after %s ms', v_check.timeout_ms)
      else monitoring.sanitize_text(store_answer.error_msg, 1000)
    end,
    answer_headers = monitoring.read_answer_headers(
      store_answer.headers, '{content-type,retry-after,server}'
    ),
    answer_excerpt = monitoring.read_excerpt(v_content),
    unmet_condition = case
      when store_answer.status_code is not null
        then monitoring.find_unmet_condition(v_check.target, store_answer.status_code, store_answer.headers, v_content)
    end
  where monitoring_checks.id = v_check.id;
  return true;
end
$$;

comment on function monitoring.store_answer(bigint, integer, jsonb, text, boolean, text, timestamptz, integer) is
'Records a response of pg_net on the check that waits for it, and returns whether there was one. created is the start
of the batch; response_time_ms is null when it was not measured. At most 1 MiB of the body is searched and 1 kB
kept.';

create function monitoring.record_answer()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  -- Notifications first: they know their requests exactly, the others only by id and time.
  if not monitoring.store_notification_answer(
    new.id, new.status_code, new.headers, new.content, new.timed_out, new.error_msg
  ) and not monitoring.store_answer(
    new.id, new.status_code, new.headers, new.content, new.timed_out, new.error_msg, new.created,
    (extract(epoch from clock_timestamp() - new.created) * 1000)::integer
  ) then
    perform monitoring.store_embedding_answer(new.id, new.status_code, new.content, new.error_msg, new.created);
  end if;
  return null;
exception
  when others then
    return null; -- collect_missed_answers() or collect_missed_notification_answers() records it later
end
$$;

comment on function monitoring.record_answer() is
'Records a response when pg_net inserts it, which is the only way to measure the response time, because created is
the start of the batch. Never raises. Security definer: it runs as the role of pg_net''s worker.';

create function monitoring.install_answer_trigger()
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  if not exists (
    select
    from pg_catalog.pg_trigger
    where pg_trigger.tgrelid = to_regclass('net._http_response')
      and pg_trigger.tgname = 'monitoring_records_answers'
  ) then
    create trigger monitoring_records_answers
    after insert on net._http_response
    for each row execute function monitoring.record_answer();
  end if;
  return true;
exception
  when insufficient_privilege or undefined_table then
    raise notice 'cannot create a trigger on net._http_response: health checks work, but without response times';
    return false;
end
$$;

comment on function monitoring.install_answer_trigger() is
'Creates the trigger on net._http_response if it is missing and we have the privilege. Returns whether it exists.
Safe to repeat.';

create function monitoring.collect_missed_answers()
returns bigint
language sql
volatile
security invoker
set search_path = ''
as $$
  select count(*)
  from (
    select
      response.id, response.status_code, response.headers, response.content, response.timed_out, response.error_msg,
      response.created
    from net._http_response as response
    where response.created >= (
      select min(monitoring_checks.sent_at) - interval '1 second'
      from public.monitoring_checks
      where monitoring_checks.status = 'pending'
        and monitoring_checks.answered_at is null
    )
      and response.id in (
        select monitoring_checks.request_id
        from public.monitoring_checks
        where monitoring_checks.status = 'pending'
          and monitoring_checks.answered_at is null
      )
  ) as missed
  where monitoring.store_answer(
    missed.id, missed.status_code, missed.headers, missed.content, missed.timed_out, missed.error_msg, missed.created,
    null
  )
$$;

comment on function monitoring.collect_missed_answers() is
'Records responses that the trigger did not record, without response times. Returns their number.';
