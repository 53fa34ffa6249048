-- Purpose: stores the built-in classification rules.
-- Objects: functions monitoring.list_builtin_rules, monitoring.seed_classification_rules.
-- Risks: a change of a rule changes the severity of reports from the next one on. Stored incidents keep theirs.

create function monitoring.list_builtin_rules()
returns setof public.classification_rules
language sql
stable
security invoker
set search_path = ''
as $$
  select * from monitoring.list_no_failure_rules()
  union all
  select * from monitoring.list_database_code_rules()
  union all
  select * from monitoring.list_database_failure_rules()
  union all
  select * from monitoring.list_unreachable_database_rules()
  union all
  select * from monitoring.list_security_failure_rules()
  union all
  select * from monitoring.list_unavailable_rules()
  union all
  select * from monitoring.list_payment_rules()
  union all
  select * from monitoring.list_network_code_rules()
  union all
  select * from monitoring.list_network_rules()
  union all
  select * from monitoring.list_service_timeout_rules()
  union all
  select * from monitoring.list_timeout_rules()
  union all
  select * from monitoring.list_server_error_rules()
  union all
  select * from monitoring.list_type_error_rules()
  union all
  select * from monitoring.list_limit_rules()
  union all
  select * from monitoring.list_medium_rules()
  union all
  select * from monitoring.list_low_rules()
  union all
  select * from monitoring.list_failure_topics()
  union all
  select * from monitoring.list_type_error_topics()
  union all
  select * from monitoring.list_library_topics()
  union all
  select * from monitoring.list_page_topics()
  union all
  select * from monitoring.list_security_topics()
  union all
  select * from monitoring.list_database_topics()
  union all
  select * from monitoring.list_request_topics()
  union all
  select * from monitoring.list_other_topics()
  union all
  select * from monitoring.list_localized_no_failure_rules()
  union all
  select * from monitoring.list_localized_security_rules()
  union all
  select * from monitoring.list_localized_statement_rules()
  union all
  select * from monitoring.list_localized_connection_rules()
  union all
  select * from monitoring.list_localized_database_rules()
  union all
  select * from monitoring.list_localized_critical_rules()
  union all
  select * from monitoring.list_localized_payment_rules()
  union all
  select * from monitoring.list_localized_network_rules()
  union all
  select * from monitoring.list_localized_timeout_rules()
  union all
  select * from monitoring.list_localized_lower_rules()
  union all
  select * from monitoring.list_localized_database_topics()
  union all
  select * from monitoring.list_localized_topics()
$$;

comment on function monitoring.list_builtin_rules() is 'Returns all built-in rules.';

create function monitoring.seed_classification_rules()
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_rules public.classification_rules[] := array(select listed from monitoring.list_builtin_rules() as listed);
begin
  delete from public.classification_rules
  where classification_rules.origin = 'builtin'
    and not exists (
      select from unnest(v_rules) as listed where listed.name = classification_rules.name
    );

  insert into public.classification_rules (
    name, priority, severity, category, matches, unless, codes, statuses, sources, pattern, origin, example,
    counterexample
  )
  select
    listed.name, listed.priority, listed.severity, listed.category, listed.matches, listed.unless, listed.codes,
    listed.statuses, listed.sources, listed.pattern, 'builtin', listed.example, listed.counterexample
  from unnest(v_rules) as listed
  on conflict (name) do update
  set
    priority = excluded.priority,
    severity = excluded.severity,
    category = excluded.category,
    matches = excluded.matches,
    unless = excluded.unless,
    codes = excluded.codes,
    statuses = excluded.statuses,
    sources = excluded.sources,
    pattern = excluded.pattern,
    example = excluded.example,
    counterexample = excluded.counterexample
  where classification_rules.origin = 'builtin'
    and (
      classification_rules.priority, classification_rules.severity, classification_rules.category,
      classification_rules.matches, classification_rules.unless, classification_rules.codes,
      classification_rules.statuses, classification_rules.sources, classification_rules.pattern,
      classification_rules.example, classification_rules.counterexample
    ) is distinct from (
      excluded.priority, excluded.severity, excluded.category, excluded.matches, excluded.unless, excluded.codes,
      excluded.statuses, excluded.sources, excluded.pattern, excluded.example, excluded.counterexample
    );
end
$$;

comment on function monitoring.seed_classification_rules() is
'Stores the built-in rules: adds new ones, changes those whose definition changed, deletes those that do not exist any
more. Leaves the rules of the operator, and whether a rule is enabled, as they are.';
