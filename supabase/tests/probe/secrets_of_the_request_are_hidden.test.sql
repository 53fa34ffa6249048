begin;

select plan(5);

insert into monitoring.secrets (name, value)
values ('tap-words', 'correct horse battery'), ('tap-bearer', 'Bearer tap-0815-token'), ('tap-short', 'abc');

update public.system_config
set value = '[
  {"name": "a", "type": "other", "url": "https://a.example/",
   "secret_headers": {"X-Words": "tap-words", "Authorization": "tap-bearer", "X-Short": "tap-short"}},
  {"name": "b", "type": "other", "url": "https://a.example/"}
]'
where key = 'health_check_targets';

create function pg_temp.hide(target text, content bytea) returns bytea
language sql
as $$
  select monitoring.hide_request_secrets(probe_targets, hide.content)
  from monitoring.probe_targets
  where probe_targets.name = hide.target
$$;

select is(
  pg_temp.hide('a', '\xff'::bytea || 'correct horse battery, tap-0815-token, Bearer tap-0815-token, abc'::bytea),
  '\xff'::bytea || '[redacted], [redacted], [redacted], abc'::bytea,
  'what a server repeats of the secrets of its request is hidden, whatever the other bytes are'
);

select is(pg_temp.hide('a', 'horse'::bytea), 'horse'::bytea, 'a part of a secret is an ordinary word');

select is(pg_temp.hide('b', 'correct horse battery'::bytea), 'correct horse battery'::bytea, 'of other targets nothing is');

select is(pg_temp.hide('a', null), null, 'a response may have no body');

select is(
  (
    select
      monitoring.find_unmet_condition(
        jsonb_populate_record(probe_targets, '{"json_path": "$.key == \"x\""}'), 200, '{}',
        convert_to('{"key": "correct horse battery"}', 'UTF8')
      )
    from monitoring.probe_targets
    where probe_targets.name = 'a'
  ),
  'the body does not satisfy $.key == "x": $.key is "[redacted]"', 'nor does a reason quote it'
);

select * from finish();

rollback;
