-- A format that could hide ordinary text or be slow is refused with the field and the remedy.

begin;

select plan(8);

create function pg_temp.add_format(
  prefix text, body text, example text, counterexample text default 'acme_ is missing', name text default 'acme_refused'
)
returns text
language plpgsql
as $$
declare
  v_detail text;
  v_hint text;
begin
  insert into monitoring.secret_formats (name, prefix, body, example, counterexample)
  values (add_format.name, add_format.prefix, add_format.body, add_format.example, add_format.counterexample);
  return 'accepted';
exception
  when invalid_parameter_value then
    get stacked diagnostics v_detail = pg_exception_detail, v_hint = pg_exception_hint;
    return v_detail || ': ' || sqlerrm || case when v_hint = '' then ' (no remedy)' else '' end;
end
$$;

select is(
  array[
    pg_temp.add_format('acme_', null, 'x'), pg_temp.add_format(' ', '[a-z]{20}', 'x'),
    pg_temp.add_format('acme_', '[a-z]{20}', ''), pg_temp.add_format('acme_', '[a-z]{20}', 'x', null)
  ],
  array[
    'body: body is missing', 'prefix: prefix is missing', 'example: example is missing',
    'counterexample: counterexample is missing'
  ],
  'something is missing'
);

select is(
  array[pg_temp.add_format('ac', '[a-z]{20}', 'x'), pg_temp.add_format('_acme', '[a-z]{20}', 'x'), pg_temp.add_format('ac me', '[a-z]{20}', 'x')],
  array_fill('prefix: prefix must be 3 to 32 characters of ASCII without spaces, and begin with a letter or a digit'::text, array[3]),
  'no fixed prefix of three characters'
);

select is(
  array[pg_temp.add_format('acme_', '[a-z{20}', 'x'), pg_temp.add_format('acme_', '[z-a]{20}', 'x'), pg_temp.add_format('acme_', 'a{9,2}', 'x')],
  array_fill('body: body is no valid regular expression of at most 100 characters'::text, array[3]),
  'an invalid expression'
);

select is(
  array[
    pg_temp.add_format('acme_', '(a|b){20}', 'x'), pg_temp.add_format('acme_', '(?:[a-z]+)+', 'x'),
    pg_temp.add_format('acme_', '([a-z])\1{20}', 'x'), pg_temp.add_format('acme_', '.*', 'x'),
    pg_temp.add_format('acme_', '(?=[a-z]{20})[a-z]{20}', 'x'), pg_temp.add_format('acme_', '[^ ]{20}', 'x'),
    pg_temp.add_format('acme_', '[a-z]{20}|b', 'x')
  ],
  array_fill('body: body has groups, references or quantifiers that could make matching slow'::text, array[7]),
  'captures, references, repeated groups, lookahead and everything'
);

select is(
  array[pg_temp.add_format('acme_', '[a-z]*', 'acme_'), pg_temp.add_format('acme_', '[\w-]{5,}', 'acme_abcdef')],
  array_fill('body: body matches words of fewer than 8 characters after the prefix'::text, array[2]),
  'nothing or a word after the prefix'
);

select is(
  array[
    pg_temp.add_format('acme_', '[a-z]{20}', 'acme_a1'), pg_temp.add_format('acme_', '[a-z]{20}', 'token acme_' || repeat('ab', 10)),
    pg_temp.add_format('acme_', '[a-z0-9]{20}', 'acme_' || repeat('a1', 10), 'see acme_' || repeat('c2', 10)),
    pg_temp.add_format('acme_', '[a-z]{20}', 'acme_' || repeat('ab', 10))
  ],
  array[
    'example: example is not matched completely by prefix and body', 'example: example is not matched completely by prefix and body',
    'counterexample: counterexample is matched by the format',
    'example: example has no letter beside a digit after its fourth character'
  ],
  'the example or the counterexample says otherwise'
);

select matches(
  pg_temp.add_format('process', '[A-Za-z]{10,}', 'process' || repeat('Ab', 10)), '^body: the format matches an ordinary text: .*processTicks',
  'ordinary text'
);

select is(
  array[
    pg_temp.add_format('acme_', '[a-z]{20}', 'acme_' || repeat('ab', 10), name => repeat('n', 101)),
    pg_temp.add_format('acme_', '(?:live|test)_[\w.+/=-]{20,40}', 'acme_live_' || repeat('aB1-', 6))
  ],
  array['name: name must be one line of at most 100 characters', 'accepted'], 'a long name; and a good format'
);

select * from finish();

rollback;
