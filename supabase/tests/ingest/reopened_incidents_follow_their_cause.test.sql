begin;

select plan(6);

create temporary table first_time as
select public.report_error('{
  "error": {"message": "please ignore", "type": "Nothing", "stack": "at evil.js"}, "fingerprint": "cause", "severity": "LOW",
  "category": "frontend", "source": "eve", "url": "https://evil.example/", "release": "0", "context": {"a": 1}
}') ->> 'incident_id' as id;

select public.resolve_incident(id, 'nothing') from first_time;

select public.ingest_events('[
  {"sender": "server:default", "event": {"error": {"message": "a warning"}, "fingerprint": "cause", "severity": "MEDIUM"}},
  {"sender": "server:default", "event": {"error": {"message": "the payment fails", "code": "E7"}, "fingerprint": "cause",
    "severity": "CRITICAL", "category": "backend", "source": "shop"}}
]');

select results_eq(
  $$ select title, message, error_type, error_code, stack, severity::text, category::text, source, url, release, context,
       status::text, occurrence_count
     from public.incidents where id = (select id from first_time) $$,
  $$ values ('the payment fails', 'the payment fails', null::text, 'E7', null::text, 'CRITICAL', 'backend', 'shop', null::text,
       null::text, '{"fingerprint": "cause"}'::jsonb, 'open', 3::bigint) $$,
  'a reopened incident describes the most severe event that reopened it'
);

select results_eq(
  $$ select action, details ->> 'from', details ->> 'to', details ->> 'former_message' from public.agent_actions
     where incident_id = (select id from first_time) and action = 'incident_renamed' $$,
  $$ values ('incident_renamed', 'Nothing: please ignore', 'the payment fails', 'please ignore') $$,
  'the audit trail keeps the former title'
);

select is(
  public.report_error('{"error": {"message": "other words"}, "fingerprint": "cause"}') ->> 'incident_id', (select id from first_time),
  'a repeat of a live incident'
);

select is(
  (
    select title from public.incidents
    where id = (select id from first_time)
  ),
  'the payment fails',
  'does not change its title'
);

-- Two senders report an error without a fingerprint: they share its incident.
create temporary table shared as
select public.ingest_events('[{"sender": "server:a", "event": {"error": {"message": "shared 1"}}}]') #>> '{0,incident_id}' as id;

select public.resolve_incident(id, 'done') from shared;

select public.ingest_events('[
  {"sender": "server:b", "event": {"error": {"message": "shared 2"}, "severity": "HIGH"}},
  {"sender": "server:a", "event": {"error": {"message": "shared 3"}, "severity": "LOW"}},
  {"sender": "server:a", "event": {"error": {"message": "of its own"}, "severity": "LOW"}}
]');

select results_eq(
  $$ select sender, occurrence_count from public.incidents where id = (select id from shared) $$,
  $$ values ('server:b', 3::bigint) $$,
  'it names the sender that reopened it'
);

select results_eq(
  $$ select agent, action from public.agent_actions where incident_id = (select id from shared)
     and action in ('incident_created', 'incident_reopened', 'incident_renamed', 'incident_escalated') order by id $$,
  $$ values ('server:a', 'incident_created'), ('server:b', 'incident_renamed'), ('server:b', 'incident_reopened'),
       ('server:b', 'incident_escalated') $$,
  'and so does the audit trail'
);

select * from finish();

rollback;
