begin;

select plan(8);

select throws_ok(
  $$ insert into public.error_knowledge (pattern, signature, category, severity)
     values (' ', 's', 'backend', 'LOW') $$,
  '23514', monitoring.describe_row_rule('public.error_knowledge', 'pattern_is_not_blank'),
  'a blank pattern is rejected'
);

select throws_ok(
  $$ insert into public.error_knowledge (pattern, signature, category, severity)
     values ('p', ' ', 'backend', 'LOW') $$,
  '23514', monitoring.describe_row_rule('public.error_knowledge', 'signature_is_not_blank'),
  'a blank signature is rejected'
);

select throws_ok(
  $$ insert into public.error_knowledge (pattern, signature, category, severity, success_count)
     values ('p', 's', 'backend', 'LOW', -1) $$,
  '23514', monitoring.describe_row_rule('public.error_knowledge', 'success_count_is_not_negative'),
  'a negative count of successes is rejected'
);

select throws_ok(
  $$ insert into public.error_knowledge (pattern, signature, category, severity, failure_count)
     values ('p', 's', 'backend', 'LOW', -1) $$,
  '23514', monitoring.describe_row_rule('public.error_knowledge', 'failure_count_is_not_negative'),
  'a negative count of failures is rejected'
);

select throws_ok(
  $$ insert into public.error_knowledge (pattern, signature, category, severity, is_auto_fix_allowed, approved_at)
     values ('p', 's', 'backend', 'LOW', true, now()) $$,
  '23514', monitoring.describe_row_rule('public.error_knowledge', 'only_existing_code_may_run'),
  'allowing missing code is rejected'
);

select throws_ok(
  $$ insert into public.error_knowledge (pattern, signature, category, severity, auto_fix_code, is_auto_fix_allowed)
     values ('p', 's', 'backend', 'LOW', 'c()', true) $$,
  '23514', monitoring.describe_row_rule('public.error_knowledge', 'only_approved_code_may_run'),
  'allowing code without an approval is rejected'
);

alter table public.error_knowledge disable trigger knowledge_is_protected;

select throws_ok(
  $$ insert into public.error_knowledge (pattern, signature, category, severity, approved_at)
     values ('p', 's', 'backend', 'LOW', now()) $$,
  '23514', monitoring.describe_row_rule('public.error_knowledge', 'approvals_say_who'),
  'an approval by nobody is rejected'
);

select throws_ok(
  $$ insert into public.error_knowledge (pattern, signature, category, severity, updated_at)
     values ('p', 's', 'backend', 'LOW', now() - interval '1 second') $$,
  '23514', monitoring.describe_row_rule('public.error_knowledge', 'updated_at_is_not_before_created_at'),
  'an update time before the creation is rejected'
);

select * from finish();

rollback;
