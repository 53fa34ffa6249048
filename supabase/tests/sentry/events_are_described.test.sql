begin;

select plan(8);

create function monitoring.test_event()
returns jsonb
language sql
set search_path = ''
as $$
  select '{
    "event_id": "9b3d", "level": "error", "platform": "python", "title": "KeyError: b", "issue_id": 77, "message": "",
    "url": "https://acme.sentry.io/api/0/projects/acme/shop/events/9b3d/", "release": {"version": "shop@2.0"},
    "tags": [["environment", "staging"], ["browser", "Firefox 140"]],
    "request": {"url": "https://shop.example/cart"},
    "exception": {"values": [
      {"type": "KeyError", "value": "a"}, null,
      {"type": "KeyError", "value": "b", "stacktrace": {"frames": [
        {"function": "main", "filename": "run.py", "lineno": 1, "in_app": true},
        {"function": "wsgi", "filename": "lib.py", "lineno": 2, "in_app": false},
        {"function": "cart", "filename": "cart.py", "lineno": 3, "colno": 4, "in_app": true}, "…", null
      ]}}
    ]}
  }'::jsonb;
$$;

select is(
  jsonb_build_array(
    monitoring.describe_sentry_event(monitoring.test_event()) -> 'error',
    monitoring.describe_sentry_event(monitoring.test_event()) #> '{context,reported_error}'
  ),
  '[
    {"type": "KeyError", "message": "a", "stack": "at cart (cart.py:3:4)\nat main (run.py:1)"},
    {"type": "KeyError", "message": "b", "stack": "at cart (cart.py:3:4)\nat main (run.py:1)"}
  ]'::jsonb,
  'the first exception is the root cause; the last one and its in-app frames, newest first, are kept'
);

select is(
  monitoring.describe_sentry_event(monitoring.test_event()) - 'error' - 'context',
  '{"level": "error", "source": "server", "environment": "staging", "release": "shop@2.0",
    "url": "https://shop.example/cart"}'::jsonb,
  'other values are read from fields or tags'
);

select is(
  monitoring.describe_sentry_event(monitoring.test_event()) #> '{context,sentry}',
  '{"title": "KeyError: b", "project": "shop", "event_id": "9b3d", "platform": "python"}'::jsonb,
  'the project is read from the URL'
);

select is(
  monitoring.describe_sentry_event('{"entries": [{"type": "exception", "data": {"values": [{"type": "A", "value": "v"}]}}]}')
  -> 'error',
  '{"type": "A", "message": "v"}'::jsonb, 'exceptions in the format of the API are read'
);

select is(
  monitoring.describe_sentry_event('{"title": "Cron: backup", "occurrence": {"subtitle": "missed", "evidenceDisplay":
    [{"name": "Reason", "value": "late"}, "stub"]}}') - 'context',
  '{"error": {"message": "Cron: backup\nmissed\nReason: late"}, "source": "sentry", "category": "infrastructure"}'::jsonb,
  'an issue of a monitor is in infrastructure'
);

select is(
  monitoring.is_sentry_outage('{"type": "transaction", "occurrence": {"evidenceDisplay": []}}'), false,
  'a slow transaction is not in infrastructure'
);

select is(
  monitoring.describe_sentry_event('{"exception": 5, "title": [], "tags": 1, "contexts": "x", "culprit": "a.b in c"}')
  #>> '{error,message}',
  'a.b in c', 'invalid fields are ignored'
);

select is(
  monitoring.trim_sentry_event(
    monitoring.test_event() || '{"breadcrumbs": {"values": []}, "modules": {}}'
  ) #>> '{exception,values,1,stacktrace,frames,0,function}',
  'main', 'the stored body can be parsed again'
);

select * from finish();

rollback;
