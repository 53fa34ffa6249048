begin;

select plan(3);

insert into public.incidents (id, fingerprint, title, message, severity, category, rule, source, environment)
select
  'INC-7730' || number as id,
  'tap choices ' || number as fingerprint,
  't' as title,
  'm' as message,
  'HIGH' as severity,
  'backend' as category,
  'r' as rule,
  -- Before every other source of this stack.
  '!tap ' || to_char(number % 120, 'FM000') as source,
  case when number % 2 = 0 then 'tap-even' end as environment
from generate_series(1, 240) as numbers (number);

insert into public.deployment_history (service, version, environment, deployed_by, caller)
values ('tap', '1', 'tap-deployed', 'ann', 'user:ann');

create temporary table choices as
select public.search_incidents() -> 'choices' as words;

select results_eq(
  $$ select names.name from choices cross join jsonb_array_elements_text(words -> 'source') with ordinality as names (name, place)
     order by place $$,
  $$ select '!tap ' || to_char(number, 'FM000') from generate_series(0, 99) as numbers (number) $$,
  'the first 100 sources are choices, each once'
);

select results_eq(
  $$ select names.name from choices cross join jsonb_array_elements_text(words -> 'environment') as names (name)
     where names.name like 'tap-%' order by 1 $$,
  $$ values ('tap-deployed'), ('tap-even') $$,
  'environments of the latest incidents and deployments are choices'
);

select is(
  (select words - 'source' - 'environment' from choices),
  '{"status": ["live", "open", "acknowledged", "suppressed", "resolved", "all"],
    "severity": ["CRITICAL", "HIGH", "MEDIUM", "LOW"],
    "category": ["backend", "frontend", "database", "security", "infrastructure"], "period": ["24h", "7d"]}'::jsonb,
  'the words of the other filters are choices, the worst severity first'
);

select * from finish();

rollback;
