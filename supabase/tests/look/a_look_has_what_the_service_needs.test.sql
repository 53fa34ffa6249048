begin;

select plan(7);

delete from monitoring.target_looks
where target_looks.id is not null;

-- A value that was pasted often ends with a line break.
insert into monitoring.secrets (name, value)
values ('tap_api_key', 'tap-secret-value' || chr(10));

update public.system_config
set value = '{"allow_private": true}'
where key = 'health_check_policy';

update public.system_config
set value = '[
  {"name": "tap get", "type": "backend", "url": "http://a.example/", "timeout_ms": 3000, "headers": {"accept": "text/html"},
    "secret_headers": {"x-api-key": "tap_api_key"}, "body_lacks": "error"},
  {"name": "tap post", "type": "backend", "url": "http://b.example/", "method": "POST", "body": "[1]",
    "content_type": "text/plain"},
  {"name": "tap bare", "type": "backend", "url": "http://c.example/", "method": "POST"}
]'
where key = 'health_check_targets';

insert into monitoring.probes (target, target_type, url, scheduled_at)
select
  probe_targets.name as target,
  'backend' as target_type,
  probe_targets.url,
  now() as scheduled_at
from monitoring.probe_targets
order by probe_targets.place;

select is(
  monitoring.request_confirmations(array(
    select id from monitoring.probes
    where scheduled_at = now()
  )),
  3::bigint, 'three confirmations are requested'
);

create temporary table taken as
select
  looks.item,
  looks.place
from jsonb_array_elements(public.take_looks()) with ordinality as looks (item, place);

select is(
  (
    select item - 'id' from taken
    where place = 1
  ),
  '{
    "purpose": "confirm", "target": "tap get", "url": "http://a.example/", "method": "GET",
    "headers": {"accept": "text/html", "x-api-key": "tap-secret-value"}, "body": null, "content_type": null,
    "timeout_ms": 3000, "allow_private": true, "wants_body": true
  }'::jsonb,
  'a look has the request, with the values of its secrets'
);

select is(
  (
    select item - 'id' from taken
    where place = 2
  ),
  '{
    "purpose": "confirm", "target": "tap post", "url": "http://b.example/", "method": "POST", "headers": {},
    "body": "[1]", "content_type": "text/plain", "timeout_ms": 5000, "allow_private": true, "wants_body": false
  }'::jsonb,
  'a POST has its body; the body of the response is wanted only for conditions'
);

select is(
  (
    select array[item ->> 'body', item ->> 'content_type'] from taken
    where place = 3
  ),
  array['{}', 'application/json'], 'a POST without a body sends what pg_net sends'
);

select is(
  (
    select count(*)
    from monitoring.target_looks
    where to_jsonb(target_looks)::text like '%tap-secret-value%'
  ),
  0::bigint, 'the secret is not stored'
);

delete from monitoring.secrets
where name = 'tap_api_key';

update monitoring.target_looks
set lease_expires_at = null
where target = 'tap get';

select is(public.take_looks(), '[]'::jsonb, 'without the secret the service does not look');

select results_eq(
  $$ select status::text, problem from monitoring.target_looks where target = 'tap get' $$,
  $$ values ('unknown', 'the service did not look: a secret of secret_headers does not exist or is empty') $$,
  'the result is unknown and says why'
);

select * from finish();

rollback;
