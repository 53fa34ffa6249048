begin;

select plan(6);

select is(
  (
    select jsonb_agg(item -> 'success')
    from jsonb_array_elements(public.ingest_events('[
      {"sender": "server:a", "event": {"error": {"message": "m"}, "source": "tap-reach", "fingerprint": "health-check:target:api"}},
      {"sender": "agent:a", "event": {"error": {"message": "m"}, "source": "tap-reach", "fingerprint": "sentry:issue:1"}},
      {"sender": "service", "event": {"error": {"message": "m"}, "source": "tap-reach", "fingerprint": "security:brute_force:::1"}},
      {"sender": "service", "event": {"error": {"message": "m"}, "source": "tap-reach"}},
      {"sender": "server:a", "event": {"error": {"message": "m"}, "source": "tap-reach"}}
    ]')) as item
  ),
  '[true, true, true, true, true]'::jsonb,
  'fingerprints of other kinds are accepted'
);

select results_eq(
  $$ select sender, split_part(fingerprint, ':', 1) = sender, count(*) from public.incidents where source = 'tap-reach'
     group by 1, 2 order by 1 $$,
  $$ values ('agent:a', false, 1::bigint), ('server:a', false, 2), ('service', true, 2) $$,
  'but only the service has a namespace, its own'
);

select throws_ok(
  $$ insert into public.incidents (fingerprint, title, message, severity, category, rule, sender)
     values ('health-check:target:api', 't', 'm', 'LOW', 'backend', 'r', 'server:a') $$,
  '23514', monitoring.describe_row_rule('public.incidents', 'fingerprints_in_a_namespace_have_its_sender'),
  'the table itself refuses a reporter in a namespace'
);

select throws_ok(
  $$ insert into public.incidents (fingerprint, title, message, severity, category, rule, sender)
     values ('health-check:target:api', 't', 'm', 'LOW', 'backend', 'r', 'sentry') $$,
  '23514', monitoring.describe_row_rule('public.incidents', 'fingerprints_in_a_namespace_have_its_sender'),
  'and another kind of ours'
);

select throws_ok(
  $$ insert into public.incidents (fingerprint, title, message, severity, category, rule, sender)
     values ('f', 't', 'm', 'LOW', 'backend', 'r', 'ann') $$,
  '23514', monitoring.describe_row_rule('public.incidents', 'sender_is_known'),
  'a sender of no known kind is rejected'
);

select is_empty(
  $$ select from public.incidents where strpos(fingerprint, ':') > 0 and strpos(sender, ':') > 0
     and sender not like 'generic:%' $$,
  'no incident in a namespace has a reporter'
);

select * from finish();

rollback;
