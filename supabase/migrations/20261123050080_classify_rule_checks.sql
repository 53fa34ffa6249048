-- Purpose: refuses a classification rule that does not do what its own example says, and keeps an audit trail of rules.
-- Objects: functions monitoring.is_builtin_rule, monitoring.check_rule_query, monitoring.check_classification_rule,
--   monitoring.audit_classification_rule; triggers classification_rules_are_checked, classification_rules_are_audited.
-- Risks: a rule that matches too much changes the severity of every report, so each rule proves itself on an example.

create function monitoring.is_builtin_rule(rule text)
returns boolean
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select monitoring.severity_of_rule(is_builtin_rule.rule) is not null
    or is_builtin_rule.rule in (
      'fallback_level_fatal', 'fallback_level_error', 'fallback_level_info', 'unmatched', 'caller', 'manual',
      'health_check', 'sentry_metric_alert', 'feed_silence', 'security_event'
    )
$$;

comment on function monitoring.is_builtin_rule(text) is
'Returns whether a name is one that incidents.rule has without a rule of the operator.';

create function monitoring.check_rule_query(field text, query tsquery)
returns void
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  if numnode(check_rule_query.query) > 500 then
    perform monitoring.refuse_request(
      '22023', check_rule_query.field || ' has more than 500 words and operators', check_rule_query.field,
      'Divide the rule into several rows.'
    );
  end if;
end
$$;

comment on function monitoring.check_rule_query(text, tsquery) is
'Raises 22023 for a query that is too long to be compared with every report.';

create function monitoring.check_classification_rule()
returns trigger
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  c_query constant text := 'Write words as in websearch_to_tsquery(''simple'', ''"card declined" stripe'').';
  v_vector tsvector;
begin
  perform monitoring.refuse_request(
    '22023', fields.field || ' is missing', fields.field,
    case fields.field
      when 'matches' then c_query
      when 'example' then 'Give a message that the rule must match: it proves that the rule does what you expect.'
      else 'Give the rule a short name, such as ignore_bot_traffic.'
    end
  )
  from unnest(array['name', 'matches', 'example'], array[new.name, new.matches::text, new.example])
    as fields (field, value)
  where btrim(coalesce(fields.value, '')) = '';
  if length(new.name) > 100 or not monitoring.is_one_line(new.name) then
    perform monitoring.refuse_request(
      '22023', 'name must be one line of at most 100 characters', 'name',
      'Give the rule a short name, such as ignore_bot_traffic.'
    );
  end if;
  if monitoring.is_builtin_rule(new.name) then
    perform monitoring.refuse_request(
      '22023', 'name is the name of a built-in rule', 'name',
      'Choose another name: incidents.rule must show which rule decided.'
    );
  end if;
  if new.origin is distinct from 'operator' then
    perform monitoring.refuse_request(
      '22023', 'origin must be operator', 'origin', 'Leave it out.'
    );
  end if;
  if cardinality(new.sources) = 0 then
    perform monitoring.refuse_request(
      '22023', 'sources is empty', 'sources', 'Leave it out for all sources, or name some, such as ''{browser}''.'
    );
  end if;
  perform monitoring.check_rule_query('matches', new.matches);
  perform monitoring.check_rule_query('unless', new.unless);
  if querytree(new.matches) in ('', 'T') then
    perform monitoring.refuse_request(
      '22023', 'matches does not need any word, so it would match nearly every error', 'matches',
      'Name at least one word that the error must contain; put what it must not contain into unless.'
    );
  end if;

  -- Reports are sanitized before they are classified, and agents may read the examples.
  new.example := monitoring.sanitize_text(new.example, 4096);
  new.counterexample := nullif(monitoring.sanitize_text(new.counterexample, 4096), '');
  new.sources := array(
    select distinct lower(btrim(given.source)) as source
    from unnest(new.sources) as given (source)
    where new.sources is not null and given.source is not null
    order by source
  );
  new.sources := nullif(new.sources, '{}');
  v_vector := monitoring.index_error_text(left(new.example, 3000));
  if not v_vector @@ new.matches then
    perform monitoring.refuse_request(
      '22023', format('example does not contain what matches asks for: %s', new.matches), 'example',
      'Correct one of them. ' || c_query || ' Words are compared in lower case and as a whole.'
    );
  end if;
  if v_vector @@ new.unless then
    perform monitoring.refuse_request(
      '22023', format('example contains what unless excludes: %s', new.unless), 'example',
      'Correct one of them: the example must be a message that the rule matches.'
    );
  end if;
  v_vector := monitoring.index_error_text(left(new.counterexample, 3000));
  if v_vector @@ new.matches and (v_vector @@ new.unless) is not true then
    perform monitoring.refuse_request(
      '22023', 'counterexample is matched by the rule', 'counterexample',
      'Add words to matches, or put words of the counterexample into unless.'
    );
  end if;

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

create trigger classification_rules_are_audited
after insert or update or delete on public.classification_rules
for each row execute function monitoring.audit_classification_rule();
