begin;

select plan(8);

insert into public.incidents (id, fingerprint, title, message, severity, category, rule, status, acknowledged_at, resolved_at)
values
('INC-1', 'one', 't', 'm', 'LOW', 'backend', 'r', 'acknowledged', now(), null),
('INC-2', 'two', 't', 'm', 'LOW', 'backend', 'r', 'resolved', null, now()),
('INC-3', 'two', 't', 'm', 'LOW', 'backend', 'r', 'open', null, null),
('INC-4', 'four', 't', 'm', 'LOW', 'backend', 'r', 'suppressed', null, null);

select throws_ok(
  $$ update public.incidents set status = 'open' where id = 'INC-1' $$,
  'PT409', 'INC-1 is acknowledged and cannot become open', 'the table rejects an invalid change by any role'
);

select throws_ok(
  $$ update public.incidents set status = 'acknowledged', acknowledged_at = now() where id = 'INC-4' $$,
  'PT409', 'INC-4 is suppressed and cannot become acknowledged', 'a suppressed incident cannot be acknowledged'
);

select throws_ok(
  $$ update public.incidents set suppressed_until = now() where id = 'INC-1' $$,
  '23514', monitoring.describe_row_rule('public.incidents', 'only_suppressed_incidents_have_an_end'),
  'only a suppressed incident has an end of suppression'
);

select throws_ok(
  $$ select public.acknowledge_incident('INC-9') $$, 'PT404', 'there is no incident INC-9', 'an unknown incident is rejected with 404'
);

select throws_ok(
  $$ select public.resolve_incident('INC-2', 'x') $$, 'PT409', 'INC-2 is resolved', 'a resolved incident cannot be resolved again'
);

select throws_ok(
  $$ select public.reopen_incident('INC-2', 'again') $$,
  'PT409', 'the error of INC-2 has another live incident: INC-3', 'an incident cannot be reopened beside another live one'
);

select throws_ok(
  $$ select public.suppress_incident('INC-1', now() - interval '1 second', 'why') $$,
  'PT400', 'until must be in the future', 'a suppression must end in the future'
);

select throws_ok(
  $$ select public.resolve_incident('INC-1', '  ') $$, 'PT400', 'resolution is missing', 'a blank resolution is rejected'
);

select * from finish();

rollback;
