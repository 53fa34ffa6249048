begin;

select plan(7);

create function pg_temp.actor(role text, agent text)
returns text
language sql
as $$
  select monitoring.read_actor()
  from set_config(
    'request.jwt.claims', jsonb_build_object('role', actor.role, 'sub', '1', 'agent', actor.agent)::text, true
  )
$$;

create temporary table names as
select *
from unnest(array[
  'ann (operator)', 'ann ((operator))', 'ann (OPERATOR )', e'ann (oper\u200bator)', e'ann (oper\u00adator)',
  e'ann (oper\u200dator)', e'ann \uff08operator\uff09', e'ann \u207doperator\u207e', e'ann (\u043eper\u0430t\u03bfr)',
  e'ann (\noperator)', '(operator)'
]) as listed (name);

select is_empty(
  $$
    select names.name
    from names
    where not monitoring.is_operator_name(names.name)
      or monitoring.is_operator_name(pg_temp.actor('authenticated', names.name))
  $$,
  'a token gives nobody the name of an operator, however it is written'
);

select is_empty(
  $$
    select names.name
    from names
    where monitoring.is_operator_name(pg_temp.actor('service_role', names.name))
  $$,
  'nor does that of the service'
);

select results_eq(
  $$
    select name, pg_temp.actor('authenticated', name) as actor
    from unnest(array['operator', 'ann (on call)', 'ann (smooth operator)', e'Ζωή (ops)', '']) as kept (name)
  $$,
  $$
    values ('operator', 'operator'), ('ann (on call)', 'ann (on call)'),
      ('ann (smooth operator)', 'ann (smooth operator)'), (e'Ζωή (ops)', e'Ζωή (ops)'), ('', '')
  $$,
  'other names stay as they are'
);

select is(
  monitoring.find_sentry_name('{"name": "Ann ((operator))", "username": "ann"}'), 'ann',
  'a name at Sentry is not used either'
);

select is(
  monitoring.find_sentry_name('{"name": "Ann (operator)", "username": "(Operator)", "id": 7}'), 'Sentry user 7',
  'then the next field identifies the person'
);

select set_config('request.jwt.claims', '{"role": "authenticated", "sub": "1"}', true);

select is_empty(
  $$
    select deployed.name
    from (
      select names.name, public.record_deployment_started('tap', '1', deployed_by => names.name) as id
      from names
    ) as deployed
    join public.deployment_history on deployment_history.id = deployed.id
    where monitoring.is_operator_name(deployment_history.deployed_by)
  $$,
  'nobody says that an operator deployed'
);

select results_eq(
  $$
    select name, monitoring.deny_operator_name(name) as denied
    from unnest(array['ann (operator)', 'ann (on call)', null]) as given (name)
  $$,
  $$ values ('ann (operator)', 'ann operator'), ('ann (on call)', 'ann (on call)'), (null, null) $$,
  'its brackets are left out'
);

select * from finish();

rollback;
