begin;

select plan(8);

create temporary table answered as
select public.ingest_events('[
  {"sender": "public:tap-web", "event": {"error": {"message": "cart of tap is empty"}, "severity": "CRITICAL",
    "category": "security", "source": "server", "environment": "production", "context": {"step": 1, "extra": {"a": 1}}}},
  {"sender": "server:tap", "event": {"error": {"message": "cart of tap is empty"}, "source": "tap-web",
    "environment": "production"}},
  {"sender": "public:tap-app", "event": {"error": {"message": "cart of tap is empty"}, "source": "tap-web",
    "environment": "production", "severity": 5, "category": ["x"]}},
  {"sender": "public:tap-web", "event": {"error": {"message": "cart of tap is empty"}, "severity": "LOW",
    "environment": "production", "context": {"step": 2}}},
  {"sender": "public:tap-web", "event": {"error": {"message": "m"}, "fingerprint": "shared"}},
  {"sender": "server:tap", "event": {"error": {"message": "m"}, "fingerprint": "shared"}},
  {"sender": "public:tap-web", "event": {"error": {"message": "m"}, "fingerprint": "health-check:target:api"}},
  {"sender": "public:tap-web", "event": {"error": {"message": "m"}, "severity": "HIGH", "context": "text"}}
]') as answer;

select is(
  (
    select jsonb_agg(coalesce(item #> '{error,field}', item -> 'occurrence_count'))
    from answered, jsonb_array_elements(answer) as items (item)
  ),
  '[1, 1, 1, 2, 1, 1, 1, "context"]'::jsonb,
  'a public key folds into its own incidents only, whatever fingerprint it sends'
);

select results_eq(
  $$ select sender, source, severity, category, rule from public.incidents
     where message = 'cart of tap is empty' order by sender $$,
  $$ values
     ('public:tap-app', 'tap-app', 'MEDIUM'::public.incident_severity, 'backend'::public.incident_category, 'unmatched'),
     ('public:tap-web', 'tap-web', 'MEDIUM', 'backend', 'unmatched'),
     ('server:tap', 'tap-web', 'MEDIUM', 'backend', 'unmatched') $$,
  'its source is its name, and the rules decide'
);

select is(
  (
    select jsonb_object_agg(sender, context)
    from public.incidents
    where message = 'cart of tap is empty' and sender like 'public:%'
  ),
  '{"public:tap-web": {"step": 2, "extra": {"severity": "LOW"}},
    "public:tap-app": {"extra": {"source": "tap-web", "severity": 5, "category": ["x"]}}}'::jsonb,
  'what the report said is kept in the context'
);

select is(
  monitoring.limit_public_report(
    '{"error": {"message": "m"}, "source": "a", "context": {"extra": [1], "b": 2}}', 'public:shop'
  ),
  '{"error": {"message": "m"}, "source": "shop", "context": {"b": 2, "extra": {"extra": [1], "source": "a"}}}'::jsonb,
  'beside what was there'
);

select public.resolve_incident(
  (select answer #>> '{0,incident_id}' from answered), 'fixed'
);

select is(
  (
    select jsonb_agg(item ->> 'incident_id' = (select answer #>> '{0,incident_id}' from answered) order by place)
    from jsonb_array_elements(public.ingest_events('[
      {"sender": "server:tap", "event": {"error": {"message": "cart of tap is empty"}, "source": "tap-web",
        "environment": "production"}},
      {"sender": "public:tap-web", "event": {"error": {"message": "cart of tap is empty"}, "environment": "production"}}
    ]')) with ordinality as items (item, place)
  ),
  '[false, true]'::jsonb,
  'an incident of a public key is resolved as any, and only the key reopens it'
);

select is(
  (
    select public.explain_classification(id) ->> 'rule' || ' ' || (public.explain_classification(id) ->> 'origin')
    from public.incidents
    where sender = 'public:tap-app'
  ), 'unmatched built-in',
  'its severity is explained by the rules'
);

select is(
  (
    select public.incident_context(id) #> '{incident,sender}'
    from public.incidents
    where sender = 'public:tap-app'
  ), '"public:tap-app"'::jsonb,
  'agents see who reported it'
);

select is(
  (
    select open_incidents.sender from public.open_incidents
    where open_incidents.source = 'tap-app'
  ), 'public:tap-app',
  'in the list of open incidents, too'
);

select * from finish();

rollback;
