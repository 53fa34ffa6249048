begin;

select plan(4);

select is(
  monitoring.keep_small_members(jsonb_build_object('long', repeat('x', 1000), 'a', 1, 'b', '2'), 100),
  '{"a": 1, "b": "2"}'::jsonb,
  'the largest members are left out'
);

select is(monitoring.keep_small_members('[1]', 100), '{}'::jsonb, 'what is no object has none');

select
  ok(
    sum(octet_length(parts.alert::text)) < 100000,
    'a thousand alerts do not get a copy each of a large text'
  )
from monitoring.split_delivery(
  'alertmanager', null,
  jsonb_build_object(
    'groupKey', repeat('x', 100000), 'receiver', 'team',
    'alerts', (select jsonb_agg('{}'::jsonb) from generate_series(1, 1000))
  )
) as parts;

update public.system_config
set value = '{"webhook_mappings": {"tap-large": {"items": "alerts", "fingerprint": "id", "message": "$.title"}}}'
where key = 'incident_policy';

select is(
  array(
    select parts.alert -> 'body'
    from monitoring.split_delivery(
      'generic', 'tap-large', jsonb_build_object('title', 'T', 'log', repeat('x', 100000), 'alerts', '[{"id": 1}]'::jsonb)
    ) as parts
  ),
  array['{"title": "T"}'::jsonb],
  'nor do the items of a list'
);

select * from finish();

rollback;
