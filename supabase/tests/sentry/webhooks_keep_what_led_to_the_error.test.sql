begin;

select plan(4);

select monitoring.seed_user_hash_key();

create function monitoring.test_event()
returns jsonb
language sql
set search_path = ''
as $$
  select '{
    "event_id": "tap-crumbs", "issue_id": "8800001", "level": "error", "platform": "python",
    "user": {"id": "7", "email": "ann@example.com"},
    "exception": {"values": [
      {"type": "ValueError", "value": "a", "mechanism": {"exception_id": 1, "parent_id": 0, "data": {"x": 1}}},
      {"type": "ExceptionGroup", "value": "several", "mechanism": {"exception_id": 0, "handled": false, "type": "excepthook"}}
    ]},
    "breadcrumbs": {"values": [{"category": "query", "message": "select 1", "data": {"token": "token-of-ann"}}]},
    "request": {"url": "https://shop.example/cart", "method": "POST", "cookies": [["session", "cookie-of-ann"]],
      "data": {"card": "data-of-ann"}, "headers": [["User-Agent", "curl"], ["Cookie", "session=cookie-of-ann"]]}
  }'::jsonb;
$$;

create temporary table delivered as
select
  public.ingest_deliveries(jsonb_build_array(jsonb_build_object(
    'resource', 'event_alert', 'sent_at', now(),
    'body', jsonb_build_object('action', 'triggered', 'data', jsonb_build_object('event', monitoring.test_event()))
  ))) -> 0 as answer;

select is(
  (
    select context - array['user', 'extra']
    from public.incidents
    where id = (select answer ->> 'incident_id' from delivered)
  ),
  '{
    "sentry": {"event_id": "tap-crumbs", "platform": "python", "mechanism": "excepthook", "handled": false},
    "reported_error": {"type": "ExceptionGroup", "message": "several"},
    "breadcrumbs": [{"category": "query", "message": "select 1", "data": {"token": "[redacted]"}}],
    "request": {"method": "POST", "headers": {"user-agent": "curl"}}
  }'::jsonb,
  'an event of a webhook is read like one of an SDK'
);

select is(
  (
    select context ->> 'user' from public.incidents
    where id = (select answer ->> 'incident_id' from delivered)
  ),
  monitoring.hash_user('7'), 'its user is a hash, too'
);

select is(
  (
    select body::text like '%of-ann%' or body::text like '%ann@%' from monitoring.deliveries
    where id = (select (answer ->> 'delivery_id')::bigint from delivered)
  ), false,
  'cookies, data and credentials of the request are not stored'
);

select is(
  monitoring.trim_sentry_event(monitoring.trim_sentry_event(monitoring.test_event())),
  monitoring.trim_sentry_event(monitoring.test_event()),
  'what is stored is read again as it is'
);

select * from finish();

rollback;
