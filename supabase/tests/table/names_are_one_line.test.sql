begin;

select plan(6);

select throws_ok(
  $$ insert into public.incidents (fingerprint, title, message, severity, category, rule)
     values ('f', e'in\u202evoice', 'm', 'LOW', 'backend', 'r') $$,
  '23514', monitoring.describe_row_rule('public.incidents', 'names_are_one_line'),
  'the title of an incident'
);

select throws_ok(
  $$ insert into public.incidents (fingerprint, title, message, severity, category, rule, source)
     values ('f', 't', 'm', 'LOW', 'backend', 'r', e'a\nb') $$,
  '23514', monitoring.describe_row_rule('public.incidents', 'names_are_one_line'),
  'the source of an incident'
);

select throws_ok(
  $$ insert into public.deployment_history (service, version, deployed_by) values ('s', e'1\n2', 'ci') $$,
  '23514', monitoring.describe_row_rule('public.deployment_history', 'names_of_deployments_are_one_line'),
  'the version of a deployment'
);

select throws_ok(
  $$ insert into public.security_events (event_type, severity, confidence) values (e'a\nb', 'LOW', 1) $$,
  '23514', monitoring.describe_row_rule('public.security_events', 'event_type_is_one_line'),
  'the type of a security event'
);

select throws_ok(
  $$ insert into public.email_tracking (recipient, subject) values ('a@example.com', e'a\r\nBcc: b@example.com') $$,
  '23514', monitoring.describe_row_rule('public.email_tracking', 'subject_is_one_line'),
  'the subject of an e-mail'
);

select throws_ok(
  $$ insert into public.agent_actions (agent, action) values (e'ann\u2066', 'a') $$,
  '23514', monitoring.describe_row_rule('public.agent_actions', 'agent_is_one_line'),
  'the name of an agent'
);

select * from finish();

rollback;
