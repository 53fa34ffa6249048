begin;

select plan(9);

create function pg_temp.report(report jsonb)
returns text
language sql
as $$
  select public.report_error(report.report) ->> 'incident_id'
$$;

create function pg_temp.explained(incident_id text, keys text[])
returns jsonb
language sql
as $$
  select jsonb_agg(public.explain_classification(explained.incident_id) -> asked.key order by asked.position)
  from unnest(explained.keys) with ordinality as asked (key, position)
$$;

insert into public.classification_rules (name, severity, matches, unless, sources, example)
values
(
  'tap_payments', 'CRITICAL', websearch_to_tsquery('simple', '"bad gateway" tappayments'), 'staging', '{web}',
  'Bad Gateway of tappayments'
);

select is(
  pg_temp.explained(
    pg_temp.report('{"error": {"message": "order 4711: Bad Gateway (tappayments), try again", "type": "E"}, "source": "web"}'),
    array['rule', 'origin', 'severity', 'words', 'fields', 'description', 'text', 'note']
  ),
  '["tap_payments", "operator", "CRITICAL", ["Bad", "Gateway", "tappayments"], {"source": "web"},
    "The operator''s rule tap_payments matches ''bad'' <-> ''gateway'' & ''tappayments'' unless ''staging'' in reports from web and gives the severity CRITICAL.",
    "E: order 4711: Bad Gateway (tappayments), try again", null]',
  'a rule of the operator: its row and the words'
);
select is(
  pg_temp.explained(
    pg_temp.report(jsonb_build_object('error', jsonb_build_object(
      'message', repeat('lorem ipsum 17 ', 80) || 'connect ECONNREFUSED, port of postgres ' || repeat('dolor sit ', 80)
    ))),
    array['rule', 'origin', 'words', 'fields', 'current']
  ),
  '["database_connection_refused", "built-in", ["ECONNREFUSED", "postgres"], {},
    {"rule": "database_connection_refused", "severity": "CRITICAL", "category": "database"}]',
  'a built-in rule: the words, of a long text'
);
select is(
  pg_temp.explained(
    pg_temp.report('{"error": {"message": "tap odd"}, "level": "error", "context": {"extra": {"job": 1}}}'),
    array['rule', 'words', 'fields']
  ) || pg_temp.explained(
    pg_temp.report('{"error": {"message": "tap odder"}, "http_status": 503, "level": "warning"}'),
    array['rule', 'words', 'fields']
  ),
  '["fallback_level_error", [], {"level": "error"}, "service_unavailable", [], {"http_status": "503"}]',
  'a level or a status code instead of words'
);
select is(
  pg_temp.explained(
    pg_temp.report('{"error": {"message": "tap oddest"}, "severity": "LOW"}'),
    array['origin', 'description', 'words', 'current']
  ),
  '["reporter", "The report of server:default named its own severity.", null,
    {"rule": "unmatched", "severity": "MEDIUM", "category": "backend"}]',
  'a severity of the reporter'
);
select public.set_incident_severity(pg_temp.report('{"error": {"message": "tap 502 Bad Gateway by hand"}}'), 'LOW', 'a drill');

select results_eq(
  $$
    select
      explained -> 'origin', explained -> 'is_manual', explained -> 'words',
      explained ->> 'description'
        like 'The severity was set by hand: postgres changed it from CRITICAL to LOW at % UTC: a drill.'
    from public.incidents
    cross join lateral public.explain_classification(incidents.id) as explained
    where incidents.title like 'tap 502%'
  $$,
  $$ values ('"manual"'::jsonb, 'true'::jsonb, 'null'::jsonb, true) $$,
  'a severity set by hand: by whom, when and why'
);

delete from public.classification_rules
where classification_rules.name = 'tap_payments';

select is(
  (
    select pg_temp.explained(incidents.id, array['description', 'words', 'note'])
    from public.incidents
    where incidents.rule = 'tap_payments'
  ),
  '["The operator''s rule tap_payments is not stored any more.", null,
    "The rule tap_payments was switched off or deleted since."]',
  'a rule that is gone'
);
select pg_temp.report(report)
from jsonb_array_elements('[
  {"error": {"message": "tap: GET /a returned status 404"}, "fingerprint": "tap repeat"},
  {"error": {"message": "tap: GET /a returned status 503"}, "fingerprint": "tap repeat"},
  {"error": {"message": "tap: GET /a returned status 404"}, "fingerprint": "tap repeat"}
]') as reports (report);

select matches(
  (
    select public.explain_classification(incidents.id) ->> 'note'
    from public.incidents
    where incidents.title = 'tap: GET /a returned status 404'
  ),
  '^An occurrence with another text raised the severity, .* changed it from LOW to CRITICAL at ',
  'a severity that a repeat raised'
);

select throws_ok(
  $$ select public.explain_classification('INC-0') $$, 'PT404', 'there is no such incident', 'an unknown incident'
);

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
values ('INC-1', 'tap busy', 't', 'm', 'LOW', 'backend', 'r');

select public.set_incident_severity('INC-1', 'HIGH', 'checkout is down');

select count(public.add_incident_note('INC-1', 'note ' || number)) from generate_series(1, 310) as notes (number);

select matches(
  public.incident_page('INC-1') #>> '{reason,change}', 'changed it from LOW to HIGH at .* UTC: checkout is down$',
  'the last change is told, however much was written since'
);

select * from finish();

rollback;
