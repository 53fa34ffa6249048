-- Purpose: builds the row of a built-in classification rule from readable arguments.
-- Objects: function monitoring.define_rule.
-- Risks: none. The rows are stored by monitoring.seed_classification_rules(), whose trigger checks each one.

create function monitoring.define_rule(
  name text,
  priority integer,
  example text,
  severity text default null,
  category text default null,
  matches text default null,
  unless text default null,
  codes text default null,
  statuses int4multirange default null,
  sources text[] default null,
  pattern text default null,
  counterexample text default null
)
returns public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_rule public.classification_rules;
begin
  v_rule.name := define_rule.name;
  v_rule.priority := define_rule.priority;
  v_rule.severity := define_rule.severity::public.incident_severity;
  v_rule.category := define_rule.category::public.incident_category;
  v_rule.matches := monitoring.parse_rule_query(define_rule.matches);
  v_rule.unless := monitoring.parse_rule_query(define_rule.unless);
  v_rule.codes := regexp_split_to_array(btrim(define_rule.codes), '\s*\|\s*');
  v_rule.statuses := define_rule.statuses;
  v_rule.sources := define_rule.sources;
  v_rule.pattern := define_rule.pattern;
  v_rule.origin := 'builtin';
  v_rule.is_enabled := true;
  v_rule.example := define_rule.example;
  v_rule.counterexample := define_rule.counterexample;
  return v_rule;
end
$$;

comment on function monitoring.define_rule(
  text, integer, text, text, text, text, text, text, int4multirange, text[], text, text
) is
'Returns a built-in rule. matches and unless are as in parse_rule_query(), codes are separated by |.';
