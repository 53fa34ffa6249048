begin;

select plan(4);

insert into public.incidents (fingerprint, title, message, severity, category, rule)
values ('twice', 't', 'm', 'LOW', 'backend', 'r');

insert into public.incidents (
  fingerprint, title, message, severity, category, rule, status, first_seen, last_seen, resolved_at
)
values (
  'timed', 't', 'm', 'LOW', 'backend', 'r', 'resolved', now() - interval '90 minutes', now(), now()
);

select throws_ok(
  $$ insert into public.incidents (fingerprint, title, message, severity, category, rule)
     values ('twice', 't', 'm', 'LOW', 'backend', 'r') $$,
  '23505', null,
  'a second live incident with the same fingerprint is rejected'
);

select lives_ok(
  $$ insert into public.incidents (fingerprint, title, message, severity, category, rule, status, resolved_at)
     values ('twice', 't', 'm', 'LOW', 'backend', 'r', 'resolved', now()) $$,
  'a resolved incident with the same fingerprint is accepted'
);

select results_eq(
  $$ select time_to_resolution from public.incidents where fingerprint = 'timed' $$,
  $$ values (interval '90 minutes') $$,
  'time_to_resolution is the time from first_seen to resolved_at'
);

select matches(
  (
    select id from public.incidents
    where fingerprint = 'twice' and status = 'open'
  ),
  '^INC-[0-9]+$',
  'the id is generated'
);

select * from finish();

rollback;
