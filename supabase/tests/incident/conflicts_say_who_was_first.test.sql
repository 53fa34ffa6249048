begin;

select plan(10);

create function pg_temp.sign_in(email text)
returns void
language sql
as $$
  select set_config(
    'request.jwt.claims',
    jsonb_build_object('role', 'authenticated', 'sub', sign_in.email, 'email', sign_in.email)::text,
    true
  )
$$;

create function pg_temp.change(incident_id text, change jsonb)
returns text
language plpgsql
as $$
declare
  v_field text;
begin
  return public.change_incident(change.incident_id, change.change) ->> 'status';
exception
  when sqlstate 'PT404' or sqlstate 'PT409' then
    get stacked diagnostics v_field = pg_exception_detail;
    return concat_ws(' ', sqlstate, v_field, sqlerrm);
end
$$;

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
values
('INC-1', 'tap first', 't', 'm', 'LOW', 'backend', 'r'), ('INC-2', 'tap claimed', 't', 'm', 'CRITICAL', 'backend', 'r');

select pg_temp.sign_in('ben@example.com');

select is(
  pg_temp.change('INC-1', '{"action": "acknowledge"}') || ', ' || pg_temp.change('INC-1', '{"action": "acknowledge"}'),
  'acknowledged, PT409 status INC-1 was acknowledged by ben@example.com', 'acknowledge after acknowledge'
);

select is(
  pg_temp.change('INC-1', '{"action": "suppress", "minutes": 60, "reason": "r"}') || ', '
  || pg_temp.change('INC-1', '{"action": "suppress", "minutes": 60, "reason": "r"}') || ', '
  || pg_temp.change('INC-1', '{"action": "acknowledge"}'),
  'suppressed, PT409 status INC-1 was suppressed by ben@example.com, '
  'PT409 status INC-1 was suppressed by ben@example.com',
  'suppress and acknowledge after suppress'
);

select is(
  pg_temp.change('INC-1', '{"action": "reopen", "reason": "r"}') || ', '
  || pg_temp.change('INC-1', '{"action": "reopen", "reason": "r"}'),
  'open, PT409 status INC-1 was reopened by ben@example.com', 'reopen after reopen'
);

select is(
  pg_temp.change('INC-1', '{"action": "resolve", "resolution": "r"}') || ', '
  || pg_temp.change('INC-1', '{"action": "resolve", "resolution": "r"}') || ', '
  || pg_temp.change('INC-1', '{"action": "suppress", "minutes": 60, "reason": "r"}') || ', '
  || pg_temp.change('INC-1', '{"action": "acknowledge"}'),
  'resolved' || repeat(', PT409 status INC-1 was resolved by ben@example.com', 3),
  'resolve, suppress and acknowledge after resolve'
);

select set_config('request.jwt.claims', '{"role": "authenticated", "sub": "3", "agent": "fe-agent"}', true);

select public.claim_next_incident('fe-agent', severity => 'critical');

select pg_temp.sign_in('ann@example.com');

select is(
  pg_temp.change('INC-2', '{"action": "reopen", "reason": "r"}')
  ~ '^PT409 status fe-agent holds INC-2 until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$',
  true, 'reopen of an incident that an agent holds'
);

select pg_temp.change('INC-2', '{"action": "set_severity", "severity": "low", "reason": "nobody is hurt"}');

select matches(
  pg_temp.change('INC-2', '{"action": "set_severity", "severity": "HIGH", "seen_severity": "CRITICAL", "reason": "r"}'),
  '^PT409 severity the severity of INC-2 is LOW: ann@example.com changed it from CRITICAL to LOW at .* UTC: nobody is hurt$',
  'set_severity after another change of the severity'
);

select matches(
  pg_temp.change('INC-2', '{"action": "set_severity", "severity": "LOW", "seen_severity": "LOW", "reason": "r"}'),
  '^PT409 severity the severity of INC-2 is LOW already, set by hand: ann@example.com changed it from CRITICAL to LOW at .*'
  ': nobody is hurt$',
  'set_severity to what somebody has set it to'
);

select pg_temp.change('INC-1', '{"action": "set_severity", "severity": "LOW", "reason": "as the rule says"}');

select matches(
  public.incident_page('INC-1') #>> '{reason,change}', '^ann@example.com confirmed LOW at .* UTC: as the rule says$',
  'what a rule gave can be confirmed'
);

select is(
  pg_temp.change('INC-404', '{"action": "acknowledge"}'), 'PT404 incident_id there is no incident INC-404',
  'an incident that was purged'
);

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
values ('INC-3', 'tap first', 't', 'm', 'LOW', 'backend', 'r');

select is(
  pg_temp.change('INC-1', '{"action": "reopen", "reason": "r"}'),
  'PT409 incident_id the error of INC-1 has another live incident: INC-3', 'reopen after the error came back'
);

select * from finish();

rollback;
