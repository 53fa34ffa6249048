begin;

select plan(12);

create function monitoring.test_erased(value text, person text)
returns text
language sql
set search_path = ''
as $$
  select monitoring.erase_text(test_erased.value, monitoring.match_person(test_erased.person))
$$;

select is(
  monitoring.test_erased('Mail to <Anna@Example.com>, anna@example.com.', 'anna@example.com'),
  'Mail to <[erased]>, [erased].', 'an address is found in upper and lower case'
);

select is(
  monitoring.test_erased('/u?e=anna%40example.com&f=%3Aanna%2540example%2ecom%20', 'anna@example.com'),
  '/u?e=[erased]&f=%3A[erased]%20', 'an address is found URL-encoded, once and twice'
);

select is(
  monitoring.test_erased('{"a": "J\u00fcrgen \\u0022O\"Neil\""}', 'jürgen "o"neil"'), '{"a": "[erased]"}',
  'a name is found as JSON escapes it'
);

select is(
  monitoring.test_erased('q=J%C3%BCrgen+M%c3%bcller, Jürgen Müller', 'Jürgen Müller'),
  'q=[erased], [erased]', 'a name is found with plus signs, encoded bytes, and combining accents'
);

select is(
  monitoring.test_erased('anna annabel joanna anna_1 anna-1 "anna"\nanna', 'anna'),
  '[erased] annabel joanna anna_1 [erased]-1 "[erased]"\n[erased]', 'a name is found as a whole word'
);

select is(
  monitoring.test_erased('mary-anna@example.com anna@example.com.au x.anna@example.com', 'anna@example.com'),
  'mary-anna@example.com anna@example.com.au x.anna@example.com', 'an address in a longer one is another address'
);

select is(
  monitoring.test_erased('10.0.0.1:80 10.0.0.12 110.0.0.1 1.10.0.0.1 10.0.0.1.', '10.0.0.1'),
  '[erased]:80 10.0.0.12 110.0.0.1 1.10.0.0.1 [erased].', 'an IPv4 address is found as a whole'
);

select is(
  monitoring.test_erased('2001:db8::1 2001:0DB8::1 2001:db8::12 from:2001:db8::1, 2001:db8::1:5', '2001:0db8::1'),
  '[erased] [erased] 2001:db8::12 from:[erased], 2001:db8::1:5', 'an IPv6 address is found in two spellings'
);

select is(monitoring.test_erased('a.b axb', 'a.b'), '[erased] axb', 'the text is no pattern');

select is(
  monitoring.erase_document(
    '{"Anna Lee": [{"id": 48151623, "n": 4815162342}, "x anna lee", true, null], "o": "{\"n\": \"anna%20lee\"}"}',
    monitoring.match_person('anna lee')
  ),
  '{"[erased]": [{"id": 48151623, "n": 4815162342}, "x [erased]", true, null], "o": "{\"n\": \"[erased]\"}"}',
  'documents are erased in keys, texts, and JSON inside of texts'
);

select is(
  monitoring.erase_document('{"id": 48151623, "n": 4815162342}', monitoring.match_person('48151623')),
  '{"id": "[erased]", "n": 4815162342}', 'a number becomes a text'
);

select results_eq(
  $$ select monitoring.erase_list(array['anna', 'ben'], 'anna'), (monitoring.prepare_search('a.b@example.com')).word,
    (monitoring.prepare_search('2001:db8::1')).word, monitoring.match_character('@'), monitoring.read_address('no') $$,
  $$ values (array['[erased]', 'ben'], 'example', '', '(?:\@|%(?:25)*40|\\+u0040)', null::inet) $$,
  'the parts of the search'
);

select * from finish();

rollback;
