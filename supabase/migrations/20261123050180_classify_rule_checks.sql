-- Purpose: refuses a classification rule that does not do what its own example says, keeps built-in rules from being
--   edited, and keeps an audit trail of rules.
-- Objects: functions monitoring.is_builtin_rule, monitoring.require_rule_field, monitoring.check_rule_pattern,
--   monitoring.check_rule_form, monitoring.explain_no_match, monitoring.check_classification_rule,
--   monitoring.protect_builtin_rule, monitoring.audit_classification_rule;
--   triggers classification_rules_are_checked, builtin_rules_are_protected, classification_rules_are_audited,
--   removed_rules_are_audited.
-- Risks: a rule that matches too much changes the severity of every report, so each rule proves itself on an example.

create function monitoring.is_builtin_rule(rule text)
returns boolean
language sql
stable
parallel safe
security invoker
set search_path = ''
as $$
  select is_builtin_rule.rule in (
      'fallback_level_fatal', 'fallback_level_error', 'general_warning', 'fallback_level_info', 'unmatched', 'caller',
      'manual', 'health_check', 'certificate', 'sentry_metric_alert', 'feed_silence', 'security_event'
    )
    or exists (
      select
      from public.classification_rules
      where classification_rules.name = is_builtin_rule.rule
        and classification_rules.origin = 'builtin'
    )
$$;

comment on function monitoring.is_builtin_rule(text) is
'Returns whether a name is one that incidents.rule has without a rule of the operator.';

create function monitoring.require_rule_field(field text, is_valid boolean, problem text, remedy text)
returns void
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  if require_rule_field.is_valid is false then
    perform monitoring.refuse_request(
      '22023', require_rule_field.problem, require_rule_field.field, require_rule_field.remedy
    );
  end if;
end
$$;

comment on function monitoring.require_rule_field(text, boolean, text, text) is
'Raises 22023 with the name of the field when a condition is false.';

create function monitoring.check_rule_pattern(rule public.classification_rules)
returns void
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  c_most_patterns constant integer := 8;
  c_most_repetitions constant integer := 10000; -- nested ones are multiplied
  v_pattern text := (check_rule_pattern.rule).pattern;
begin
  if v_pattern is null then
    return;
  end if;
  perform monitoring.require_rule_field(
    'pattern', length(v_pattern) between 1 and 1000, 'pattern must have 1 to 1,000 characters',
    'Leave it out if the rule needs none.'
  );
  -- PostgreSQL matches all else in linear time.
  perform monitoring.require_rule_field(
    'pattern', v_pattern !~ '\\[1-9]', 'pattern refers back to a group, as \1 does, which can take minutes',
    'Leave the reference out.'
  );
  perform monitoring.require_rule_field(
    'pattern', regexp_count(v_pattern, '\(\?<?[=!]') <= 1,
    'pattern looks ahead or back more than once, which can take minutes',
    'Keep one of the (?=, (?!, (?<= and (?<! at most.'
  );
  perform monitoring.require_rule_field(
    'pattern',
    (
      select coalesce(sum(ln(greatest(found.bound[1]::integer, 1))), 0) <= ln(c_most_repetitions)
      from regexp_matches(v_pattern, '([0-9]{1,3}),?\}', 'g') as found (bound)
    ),
    'pattern has repetitions such as {1,100} that make more than 10,000 together',
    'Use * or +: a repetition that is counted is copied as often.'
  );
  begin
    perform '' ~ v_pattern;
  exception
    when invalid_regular_expression then
      perform monitoring.refuse_request(
        '22023', 'pattern is no regular expression: ' || sqlerrm, 'pattern',
        'Write it for text in lower case, such as ''took [0-9]{4,} ms''.'
      );
  end;
  perform monitoring.require_rule_field(
    'pattern',
    (
      select count(*) < c_most_patterns
      from public.classification_rules
      where classification_rules.pattern is not null
        and classification_rules.name <> (check_rule_pattern.rule).name
    ),
    'pattern is given by 8 rules already',
    'Use matches, which is faster: PostgreSQL keeps only few regular expressions compiled.'
  );
end
$$;

comment on function monitoring.check_rule_pattern(public.classification_rules) is
'Raises 22023 for a pattern that is no regular expression or could be slow, or when 8 other rules have one.';

create function monitoring.check_rule_form(rule public.classification_rules)
returns void
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  c_query constant text := 'Write words as in websearch_to_tsquery(''simple'', ''"card declined" stripe'').';
  v_rule public.classification_rules := check_rule_form.rule;
begin
  perform monitoring.require_rule_field(
    'name', btrim(coalesce(v_rule.name, '')) <> '', 'name is missing',
    'Give the rule a short name, such as ignore_bot_traffic.'
  );
  perform monitoring.require_rule_field(
    'name', length(v_rule.name) <= 100 and monitoring.is_one_line(v_rule.name),
    'name must be one line of at most 100 characters', 'Give the rule a short name, such as ignore_bot_traffic.'
  );
  perform monitoring.require_rule_field(
    'matches', num_nonnulls(v_rule.matches, v_rule.codes, v_rule.statuses, v_rule.sources) > 0, 'matches is missing',
    c_query || ' Or give codes, statuses or sources.'
  );
  perform monitoring.require_rule_field('matches', v_rule.matches::text <> '', 'matches is missing', c_query);
  perform monitoring.require_rule_field(
    'example', btrim(coalesce(v_rule.example, '')) <> '', 'example is missing',
    'Give a message that the rule must match: it proves that the rule does what you expect.'
  );
  perform monitoring.require_rule_field(
    'sources', cardinality(v_rule.sources) > 0, 'sources is empty',
    'Leave it out for all sources, or name some, such as ''{browser}''.'
  );
  perform monitoring.require_rule_field(
    'codes', v_rule.codes is null or monitoring.parse_codes(v_rule.codes) is not null, 'codes contains no code',
    'Leave it out if the rule needs none, or name some, such as ''{ECONNREFUSED,57P01}''.'
  );
  perform monitoring.require_rule_field(
    'matches', querytree(v_rule.matches) not in ('', 'T'),
    'matches does not need any word, so it would match nearly every error',
    'Name at least one word that the error must contain; put what it must not contain into unless.'
  );
  perform monitoring.require_rule_field(
    limited.field, limited.bytes <= 8000, limited.field || ' has too many words and operators',
    'Divide the rule into several rows: some 300 words fit into one.'
  )
  from (
    values
    ('matches', pg_column_size(v_rule.matches)),
    ('unless', pg_column_size(v_rule.unless)),
    ('codes', pg_column_size(monitoring.parse_codes(v_rule.codes)))
  ) as limited (field, bytes);
  perform monitoring.check_rule_pattern(v_rule);
end
$$;

comment on function monitoring.check_rule_form(public.classification_rules) is
'Raises 22023, with the name of the field, for a rule that lacks something or that would match nearly everything.';

create function monitoring.explain_no_match(rule public.classification_rules, message text)
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_rule public.classification_rules := explain_no_match.rule;
  v_signals monitoring.error_signals := monitoring.read_error_signals(
    explain_no_match.message, null, v_rule.sources[1], null, null, null
  );
  v_status integer := coalesce(v_signals.status, lower(v_rule.statuses));
  v_vector tsvector := v_signals.vector;
begin
  if v_rule.origin = 'operator' then
    v_vector := v_signals.vector || monitoring.index_error_text(left(explain_no_match.message, 3000));
  end if;
  return case
    when not v_vector @@ v_rule.matches then 'does not contain what matches asks for: ' || v_rule.matches::text
    when not v_vector @@ monitoring.parse_codes(v_rule.codes)
      then 'does not contain any of codes: ' || array_to_string(v_rule.codes, ', ')
    when not v_rule.statuses @> v_status then 'does not contain an HTTP status of ' || v_rule.statuses::text
    when v_vector @@ v_rule.unless then 'contains what unless excludes: ' || v_rule.unless::text
    when v_signals.text !~ v_rule.pattern then 'does not match pattern: ' || v_rule.pattern
  end;
end
$$;

comment on function monitoring.explain_no_match(public.classification_rules, text) is
'Returns why a rule does not match a message from one of its sources; one that names no HTTP status counts as reported
with the first of statuses. Null when it matches.';

create function monitoring.check_classification_rule()
returns trigger
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_problem text;
begin
  perform monitoring.check_rule_form(new);
  -- Reports are sanitized before they are classified, and agents may read the examples.
  new.example := monitoring.sanitize_text(new.example, 4096);
  new.counterexample := nullif(monitoring.sanitize_text(new.counterexample, 4096), '');
  new.sources := nullif(
    array(
      select distinct lower(btrim(given.source)) as source
      from unnest(new.sources) as given (source)
      where new.sources is not null and given.source is not null
      order by source
    ),
    '{}'
  );
  v_problem := monitoring.explain_no_match(new, new.example);
  perform monitoring.require_rule_field(
    'example', v_problem is null, 'example ' || v_problem,
    'Correct one of them. Words are compared in lower case and as a whole; write them as in'
    ' websearch_to_tsquery(''simple'', ''"card declined" stripe'').'
  );
  perform monitoring.require_rule_field(
    'counterexample', new.counterexample is null or monitoring.explain_no_match(new, new.counterexample) is not null,
    'counterexample is matched by the rule',
    'Add words to matches, or put words of the counterexample into unless.'
  );
  new.updated_at := greatest(clock_timestamp(), new.created_at);
  return new;
end
$$;

comment on function monitoring.check_classification_rule() is
'Refuses, with 22023 and the name of the field, a rule that lacks something, that would match nearly everything, that
does not match its example, or that matches its counterexample.';

create trigger classification_rules_are_checked
before insert or update on public.classification_rules
for each row execute function monitoring.check_classification_rule();

create function monitoring.protect_builtin_rule()
returns trigger
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  -- A generated column is still null here.
  c_switch constant text[] := array['is_enabled', 'updated_at', 'codes_query'];
begin
  if tg_op <> 'INSERT' and old.origin = 'builtin' and (
    tg_op = 'DELETE'
    or to_jsonb(new) - c_switch is distinct from to_jsonb(old) - c_switch
  ) then
    perform monitoring.refuse_request(
      '22023', format('%s is a built-in rule and can only be switched off', old.name), 'name',
      'Set is_enabled to false, and add a rule of your own with a lower priority instead.'
    );
  elsif tg_op = 'INSERT' and new.origin is distinct from 'operator' or tg_op = 'UPDATE' and new.origin <> old.origin then
    perform monitoring.refuse_request('22023', 'origin must be operator', 'origin', 'Leave it out.');
  elsif tg_op <> 'DELETE' and new.origin = 'operator' and monitoring.is_builtin_rule(new.name) then
    perform monitoring.refuse_request(
      '22023', 'name is the name of a built-in rule', 'name',
      'Choose another name: incidents.rule must show which rule decided.'
    );
  end if;
  return coalesce(new, old);
end
$$;

comment on function monitoring.protect_builtin_rule() is
'Lets built-in rules only be switched on and off. Our own functions, which run with an empty search_path, may change
them: an upgrade does.';

create trigger builtin_rules_are_protected
before insert or update or delete on public.classification_rules
for each row
when (current_setting('search_path') not in ('', '""'))
execute function monitoring.protect_builtin_rule();

create function monitoring.audit_classification_rule()
returns trigger
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  insert into public.agent_actions (agent, action, success, details)
  values (
    monitoring.read_actor(),
    'classification_rule_' || case tg_op when 'INSERT' then 'added' when 'UPDATE' then 'changed' else 'removed' end,
    true,
    jsonb_strip_nulls(jsonb_build_object(
      'rule', coalesce(new.name, old.name),
      'from', case when tg_op <> 'INSERT' then to_jsonb(old) - array['created_at', 'updated_at'] end,
      'to', case when tg_op <> 'DELETE' then to_jsonb(new) - array['created_at', 'updated_at'] end
    ))
  );
  return null;
end
$$;

comment on function monitoring.audit_classification_rule() is
'Writes the audit row of a rule that was added, changed or removed: who, from what, to what.';

-- What an installation or an upgrade does to the built-in rules is no decision of a person.
create trigger classification_rules_are_audited
after insert or update on public.classification_rules
for each row
when (new.origin = 'operator' or current_setting('search_path') not in ('', '""'))
execute function monitoring.audit_classification_rule();

create trigger removed_rules_are_audited
after delete on public.classification_rules
for each row
when (old.origin = 'operator' or current_setting('search_path') not in ('', '""'))
execute function monitoring.audit_classification_rule();
