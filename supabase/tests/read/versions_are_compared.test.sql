begin;

select plan(8);

select results_eq(
  $$ select service, (monitoring.describe_version_problem(service, '1.4.2') -> 'is_compatible')::boolean
     from unnest(array['1.4.2', '1.4.9', '1.4', '1.3.0', '1.2.9', '1.5.0', '0.9.0', '2.0.0', '0', ''])
       with ordinality as services (service, place)
     order by place $$,
  $$ values ('1.4.2', null::boolean), ('1.4.9', null), ('1.4', null), ('1.3.0', true), ('1.2.9', false),
       ('1.5.0', false), ('0.9.0', false), ('2.0.0', false), ('0', true), ('', true) $$,
  'the same minor version has no problem, and a schema that is one minor version newer is compatible'
);

select is(
  monitoring.describe_version_problem('1.5.0-rc.1', '1.4.2'),
  '{"cause": "The schema of the database is older than this service.", "is_compatible": false,
    "remedy": "Run `supabase db push` for this project.", "service_version": "1.5.0-rc.1", "schema_version": "1.4.2"}',
  'a problem has a cause, a remedy and both versions'
);

select is(monitoring.describe_version_problem(null, '1.4.2'), null, 'a caller that is no service has no problem');

select is(
  public.service_health('99.0.0') -> 'version_problem',
  monitoring.describe_version_problem('99.0.0', monitoring.schema_version()),
  'service_health() compares the versions'
);

select is_empty(
  $$ select from monitoring.service_versions where version = '99.0.0' $$, 'other callers are not remembered'
);

select set_config('request.jwt.claims', '{"role": "service_role"}', true);

-- Those of the test session.
delete from monitoring.service_versions;

insert into monitoring.service_versions (version, first_seen, last_seen)
select
  format('0.0.%s', n) as version,
  now() - interval '2 hours' as first_seen,
  now() - interval '2 minutes' * n as last_seen
from generate_series(1, 25) as n;

select public.service_health(service) as health
from (values ('0.0.1'), ('99.0.0'), (repeat('9', 41))) as services (service);

select results_eq(
  $$ select version, last_seen = now() from monitoring.service_versions
     where version in ('0.0.1', '0.0.2', '99.0.0', repeat('9', 41)) order by version $$,
  $$ values ('0.0.1', true), ('0.0.2', false), ('99.0.0', true) $$,
  'versions of the service are remembered'
);

-- A service of the test session may be one more.
select ok(
  (
    select count(*) between 18 and 19 from monitoring.service_versions
    where version like '0.0.%'
  ), 'the 20 versions seen last are kept'
);

update monitoring.service_versions
set first_seen = now() - interval '1 hour', last_seen = now() - interval '59 seconds'
where version = '99.0.0';

select public.service_health('99.0.0');

select is(
  (
    select last_seen from monitoring.service_versions
    where version = '99.0.0'
  ), now() - interval '59 seconds',
  'a version is written at most once a minute'
);

select * from finish();

rollback;
