-- Functions from which formats and account numbers are built.

begin;

select plan(10);

select is(monitoring.match_literal('dp.pt.$a-b_c'), 'dp\.pt\.\$a-b_c', 'a literal');

select cmp_ok(
  (select count(*) from monitoring.list_secret_formats_a_to_f())
  + (select count(*) from monitoring.list_secret_formats_g_to_o())
  + (select count(*) from monitoring.list_secret_formats_p_to_z()),
  '>', 150::bigint, 'built-in formats'
);

select is(monitoring.match_beginnings('{gla,glb,x.y,xz}'), '(?:gl(?:a|b)|x(?:\.y|z))', 'equal beginnings are written once');

select is(monitoring.match_beginnings('{ab,abc}'), 'ab', 'a beginning of another word');

select is(
  array[monitoring.may_contain_random_words('task_a1b2'), monitoring.may_contain_random_words('TypeError: x is 12 at node18')],
  '{t,f}', 'random words'
);

select is(array[monitoring.is_expression('[a-z]'), monitoring.is_expression('[z-a]')], '{t,f}', 'expressions');

select is(
  array[monitoring.is_simple_expression('[\w-]{12,}(?:a|b)\.x?'), monitoring.is_simple_expression('(?:a+)+')], '{t,f}',
  'simple expressions'
);

select is(
  array[monitoring.passes_mod97('GB82WEST12345698765432'), monitoring.passes_mod97('GB83WEST12345698765432')], '{t,f}',
  'the checksum of an account'
);

select is(
  array[monitoring.redact_account_number('GB82WEST12345698765432 X'), monitoring.redact_account_numbers('n GB82WEST12345698765432')],
  '{"[redacted] X","n [redacted]"}', 'account numbers'
);

select is(
  array[
    monitoring.find_many_tokens('gsk_a gsk_b gsk_c', 2), monitoring.find_many_tokens('abc', 2),
    monitoring.is_secret_pair('storage_key', to_jsonb(repeat('a1B2', 8)))::integer,
    monitoring.is_secret_pair('storage_key', '"auth.token"')::integer,
    length(monitoring.redact_tokens('glsa_' || repeat('a1', 20))),
    position(e'\x02' in monitoring.mark_spoken_values('PIN was 4821', 'pin was 4821')), position(e'\x02' in monitoring.mark_commands('sshpass -p x1')), (select count(*) > 9 from monitoring.list_ordinary_texts())::integer
  ],
  array[13, 4, 1, 0, 10, 10, 13, 1], 'parts of redaction'
);

select * from finish();

rollback;
