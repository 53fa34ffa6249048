begin;

select plan(8);

set local timezone = 'UTC';

insert into public.error_knowledge (pattern, signature, category, severity, solution, success_count, failure_count)
values
('quokka of wombat drained', monitoring.find_signature('quokka of wombat drained', 'E'), 'backend', 'LOW', 'never tried', 0, 0),
('quokka drained again', 'tap other 1', 'backend', 'LOW', 'works sometimes', 1, 3),
('quokka drained once more', 'tap other 2', 'backend', 'LOW', 'works often', 9, 1),
('unlike anything', 'tap other 3', 'backend', 'LOW', 'linked', 0, 2);

insert into public.deployment_history (service, version, status, started_at, finished_at, environment, deployed_by)
select
  'tap' as service,
  version,
  'succeeded' as status,
  started_at,
  started_at as finished_at,
  'production' as environment,
  'ben' as deployed_by
from (
  values
  ('too early', now() - interval '11 days'), ('early', now() - interval '5 days'), ('4', now() - interval '4 days'),
  ('3', now() - interval '3 days 4 hours'), ('2', now() - interval '3 days 3 hours'), ('1', now() - interval '3 days 2 hours'),
  ('6', now() - interval '3 days' + interval '1 hour'), ('7', now() - interval '3 days' + interval '2 hours'),
  ('8', now() - interval '3 days' + interval '3 hours'), ('too late', now() - interval '3 days' + interval '4 hours')
) as given (version, started_at);

insert into public.incidents (
  id, fingerprint, title, message, error_type, severity, category, rule, source, knowledge_id, deployment_id, first_seen,
  last_seen, status, resolved_at, resolved_by, resolution
)
select
  given.id,
  'tap around' as fingerprint,
  't' as title,
  'quokka of wombat drained' as message,
  'E' as error_type,
  'LOW' as severity,
  'backend' as category,
  'r' as rule,
  'tap source' as source,
  currval('public.error_knowledge_id_seq') as knowledge_id,
  linked.id as deployment_id,
  given.first_seen,
  now() as last_seen,
  given.status::public.incident_status,
  given.resolved_at,
  given.resolved_by,
  given.resolution
from (
  values
  ('INC-1', now() - interval '20 days', 'resolved', now() - interval '19 days', 'ben', 'raised the pool'),
  ('INC-2', now() - interval '3 days', 'open', null, null, null)
) as given (id, first_seen, status, resolved_at, resolved_by, resolution)
cross join public.deployment_history as linked
where linked.version = 'too early';

insert into monitoring.incident_hours (incident_id, hour, environment, release, occurrences, first_seen, last_seen)
select
  'INC-2' as incident_id,
  given.this_hour - make_interval(hours => given.age) as hour,
  given.environment,
  given.release,
  given.occurrences,
  given.this_hour - make_interval(hours => given.age) as first_seen,
  given.this_hour - make_interval(hours => given.age) as last_seen
from (
  select
    ages.age,
    ages.environment,
    ages.release,
    ages.occurrences,
    date_trunc('hour', now(), 'UTC') as this_hour
  from (
    values
    (0, 'production', '2', 5), (0, 'production', '1', 2), (0, '', '', 1), (167, 'production', '1', 4),
    (168, 'production', '1', 90)
  ) as ages (age, environment, release, occurrences)
  union all
  select
    200 + number as age,
    'test' as environment,
    'old ' || number as release,
    1 as occurrences,
    date_trunc('hour', now(), 'UTC') as this_hour
  from generate_series(1, 12) as numbers (number)
) as given;

select results_eq(
  $$
    select item ->> 'version', (item ->> 'is_before')::boolean, (item ->> 'is_linked')::boolean
    from jsonb_array_elements(public.incident_page('INC-2') -> 'deployments') with ordinality as items (item, place)
    order by place
  $$,
  $$ values
     ('8', false, false), ('7', false, false), ('6', false, false), ('1', true, false), ('2', true, false), ('3', true, false),
     ('4', true, false), ('too early', true, true) $$,
  'deployments before and after it opened, and the one that it is linked to'
);

select results_eq(
  $$
    select item ->> 'solution', (item ->> 'is_linked')::boolean, item -> 'success_rate'
    from jsonb_array_elements(public.incident_page('INC-2') -> 'fixes') with ordinality as items (item, place)
    order by place
  $$,
  $$ values
     ('linked', true, '0'::jsonb), ('never tried', false, 'null'), ('works often', false, '0.9'),
     ('works sometimes', false, '0.25') $$,
  'fixes: those of the same error first, then those that worked'
);

select set_config('request.jwt.claims', '{"role": "authenticated", "sub": "1"}', true);

select is(
  jsonb_path_query_array(public.incident_page('INC-2'), 'strict $.fix_choices[*].text'), '["never tried"]', 'a user records outcomes for incidents of the same error only'
);

select is(
  public.incident_page('INC-2') -> 'similar' -> 0,
  jsonb_build_object(
    'id', 'INC-1', 'title', 't', 'status', 'resolved', 'severity', 'LOW', 'last_seen', now(),
    'likeness', 'same fingerprint', 'resolution', 'raised the pool'
  ),
  'incidents that are like it'
);

select is(
  public.incident_page('INC-2') -> 'regression' @> '{
    "how": "a new incident of the same error", "incident_id": "INC-1", "data": {"resolution": "raised the pool"}
  }',
  true, 'how the error was resolved before'
);

select results_eq(
  $$
    select
      activity ->> 'from' = to_jsonb(date_trunc('hour', now(), 'UTC') - interval '167 hours') #>> '{}',
      jsonb_array_length(activity -> 'hours'), activity #> '{hours,0}', activity #> '{hours,1}', activity #> '{hours,167}'
    from (select public.incident_page('INC-2') -> 'activity') as page (activity)
  $$,
  $$ values (true, 168, '4'::jsonb, '0'::jsonb, '8'::jsonb) $$,
  'how often it occurred in each of 168 hours'
);

select results_eq(
  $$
    select item ->> 'release', item ->> 'environment', item -> 'occurrences'
    from jsonb_array_elements(public.incident_page('INC-2') -> 'releases') with ordinality as items (item, place)
    order by place
    limit 4
  $$,
  $$ values
     ('1', 'production', '96'::jsonb), ('2', 'production', '5'), (null, null, '1'), ('old 1', 'test', '1') $$,
  'in which releases and environments it occurred'
);

select is(
  jsonb_array_length(public.incident_page('INC-2') -> 'releases'), 10, 'at most 10 of them'
);

select * from finish();

rollback;
