begin;

select plan(9);

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
values ('INC-1', 'tap operator', 't', 'm', 'LOW', 'backend', 'r');

create function pg_temp.refusal(statement text)
returns text
language plpgsql
as $$
declare
  v_field text;
begin
  execute refusal.statement;
  return 'done';
exception
  when sqlstate 'PT400' or sqlstate 'PT403' or sqlstate 'PT404' or sqlstate 'PT409' or sqlstate 'PT413' then
    get stacked diagnostics v_field = pg_exception_detail;
    return sqlstate || ' ' || v_field;
end
$$;

select throws_ok(
  $$ select public.change_incident('INC-1', '{"action": "acknowledge"}', 'ann') $$,
  'PT403', 'operator is for service_role only', 'outside of PostgREST nobody names an operator'
);

select set_config('request.jwt.claims', '{"role": "authenticated", "sub": "1", "agent": "ann (Operator)"}', true);

select throws_ok(
  $$ select public.change_incident('INC-1', '{"action": "acknowledge"}', 'ann') $$,
  'PT403', 'operator is for service_role only', 'a user cannot name an operator'
);

-- As if a user could set it.
select set_config('monitoring.operator', 'ann', true);

select is(monitoring.read_actor(), 'ann Operator', 'neither the setting nor a token makes a user an operator');

select set_config('monitoring.operator', '', true);

select results_eq(
  $$
    select pg_temp.refusal(format('select public.%s', call)) as outcome
    from unnest(array['Ann  (operator) ', 'Ann（ＯＰＥＲＡＴＯＲ）', 'Ann ⁽operator⁾', 'Ann ( operator )']) as names (name)
    cross join lateral unnest(array[
      format('claim_next_incident(%L)', name), format('begin_agent_action(%L, %L)', name, 'investigate')
    ]) as calls (call)
  $$,
  $$ select 'PT400 agent' as outcome from generate_series(1, 8) $$,
  'nor does an argument'
);

select set_config('request.jwt.claims', '{"role": "service_role"}', true);

select results_eq(
  $$
    select outcome
    from unnest(array[null, '', '  ', repeat('n', 61), e'a\nb', e'a\u2028b', e'\u00a0', e'\u3164\u200d']) as names (name)
    cross join lateral (
      select pg_temp.refusal(format('select public.change_incident(%L, %L, %L)', 'INC-1', '{"action": "acknowledge"}', name))
    ) as tried (outcome)
  $$,
  $$ select 'PT400 operator' as outcome from generate_series(1, 8) $$,
  'the service must name the operator: one line of 1 to 60 characters'
);

select is(
  public.change_incident('INC-1', '{"action": "acknowledge"}', ' ann ') ->> 'status', 'acknowledged', 'then it may'
);

select public.change_incident('INC-1', '{"action": "resolve", "resolution": "r"}', repeat('é', 60));

select results_eq(
  $$
    select incidents.acknowledged_by, incidents.resolved_by = repeat('é', 60) || ' (operator)', monitoring.read_actor()
    from public.incidents
    where incidents.id = 'INC-1'
  $$,
  $$ values ('ann (operator)', true, 'service_role') $$,
  'the incident has the name, and what follows in the transaction has not'
);

select results_eq(
  $$
    select left(agent, 3) as agent, caller, action
    from public.agent_actions
    where incident_id = 'INC-1' and action <> 'incident_created'
    order by id
  $$,
  $$ values
     ('ann', 'service_role', 'incident_acknowledged'), ('ééé', 'service_role', 'incident_resolved') $$,
  'the audit trail has the name, and service_role as the caller'
);

select results_eq(
  $$
    select monitoring.read_operator(names.name) as operator
    from unnest(array['ben.o@mail.example.com', 'password=hunter22', 'postgres://ann:hunter22@db.example.com/app']) as names (name)
  $$,
  $$ values ('ben.o@mail.example.com'), ('password=[redacted]'), ('postgres://ann:[redacted]@db.example.com/app') $$,
  'an operator may go by an e-mail address, and no secret is stored'
);

select * from finish();

rollback;
