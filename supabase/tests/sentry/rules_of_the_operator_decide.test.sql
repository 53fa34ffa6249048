-- The level fatal makes an event CRITICAL, unless a rule of the operator gave the severity.

begin;

select plan(3);

create function pg_temp.deliver(message text)
returns text
language sql
as $$
  select public.ingest_deliveries(jsonb_build_array(jsonb_build_object(
    'resource', 'event_alert',
    'body_hash', gen_random_uuid(),
    'body', jsonb_build_object('action', 'triggered', 'data', jsonb_build_object(
      'triggered_rule', 'all',
      'event', jsonb_build_object(
        'event_id', md5(deliver.message), 'issue_id', (990000000000 + length(deliver.message))::text,
        'level', 'fatal', 'platform', 'python',
        'extra', '{"job": 1}'::jsonb,
        'exception', jsonb_build_object(
          'values', jsonb_build_array(jsonb_build_object('type', 'TapError', 'value', deliver.message))
        )
      )
    ))
  ))) #>> '{0,incident_id}'
$$;

-- In two statements, because explain_classification() is stable: it sees what was stored before its statement.
create function pg_temp.explain_delivery(message text)
returns jsonb
language plpgsql
as $$
declare
  v_id constant text := pg_temp.deliver(explain_delivery.message);
begin
  return public.explain_classification(v_id);
end
$$;

insert into public.classification_rules (name, severity, matches, sources, example)
values
('tap_noise', 'LOW', 'tapnoise', '{server}', 'tapnoise'),
('tap_by_level', null, 'taplevel', null, 'taplevel');

select results_eq(
  $$
    select explained ->> 'rule', explained ->> 'severity', explained -> 'words', explained -> 'fields'
    from pg_temp.explain_delivery('some tapnoise here') as explained
  $$,
  $$ values ('tap_noise', 'LOW', '["tapnoise"]'::jsonb, '{"source": "server"}'::jsonb) $$,
  'a rule with a severity decides, for the source that the platform tells'
);
select results_eq(
  $$
    select explained ->> 'rule', explained ->> 'severity', explained ->> 'description', explained -> 'note'
    from pg_temp.explain_delivery('something else') as explained
  $$,
  $$ values (
    'fallback_level_fatal', 'CRITICAL', 'Sentry''s level fatal makes an event CRITICAL.', 'null'::jsonb
  ) $$,
  'the level decides without a rule'
);
select results_eq(
  $$
    select explained ->> 'rule', explained ->> 'severity', explained -> 'fields'
    from pg_temp.explain_delivery('the taplevel') as explained
  $$,
  $$ values ('tap_by_level', 'CRITICAL', '{}'::jsonb) $$,
  'a rule without a severity leaves it to the level'
);

select * from finish();

rollback;
