begin;

select plan(2);

insert into public.incidents (
  id, fingerprint, title, message, severity, category, rule, status, first_seen, last_seen, resolved_at
)
select
  'INC-' || number as id,
  'ret ' || number as fingerprint,
  't' as title,
  'm' as message,
  'LOW'::public.incident_severity as severity,
  'backend'::public.incident_category as category,
  'r' as rule,
  'resolved'::public.incident_status as status,
  now() - make_interval(days => 500 - number) as first_seen,
  now() - make_interval(days => 500 - number) as last_seen,
  now() - make_interval(days => 500 - number) as resolved_at
from generate_series(1, 9) as numbers (number);

-- Actions are deleted by retention only.
alter table public.agent_actions disable trigger user;

delete from public.agent_actions
where incident_id = 'INC-9';

alter table public.agent_actions enable trigger user;

select is(monitoring.purge_incidents(1), 1::bigint, 'an incident behind many that must stay is found');

select is(
  (
    select count(*) from public.incidents
    where fingerprint like 'ret %'
  ),
  8::bigint, 'those stay'
);

select * from finish();

rollback;
