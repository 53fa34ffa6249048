begin;

select plan(8);

create function pg_temp.write_targets(names text[], depends_on text[]) returns void
language sql
as $$
  update public.system_config
  set value = (
    select
      jsonb_agg(
        jsonb_strip_nulls(
          jsonb_build_object(
            'name', target.name, 'type', 'other', 'url', 'https://a.example', 'depends_on', target.depends_on
          )
        )
        order by target.place
      )
    from unnest(write_targets.names, write_targets.depends_on)
      with ordinality as target (name, depends_on, place)
  )
  where key = 'health_check_targets'
$$;

select throws_ok(
  $$ select pg_temp.write_targets('{shop,other,Shop}', '{}') $$,
  '23514', $m$health_check_targets[0].name shop is used more than once: names must be unique$m$,
  'two targets with the same name in any case are rejected'
);

select throws_ok(
  $$ select pg_temp.write_targets('{shop,other}', '{null,Shop}') $$,
  '23514', $m$health_check_targets[1].depends_on is not the name of a target in the list: Shop$m$,
  'a dependency on an unknown target is rejected'
);

select throws_ok(
  $$ select pg_temp.write_targets('{shop}', '{shop}') $$,
  '23514', $m$health_check_targets[0].depends_on forms a cycle through shop$m$,
  'a dependency on itself is rejected'
);

select throws_ok(
  $$ select pg_temp.write_targets('{outside,a,b,c}', '{a,b,c,a}') $$,
  '23514', $m$health_check_targets[1].depends_on forms a cycle through a$m$,
  'a dependency cycle is rejected with its first target'
);

select lives_ok(
  $$ select pg_temp.write_targets('{leaf,twig,branch,other}', '{twig,branch,null,branch}') $$,
  'a dependency tree is accepted in any order'
);

select throws_ok(
  $$ select pg_temp.write_targets(array(select 'n' || i from generate_series(1, 10001) as i), '{}') $$,
  '23514', $m$health_check_targets must hold at most 10,000 targets: remove some, or set up another project for them$m$,
  'more than 10,000 targets are rejected'
);

select lives_ok(
  $$ select pg_temp.write_targets(
       array(select 'n' || i from generate_series(1, 10000) as i),
       array(select 'n' || nullif(i, 0) from generate_series(0, 9999) as i)
     ) $$,
  '10,000 targets are accepted, each of which depends on the one before'
);

select results_eq(
  'select count(*), count(distinct send_offset_ms) from monitoring.probe_targets',
  'values (10000::bigint, 1::bigint)',
  'and are checked together, however long the chain is'
);

select * from finish();

rollback;
