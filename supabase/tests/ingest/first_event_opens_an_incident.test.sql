begin;

select plan(3);

create temporary table answered as
select public.report_error('{
  "error": {"message": "x is not a function", "type": "TypeError", "stack": "at a (b.js:1:2)", "code": "E42"},
  "source": "browser", "environment": "production", "release": "1.2.3", "url": "https://shop.example/cart",
  "context": {"user": 7}, "build": "a1"
}') as answer;

select is(
  (select answer - 'incident_id' from answered),
  '{"success": true, "severity": "HIGH", "category": "frontend", "status": "open", "occurrence_count": 1,
    "duplicate": false}'::jsonb,
  'the answer contains the incident'
);

select results_eq(
  $$ select title, message, error_type, error_code, stack, source, environment, release, url, context
     from public.incidents
     where id = (select answer ->> 'incident_id' from answered) $$,
  $$ values (
       'TypeError: x is not a function', 'x is not a function', 'TypeError', 'E42', 'at a (b.js:1:2)', 'browser',
       'production', '1.2.3', 'https://shop.example/cart', '{"user": 7, "extra": {"build": "a1"}}'::jsonb
     ) $$,
  'every field has its column, unknown fields are in the context'
);

select results_eq(
  $$ select agent, action, success
     from public.agent_actions
     where incident_id = (select answer ->> 'incident_id' from answered) $$,
  $$ values ('server:default', 'incident_created', true) $$,
  'the new incident is in the audit trail'
);

select * from finish();

rollback;
