begin;

select plan(3);

select throws_ok(
  $$ insert into monitoring.config_field (entry, field, kind, meaning) values ('e', 'f', 'colour', 'm') $$,
  '23514', 'new row for relation "config_field" violates check constraint "kind_is_known"',
  'an unknown kind is rejected'
);

select throws_ok(
  $$ insert into monitoring.config_field (entry, field, kind, choices, meaning)
     values ('e', 'f', 'text', '{a}', 'm') $$,
  '23514', 'new row for relation "config_field" violates check constraint "only_choices_list_their_values"',
  'choices of a text field are rejected'
);

select throws_ok(
  $$ insert into monitoring.config_field (entry, field, kind, is_required, default_value, meaning)
     values ('e', 'f', 'text', true, '"a"', 'm') $$,
  '23514', 'new row for relation "config_field" violates check constraint "required_fields_have_no_default"',
  'a default of a required field is rejected'
);

select * from finish();

rollback;
