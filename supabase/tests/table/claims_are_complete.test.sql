begin;

select plan(4);

insert into public.incidents (
  id, fingerprint, title, message, severity, category, rule, status, acknowledged_at, claimed_by, claim_caller,
  claim_expires_at
)
values ('INC-1', 'f', 't', 'm', 'LOW', 'backend', 'r', 'acknowledged', now(), 'a', 'user:a', now() + interval '1 hour');

select throws_ok(
  $$ update public.incidents set claim_expires_at = null where id = 'INC-1' $$,
  '23514', monitoring.describe_row_rule('public.incidents', 'claims_say_who_and_how_long'),
  'a claim without an end is rejected'
);

select throws_ok(
  $$ update public.incidents set claimed_by = ' ' where id = 'INC-1' $$,
  '23514', monitoring.describe_row_rule('public.incidents', 'claims_name_an_agent'),
  'a claim of nobody is rejected'
);

select throws_ok(
  $$ update public.incidents set claimed_by = e'a\nb' where id = 'INC-1' $$,
  '23514', monitoring.describe_row_rule('public.incidents', 'names_are_one_line'),
  'a name of two lines is rejected'
);

select throws_ok(
  $$ insert into public.incidents
       (fingerprint, title, message, severity, category, rule, claimed_by, claim_caller, claim_expires_at)
     values ('g', 't', 'm', 'LOW', 'backend', 'r', 'a', 'user:a', now()) $$,
  '23514', monitoring.describe_row_rule('public.incidents', 'only_acknowledged_incidents_are_claimed'),
  'an open incident that is claimed is rejected'
);

select * from finish();

rollback;
