-- The CHECKs hold where the trigger does not run, such as in a restored backup.

begin;

select plan(13);

alter table public.classification_rules disable trigger classification_rules_are_checked;
alter table public.classification_rules disable trigger builtin_rules_are_protected;

select throws_ok(
  $$ insert into public.classification_rules (name, matches, example) values ('tap', '!tapword', 'x') $$,
  '23514', monitoring.describe_row_rule('public.classification_rules', 'matches_needs_a_word'),
  'no stored rule matches everything'
);
select throws_ok(
  format(
    $$ insert into public.classification_rules (name, matches, example) values ('tap', '%sa', 'x') $$,
    (select string_agg('w' || number || ' & ', '') from generate_series(1, 300) as number)
  ),
  '23514', monitoring.describe_row_rule('public.classification_rules', 'queries_are_short'),
  'no stored rule is too long to be compared with every report'
);
select throws_ok(
  $$ insert into public.classification_rules (name, matches, example) values (e'a\nb', 'tapword', 'x') $$,
  '23514', monitoring.describe_row_rule('public.classification_rules', 'name_is_a_short_line'),
  'a name of two lines is rejected'
);
select throws_ok(
  $$ insert into public.classification_rules (name, matches, example, origin) values ('tap', 'tapword', 'x', 'other') $$,
  '23514', monitoring.describe_row_rule('public.classification_rules', 'origin_is_known'),
  'an unknown origin is rejected'
);
select throws_ok(
  $$ insert into public.classification_rules (name, matches, example, updated_at) values ('tap', 'tapword', 'x', '-infinity') $$,
  '23514',
  monitoring.describe_row_rule('public.classification_rules', 'updated_at_is_not_before_created_at'),
  'a change before the creation is rejected'
);

select throws_ok(
  $$ insert into public.classification_rules (name, example) values ('tap', 'x') $$,
  '23514', monitoring.describe_row_rule('public.classification_rules', 'rule_has_a_condition'),
  'no stored rule is without a condition'
);
select throws_ok(
  $$ insert into public.classification_rules (name, codes, example) values ('tap', '{*}', 'x') $$,
  '23514', monitoring.describe_row_rule('public.classification_rules', 'codes_are_not_empty'),
  'no stored rule has codes without a code'
);
select throws_ok(
  $$ insert into public.classification_rules (name, statuses, example) values ('tap', '{[1,99]}', 'x') $$,
  '23514', monitoring.describe_row_rule('public.classification_rules', 'statuses_are_possible'),
  'no stored rule has a status that no answer has'
);
select throws_ok(
  $$ insert into public.classification_rules (name, matches, pattern, example) values ('tap', 'x', '', 'x') $$,
  '23514', monitoring.describe_row_rule('public.classification_rules', 'pattern_is_short'),
  'no stored pattern is empty'
);
select is(
  monitoring.describe_row_rule('public.classification_rules', 'pattern_is_an_expression'),
  'pattern must be a regular expression.',
  'a pattern that is none has its sentence'
);
select throws_ok(
  $$ insert into public.classification_rules (name, matches, pattern, example) values ('tap', 'x', '(a', 'x') $$,
  '2201B', 'invalid regular expression: parentheses () not balanced', 'each stored pattern is a regular expression'
);

insert into public.classification_rules (name, severity, matches, unless, sources, example)
values
('caller', 'CRITICAL', 'tapword & tapother:A', '', '{}', ''),
('tap_deep', 'CRITICAL', ('tapword & ' || repeat('!', 30) || 'tapother')::tsquery, null, '{null}', 'x'),
('tap_good', 'HIGH', 'tapword', '', null, 'x');

select is(
  public.report_error('{"error": {"message": "a tapword"}}') ->> 'severity', 'HIGH',
  'rows that can match nothing are skipped, and the report is stored'
);
select is(
  public.ingest_events(jsonb_build_array(
    jsonb_build_object('error', jsonb_build_object('message', 'tapword ' || repeat('x', 4000))),
    jsonb_build_object('error', jsonb_build_object('message', repeat('a-b.c/d@e ', 400) || e'\u20ac')),
    jsonb_build_object('error', jsonb_build_object('message', '!!! ''"\ :* & | <->'))
  )) @? '$[*] ? (@.success != true)',
  false,
  'no message makes the comparison fail'
);

select * from finish();

rollback;
