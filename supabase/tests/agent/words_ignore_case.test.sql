begin;

select plan(9);

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
values ('INC-1', 'tap case', 't', 'm', 'LOW', 'backend', 'r');

select is(
  (public.set_incident_severity('INC-1', 'critical', 'a test')).severity, 'CRITICAL', 'the severity of an incident'
);

select throws_ok(
  $$ select public.set_incident_severity('INC-1', 'urgent', 'a test') $$, 'PT400', 'severity is unknown', 'unless it is none'
);

select public.record_security_event('tap case', 'Medium', 0);

select results_eq(
  $$ select severity from public.security_events where event_type = 'tap case' $$,
  $$ values ('MEDIUM'::public.incident_severity) $$, 'the severity of a security event'
);

select throws_ok(
  $$ select public.record_security_event('tap case', ' ', 0) $$, 'PT400', 'severity is missing', 'which is required'
);

select public.remember_fix('s', null, 'tap case', category => 'Frontend', severity => 'low');

select results_eq(
  $$ select category, severity from public.error_knowledge where pattern = 'tap case' $$,
  $$ values ('frontend'::public.incident_category, 'LOW'::public.incident_severity) $$, 'those of a fix'
);

select results_eq(
  $$ select found.pattern from public.search_error_knowledge(
       'tap case', null, 10, '{"category": "FRONTEND", "severity": "Low"}'
     ) as found $$,
  $$ values ('tap case') $$, 'the filters of a search'
);

select is(
  public.begin_agent_action('tap', 'INVESTIGATE', 'INC-1', '{}', true) -> 'dry_run', 'true', 'the type of an action'
);

insert into public.email_tracking (id, recipient, subject)
overriding system value
values (-1, 'tap@example.com', 'tap case');

select is(
  public.record_email_event('tap case', ' Delivered ', now(), -1) ->> 'status', 'delivered', 'the event of an e-mail'
);

select is(
  public.record_provider_email_event('Resend', '{"type": "contact.created"}') ->> 'effect', 'ignored',
  'the name of its provider'
);

select * from finish();

rollback;
