begin;

select plan(2);

insert into public.incidents (
  id, fingerprint, title, message, severity, category, rule, status, first_seen, last_seen, resolved_at
)
values
(
  'INC-1', 'ret due', 't', 'm', 'LOW', 'backend', 'r', 'resolved', now() - interval '402 days',
  now() - interval '402 days', now() - interval '401 days'
),
(
  'INC-2', 'ret young', 't', 'm', 'LOW', 'backend', 'r', 'resolved', now() - interval '2 days',
  now() - interval '2 days', now() - interval '1 day'
);

-- Actions are deleted by retention only.
alter table public.agent_actions disable trigger user;

delete from public.agent_actions
where incident_id in ('INC-1', 'INC-2');

alter table public.agent_actions enable trigger user;

insert into public.error_knowledge (id, pattern, signature, category, severity, solution, success_count, failure_count)
overriding system value
values (-1, 'ret pattern', 'ret', 'backend', 'LOW', 's', 2, 0);

insert into monitoring.fix_outcomes (knowledge_id, incident_id, caller, has_worked)
values (-1, 'INC-1', 'user:a', true), (-1, 'INC-2', 'user:a', true);

select is(monitoring.purge_incidents(10), 1::bigint, 'an incident with an outcome is purged');

select results_eq(
  'select success_count::bigint, failure_count::bigint from public.error_knowledge where id = -1',
  'values (1::bigint, 0::bigint)',
  'a fix counts the outcomes of the incidents that are kept'
);

select * from finish();

rollback;
