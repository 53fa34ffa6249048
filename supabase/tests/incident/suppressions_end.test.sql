begin;

select plan(3);

insert into public.incidents (id, fingerprint, title, message, severity, category, rule, status, suppressed_until)
values
('INC-1', 'over', 't', 'm', 'LOW', 'backend', 'r', 'suppressed', now() - interval '1 second'),
('INC-2', 'not yet', 't', 'm', 'LOW', 'backend', 'r', 'suppressed', now() + interval '1 hour'),
('INC-3', 'never', 't', 'm', 'LOW', 'backend', 'r', 'suppressed', null);

select ok(monitoring.end_suppressions() >= 1, 'a suppression that is over ends');

select results_eq(
  $$ select id, status::text, suppressed_until is not null from public.incidents
     where fingerprint in ('over', 'not yet', 'never') order by id $$,
  $$ values ('INC-1', 'open', false), ('INC-2', 'suppressed', true), ('INC-3', 'suppressed', false) $$,
  'other suppressions stay'
);

select is(
  (
    select details ->> 'reason' from public.agent_actions
    where incident_id = 'INC-1' and action = 'incident_reopened'
  ),
  'the suppression ended', 'the reason is in the audit trail'
);

select * from finish();

rollback;
