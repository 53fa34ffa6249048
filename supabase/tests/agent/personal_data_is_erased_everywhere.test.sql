begin;

select plan(13);

create function monitoring.test_fill(person text)
returns void
language sql
set search_path = ''
as $$
  insert into public.incidents (
    id, fingerprint, title, message, severity, category, rule, sender, stack, url, context, spawned_agents
  )
  values
  (
    'INC-1', 'security:login:' || person, 'Login of ' || person, person || ' failed', 'LOW', 'security', 'r', 'security',
    'at ' || person, 'https://x.example/?u=' || replace(person, '@', '%40'), jsonb_build_object(person, person),
    array[person]
  ),
  ('INC-2', 'other', 'Login of annabel@example.com', 'm', 'LOW', 'security', 'r', 'server:default', null, null, '{}', '{}');
  insert into public.error_knowledge (pattern, signature, category, severity, solution, approved_at)
  values ('login of ' || person, 'sig', 'security', 'LOW', 's', now());
  insert into public.security_events (event_type, severity, confidence, user_id, details)
  values ('login', 'LOW', 0.1, person, jsonb_build_object('who', person));
  insert into public.email_tracking (recipient, subject) values (person, 'Hello ' || person), ('ben@example.com', 's');
  insert into public.deployment_history (service, version, deployed_by, test_results)
  values ('shop', '1', person, jsonb_build_object('by', person));
  insert into monitoring.probes (target, target_type, url, scheduled_at, answer_excerpt, answer_headers)
  values (
    'x', 'other', 'https://x.example', now(), repeat('a', 1000) || ' ' || person, jsonb_build_object('server', person)
  );
  insert into public.monitoring_checks (
    target, target_type, url, status, scheduled_at, completed_at, answer_excerpt, answer_headers
  )
  values
  (
    'x', 'other', 'https://x.example', 'down', now(), now(), repeat('a', 1000) || ' ' || person,
    jsonb_build_object('server', person)
  ),
  -- Of another partition, at the same place in it.
  ('x', 'other', null, 'down', '2020-01-01 10:00+00', now(), 'nobody', null);
  insert into monitoring.deliveries (resource, body_hash, sent_at, effect, body)
  values ('event_alert', 'h', now(), 'recorded', jsonb_build_object('user', jsonb_build_object('email', person)));
  insert into public.agent_actions (agent, action, incident_id, success, error, details)
  values
  (person, 'looked', 'INC-1', false, 'seen by ' || person, jsonb_build_object('by', person)),
  (person, 'looked', 'INC-2', true, null, '{}'),
  ('job', 'looked', null, true, null, jsonb_build_object('of', person));
  insert into monitoring.incident_hours (incident_id, hour, environment, release, occurrences, first_seen, last_seen)
  values
  ('INC-1', date_trunc('hour', now(), 'UTC'), person, '1', 1, now(), now()),
  ('INC-1', date_trunc('hour', now(), 'UTC'), 'of ' || person, '1', 1, now(), now()),
  ('INC-1', date_trunc('hour', now(), 'UTC'), 'production', '1', 1, now(), now());
  update public.system_config
  set value = jsonb_build_array(jsonb_build_object('email', person))
  where key = 'notification_recipients';
$$;

select monitoring.test_fill('anna@example.com');

create temporary table answer on commit drop as
select public.erase_personal_data('Anna@Example.com') as answer;

select is(answer.answer -> 'is_complete', 'true', 'everything is erased in one call') from answer;

select is(
  (
    select jsonb_object_agg(counts.key, counts.value)
    from answer
    cross join jsonb_each(answer.answer -> 'erased') as counts
    where counts.value <> '0'
  ),
  '{"public.incidents": 1, "public.agent_actions": 3, "public.error_knowledge": 1, "public.security_events": 1,
    "public.email_tracking": 1, "public.deployment_history": 1, "public.monitoring_checks": 1, "monitoring.probes": 1,
    "monitoring.deliveries": 1, "monitoring.incident_hours": 2}'::jsonb,
  'it says how many rows of each table were changed'
);

select is(
  (select array_agg(listed.item ->> 'column') from answer cross join jsonb_array_elements(answer.answer -> 'left') as listed (item)),
  array['public.system_config.value'], 'a configured recipient is reported'
);

select ok(answer.answer ->> 'elsewhere' like '%spool%', 'copies elsewhere are listed') from answer;

select is_empty(
  $$ select from public.incidents where to_jsonb(incidents)::text ~* 'anna(@|%40)example'
    union all select from public.error_knowledge where to_jsonb(error_knowledge)::text ~* 'anna@example'
    union all select from public.security_events where to_jsonb(security_events)::text ~* 'anna@example'
    union all select from public.email_tracking where to_jsonb(email_tracking)::text ~* 'anna@example'
    union all select from public.deployment_history where to_jsonb(deployment_history)::text ~* 'anna@example'
    union all select from monitoring.probes where to_jsonb(probes)::text ~* 'anna@example'
    union all select from public.monitoring_checks where to_jsonb(monitoring_checks)::text ~* 'anna@example'
    union all select from monitoring.incident_hours where to_jsonb(incident_hours)::text ~* 'anna@example'
    union all select from monitoring.deliveries where to_jsonb(deliveries)::text ~* 'anna@example'
    union all select from public.agent_actions where to_jsonb(agent_actions)::text ~* 'anna@example' $$,
  'the text is in no table'
);

select results_eq(
  $$ select title, message, stack, url, context, spawned_agents, fingerprint ~ '^security:erased:[0-9a-f-]{36}$'
    from public.incidents where id = 'INC-1' $$,
  $$ values (
    'Login of [erased]', '[erased] failed', 'at [erased]', 'https://x.example/?u=[erased]',
    '{"[erased]": "[erased]"}'::jsonb, array['[erased]'], true
  ) $$,
  'an incident keeps the rest of its texts'
);

select is(
  (
    select title from public.incidents
    where id = 'INC-2'
  ), 'Login of annabel@example.com', 'others are left alone'
);

select results_eq(
  $$ select recipient, status::text, error, subject from public.email_tracking order by id desc limit 2 $$,
  $$ values ('ben@example.com', 'queued', null, 's'),
    ('[erased]@erased.invalid', 'failed', 'the recipient was erased', 'Hello [erased]') $$,
  'an e-mail that waits is not sent any more'
);

select is(
  (
    select is_approved from public.error_knowledge
    where signature = 'sig'
  ), false, 'a changed fix loses its approval'
);

select results_eq(
  $$ select incident_id, action, details -> 'incident', (select count(*) from jsonb_object_keys(details -> 'actions'))
    from public.agent_actions
    where action in ('personal_data_erased', 'incident_renamed') and created_at = now()
    order by incident_id $$,
  $$ values ('INC-1', 'personal_data_erased', 'true'::jsonb, 1::bigint), ('INC-2', 'personal_data_erased', 'false', 1),
    (null, 'personal_data_erased', null, 1) $$,
  'the audit trail says what was erased, and not the text'
);

select is(
  (
    select jsonb_agg(counts.value)
    from public.erase_personal_data('anna@example.com') as answer
    cross join jsonb_each(answer -> 'erased') as counts
    where counts.value <> '0'
  ),
  null, 'a second call finds nothing'
);

insert into public.security_events (event_type, severity, confidence, ip_address)
values ('login', 'LOW', 0.1, '2001:db8::7'), ('login', 'LOW', 0.1, '2001:db8::78');

select is(
  public.erase_personal_data('2001:0db8::7') #> '{erased,public.security_events}', '1', 'an IP address is found in any spelling'
);

select results_eq(
  $$ select host(ip_address) from public.security_events order by id desc limit 2 $$,
  $$ values ('2001:db8::78'), (null) $$, 'and only that one is erased'
);

select * from finish();

rollback;
