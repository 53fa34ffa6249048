begin;

select plan(2);

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
values ('INC-deleted', 'deleted', 't', 'm', 'LOW', 'backend', 'r'), ('INC-kept', 'kept', 't', 'm', 'LOW', 'backend', 'r');

-- As retention leaves it.
alter table public.agent_actions disable trigger user;

delete from public.agent_actions
where chain = 'INC-deleted';

alter table public.agent_actions enable trigger user;

select throws_ok(
  $$ delete from public.incidents where id = 'INC-kept' $$, '23503', null, 'an incident with actions is kept'
);

delete from public.incidents
where id = 'INC-deleted';

select results_eq(
  $$ select chain, has_ended from monitoring.audit_heads where chain in ('INC-deleted', 'INC-kept') order by chain $$,
  $$ values ('INC-deleted', true), ('INC-kept', false) $$, 'the chain of a deleted incident has ended'
);

select * from finish();

rollback;
