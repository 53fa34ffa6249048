-- A rule that does not do what its own example says is refused with a sentence that names the field.

begin;

select plan(9);

create function pg_temp.refusal(changes jsonb)
returns text
language plpgsql
as $$
declare
  v_field text;
begin
  insert into public.classification_rules (name, severity, matches, unless, sources, origin, example, counterexample)
  select given.*
  from jsonb_to_record(
    '{"name": "tap", "severity": "LOW", "matches": "tapword", "origin": "operator", "example": "a tapword"}'
    || refusal.changes
  ) as given (
    name text, severity public.incident_severity, matches tsquery, unless tsquery, sources text[], origin text,
    example text, counterexample text
  );
  return 'stored';
exception
  when invalid_parameter_value then
    get stacked diagnostics v_field = pg_exception_detail;
    return v_field || ' | ' || sqlerrm;
end
$$;

select is(
  pg_temp.refusal('{
    "name": "tap_good", "counterexample": "another word", "sources": ["Web ", "app"],
    "example": "tapword Authorization: Bearer abcdefghijklmnop"
  }'),
  'stored', 'a rule that does what its examples say is stored'
);
select results_eq(
  $$ select sources, example from public.classification_rules where name = 'tap_good' $$,
  $$ values (array['app', 'web'], 'tapword Authorization: [redacted]') $$,
  'sources are in lower case, examples are sanitized'
);
select results_eq(
  $$
    select pg_temp.refusal(changes)
    from jsonb_array_elements('[
      {"matches": "Tapword"}, {"counterexample": "no tapword either"}, {"unless": "a"}, {"matches": "tapword | !other"},
      {"matches": ""}
    ]') with ordinality as given (changes, position)
    order by position
  $$,
  $$
    values
    ('example | example does not contain what matches asks for: ''Tapword'''),
    ('counterexample | counterexample is matched by the rule'),
    ('example | example contains what unless excludes: ''a'''),
    ('matches | matches does not need any word, so it would match nearly every error'),
    ('matches | matches is missing')
  $$,
  'a rule must match its example, not its counterexample, and not everything'
);
select results_eq(
  $$
    select pg_temp.refusal(changes)
    from jsonb_array_elements(jsonb_build_array(
      '{"name": " "}'::jsonb, '{"name": "a\nb"}'::jsonb, '{"name": "recovered"}'::jsonb, '{"origin": "built-in"}'::jsonb,
      '{"sources": []}'::jsonb, '{"example": null}'::jsonb,
      jsonb_build_object('unless', (select string_agg('w' || number, '|') from generate_series(1, 400) as number))
    )) with ordinality as given (changes, position)
    order by position
  $$,
  $$
    values
    ('name | name is missing'), ('name | name must be one line of at most 100 characters'),
    ('name | name is the name of a built-in rule'), ('origin | origin must be operator'),
    ('sources | sources is empty'), ('example | example is missing'),
    ('unless | unless has too many words and operators')
  $$,
  'each field has its sentence'
);
select throws_ok(
  $$ update public.classification_rules set matches = 'otherword' where name = 'tap_good' $$, '22023',
  'example does not contain what matches asks for: ''otherword''', 'a change is checked too'
);

select throws_ok(
  $$ insert into public.classification_rules (name, matches, pattern, example) values ('tap', 'tapword', '(.+)(.+)\2\1', 'a tapword') $$,
  '22023', 'pattern refers back to a group, as \1 does, which can take minutes', 'a pattern that could be slow is refused'
);
select throws_ok(
  $$ insert into public.classification_rules (name, matches, pattern, example) values ('tap', 'tapword', '(?=.*(?=.*z)y)q', 'a tapword') $$,
  '22023', 'pattern looks ahead or back more than once, which can take minutes', 'so is one that looks around within another'
);
select throws_ok(
  $$ insert into public.classification_rules (name, matches, pattern, example)
     values ('tap', 'tapword', '(?:[ab]{0,255}[bc]{0,255}){1,200}', 'a tapword') $$,
  '22023', 'pattern has repetitions such as {1,100} that make more than 10,000 together',
  'a pattern that is too large when it is compiled is refused'
);
select lives_ok(
  $$ insert into public.classification_rules (name, matches, pattern, example)
     values ('tap_pattern', 'tapword', '\mtook [0-9]{4,6} ?ms|tap(?!x)[a-z]{4}', 'a tapword') $$,
  'other patterns are not'
);

select * from finish();

rollback;
