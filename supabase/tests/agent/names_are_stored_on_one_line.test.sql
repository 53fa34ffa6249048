begin;

select plan(4);

update public.system_config
set value = '{"email": true}'
where key = 'feature_flags';

create temporary table made as
select
  public.queue_email('ann@example.com', e'down\u202e\r\nBcc: eve@example.com') as email_id,
  public.record_deployment_started(e'a\nb', e'1\u2066', null, e'\u200b', e'ci\u202e\nx') as deployment_id,
  public.record_security_event(e'brute\nforce', 'LOW', 0.1, null, e'ann\u202e') as security_event;

select is(
  (
    select subject
    from public.email_tracking
    inner join made on email_tracking.id = made.email_id
  ), 'down  Bcc: [redacted]',
  'a subject cannot add a header'
);

select results_eq(
  $$ select service, version, environment, deployed_by from public.deployment_history join made on deployment_id = id $$,
  $$ values ('a b', '1', 'production', 'ci x') $$,
  'the names of a deployment are lines'
);

select results_eq(
  $$ select event_type, user_id from public.security_events
     join made on id = (security_event ->> 'security_event_id')::bigint $$,
  $$ values ('brute force', 'ann') $$,
  'the names of a security event are lines'
);

select set_config('request.jwt.claims', '{"role": "authenticated", "sub": "u", "agent": "ann\u202e\nfe-agent"}', true);

select is(monitoring.read_actor(), 'ann fe-agent', 'the name of an actor is a line');

select * from finish();

rollback;
