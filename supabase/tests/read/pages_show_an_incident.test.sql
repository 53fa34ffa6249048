begin;

select plan(8);

select set_config('request.jwt.claims', '{"role": "authenticated", "sub": "1", "email": "ann@example.com"}', true);

insert into public.incidents (
  id, fingerprint, title, message, error_type, severity, category, rule, source, environment, release, url, context
)
values
(
  'INC-1', 'tap page', '<script>alert(1)</script>', 'connect ECONNREFUSED, port of postgres', 'E', 'CRITICAL', 'database',
  'database_connection_refused', 'shop', 'production', '2.0', 'javascript:alert(1)', '{"a": ["<b>"]}'
),
(
  'INC-2', 'tap page of a caller', 't', 'm', null, 'LOW', 'backend', 'caller', 'shop', null, null, null, '{}'
),
(
  'INC-3', 'tap page of a long text', 't',
  repeat('lorem ipsum 17 ', 80) || 'connect ECONNREFUSED, port of postgres ' || repeat('dolor sit ', 80), null,
  'CRITICAL', 'database', 'database_connection_refused', 'shop', null, null, null, '{}'
),
(
  'INC-4', 'tap page of a level', 't', 'tap odd', null, 'HIGH', 'backend', 'fallback_level_error', 'shop', null, null, null,
  '{"extra": {"level": "error"}}'
),
(
  'INC-5', 'tap page of a status', 't', 'tap odder', null, 'HIGH', 'backend', 'service_unavailable', 'shop', null, null, null,
  '{"extra": {"http_status": "503"}}'
);

select is(
  array(
    select member
    from jsonb_object_keys(public.incident_page('INC-1')) as members (member)
    order by member collate "C"
  ),
  '{actions,activity,deployments,fix_choices,fixes,incident,reason,regression,releases,severities,similar,stack,'
  'stack_is_cut,suppress_choices,timeline,timeline_is_cut}'::text[],
  'the members'
);

select is(
  array(
    select member
    from jsonb_object_keys(public.incident_page('INC-1') -> 'incident') as members (member)
    order by member collate "C"
  ),
  '{acknowledged_at,acknowledged_by,category,claim_expires_at,claimed_by,context,environment,error_code,error_type,'
  'external_url,fingerprint,first_seen,has_manual_severity,id,last_seen,message,occurrence_count,opened_at,release,'
  'reopened_at,resolution,resolved_at,resolved_by,rule,sender,severity,source,status,suppressed_until,title,url}'::text[],
  'those of the incident, without the caller of a claim'
);

select is(
  public.incident_page('INC-1') -> 'incident' @> '{
    "id": "INC-1", "title": "<script>alert(1)</script>", "url": "javascript:alert(1)", "context": {"a": ["<b>"]},
    "message": "connect ECONNREFUSED, port of postgres", "environment": "production", "release": "2.0"
  }',
  true, 'texts are as they are stored'
);

select throws_ok(
  $$ select public.incident_page('INC-404') $$, 'PT404', 'there is no incident INC-404', 'an unknown incident'
);

select results_eq(
  $$
    select page #> '{reason,description}', page #> '{reason,origin}', page #> '{reason,words}', page #> '{reason,change}'
    from unnest(array['INC-1', 'INC-2', 'INC-3', 'INC-4', 'INC-5']) with ordinality as asked (id, place)
    cross join lateral public.incident_page(asked.id) as page
    order by asked.place
  $$,
  $$ values
     (
       to_jsonb(
         'The built-in rule database_connection_refused matches the words ECONNREFUSED, postgres and gives the severity '
         'CRITICAL.'::text
       ), '"built-in"'::jsonb, '["ECONNREFUSED", "postgres"]'::jsonb, 'null'::jsonb
     ),
     ('"The report of server:default named its own severity."', '"reporter"', 'null', 'null'),
     (
       '"The built-in rule database_connection_refused matches the words ECONNREFUSED, postgres and gives the severity '
       'CRITICAL."', '"built-in"', '["ECONNREFUSED", "postgres"]', 'null'
     ),
     ('"No rule matched. The level is error, which is HIGH."', '"built-in"', 'null', 'null'),
     ('"The built-in rule service_unavailable matches http status 503 and gives the severity HIGH."', '"built-in"', 'null', 'null') $$,
  'the rule that decided the severity, and its words'
);

select public.set_incident_severity('INC-1', 'HIGH', 'a drill');

select results_eq(
  $$
    select
      page #> '{reason,origin}', page #> '{reason,description}',
      page #>> '{reason,change}' ~ '^ann@example.com changed it from CRITICAL to HIGH at .* UTC: a drill$'
    from public.incident_page('INC-1') as page
  $$,
  $$ values ('"manual"'::jsonb, '"The severity was set by hand."'::jsonb, true) $$,
  'a severity that was set by hand: who changed it'
);

select is(
  public.incident_page('INC-1') -> 'severities' || (public.incident_page('INC-1') #> '{suppress_choices,0}'),
  '["LOW", "MEDIUM", "HIGH", "CRITICAL", {"label": "1 hour", "minutes": 60}]', 'choices of the forms'
);

set local role authenticated;

select is(
  public.incident_page('INC-1') #>> '{incident,id}', 'INC-1', 'agents read it'
);

select * from finish();

rollback;
