begin;

select plan(5);

update public.system_config
set
  value = '[
    {"name": "ledger", "type": "backend", "url": "https://ledger.example/"},
    {"name": "shop", "type": "frontend", "url": "https://shop.example/", "public": true}
  ]'
where key = 'health_check_targets';

update public.system_config
set
  value = jsonb_build_object(
    'page_title', 'Example Shop',
    'maintenance_windows', jsonb_build_array(
      jsonb_build_object(
        'starts_at', to_char(now() at time zone 'UTC' - interval '1 hour', 'YYYY-MM-DD"T"HH24:MI'),
        'ends_at', to_char(now() at time zone 'UTC' + interval '1 hour', 'YYYY-MM-DD"T"HH24:MI'),
        'targets', '["shop", "ledger"]'::jsonb,
        'reason', 'new disks'
      )
    )
  )
where key = 'health_check_policy';

set local role authenticated;

select is(
  public.page_settings(),
  jsonb_build_object(
    'title', 'Example Shop',
    'logo', null,
    'maintenance', jsonb_build_array(
      jsonb_build_object(
        'starts_at', date_trunc('minute', now()) - interval '1 hour',
        'ends_at', date_trunc('minute', now()) + interval '1 hour',
        'targets', '["ledger", "shop"]'::jsonb,
        'reason', 'new disks'
      )
    )
  ),
  'page_settings has the title, the logo and the maintenance of all targets with its reason'
);

select ok(public.status_page() @> public.page_settings(), 'status_page contains it');

select is(
  (
    select jsonb_agg(members.name order by length(members.name))
    from jsonb_object_keys(public.page_settings()) as members (name)
  ),
  '["logo", "title", "maintenance"]'::jsonb,
  'and nothing else of the configuration is readable'
);

reset role;

select lives_ok($$ select public.mute_target('shop', 60, 'noise') $$, 'a target is muted');

select is(
  jsonb_path_query_array(public.page_settings(), '$.maintenance[*].reason'), '["new disks", "noise"]'::jsonb,
  'people who sign in see mutes, too'
);

select * from finish();

rollback;
