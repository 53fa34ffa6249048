begin;

select plan(5);

select is(
  (select count(*) from public.system_config), 9::bigint,
  'there are 9 entries'
);

select throws_ok(
  $$ insert into public.system_config (key, value, description) values ('other', '{}', 'd') $$,
  '23514', monitoring.describe_row_rule('public.system_config', 'key_is_known'),
  'a tenth entry is rejected'
);

select throws_ok(
  $$ delete from public.system_config where key = 'retention' $$,
  '23514', 'system_config.retention cannot be deleted',
  'an entry cannot be deleted'
);

select throws_ok(
  $$ update public.system_config set key = 'other' where key = 'retention' $$,
  '23514', 'system_config.retention cannot be renamed',
  'an entry cannot be renamed'
);

select throws_ok(
  $$ truncate public.system_config $$,
  '23514', 'system_config cannot be truncated',
  'the table cannot be truncated'
);

select * from finish();

rollback;
