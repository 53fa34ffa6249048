begin;

select plan(2);

select results_eq(
  $$ select cases.path, monitoring.find_left_operand(cases.path) from (values
     ('$.status == "ok"'),
     ('  strict $.a.b >= 3'),
     ('$.checks[*] ? (@.ok == false && @.name != "(x").name == "db"'),
     ('$."a == b" != "c && d"'),
     ('$."\"<".x < 1'),
     ('$.list[0 to 2].size() <= 4'),
     ('$.name like_regex "^x" flag "i"'),
     ('$.name starts with "x"'),
     ('$.like_regexes <> 1')
     ) as cases (path) $$,
  $$ values
     ('$.status == "ok"', '$.status'),
     ('  strict $.a.b >= 3', 'strict $.a.b'),
     ('$.checks[*] ? (@.ok == false && @.name != "(x").name == "db"',
      '$.checks[*] ? (@.ok == false && @.name != "(x").name'),
     ('$."a == b" != "c && d"', '$."a == b"'),
     ('$."\"<".x < 1', '$."\"<".x'),
     ('$.list[0 to 2].size() <= 4', '$.list[0 to 2].size()'),
     ('$.name like_regex "^x" flag "i"', '$.name'),
     ('$.name starts with "x"', '$.name'),
     ('$.like_regexes <> 1', '$.like_regexes') $$,
  'the left operand of a comparison is found'
);

select is_empty(
  $$ select paths.path from unnest(array[
       '$.a == 1 && $.b == 2', '$.a == 1 || $.b == 2', 'exists($.a ? (@ > 1))', '!($.a == 1)', '($.a == 1)', '1 == $.a',
       '$.a', '', '==', '"'
     ]) as paths (path)
     where monitoring.find_left_operand(paths.path) is not null $$,
  'of anything else no operand is shown'
);

select * from finish();

rollback;
