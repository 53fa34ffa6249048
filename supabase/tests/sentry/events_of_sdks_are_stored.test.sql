begin;

select plan(10);

select monitoring.seed_user_hash_key();

create function monitoring.test_sdk(event jsonb, name text default 'tap-shop')
returns jsonb
language sql
set search_path = ''
as $$
  select public.ingest_events(jsonb_build_array(jsonb_build_object(
    'sender', 'public:' || name, 'received_at', now(), 'sentry_event', event
  ))) -> 0
$$;

create temporary table answered as
select monitoring.test_sdk(jsonb_build_object(
  'event_id', 'e7c3aa1d-6c564b3eb3ba02acbce2af53', 'level', 'warning', 'platform', 'javascript', 'release', 'shop@2.3.1',
  'environment', 'production', 'timestamp', extract(epoch from now() - interval '1 hour'), 'transaction', '/cart',
  'tags', '{"tenant": "acme"}'::jsonb, 'user', '{"id": "42", "email": "jane@example.com", "ip_address": "10.1.2.3"}'::jsonb,
  'exception', '{"values": [{"type": "TypeError", "value": "total of tap is undefined", "stacktrace": {"frames": [
    {"function": "pay", "filename": "https://shop.example/app.js", "lineno": 7, "colno": 9, "in_app": true}
  ]}, "mechanism": {"type": "onerror", "handled": false}}]}'::jsonb,
  'request', '{"url": "https://shop.example/cart", "method": "GET", "cookies": "session=1", "data": {"card": "x"},
    "headers": {"User-Agent": "Firefox", "Cookie": "session=1", "Authorization": "Bearer x"}}'::jsonb,
  'breadcrumbs', '[{"timestamp": 1795649074.083, "category": "ui.click", "message": "button", "data": {"password": "pw-of-ann"}}]'::jsonb
)) as answer;

select is(
  (select answer - 'incident_id' from answered),
  '{"success": true, "severity": "HIGH", "category": "frontend", "status": "open", "occurrence_count": 1,
    "duplicate": false}'::jsonb,
  'the rules judge an event'
);

select results_eq(
  $$ select title, error_type, stack, source, sender, environment, release, url, last_seen = now() - interval '1 hour'
     from public.incidents where id = (select answer ->> 'incident_id' from answered) $$,
  $$ values (
    'TypeError: total of tap is undefined', 'TypeError', 'at pay (https://shop.example/app.js:7:9)', 'tap-shop',
    'public:tap-shop', 'production', 'shop@2.3.1', 'https://shop.example/cart', true
  ) $$,
  'its exception, frames, release, environment and URL are columns, and its own time counts'
);

select is(
  (
    select context - 'user' from public.incidents
    where id = (select answer ->> 'incident_id' from answered)
  ),
  '{
    "sentry": {"event_id": "e7c3aa1d-6c564b3eb3ba02acbce2af53", "platform": "javascript", "transaction": "/cart",
      "mechanism": "onerror", "handled": false},
    "tags": {"tenant": "acme"}, "request": {"method": "GET", "headers": {"user-agent": "Firefox"}},
    "breadcrumbs": [{"timestamp": "2026-11-25T23:24:34.083Z", "category": "ui.click", "message": "button",
      "data": {"password": "[redacted]"}}],
    "extra": {"level": "warning"}
  }'::jsonb,
  'the rest is in the context, sanitized, without cookies, data and credentials of the request'
);

select is(
  (
    select context ->> 'user' from public.incidents
    where id = (select answer ->> 'incident_id' from answered)
  ),
  monitoring.hash_user('42'),
  'the user is a hash of the id'
);

select is(
  monitoring.test_sdk('{"event_id": "E7C3AA1D6C564B3EB3BA02ACBCE2AF53", "message": "another body"}'),
  (select answer from answered),
  'an event that is sent again gets its first answer, whatever its body'
);

select is(
  monitoring.test_sdk('{"event_id": "e7c3aa1d6c564b3eb3ba02acbce2af53", "message": "of tap"}', 'tap-other') -> 'duplicate',
  'false'::jsonb, 'the same id of another key is another event'
);

select is(
  (
    select jsonb_agg(coalesce(item #> '{error,field}', item -> 'occurrence_count'))
    from jsonb_array_elements(public.ingest_events('[
      {"sender": "public:tap-shop", "sentry_event": {}}, {"sender": "public:tap-shop", "sentry_event": null},
      {"sender": "public:tap-shop", "sentry_event": [{"message": "a"}]}, {"sender": "public:", "sentry_event": {"a": 1}},
      {"sentry_event": {"message": "no sender"}}, {"sender": "public:tap-shop", "sentry_event": {"level": 7}}
    ]')) as item
  ),
  '["sentry_event", "sentry_event", "sentry_event", "sender", "sender", 1]'::jsonb,
  'only what is no event is rejected'
);

select is(
  (
    select title
    from public.incidents
    where sender = 'public:tap-shop' and context #>> '{extra,level}' = '7'
  ), 'Sentry event without a message',
  'an event without a text is stored'
);

select is(monitoring.hash_user('jane@example.com') ~ '^[a-p]{12}$', true, 'hashes of users are letters');

select is(
  (
    select explained -> 'fields' || (explained -> 'current') || jsonb_build_object('note', explained -> 'note')
    from answered, public.explain_classification(answer ->> 'incident_id') as explained
  ),
  '{"source": "browser", "rule": "undefined_name_page", "severity": "HIGH", "category": "frontend", "note": null}'::jsonb,
  'its severity is explained with the source that the rules saw'
);

select * from finish();

rollback;
